//! Random command lines and texts of `txn` and `watch -i`: whatever comes, no panic and no hang.
//!
//! `ETCDCTL_FUZZ=COUNT` tries that many instead of a sample, `ETCDCTL_FUZZ_SEED=NUMBER` begins elsewhere. A failure names its line;
//! the same seed makes the same lines.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::run::{self, Tool};
use super::server::{self, Addresses, Certificates, Kind, Release, Servers};

const SAMPLE: usize = 600;

const VERBS: &str = "\
    alarm disarm|alarm list|auth disable|auth enable|auth status|compaction|compact|completion bash|defrag|del|downgrade cancel|downgrade enable|\
    downgrade validate|elect|endpoint hashkv|endpoint health|endpoint status|get|help|lease grant|lease keep-alive|lease list|lease revoke|\
    lease timetolive|lock|make-mirror|member add|member list|member promote|member remove|member update|move-leader|put|role add|role delete|role get|\
    role grant-permission|role list|role revoke-permission|snapshot restore|snapshot save|snapshot status|txn|user add|user delete|user get|\
    user grant-role|user list|user passwd|user revoke-role|version|watch|e|l|mem||snapshot|check|migrate|ls";

const FLAGS: &str = "\
    --prefix|--from-key|--rev|--limit|--order|--sort-by|--keys-only|--count-only|--print-value-only|--consistency|--lease|--prev-kv|--ignore-value|\
    --ignore-lease|--range|--interactive|-i|-l|--listen|--ttl|--once|--keys|--peer-urls|--learner|--cluster|--physical|--detail|--no-password|\
    --new-user-password|--hex|-w|--write-out|--debug|--user|--password|--insecure-transport|--insecure-skip-tls-verify|--dial-timeout|\
    --keepalive-time|--cacert|--cert|--key|--help|-h|-x|--|-wjson|-wfields|-w=table|--dest-prefix|--no-dest-prefix|--max-txn-ops|--progress-notify|\
    --nothing|-|---|--=|-=|--max-request-bytes|--max-recv-bytes|--min-mod-rev|--max-mod-rev|--load|--discovery-srv-name";

const WORDS: &str = "\
    a|b|k/1|0|1|-1|7b|0x10|99999999999999999999|true|false|json|fields|protobuf|table|simple|ASCEND|s||''|\"|'|\\|=|,|3s|1h|-5m|9e99h|\u{fffd}|é☃|\n|\
    \t|\x20|%s%n|{}|$(x)|http://127.0.0.1:1|ftp://|[::1|unix:|read|write|readwrite|root|echo|/no/such|..|echo x|*";

const TXN: &str = "\
    val(\"a\") = \"1\"|mod(\"a\") > \"0\"|ver(\"a\") != \"x\"|create(\"a\") < \"2\"|lease(\"a\") = \"7b\"|val(\"a\") ? \"1\"|val(\"a\" = |val(|\
    (\"a\") = \"1\"|val(\"\\x\") = \"1\"|val(\"\\u12\") = \"\\400\"|val() = \"\"|=|\"|put a 1|put \"a|put 'a b' 'c'|get a --prefix|get|del a b|\
    del a --from-key --prefix|put a --lease=zz|get a --limit|get a -w json|watch a|'|\\|put \"\\xff\" \"\\0\"|é☃ =|\0||watch a --rev 1|\
    watch a --rev 99999999999999999999|watch \"a|watch|watch a b c d|watch a -- echo x|watch a --|progress|progress x|watch -i|watch a --prefix b|\
    cancel";

/// xorshift64*: small, and the same everywhere.
struct Luck(u64);

impl Luck {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).unwrap() % limit
    }

    /// One of the texts between bars.
    fn of<'a>(&mut self, from: &'a str) -> &'a str {
        let count = from.split('|').count();
        from.split('|').nth(self.below(count)).unwrap()
    }

    /// A text with some bytes changed, doubled or cut.
    fn spoilt(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..self.below(3) {
            let at = self.below(letters.len() + 1);
            match self.below(3) {
                0 => letters.insert(
                    at,
                    ['"', '\'', '\\', '(', ')', ' ', '-', '=', '\u{7f}', 'x'][self.below(10)],
                ),
                1 if at < letters.len() => drop(letters.remove(at)),
                _ => letters.truncate(at.max(1)),
            }
        }
        letters.into_iter().collect()
    }
}

struct Try {
    line: Vec<String>,
    stdin: String,
}

fn make(seed: u64) -> Try {
    let mut luck = Luck(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..10 {
        luck.below(2);
    }
    let grammar = luck.below(3) == 0;
    let mut words: Vec<String> = if grammar {
        let verb = luck.of("txn|txn -i|watch -i");
        verb.split(' ').map(String::from).collect()
    } else {
        luck.of(VERBS).split(' ').map(String::from).collect()
    };
    for _ in 0..luck.below(if grammar { 2 } else { 6 }) {
        let word = if luck.below(2) == 0 {
            luck.of(FLAGS)
        } else {
            luck.of(WORDS)
        };
        let mut word = if luck.below(4) == 0 {
            luck.spoilt(word)
        } else {
            word.to_string()
        };
        if word.starts_with("--") && luck.below(3) == 0 {
            word = format!("{word}={}", luck.of(WORDS));
        }
        let at = if luck.below(4) == 0 {
            luck.below(words.len() + 1)
        } else {
            words.len()
        };
        // An argument cannot hold a zero byte.
        words.insert(at, word.replace('\0', ""));
    }
    let mut stdin = String::new();
    for _ in 0..luck.below(if grammar { 8 } else { 2 }) {
        let text = luck.of(TXN);
        let text = if luck.below(3) == 0 {
            luck.spoilt(text)
        } else {
            text.to_string()
        };
        stdin.push_str(&text);
        stdin.push_str(if luck.below(4) == 0 { "\n\n" } else { "\n" });
    }
    Try { line: words, stdin }
}

/// What is wrong with how it ended. A command that waits by nature may be waiting when its time is over.
fn trouble(tool: &Tool, attempt: &Try) -> Option<String> {
    let quoted: Vec<String> = attempt
        .line
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
        .collect();
    let line = format!(
        "--command-timeout=300ms --dial-timeout=300ms {}",
        quoted.join(" ")
    );
    let patient = attempt.line.iter().any(|word| {
        let word = word.trim_start_matches('-');
        let waits = [
            "watch",
            "lock",
            "elect",
            "lease",
            "make-mirror",
            "check",
            "e",
            "l",
        ]
        .contains(&word);
        waits
            || "watch".starts_with(word) && !word.is_empty()
            || word.len() > 2 && "make-mirror".starts_with(word)
    });
    // These have no deadline in etcdctl either, and wait for ever for a TLS that this server does not speak.
    let has = |text: &str| attempt.line.iter().any(|word| word.contains(text));
    let patient = patient
        || (has("user") || has("role") || has("txn"))
            && (has("--insecure-") || has("--cacert") || has("--cert"));
    let outcome = tool
        .start(&line)
        .end_within(attempt.stdin.as_bytes(), if patient { 1 } else { 15 });
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    let waited = outcome.code == "timeout" && patient;
    let died = outcome.code == "101"
        || outcome.code.starts_with("signal")
        || stderr.contains("panicked")
        || (outcome.code == "timeout" && !waited);
    died.then(|| {
        format!(
            "etcdctl {line} <<< {:?}\nexit {}: {stderr}\n",
            attempt.stdin, outcome.code
        )
    })
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn random_lines_neither_panic_nor_hang() {
    const WORKERS: usize = 4;
    let count = number("ETCDCTL_FUZZ").unwrap_or(SAMPLE);
    let seed = number("ETCDCTL_FUZZ_SEED").unwrap_or(1);
    let addresses: Vec<Addresses> = (0..WORKERS)
        .map(|worker| Addresses::of_worker(16 + worker))
        .collect();
    let certificates = Certificates::new(&addresses);
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for addresses in addresses {
            let (certificates, next, found) = (&certificates, &next, &found);
            scope.spawn(move || {
                let folder = server::folder();
                let program = run::ours(folder.path());
                loop {
                    // A server of its own for some tries only: what they did to it must not stop the later ones.
                    let servers =
                        Servers::start(Kind::Plain, Release::V35, &addresses, certificates);
                    let endpoint = ("ETCDCTL_ENDPOINTS".to_string(), servers.endpoint(1));
                    let tool = Tool {
                        env: vec![endpoint],
                        folder: folder.path().into(),
                        program: program.clone(),
                    };
                    for _ in 0..50 {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return;
                        }
                        found
                            .lock()
                            .unwrap()
                            .extend(trouble(&tool, &make((seed + number) as u64)));
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(
        found.is_empty(),
        "{} of {count} lines:\n{}",
        found.len(),
        found.join("\n")
    );
}
