//! `endpoint status`: what each member says about itself.

use std::io;

use serde_json::{Value, json};

use super::{Asked, ask_in_order, targets};
use crate::etcd::raw::PbStatusResponse;
use crate::etcd::{Client, Patience};
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::{Object, array};
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "endpoint status",
    arguments: "",
    about: "show version, size, leader and raft state of the members behind the endpoints",
    example: "endpoint status -w table\nendpoint status --cluster",
    flags: &[],
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.style.strict {
        call.client()?;
    }
    let cluster = call.inherited_flag("cluster");
    let targets = targets(call, cluster)?;
    let mut rows = ask_in_order(call, targets, ask)?;
    let failed = rows.iter().any(|row| row.answer.is_err());
    if call.style.strict {
        for row in &rows {
            if let Err(why) = &row.answer {
                call.complain(format_args!(
                    "Failed to get the status of endpoint {} ({why})",
                    row.target.endpoint
                ))?;
            }
        }
        rows.retain(|row| row.answer.is_ok());
    }
    call.reply(&Statuses(rows))?;
    if failed {
        Err(Failure::silent(ERROR))
    } else {
        Ok(())
    }
}

pub(in crate::etcdctl::verb) fn ask(
    client: &Client,
    patience: Patience,
) -> crate::etcd::Result<PbStatusResponse> {
    client
        .look(patience, async |etcd| etcd.maintenance().status().await)
        .map(|answer| answer.0)
}

/// In native mode a member that does not answer has a row, too, with the reason.
struct Statuses(Vec<Asked<PbStatusResponse>>);

const COLUMNS_35: [&str; 10] = [
    "endpoint",
    "ID",
    "version",
    "db size",
    "is leader",
    "is learner",
    "raft term",
    "raft index",
    "raft applied index",
    "errors",
];
const COLUMNS_36: [&str; 16] = [
    "endpoint",
    "ID",
    "version",
    "storage version",
    "db size",
    "in use",
    "percentage not in use",
    "quota",
    "is leader",
    "is learner",
    "raft term",
    "raft index",
    "raft applied index",
    "errors",
    "downgrade target version",
    "downgrade enabled",
];

impl Reply for Statuses {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.0
            .iter()
            .try_for_each(|asked| page.line(row(asked, page.layout).join(", ")))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        let layout = page.layout;
        if self.0.is_empty() {
            return Ok(page.out.write_all(empty(layout))?);
        }
        Ok(array(page.out, &self.0, |page, asked| {
            Object::write(page, |object| {
                object.string("Endpoint", &asked.target.endpoint)?;
                match &asked.answer {
                    Ok(status) => {
                        object.object("Status", |object| json_status(object, status, layout))
                    }
                    Err(why) => object.string("Error", why),
                }
            })
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        Some(self.0.iter().map(decoded).collect())
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        for asked in &self.0 {
            match &asked.answer {
                Ok(status) => fields(page, &asked.target.endpoint, status)?,
                Err(why) => {
                    page.quoted("Endpoint", asked.target.endpoint.as_bytes())?;
                    page.quoted("Error", why.as_bytes())?;
                }
            }
            page.line("")?;
        }
        Ok(())
    }

    fn table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = if page.layout >= Layout::V36 {
            Table::new(&COLUMNS_36)
        } else {
            Table::new(&COLUMNS_35)
        };
        table.rows = self.0.iter().map(|asked| row(asked, page.layout)).collect();
        Ok(table)
    }
}

/// An empty list of endpoints: since 3.6 Go's nil.
pub(super) fn empty(layout: Layout) -> &'static [u8] {
    if layout >= Layout::V36 {
        b"null"
    } else {
        b"[]"
    }
}

fn row(asked: &Asked<PbStatusResponse>, layout: Layout) -> Vec<String> {
    let endpoint = asked.target.endpoint.clone();
    let new = layout >= Layout::V36;
    let status = match &asked.answer {
        Ok(status) => status,
        Err(why) => {
            let columns = if new {
                COLUMNS_36.as_slice()
            } else {
                &COLUMNS_35
            };
            let mut row = vec![String::new(); columns.len()];
            row[0] = endpoint;
            row[1] = asked
                .target
                .member
                .map_or_else(String::new, |id| format!("{id:x}"));
            if let Some(place) = columns.iter().position(|name| *name == "errors") {
                row[place].clone_from(why);
            }
            return row;
        }
    };
    let id = status.header.map_or(0, |header| header.member_id);
    let size = |bytes: i64| go::size(bytes.cast_unsigned());
    let mut row = vec![endpoint, format!("{id:x}"), status.version.clone()];
    if new {
        let unused = status
            .db_size_in_use
            .saturating_mul(100)
            .checked_div(status.db_size)
            .map_or(0, |used| 100_i64.saturating_sub(used));
        row.extend([
            status.storage_version.clone(),
            size(status.db_size),
            size(status.db_size_in_use),
            format!("{unused}%"),
            size(status.db_size_quota),
        ]);
    } else {
        row.push(size(status.db_size));
    }
    row.extend([
        (status.leader == id).to_string(),
        status.is_learner.to_string(),
    ]);
    row.extend(
        [
            status.raft_term,
            status.raft_index,
            status.raft_applied_index,
        ]
        .map(|number| number.to_string()),
    );
    row.push(status.errors.join(", "));
    if new {
        let downgrade = status.downgrade_info.as_ref();
        row.extend([
            downgrade.map_or_else(String::new, |info| info.target_version.clone()),
            downgrade.is_some_and(|info| info.enabled).to_string(),
        ]);
    }
    row
}

fn json_status(
    object: &mut Object<'_>,
    status: &PbStatusResponse,
    layout: Layout,
) -> io::Result<()> {
    json_with_header(object, status.header.as_ref())?;
    object.some_string("version", &status.version)?;
    object.some_number("dbSize", status.db_size)?;
    object.some_number("leader", status.leader)?;
    object.some_number("raftIndex", status.raft_index)?;
    object.some_number("raftTerm", status.raft_term)?;
    object.some_number("raftAppliedIndex", status.raft_applied_index)?;
    object.some_strings("errors", &status.errors)?;
    object.some_number("dbSizeInUse", status.db_size_in_use)?;
    object.some_bool("isLearner", status.is_learner)?;
    if layout < Layout::V36 {
        return Ok(());
    }
    object.some_string("storageVersion", &status.storage_version)?;
    object.some_number("dbSizeQuota", status.db_size_quota)?;
    let Some(info) = &status.downgrade_info else {
        return Ok(());
    };
    object.object("downgradeInfo", |object| {
        object.some_bool("enabled", info.enabled)?;
        object.some_string("targetVersion", &info.target_version)
    })
}

fn decoded(asked: &Asked<PbStatusResponse>) -> Value {
    let endpoint = &asked.target.endpoint;
    let status = match &asked.answer {
        Ok(status) => status,
        Err(why) => {
            return json!({ "endpoint": endpoint, "id": asked.target.member.map(|id| format!("{id:x}")), "error": why });
        }
    };
    let id = status.header.map_or(0, |header| header.member_id);
    json!({
        "endpoint": endpoint,
        "id": format!("{id:x}"),
        "version": status.version,
        "storage_version": status.storage_version,
        "db_size": status.db_size,
        "db_size_in_use": status.db_size_in_use,
        "quota": status.db_size_quota,
        "leader": format!("{:x}", status.leader),
        "is_leader": status.leader == id,
        "is_learner": status.is_learner,
        "raft_term": status.raft_term,
        "raft_index": status.raft_index,
        "raft_applied_index": status.raft_applied_index,
        "revision": status.header.map_or(0, |header| header.revision),
        "errors": status.errors,
        "downgrade": status.downgrade_info.as_ref().filter(|info| info.enabled).map(|info| &info.target_version),
    })
}

fn fields(page: &mut Page<'_>, endpoint: &str, status: &PbStatusResponse) -> Outcome {
    let new = page.layout >= Layout::V36;
    page.header_fields(status.header.as_ref())?;
    page.quoted("Version", status.version.as_bytes())?;
    if new {
        page.quoted("StorageVersion", status.storage_version.as_bytes())?;
    }
    page.field("DBSize", status.db_size)?;
    if new {
        page.field("DBSizeInUse", status.db_size_in_use)?;
        page.field("DBSizeQuota", status.db_size_quota)?;
    }
    page.field("Leader", status.leader)?;
    page.field("IsLearner", status.is_learner)?;
    page.field("RaftIndex", status.raft_index)?;
    page.field("RaftTerm", status.raft_term)?;
    page.field("RaftAppliedIndex", status.raft_applied_index)?;
    page.field("Errors", format_args!("[{}]", status.errors.join(" ")))?;
    page.quoted("Endpoint", endpoint.as_bytes())?;
    if new {
        let info = status.downgrade_info.clone().unwrap_or_default();
        page.quoted("DowngradeTargetVersion", info.target_version.as_bytes())?;
        page.field("DowngradeEnabled", info.enabled)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::etcd::raw::PbResponseHeader;

    use super::super::Target;
    use super::*;
    use crate::etcdctl::form::print::{self, Format};

    fn printed(answer: Result<PbStatusResponse, String>, format: Format, layout: Layout) -> String {
        let target = Target {
            endpoint: "a:1".into(),
            member: Some(0xab),
        };
        let mut out = Vec::new();
        print::reply(
            &Statuses(vec![Asked { answer, target }]),
            format,
            true,
            &mut Page {
                hex: false,
                layout,
                out: &mut out,
                records: false,
                visible: false,
                width: None,
            },
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    fn status() -> PbStatusResponse {
        PbStatusResponse {
            header: Some(PbResponseHeader {
                cluster_id: 1,
                member_id: 10,
                revision: 3,
                raft_term: 2,
            }),
            version: "3.6.4".into(),
            db_size: 20_480,
            leader: 10,
            raft_index: 7,
            raft_term: 2,
            raft_applied_index: 7,
            errors: vec!["x".into(), "y".into()],
            db_size_in_use: 16_384,
            storage_version: "3.6.0".into(),
            db_size_quota: 2_147_483_648,
            downgrade_info: Some(etcd_client::proto::PbDowngradeInfo::default()),
            ..PbStatusResponse::default()
        }
    }

    #[test]
    fn a_status_looks_as_in_each_release() {
        for (format, layout, wanted) in [
            (
                Format::Simple,
                Layout::V35,
                "a:1, a, 3.6.4, 20 kB, true, false, 2, 7, 7, x, y\n",
            ),
            (
                Format::Simple,
                Layout::V36,
                "a:1, a, 3.6.4, 3.6.0, 20 kB, 16 kB, 20%, 2.1 GB, true, false, 2, 7, 7, x, y, , false\n",
            ),
            (
                Format::Json,
                Layout::V35,
                r#"[{"Endpoint":"a:1","Status":{"header":{"cluster_id":1,"member_id":10,"revision":3,"raft_term":2},"version":"3.6.4","dbSize":20480,"leader":10,"raftIndex":7,"raftTerm":2,"raftAppliedIndex":7,"errors":["x","y"],"dbSizeInUse":16384}}]
"#,
            ),
            (
                Format::Json,
                Layout::V36,
                r#"[{"Endpoint":"a:1","Status":{"header":{"cluster_id":1,"member_id":10,"revision":3,"raft_term":2},"version":"3.6.4","dbSize":20480,"leader":10,"raftIndex":7,"raftTerm":2,"raftAppliedIndex":7,"errors":["x","y"],"dbSizeInUse":16384,"storageVersion":"3.6.0","dbSizeQuota":2147483648,"downgradeInfo":{}}}]
"#,
            ),
            (
                Format::Fields,
                Layout::V36,
                r#""ClusterID" : 1
"MemberID" : 10
"Revision" : 3
"RaftTerm" : 2
"Version" : "3.6.4"
"StorageVersion" : "3.6.0"
"DBSize" : 20480
"DBSizeInUse" : 16384
"DBSizeQuota" : 2147483648
"Leader" : 10
"IsLearner" : false
"RaftIndex" : 7
"RaftTerm" : 2
"RaftAppliedIndex" : 7
"Errors" : [x y]
"Endpoint" : "a:1"
"DowngradeTargetVersion" : ""
"DowngradeEnabled" : false

"#,
            ),
        ] {
            assert_eq!(printed(Ok(status()), format, layout), wanted);
        }
    }

    #[test]
    fn a_dead_member_has_a_row() {
        let dead = || Err("connection refused".to_string());
        assert_eq!(
            printed(dead(), Format::Simple, Layout::V35),
            "a:1, ab, , , , , , , , connection refused\n"
        );
        assert_eq!(
            printed(dead(), Format::Simple, Layout::V36),
            "a:1, ab, , , , , , , , , , , , connection refused, , \n"
        );
        assert_eq!(
            printed(dead(), Format::Json, Layout::V36),
            "[{\"Endpoint\":\"a:1\",\"Error\":\"connection refused\"}]\n"
        );
    }

    #[test]
    fn a_size_that_makes_no_sense_does_no_harm() {
        let odd = PbStatusResponse {
            db_size: 0,
            db_size_in_use: i64::MAX,
            ..status()
        };
        assert!(printed(Ok(odd), Format::Simple, Layout::V36).contains(", 0 B, "));
        let odd = PbStatusResponse {
            db_size: -1,
            db_size_in_use: i64::MIN,
            ..status()
        };
        assert!(printed(Ok(odd), Format::Simple, Layout::V36).contains(" EB, "));
    }
}
