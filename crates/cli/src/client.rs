//! A lean HTTP client: one keep-alive connection, one request at a time.

use acquaint_core::ids::MemberId;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::failure::{Failure, Outcome};

/// One connection to the server.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: String,
}

impl Client {
    pub(crate) async fn connect(address: &str, key: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await.map_err(Failure::failed)?;
        stream.set_nodelay(true).map_err(Failure::failed)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Failure::failed)?;
        // The connection ends with its sender; an error of it reaches whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_owned(), authorization: format!("Bearer {key}") })
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
        if let Some(member) = member {
            request = request.header("acquaint-member", member.as_str());
        }
        let request = request.body(Full::new(body)).map_err(Failure::failed)?;
        self.sender.ready().await.map_err(Failure::failed)?;
        let response = self.sender.send_request(request).await.map_err(Failure::failed)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(Failure::failed)?.to_bytes();
        Ok((status, body))
    }
}
