//! The events of a watch in each format.

use std::io;

use prost::Message;

use crate::etcd::raw::{PbEvent, PbKeyValue, PbWatchResponse};
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply, json_header, json_kv};
use crate::etcdctl::form::table::Table;

/// What is printed of a watch; not all of it comes from etcd.
pub(super) struct Printed<'r> {
    pub(super) from_etcd: bool,
    pub(super) response: &'r PbWatchResponse,
}

/// As etcd names it; one that is not known is a number.
pub(super) fn kind(event: &PbEvent) -> String {
    match event.r#type {
        0 => "PUT".into(),
        1 => "DELETE".into(),
        other => other.to_string(),
    }
}

impl Reply for Printed<'_> {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.response.events.iter().try_for_each(|event| {
            page.line(kind(event))?;
            event.prev_kv.as_ref().map_or(Ok(()), |kv| page.pair(kv))?;
            page.pair(event.kv.as_ref().unwrap_or(&PbKeyValue::default()))
        })
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        let response = self.response;
        Ok(Object::write(page.out, |object| {
            object.object("Header", |object| {
                json_header(object, &response.header.unwrap_or_default())
            })?;
            if self.from_etcd {
                object.array("Events", &response.events, json_event)?;
            } else {
                object.raw("Events", "null")?;
            }
            object.raw("CompactRevision", response.compact_revision)?;
            object.raw("Canceled", response.canceled)?;
            object.raw("Created", response.created)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.response.header.as_ref())?;
        self.response.events.iter().try_for_each(|event| {
            page.field("Type", kind(event))?;
            event
                .prev_kv
                .as_ref()
                .map_or(Ok(()), |kv| page.kv_fields("Prev", kv))?;
            page.kv_fields("", event.kv.as_ref().unwrap_or(&PbKeyValue::default()))
        })
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        // etcdctl keeps the id and the reason to itself, and writes a header also when there is none.
        let header = Some(self.response.header.unwrap_or_default());
        Ok(PbWatchResponse {
            cancel_reason: String::new(),
            header,
            watch_id: 0,
            ..self.response.clone()
        }
        .encode_to_vec())
    }

    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["event", "key", "value", "version", "modified", "lease"]);
        for event in &self.response.events {
            let kv = event.kv.clone().unwrap_or_default();
            let lease = if kv.lease == 0 {
                String::new()
            } else {
                format!("{:x}", kv.lease)
            };
            table.rows.push(vec![
                kind(event),
                page.cell(&kv.key),
                page.cell(&kv.value),
                kv.version.to_string(),
                kv.mod_revision.to_string(),
                lease,
            ]);
        }
        Ok(table)
    }
}

fn json_event(page: &mut dyn io::Write, event: &PbEvent) -> io::Result<()> {
    Object::write(page, |object| {
        object.some_number("type", event.r#type)?;
        if let Some(kv) = &event.kv {
            json_kv(object.name("kv")?, kv)?;
        }
        event
            .prev_kv
            .as_ref()
            .map_or(Ok(()), |kv| json_kv(object.name("prev_kv")?, kv))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcdctl::form::print::{Format, Layout, reply};

    #[test]
    fn an_event_of_an_unknown_kind_is_a_number() {
        let event = PbEvent {
            r#type: 7,
            ..Default::default()
        };
        let response = PbWatchResponse {
            events: vec![event],
            ..Default::default()
        };
        let printed = |format| {
            let mut out = Vec::new();
            reply(
                &Printed {
                    from_etcd: true,
                    response: &response,
                },
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
        assert_eq!(printed(Format::Simple), "7\n\n\n");
        assert_eq!(
            printed(Format::Json),
            "{\"Header\":{},\"Events\":[{\"type\":7}],\"CompactRevision\":0,\"Canceled\":false,\"Created\":false}\n"
        );
    }
}
