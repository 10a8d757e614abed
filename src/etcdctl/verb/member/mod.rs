//! `member`: who belongs to the cluster, and changes to it.

pub(super) mod add;
pub(super) mod list;
pub(super) mod promote;
pub(super) mod remove;
pub(super) mod update;

use prost::Message;
use serde_json::{Value, json};

use crate::command::quote;
use crate::etcd::raw::{
    PbMember, PbMemberPromoteResponse, PbMemberRemoveResponse, PbMemberUpdateResponse,
    PbResponseHeader,
};
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::{self, Object};
use crate::etcdctl::form::print::{Format, Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;

/// The format that changes of the members cannot be printed in.
const LACKS: &[Format] = &[Format::Fields];

/// The id that is the only word.
fn id(call: &mut Call<'_>) -> Outcome<u64> {
    if call.words.len() != 1 {
        return Err(Failure::arguments("member ID is not provided"));
    }
    let word = call.word(0);
    match go::parse_uint(&word, 16) {
        Ok(id) => Ok(id),
        Err(why) if call.style.strict => Err(Failure::arguments(format!(
            "bad member ID arg ({why}), expecting ID in Hex"
        ))),
        Err(_) => named(call, &word),
    }
}

/// The id of the member of this name, which is as good as an id where one member alone has it: in native mode.
pub(super) fn named(call: &mut Call<'_>, name: &str) -> Outcome<u64> {
    let list = call.read(async |etcd| Ok(rpc::member_list(&etcd.channel, true).await?))?;
    let mut named = list.members.iter().filter(|member| member.name == name);
    let wrong = match (named.next(), named.next()) {
        (Some(member), None) => return Ok(member.id),
        (None, _) => "no member is called",
        _ => "more than one member is called",
    };
    Err(Failure::arguments(format!("{wrong} `{name}`"))
        .with_hint("etcdsh em list   # shows the members and their ids"))
}

/// The URLs of `--peer-urls`; one that cannot be meant is refused before anything is sent.
fn peer_urls(call: &mut Call<'_>) -> Outcome<Vec<String>> {
    let text = call.text("peer-urls");
    if text.is_empty() {
        let failure = Failure::arguments("member peer urls not provided");
        return Err(if call.style.strict {
            failure
        } else {
            failure.with_hint(format!(
                "{} {} {} --peer-urls=https://HOST:2380",
                call.style.program,
                call.verb.name,
                quote(&call.word(0))
            ))
        });
    }
    let urls: Vec<String> = text.split(',').map(str::to_string).collect();
    // etcdctl looks at them when it has a client.
    call.client()?;
    for url in &urls {
        check_url(url.trim()).map_err(|why| {
            let failure = Failure::new(ERROR, why);
            let meant: Option<Vec<String>> = urls.iter().map(|url| whole(url.trim())).collect();
            match meant.filter(|_| !call.style.strict) {
                Some(meant) => no_url(failure, url.trim(), &meant),
                None => failure,
            }
        })?;
    }
    Ok(urls)
}

/// What is no URL, in native mode: the one to write instead, and what Go says of it as the cause.
fn no_url(mut failure: Box<Failure>, url: &str, meant: &[String]) -> Box<Failure> {
    failure.causes.extend(failure.text.take());
    failure.text = Some(format!("`{url}` is no URL of a peer"));
    failure.with_hint(format!("--peer-urls={}", meant.join(",")))
}

/// The URL that was meant by one without a scheme or a port.
fn whole(url: &str) -> Option<String> {
    let with_scheme = match url.split_once("://") {
        Some(_) => url.to_string(),
        None => format!("https://{url}"),
    };
    let with_port = format!("{}:2380", with_scheme.trim_end_matches('/'));
    [with_scheme, with_port]
        .into_iter()
        .find(|url| check_url(url).is_ok())
}

fn check_url(url: &str) -> Result<(), String> {
    let unparsable = |why: &str| Err(format!("parse {}: {why}", go::quote(url.as_bytes())));
    let is_scheme = |text: &str| {
        text.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
    };
    if url.chars().any(|letter| letter.is_ascii_control()) {
        return unparsable("net/url: invalid control character in URL");
    }
    let (scheme, rest) = match url.split_once(':') {
        Some(("", _)) => return unparsable("missing protocol scheme"),
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        Some((first, _)) if !first.contains('/') => {
            return unparsable("first path segment in URL cannot contain colon");
        }
        _ => (String::new(), url),
    };
    match scheme.as_str() {
        "unix" | "unixs" => return Ok(()),
        "http" | "https" => {}
        _ => {
            return Err(format!(
                "URL scheme must be http, https, unix, or unixs: {url}"
            ));
        }
    }
    let place = rest.strip_prefix("//").unwrap_or_default();
    let end = place.find(['/', '?', '#']).unwrap_or(place.len());
    let (host, path) = place.split_at(end);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if let Some(letter) = host.chars().find(|letter| " <>\"".contains(*letter)) {
        return unparsable(&format!(
            "invalid character {} in host name",
            go::quote(letter.to_string().as_bytes())
        ));
    }
    if let Some((_, rest)) = host.split_once('%')
        && !rest
            .get(..2)
            .is_some_and(|digits| digits.chars().all(|letter| letter.is_ascii_hexdigit()))
    {
        let escape: String = rest.chars().take(2).collect();
        return unparsable(&format!(
            "invalid URL escape {}",
            go::quote(format!("%{escape}").as_bytes())
        ));
    }
    let (name, port) = match host.strip_prefix('[') {
        Some(inner) => inner
            .split_once("]:")
            .map_or((inner, None), |(name, port)| (name, Some(port))),
        None => host
            .rsplit_once(':')
            .map_or((host, None), |(name, port)| (name, Some(port))),
    };
    match port {
        Some(port) if !port.chars().all(|letter| letter.is_ascii_digit()) => unparsable(&format!(
            "invalid port {} after host",
            go::quote(format!(":{port}").as_bytes())
        )),
        Some(_) if !host.starts_with('[') && name.contains(':') => Err(format!(
            "URL address does not have the form \"host:port\": {url}"
        )),
        None => Err(format!(
            "URL address does not have the form \"host:port\": {url}"
        )),
        Some(_) if path.starts_with('/') => Err(format!("URL must not contain a path: {url}")),
        Some(_) => Ok(()),
    }
}

/// For `-o json`: ids in hex, which no reader of JSON rounds.
fn decoded(member: &PbMember) -> Value {
    json!({
        "id": format!("{:x}", member.id),
        "name": member.name,
        "started": !member.name.is_empty(),
        "peer_urls": member.peer_ur_ls,
        "client_urls": member.client_ur_ls,
        "learner": member.is_learner,
    })
}

/// A change of one member.
struct Changed<'a> {
    done: &'static str,
    header: Option<&'a PbResponseHeader>,
    id: u64,
    members: &'a [PbMember],
    message: Vec<u8>,
}

trait Change: Message + Sized {
    const DONE: &'static str;
    fn parts(&self) -> (Option<&PbResponseHeader>, &[PbMember]);

    fn changed(&self, id: u64) -> Changed<'_> {
        let (header, members) = self.parts();
        Changed {
            done: Self::DONE,
            header,
            id,
            members,
            message: self.encode_to_vec(),
        }
    }
}

impl Change for PbMemberPromoteResponse {
    const DONE: &'static str = "promoted in";
    fn parts(&self) -> (Option<&PbResponseHeader>, &[PbMember]) {
        (self.header.as_ref(), &self.members)
    }
}

impl Change for PbMemberRemoveResponse {
    const DONE: &'static str = "removed from";
    fn parts(&self) -> (Option<&PbResponseHeader>, &[PbMember]) {
        (self.header.as_ref(), &self.members)
    }
}

impl Change for PbMemberUpdateResponse {
    const DONE: &'static str = "updated in";
    fn parts(&self) -> (Option<&PbResponseHeader>, &[PbMember]) {
        (self.header.as_ref(), &self.members)
    }
}

impl Reply for Changed<'_> {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        let cluster = self.header.map_or(0, |header| header.cluster_id);
        page.line(format_args!(
            "Member {:16x} {} cluster {cluster:16x}",
            self.id, self.done
        ))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header)?;
            json_members(object, self.members)
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        Some(
            json!({ "id": format!("{:x}", self.id), "members": self.members.iter().map(decoded).collect::<Vec<_>>() }),
        )
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.message.clone())
    }

    fn native_table(&self, _: &Page<'_>) -> Outcome<Table> {
        Ok(table(self.members))
    }
}

type Written = std::io::Result<()>;

fn json_members(object: &mut Object<'_>, members: &[PbMember]) -> Written {
    if members.is_empty() {
        Ok(())
    } else {
        json::array(object.name("members")?, members, json_member)
    }
}

fn json_member(page: &mut dyn std::io::Write, member: &PbMember) -> Written {
    Object::write(page, |object| {
        object.some_number("ID", member.id)?;
        object.some_string("name", &member.name)?;
        object.some_strings("peerURLs", &member.peer_ur_ls)?;
        object.some_strings("clientURLs", &member.client_ur_ls)?;
        object.some_bool("isLearner", member.is_learner)
    })
}

fn table(members: &[PbMember]) -> Table {
    let mut table = Table::new(&[
        "ID",
        "Status",
        "Name",
        "Peer Addrs",
        "Client Addrs",
        "Is Learner",
    ]);
    table.rows = members.iter().map(row).collect();
    table
}

fn row(member: &PbMember) -> Vec<String> {
    let status = if member.name.is_empty() {
        "unstarted"
    } else {
        "started"
    };
    let urls = [member.peer_ur_ls.join(","), member.client_ur_ls.join(",")];
    [
        vec![
            format!("{:x}", member.id),
            status.into(),
            member.name.clone(),
        ],
        urls.to_vec(),
        vec![member.is_learner.to_string()],
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_urls_are_looked_at_as_by_etcdctl() {
        for (url, wanted) in [
            ("http://10.0.0.1:2380", ""),
            ("https://[::1]:2380", ""),
            ("unix://a", ""),
            (
                "bogus",
                "URL scheme must be http, https, unix, or unixs: bogus",
            ),
            ("", "URL scheme must be http, https, unix, or unixs: "),
            (
                "localhost:2380",
                "URL scheme must be http, https, unix, or unixs: localhost:2380",
            ),
            (
                "10.0.0.1:2380",
                r#"parse "10.0.0.1:2380": first path segment in URL cannot contain colon"#,
            ),
            (":2380", r#"parse ":2380": missing protocol scheme"#),
            (
                "http://10.0.0.1",
                r#"URL address does not have the form "host:port": http://10.0.0.1"#,
            ),
            (
                "http://10.0.0.1:2380/",
                "URL must not contain a path: http://10.0.0.1:2380/",
            ),
            (
                "http://a b:1",
                r#"parse "http://a b:1": invalid character " " in host name"#,
            ),
            (
                "http://::1:1",
                r#"URL address does not have the form "host:port": http://::1:1"#,
            ),
            (
                "http://a%zz:1",
                r#"parse "http://a%zz:1": invalid URL escape "%zz""#,
            ),
            (
                "http://a:x",
                r#"parse "http://a:x": invalid port ":x" after host"#,
            ),
        ] {
            assert_eq!(check_url(url).err().unwrap_or_default(), wanted, "{url}");
        }
    }
}
