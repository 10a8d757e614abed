//! A list in one value, as etcdctl's flags read it: a line of CSV by the rules of Go, the first that is not empty. Pure.

/// The parts, or what is wrong, in Go's words.
pub(crate) fn record(text: &str) -> Result<Vec<String>, String> {
    let mut reader = Reader {
        line: 1,
        rest: text,
        start: text,
    };
    while let Some(rest) = reader.rest.strip_prefix('\n') {
        reader.rest = rest;
        reader.next_line();
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let first = reader.line;
    let mut parts = Vec::new();
    loop {
        let part = match reader.rest.strip_prefix('"') {
            Some(rest) => {
                reader.rest = rest;
                reader.quoted()
            }
            None => reader.bare(),
        };
        parts.push(part.map_err(|why| reader.error(first, why))?);
        match reader.rest.strip_prefix(',') {
            Some(rest) => reader.rest = rest,
            None => return Ok(parts),
        }
    }
}

struct Reader<'a> {
    line: usize,
    rest: &'a str,
    /// Where the line begins.
    start: &'a str,
}

const OPEN: &str = "extraneous or missing \" in quoted-field";

impl Reader<'_> {
    fn next_line(&mut self) {
        self.line += 1;
        self.start = self.rest;
    }

    fn bare(&mut self) -> Result<String, &'static str> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        if let Some(quote) = self.rest[..end].find('"') {
            self.rest = &self.rest[quote..];
            return Err("bare \" in non-quoted-field");
        }
        let (part, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(part.strip_suffix('\r').unwrap_or(part).to_string())
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        let mut part = String::new();
        loop {
            let Some(quote) = self.rest.find(['"', '\n']) else {
                self.rest = "";
                return Err(OPEN);
            };
            part.push_str(&self.rest[..quote]);
            let (found, rest) = self.rest[quote..].split_at(1);
            self.rest = rest;
            if found == "\n" {
                part.push('\n');
                self.next_line();
            } else if let Some(rest) = rest.strip_prefix('"') {
                part.push('"');
                self.rest = rest;
            } else if rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n") {
                return Ok(part);
            } else {
                self.rest = &self.start[self.start.len() - rest.len() - 1..];
                return Err(OPEN);
            }
        }
    }

    fn error(&self, first: usize, why: &str) -> String {
        let column = self.start.len() - self.rest.len() + 1;
        let line = self.line;
        let place = format!("parse error on line {line}, column {column}: {why}");
        if line == first {
            place
        } else {
            format!("record on line {first}; {place}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_quoted_or_not() {
        for (text, wanted) in [
            ("a,b", &["a", "b"][..]),
            ("", &[]),
            (",", &["", ""]),
            ("\"a,b\",\"c\"\"d\"", &["a,b", "c\"d"]),
            ("http://a\nhttp://b", &["http://a"]),
            ("\n\na,\"b\nc\"", &["a", "b\nc"]),
            (" a , b", &[" a ", " b"]),
        ] {
            assert_eq!(record(text).unwrap(), wanted, "{text:?}");
        }
        for (text, wanted) in [
            (
                "\"a",
                "parse error on line 1, column 3: extraneous or missing \" in quoted-field",
            ),
            (
                "a\"b",
                "parse error on line 1, column 2: bare \" in non-quoted-field",
            ),
            (
                "\"a\"b,c",
                "parse error on line 1, column 3: extraneous or missing \" in quoted-field",
            ),
            (
                "a,\"b\nc\"d",
                "record on line 1; parse error on line 2, column 2: extraneous or missing \" in quoted-field",
            ),
        ] {
            assert_eq!(record(text).unwrap_err(), wanted, "{text:?}");
        }
    }
}
