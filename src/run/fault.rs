//! Fault points for the crash sweep: die just before or just after a named change.
//!
//! `ETCDSH_FAULT=HOST:NTH:before|after` kills the process with SIGKILL around the nth change on that host, as a
//! power cut of the control machine would. Only the tests set it.

#[derive(Debug, Default)]
pub(super) struct Faults {
    at: Option<(String, usize, bool)>,
}

impl Faults {
    pub(super) fn from_environment() -> Faults {
        Faults {
            at: std::env::var("ETCDSH_FAULT")
                .ok()
                .and_then(|text| parse(&text)),
        }
    }

    pub(super) fn before(&self, host: &str, nth: usize) {
        self.strike(host, nth, false);
    }

    pub(super) fn after(&self, host: &str, nth: usize) {
        self.strike(host, nth, true);
    }

    fn strike(&self, host: &str, nth: usize, after: bool) {
        if self
            .at
            .as_ref()
            .is_some_and(|at| at.0 == host && at.1 == nth && at.2 == after)
        {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}

fn parse(text: &str) -> Option<(String, usize, bool)> {
    let mut words = text.rsplitn(3, ':');
    let (when, nth, host) = (words.next()?, words.next()?, words.next()?);
    Some((host.to_string(), nth.parse().ok()?, when == "after"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_points_are_read() {
        assert_eq!(
            parse("10.0.0.1:3:after"),
            Some(("10.0.0.1".into(), 3, true))
        );
        assert_eq!(
            parse("fe80::1:3:before"),
            Some(("fe80::1".into(), 3, false))
        );
        assert_eq!(parse("nonsense"), None);
    }
}
