//! The TypeScript of all that crosses to a browser's page, made from the Rust types, and of the table
//! of arguments. The files are committed, so that the web package builds without Rust; these tests
//! keep them current.

use std::fs;

use ts_rs::{Config, TS};

use crate::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/src/generated");

const COMMAND: &str = "TUNESMITH_UPDATE=1 cargo test -p tunesmith-protocol types";

/// Every type of the contract, in the order of the file.
const TYPES: &[fn(&Config) -> String] = &[
    declaration::<Record>,
    declaration::<Event>,
    declaration::<RunStarted>,
    declaration::<DeviceInfo>,
    declaration::<DeviceKind>,
    declaration::<DatasetReady>,
    declaration::<Split>,
    declaration::<Step>,
    declaration::<Log>,
    declaration::<Eval>,
    declaration::<Metrics>,
    declaration::<Done>,
    declaration::<RunState>,
    declaration::<LossPoint>,
    declaration::<DownloadState>,
    declaration::<ProgressState>,
    declaration::<RunView>,
    declaration::<Command>,
    declaration::<RunConfig>,
    declaration::<ModelArguments>,
    declaration::<DataArguments>,
    declaration::<TrainingArguments>,
    declaration::<SchedulerType>,
    declaration::<SchedulerKwargs>,
    declaration::<MetricMode>,
    declaration::<ThresholdMode>,
    declaration::<RateCurve>,
    declaration::<IntervalStrategy>,
    declaration::<SaveStrategy>,
    declaration::<SamplingStrategy>,
    declaration::<LossType>,
    declaration::<ClassWeights>,
    declaration::<TokenCount>,
    declaration::<LogLevel>,
    declaration::<Truncation>,
    declaration::<ProblemType>,
    declaration::<Threshold>,
    declaration::<ReportTo>,
    declaration::<DeviceChoice>,
    declaration::<OnnxDtype>,
    declaration::<Steps>,
    declaration::<ResumeFrom>,
    declaration::<Opened>,
    declaration::<Storage>,
    declaration::<Request>,
    declaration::<AdapterInfo>,
    declaration::<FileEntry>,
    declaration::<HubRepo>,
    declaration::<MemoryUsage>,
    declaration::<Place>,
    declaration::<Pair>,
    declaration::<Prediction>,
    declaration::<Entity>,
    declaration::<TokenizedPrediction>,
    declaration::<Inspection>,
    declaration::<SplitInfo>,
    declaration::<ColumnInfo>,
    declaration::<ColumnKind>,
    declaration::<LabelCount>,
    declaration::<Estimate>,
    declaration::<Review>,
    declaration::<ClassReport>,
    declaration::<CalibrationBin>,
    declaration::<WrongRow>,
    declaration::<SavedRun>,
];

/// What is asked of a run: serde gives an argument that is left out its default.
const RUN_CONFIG_JSON: &str = "\
/** The arguments of a run; what is left out has transformers' default. */
export type RunConfigJson = Partial<RunConfig>;
";

/// The types of the table of arguments.
const TABLE_TYPES: &[fn(&Config) -> String] = &[
    declaration::<ArgumentKind>,
    declaration::<Argument>,
    declaration::<ArgumentGroup>,
];

const ARGUMENT_NAME: &str = r#"import type { RunConfigJson } from "./protocol.js";

/** An argument's name. */
export type ArgumentName = keyof RunConfigJson;
"#;

#[test]
fn typescript_is_current() {
    let types = declarations(TYPES);
    compare(
        "protocol.ts",
        &[header(), types, RUN_CONFIG_JSON.to_owned()],
    );
}

#[test]
fn arguments_are_current() {
    let types = declarations(TABLE_TYPES);
    compare(
        "arguments.ts",
        &[
            header(),
            ARGUMENT_NAME.to_owned(),
            types,
            set_by_panels(),
            arguments(),
        ],
    );
}

/// Compares a file of [`FOLDER`] with its parts, and writes it before where that is asked for.
fn compare(name: &str, parts: &[String]) {
    let (path, current) = (format!("{FOLDER}/{name}"), parts.join("\n"));
    if std::env::var_os("TUNESMITH_UPDATE").is_some() {
        fs::write(&path, &current).expect("web/src/generated can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    // By lines: git may have checked it out with other line ends.
    assert!(
        written.lines().eq(current.lines()),
        "web/src/generated/{name} differs from the Rust sources: run `{COMMAND}`"
    );
}

fn header() -> String {
    format!("// Generated from crates/protocol by `{COMMAND}`: do not edit.\n")
}

fn set_by_panels() -> String {
    let names: Vec<String> = SET_BY_PANELS
        .items
        .iter()
        .map(|argument| format!("  {:?},\n", argument.name))
        .collect();
    format!(
        "/** Arguments that the panels set by themselves: which model, which data, which columns. */\n\
         export const SET_BY_PANELS: readonly ArgumentName[] = [\n{}];\n",
        names.concat()
    )
}

/// The table. A string is written as Rust's `Debug` does, whose escapes are JavaScript's too.
fn arguments() -> String {
    let mut lines = vec![
        "/** The arguments by group, in the order in which they are shown. */".to_owned(),
        "export const ARGUMENTS: readonly ArgumentGroup[] = [".to_owned(),
    ];
    for ArgumentGroup { group, items } in ARGUMENTS {
        lines.push(format!("  {{\n    group: {group:?},\n    items: ["));
        for Argument {
            name,
            kind,
            fallback,
            help,
        } in *items
        {
            let kind = match kind {
                ArgumentKind::Choice(words) => format!("{words:?}"),
                word => format!("\"{word:?}\"").to_lowercase(),
            };
            lines.push(format!(
                "      {{ name: {name:?}, kind: {kind}, fallback: {fallback:?}, help: {help:?} }},"
            ));
        }
        lines.push("    ],\n  },".to_owned());
    }
    lines.push("];\n".to_owned());
    lines.join("\n")
}

fn declarations(types: &[fn(&Config) -> String]) -> String {
    let config = Config::new().with_large_int("number");
    let types: Vec<String> = types.iter().map(|declare| declare(&config)).collect();
    let types = types
        .join("\n")
        // A flattened enum is written out where it is flattened; its name says the same.
        .replace(&Event::inline_flattened(&config), "Event")
        .replace(&Prediction::inline_flattened(&config), "Prediction")
        // TSDoc has neither rustdoc's links nor `None`.
        .replace("[`", "`")
        .replace("`]", "`")
        .replace("`None`", "`null`");
    laid_out(&types)
}

fn declaration<T: TS>(config: &Config) -> String {
    let docs = T::docs().unwrap_or_default();
    format!("{docs}export {}\n", T::decl(config))
}

/// Indents the fields, and writes a comment of one line on one line.
fn laid_out(types: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut indent = "";
    for line in types.replace(", }", ",\n}").lines().map(str::trim_end) {
        if let (" */", [.., open, comment]) = (line, lines.as_slice())
            && open.trim() == "/**"
        {
            let comment = comment.trim().trim_start_matches("* ");
            let comment = format!("{indent}/** {comment} */");
            lines.truncate(lines.len() - 2);
            lines.push(comment);
            continue;
        }
        if line.starts_with('}') {
            indent = "";
        }
        lines.push(format!("{indent}{line}").trim_end().to_owned());
        if !line.starts_with(" *") {
            indent = match line.rfind(['{', '}']) {
                Some(last) if line[last..].starts_with('{') => "  ",
                Some(_) => "",
                None => indent,
            };
        }
    }
    lines.join("\n") + "\n"
}
