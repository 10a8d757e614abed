//! JSON as Go's encoding/json writes it: no blanks, fields in the order of the message, bytes in base64, `<>&` escaped.
//!
//! Written straight to the page, so that a large range is never held twice.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

type Written = io::Result<()>;

/// An object that is being written.
pub(crate) struct Object<'a> {
    first: bool,
    page: &'a mut dyn Write,
}

impl<'a> Object<'a> {
    /// Write `{...}` with the fields that `fill` adds.
    pub(crate) fn write(
        page: &'a mut dyn Write,
        fill: impl FnOnce(&mut Object<'_>) -> Written,
    ) -> Written {
        page.write_all(b"{")?;
        let mut object = Object { first: true, page };
        fill(&mut object)?;
        object.page.write_all(b"}")
    }

    /// The name of a field; its value must follow.
    pub(crate) fn name(&mut self, name: &str) -> io::Result<&mut dyn Write> {
        if !std::mem::take(&mut self.first) {
            self.page.write_all(b",")?;
        }
        string(self.page, name.as_bytes())?;
        self.page.write_all(b":")?;
        Ok(self.page)
    }

    pub(crate) fn raw(&mut self, name: &str, value: impl std::fmt::Display) -> Written {
        write!(self.name(name)?, "{value}")
    }

    pub(crate) fn string(&mut self, name: &str, text: &str) -> Written {
        string(self.name(name)?, text.as_bytes())
    }

    pub(crate) fn bytes(&mut self, name: &str, value: &[u8]) -> Written {
        bytes(self.name(name)?, value)
    }

    pub(crate) fn object(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut Object<'_>) -> Written,
    ) -> Written {
        Object::write(self.name(name)?, fill)
    }

    pub(crate) fn array<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        item: impl FnMut(&mut dyn Write, T) -> Written,
    ) -> Written {
        array(self.name(name)?, items, item)
    }

    // Fields marked `omitempty` in etcd's messages are left out when they are zero or empty.

    pub(crate) fn some_number<N: std::fmt::Display + PartialEq + Default>(
        &mut self,
        name: &str,
        value: N,
    ) -> Written {
        if value == N::default() {
            Ok(())
        } else {
            self.raw(name, value)
        }
    }

    pub(crate) fn some_bool(&mut self, name: &str, value: bool) -> Written {
        if value { self.raw(name, true) } else { Ok(()) }
    }

    pub(crate) fn some_string(&mut self, name: &str, text: &str) -> Written {
        if text.is_empty() {
            Ok(())
        } else {
            self.string(name, text)
        }
    }

    pub(crate) fn some_bytes(&mut self, name: &str, value: &[u8]) -> Written {
        if value.is_empty() {
            Ok(())
        } else {
            self.bytes(name, value)
        }
    }

    pub(crate) fn some_strings(&mut self, name: &str, texts: &[String]) -> Written {
        if texts.is_empty() {
            Ok(())
        } else {
            self.array(name, texts, |page, text| string(page, text.as_bytes()))
        }
    }
}

pub(crate) fn array<T>(
    page: &mut dyn Write,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut dyn Write, T) -> Written,
) -> Written {
    page.write_all(b"[")?;
    for (place, value) in items.into_iter().enumerate() {
        if place > 0 {
            page.write_all(b",")?;
        }
        item(page, value)?;
    }
    page.write_all(b"]")
}

pub(crate) fn bytes(page: &mut dyn Write, value: &[u8]) -> Written {
    write!(page, "\"{}\"", STANDARD.encode(value))
}

/// Bytes that are no UTF-8 become the replacement letter.
pub(crate) fn string(page: &mut dyn Write, bytes: &[u8]) -> Written {
    let text = String::from_utf8_lossy(bytes);
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for letter in text.chars() {
        match letter {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\x08' => written.push_str("\\b"),
            '\x0c' => written.push_str("\\f"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                written.push_str(&format!("\\u{:04x}", letter as u32));
            }
            letter => written.push(letter),
        }
    }
    written.push('"');
    page.write_all(written.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_go_does() {
        for (bytes, wanted) in [
            (&b"a\"\\"[..], r#""a\"\\""#),
            (b"<&>", r#""\u003c\u0026\u003e""#),
            (b"\n\x01\xff", "\"\\n\\u0001\u{fffd}\""),
            ("\u{2028}é".as_bytes(), "\"\\u2028é\""),
        ] {
            let mut page = Vec::new();
            string(&mut page, bytes).unwrap();
            assert_eq!(String::from_utf8(page).unwrap(), wanted);
        }
    }

    #[test]
    fn empty_fields_are_left_out() {
        let mut page = Vec::new();
        Object::write(&mut page, |object| {
            object.some_number("none", 0)?;
            object.some_bytes("key", b"a\x00")?;
            object.object("header", |header| header.raw("revision", 5))?;
            object.some_bool("more", false)
        })
        .unwrap();
        assert_eq!(
            String::from_utf8(page).unwrap(),
            r#"{"key":"YQA=","header":{"revision":5}}"#
        );
    }
}
