//! The reply of a call that says nothing but that it was done: a header, and the sentence of the simple format.

use prost::Message;

use crate::etcd::raw::PbResponseHeader;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply, json_with_header};

/// All such messages of etcd have the header as their first field and no other.
#[derive(Clone, PartialEq, prost::Message)]
struct HeaderOnly {
    #[prost(message, optional, tag = "1")]
    header: Option<PbResponseHeader>,
}

pub(crate) struct Done {
    message: HeaderOnly,
    text: Vec<u8>,
}

impl Done {
    pub(crate) fn new(header: Option<PbResponseHeader>, text: impl Into<Vec<u8>>) -> Done {
        Done {
            message: HeaderOnly { header },
            text: text.into(),
        }
    }
}

impl Reply for Done {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.text(&self.text, false)?;
        page.line("")
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.message.header.as_ref())
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.message.header.as_ref())
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.message.encode_to_vec())
    }
}
