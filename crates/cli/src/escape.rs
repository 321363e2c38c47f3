//! Names and texts come from files and servers, and a terminal obeys what it is sent: a column called
//! `\x1b[2J` would clear the screen, and an override of the reading direction would show `exe.txt` for
//! `txt.exe`. So such characters are shown, as `\u001b`, and never sent. That is JSON's own notation, so
//! a row that is printed as JSON stays what it was.

use std::fmt::Write as _;

/// The text with its control characters, and those that reorder what follows them, made visible. Line
/// breaks and tabs stay.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_sent(c) {
            shown.push(c);
        } else {
            // All of them are below U+10000, one unit each.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        }
    }
    shown
}

/// Whether a terminal only draws it.
fn is_sent(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        // Line and paragraph separator; embeddings and overrides, isolates.
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        // C0, DEL and C1, where U+009B is ESC [ in one character.
        c => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("\u{1b}[2Jgone", "\\u001b[2Jgone"),
            ("\u{1b}]0;title\u{7}", "\\u001b]0;title\\u0007"),
            ("\u{9b}31m", "\\u009b31m"),
            ("50%\r100%", "50%\\u000d100%"),
            ("\u{8}\u{7f}\0", "\\u0008\\u007f\\u0000"),
            ("a\u{202e}txt.exe", "a\\u202etxt.exe"),
            ("\u{2066}a\u{2069}\u{2028}", "\\u2066a\\u2069\\u2028"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn texts_of_every_script_stay_as_they_are() {
        for text in [
            "two\nlines\tand a tab",
            "naïve “quotes” — 日本語 한국어 ไทย",
            // Hebrew and Persian, with a mark of direction and a joiner that they are written with.
            "שלום\u{200f}! می\u{200c}خواهم",
            "👩\u{200d}👧 🏴\u{e0067}\u{e0062}\u{e007f}",
        ] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn a_row_stays_json() {
        let row = serde_json::json!({"text": "a\u{202e}b\u{85}c\u{1b}"});
        let shown = visible(&row.to_string());
        assert!(!shown.contains('\u{202e}') && !shown.contains('\u{85}'));
        let read: Result<serde_json::Value, _> = serde_json::from_str(&shown);
        assert_eq!(read.ok(), Some(row));
    }
}
