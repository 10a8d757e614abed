//! The CA and the client certificate that lie beside the inventory, read for those who reach a cluster.
//!
//! Nothing is written here: `script/words/cert.rs` makes what is missing.

use std::path::{Path, PathBuf};

use crate::cert::{self, Leaf};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// The text of a file; `None` when there is no such file.
pub fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(
            Error::config(format!("`{}` cannot be read", path.display()))
                .because(error.to_string()),
        ),
    }
}

/// `folder/NAME.crt` and `folder/NAME.key` for the folder `.../NAME`.
#[must_use]
pub fn ca_paths(folder: &Path) -> (PathBuf, PathBuf) {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("ca")
        .to_string();
    (
        folder.join(format!("{name}.crt")),
        folder.join(format!("{name}.key")),
    )
}

/// A CA as it lies in a folder. Its key may be kept elsewhere as long as nothing is to be issued.
pub enum Found {
    Offline { cert_pem: String, key: PathBuf },
    Whole(Box<cert::Ca>),
}

impl Found {
    #[must_use]
    pub fn cert_pem(&self) -> &str {
        match self {
            Found::Offline { cert_pem, .. } => cert_pem,
            Found::Whole(ca) => ca.cert_pem(),
        }
    }

    /// The CA with its key, to issue `what`.
    pub fn issuer(&self, what: &str) -> Result<&cert::Ca> {
        match self {
            Found::Whole(ca) => Ok(ca),
            Found::Offline { key, .. } => Err(Error::config(format!(
                "the CA's key `{}` is missing",
                key.display()
            ))
            .because(format!("{what} must be issued, and that needs the key"))
            .hint(format!(
                "put it there for this run, for nobody else to read: chmod 600 {}",
                key.display()
            ))),
        }
    }
}

/// The CA of a folder; `None` when there is none.
pub fn load(folder: &Path) -> Result<Option<Found>> {
    let (crt, key) = ca_paths(folder);
    match (read(&crt)?, read(&key)?) {
        (None, None) => Ok(None),
        (Some(cert_pem), None) => cert::inspect(&cert_pem)
            .map(|_| Some(Found::Offline { cert_pem, key }))
            .map_err(|error| error.because(format!("in `{}`", crt.display()))),
        (Some(crt_pem), Some(key_pem)) => cert::Ca::load(&crt_pem, &Secret::new(key_pem))
            .map(|ca| Some(Found::Whole(Box::new(ca))))
            .map_err(|error| {
                error.because(format!("in `{}` and `{}`", crt.display(), key.display()))
            }),
        (None, Some(_)) => Err(Error::config(format!(
            "the CA's certificate `{}` is missing",
            crt.display()
        ))
        .because("its key is there")
        .hint("put the certificate beside its key")),
    }
}

/// The CA's certificate of a folder, when there is one.
pub fn ca_pem(beside: &Path, folder: &str) -> Result<Option<String>> {
    Ok(load(&beside.join(folder))?.map(|ca| ca.cert_pem().to_string()))
}

/// A client certificate for our own calls: the one on disk, else one made for this process alone.
pub fn client_pair(
    beside: &Path,
    folder: &str,
    name: &str,
) -> Result<Option<(String, String, Secret)>> {
    let Some(ca) = load(&beside.join(folder))? else {
        return Ok(None);
    };
    let wanted = Leaf {
        common_name: name.to_string(),
        days: 1,
        ..Leaf::default()
    };
    let path = beside.join("files/pki/etcd");
    let (crt, key) = (
        read(&path.join(format!("{name}.crt")))?,
        read(&path.join(format!("{name}.key")))?.map(Secret::new),
    );
    if let (Some(crt), Some(key)) = (crt, key)
        && cert::reason_to_renew(
            &crt,
            &key,
            ca.cert_pem(),
            &Leaf {
                sans: Vec::new(),
                ..wanted.clone()
            },
            cert::now(),
        )?
        .is_none()
    {
        return Ok(Some((ca.cert_pem().to_string(), crt, key)));
    }
    let issued = ca
        .issuer(&format!("a client certificate `{name}`"))?
        .issue(&wanted)?;
    Ok(Some((
        ca.cert_pem().to_string(),
        issued.cert_pem,
        issued.key_pem,
    )))
}
