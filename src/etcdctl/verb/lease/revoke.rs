//! `lease revoke ID`: end a lease; its keys go with it.

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{PbLeaseRevokeResponse, PbResponseHeader};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{FEATURE, Failure, Outcome};
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::go;
use crate::etcdctl::form::print::{Format, Page, Reply};

pub(in super::super) const VERB: Verb = Verb {
    name: "lease revoke",
    arguments: "<leaseID>",
    about: "end a lease and delete its keys",
    example: "lease revoke 32695410dcc0ca06",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments("lease revoke command needs 1 argument"));
    }
    let id = super::id(call)?;
    call.client()?;
    call.lacks(&[Format::Protobuf, Format::Table])?;
    let answer = call.write(async |etcd| etcd.lease().revoke(id).await);
    let answer = answer
        .map_err(|failure| failure.within(|text| format!("failed to revoke lease ({text})")))?;
    let PbLeaseRevokeResponse { header } = answer.0;
    call.reply(&Revoked {
        header,
        done: Done::new(header, format!("lease {} revoked", go::hex16(id))),
    })
}

struct Revoked {
    done: Done,
    header: Option<PbResponseHeader>,
}

impl Reply for Revoked {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.done.simple(page)
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        self.done.json(page)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        self.done.fields(page)
    }

    /// etcdctl's printer does not know this message, and says so with all that is in it.
    fn protobuf(&self) -> Outcome<Vec<u8>> {
        let header = self.header.as_ref().map_or_else(|| "<nil>".into(), go_text);
        Err(Failure::new(
            FEATURE,
            format!(
                "marshal unsupported for type clientv3.LeaseRevokeResponse ({{{header} {{}} [] 0}})"
            ),
        ))
    }
}

/// A header as Go prints it: each field that is not 0, and a blank.
fn go_text(header: &PbResponseHeader) -> String {
    let (cluster, member, term) = (header.cluster_id, header.member_id, header.raft_term);
    let fields = [
        ("cluster_id", cluster.to_string()),
        ("member_id", member.to_string()),
        ("revision", header.revision.to_string()),
        ("raft_term", term.to_string()),
    ];
    fields
        .iter()
        .filter(|(_, value)| value != "0")
        .map(|(name, value)| format!("{name}:{value} "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_in_go() {
        let header = PbResponseHeader {
            cluster_id: 7,
            member_id: 8,
            revision: 0,
            raft_term: 2,
        };
        assert_eq!(go_text(&header), "cluster_id:7 member_id:8 raft_term:2 ");
    }
}
