//! A command of etcdctl that reads its input and finds no cluster: its grammar is all that is run.

use std::sync::Arc;

use etcdsh::error::{Error, Result};
use etcdsh::etcdctl::{Io, Place, Placed, Style, Wanted, run};

struct Nowhere;

impl Place for Nowhere {
    fn cluster(&self, _: &Wanted) -> Result<Option<Placed>> {
        Err(Error::config("there is no cluster here"))
    }
}

/// The exit code of the command and what it wrote.
pub fn carry_out(words: &[&str], mut input: &[u8]) -> (i32, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut style = Style::of_process("etcdctl", false);
    style.place = Some(Arc::new(Nowhere));
    style.variables.clear();
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mut io = Io {
        err: &mut err,
        input: &mut input,
        out: &mut out,
        stdin: false,
        terminal: false,
    };
    (run(&words, &style, &mut io), err)
}
