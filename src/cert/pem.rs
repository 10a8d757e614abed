//! Splits a text into its PEM blocks; text around them is ignored.

use crate::error::{Error, Result};

/// One PEM block.
pub(super) struct Block {
    pub(super) der: Vec<u8>,
    /// Has headers of the old OpenSSL form for encrypted keys; `der` is empty then.
    pub(super) encrypted: bool,
    pub(super) label: String,
    /// The block as it was written, lines trimmed.
    pub(super) text: String,
}

/// All blocks of `text`, in order. `what` names the text in an error.
pub(super) fn blocks(text: &str, what: &str) -> Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with("-----BEGIN ") {
            open = Some(String::new());
        }
        let Some(block) = open.as_mut() else { continue };
        block.push_str(line);
        block.push('\n');
        if line.starts_with("-----END ") {
            found.extend(open.take().map(|block| decode(block, what)).transpose()?);
        }
    }
    match open {
        Some(_) => Err(damaged(what, "the last PEM block has no end")),
        None => Ok(found),
    }
}

/// The certificates of `text`; at least one.
pub(super) fn certificates(text: &str, what: &str) -> Result<Vec<Block>> {
    let blocks = blocks(text, what)?;
    let labels = labels(&blocks);
    let found: Vec<Block> = blocks
        .into_iter()
        .filter(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .collect();
    if found.is_empty() {
        return Err(Error::config(format!(
            "{what}: no certificate found{labels}"
        )));
    }
    Ok(found)
}

/// `, only ...` for an error about a block that is missing.
pub(super) fn labels(blocks: &[Block]) -> String {
    if blocks.is_empty() {
        return String::new();
    }
    let names: Vec<String> = blocks
        .iter()
        .map(|block| format!("`{}`", block.label))
        .collect();
    format!(", only {}", names.join(", "))
}

pub(super) fn damaged(what: &str, cause: impl Into<String>) -> Box<Error> {
    Error::config(format!("{what} is damaged")).because(cause)
}

fn decode(text: String, what: &str) -> Result<Block> {
    let label = text
        .strip_prefix("-----BEGIN ")
        .and_then(|rest| rest.lines().next())
        .and_then(|line| line.strip_suffix("-----"))
        .unwrap_or_default()
        .to_string();
    if text.contains("\nProc-Type: 4,ENCRYPTED") {
        return Ok(Block {
            der: Vec::new(),
            encrypted: true,
            label,
            text,
        });
    }
    let (_, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes())
        .map_err(|_| damaged(what, format!("the PEM block `{label}` is not valid base64")))?;
    Ok(Block {
        der: pem.contents,
        encrypted: false,
        label,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "some text\n  -----BEGIN A-----\r\n  aGk=\r\n  -----END A-----\r\n\n-----BEGIN B C-----\naGkh\n-----END B C-----\n";

    #[test]
    fn blocks_are_found_between_text_and_indented() {
        let found = blocks(TWO, "file").unwrap();
        let seen: Vec<_> = found
            .iter()
            .map(|block| (block.label.as_str(), block.der.as_slice()))
            .collect();
        assert_eq!(seen, [("A", b"hi".as_slice()), ("B C", b"hi!".as_slice())]);
        assert_eq!(found[0].text, "-----BEGIN A-----\naGk=\n-----END A-----\n");
    }

    #[test]
    fn a_broken_text_is_an_error() {
        for (text, wanted) in [
            (
                "-----BEGIN A-----\naGk=\n",
                "file is damaged\n caused by: the last PEM block has no end",
            ),
            (
                "-----BEGIN A-----\na!k=\n-----END A-----\n",
                "file is damaged\n caused by: the PEM block `A` is not valid base64",
            ),
        ] {
            assert_eq!(blocks(text, "file").err().unwrap().to_string(), wanted);
        }
        assert_eq!(
            certificates("", "file").err().unwrap().to_string(),
            "file: no certificate found"
        );
        assert_eq!(
            certificates(TWO, "file").err().unwrap().to_string(),
            "file: no certificate found, only `A`, `B C`"
        );
    }
}
