//! `downgrade`: the cluster back to the release before.

pub(super) mod cancel;
pub(super) mod enable;
pub(super) mod validate;

use prost::Message;
use serde_json::{Value, json};

use crate::etcd::raw::{DowngradeOptions, PbDowngradeResponse};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply, json_with_header};

const LACKS: &[Format] = &[Format::Fields, Format::Table];

/// The version that is the only word.
fn version(call: &Call<'_>) -> Outcome<String> {
    match call.words.as_slice() {
        [] => Err(Failure::arguments("TARGET_VERSION not provided")),
        [version] if version.is_empty() => Err(Failure::arguments("target version not provided")),
        [_] => Ok(call.word(0)),
        _ => Err(Failure::arguments("too many arguments")),
    }
}

fn send(call: &mut Call<'_>, options: &DowngradeOptions, step: &'static str) -> Outcome {
    call.lacks(LACKS)?;
    let answer = call.write(async |etcd| etcd.maintenance().downgrade(options.clone()).await)?;
    call.reply(&Answered {
        answer: answer.0,
        step,
    })
}

struct Answered {
    answer: PbDowngradeResponse,
    step: &'static str,
}

impl Reply for Answered {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(format_args!(
            "Downgrade {} success, cluster version {}",
            self.step, self.answer.version
        ))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.answer.header.as_ref())?;
            object.some_string("version", &self.answer.version)
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        Some(json!({ "step": self.step, "cluster_version": self.answer.version }))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.answer.encode_to_vec())
    }
}
