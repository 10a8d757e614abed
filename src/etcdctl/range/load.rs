//! Many puts and deletions in transactions that are as large as etcd takes them, several under way at the same time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::etcd::raw::{PutOptions, Txn, TxnOp};
use crate::etcd::{self, Client, Effect};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::range::difference::Difference;
use crate::etcdctl::range::pages::Pace;
use crate::etcdctl::verb::Lines;
use crate::locked::locked;

/// Bytes of one transaction; etcd takes requests of 1.5 MiB.
const BYTES: usize = 1 << 20;
/// What a key costs beside itself and its value.
const OVERHEAD: usize = 32;
/// Transactions that are under way.
const WORKERS: usize = 8;

/// Operations on their way into transactions.
struct Batch {
    bytes: usize,
    limit: usize,
    operations: Vec<TxnOp>,
    workers: SyncSender<Vec<TxnOp>>,
}

impl Batch {
    /// False when nobody takes them any more.
    fn add(&mut self, operation: TxnOp, bytes: usize) -> bool {
        let bytes = bytes + OVERHEAD;
        let full = self.operations.len() == self.limit
            || !self.operations.is_empty() && self.bytes + bytes > BYTES;
        if full && !self.send() {
            return false;
        }
        self.bytes += bytes;
        self.operations.push(operation);
        true
    }

    fn send(&mut self) -> bool {
        self.bytes = 0;
        let operations = std::mem::take(&mut self.operations);
        operations.is_empty() || self.workers.send(operations).is_ok()
    }
}

/// Write the records that differ, delete the keys that are extra; the result is the number of transactions.
pub(crate) fn write(
    call: &mut Call<'_>,
    lines: &Lines,
    difference: &Difference,
    limit: usize,
) -> Outcome<u64> {
    let client = call.client()?.clone();
    let pace = Pace::of(call)?;
    let (workers, batches) = sync_channel(WORKERS);
    let batches = Mutex::new(Some(batches));
    let (sent, written) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let work = || work(&client, pace, &batches, &sent, &written);
        let running: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        let read = feed(
            call,
            lines,
            difference,
            Batch {
                bytes: 0,
                limit,
                operations: Vec::new(),
                workers,
            },
        );
        let mut result = Ok(());
        for worker in running {
            match worker.join() {
                Ok(worked) => result = result.and(worked),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        let written = written.load(Ordering::Relaxed);
        let unfinished = |failure: Box<Failure>| {
            failure.with_hint(format!(
                "{written} keys were written; run it again, it goes on with the rest"
            ))
        };
        result.map_err(|fault| unfinished(call.failed(&fault)))?;
        read.map_err(unfinished)
    })?;
    Ok(sent.load(Ordering::Relaxed))
}

fn feed(call: &mut Call<'_>, lines: &Lines, difference: &Difference, mut batch: Batch) -> Outcome {
    let mut leases = call.flag("leases").then(HashMap::new);
    let mut records = lines.read()?;
    let mut place = 0;
    while let Some(record) = records.next()? {
        place += 1;
        if !difference.is_written(place - 1) {
            continue;
        }
        let lease = match (&mut leases, &record.lease) {
            (Some(leases), Some((name, Some(ttl)))) if *ttl > 0 => {
                granted(call, leases, name, *ttl)?
            }
            _ => 0,
        };
        let bytes = record.key.len() + record.value.len();
        let put = TxnOp::put(
            record.key,
            record.value,
            (lease != 0).then(|| PutOptions::new().with_lease(lease)),
        );
        if !batch.add(put, bytes) {
            return Ok(());
        }
    }
    for key in &difference.extra {
        if !batch.add(TxnOp::delete(key.clone(), None), key.len()) {
            return Ok(());
        }
    }
    batch.send();
    Ok(())
}

/// The new lease for an old one.
fn granted(
    call: &mut Call<'_>,
    leases: &mut HashMap<String, i64>,
    name: &str,
    ttl: i64,
) -> Outcome<i64> {
    if let Some(lease) = leases.get(name) {
        return Ok(*lease);
    }
    let lease = call
        .write(async |etcd| etcd.lease().grant(ttl, None).await)?
        .id();
    leases.insert(name.to_string(), lease);
    Ok(lease)
}

/// Send transactions until there are no more. After a fault the channel is closed, so that all others end.
fn work(
    client: &Client,
    pace: Pace,
    batches: &Mutex<Option<Receiver<Vec<TxnOp>>>>,
    sent: &AtomicU64,
    written: &AtomicU64,
) -> etcd::Result<()> {
    loop {
        let batch = {
            let batches = locked(batches);
            let Some(Ok(batch)) = batches.as_ref().map(Receiver::recv) else {
                return Ok(());
            };
            batch
        };
        let answer = client.ask(Effect::Write, pace.patience(), async |etcd| {
            etcd.kv().txn(Txn::new().and_then(batch.as_slice())).await
        });
        if let Err(fault) = answer {
            *locked(batches) = None;
            return Err(fault);
        }
        sent.fetch_add(1, Ordering::Relaxed);
        written.fetch_add(batch.len() as u64, Ordering::Relaxed);
    }
}
