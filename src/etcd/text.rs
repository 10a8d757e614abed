//! `e("put a 10")`: the everyday lines of etcdctl and what it prints for them.
//!
//! The verbs that a script or the console needs to look and to mend; any other is an error that says so.

use super::{Client, DeleteOptions, GetOptions, Member, PutOptions, hex};
use crate::error::{Error, Result, nearest};

/// A line, read: nothing is sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    flags: Vec<(String, String)>,
    verb: &'static Verb,
    words: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Verb {
    changes: bool,
    /// Flags without a value; those with one end in `=`.
    flags: &'static [&'static str],
    most: usize,
    name: &'static str,
    least: usize,
    usage: &'static str,
}

const VERBS: &[Verb] = &[
    Verb { name: "put", usage: "put KEY VALUE", least: 2, most: 2, changes: true, flags: &["lease=", "prev-kv"] },
    Verb {
        name: "get",
        usage: "get KEY [RANGE_END]",
        least: 1,
        most: 2,
        changes: false,
        flags: &["prefix", "from-key", "keys-only", "count-only", "print-value-only", "limit=", "rev=", "consistency="],
    },
    Verb { name: "del", usage: "del KEY [RANGE_END]", least: 1, most: 2, changes: true, flags: &["prefix"] },
    Verb { name: "compaction", usage: "compaction REVISION", least: 1, most: 1, changes: true, flags: &["physical"] },
    Verb { name: "member list", usage: "member list", least: 0, most: 0, changes: false, flags: &[] },
    Verb { name: "member add", usage: "member add NAME --peer-urls=URL [--learner]", least: 1, most: 1, changes: true, flags: &["peer-urls=", "learner"] },
    Verb { name: "member remove", usage: "member remove ID", least: 1, most: 1, changes: true, flags: &[] },
    Verb { name: "member promote", usage: "member promote ID", least: 1, most: 1, changes: true, flags: &[] },
    Verb { name: "member update", usage: "member update ID --peer-urls=URL", least: 1, most: 1, changes: true, flags: &["peer-urls="] },
    Verb { name: "endpoint health", usage: "endpoint health", least: 0, most: 0, changes: false, flags: &["cluster"] },
    Verb { name: "endpoint status", usage: "endpoint status", least: 0, most: 0, changes: false, flags: &["cluster"] },
    Verb { name: "alarm list", usage: "alarm list", least: 0, most: 0, changes: false, flags: &[] },
    Verb { name: "alarm disarm", usage: "alarm disarm", least: 0, most: 0, changes: true, flags: &[] },
    Verb { name: "move-leader", usage: "move-leader ID", least: 1, most: 1, changes: true, flags: &[] },
    Verb { name: "defrag", usage: "defrag", least: 0, most: 0, changes: true, flags: &["cluster"] },
    Verb { name: "snapshot save", usage: "snapshot save FILE", least: 1, most: 1, changes: true, flags: &[] },
];

impl Line {
    /// Read a line as a shell would split it. Flags may stand anywhere; `--` ends them.
    pub fn parse(text: &str) -> Result<Line> {
        let words = crate::command::split(text).ok_or_else(|| Error::usage(format!("a quote stays open in `{text}`")))?;
        let verb = VERBS.iter().find(|verb| verb.name.split(' ').eq(words.iter().take(verb.name.split(' ').count()).map(String::as_str)));
        let Some(verb) = verb else { return Err(unknown_verb(&words)) };
        let mut line = Line { flags: Vec::new(), verb, words: Vec::new() };
        let mut rest = words.into_iter().skip(verb.name.split(' ').count());
        let mut over = false;
        while let Some(word) = rest.next() {
            match word.strip_prefix("--").filter(|_| !over) {
                Some("") => over = true,
                Some(flag) => line.flag(flag, &mut rest)?,
                None => line.words.push(word),
            }
        }
        if line.words.len() < verb.least || line.words.len() > verb.most {
            return Err(Error::usage(format!("`{}` takes other arguments", verb.name)).hint(verb.usage));
        }
        Ok(line)
    }

    fn flag(&mut self, flag: &str, rest: &mut impl Iterator<Item = String>) -> Result<()> {
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_string())));
        let with_value = format!("{name}=");
        let value = if self.verb.flags.contains(&with_value.as_str()) {
            value.or_else(|| rest.next()).ok_or_else(|| Error::usage(format!("`--{name}` needs a value")))?
        } else if self.verb.flags.contains(&name) {
            value.unwrap_or_else(|| "true".into())
        } else {
            return Err(Error::usage(format!("`{}` has no flag `--{name}` here", self.verb.name)).hint(self.verb.usage));
        };
        self.flags.push((name.to_string(), value));
        Ok(())
    }

    /// Does it change the cluster?
    #[must_use]
    pub fn changes(&self) -> bool {
        self.verb.changes
    }

    /// The verb, as etcdctl calls it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.verb.name
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(flag, _)| flag == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value != "false")
    }

    fn number(&self, name: &str) -> Result<i64> {
        let Some(text) = self.value(name) else { return Ok(0) };
        text.parse().map_err(|_| Error::usage(format!("`--{name}` takes a number, not `{text}`")))
    }

    fn id(&self) -> Result<u64> {
        u64::from_str_radix(&self.words[0], 16).map_err(|_| Error::usage(format!("`{}` is no member id: ids are hex", self.words[0])).hint("member list"))
    }

    fn urls(&self) -> Result<Vec<String>> {
        let urls = self.value("peer-urls").ok_or_else(|| Error::usage(format!("`{}` needs --peer-urls", self.verb.name)).hint(self.verb.usage))?;
        Ok(urls.split(',').map(str::to_string).collect())
    }

    /// Carry it out; the text is what etcdctl prints, without the last line's end.
    pub fn run(&self, client: &Client) -> Result<String> {
        let key = || self.words[0].as_bytes();
        Ok(match self.verb.name {
            "put" => self.put(client)?,
            "get" => self.get(client)?,
            "del" => client
                .delete(
                    key(),
                    &DeleteOptions { prefix: self.has("prefix"), range_end: self.words.get(1).map(|end| end.clone().into_bytes()), ..Default::default() },
                )?
                .deleted
                .to_string(),
            "compaction" => {
                let revision = self.words[0].parse().map_err(|_| Error::usage(format!("`{}` is no revision", self.words[0])))?;
                client.compact(revision, self.has("physical"))?;
                format!("compacted revision {revision}")
            }
            "member list" => lines(client.member_list(true)?.members.iter().map(member)),
            "member add" => {
                let added = client.member_add(&self.urls()?, self.has("learner"))?;
                format!("Member {:>16} added to cluster {:>16}", added.added.map_or(String::new(), |member| hex(member.id)), hex(added.header.cluster_id))
            }
            "member remove" => format!("Member {:>16} removed from cluster {:>16}", hex(self.id()?), hex(client.member_remove(self.id()?)?.header.cluster_id)),
            "member promote" => format!("Member {:>16} promoted in cluster {:>16}", hex(self.id()?), hex(client.member_promote(self.id()?)?.header.cluster_id)),
            "member update" => {
                format!("Member {:>16} updated in cluster {:>16}", hex(self.id()?), hex(client.member_update(self.id()?, &self.urls()?)?.header.cluster_id))
            }
            "endpoint health" => health(client),
            "endpoint status" => status(client)?,
            "alarm list" => lines(client.alarm_list()?.iter().map(|alarm| {
                format!("memberID:{} alarm:{:?} ", alarm.member_id, alarm.kind).to_uppercase().replace("MEMBERID", "memberID").replace("ALARM", "alarm")
            })),
            "alarm disarm" => {
                lines(client.alarm_disarm()?.iter().map(|alarm| format!("memberID:{} alarm:{} ", alarm.member_id, format!("{:?}", alarm.kind).to_uppercase())))
            }
            "move-leader" => {
                client.move_leader(self.id()?)?;
                format!("Leadership transferred to {}", hex(self.id()?))
            }
            "defrag" => {
                for endpoint in client.endpoints() {
                    client.defragment(endpoint)?;
                }
                lines(client.endpoints().iter().map(|endpoint| format!("Finished defragmenting etcd member[{endpoint}]")))
            }
            "snapshot save" => {
                let endpoint = client.endpoints().first().cloned().unwrap_or_default();
                client.snapshot_save(&endpoint, std::path::Path::new(&self.words[0]))?;
                format!("Snapshot saved at {}", self.words[0])
            }
            other => return Err(Error::internal(format!("`{other}` is in the table and nowhere else"))),
        })
    }

    fn put(&self, client: &Client) -> Result<String> {
        let lease = match self.value("lease") {
            None => 0,
            Some(text) => u64::from_str_radix(text, 16).map_err(|_| Error::usage(format!("`{text}` is no lease id: ids are hex")))?,
        };
        client.put(self.words[0].as_bytes(), self.words[1].as_bytes(), PutOptions { lease, ..Default::default() })?;
        Ok("OK".into())
    }

    fn get(&self, client: &Client) -> Result<String> {
        let end = if self.has("from-key") { Some(vec![0]) } else { self.words.get(1).map(|end| end.clone().into_bytes()) };
        let options = GetOptions {
            count_only: self.has("count-only"),
            keys_only: self.has("keys-only"),
            limit: self.number("limit")?,
            prefix: self.has("prefix"),
            range_end: end,
            rev: self.number("rev")?,
            serializable: self.value("consistency") == Some("s"),
            ..Default::default()
        };
        let got = client.get(self.words[0].as_bytes(), &options)?;
        if options.count_only {
            return Ok(got.count.to_string());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parts = got.kvs.iter().map(|kv| match (self.has("print-value-only"), options.keys_only) {
            (true, _) => text(&kv.value),
            (_, true) => format!("{}\n", text(&kv.key)),
            _ => format!("{}\n{}", text(&kv.key), text(&kv.value)),
        });
        Ok(lines(parts))
    }
}

fn lines(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("\n")
}

fn member(member: &Member) -> String {
    let state = if member.name.is_empty() { "unstarted" } else { "started" };
    format!("{}, {state}, {}, {}, {}, {}", hex(member.id), member.name, member.peer_urls.join(","), member.client_urls.join(","), member.is_learner)
}

fn health(client: &Client) -> String {
    let endpoints = client.endpoints();
    let answers = crate::run::parallel(endpoints, endpoints.len(), |endpoint| client.health(endpoint));
    lines(endpoints.iter().zip(answers).map(|(endpoint, answer)| match answer {
        Ok(took) => format!("{endpoint} is healthy: successfully committed proposal: took = {:.6}ms", took.as_secs_f64() * 1000.0),
        Err(fault) => format!("{endpoint} is unhealthy: {}", fault.trouble()),
    }))
}

fn status(client: &Client) -> Result<String> {
    let endpoints = client.endpoints();
    let answers = crate::run::parallel(endpoints, endpoints.len(), |endpoint| client.status(endpoint));
    let mut rows = Vec::new();
    for (endpoint, answer) in endpoints.iter().zip(answers) {
        let status = answer?;
        rows.push(format!(
            "{endpoint}, {}, {}, {} bytes, {}, {}, {}, {}, {}, {}",
            hex(status.member_id),
            status.version,
            status.db_size,
            status.leader == status.member_id,
            status.is_learner,
            status.raft_term,
            status.raft_index,
            status.raft_applied_index,
            status.errors.join(", ")
        ));
    }
    Ok(rows.join("\n"))
}

fn unknown_verb(words: &[String]) -> Box<Error> {
    let said = words.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
    let error = Error::usage(format!("`{said}` is no verb of etcdctl that is known here"));
    match nearest(&said, VERBS.iter().map(|verb| verb.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(lines(VERBS.iter().map(|verb| verb.name.to_string())).replace('\n', ", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_etcdctl_reads_them() {
        let line = Line::parse("get --prefix /pg --limit=3").expect("parses");
        assert_eq!((line.verb(), line.words.as_slice(), line.has("prefix"), line.number("limit").ok()), ("get", &["/pg".to_string()][..], true, Some(3)));
        assert_eq!(Line::parse("put -- --key 'a b'").expect("parses").words, ["--key", "a b"]);
        assert!(Line::parse("put a 10").is_ok_and(|line| line.changes()));
        assert_eq!(Line::parse("member add m --peer-urls http://x:1").expect("parses").urls().ok(), Some(vec!["http://x:1".to_string()]));
    }

    #[test]
    fn wrong_lines_say_what_is_right() {
        let rows = [
            ("gte a", "`gte a` is no verb of etcdctl that is known here"),
            ("put a", "`put` takes other arguments\n hint: put KEY VALUE"),
            ("get a --prefx", "`get` has no flag `--prefx` here\n hint: get KEY [RANGE_END]"),
            ("put 'a", "a quote stays open in `put 'a`"),
        ];
        for (text, want) in rows {
            let error = Line::parse(text).expect_err(text).to_string();
            assert!(error.starts_with(want), "{error}");
        }
    }
}
