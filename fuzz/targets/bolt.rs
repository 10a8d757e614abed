//! A file that calls itself a snapshot: whatever is in it, it is told, and never read without end.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(file.path(), bytes).expect("it can be written");
    let _ = etcdsh::etcd::snapshot_status(file.path());
    let _ = etcdsh::etcd::snapshot_hash(file.path());
});
