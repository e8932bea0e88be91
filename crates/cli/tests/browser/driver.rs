//! A real Chromium, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>): the few commands
//! that the tests need.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// How an element is named in WebDriver.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long the browser looks for an element, or for what a page is to become, in milliseconds.
const PATIENCE: u64 = 10_000;

/// A width and a height that the pages are looked at in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

pub(crate) const DESKTOP: Screen = Screen { name: "desktop", width: 1280, height: 800, dark: false };
pub(crate) const PHONE: Screen = Screen { name: "phone", width: 390, height: 844, dark: false };

/// The process that drives browsers; ended when dropped, and its browsers with it.
pub(crate) struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    pub(crate) fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed: script/test installs it (Debian: chromium, chromium-driver)");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // What else it writes is read and dropped, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port: port.expect("chromedriver says on which port it listens") }
    }

    /// Opens a browser with a profile of its own.
    pub(crate) fn open(&self, screen: Screen, site: &str, script: bool) -> Browser {
        let size = format!("--window-size={},{}", screen.width, screen.height);
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en", &size];
        let blocked = if script { 1 } else { 2 };
        let options = json!({
            "args": args,
            "prefs": { "profile.managed_default_content_settings.javascript": blocked },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": PATIENCE, "script": 60_000 },
        }}});
        let session = call(self.port, "POST", "/session", &wanted).expect("a browser opens");
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let browser = Browser { port: self.port, session, site: site.to_owned(), screen };
        let mobile = screen.width < 600;
        browser.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": mobile }),
        );
        let scheme = if screen.dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        browser.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
        browser
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One browser with one tab; closed when dropped.
pub(crate) struct Browser {
    port: u16,
    session: String,
    site: String,
    pub(crate) screen: Screen,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = call(self.port, "DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

impl Browser {
    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        call(self.port, method, &format!("/session/{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub(crate) fn devtools(&self, command: &str, params: &Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": params }))
    }

    /// Opens a page of the site.
    pub(crate) fn go(&self, path: &str) {
        self.ask("POST", "/url", &json!({ "url": format!("{}{path}", self.site) }));
    }

    /// The path and query of the page.
    pub(crate) fn path(&self) -> String {
        let url = self.ask("GET", "/url", &Value::Null);
        url.as_str().unwrap().strip_prefix(&self.site).unwrap_or_default().to_owned()
    }

    /// The element that this CSS selector names; waits for it.
    pub(crate) fn find(&self, css: &str) -> Element<'_> {
        self.locate("css selector", css)
    }

    /// The link or button with exactly this text to be seen; waits for it.
    pub(crate) fn named(&self, text: &str) -> Element<'_> {
        // What is written for those who hear the page stands in a span of its own.
        let path = format!(
            "//*[self::a or self::button or self::summary][normalize-space(text()[normalize-space()])='{text}' \
             or span[normalize-space(.)='{text}']]"
        );
        self.locate("xpath", &path)
    }

    fn locate(&self, using: &str, value: &str) -> Element<'_> {
        let found = self.try_ask("POST", "/element", &json!({ "using": using, "value": value }));
        let found = found.unwrap_or_else(|error| {
            let path = self.path();
            self.picture("failed");
            panic!("there is no {value} on {path}: {error}")
        });
        Element { browser: self, id: found[ELEMENT].as_str().unwrap().to_owned() }
    }

    /// How many elements there are now; does not wait.
    pub(crate) fn count(&self, css: &str) -> u64 {
        self.js("return document.querySelectorAll(arguments[0]).length", &[css.into()]).as_u64().unwrap()
    }

    /// As [`Browser::count`], where no script may run.
    pub(crate) fn count_plain(&self, css: &str) -> usize {
        self.devtools("DOM.enable", &json!({}));
        let root = self.devtools("DOM.getDocument", &json!({ "depth": 0 }))["root"]["nodeId"].clone();
        let found = self.devtools("DOM.querySelectorAll", &json!({ "nodeId": root, "selector": css }));
        found["nodeIds"].as_array().unwrap().len()
    }

    /// Presses keys; see the table in WebDriver's section 17.4.2 for those without a character.
    pub(crate) fn press(&self, keys: &str) {
        let steps: Vec<Value> = keys
            .chars()
            .flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })])
            .collect();
        self.ask("POST", "/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": steps }] }));
    }

    /// Runs a script; it sees `arguments`.
    pub(crate) fn js(&self, script: &str, arguments: &[Value]) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Waits until a condition in JavaScript holds, asked at every frame of the page.
    pub(crate) fn wait(&self, condition: &str) {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const from = performance.now();
             const look = () => {{
               let holds = false; try {{ holds = Boolean({condition}); }} catch {{}}
               if (holds || performance.now() - from > {PATIENCE}) done(holds); else requestAnimationFrame(look);
             }}; look();"
        );
        // A page that is left while it is asked has no answer: the next one is asked.
        let asked =
            std::iter::repeat_with(|| self.try_ask("POST", "/execute/async", &json!({ "script": script, "args": [] })));
        let answer = asked.take(5).find_map(Result::ok);
        if answer != Some(Value::Bool(true)) {
            self.picture("failed");
            panic!("it never came to be on {}: {condition}", self.path());
        }
    }

    /// Waits until the page shows this text somewhere.
    pub(crate) fn sees(&self, text: &str) {
        self.wait(&format!("document.body.innerText.includes({})", Value::from(text)));
    }

    /// Keeps a picture of what is to be seen, as an artefact of the run.
    pub(crate) fn picture(&self, name: &str) -> PathBuf {
        let shade = if self.screen.dark { "-dark" } else { "" };
        let file = artefacts().join(format!("{name}-{}{shade}.png", self.screen.name));
        // Pictures that come late on a page would make the next one another picture.
        let ready = "const done = arguments[0]; for (const i of document.images) i.loading = 'eager';
            Promise.all([...document.images].map(i => i.decode().catch(() => 0))).then(() => done(true))";
        let _ = self.try_ask("POST", "/execute/async", &json!({ "script": ready, "args": [] }));
        let data = self.devtools("Page.captureScreenshot", &json!({ "format": "png" }));
        std::fs::write(&file, BASE64_STANDARD.decode(data["data"].as_str().unwrap()).unwrap()).unwrap();
        file
    }

    /// What the page complained of since it was last asked: errors, and what the policy stopped. That
    /// a form was answered with its mistakes is none.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "/se/log", &json!({ "type": "browser" }));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        let messages = severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
        messages.filter(|message| !message.contains("the server responded with a status of 422")).collect()
    }
}

/// An element of a page.
pub(crate) struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Element<'_> {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.browser.ask(method, &format!("/element/{}{path}", self.id), body)
    }

    pub(crate) fn click(&self) {
        // Not under the bars that stay at the edges.
        let centre = "arguments[0].scrollIntoView({ block: 'center' })";
        self.browser.js(centre, &[json!({ ELEMENT: self.id })]);
        self.ask("POST", "/click", &json!({}));
    }

    pub(crate) fn type_in(&self, text: &str) {
        self.ask("POST", "/value", &json!({ "text": text }));
    }

    pub(crate) fn text(&self) -> String {
        self.ask("GET", "/text", &Value::Null).as_str().unwrap().to_owned()
    }

    pub(crate) fn property(&self, name: &str) -> Value {
        self.ask("GET", &format!("/property/{name}"), &Value::Null)
    }
}

/// Where pictures go.
pub(crate) fn artefacts() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn call(port: u16, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(told)?;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice()).map_err(told)?;
    let json = answer_of(&mut BufReader::new(stream)).map_err(told)?;
    let mut value: Value = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
    let value = value["value"].take();
    match value["error"].as_str() {
        Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
        None => Ok(value),
    }
}

/// The body of an answer. The driver keeps connections open, so its length counts and not its end.
fn answer_of(stream: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let (mut length, mut line) = (0, String::new());
    while stream.read_line(&mut line)? > 2 {
        if let Some(("content-length", value)) = line.to_ascii_lowercase().split_once(':') {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}
