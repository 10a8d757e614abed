//! `etcdsh overview`: the cluster live on the terminal, once as text or JSON, or as a page.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::etcdctl::Clusters;
use super::options::{Options, Reach};
use super::setup::Setup;
use crate::error::{Error, Kind, Result};
use crate::etcd::Client;
use crate::etcdctl::{Given, Style, config};
use crate::output_file::OutputFile;
use crate::overview::{self, Plan, Watch};
use crate::run::Cancel;
use crate::script;

/// Watch a cluster: members, roles, health, latencies, space, certificates, drift, and what to type next.
///
/// On a terminal it goes on until `q`; elsewhere it is as with --once. Needs no Prometheus: it asks the members themselves,
/// and their hosts for drift and logs.
#[derive(Args)]
#[command(
    after_help = "Examples: etcdsh overview\n          etcdsh overview --once -o json\n          etcdsh overview --html ticket.html --for 30s\n          \
                  etcdsh overview --listen 127.0.0.1:8079\n\
                  Exit codes with --once: 0 all is well, 2 something is wrong, 4 no member answers."
)]
pub(super) struct OverviewArgs {
    /// Look once (twice, a second apart, for the rates) and print what is seen
    #[arg(long)]
    once: bool,
    /// Write one page of HTML with charts, after having watched for --for
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How long --html watches before it writes
    #[arg(
        long = "for",
        value_name = "DURATION",
        default_value = "10s",
        requires = "html"
    )]
    watched: String,
    /// Serve the same page live on a loopback address: 127.0.0.1:PORT, or PORT; 0 is a free one
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["html", "once"])]
    listen: Option<String>,
    /// Time between two looks at a member, 200ms to 1m
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    interval: String,
    /// Do not ask the hosts: no drift, no logs, no ssh
    #[arg(long)]
    no_hosts: bool,
    /// Which cluster of the inventory, when it has several
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,
    /// Members to begin with, instead of the inventory's
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    endpoints: Vec<String>,
    /// CA that signs the members' certificates, a PEM file
    #[arg(long, value_name = "FILE")]
    cacert: Option<String>,
    /// Client certificate, a PEM file
    #[arg(long, value_name = "FILE")]
    cert: Option<String>,
    /// Its key
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// Take any certificate of the members (for tests only)
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Reach the members through ssh on this host
    #[arg(long, value_name = "HOST")]
    via: Option<String>,
    #[command(flatten)]
    pub(super) reach: Reach,
}

impl OverviewArgs {
    /// What is given about the connection.
    fn given(&self) -> Given {
        Given {
            cacert: self.cacert.clone(),
            cert: self.cert.clone(),
            cluster_name: self.cluster_name.clone(),
            endpoints: self.endpoints.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            inventory: None,
            key: self.key.clone(),
            via: self.via.clone(),
        }
    }
}

/// How this cluster is named on a command line.
fn command(options: &Options, setup: &Setup) -> String {
    let sources: String = if setup.sandbox {
        String::new()
    } else {
        let given = options.reach.sources.inventory.iter();
        given
            .map(|source| format!(" -i {}", crate::command::quote(source)))
            .collect()
    };
    format!("etcdsh{sources}")
}

pub(super) fn run(args: &OverviewArgs, options: &Options) -> Result<i32> {
    let interval = duration("interval", &args.interval)?;
    if interval < Duration::from_millis(200) || interval > Duration::from_mins(1) {
        return Err(Error::usage(format!(
            "`--interval {}` is not between 200ms and 1m",
            args.interval
        )));
    }
    let watched = duration("for", &args.watched)?;
    let setup = Setup::quiet(options)?;
    let cancel = setup.cancel();
    cancel.at_once(true);
    let plan = Plan {
        interval,
        ..plan(args, options, &setup)?
    };
    let watch = Arc::new(Watch::begin(plan));
    if let Some(address) = &args.listen {
        return serve(&watch, address, &cancel);
    }
    if let Some(file) = &args.html {
        return write(&watch, file, watched, &cancel);
    }
    let json = options.reach.json();
    let terminal = crate::terminal::shows_output() && std::io::stdin().is_terminal();
    if args.once || json || !terminal {
        return Ok(once(&watch, json, options));
    }
    watch.wait(1, Duration::from_millis(300));
    overview::show(&watch, colored(options), &|| cancel.asked())?;
    Ok(0)
}

fn plan(args: &OverviewArgs, options: &Options, setup: &Setup) -> Result<Plan> {
    let style = Style {
        place: Some(Arc::new(Clusters::of(options.reach.clone()))),
        ..Style::of_process("etcdsh overview", false)
    };
    let config = config(&args.given(), &style)?;
    let command = command(options, setup);
    let there = !setup.sandbox || crate::sandbox::is_there();
    if there {
        let world = Arc::new(setup.world(false));
        // Endpoints of another cluster have no hosts in the inventory.
        if let Ok(cluster) = script::overview::chosen(&world, args.cluster_name.as_deref())
            && let Ok(endpoints) = cluster.endpoints()
            && config
                .endpoints
                .iter()
                .all(|endpoint| endpoints.contains(endpoint))
        {
            let plan = script::overview::plan(&world, &cluster, Some(config), &command)?;
            return Ok(if args.no_hosts {
                Plan {
                    hosts: None,
                    ..plan
                }
            } else {
                plan
            });
        }
    }
    let client = Client::new(config)?;
    Ok(Plan {
        client,
        cluster: "etcd".into(),
        command,
        expected: Vec::new(),
        hosts: None,
        interval: script::overview::INTERVAL,
        nowhere: !there
            && args.endpoints.is_empty()
            && args.via.is_none()
            && std::env::var_os("ETCDCTL_ENDPOINTS").is_none(),
    })
}

fn duration(name: &str, text: &str) -> Result<Duration> {
    crate::value::duration(text).ok_or_else(|| {
        Error::usage(format!("`--{name} {text}` is no duration")).hint(format!("--{name} 5s"))
    })
}

fn colored(options: &Options) -> bool {
    crate::terminal::shows_output()
        && !options.reach.no_color
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn once(watch: &Watch, json: bool, options: &Options) -> i32 {
    let view = watch.settled();
    if json {
        say!("{}", view.to_json(false));
    } else {
        let wide = crate::terminal::width().unwrap_or(160);
        say!("{}", overview::text(&view, wide, colored(options)));
    }
    view.exit_code()
}

fn write(watch: &Watch, file: &std::path::Path, watched: Duration, cancel: &Cancel) -> Result<i32> {
    let unwritable = |error: std::io::Error| {
        Error::config(format!("`{}` cannot be written", file.display())).because(error.to_string())
    };
    // Found out before the watching.
    let mut new = OutputFile::create(file, 0o644).map_err(unwritable)?;
    complain!("watching for {} ...", humantime(watched));
    let end = Instant::now() + watched;
    while Instant::now() < end && !cancel.asked() {
        std::thread::sleep(
            Duration::from_millis(50).min(end.saturating_duration_since(Instant::now())),
        );
    }
    let view = watch.settled();
    let page = overview::page(&view, watch.seconds_between_points(), false);
    new.write_all(page.as_bytes())
        .and_then(|()| new.finish())
        .map_err(unwritable)?;
    // The page itself may have gone to standard output.
    complain!("written: {}", file.display());
    Ok(view.exit_code())
}

fn humantime(time: Duration) -> String {
    format!("{:.0}s", time.as_secs_f64())
}

fn serve(watch: &Arc<Watch>, address: &str, cancel: &Cancel) -> Result<i32> {
    let listener = overview::listen(watch, address)?;
    say!(
        "http://{}/  read-only, on this machine only; Ctrl-C ends it",
        listener.address
    );
    while !cancel.asked() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(Kind::Interrupted.exit_code())
}
