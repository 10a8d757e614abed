//! A headless Chromium, steered through Debian's chromedriver: open a page, run a script in it, take a picture.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};

/// Nothing that Chromium does by itself may go beyond this machine.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

pub(super) struct Browser {
    driver: Child,
    folder: tempfile::TempDir,
    port: u16,
    session: String,
}

impl Browser {
    /// Is there one on this machine? In CI there must be.
    pub(super) fn is_there() -> bool {
        let there = ["chromium", "chromedriver"]
            .iter()
            .all(|name| Path::new("/usr/bin").join(name).exists());
        assert!(
            there || std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
            "no Chromium in CI"
        );
        if !there {
            eprintln!("not run, no Chromium here: tests/tools/setup installs it");
        }
        there
    }

    pub(super) fn open(wide: u32, high: u32) -> Browser {
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new("/usr/bin/chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "chromedriver ended");
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                break rest.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let mut browser = Browser {
            driver,
            folder,
            port,
            session: String::new(),
        };
        let data = format!("--user-data-dir={}", browser.folder.path().display());
        let size = format!("--window-size={wide},{high}");
        let args: Vec<&str> = FLAGS
            .into_iter()
            .chain([data.as_str(), size.as_str()])
            .collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": args } } } });
        browser.session = browser.call("POST", "/session", Some(&wanted))["sessionId"]
            .as_str()
            .unwrap()
            .to_string();
        browser
    }

    pub(super) fn go(&self, url: &str) {
        self.call(
            "POST",
            &format!("/session/{}/url", self.session),
            Some(&json!({ "url": url })),
        );
    }

    /// The value of an expression in the page.
    pub(super) fn eval(&self, expression: &str) -> Value {
        let body = json!({ "script": format!("return {expression}"), "args": [] });
        self.call(
            "POST",
            &format!("/session/{}/execute/sync", self.session),
            Some(&body),
        )
    }

    /// A picture of what is seen, PNG.
    pub(super) fn picture(&self) -> Vec<u8> {
        let text = self.call(
            "GET",
            &format!("/session/{}/screenshot", self.session),
            None,
        );
        base64::engine::general_purpose::STANDARD
            .decode(text.as_str().unwrap())
            .unwrap()
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, text) = http(
            self.port,
            method,
            path,
            &[],
            &body.map(Value::to_string).unwrap_or_default(),
        );
        let answer: Value = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("{method} {path}: {status} {text}"));
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), None);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// One request to this machine: its status and its body.
pub(super) fn http(
    port: u16,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let host = if headers.iter().any(|header| header.starts_with("Host:")) {
        String::new()
    } else {
        format!("Host: 127.0.0.1:{port}\r\n")
    };
    let more: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\n{host}{more}Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .unwrap();
    let mut reader = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        head.push_str(&std::mem::take(&mut line));
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    let length = head.to_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body).unwrap();
        }
        None => drop(reader.read_to_end(&mut body).unwrap()),
    }
    (status, String::from_utf8_lossy(&body).into_owned())
}
