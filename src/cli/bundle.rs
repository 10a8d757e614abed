//! `etcdsh bundle`: a release of etcd as one file, for hosts that no internet reaches.

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::Args;

use crate::error::{Error, Result};
use crate::release::{Machine, Wanted, bundle};

/// Where etcd publishes its releases: a folder for each, with the tarballs and their SHA256SUMS.
const PUBLISHED: &str = "https://github.com/etcd-io/etcd/releases/download";

/// Write a release of etcd to standard output as one tarball: its programs and their SHA256SUMS.
///
/// On a machine without internet it is the `etcd_source` of an inventory; it needs no `etcd_sha256`, since it proves itself.
#[derive(Args)]
#[command(
    after_help = "Examples: etcdsh bundle 3.6.16 >etcd-3.6.16.tar.gz\n          \
                  etcdsh bundle 3.6.16 --source /opt/etcd-3.6.16 >etcd-3.6.16.tar.gz"
)]
pub(super) struct BundleArgs {
    /// The release, such as 3.6.16
    version: String,
    /// A folder with etcd and etcdctl, or a tarball or its URL; by default where etcd publishes it
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// The machine it is for: amd64, arm64, ppc64le or s390x; this one by default
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// What the digest of the tarball must be, where no SHA256SUMS lies beside it
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<String>,
}

pub(super) fn run(args: &BundleArgs) -> Result<i32> {
    let version = args.version.trim_start_matches('v');
    let numbers = version
        .split('.')
        .filter(|part| part.parse::<u32>().is_ok());
    if numbers.count() != 3 || version.split('.').count() != 3 {
        return Err(Error::usage(format!("`{version}` is no release of etcd"))
            .hint("etcdsh bundle 3.6.16 >etcd-3.6.16.tar.gz"));
    }
    let mut out = std::io::stdout();
    if out.is_terminal() {
        return Err(Error::usage("a tarball is nothing for a terminal")
            .hint(format!("etcdsh bundle {version} >etcd-{version}.tar.gz")));
    }
    let machine = match &args.arch {
        Some(name) => Machine::named(name)?,
        None => Machine::own()?,
    };
    let published = || {
        let name = format!("etcd-v{version}-linux-{}.tar.gz", machine.name());
        format!("{PUBLISHED}/v{version}/{name}")
    };
    let wanted = Wanted {
        machine,
        sha256: args.sha256.clone(),
        source: args.source.clone().unwrap_or_else(published),
        version: Some(version.to_string()),
    };
    let made = bundle(&wanted, Path::new("."))?;
    let unwritable = |error: std::io::Error| {
        Error::config("the bundle cannot be written").because(error.to_string())
    };
    let mut file = std::fs::File::open(&made.path).map_err(unwritable)?;
    std::io::copy(&mut file, &mut out).map_err(unwritable)?;
    out.flush().map_err(unwritable)?;
    Ok(0)
}
