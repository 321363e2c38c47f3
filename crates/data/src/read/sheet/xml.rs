//! The XML of a workbook's parts: elements, their attributes, and texts with where they stand.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Where a text stands.
#[derive(Clone, Copy)]
pub(super) struct Inside<'a> {
    element: &'a [u8],
    /// In a reading aid above the text (furigana), which is not part of it.
    phonetic: bool,
}

impl Inside<'_> {
    pub(super) fn is_text(self) -> bool {
        self.element == b"t" && !self.phonetic
    }

    pub(super) fn is_value(self) -> bool {
        self.element == b"v"
    }
}

/// What a walk through XML meets.
pub(super) enum Xml<'a> {
    Start(&'a BytesStart<'a>),
    Text(&'a str, Inside<'a>),
    End(&'a [u8]),
}

pub(super) fn walk(
    text: &str,
    mut visit: impl FnMut(Xml<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let mut element: Vec<u8> = Vec::new();
    let mut phonetic = false;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(tag) => {
                element = tag.local_name().as_ref().to_vec();
                phonetic |= element == b"rPh";
                visit(Xml::Start(&tag))?;
            }
            Event::Empty(tag) => {
                visit(Xml::Start(&tag))?;
                visit(Xml::End(tag.local_name().as_ref()))?;
            }
            Event::End(tag) => {
                element.clear();
                let name = tag.local_name();
                phonetic &= name.as_ref() != b"rPh";
                visit(Xml::End(name.as_ref()))?;
            }
            Event::Text(part) => {
                let part = part.decode().map_err(|error| error.to_string())?;
                let inside = Inside {
                    element: &element,
                    phonetic,
                };
                visit(Xml::Text(&part, inside))?;
            }
            Event::CData(part) => {
                let part = part.decode().map_err(|error| error.to_string())?;
                let inside = Inside {
                    element: &element,
                    phonetic,
                };
                visit(Xml::Text(&part, inside))?;
            }
            Event::GeneralRef(name) => {
                let whole = format!("&{};", name.decode().map_err(|error| error.to_string())?);
                let part =
                    quick_xml::escape::unescape(&whole).map_err(|error| error.to_string())?;
                let inside = Inside {
                    element: &element,
                    phonetic,
                };
                visit(Xml::Text(&part, inside))?;
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

pub(super) fn elements(text: &str, mut visit: impl FnMut(&BytesStart<'_>)) -> Result<(), String> {
    walk(text, |event| {
        if let Xml::Start(tag) = event {
            visit(tag);
        }
        Ok(())
    })
}

/// An attribute by its name without a prefix.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let found = tag
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)?;
    let text = std::str::from_utf8(&found.value).ok()?;
    Some(quick_xml::escape::unescape(text).ok()?.into_owned())
}

/// `_x000D_` and the like stand for characters that XML has not.
pub(super) fn unescaped(text: &str) -> String {
    let mut parts = text.split("_x");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..4)
            .and_then(|code| u32::from_str_radix(code, 16).ok());
        match code.and_then(char::from_u32).zip(part.get(4..)) {
            Some((c, rest)) if rest.starts_with('_') => {
                whole.push(c);
                whole.push_str(&rest[1..]);
            }
            _ => {
                whole.push_str("_x");
                whole.push_str(part);
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_characters() {
        assert_eq!(unescaped("a_x000D_\nb_x_y_x00e9"), "a\r\nb_x_y_x00e9");
    }
}
