//! A real Chromium, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>), in the words of the tests.
//!
//! fantoccini speaks the protocol. The tests read as a visitor acts, one step after the other, so a browser here
//! has a runtime of its own and waits for each answer.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use url::{ParseError, Url};

/// How often a port is looked for.
const ATTEMPTS: usize = 5;
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
    /// Where it and its browsers keep what they need for as long as they live.
    _folder: TempDir,
}

impl Driver {
    /// It takes a free port of one kind of address and then the same one of the other, which somebody may have
    /// taken meanwhile: it says so and ends, and is started again.
    pub(crate) fn start() -> Arc<Self> {
        let started = (0..ATTEMPTS).find_map(|_| Self::launch());
        Arc::new(started.expect("chromedriver finds a port that is free for both kinds of addresses"))
    }

    fn launch() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed: script/test installs it (Debian: chromium, chromium-driver)");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said = lines.by_ref().map_while(Result::ok);
        let mut told = said.filter_map(|line| match line.split_once("started successfully on port ") {
            Some((_, port)) => Some(port.trim_end_matches('.').parse().ok()),
            None => line.contains("port not available").then_some(None),
        });
        let port = told.next().expect("chromedriver says on which port it listens");
        let Some(port) = port else {
            process.wait().unwrap();
            return None;
        };
        // What else it writes is read and dropped, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, port, _folder: folder })
    }

    /// Opens a browser with a profile of its own.
    pub(crate) fn open(self: &Arc<Self>, screen: Screen, site: &str, script: bool) -> Browser {
        let size = format!("--window-size={},{}", screen.width, screen.height);
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en", &size];
        let blocked = if script { 1 } else { 2 };
        let options = json!({
            "args": args,
            "prefs": { "profile.managed_default_content_settings.javascript": blocked },
        });
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": PATIENCE, "script": 60_000 },
        });
        let wanted: Capabilities = serde_json::from_value(wanted).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let address = format!("http://127.0.0.1:{}", self.port);
        let mut session = ClientBuilder::new(HttpConnector::new());
        let client = runtime.block_on(session.capabilities(wanted).connect(&address)).expect("a browser opens");
        let browser = Browser { runtime, client, site: site.to_owned(), screen, _driver: Arc::clone(self) };
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
    runtime: Runtime,
    client: Client,
    site: String,
    pub(crate) screen: Screen,
    /// Without its driver a browser cannot be closed, and would live on after the test.
    _driver: Arc<Driver>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let closed = self.runtime.block_on(self.client.clone().close());
        // After a failure there is enough to read.
        assert!(closed.is_ok() || std::thread::panicking(), "a browser was not closed, and lives on: {closed:?}");
    }
}

impl Browser {
    fn wait_for<T>(&self, step: impl Future<Output = Result<T, CmdError>>) -> T {
        self.runtime.block_on(step).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A command of Chromium's own.
    pub(crate) fn devtools(&self, command: &str, params: &Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.wait_for(self.client.issue_cmd(Chromium { path: "goog/cdp/execute", body }))
    }

    /// Opens a page of the site.
    pub(crate) fn go(&self, path: &str) {
        self.wait_for(self.client.goto(&format!("{}{path}", self.site)));
    }

    /// The path and query of the page.
    pub(crate) fn path(&self) -> String {
        let url = self.wait_for(self.client.current_url());
        url.as_str().strip_prefix(&self.site).unwrap_or_default().to_owned()
    }

    /// The element that this CSS selector names; waits for it.
    pub(crate) fn find(&self, css: &str) -> Element<'_> {
        self.locate(Locator::Css(css))
    }

    /// The link or button with exactly this text to be seen; waits for it.
    pub(crate) fn named(&self, text: &str) -> Element<'_> {
        // What is written for those who hear the page stands in a span of its own.
        let path = format!(
            "//*[self::a or self::button or self::summary][normalize-space(text()[normalize-space()])='{text}' \
             or span[normalize-space(.)='{text}']]"
        );
        self.locate(Locator::XPath(&path))
    }

    fn locate(&self, locator: Locator<'_>) -> Element<'_> {
        let found = self.runtime.block_on(self.client.find(locator));
        let element = found.unwrap_or_else(|error| {
            let path = self.path();
            self.picture("failed");
            panic!("there is no {locator:?} on {path}: {error}")
        });
        Element { browser: self, element }
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

    /// Presses keys; see [`fantoccini::key::Key`] for those without a character.
    pub(crate) fn press(&self, keys: &str) {
        let steps = keys.chars().fold(KeyActions::new("keys".to_owned()), |steps, value| {
            steps.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.wait_for(self.client.perform_actions(steps));
    }

    /// Runs a script; it sees `arguments`.
    pub(crate) fn js(&self, script: &str, arguments: &[Value]) -> Value {
        self.wait_for(self.client.execute(script, arguments.to_vec()))
    }

    /// Runs a script that says by calling its last argument what it found, and when.
    fn ask_later(&self, script: &str) -> Result<Value, CmdError> {
        self.runtime.block_on(self.client.execute_async(script, Vec::new()))
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
        let answer = std::iter::repeat_with(|| self.ask_later(&script)).take(5).find_map(Result::ok);
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
        let _ = self.ask_later(ready);
        let data = self.devtools("Page.captureScreenshot", &json!({ "format": "png" }));
        std::fs::write(&file, BASE64_STANDARD.decode(data["data"].as_str().unwrap()).unwrap()).unwrap();
        file
    }

    /// What the page complained of since it was last asked: errors, and what the policy stopped. That
    /// a form was answered with its mistakes is none.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let body = json!({ "type": "browser" });
        let log = self.wait_for(self.client.issue_cmd(Chromium { path: "se/log", body }));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        let messages = severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
        messages.filter(|message| !message.contains("the server responded with a status of 422")).collect()
    }
}

/// A command that is not in the standard.
#[derive(Debug)]
struct Chromium {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Chromium {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// An element of a page.
pub(crate) struct Element<'a> {
    browser: &'a Browser,
    element: fantoccini::elements::Element,
}

impl Element<'_> {
    pub(crate) fn click(&self) {
        // Not under the bars that stay at the edges.
        let centre = "arguments[0].scrollIntoView({ block: 'center' })";
        self.browser.js(centre, &[serde_json::to_value(&self.element).unwrap()]);
        self.browser.wait_for(self.element.click());
    }

    /// Clicks what leads to another page, and waits until this one is left.
    pub(crate) fn follow(&self) {
        self.click();
        let left = async { while self.element.tag_name().await.is_ok() {} };
        self.browser
            .runtime
            .block_on(async { timeout(Duration::from_millis(PATIENCE), left).await })
            .expect("the page is left");
    }

    pub(crate) fn type_in(&self, text: &str) {
        self.browser.wait_for(self.element.send_keys(text));
    }

    pub(crate) fn text(&self) -> String {
        self.browser.wait_for(self.element.text())
    }

    /// A property of text, or "true" or "false"; empty where there is none.
    pub(crate) fn property(&self, name: &str) -> String {
        self.browser.wait_for(self.element.prop(name)).unwrap_or_default()
    }
}

/// Where pictures go.
pub(crate) fn artefacts() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
