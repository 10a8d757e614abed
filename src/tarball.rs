//! Tarballs (`.tar.gz`) as values: which files are in one, read so that nothing can lie outside of its folder.

use std::io::{self, Read};

use flate2::read::GzDecoder;

/// The most that all of a tarball may be, unpacked.
const LARGEST: u64 = 1 << 30;

/// A file of a tarball while it is read.
pub(crate) type Content<'a> = tar::Entry<'a, io::Take<GzDecoder<&'a [u8]>>>;

/// Show each file of a tarball to `see`, with its path without a leading `./`.
pub(crate) fn each(
    bytes: &[u8],
    mut see: impl FnMut(&str, &mut Content<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(LARGEST));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path.trim_start_matches("./");
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err(wrong(format!(
                "it has `{path}`, which would lie outside of its folder"
            )));
        }
        match entry.header().entry_type() {
            tar::EntryType::Regular => see(path, &mut entry)?,
            tar::EntryType::Directory | tar::EntryType::XGlobalHeader => {}
            _ => {
                return Err(wrong(format!(
                    "it has `{path}`, which is neither a file nor a folder"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, GzBuilder};

    #[test]
    fn a_file_that_leads_out_is_refused() {
        let mut head = tar::Header::new_ustar();
        head.set_size(1);
        head.as_mut_bytes()[..7].copy_from_slice(b"../etcd");
        head.set_cksum();
        let zipped = GzBuilder::new().write(Vec::new(), Compression::fast());
        let mut archive = tar::Builder::new(zipped);
        archive.append(&head, &b"x"[..]).expect("added");
        let bytes = archive
            .into_inner()
            .and_then(flate2::write::GzEncoder::finish)
            .expect("whole");
        let error = each(&bytes, |_, _| Ok(())).expect_err("refused");
        assert!(
            error.to_string().contains("outside of its folder"),
            "{error}"
        );
    }
}
