//! Certificates for scripts: `cert::ca("files/pki/ca")`, `ca.issue(name, #{ sans: [...] })`, `cert::inspect(pem)`.
//!
//! Files lie beside the inventory. What is found is used; what is missing is made once; what must be made anew is,
//! for a stated reason. Keys are `Secret`s. In check mode nothing is written and what is not yet there is unknown.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, Map, Module};

use super::bind::{no_other_properties, property, word, word_of};
use super::flow::make_folder;
use crate::cert::{self, Leaf};
use crate::cluster::pki::{Found, ca_paths, ca_pem, load, read};
use crate::error::{Error, Result};
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::to_rhai;
use crate::secret::Secret;
use crate::value::Value;
use crate::word::{Arg, Args, Of, Section, Type, Word};

/// The text of what only the real run can know.
const UNKNOWN: &str = "(not known before it is issued)\n";

/// A CA a script can issue with.
#[derive(Clone)]
pub(in crate::script) struct Authority {
    /// Nothing in check mode when there is no CA yet.
    ca: Option<Arc<Found>>,
    world: Arc<World>,
}

/// One at a time: several hosts ask for the same CA at once.
static MAKING: Mutex<()> = Mutex::new(());

/// Write a file so that nobody else can ever read it, and at once.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    use std::io::Write;
    make_folder(path)?;
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
            if pretended(world, folder) {
                None
            } else {
                let what = ["create".to_string()];
                world.session.change(
                    "localhost",
                    &format!("certificate authority {folder}"),
                    &what,
                    None,
                    || create(&path, name, days),
                )?
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

/// Why nothing can be made in a folder, or in the nearest one above it that is there.
fn unwritable(folder: &Path) -> Option<String> {
    use rustix::fs::Access;
    let there = folder.ancestors().find(|above| above.exists())?;
    let there = if there.as_os_str().is_empty() {
        Path::new(".")
    } else {
        there
    };
    let asked = rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK);
    let error = std::io::Error::from(asked.err()?);
    Some(format!("{}: {error}", there.display()))
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
fn create(folder: &Path, name: &str, days: u32) -> Result<Found> {
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
    Ok(Found::Whole(Box::new(ca)))
}

fn leaf(name: &str, options: &Args) -> Result<Leaf> {
    let days = match options.int("days") {
        None => 7300,
        Some(days) => {
            u32::try_from(days).map_err(|_| Error::config(format!("`days` cannot be {days}")))?
        }
    };
    Ok(Leaf {
        common_name: name.to_string(),
        days,
        organization: options.text("organization"),
        sans: options.texts("sans"),
        unit: options.text("unit"),
    })
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
    fn issue(&self, name: &str, options: &Args) -> Result<Map> {
        let wanted = leaf(name, options)?;
        let folder = options
            .text("folder")
            .unwrap_or_else(|| "files/pki/etcd".to_string());
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
        // Told before anything else is done, in check mode too.
        let issuer = self.ca.as_ref().map(|ca| ca.issuer(&subject)).transpose()?;
        let issued = if pretended(&self.world, &subject) {
            None
        } else {
            self.world.session.change(
                "localhost",
                &subject,
                &[format!("issue: {reason}")],
                None,
                || {
                    let ca =
                        issuer.ok_or_else(|| Error::internal("there is no CA to issue with"))?;
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

const fn of_module(name: &'static str, doc: &'static str) -> Word {
    Word::function(Section::Cert, name, doc)
}

const FOLDER: Arg = Arg::new("folder", Type::File, "beside the inventory");
const PEM: Arg = Arg::new("pem", Type::Text, "a certificate as text");

const CA: Word = of_module(
    "cert::ca",
    "The CA in `folder/NAME.crt` and `.key`, where NAME is the folder's own; made when there is none. The key is needed only where something is issued.",
)
.takes(&[FOLDER])
.gives(Type::Authority)
.example(r#"print(cert::ca("files/pki/ca").cert)"#);

const ISSUE: Word = Word::method(
    Section::Cert,
    Of::Authority,
    "issue",
    "The certificate `files/pki/etcd/NAME.crt` beside the inventory: as found when it serves, else issued.\nReturns `cert`, `key` (a secret), `ca`, `days_left`, `changed` and `reason`.",
)
.takes(&[Arg::new("name", Type::Text, "its common name, and its file's")])
.with(&[
    Arg::new("days", Type::Int, "how long it is valid; 7300 by default"),
    Arg::new("folder", Type::Text, "where it lies; `files/pki/etcd` by default"),
    Arg::new("organization", Type::Text, "O of its subject"),
    Arg::new("sans", Type::Array, "names and addresses that it is for"),
    Arg::new("unit", Type::Text, "OU of its subject"),
])
.gives(Type::Map)
.example(r#"print(ca.issue("etcd-1", #{ sans: ["10.10.10.10"], days: 365 }).days_left)"#);

const CERT: Word = Word::property(
    Section::Cert,
    Of::Authority,
    "cert",
    Type::Text,
    "The CA's certificate as text.",
);

const TEXT: Word = of_module(
    "cert::text",
    "The certificate in a file as text, or `()` when there is no such file.",
)
.takes(&[Arg::new("path", Type::File, "beside the inventory")])
.gives(Type::Text)
.example(r#"print(cert::text("files/pki/ca/ca.crt"))"#);

const CA_TEXT: Word = of_module(
    "cert::ca_text",
    "The CA's certificate as text, or `()` when there is no CA. Makes none.",
)
.takes(&[FOLDER])
.gives(Type::Text)
.example(r#"if cert::ca_text("files/pki/ca") == () { print("there is no CA yet"); }"#);

const HAS_KEY: Word = of_module(
    "cert::has_key",
    "Is the key of the CA there, to issue with? It may be kept elsewhere as long as nothing is to be issued.",
)
.takes(&[FOLDER])
.gives(Type::Bool)
.example(r#"print(cert::has_key("files/pki/ca"))"#);

const UNWRITABLE: Word = of_module(
    "cert::unwritable",
    "Why nothing can be kept in a folder beside the inventory, which need not be there yet; nothing where it can.",
)
.takes(&[FOLDER])
.gives(Type::Text)
.example(r#"if cert::unwritable("files/pki") != () { print("no certificate can be issued"); }"#);

const INSPECT: Word = of_module(
    "cert::inspect",
    "What a certificate says: `subject`, `issuer`, `sans`, `days_left`, `is_ca`, `serial`, `fingerprint`, `not_before`, `not_after`.",
)
.takes(&[PEM])
.gives(Type::Map)
.example(r#"print(cert::inspect(cert::text("files/pki/ca/ca.crt")).days_left)"#);

const VERIFY: Word = of_module(
    "cert::verify",
    "True when the CA has signed the certificate and it is valid now; an error otherwise.",
)
.takes(&[
    PEM,
    Arg::new("ca_pem", Type::Text, "the CA's certificate as text"),
])
.gives(Type::Bool)
.example(r#"cert::verify(ca.issue("admin").cert, ca.cert)"#);

const SAME_CA: Word = of_module("cert::same_ca", "Are these the certificates of one CA key?")
    .takes(&[PEM, Arg::new("other", Type::Text, "another one")])
    .gives(Type::Bool)
    .example("print(cert::same_ca(ca.cert, ca.cert))");

pub(super) const WORDS: &[&Word] = &[
    &CA,
    &ISSUE,
    &CERT,
    &TEXT,
    &CA_TEXT,
    &HAS_KEY,
    &UNWRITABLE,
    &INSPECT,
    &VERIFY,
    &SAME_CA,
];

fn module(world: &Arc<World>) -> Module {
    let mut module = Module::new();
    let or_unit = |text: Option<String>| text.map_or(Dynamic::UNIT, Into::into);
    let here = Arc::clone(world);
    word_of(&mut module, &CA, move |call| {
        pass(authority(&here, &call.text(0), "etcdsh-ca", 36500).map(Dynamic::from))
    });
    let here = Arc::clone(world);
    word_of(&mut module, &CA_TEXT, move |call| {
        pass(ca_pem(&here.beside, &call.text(0)).map(or_unit))
    });
    let here = Arc::clone(world);
    word_of(&mut module, &HAS_KEY, move |call| {
        let (_, key) = ca_paths(&here.beside.join(call.text(0)));
        Ok(pass(read(&key))?.is_some().into())
    });
    let here = Arc::clone(world);
    word_of(&mut module, &UNWRITABLE, move |call| {
        Ok(or_unit(unwritable(&here.beside.join(call.text(0)))))
    });
    let here = Arc::clone(world);
    word_of(&mut module, &TEXT, move |call| {
        pass(read(&here.beside.join(call.text(0))).map(or_unit))
    });
    word_of(&mut module, &INSPECT, |call| {
        let certificate = pass(cert::inspect(&call.text(0)))?;
        Ok(describe(&certificate).into())
    });
    word_of(&mut module, &SAME_CA, |call| {
        Ok(cert::same_ca(&call.text(0), &call.text(1)).into())
    });
    word_of(&mut module, &VERIFY, |call| {
        let verified = cert::verify(&call.text(0), &call.text(1), cert::now());
        pass(verified.map(|()| true.into()))
    });
    module
}

pub(super) fn register(engine: &mut rhai::Engine, world: &Arc<World>) {
    engine.register_static_module("cert", module(world).into());
    engine.register_type_with_name::<Authority>("ca");
    property(engine, &CERT, |ca: &Authority| {
        let text = ca.ca.as_ref().map_or(UNKNOWN, |ca| ca.cert_pem());
        Ok(text.to_string().into())
    });
    no_other_properties::<Authority>(engine, Of::Authority);
    word(engine, &ISSUE, |call| {
        let ca: Authority = call.value();
        pass(ca.issue(&call.text(0), &call.options).map(Into::into))
    });
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
