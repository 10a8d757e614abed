//! The kinds of machine that etcd is released for, and how a program tells which one it is for.

use crate::error::{Error, Result};

/// A kind of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    Amd64,
    Arm64,
    Ppc64le,
    S390x,
}

/// How etcd's releases call each, how `uname -m` does, and its number in the head of a program (ELF, `e_machine`).
const ALL: [(Machine, &str, &str, u16); 4] = [
    (Machine::Amd64, "amd64", "x86_64", 62),
    (Machine::Arm64, "arm64", "aarch64", 183),
    (Machine::Ppc64le, "ppc64le", "ppc64le", 21),
    (Machine::S390x, "s390x", "s390x", 22),
];

impl Machine {
    /// By either of its names.
    pub fn named(name: &str) -> Result<Machine> {
        let found = ALL
            .iter()
            .find(|(_, own, kernel, _)| name == *own || name == *kernel);
        found.map(|(machine, ..)| *machine).ok_or_else(|| {
            let known: Vec<&str> = ALL.iter().map(|(_, own, ..)| *own).collect();
            Error::config(format!("etcd is not released for `{name}`"))
                .because(format!("it is for {}", known.join(", ")))
                .hint("take `etcd_source: package`, if the distribution has it")
        })
    }

    /// The one that this program runs on.
    pub fn own() -> Result<Machine> {
        Machine::named(std::env::consts::ARCH)
    }

    /// As etcd's releases call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter()
            .find(|(machine, ..)| *machine == self)
            .map_or("", |(_, name, ..)| name)
    }

    /// The machine that a program is for, by its first bytes; `None` where they are none of a program.
    pub(super) fn of_program(content: &[u8]) -> Option<std::result::Result<Machine, u16>> {
        let little = match content.get(..6)? {
            [0x7f, b'E', b'L', b'F', _, order] => *order == 1,
            _ => return None,
        };
        let bytes: [u8; 2] = content.get(18..20)?.try_into().ok()?;
        let number = if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        };
        let found = ALL.iter().find(|(.., own)| *own == number);
        Some(found.map(|(machine, ..)| *machine).ok_or(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_what_it_is_for() {
        let own = std::fs::read("/proc/self/exe").expect("this program");
        assert_eq!(
            Machine::of_program(&own),
            Some(Ok(Machine::own().expect("known")))
        );
        assert_eq!(Machine::of_program(b"#!/bin/sh\n"), None);
        let mut other = own[..64].to_vec();
        other[18] = 243;
        assert_eq!(Machine::of_program(&other), Some(Err(243)));
    }

    #[test]
    fn a_machine_has_two_names() {
        assert_eq!(Machine::named("aarch64").ok(), Machine::named("arm64").ok());
        assert!(Machine::named("riscv64").is_err());
    }
}
