//! `get KEY [RANGE_END]`: one key, a range, or all keys under a prefix.
//!
//! Outside strict mode a large range is fetched in pages at one revision, the next while one is printed, so that memory
//! does not grow with the number of keys.

use etcd_client::proto::PbRangeResponse;
use etcd_client::{GetOptions, SortOrder, SortTarget};
use prost::Message;

use super::{Deadline, Since, Verb};
use crate::etcd::{Client, Effect, Patience, prefix_end};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{FEATURE, Failure, Outcome};
use crate::etcdctl::flag::Flag;
use crate::etcdctl::go;
use crate::etcdctl::json::{self, Object};
use crate::etcdctl::print::{Format, Page, Reply, json_kv, json_with_header};
use crate::etcdctl::table::Table;

pub(super) const VERB: Verb = Verb {
    name: "get",
    arguments: "<key> [range_end]",
    about: "get a key or a range of keys [key, range_end)",
    example: "get greeting\nget --prefix /service/ --keys-only\nget greeting --rev=4 -w json",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::text("consistency", "l", "l asks the quorum (linearizable), s only the member (serializable)"),
    Flag::bool("count-only", "get only the number of keys"),
    Flag::bool("from-key", "get all keys from this one on"),
    Flag::bool("keys-only", "get the keys without their values"),
    Flag::int("limit", "0", "at most so many keys; 0 is all"),
    Flag::int("max-create-rev", "0", "only keys created up to this revision"),
    Flag::int("max-mod-rev", "0", "only keys changed up to this revision"),
    Flag::int("min-create-rev", "0", "only keys created since this revision"),
    Flag::int("min-mod-rev", "0", "only keys changed since this revision"),
    Flag::text("order", "", "ASCEND or DESCEND"),
    Flag::bool("prefix", "get all keys that begin so"),
    Flag::bool("print-value-only", "print only the values, in the simple format"),
    Flag::int("rev", "0", "the keys as they were at this revision; 0 is now"),
    Flag::text("sort-by", "", "CREATE, KEY, MODIFY, VALUE or VERSION"),
];

/// Bytes that a page aims at.
const PAGE_BYTES: usize = 8 << 20;
/// Keys of the first page, before anything is known of their size.
const FIRST_PAGE: i64 = 1000;

/// What is to be got, read from the words and flags of `get`: as a command or as a line of a transaction.
pub(super) struct Get {
    pub(super) key: Vec<u8>,
    pub(super) query: Query,
}

/// As `GetOptions`, but it can be looked at.
#[derive(Clone, Default)]
pub(super) struct Query {
    count_only: bool,
    end: Option<Vec<u8>>,
    keys_only: bool,
    limit: i64,
    max_create: i64,
    max_mod: i64,
    min_create: i64,
    min_mod: i64,
    rev: i64,
    serializable: bool,
    sort: Option<(SortTarget, SortOrder)>,
}

impl Query {
    pub(super) fn options(&self) -> GetOptions {
        let mut options = GetOptions::new()
            .with_limit(self.limit)
            .with_revision(self.rev)
            .with_max_create_revision(self.max_create)
            .with_max_mod_revision(self.max_mod)
            .with_min_create_revision(self.min_create)
            .with_min_mod_revision(self.min_mod);
        if let Some(end) = &self.end {
            options = options.with_range(end.clone());
        }
        if let Some((target, order)) = self.sort {
            options = options.with_sort(target, order);
        }
        if self.serializable {
            options = options.with_serializable();
        }
        if self.keys_only {
            options = options.with_keys_only();
        }
        if self.count_only {
            options = options.with_count_only();
        }
        options
    }

    /// Can it be asked for in pages that follow each other by key?
    fn is_pageable(&self) -> bool {
        let filtered = [self.max_create, self.max_mod, self.min_create, self.min_mod].iter().any(|rev| *rev != 0);
        self.end.is_some() && self.sort.is_none() && !self.count_only && !filtered
    }
}

pub(super) fn parse(call: &mut Call<'_>) -> Outcome<Get> {
    let mut key = call.words.first().cloned().ok_or_else(|| Failure::arguments("get command needs one argument as key and an optional argument as range_end"))?;
    let (prefix, from_key) = (call.flag("prefix"), call.flag("from-key"));
    if prefix && from_key {
        return Err(Failure::arguments("`--prefix` and `--from-key` cannot be set at the same time, choose one"));
    }
    let (keys_only, count_only) = (call.flag("keys-only"), call.flag("count-only"));
    if keys_only && count_only {
        return Err(Failure::arguments("`--keys-only` and `--count-only` cannot be set at the same time, choose one"));
    }
    let serializable = match call.text("consistency").as_str() {
        "s" => true,
        "l" => false,
        other => return Err(Failure::new(FEATURE, format!("unknown consistency flag {}", go::quote(other.as_bytes())))),
    };
    let mut end = None;
    if let Some(word) = call.words.get(1) {
        if prefix || from_key {
            return Err(Failure::arguments("too many arguments, only accept one argument when `--prefix` or `--from-key` is set"));
        }
        end = Some(word.clone());
    }
    let sort = sort(call)?;
    if prefix || from_key {
        end = Some(if from_key || key.is_empty() { vec![0] } else { prefix_end(&key) });
        if key.is_empty() {
            key = vec![0];
        }
    }
    let (min_create, max_create) = range(call, "create")?;
    let (min_mod, max_mod) = range(call, "mod")?;
    let (limit, rev) = (call.number("limit"), call.number("rev"));
    Ok(Get { key, query: Query { count_only, end, keys_only, limit, max_create, max_mod, min_create, min_mod, rev, serializable, sort } })
}

fn sort(call: &Call<'_>) -> Outcome<Option<(SortTarget, SortOrder)>> {
    let order = call.text("order").to_uppercase();
    let order = match order.as_str() {
        "" => SortOrder::None,
        "ASCEND" => SortOrder::Ascend,
        "DESCEND" => SortOrder::Descend,
        _ => return Err(Failure::new(FEATURE, format!("bad sort order {}", call.text("order")))),
    };
    let target = match call.text("sort-by").to_uppercase().as_str() {
        "" | "KEY" => SortTarget::Key,
        "CREATE" => SortTarget::Create,
        "MODIFY" => SortTarget::Mod,
        "VALUE" => SortTarget::Value,
        "VERSION" => SortTarget::Version,
        _ => return Err(Failure::new(FEATURE, format!("bad sort target {}", call.text("sort-by")))),
    };
    // By key and ascending is how etcd answers anyway; another target without an order ascends.
    Ok(match (target, order) {
        (SortTarget::Key, SortOrder::None | SortOrder::Ascend) => None,
        (target, SortOrder::None) => Some((target, SortOrder::Ascend)),
        sort => Some(sort),
    })
}

fn range(call: &Call<'_>, what: &str) -> Outcome<(i64, i64)> {
    let (min, max) = (call.number(&format!("min-{what}-rev")), call.number(&format!("max-{what}-rev")));
    if min > max && max != 0 {
        return Err(Failure::new(FEATURE, format!("invalid range of {what} revisions: min {min} is greater than max {max}")));
    }
    Ok((min, max))
}

fn run(call: &mut Call<'_>) -> Outcome {
    let Get { key, query } = parse(call)?;
    let format = call.format()?;
    let value_only = call.flag("print-value-only");
    if !call.style.strict && query.is_pageable() && !matches!(format, Format::Protobuf | Format::Table) {
        return paged(call, key, query, value_only && format == Format::Simple);
    }
    let options = query.options();
    let answer = call.read(async |etcd| etcd.kv().get(key.clone(), Some(options.clone())).await)?.0;
    if query.count_only && format != Format::Fields {
        if call.style.strict {
            return Err(Failure::arguments("--count-only is only for `--write-out=fields`"));
        }
        if format == Format::Simple {
            return call.say(answer.count);
        }
    }
    if value_only {
        if format != Format::Simple {
            return Err(Failure::arguments("print-value-only is only for `--write-out=simple`"));
        }
        let mut page = call.page()?;
        return answer.kvs.iter().try_for_each(|kv| page.bytes_line(&kv.value));
    }
    call.reply(&answer)
}

/// Fetch and print page by page. All pages are of the revision that the first one was read at.
fn paged(call: &mut Call<'_>, key: Vec<u8>, query: Query, value_only: bool) -> Outcome {
    let mut pages = Pages { key, left: (query.limit > 0).then_some(query.limit), query, size: FIRST_PAGE };
    let client = call.client()?.clone();
    let mut patience = call.patience()?;
    let allowed = patience.deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
    let mut answer = pages.fetch(&client, patience).map_err(|fault| call.failed(&fault))?;
    let format = call.format()?;
    let count = answer.count;
    let mut printer = Printer { first: true, format, value_only };
    loop {
        let following = pages.advance(&answer);
        // A deadline is one request's.
        patience.deadline = allowed.map(|allowed| std::time::Instant::now() + allowed);
        let more = answer.more;
        let next = std::thread::scope(|scope| {
            let next = following.then(|| scope.spawn(|| pages.fetch(&client, patience)));
            printer.print(&mut call.page()?, &answer)?;
            Ok::<_, Box<Failure>>(next.map(|next| next.join()))
        })?;
        match next {
            None => {
                // More keys than the limit are there, as the last page says.
                return printer.finish(&mut call.page()?, more, count);
            }
            Some(Ok(Ok(page))) => answer = page,
            Some(Ok(Err(fault))) => return Err(call.failed(&fault)),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

struct Pages {
    key: Vec<u8>,
    /// Keys that may still come, when there is a limit.
    left: Option<i64>,
    query: Query,
    /// Keys of the next page.
    size: i64,
}

impl Pages {
    fn fetch(&self, client: &Client, patience: Patience) -> crate::etcd::Result<PbRangeResponse> {
        let limit = self.left.map_or(self.size, |left| left.min(self.size));
        let options = Query { limit, ..self.query.clone() }.options();
        client.ask(Effect::Read, patience, async |etcd| etcd.kv().get(self.key.clone(), Some(options.clone())).await).map(|answer| answer.0)
    }

    /// Go on behind this page; false when it was the last one.
    fn advance(&mut self, answer: &PbRangeResponse) -> bool {
        let keys = answer.kvs.len();
        if let Some(left) = &mut self.left {
            *left -= i64::try_from(keys).unwrap_or(i64::MAX);
        }
        let Some(last) = answer.kvs.last().filter(|_| answer.more && self.left.is_none_or(|left| left > 0)) else { return false };
        self.key = last.key.clone();
        self.key.push(0);
        if self.query.rev == 0 {
            self.query.rev = answer.header.map_or(0, |header| header.revision);
        }
        let bytes: usize = answer.kvs.iter().map(|kv| kv.key.len() + kv.value.len() + 32).sum();
        self.size = i64::try_from(PAGE_BYTES / (bytes / keys).max(1)).unwrap_or(i64::MAX).max(1);
        true
    }
}

/// Writes what several pages have together as if they were one reply.
struct Printer {
    first: bool,
    format: Format,
    value_only: bool,
}

impl Printer {
    fn print(&mut self, page: &mut Page<'_>, answer: &PbRangeResponse) -> Outcome {
        let first = std::mem::take(&mut self.first);
        match self.format {
            Format::Fields => {
                if first {
                    page.header_fields(answer.header.as_ref())?;
                }
                answer.kvs.iter().try_for_each(|kv| page.kv_fields("", kv))
            }
            Format::Json => {
                if first {
                    page.out.write_all(b"{\"header\":")?;
                    let header = answer.header.unwrap_or_default();
                    Object::write(page.out, |object| crate::etcdctl::print::json_header(object, &header))?;
                    if !answer.kvs.is_empty() {
                        page.out.write_all(b",\"kvs\":[")?;
                    }
                }
                for (place, kv) in answer.kvs.iter().enumerate() {
                    if place > 0 || !first {
                        page.out.write_all(b",")?;
                    }
                    json_kv(page.out, kv)?;
                }
                Ok(())
            }
            _ if self.value_only => answer.kvs.iter().try_for_each(|kv| page.bytes_line(&kv.value)),
            _ => answer.kvs.iter().try_for_each(|kv| page.pair(kv)),
        }
    }

    fn finish(&self, page: &mut Page<'_>, more: bool, count: i64) -> Outcome {
        match self.format {
            Format::Fields => {
                page.field("More", more)?;
                page.field("Count", count)
            }
            Format::Json => {
                if count > 0 {
                    page.out.write_all(b"]")?;
                }
                if more {
                    page.out.write_all(b",\"more\":true")?;
                }
                if count > 0 {
                    write!(page.out, ",\"count\":{count}")?;
                }
                page.line("}")
            }
            _ => Ok(()),
        }
    }
}

impl Reply for PbRangeResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.kvs.iter().try_for_each(|kv| page.pair(kv))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            if !self.kvs.is_empty() {
                json::array(object.name("kvs")?, &self.kvs, json_kv)?;
            }
            object.some_bool("more", self.more)?;
            object.some_number("count", self.count)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        self.kvs.iter().try_for_each(|kv| page.kv_fields("", kv))?;
        page.field("More", self.more)?;
        page.field("Count", self.count)
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }

    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["key", "value", "version", "create", "modified", "lease"]);
        for kv in &self.kvs {
            let lease = if kv.lease == 0 { String::new() } else { format!("{:x}", kv.lease) };
            let numbers = [kv.version, kv.create_revision, kv.mod_revision].map(|number| number.to_string());
            table.rows.push([vec![page.cell(&kv.key), page.cell(&kv.value)], numbers.to_vec(), vec![lease]].concat());
        }
        Ok(table)
    }
}
