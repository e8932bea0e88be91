//! A lean HTTP client: one keep-alive connection, one request at a time.

use acquaint_core::ids::MemberId;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderValue, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::failure::{Failure, Outcome};

/// One connection to the server.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: String,
    /// What the pages told this browser to bring along.
    cookie: Option<HeaderValue>,
}

impl Client {
    pub(crate) async fn connect(address: &str, key: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await.map_err(Failure::failed)?;
        stream.set_nodelay(true).map_err(Failure::failed)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Failure::failed)?;
        // The connection ends with its sender; an error of it reaches whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_owned(), authorization: format!("Bearer {key}"), cookie: None })
    }

    /// Sends a request on behalf of a member and reads the whole answer.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        member: Option<&MemberId>,
        body: Bytes,
    ) -> Outcome<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        if let Some(member) = member {
            request = request.header("acquaint-member", member.as_str());
        }
        let request = request.body(Full::new(body)).map_err(Failure::failed)?;
        self.exchange(request).await
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Outcome<(StatusCode, Bytes)> {
        self.sender.ready().await.map_err(Failure::failed)?;
        let response = self.sender.send_request(request).await.map_err(Failure::failed)?;
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            self.cookie = cookie.to_str().ok().and_then(|text| text.split(';').next()?.parse().ok());
        }
        let status = response.status();
        let body = response.into_body().collect().await.map_err(Failure::failed)?.to_bytes();
        Ok((status, body))
    }

    /// Becomes a member on the pages of a demo, as a visitor does.
    pub(super) async fn choose(&mut self, member: &MemberId) -> Outcome<()> {
        let (_, page) = self.call(Method::GET, "/demo", None, Bytes::new()).await?;
        let page = String::from_utf8_lossy(&page);
        let token = page.split_once("name=\"token\" value=\"").and_then(|(_, rest)| rest.split('"').next());
        let token = token.ok_or_else(|| Failure::failed("the chooser has no form"))?;
        let mut form = Request::builder()
            .method(Method::POST)
            .uri("/demo/be")
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = &self.cookie {
            form = form.header(COOKIE, cookie);
        }
        let form = form.body(Full::new(format!("token={token}&member={member}").into())).map_err(Failure::failed)?;
        match self.exchange(form).await? {
            (StatusCode::SEE_OTHER, _) => Ok(()),
            (status, _) => Err(Failure::failed(format_args!("choosing whom to be answered {status}"))),
        }
    }
}
