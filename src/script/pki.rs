//! Certificates for scripts: `cert::ca("files/pki/ca")`, `ca.issue(name, #{ sans: [...] })`, `cert::inspect(pem)`.
//!
//! Files lie beside the inventory. What is found is used; what is missing is made once; what must be made anew is,
//! for a stated reason. Keys are `Secret`s. In check mode nothing is written and what is not yet there is unknown.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, EvalAltResult, FuncRegistration, Map, Module};

use super::World;
use super::trouble::pass;
use super::value::{from_rhai, to_rhai};
use crate::cert::{self, Leaf};
use crate::cluster::pki::{ca_paths, ca_pem, load, read};
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::value::Value;

/// The text of what only the real run can know.
const UNKNOWN: &str = "(not known before it is issued)\n";

/// A CA a script can issue with.
#[derive(Clone)]
pub(super) struct Authority {
    /// Nothing in check mode when there is no CA yet.
    ca: Option<Arc<cert::Ca>>,
    world: Arc<World>,
}

/// One at a time: several hosts ask for the same CA at once.
static MAKING: Mutex<()> = Mutex::new(());

/// Write a file so that nobody else can ever read it, and at once.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    use std::io::Write;
    super::act::make_folder(path)?;
    let new = path.with_extension(format!(
        "{}.new",
        path.extension().and_then(|e| e.to_str()).unwrap_or("x")
    ));
    let act = || {
        let _ = std::fs::remove_file(&new);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(PermissionsExt::from_mode(mode))?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    act().map_err(|error| {
        Error::config(format!("`{}` cannot be written", path.display())).because(error.to_string())
    })
}

/// The CA of a folder, made when there is none.
fn authority(world: &Arc<World>, folder: &str, name: &str, days: u32) -> Result<Authority> {
    let path = world.beside.join(folder);
    let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let ca = match load(&path)? {
        Some(ca) => Some(ca),
        None => {
            if !pretended(world, folder) {
                let what = ["create".to_string()];
                world.session.change(
                    "localhost",
                    &format!("certificate authority {folder}"),
                    &what,
                    None,
                    || create(&path, name, days),
                )?
            } else {
                None
            }
        }
    };
    Ok(Authority {
        ca: ca.map(Arc::new),
        world: Arc::clone(world),
    })
}

/// Has check mode said before that this is going to be made? Said once, as the real run does it once.
fn pretended(world: &World, path: &str) -> bool {
    world.session.options.check && !world.session.first_time(path)
}

/// What a run left that died while it made a CA: there is a key in it.
fn remove_half_made(parent: &Path, start: &str) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix(start)
            .and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Both files appear at once, by the name of their folder.
fn create(folder: &Path, name: &str, days: u32) -> Result<cert::Ca> {
    let ca = cert::Ca::create(name, days)?;
    let parent = folder.parent().unwrap_or(Path::new("."));
    let start = format!(
        ".{}.",
        folder.file_name().and_then(|n| n.to_str()).unwrap_or("ca")
    );
    remove_half_made(parent, &start);
    let new = parent.join(format!("{start}{}", std::process::id()));
    let (crt, key) = ca_paths(folder);
    let within = |path: &Path| new.join(path.file_name().unwrap_or_default());
    write(&within(&key), ca.key_pem().reveal(), 0o600)?;
    write(&within(&crt), ca.cert_pem(), 0o644)?;
    let _ = std::fs::remove_dir(folder);
    std::fs::rename(&new, folder).map_err(|error| {
        Error::config(format!("`{}` cannot be made", folder.display())).because(error.to_string())
    })?;
    Ok(ca)
}

fn leaf(name: &str, options: &Map) -> Result<Leaf> {
    let mut leaf = Leaf {
        common_name: name.to_string(),
        days: 7300,
        ..Leaf::default()
    };
    for (key, value) in options {
        let text = || {
            value
                .clone()
                .into_string()
                .map_err(|_| Error::config(format!("`{key}` takes a text")))
        };
        match (key.as_str(), from_rhai(value)) {
            ("sans", Value::List(values)) => {
                leaf.sans = values
                    .iter()
                    .filter_map(|value| value.as_text().map(str::to_string))
                    .collect()
            }
            ("days", Value::Int(days)) => {
                leaf.days = u32::try_from(days)
                    .map_err(|_| Error::config(format!("`days` cannot be {days}")))?
            }
            ("organization", _) => leaf.organization = Some(text()?),
            ("unit", _) => leaf.unit = Some(text()?),
            ("folder", _) => {}
            (other, _) => {
                return Err(Error::config(format!("`issue` has no option `{other}`"))
                    .hint("there are sans, days, organization, unit and folder"));
            }
        }
    }
    Ok(leaf)
}

fn pair(ca: &str, cert: String, key: Secret, reason: Option<String>) -> Map {
    let days = cert::inspect(&cert).map_or(0, |certificate| certificate.days_left);
    [
        ("ca", Dynamic::from(ca.to_string())),
        ("cert", cert.into()),
        ("changed", reason.is_some().into()),
        ("days_left", days.into()),
        ("key", Dynamic::from(key)),
        ("reason", reason.map_or(Dynamic::UNIT, Into::into)),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value))
    .collect()
}

impl Authority {
    /// The certificate `FOLDER/NAME.crt`: as found when it serves, else issued.
    fn issue(&self, name: &str, options: &Map) -> Result<Map> {
        let wanted = leaf(name, options)?;
        let folder = options
            .get("folder")
            .map_or_else(|| "files/pki/etcd".to_string(), ToString::to_string);
        let (crt, key) = (
            self.world.beside.join(&folder).join(format!("{name}.crt")),
            self.world.beside.join(&folder).join(format!("{name}.key")),
        );
        let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let (old_crt, old_key) = (read(&crt)?, read(&key)?.map(Secret::new));
        let reason = match (&self.ca, &old_crt, &old_key) {
            (Some(ca), Some(crt), Some(key)) => {
                cert::reason_to_renew(crt, key, ca.cert_pem(), &wanted, cert::now())?
            }
            (_, None, None) => Some("there is none".to_string()),
            (_, _, None) => Some("its key is missing".to_string()),
            (_, None, _) => Some("its certificate is missing".to_string()),
            (None, ..) => Some("issued by another CA".to_string()),
        };
        let Some(reason) = reason else {
            let ca = self.ca.as_ref().map_or("", |ca| ca.cert_pem()).to_string();
            return Ok(pair(
                &ca,
                old_crt.unwrap_or_default(),
                old_key.unwrap_or_else(|| Secret::new("")),
                None,
            ));
        };
        let subject = format!("certificate {folder}/{name}.crt");
        let issued = if pretended(&self.world, &subject) {
            None
        } else {
            self.world.session.change(
                "localhost",
                &subject,
                &[format!("issue: {reason}")],
                None,
                || {
                    let ca = self
                        .ca
                        .as_ref()
                        .ok_or_else(|| Error::internal("there is no CA to issue with"))?;
                    let issued = ca.issue(&wanted)?;
                    write(&key, issued.key_pem.reveal(), 0o600)?;
                    write(&crt, &issued.cert_pem, 0o644)?;
                    Ok(issued)
                },
            )?
        };
        let ca = self.ca.as_ref().map_or(UNKNOWN, |ca| ca.cert_pem());
        Ok(match issued {
            Some(issued) => pair(ca, issued.cert_pem, issued.key_pem, Some(reason)),
            None => pair(ca, UNKNOWN.to_string(), Secret::new(UNKNOWN), Some(reason)),
        })
    }
}

type Native<T> = std::result::Result<T, Box<EvalAltResult>>;

pub(super) fn module(world: &Arc<World>) -> Module {
    let mut module = Module::new();
    let here = Arc::clone(world);
    FuncRegistration::new("ca").set_into_module(
        &mut module,
        move |folder: &str| -> Native<Authority> {
            pass(authority(&here, folder, "etcdsh-ca", 36500))
        },
    );
    let here = Arc::clone(world);
    FuncRegistration::new("ca_text").set_into_module(
        &mut module,
        move |folder: &str| -> Native<Dynamic> {
            pass(ca_pem(&here.beside, folder).map(|text| text.map_or(Dynamic::UNIT, Into::into)))
        },
    );
    let here = Arc::clone(world);
    FuncRegistration::new("text").set_into_module(
        &mut module,
        move |path: &str| -> Native<Dynamic> {
            pass(read(&here.beside.join(path)).map(|text| text.map_or(Dynamic::UNIT, Into::into)))
        },
    );
    FuncRegistration::new("inspect").set_into_module(&mut module, |pem: &str| -> Native<Map> {
        pass(cert::inspect(pem).map(|certificate| describe(&certificate)))
    });
    FuncRegistration::new("same_ca")
        .set_into_module(&mut module, |a: &str, b: &str| cert::same_ca(a, b));
    FuncRegistration::new("verify").set_into_module(
        &mut module,
        |leaf: &str, ca: &str| -> Native<bool> {
            pass(cert::verify(leaf, ca, cert::now()).map(|()| true))
        },
    );
    module
}

pub(super) fn register(engine: &mut rhai::Engine) {
    engine
        .register_type_with_name::<Authority>("ca")
        .register_get("cert", |ca: &mut Authority| {
            ca.ca
                .as_ref()
                .map_or(UNKNOWN, |ca| ca.cert_pem())
                .to_string()
        })
        .register_fn(
            "issue",
            |ca: &mut Authority, name: &str, options: Map| -> Native<Map> {
                pass(ca.issue(name, &options))
            },
        );
}

fn describe(certificate: &cert::Certificate) -> Map {
    [
        ("days_left", Value::Int(certificate.days_left)),
        ("fingerprint", Value::from(certificate.fingerprint.as_str())),
        ("is_ca", Value::Bool(certificate.is_ca)),
        ("issuer", Value::from(certificate.issuer.as_str())),
        ("not_after", Value::Int(certificate.not_after)),
        ("not_before", Value::Int(certificate.not_before)),
        (
            "sans",
            Value::List(
                certificate
                    .sans
                    .iter()
                    .map(|san| Value::from(san.as_str()))
                    .collect(),
            ),
        ),
        ("serial", Value::from(certificate.serial.as_str())),
        ("subject", Value::from(certificate.subject.as_str())),
    ]
    .into_iter()
    .map(|(key, value)| (key.into(), to_rhai(value)))
    .collect()
}
