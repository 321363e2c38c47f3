//! Runs the command, and makes what it reads: a small model with a tokenizer of its own, and pairs of
//! sentences about animals.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tunesmith::kernels::ComputeDevice;
use tunesmith::model::{Model, ModelConfig};

/// What a finished command left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output of a command that went well.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// The error of a command that was refused, as one message that isn't a crash's.
    pub fn error(self) -> String {
        assert_eq!(self.code, Some(1), "{self:#?}");
        let at: Vec<usize> = self
            .stderr
            .match_indices("error: ")
            .map(|(at, _)| at)
            .filter(|at| *at == 0 || self.stderr.as_bytes()[at - 1] == b'\n')
            .collect();
        assert_eq!(at.len(), 1, "one message is expected: {self:#?}");
        let message = &self.stderr[at[0] + "error: ".len()..];
        for crash in [
            "this is a bug",
            "panicked",
            "stack backtrace",
            "RUST_BACKTRACE",
        ] {
            assert!(!self.stderr.contains(crash), "{self:#?}");
        }
        message.to_owned()
    }
}

/// `tunesmith`, which finds no hub and no cache of another test.
pub fn tunesmith(cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tunesmith"));
    command
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HOME", cache)
        .env("TUNESMITH_CACHE", cache);
    command
}

/// Asserts that a text contains all of these.
#[track_caller]
pub fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// A folder for one test.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// `tunesmith` with these words.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = tunesmith(&self.path("cache"));
        command.args(words).current_dir(self.0.path());
        command
    }

    /// Runs `tunesmith` with the words of a line; a word may name a file of the folder.
    pub fn run(&self, line: &str) -> Ran {
        Ran::of(self.command(line.split_whitespace()).output().unwrap())
    }

    /// `train` on the CPU, on `train.csv` and `validation.csv`, from `model` to `out`.
    pub fn train(&self, more: &str) -> Ran {
        self.run(&format!("{TRAIN} {more}"))
    }

    /// A model and data that `train` takes.
    pub fn ready() -> Self {
        let scratch = Self::new();
        write_model(&scratch.path("model"), &config());
        scratch.write("train.csv", pairs(64, 0));
        scratch.write("validation.csv", pairs(16, 64));
        scratch
    }

    /// The events that a run wrote.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// What every training here says.
pub const TRAIN: &str = "train --model_name_or_path model --train_file train.csv \
    --validation_file validation.csv --output_dir out --device cpu --learning_rate 1e-3";

/// The losses of the steps, in order, as they were written.
pub fn losses(events: &[Value]) -> Vec<f64> {
    let steps = events.iter().filter(|event| event["type"] == "step");
    steps.map(|event| event["loss"].as_f64().unwrap()).collect()
}

/// How long a test waits for what should come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
#[track_caller]
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        sleep(Duration::from_millis(5));
    }
}

const ANIMALS: [&str; 8] = ["cat", "dog", "cow", "hen", "fox", "owl", "ant", "bee"];
const DOINGS: [&str; 4] = ["sat", "ran", "ate", "slept"];

/// CSV of `rows` pairs from the `first`: the label says what the first one's animal is.
pub fn pairs(rows: usize, first: usize) -> String {
    let mut text = String::from("sentence1,sentence2,label\n");
    for i in first..first + rows {
        let (one, other) = (ANIMALS[i % 8], ANIMALS[i / 3 % 8]);
        let (did, does) = (DOINGS[i / 7 % 4], DOINGS[i / 5 % 4]);
        let label = if i % 8 < 4 { "tame" } else { "wild" };
        text.push_str(&format!(
            "the {one} {did} here,that {other} {does} there,{label}\n"
        ));
    }
    text
}

fn words() -> Vec<&'static str> {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let others = ["the", "that", "here", "there", ".", "##s"];
    special
        .into_iter()
        .chain(others)
        .chain(ANIMALS)
        .chain(DOINGS)
        .collect()
}

/// A configuration of a model that takes milliseconds a step.
pub fn config() -> Value {
    json!({
        "model_type": "bert", "vocab_size": words().len(), "hidden_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "max_position_embeddings": 32, "initializer_range": 0.2,
    })
}

/// Writes `config.json`, random weights and a tokenizer.
pub fn write_model(dir: &Path, config: &Value) {
    fs::create_dir_all(dir).unwrap();
    let config = ModelConfig::from_json(&config.to_string()).unwrap();
    let device = ComputeDevice::cpu("test");
    let model = Model::from_config(config, 1, &device).unwrap();
    pollster::block_on(model.save_pretrained(dir)).unwrap();
    write_tokenizer(dir, &words());
}

/// A WordPiece tokenizer of these words; the first five are the special ones.
pub fn write_tokenizer(dir: &Path, words: &[&str]) {
    let vocabulary: Map<String, Value> = words
        .iter()
        .enumerate()
        .map(|(id, word)| ((*word).to_owned(), json!(id)))
        .collect();
    let added: Vec<Value> = (0..5)
        .map(|id| {
            json!({"id": id, "content": words[id], "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false, "special": true})
        })
        .collect();
    let special = |word: &str| json!({"SpecialToken": {"id": word, "type_id": 0}});
    let text = |name: &str, kind: u32| json!({"Sequence": {"id": name, "type_id": kind}});
    let end = json!({"SpecialToken": {"id": "[SEP]", "type_id": 1}});
    let token = |word: &str, id: u32| json!({"id": word, "ids": [id], "tokens": [word]});
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), text("A", 0), special("[SEP]")],
            "pair": [special("[CLS]"), text("A", 0), special("[SEP]"), text("B", 1), end],
            "special_tokens": {"[CLS]": token("[CLS]", 2), "[SEP]": token("[SEP]", 3)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    });
    fs::write(dir.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// This repository's own set of pairs, a folder in the Hub's layout.
pub fn paraphrase() -> PathBuf {
    repository().join("data/paraphrase")
}

/// A golden; `tests/goldens/generate` has what made it.
pub fn golden(name: &str) -> Value {
    let path = repository().join("tests/goldens").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The checkpoint all-MiniLM-L6-v2.
pub fn minilm() -> PathBuf {
    let cache = || {
        let home = std::env::var_os("HOME").unwrap();
        Path::new(&home).join(".cache/tunesmith/models/all-MiniLM-L6-v2")
    };
    let dir = std::env::var_os("TUNESMITH_MINILM").map_or_else(cache, PathBuf::from);
    let file = dir.join("tokenizer.json");
    assert!(
        file.exists(),
        "{} is missing; `cargo xtask test` fetches it",
        file.display()
    );
    dir
}
