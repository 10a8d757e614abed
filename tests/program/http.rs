//! The word `http` against real servers: etcd's own pages and its JSON gateway, with and without TLS, and sockets that behave badly.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use etcdsh::cert::Ca;

use super::{Ran, Test};
use crate::etcd_client::server::{Server, Tls};

fn test() -> Test {
    Test::new().file(
        "hosts.yml",
        "all: { hosts: { one: { ansible_connection: local } } }\n",
    )
}

fn script(test: Test, options: &[&str], text: &str) -> (Test, Ran) {
    let test = test.file("s.rhai", text);
    let words = [&["-i", "hosts.yml"], options, &["./s.rhai"]].concat();
    let ran = test.etcdsh(&words);
    (test, ran)
}

#[track_caller]
fn says(ran: &Ran, status: i32, lines: &[&str]) {
    assert_eq!(ran.status, status, "{}", ran.text());
    for line in lines {
        assert!(
            ran.text().contains(line),
            "`{line}` is not said\n{}",
            ran.text()
        );
    }
}

#[test]
fn json_goes_out_and_comes_back_and_check_mode_sends_none() {
    let server = Server::alone(None);
    let text = format!(
        r#"let url = "{}";
let health = http(url + "/health");
print(`${{health.status}} ${{health.json.health}} ${{health.called}}`);
let put = http(url + "/v3/kv/put", #{{ json: #{{ key: base64("k"), value: base64("v1") }} }});
print(`put ${{put.status}} ${{put.called}}`);
let got = http(url + "/v3/kv/range", #{{ json: #{{ key: base64("k") }}, changes: false }});
let kvs = got.json.get("kvs", []);
print(`got ${{if kvs.is_empty() {{ "nothing" }} else {{ from_base64(kvs[0].value) }}}}`);
print(http(url + "/version", #{{ method: "head", any_status: true }}).status);
"#,
        server.endpoint
    );
    let (test, checked) = script(test(), &["-C"], &text);
    says(
        &checked,
        0,
        &[
            "200 true true\n",
            "put 0 false\n",
            "got nothing\n",
            "http POST http://127.0.0.1:",
        ],
    );
    let (_, ran) = script(test, &[], &text);
    says(&ran, 0, &["200 true true\n", "put 200 true\ngot v1\n405\n"]);
}

#[test]
fn certificates_are_checked_and_shown() {
    let ca = Ca::create("ca", 10).unwrap();
    let tls = Tls::new(&ca, &["127.0.0.1"], 10);
    let other = Ca::create("ca", 10).unwrap();
    let server = Server::alone(Some(&tls));
    let mut test = test()
        .file("ca.crt", &tls.ca)
        .file("other.crt", other.cert_pem())
        .file("me.crt", &tls.cert)
        .file("me.key", tls.key.reveal())
        .file("empty.crt", "nothing\n");
    let url = format!("{}/health", server.endpoint);
    for (options, status, lines) in [
        (
            r#"ca: "ca.crt", cert: "me.crt", key: "me.key""#,
            0,
            &["true\n"][..],
        ),
        (
            r#"verify: false, cert: "me.crt", key: "me.key""#,
            0,
            &["true\n"],
        ),
        (
            r#"cert: "me.crt", key: "me.key""#,
            2,
            &[
                "`GET https://127.0.0.1:",
                "is not signed by an authority that this system trusts",
            ],
        ),
        (
            r#"ca: "other.crt", cert: "me.crt", key: "me.key""#,
            2,
            &["the server's certificate is not signed by the given CA"],
        ),
        (
            r#"ca: "ca.crt""#,
            2,
            &["the server wants a client certificate"],
        ),
        (
            r#"ca: "ca.crt", cert: "me.crt""#,
            1,
            &["a client certificate is `cert` and `key` together"],
        ),
        (
            r#"ca: "empty.crt""#,
            1,
            &["`ca` of `http` cannot be used", "it holds no PEM"],
        ),
        (
            r#"ca: "nowhere.crt""#,
            1,
            &["`ca` of `http` cannot be used", "No such file"],
        ),
    ] {
        let text = format!("print(http(\"{url}\", #{{ {options} }}).json.health);\n");
        let ran;
        (test, ran) = script(test, &[], &text);
        says(&ran, status, lines);
    }
}

/// A server of one answer; what it was asked comes back.
fn once(answer: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut text = Vec::new();
        let mut part = [0; 4096];
        while !text.windows(4).any(|end| end == b"\r\n\r\n") {
            let count = socket.read(&mut part).unwrap();
            text.extend_from_slice(&part[..count]);
        }
        sender.send(String::from_utf8(text).unwrap()).unwrap();
        socket.write_all(answer.as_bytes()).unwrap();
        if answer.is_empty() {
            // Open and silent until the other side has gone.
            let _ = socket.read(&mut part);
        }
    });
    (url, asked)
}

#[test]
fn other_answers_are_errors_and_no_redirect_is_followed() {
    let moved =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/there\r\ncontent-length: 0\r\n\r\n";
    let gone = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 17\r\n\r\nreplica, no reads";
    let mut test = test();
    for (answer, options, status, lines) in [
        (
            moved,
            "",
            2,
            &[
                "answers 302",
                "it has moved to http://127.0.0.1:1/there, and redirects are not followed",
            ][..],
        ),
        (
            gone,
            "",
            2,
            &["answers 503", "caused by: replica, no reads"],
        ),
        (gone, "any_status: true", 0, &["503 replica, no reads"]),
        (
            "",
            "timeout: \"1s\"",
            2,
            &["caused by: no answer within 1 s"],
        ),
        ("SSH-2.0-x\r\n\r\n", "", 2, &["failed"]),
    ] {
        let (url, _asked) = once(answer);
        let text = format!(
            "let a = http(\"{url}/a?token=hush\", #{{ {options} }});\nprint(`${{a.status}} ${{a.body}}`);\n"
        );
        let ran;
        (test, ran) = script(test, &["-vvv"], &text);
        says(&ran, status, lines);
        let told = ran.text();
        let told = told.lines().filter(|line| !line.contains("let a ="));
        assert!(!told.collect::<String>().contains("hush"), "{}", ran.text());
    }
    for (url, line) in [
        (
            "ftp://127.0.0.1/",
            "begins with neither http:// nor https://",
        ),
        (
            "http://me:hush@127.0.0.1/",
            "an address for `http` holds a login",
        ),
        ("http://127.0.0.1:1/", "connection refused"),
        ("http://nowhere.invalid/", "failed"),
    ] {
        let ran;
        (test, ran) = script(test, &[], &format!("http(\"{url}\");\n"));
        assert_ne!(ran.status, 0, "{}", ran.text());
        says(&ran, ran.status, &[line]);
    }
}

#[test]
fn logins_and_headers_arrive_and_are_never_shown() {
    let (url, asked) =
        once("HTTP/1.1 200 OK\r\nset-cookie: session=hush\r\ncontent-length: 2\r\n\r\nok");
    let text = format!(
        r#"let a = http("{url}/hook", #{{ user: "me", password: secret("hush"), headers: #{{ "x-token": secret("hush"), "X-Plain": 5 }}, json: #{{ text: secret("hush") }} }});
print(a.headers);
print(`${{a.body}} ${{a.json}}`);
"#
    );
    let (_, ran) = script(test(), &["-vvv", "-D"], &text);
    says(&ran, 0, &["ok", "http POST http://127.0.0.1:"]);
    assert!(
        !ran.text().contains("hush") && !ran.text().contains("bWU6aHVzaA"),
        "{}",
        ran.text()
    );
    let asked = asked.recv().unwrap();
    for line in [
        "POST /hook HTTP/1.1\r\n",
        "authorization: Basic bWU6aHVzaA==\r\n",
        "x-token: hush\r\n",
        "x-plain: 5\r\n",
        "content-type: application/json\r\n",
        "content-length: 15\r\n",
    ] {
        assert!(asked.contains(line), "`{line}` was not sent\n{asked}");
    }
}
