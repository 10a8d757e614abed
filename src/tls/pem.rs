//! The blocks of a PEM text as Go finds them: what is around them is ignored, and so is a block that is no base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) struct Block {
    pub(super) der: Vec<u8>,
    pub(super) label: String,
}

pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = between(line, "-----BEGIN ") else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut body = String::new();
        let mut rest = lines.clone();
        while let Some(line) = rest.next() {
            if line == end {
                lines = rest;
                if let Ok(der) = STANDARD.decode(&body) {
                    let label = label.to_string();
                    found.push(Block { der, label });
                }
                break;
            }
            // `Proc-Type: 4,ENCRYPTED` and the like.
            if !line.contains(':') {
                body.push_str(line);
            }
        }
    }
    found
}

fn between<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_what_is_none() {
        let text = "words\n-----BEGIN A-----\r\naGk=\r\n-----END A-----\n-----BEGIN B-----\na!k=\n-----END B-----\n-----BEGIN C D-----\nX: y\n\naGkh\n-----END C D-----\n-----BEGIN E-----\naGk=\n";
        let found: Vec<(String, Vec<u8>)> = blocks(text)
            .into_iter()
            .map(|block| (block.label, block.der))
            .collect();
        assert_eq!(
            found,
            [
                ("A".into(), b"hi".to_vec()),
                ("C D".into(), b"hi!".to_vec())
            ]
        );
    }
}
