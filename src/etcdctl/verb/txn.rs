//! `txn`: compares, what is done when all of them hold, and what is done otherwise, read from standard input.

use prost::Message;

use super::{Deadline, Endless, Since, Verb, del, get, put};
use crate::etcd::Effect;
use crate::etcd::raw::{
    Compare, CompareOp, PbResponseOp, PbTxnOpResponse, PbTxnResponse, Txn, TxnOp,
};
use crate::etcdctl::call::{Call, Io};
use crate::etcdctl::failure::{Failure, INPUT, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::{self, Flag, HELP};
use crate::etcdctl::line::usage;
use crate::etcdctl::line::words;

pub(super) const VERB: Verb = Verb {
    name: "txn",
    arguments: "",
    about: "do several things at once, if some conditions hold",
    example: "txn -i\ntxn < FILE   # mod(\"k\") > \"0\", an empty line, put k v, an empty line, get k, an empty line",
    flags: &[Flag::bool("interactive", "say what is to be typed next").short('i')],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if !call.words.is_empty() {
        return Err(Failure::arguments("txn command does not accept argument"));
    }
    call.client()?;
    let compares = block(call, "compares:", |_, line| compare(line))?;
    let then = block(call, "success requests (get, put, del):", operation)?;
    let otherwise = block(call, "failure requests (get, put, del):", operation)?;
    let changes = then
        .iter()
        .chain(&otherwise)
        .any(|operation| operation.changes);
    let plain = |operations: Vec<Operation>| {
        operations
            .into_iter()
            .map(|operation| operation.raw)
            .collect::<Vec<_>>()
    };
    let txn = Txn::new()
        .when(compares)
        .and_then(plain(then))
        .or_else(plain(otherwise));
    let effect = if changes { Effect::Write } else { Effect::Read };
    let answer = call.ask(effect, async |etcd| etcd.kv().txn(txn.clone()).await)?;
    call.reply(&answer.0)
}

/// The lines up to an empty one, each read by `parse`.
fn block<T>(
    call: &mut Call<'_>,
    prompt: &str,
    parse: impl Fn(&mut Call<'_>, &[u8]) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    if call.flag("interactive") {
        call.say(prompt)?;
        call.io.out.flush()?;
    }
    let mut all = Vec::new();
    loop {
        let mut line = Vec::new();
        call.io.input.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(Failure::new(INPUT, "EOF"));
        }
        let line = trimmed(&line);
        if line.is_empty() {
            return Ok(all);
        }
        all.push(parse(call, line)?);
    }
}

/// Without the blanks of Unicode around it.
fn trimmed(line: &[u8]) -> &[u8] {
    std::str::from_utf8(line).map_or_else(|_| line.trim_ascii(), |text| text.trim().as_bytes())
}

/// `TARGET("KEY") OP "VALUE"`.
fn compare(line: &[u8]) -> Outcome<Compare> {
    let text = String::from_utf8_lossy(line);
    let malformed =
        |more: String| Failure::new(INPUT, format!("malformed comparison: {text}{more}"));
    let open = line
        .iter()
        .position(|byte| *byte == b'(')
        .ok_or_else(|| malformed(String::new()))?;
    let target = String::from_utf8_lossy(&line[..open]);
    let read = scan(&line[open + 1..]);
    let (key, op) = (
        read.key.clone().unwrap_or_default(),
        read.op.unwrap_or_default(),
    );
    let op_text = String::from_utf8_lossy(op);
    let Some(value) = read.value else {
        return Err(malformed(format!(
            "; got {target}({}) {op_text} \"\"",
            go::quote(&key)
        )));
    };
    let number = |base| {
        let value = String::from_utf8_lossy(&value);
        go::parse_int(&value, base)
            .map_err(|_| Failure::new(INPUT, format!("invalid txn compare request: {text}")))
    };
    let operator = || match op {
        b"=" => Ok(CompareOp::Equal),
        b"!=" => Ok(CompareOp::NotEqual),
        b"<" => Ok(CompareOp::Less),
        b">" => Ok(CompareOp::Greater),
        _ => Err(malformed(format!(" (unknown operator {op_text})"))),
    };
    Ok(match target.as_ref() {
        "ver" | "version" => {
            let number = number(10)?;
            Compare::version(key, operator()?, number)
        }
        "c" | "create" => {
            let number = number(10)?;
            Compare::create_revision(key, operator()?, number)
        }
        "m" | "mod" => {
            let number = number(10)?;
            Compare::mod_revision(key, operator()?, number)
        }
        "val" | "value" => Compare::value(key, operator()?, value),
        "lease" => {
            let number = number(16)?;
            Compare::lease(key, operator()?, number)
        }
        _ => return Err(malformed(format!(" (unknown target {target})"))),
    })
}

/// What stands after the bracket, as far as it can be read: `"KEY") OP "VALUE"`. What follows does not count.
#[derive(Default)]
struct Scanned<'l> {
    key: Option<Vec<u8>>,
    op: Option<&'l [u8]>,
    value: Option<Vec<u8>>,
}

fn scan(text: &[u8]) -> Scanned<'_> {
    let mut read = Scanned::default();
    let Some((key, rest)) = string(text) else {
        return read;
    };
    read.key = Some(key);
    let Some(rest) = rest.strip_prefix(b")") else {
        return read;
    };
    let op = rest.trim_ascii_start();
    if op.len() == rest.len() || op.is_empty() {
        return read;
    }
    let rest = op;
    let end = rest
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(rest.len());
    read.op = Some(&rest[..end]);
    read.value = string(&rest[end..]).map(|(value, _)| value);
    read
}

/// A string of Go in either kind of its quotes, after blanks.
fn string(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let text = text.trim_ascii_start();
    match text.first()? {
        b'`' => {
            let end = text[1..].iter().position(|byte| *byte == b'`')?;
            Some((text[1..=end].to_vec(), &text[end + 2..]))
        }
        _ => go::unquote(text),
    }
}

struct Operation {
    changes: bool,
    raw: TxnOp,
}

/// A line of `get`, `put` or `del` with its flags.
fn operation(call: &mut Call<'_>, line: &[u8]) -> Outcome<Operation> {
    let text = String::from_utf8_lossy(line);
    let invalid = || Failure::new(INPUT, format!("invalid txn request: {text}"));
    let mut words = words::split(line).ok_or_else(|| Failure::new(INPUT, "invalid syntax"))?;
    if words.len() < 2 {
        return Err(Failure::new(
            INPUT,
            format!("invalid txn compare request: {text}"),
        ));
    }
    let place = flag::first_word(&words, &[]).ok_or_else(invalid)?;
    let name = words.remove(place);
    let verb = [&del::VERB, &get::VERB, &put::VERB]
        .into_iter()
        .find(|verb| verb.name.as_bytes().starts_with(&name))
        .ok_or_else(invalid)?;
    let flags: Vec<&'static Flag> = std::iter::once(&HELP).chain(verb.flags).collect();
    let Ok((values, words)) = flag::parse(&words, &flags) else {
        if call.style.strict {
            call.complain(usage::short(verb, &flags))?;
        }
        return Err(invalid());
    };
    if values.given("help").is_some_and(|value| value != "false") {
        return Err(invalid());
    }
    // What follows on standard input is the transaction's, not a value of `put`.
    let mut nothing = std::io::empty();
    let mut io = Io {
        err: &mut *call.io.err,
        input: &mut nothing,
        out: &mut *call.io.out,
        screen: call.io.screen,
        stdin: false,
        terminal: false,
    };
    let mut call = Call::new(verb, call.style, &mut io, Vec::new(), values, words);
    let changes = verb.changes;
    let raw = match verb.name {
        "del" => del::parse(&mut call).map(|del| TxnOp::delete(del.key, Some(del.options))),
        "get" => get::parse(&mut call).map(|get| TxnOp::get(get.key, Some(get.query.options()))),
        _ => put::parse(&mut call).map(|put| TxnOp::put(put.key, put.value, Some(put.options))),
    };
    Ok(Operation { changes, raw: raw? })
}

impl Reply for PbTxnResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(if self.succeeded { "SUCCESS" } else { "FAILURE" })?;
        replies(self).try_for_each(|reply| {
            page.line("")?;
            reply.simple(page)
        })
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        let mut head = Vec::new();
        Object::write(&mut head, |object| {
            json_with_header(object, self.header.as_ref())?;
            object.some_bool("succeeded", self.succeeded)
        })?;
        if self.responses.is_empty() {
            return Ok(page.out.write_all(&head)?);
        }
        head.pop();
        page.out.write_all(&head)?;
        let mut comma = if head.len() > 1 { "," } else { "" };
        write!(page.out, "{comma}\"responses\":[")?;
        comma = "";
        for response in &self.responses {
            let name = match &response.response {
                Some(PbTxnOpResponse::ResponseDeleteRange(_)) => "response_delete_range",
                Some(PbTxnOpResponse::ResponsePut(_)) => "response_put",
                Some(PbTxnOpResponse::ResponseRange(_)) => "response_range",
                Some(PbTxnOpResponse::ResponseTxn(_)) => "response_txn",
                None => "",
            };
            write!(page.out, "{comma}{{\"Response\":")?;
            comma = ",";
            match reply_of(response) {
                None => write!(page.out, "null}}")?,
                Some(reply) => {
                    write!(page.out, "{{\"{name}\":")?;
                    reply.json(page)?;
                    write!(page.out, "}}}}")?;
                }
            }
        }
        Ok(write!(page.out, "]}}")?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        page.field("Succeeded", self.succeeded)?;
        replies(self).try_for_each(|reply| reply.fields(page))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }

    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["result", "request", "count", "key", "value"]);
        let result = if self.succeeded { "SUCCESS" } else { "FAILURE" };
        rows(self, page, result, &mut table.rows);
        if table.rows.is_empty() {
            table
                .rows
                .push([result, "", "", "", ""].map(String::from).to_vec());
        }
        Ok(table)
    }
}

fn reply_of(response: &PbResponseOp) -> Option<&dyn Reply> {
    Some(match response.response.as_ref()? {
        PbTxnOpResponse::ResponseDeleteRange(reply) => reply,
        PbTxnOpResponse::ResponsePut(reply) => reply,
        PbTxnOpResponse::ResponseRange(reply) => reply,
        PbTxnOpResponse::ResponseTxn(reply) => reply,
    })
}

fn replies(txn: &PbTxnResponse) -> impl Iterator<Item = &dyn Reply> {
    txn.responses.iter().filter_map(reply_of)
}

/// A row for each request, and for each pair that it brought.
fn rows(txn: &PbTxnResponse, page: &Page<'_>, result: &str, all: &mut Vec<Vec<String>>) {
    for response in &txn.responses {
        let (request, count, kvs) = match &response.response {
            Some(PbTxnOpResponse::ResponseDeleteRange(reply)) => {
                ("del", reply.deleted, reply.prev_kvs.as_slice())
            }
            Some(PbTxnOpResponse::ResponsePut(reply)) => ("put", 1, reply.prev_kv.as_slice()),
            Some(PbTxnOpResponse::ResponseRange(reply)) => {
                ("get", reply.count, reply.kvs.as_slice())
            }
            Some(PbTxnOpResponse::ResponseTxn(inner)) => {
                rows(
                    inner,
                    page,
                    if inner.succeeded {
                        "SUCCESS"
                    } else {
                        "FAILURE"
                    },
                    all,
                );
                continue;
            }
            None => continue,
        };
        let row = |pair: [String; 2]| {
            [result.to_string(), request.to_string(), count.to_string()]
                .into_iter()
                .chain(pair)
                .collect()
        };
        if kvs.is_empty() {
            all.push(row([String::new(), String::new()]));
        }
        all.extend(
            kvs.iter()
                .map(|kv| row([page.cell(&kv.key), page.cell(&kv.value)])),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::etcd::raw::{PbRangeResponse, PbResponseHeader};

    use super::*;
    use crate::etcdctl::form::print::{Format, Layout, reply};

    #[test]
    fn compares_are_read_as_go_scans_them() {
        let equal = CompareOp::Equal;
        for (line, wanted) in [
            (r#"ver("k") = "1""#, Compare::version("k", equal, 1)),
            (
                r#"version("k") != "1" rest"#,
                Compare::version("k", CompareOp::NotEqual, 1),
            ),
            (
                r#"c("k") < "-1""#,
                Compare::create_revision("k", CompareOp::Less, -1),
            ),
            (
                r#"mod("k") > "5""#,
                Compare::mod_revision("k", CompareOp::Greater, 5),
            ),
            (
                r#"val("\x23\"") = "a\nb""#,
                Compare::value("#\"", equal, "a\nb"),
            ),
            (
                "value(  `k\\n`)\t=  `v`",
                Compare::value("k\\n", equal, "v"),
            ),
            (r#"lease("k") = "10""#, Compare::lease("k", equal, 16)),
        ] {
            assert_eq!(
                format!("{:?}", compare(line.as_bytes()).unwrap()),
                format!("{wanted:?}"),
                "{line}"
            );
        }
    }

    #[test]
    fn wrong_compares_are_told_as_etcdctl_does() {
        for (line, wanted) in [
            (r#"ver k > "1""#, r#"malformed comparison: ver k > "1""#),
            (
                r#"ver(k) > "1""#,
                r#"malformed comparison: ver(k) > "1"; got ver("")  """#,
            ),
            (
                r#"ver("k")>"1""#,
                r#"malformed comparison: ver("k")>"1"; got ver("k")  """#,
            ),
            (
                r#"ver("k") > 1"#,
                r#"malformed comparison: ver("k") > 1; got ver("k") > """#,
            ),
            (
                r#"val("k" ) = "1""#,
                r#"malformed comparison: val("k" ) = "1"; got val("k")  """#,
            ),
            (
                r#"xx("k") > "1""#,
                r#"malformed comparison: xx("k") > "1" (unknown target xx)"#,
            ),
            (
                r#"ver("k") > "x""#,
                r#"invalid txn compare request: ver("k") > "x""#,
            ),
            (
                r#"ver("k") == "1""#,
                r#"malformed comparison: ver("k") == "1" (unknown operator ==)"#,
            ),
            (
                "ver(\"k\") =",
                "malformed comparison: ver(\"k\") =; got ver(\"k\") = \"\"",
            ),
        ] {
            let failure = compare(line.as_bytes()).unwrap_err();
            assert_eq!((failure.code, failure.text()), (INPUT, wanted));
        }
    }

    #[test]
    fn no_line_makes_it_panic() {
        const PIECES: [&[u8]; 16] = [
            b"\"",
            b"'",
            b"\\",
            b"(",
            b")",
            b"val",
            b"ver",
            b"lease",
            b" ",
            b"=",
            b"\\x",
            b"\\u00",
            b"1",
            b"\xff",
            "\u{e9}".as_bytes(),
            b"`",
        ];
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            let mut line = Vec::new();
            for _ in 0..12 {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                line.extend_from_slice(PIECES[(seed >> 60) as usize]);
            }
            let _ = (compare(&line).is_ok(), words::split(&line), trimmed(&line));
        }
    }

    #[test]
    fn a_transaction_in_a_transaction_is_printed_in_it() {
        let op = |response| PbResponseOp {
            response: Some(response),
        };
        let header = Some(PbResponseHeader {
            revision: 3,
            ..Default::default()
        });
        let inner = PbTxnResponse {
            header,
            succeeded: false,
            responses: vec![op(PbTxnOpResponse::ResponseRange(
                PbRangeResponse::default(),
            ))],
        };
        let txn = PbTxnResponse {
            header: None,
            succeeded: true,
            responses: vec![
                op(PbTxnOpResponse::ResponseTxn(inner)),
                PbResponseOp { response: None },
            ],
        };
        let printed = |format| {
            let mut out = Vec::new();
            reply(
                &txn,
                format,
                true,
                &mut Page {
                    hex: false,
                    layout: Layout::V36,
                    out: &mut out,
                    records: false,
                    visible: false,
                    width: None,
                },
            )
            .unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(printed(Format::Simple), "SUCCESS\n\nFAILURE\n\n");
        assert_eq!(
            printed(Format::Json),
            "{\"succeeded\":true,\"responses\":[{\"Response\":{\"response_txn\":{\"header\":{\"revision\":3},\"responses\":[{\"Response\":{\"response_range\":{}}}]}}},{\"Response\":null}]}\n"
        );
    }
}
