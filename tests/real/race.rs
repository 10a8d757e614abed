//! An account of the host that puts links in the way of root, as fast as it can, in a folder of its own.
//!
//! `ETCDSH_TORTURE=1` goes 10,000 rounds; else a sample.

use std::fmt::Write as _;

use super::lab::Lab;
use super::see::{HOSTS, ONE};

const HOST: &str = HOSTS[0];

/// What nobody but root may read or change: a file, and a folder with a file of each name that is asked for.
const VICTIMS: &str = "umask 077; echo TOPSECRET >/root/victim; mkdir /root/vault; \
    for name in conf line key f db; do echo TOPSECRET >/root/vault/$name; done";
const STATE: &str = "stat -c '%n %U %a %s %Z' /root/victim /root/vault /root/vault/*; cat /root/victim /root/vault/*";

/// For a moment each entry of the folder is a link, then for a moment what it was: `x` keeps it meanwhile.
const ATTACK: &str = r#"
my ($folder) = @ARGV;
chdir $folder or die;
while (1) {
    opendir(my $h, ".") or next;
    for my $name (grep { !/^\.{1,2}$/ } readdir $h) {
        next if $name =~ /^x/ || -l $name;
        my $to = -d $name ? "/root/vault" : "/root/victim";
        rename($name, "x") or next;
        symlink($to, $name);
        select(undef, undef, undef, rand() * 0.003);
        unlink $name;
        rename("x", $name);
        unlink "x"; rmdir "x";
        select(undef, undef, undef, rand() * 0.003);
        open(my $c, ">>", "/tmp/swaps"); print $c "."; close $c;
    }
    closedir $h;
}
"#;

fn rounds() -> usize {
    if std::env::var_os("ETCDSH_TORTURE").is_some() {
        10_000
    } else {
        40
    }
}

/// Each call may be refused; what it must not do is show what is root's.
fn script(rounds: usize) -> String {
    let calls = [
        r#"h.file("/srv/e/conf", #{ content: `round ${i}\n`, owner: "etcd", group: "etcd", mode: 0o644, backup: i % 10 == 0 })"#,
        r#"h.file("/srv/e/key", #{ content: `key ${i}\n`, owner: "etcd", mode: 0o600, validate: "test -f %s" })"#,
        r#"h.file("/srv/e/line", #{ line: `line ${i}`, match: "line" })"#,
        r#"h.file("/srv/e/line", #{ mode: if i % 2 == 0 { 0o640 } else { 0o644 }, owner: if i % 2 == 0 { "etcd" } else { "root" } })"#,
        r#"h.file("/srv/e/d", #{ state: "directory", owner: "etcd", mode: if i % 2 == 0 { 0o700 } else { 0o755 } })"#,
        r#"h.file("/srv/e/d/f", #{ content: `f ${i}\n`, owner: "etcd" })"#,
        r#"h.file("/srv/e/new", #{ state: "directory", owner: "etcd", mode: 0o777 })"#,
        r#"h.file("/srv/e/new", #{ state: "absent", recurse: true })"#,
        r#"{ let got = h.fetch("/srv/e/conf").content; if got.contains("TOPSECRET") { seen += 1; } }"#,
        r#"fetch_to(h, "/srv/e/d/f", `got/${i}`)"#,
    ];
    let mut text = String::from(
        "play(\"race\", \"all\", #{ become: true });\ntask(\"race\", \"works beside an account that is in the way\", |h| {\n    let done = 0; let refused = 0; let seen = 0; let late = 0;\n",
    );
    let _ = writeln!(text, "    for i in 0..{rounds} {{");
    for call in calls {
        let _ = writeln!(
            text,
            "        try {{ {call}; done += 1; }} catch (e) {{ refused += 1; }}"
        );
    }
    // Whatever the luck of the rounds: something has to get past the account, or nothing was tried.
    text += "    }\n    for i in 0..1000 {\n        try { fetch_to(h, \"/srv/e/d/f\", \"got/last\"); break; } catch (e) { late += 1; }\n    }\n";
    text += "    say(h, `late ${late}`);\n    say(h, `done ${done} refused ${refused} seen ${seen}`);\n});\n";
    text
}

/// The number after a word of what the script said.
fn figure(said: &str, word: &str) -> usize {
    let after = said.split(&format!("{word} ")).nth(1).unwrap_or_default();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{word}: {said}"))
}

#[test]
fn links_of_another_account_lead_root_nowhere() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.on(HOST, VICTIMS);
    lab.on(
        HOST,
        "useradd -r etcd; mkdir -p /srv/e/d; touch /srv/e/conf /srv/e/line /srv/e/key; chown -R etcd:etcd /srv/e",
    );
    lab.on(HOST, &format!("cat >/srv/attack.pl <<'END'\n{ATTACK}\nEND"));
    let before = lab.on(HOST, STATE);
    lab.on(
        HOST,
        "for folder in /srv/e /srv/e/d; do systemd-run --uid=etcd perl /srv/attack.pl $folder; done",
    );
    lab.write("race.rhai", &script(rounds()));
    let run = lab.etcdsh(&["./race.rhai"]).ok();
    let said = run.text();
    let swaps: usize = lab
        .on(HOST, "stat -c %s /tmp/swaps")
        .trim()
        .parse()
        .unwrap();
    eprintln!(
        "swaps {swaps}, {}",
        said.lines()
            .find(|line| line.contains("refused"))
            .unwrap_or_default()
    );
    assert_eq!(lab.on(HOST, STATE), before, "what is root's: {said}");
    assert_eq!(figure(&said, "seen"), 0, "{said}");
    assert!(figure(&said, "done") > rounds(), "{said}");
    assert!(swaps > rounds(), "the account was in the way {swaps} times");
    let told = lab.tries(HOST, "grep -rls TOPSECRET /srv/e /tmp");
    assert_eq!(told.stdout, "", "what is root's lies where others may read");
    let got = lab.files("got");
    assert!(!got.is_empty(), "nothing was copied");
    let stolen = got
        .iter()
        .filter(|file| lab.read(file).contains("TOPSECRET"));
    assert_eq!(stolen.count(), 0, "what is root's was copied");
}

/// What is saved before a purge is a database, and what cannot be saved is not purged.
#[test]
fn a_purge_that_cannot_save_stops_nothing() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.flow("").ok();
    let data = "test -e /data/etcd/member/snap/db && test -e /etc/etcd/etcd.conf";
    // No room here for a snapshot: nothing is stopped.
    lab.write("backup", "a file");
    let run = lab.flow("-t etcd_purge -y");
    assert_ne!(run.code, 0, "{}", run.readable());
    lab.on(
        HOST,
        &format!("systemctl is-active etcd && systemctl is-enabled etcd && {data}"),
    );
    std::fs::remove_file(lab.folder().join("backup")).unwrap();
    // Without etcd the file is copied: not what a link of its account leads to, and not what is no database.
    lab.on(HOST, "systemctl stop etcd; mv /data/etcd/member/snap/db /data/etcd/db.kept; ln -s /etc/shadow /data/etcd/member/snap/db");
    lab.flow("-t etcd_purge -y")
        .exits(2)
        .says(&["/data/etcd/member/snap/db is a link that another account may have made"]);
    lab.on(HOST, "rm /data/etcd/member/snap/db; install -o etcd -m 600 /etc/passwd /data/etcd/member/snap/db");
    let run = lab.flow("-t etcd_purge -y");
    assert_ne!(run.code, 0, "{}", run.readable());
    lab.on(HOST, data);
    lab.on(HOST, "mv /data/etcd/db.kept /data/etcd/member/snap/db");
    lab.flow("-t etcd_purge -y").ok();
    let saved = lab.files("backup/etcd");
    let saved = saved.last().expect("it was saved");
    let file = std::fs::metadata(lab.folder().join(saved)).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&file) & 0o777, 0o600);
    lab.etcdsh(&["e", "snapshot", "status", saved]).ok();
}
