//! Names and texts that would steer a terminal are shown and not sent.

use crate::support::{Ran, Scratch, contains};

/// Clears the screen, sets the window's title, turns the reading direction.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}txt";

fn harmless(text: &str) {
    for c in ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}'] {
        assert!(!text.contains(c), "{c:?} was sent: {text:?}");
    }
}

#[test]
fn columns_and_texts_of_a_file() {
    let scratch = Scratch::new();
    scratch.write("rows.csv", format!("a{EVIL},label\nb{EVIL},1\n"));
    for more in ["", "--features", "--row 0"] {
        let shown = scratch
            .run(&format!("data --train_file rows.csv {more}"))
            .ok();
        harmless(&shown);
        contains(&shown, &["\\u202etxt"]);
    }
    // A row stays the JSON that it was.
    let row = scratch.run("data --train_file rows.csv --row 0").ok();
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    assert_eq!(row[format!("a{EVIL}")], format!("b{EVIL}"));
}

#[test]
fn the_names_of_files_in_errors_and_words_of_the_command_line() {
    let scratch = Scratch::new();
    let name = format!("no{EVIL}.csv");
    let ran = scratch.command(["data", "--train_file", &name]).output();
    let message = Ran::of(ran.unwrap()).error();
    harmless(&message);
    contains(&message, &["no\\u001b[2J"]);

    let ran = scratch.command(["data", "--row", &name]).output().unwrap();
    let ran = Ran::of(ran);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    harmless(&ran.stderr);
    contains(&ran.stderr, &["--row"]);
}
