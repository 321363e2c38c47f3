//! The TypeScript of all that crosses to a browser's page, made from the Rust types. The file is
//! committed, so that the web package builds without Rust; this test keeps it current.

use std::fs;

use ts_rs::{Config, TS};

use crate::*;

const PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../web/src/generated/protocol.ts"
);

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
    declaration::<IntervalStrategy>,
    declaration::<Truncation>,
    declaration::<DeviceChoice>,
    declaration::<Steps>,
    declaration::<ResumeFrom>,
    declaration::<Opened>,
    declaration::<Storage>,
    declaration::<Request>,
    declaration::<AdapterInfo>,
    declaration::<FileEntry>,
    declaration::<MemoryUsage>,
    declaration::<Place>,
    declaration::<Pair>,
    declaration::<Prediction>,
    declaration::<TokenizedPrediction>,
    declaration::<Inspection>,
    declaration::<SplitInfo>,
    declaration::<ColumnInfo>,
    declaration::<ColumnKind>,
    declaration::<LabelCount>,
    declaration::<Estimate>,
    declaration::<Review>,
    declaration::<ClassReport>,
    declaration::<WrongRow>,
    declaration::<SavedRun>,
];

/// What is asked of a run: serde gives an argument that is left out its default.
const RUN_CONFIG_JSON: &str = "\
/** The arguments of a run; what is left out has transformers' default. */
export type RunConfigJson = Partial<RunConfig>;
";

#[test]
fn typescript_is_current() {
    let current = typescript();
    if std::env::var_os("TUNESMITH_UPDATE").is_some() {
        fs::write(PATH, &current).expect("web/src/generated can be written");
    }
    let written = fs::read_to_string(PATH).unwrap_or_default();
    // By lines: git may have checked it out with other line ends.
    assert!(
        written.lines().eq(current.lines()),
        "web/src/generated/protocol.ts differs from the Rust types: run `{COMMAND}`"
    );
}

fn typescript() -> String {
    let config = Config::new().with_large_int("number");
    let types: Vec<String> = TYPES.iter().map(|declare| declare(&config)).collect();
    let types = types
        .join("\n")
        // A flattened enum is written out where it is flattened; its name says the same.
        .replace(&Event::inline_flattened(&config), "Event")
        // TSDoc has neither rustdoc's links nor `None`.
        .replace("[`", "`")
        .replace("`]", "`")
        .replace("`None`", "`null`");
    let header = format!("// Generated from crates/protocol by `{COMMAND}`: do not edit.\n");
    [header, laid_out(&types), RUN_CONFIG_JSON.to_owned()].join("\n")
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
