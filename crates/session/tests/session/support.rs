//! A tiny checkpoint, the files of a person, and runs on them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tunesmith::kernels::ComputeDevice;
use tunesmith::model::{Model, ModelConfig};
use tunesmith_protocol::{
    Command, DataArguments, DeviceChoice, Event, IntervalStrategy, ModelArguments, Record,
    RunConfig, Steps, TrainingArguments,
};
use tunesmith_session::{Session, SessionError};

pub(crate) const WORDS: usize = 32;

pub(crate) fn tokenizer_json(words: usize) -> String {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let words = (0..words).map(|i| format!("w{i}"));
    let vocab: serde_json::Map<_, _> = special
        .into_iter()
        .chain(words)
        .enumerate()
        .map(|(id, word)| (word, json!(id)))
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": [], "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}
    })
    .to_string()
}

/// A checkpoint without a trained head, as a pretrained encoder is.
pub(crate) fn base_model(dir: &Path) -> PathBuf {
    let path = dir.join("base");
    std::fs::create_dir(&path).unwrap();
    let config = json!({
        "model_type": "bert", "vocab_size": WORDS + 4, "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 24,
        "initializer_range": 0.1
    });
    let config = ModelConfig::from_json(&config.to_string()).unwrap();
    let device = ComputeDevice::cpu("test");
    let model = Model::from_config(config, 7, &device).unwrap();
    pollster::block_on(model.save_pretrained(&path)).unwrap();
    std::fs::write(path.join("tokenizer.json"), tokenizer_json(WORDS)).unwrap();
    path
}

/// Pairs that are alike (`same`) or from the two halves of the vocabulary (`other`).
pub(crate) fn csv(rows: usize, salt: u64) -> String {
    let mut state = salt;
    let mut below = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut text = String::from("first,second,label\n");
    for row in 0..rows {
        let other = row as u64 % 2;
        let side = below(2);
        let mut words = |side: u64| {
            (0..4)
                .map(|_| format!("w{}", side * 16 + below(16)))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (first, second) = (words(side), words(if other == 1 { 1 - side } else { side }));
        let label = if other == 1 { "other" } else { "same" };
        writeln!(text, "{first},{second},{label}").unwrap();
    }
    text
}

pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) config: RunConfig,
}

impl Place {
    /// A configuration that trains on CSV files of 48, 20 and 10 rows.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let file = |name: &str, text: String| {
            std::fs::write(at(name), text).unwrap();
            Some(at(name).display().to_string())
        };
        let model = base_model(dir.path());
        let config = RunConfig {
            model: ModelArguments {
                model_name_or_path: model.display().to_string(),
                ..ModelArguments::default()
            },
            data: DataArguments {
                train_file: file("train.csv", csv(48, 1)),
                validation_file: file("validation.csv", csv(20, 2)),
                test_file: file("test.csv", csv(10, 3)),
                overwrite_cache: true,
                ..DataArguments::default()
            },
            training: TrainingArguments {
                output_dir: at("out").display().to_string(),
                do_train: true,
                device: DeviceChoice::Cpu,
                learning_rate: 1e-3,
                num_train_epochs: 2.0,
                eval_strategy: IntervalStrategy::Epoch,
                logging_steps: Steps(4.0),
                ..TrainingArguments::default()
            },
        };
        Self { dir, config }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    pub(crate) fn run(&self) -> Vec<Record> {
        run(self.config.clone(), |_| None).0
    }

    /// The message of a run that fails, and its error.
    pub(crate) fn fails(&self) -> (String, SessionError) {
        let (records, error) = run(self.config.clone(), |_| None);
        let Some(Event::Failed { message }) = records.last().map(|record| &record.event) else {
            panic!("the run did not fail: {records:?}")
        };
        (message.clone(), error.unwrap())
    }

    #[track_caller]
    pub(crate) fn fails_with(&self, parts: &[&str]) {
        let (message, _) = self.fails();
        for part in parts {
            assert!(message.contains(part), "'{part}' is not in: {message}");
        }
    }
}

pub(crate) fn run(
    config: RunConfig,
    command: impl Fn(&Event) -> Option<Command>,
) -> (Vec<Record>, Option<SessionError>) {
    let mut session = Session::new(config);
    let mut records = Vec::new();
    pollster::block_on(async {
        while let Some(record) = session.next().await {
            if let Some(command) = command(&record.event) {
                session.steering().send(command);
            }
            records.push(record);
        }
    });
    // The typed error can't be taken out of a session; its text is compared instead.
    let error = session
        .error()
        .map(|error| SessionError::Arguments(error.to_string()));
    (records, error)
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
