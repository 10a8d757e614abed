//! `alarm`: what the members have raised.

pub(super) mod disarm;
pub(super) mod list;

use prost::Message;
use serde_json::{Value, json};

use crate::etcd::raw::{PbAlarmMember, PbAlarmResponse};
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::json::{self, Object};
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;

/// As etcd names it; a kind that is not known yet is its number.
pub(super) fn kind(alarm: &PbAlarmMember) -> String {
    match alarm.alarm {
        0 => "NONE".into(),
        1 => "NOSPACE".into(),
        2 => "CORRUPT".into(),
        other => other.to_string(),
    }
}

impl Reply for PbAlarmResponse {
    /// The text form of the message: fields that are zero are not in it.
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        for alarm in &self.alarms {
            let member = if alarm.member_id == 0 {
                String::new()
            } else {
                format!("memberID:{} ", alarm.member_id)
            };
            let kind = if alarm.alarm == 0 {
                String::new()
            } else {
                format!("alarm:{} ", kind(alarm))
            };
            page.line(format_args!("{member}{kind}"))?;
        }
        Ok(())
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            if self.alarms.is_empty() {
                return Ok(());
            }
            json::array(object.name("alarms")?, &self.alarms, |page, alarm| {
                Object::write(page, |object| {
                    object.some_number("memberID", alarm.member_id)?;
                    object.some_number("alarm", alarm.alarm)
                })
            })
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        for alarm in &self.alarms {
            page.id_field("MemberID", alarm.member_id)?;
            page.field("AlarmType", kind(alarm))?;
            page.line("")?;
        }
        Ok(())
    }

    fn decoded(&self) -> Option<Value> {
        Some(self.alarms.iter().map(|alarm| json!({ "member": format!("{:x}", alarm.member_id), "alarm": kind(alarm) })).collect())
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }

    fn native_table(&self, _: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["member", "alarm"]);
        table.rows = self
            .alarms
            .iter()
            .map(|alarm| vec![format!("{:x}", alarm.member_id), kind(alarm)])
            .collect();
        Ok(table)
    }
}
