//! The pages of the first copy, as the source gives them.

use super::{FIRST_PAGE, PAGE_BYTES};
use crate::etcd::raw::{GetOptions, PbRangeResponse};
use crate::etcd::{Client, Effect, Patience};

pub(super) fn fetch(
    source: &Client,
    key: &[u8],
    end: &[u8],
    revision: i64,
    size: i64,
    patience: Patience,
) -> crate::etcd::Result<PbRangeResponse> {
    let options = GetOptions::new()
        .with_range(end)
        .with_revision(revision)
        .with_limit(size);
    source
        .ask(Effect::Read, patience, async |etcd| {
            etcd.kv().get(key, Some(options.clone())).await
        })
        .map(|answer| answer.0)
}

/// Keys of the next page, judged by those of this one.
pub(super) fn page_size(page: &PbRangeResponse) -> i64 {
    let bytes: usize = page
        .kvs
        .iter()
        .map(|kv| kv.key.len() + kv.value.len() + 32)
        .sum();
    i64::try_from(PAGE_BYTES / (bytes / page.kvs.len().max(1)).max(1))
        .unwrap_or(FIRST_PAGE)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::raw::PbKeyValue;

    #[test]
    fn pages_aim_at_bytes() {
        let kv = |bytes| PbKeyValue {
            value: vec![0; bytes],
            ..Default::default()
        };
        assert_eq!(
            page_size(&PbRangeResponse {
                kvs: vec![kv(PAGE_BYTES)],
                ..Default::default()
            }),
            1
        );
        assert_eq!(
            page_size(&PbRangeResponse {
                kvs: vec![kv(992), kv(992)],
                ..Default::default()
            }),
            8192
        );
        assert!(page_size(&PbRangeResponse::default()) > 0);
    }
}
