//! The page in a real browser: as a file, and served live while a member is killed.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::browser::{Browser, http};
use super::{cluster, soon};

#[test]
fn a_killed_member_turns_red_on_the_page_in_a_browser() {
    if !Browser::is_there() {
        return;
    }
    let members = cluster(13);
    let mut command = members.test.command(env!("CARGO_BIN_EXE_etcdsh"));
    let mut server = command
        .args(["-i", "hosts.yml", "overview", "--listen", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.split_whitespace().next().unwrap().to_string();
    let port: u16 = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();

    let browser = Browser::open(1300, 900);
    browser.go(&url);
    let rows = |state: &str| {
        browser.eval(&format!(
            "document.querySelectorAll('tbody tr.{state}').length"
        ))
    };
    soon("three members are up", || {
        rows("up") == 3
            && browser.eval("document.querySelector('#verdict').textContent") == "healthy"
    });
    assert_eq!(rows("down"), 0);
    // Opened by the reader, it stays open when news come.
    browser.eval("document.querySelector('#details-etcd-1').setAttribute('open', '')");
    soon("charts have lines", || {
        browser
            .eval("document.querySelectorAll('svg polyline').length")
            .as_i64()
            .unwrap()
            >= 12
    });

    members.signal(1, "-KILL");
    soon("the killed member is down", || rows("down") == 1);
    assert_eq!(
        browser.eval("document.querySelector('tr.down').id"),
        "member-etcd-2"
    );
    // Red: more red than anything else, also behind the text.
    let color = browser.eval(
        "getComputedStyle(document.querySelector('tr.down td')).color.match(/\\d+/g).map(Number)",
    );
    let part = |at: usize| color[at].as_i64().unwrap();
    assert!(part(0) > 150 && part(1) < 100 && part(2) < 100, "{color}");
    soon("the page says why", || {
        browser
            .eval("document.querySelector('.findings').textContent")
            .as_str()
            .is_some_and(|text| text.contains("connection refused"))
    });
    assert_eq!(browser.eval("document.title"), "etcd: degraded");
    assert_eq!(
        browser.eval("document.querySelector('#details-etcd-1').open"),
        true
    );
    assert!(browser.picture().len() > 20_000, "a picture of the page");
    // Nothing is asked for elsewhere.
    let foreign = browser.eval(&format!("performance.getEntriesByType('resource').filter(one => !one.name.startsWith('{url}')).length"));
    assert_eq!(foreign, 0);

    assert_eq!(http(port, "POST", "/", &[], "").0, 405);
    assert_eq!(http(port, "GET", "/etc/passwd", &[], "").0, 404);
    assert_eq!(
        http(port, "GET", "/", &["Host: example.test"], "").0,
        403,
        "a name that somebody had point here"
    );
    let (status, text) = http(port, "GET", "/overview.json", &[], "");
    let seen: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &seen["members"][1]["up"]), (200, &false.into()));
    assert!(seen["members"][0]["history"]["writes_per_second"].is_array());

    // The server ends, and the page says that it is old.
    let pid = server.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(server.wait().unwrap().code(), Some(99));
    soon("the page says that it is old", || {
        browser.eval("document.querySelector('#lost').style.display") == "block"
    });

    // As a file it needs no script and nothing else.
    let ran = members.overview(&["--html", "ticket.html", "--for", "2s", "--no-hosts"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.ends_with("written: ticket.html\n"), "{ran:?}");
    let text = std::fs::read_to_string(members.test.path("ticket.html")).unwrap();
    for foreign in ["<script", "src=", "http://", "@import", "url("] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    browser.go(&format!(
        "file://{}",
        members.test.path("ticket.html").display()
    ));
    assert_eq!((rows("up"), rows("down")), (2.into(), 1.into()));
    assert_eq!(
        browser.eval("document.querySelectorAll('figure svg').length"),
        8
    );
    // What stands beside the charts can be read, and the members are told apart.
    let letters = "Math.min(...Array.from(document.querySelectorAll('figure svg'), svg => svg.clientWidth / svg.viewBox.baseVal.width * parseFloat(getComputedStyle(svg.querySelector('.axis')).fontSize)))";
    let size = browser.eval(letters).as_f64().unwrap();
    assert!(size >= 11.0, "letters of {size} pixels");
    assert_eq!(
        browser.eval("document.querySelector('.legend').textContent"),
        "etcd-1etcd-2etcd-3"
    );
    drop(browser);
    // A narrow window breaks a long command, and does not move sideways.
    let narrow = Browser::open(500, 900);
    narrow.go(&format!(
        "file://{}",
        members.test.path("ticket.html").display()
    ));
    narrow.eval("document.querySelector('.findings li').appendChild(document.createElement('code')).textContent = 'etcdsh -i hosts.yml run etcd-2 -b -- systemctl status etcd # '.repeat(4) + 'x'.repeat(200)");
    let beyond =
        narrow.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(beyond, 0, "the page is too wide");
}
