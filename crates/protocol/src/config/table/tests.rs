use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use ts_rs::{Config, TS};

use super::*;
use crate::{DataArguments, ModelArguments, RunConfig, TrainingArguments};

fn all() -> impl Iterator<Item = &'static Argument> {
    ARGUMENTS.iter().flat_map(|group| group.items)
}

#[test]
fn every_argument_has_one_place() {
    let shown = all().map(|argument| argument.name);
    let mut named: Vec<&str> = shown
        .chain(SET_BY_PANELS.items.iter().map(|set| set.name))
        .collect();
    let mut keys = RunConfig::keys();
    named.sort_unstable();
    keys.sort_unstable();
    assert_eq!(named, keys);
}

#[test]
fn an_argument_is_found_by_its_name() {
    let found = Argument::named("seed").expect("seed can be set");
    assert_eq!((found.kind, found.fallback), (Integer, "42"));
    assert_eq!(Argument::named("train_file"), None);
}

#[test]
fn help_is_what_the_documentation_says() {
    let config = Config::new();
    let documented: BTreeMap<String, String> = [
        ModelArguments::decl(&config),
        DataArguments::decl(&config),
        TrainingArguments::decl(&config),
    ]
    .iter()
    .flat_map(|declaration| documentation(declaration))
    .collect();
    for Argument { name, help, .. } in all().chain(SET_BY_PANELS.items) {
        assert_eq!(
            Some(*help),
            documented.get(*name).map(String::as_str),
            "{name}"
        );
    }
}

/// The fields of a TypeScript declaration, each with the first paragraph of its comment.
fn documentation(declaration: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut comment = Vec::new();
    for line in declaration.lines().map(str::trim) {
        if line.ends_with("/**") {
            comment.clear();
        } else if let Some(text) = line.strip_prefix('*') {
            comment.push(text.trim().replace('`', ""));
        } else if let Some((name, _)) = line.split_once(": ") {
            // The last line is the slash that ends the comment.
            let paragraph = comment.split(|line| line.is_empty() || line == "/").next();
            fields.push((name.to_owned(), paragraph.unwrap_or_default().join(" ")));
        }
    }
    fields
}

/// Fallbacks that don't repeat the default: a shell names a new folder and trains unless told
/// otherwise.
const OTHER_THAN_DEFAULT: &[(&str, &str)] = &[("output_dir", "a new folder"), ("do_train", "true")];

#[test]
fn fallbacks_are_the_defaults() {
    let defaults = json!(RunConfig::default());
    for Argument { name, fallback, .. } in all() {
        if OTHER_THAN_DEFAULT.contains(&(name, fallback)) {
            continue;
        }
        let stated = serde_json::from_str(fallback).unwrap_or_else(|_| json!(fallback));
        match &defaults[*name] {
            Value::Null => {
                assert!(stated.is_string(), "{name} has no default: say so in words")
            }
            Value::Number(number) => assert_eq!(stated.as_f64(), number.as_f64(), "{name}"),
            default => assert_eq!(stated, *default, "{name}"),
        }
    }
}

#[test]
fn what_a_kind_gives_is_taken() {
    for Argument { name, kind, .. } in all() {
        let taken = |value: &Value| {
            RunConfig::from_map(Map::from_iter([((*name).to_owned(), value.clone())])).is_ok()
        };
        let values = match kind {
            Integer => vec![json!(1)],
            Number => vec![json!(1), json!(0.5)],
            Text if *name == "threshold" => {
                vec![json!("0.5"), json!("0.5, 0.3"), json!("tune")]
            }
            Text if *name == "class_weights" => {
                vec![
                    json!("balanced"),
                    json!(r#"{"a": 2, "b": 0.5}"#),
                    json!("[1, 2]"),
                ]
            }
            Text if *name == "freeze_layers" => vec![json!("0-5"), json!("0,1,3-5")],
            Text => vec![json!("words")],
            Flag => vec![json!(true), json!(false)],
            Json => vec![json!({})],
            Choice(words) => words.iter().map(|word| json!(word)).collect(),
        };
        assert!(values.iter().all(taken), "{name}: {values:?}");
        assert!(
            *kind != Integer || !taken(&json!(0.5)),
            "{name} takes fractions"
        );
    }
}
