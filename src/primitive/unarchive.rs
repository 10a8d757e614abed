//! `unarchive`: a folder of the host holds what a tarball from here has.
//!
//! A folder that was filled says by a file `.unarchived` what was put there, so that the question is short whatever its size is.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::file::{full, put};
use super::{Change, Plan, Primitive, Seen, Spec, could_not_tell, reach};
use crate::error::{Error, Kind, Result};
use crate::hex;
use crate::host::{Facts, Pretended};
use crate::tarball;
use crate::transport::Output;
use crate::value::{Map, Value};
use crate::word::{Arg, Args, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| Ok(Box::new(Unarchive::new(args)?)),
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "unarchive",
        "Keep a folder that holds what a tarball (`.tar.gz`) has, and nothing else.\n\nThe folder is replaced as a whole; what was in it before and is not in the tarball is gone. It and its files are root's, or the login account's where that is not root. Needs `tar` and `gzip` on the host.\nReturns `changed`, `what` and `path`. Fails when the folder it lies in is not there, and when the tarball has links, or files that would lie outside.",
    )
    .takes(&[Arg::new("path", Type::Path, "the folder")])
    .with(&[
        Arg::new("source", Type::File, "the tarball, beside the inventory or script"),
        Arg::new("strip", Type::Int, "how many leading parts of the names in it are taken away; 0 by default"),
    ])
    .gives(Type::Map)
    .example(r#"h.unarchive("/opt/tool", #{ source: "tool-1.2.tar.gz", strip: 1 })"#),
};

/// The name of the file that says what was put into a folder.
const MARK: &str = ".unarchived";

struct Unarchive {
    content: Vec<u8>,
    listing: Arc<Listing>,
    path: String,
    strip: usize,
}

/// What a tarball has in it.
struct Listing {
    bytes: usize,
    /// Of names and contents: the same for the same files, however they were packed.
    digest: String,
    files: usize,
    /// `SIZE NAME` of each file, in order.
    sizes: Vec<String>,
}

impl Unarchive {
    fn new(args: &Args) -> Result<Unarchive> {
        let path = args.thing();
        if !path.starts_with('/') || path.trim_end_matches('/').is_empty() {
            return Err(Error::config(format!(
                "`unarchive` takes the absolute path of a folder, not `{path}`"
            )));
        }
        let Some(Value::Bytes(content)) = args.value("source") else {
            return Err(Error::config(
                "`unarchive` needs a `source`: a `.tar.gz` file",
            ));
        };
        let strip = args.int("strip").unwrap_or(0);
        let strip = usize::try_from(strip)
            .map_err(|_| Error::config(format!("`strip` cannot be {strip}")))?;
        let listing = listed(content, strip).map_err(|error| {
            Error::config("`source` is no tarball that `unarchive` can take")
                .because(error.to_string())
        })?;
        if listing.files == 0 {
            return Err(Error::config("`source` has no files in it"));
        }
        Ok(Unarchive {
            content: content.clone(),
            listing,
            path,
            strip,
        })
    }

    /// What the mark of the folder says when it holds this.
    fn mark(&self) -> String {
        format!("{}\n", self.listing.digest)
    }

    fn steps(&self) -> Vec<String> {
        let place = reach::name_above(&self.path);
        let strip = self.strip;
        vec![
            put(&self.content, "./archive"),
            "mkdir -m 0755 ./new".into(),
            format!("tar -xzf ./archive -C ./new --no-same-owner --strip-components={strip}"),
            "rm ./archive".into(),
            put(self.mark().as_bytes(), &format!("./new/{MARK}")),
            format!("chmod 0644 ./new/{MARK}"),
            "{ sync -f ./new 2>/dev/null || sync; }".into(),
            format!("{{ [ ! -e {place} ] || mv -T {place} ./old; }}"),
            format!("mv -T ./new {place}"),
        ]
    }
}

/// Look into a tarball: once, for all hosts that get it.
fn listed(content: &[u8], strip: usize) -> std::io::Result<Arc<Listing>> {
    type Known = Option<([u8; 32], usize, Arc<Listing>)>;
    static LAST: Mutex<Known> = Mutex::new(None);
    let key: [u8; 32] = Sha256::digest(content).into();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, parts, listing)) = &*last
        && (*known, *parts) == (key, strip)
    {
        return Ok(Arc::clone(listing));
    }
    let (mut all, mut sizes, mut bytes) = (Sha256::new(), Vec::new(), 0);
    tarball::each(content, |path, file| {
        let left: Vec<&str> = path.split('/').skip(strip).collect();
        if left.is_empty() {
            return Ok(());
        }
        let (name, mut text) = (left.join("/"), Vec::new());
        file.read_to_end(&mut text)?;
        all.update(format!("{} {name}\n", hex::text(&Sha256::digest(&text))));
        sizes.push(format!("{} ./{name}", text.len()));
        bytes += text.len();
        Ok(())
    })?;
    sizes.sort();
    let listing = Arc::new(Listing {
        bytes,
        digest: hex::text(&all.finalize()),
        files: sizes.len(),
        sizes,
    });
    *last = Some((key, strip, Arc::clone(&listing)));
    Ok(listing)
}

impl Primitive for Unarchive {
    fn subject(&self) -> String {
        format!("unarchive {}", self.path)
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        let path = reach::name(&self.path);
        Ok(reach::with_functions(&format!(
            "if {beside}; then\n\
             if [ -L {path} ]; then echo link\n\
             elif [ -d {path} ]; then cd {path} || exit 4; if [ -f {MARK} ]; then read -r mark <{MARK}; fi; echo \"folder $mark\"\n\
             find . -type f ! -path ./{MARK} -exec stat -c '%s %n' {{}} +\n\
             elif [ -e {path} ]; then echo other\n\
             else echo absent; fi\n\
             else {hidden} && exit 2; echo nowhere; fi",
            beside = reach::beside(&self.path),
            hidden = super::hidden::hidden(&self.path)
        )))
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        if seen.pretended.files.contains_key(&self.path) {
            return Ok(Plan::Unchanged);
        }
        if seen.answer.status != 0 {
            return Err(could_not_tell(&self.subject(), seen.answer));
        }
        let text = seen.answer.text();
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        let mut there: Vec<&str> = lines.collect();
        there.sort_unstable();
        let same = head.strip_prefix("folder ") == Some(self.listing.digest.as_str())
            && there == self.listing.sizes;
        let folder = self.path.rsplit_once('/').map_or("", |(above, _)| above);
        let parent = if folder.is_empty() { "/" } else { folder };
        let what = match head.split(' ').next() {
            Some("folder") if same => return Ok(Plan::Unchanged),
            Some("folder") => "replace",
            Some("absent") => "create",
            Some("nowhere") if seen.pretended.files.contains_key(parent) => "create",
            Some("nowhere") => {
                return Err(
                    Error::new(Kind::Remote, format!("{parent} is not there")).hint(format!(
                        "h.file({parent:?}, #{{ state: \"directory\" }}) first"
                    )),
                );
            }
            _ => {
                return Err(
                    Error::new(Kind::Remote, format!("{} is no folder", self.path))
                        .because("what is there stays as it is"),
                );
            }
        };
        let files = self.listing.files;
        let bytes = self.content.len() + self.listing.bytes;
        let some = if files == 1 { "file" } else { "files" };
        Ok(Plan::Change(Change {
            script: reach::staged(
                &self.path,
                &self.steps(),
                &format!("{}; ", full(parent, bytes)),
            ),
            shown: format!(
                "unpack {files} {some} ({} bytes) into {}",
                self.listing.bytes, self.path
            ),
            what: vec![format!("{what} with {files} {some}")],
            ..Change::default()
        }))
    }

    fn pretend(&self, pretended: &mut Pretended, _: &Change) {
        pretended.put(&self.path, None, true);
    }

    fn result(&self, _: &Seen<'_>, _: Option<&Output>) -> Map {
        [("path".to_string(), Value::from(self.path.as_str()))].into()
    }
}
