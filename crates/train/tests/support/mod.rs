//! A tiny random BERT and a small synthetic dataset that it can learn, for tests of the loop.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::Path;

use serde_json::json;
use tunesmith_data::{
    DataCollatorWithPadding, Dataset, Format, LoadDataset, TokenizeArgs, TokenizedDataset,
    Tokenizer, tokenize_dataset,
};
use tunesmith_kernels::{ComputeDevice, DeviceChoice, open_device};
use tunesmith_metrics::Metric;
use tunesmith_model::{Mode, Model, ModelConfig, Task};
use tunesmith_protocol::{Event, IntervalStrategy, ResumeFrom, Step, Steps, TrainingArguments};
use tunesmith_train::{AdamW, Names, Schedule, TrainError, TrainOutput, Trainer, batch_inputs};

pub const WORDS: usize = 32;

pub fn device(choice: DeviceChoice) -> ComputeDevice {
    pollster::block_on(open_device(choice)).unwrap()
}

pub fn cpu() -> ComputeDevice {
    device(DeviceChoice::Cpu)
}

/// The contents of a word-level `tokenizer.json`.
pub fn tokenizer_json() -> String {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let words = (0..WORDS).map(|i| format!("w{i}"));
    let vocab: serde_json::Map<_, _> = special
        .into_iter()
        .chain(words)
        .enumerate()
        .map(|(id, word)| (word, json!(id)))
        .collect();
    let added = |id: u32, word: &str| {
        json!({"id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": [added(0, "[PAD]"), added(1, "[UNK]"), added(2, "[CLS]"), added(3, "[SEP]")],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}
    })
    .to_string()
}

pub fn tokenizer() -> Tokenizer {
    Tokenizer::from_bytes(tokenizer_json().as_bytes(), None).unwrap()
}

pub fn config(dropout: f32) -> ModelConfig {
    let text = json!({
        "model_type": "bert", "vocab_size": WORDS + 4, "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 24,
        "initializer_range": 0.1
    });
    let mut config = ModelConfig::from_json(&text.to_string()).unwrap();
    let names = ["no", "yes"].map(str::to_owned);
    config.set_head(Task::SingleLabel, &names).unwrap();
    config.set_dropout(dropout).unwrap();
    config
}

/// Rows of 3 to 12 words; the label says from which half of the vocabulary most of them are.
pub fn csv(rows: usize, salt: u64) -> String {
    let mut state = salt;
    let mut below = |n: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let half = WORDS as u64 / 2;
    let mut text = String::from("text,label\n");
    for row in 0..rows {
        let label = row as u64 % 2;
        let words: Vec<String> = (0..3 + below(10))
            .map(|_| {
                let side = if below(5) == 0 { 1 - label } else { label };
                format!("w{}", side * half + below(half))
            })
            .collect();
        text.push_str(&format!("{},{label}\n", words.join(" ")));
    }
    text
}

pub fn rows(count: usize, salt: u64) -> TokenizedDataset {
    let bytes = csv(count, salt).into_bytes();
    let dataset = Dataset::from_bytes("rows.csv", Format::Csv, bytes).unwrap();
    let args = TokenizeArgs {
        label_column: Some("label".to_owned()),
        ..TokenizeArgs::new("text")
    };
    tokenize_dataset(&dataset, &tokenizer(), &args, &mut |_| {}).unwrap()
}

/// Two epochs of 42 rows in batches of 4, two batches a step: 6 steps an epoch, 12 in all.
pub fn args(output_dir: &Path) -> TrainingArguments {
    TrainingArguments {
        output_dir: output_dir.display().to_string(),
        per_device_train_batch_size: 4,
        gradient_accumulation_steps: 2,
        num_train_epochs: 2.0,
        learning_rate: 2e-3,
        logging_steps: Steps(5.0),
        save_steps: Steps(4.0),
        eval_strategy: IntervalStrategy::Epoch,
        ..TrainingArguments::default()
    }
}

pub fn trainer_with(
    args: TrainingArguments,
    device: &ComputeDevice,
    dropout: f32,
    train: TokenizedDataset,
) -> Trainer {
    let model = Model::from_config(config(dropout), 7, device).unwrap();
    let collator = DataCollatorWithPadding::from_tokenizer(&tokenizer()).unwrap();
    Trainer::new(model, args, collator)
        .train_dataset(train)
        .eval_dataset("validation", rows(18, 2))
        .metric(Metric::for_labels(2).unwrap())
        .names(Names {
            model: "tiny".to_owned(),
            dataset: "synthetic".to_owned(),
            config: None,
            task: None,
        })
}

pub fn trainer(args: TrainingArguments, device: &ComputeDevice) -> Trainer {
    trainer_with(args, device, 0.1, rows(42, 1))
}

/// Trains and keeps every event.
pub fn train(trainer: &mut Trainer) -> Result<(TrainOutput, Vec<Event>), TrainError> {
    let mut events = Vec::new();
    let output = pollster::block_on(trainer.train(&mut |event| events.push(event)))?;
    Ok((output, events))
}

pub fn resume_from(args: &TrainingArguments, resume: ResumeFrom) -> TrainingArguments {
    TrainingArguments {
        resume_from_checkpoint: resume,
        ..args.clone()
    }
}

/// What must be the same bit for bit of every step.
pub fn steps(events: &[Event]) -> Vec<(u64, [u64; 4], u64, String)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Step(Step {
                step,
                epoch,
                loss,
                learning_rate,
                grad_norm,
                batch_length,
                batch_digest,
                ..
            }) => {
                let bits = [epoch, loss, learning_rate, grad_norm].map(|x| x.to_bits());
                Some((*step, bits, *batch_length, batch_digest.clone()))
            }
            _ => None,
        })
        .collect()
}

pub fn losses(events: &[Event]) -> Vec<f64> {
    let loss = |event: &Event| match event {
        Event::Step(step) => Some(step.loss),
        _ => None,
    };
    events.iter().filter_map(loss).collect()
}

pub fn warnings(events: &[Event]) -> Vec<&str> {
    fn message(event: &Event) -> Option<&str> {
        match event {
            Event::Warning { message } => Some(message),
            _ => None,
        }
    }
    events.iter().filter_map(message).collect()
}

/// The first training rows of a folder with sets of pairs.
pub fn pairs(folder: &Path, config: &str, count: usize, tokenizer: &Tokenizer) -> TokenizedDataset {
    let datasets = LoadDataset::new(folder.display().to_string())
        .config(config)
        .load()
        .unwrap();
    let first = datasets.get("train").unwrap().take(count);
    let args = TokenizeArgs {
        text_pair_column: Some("sentence2".to_owned()),
        label_column: Some("label".to_owned()),
        ..TokenizeArgs::new("sentence1")
    };
    tokenize_dataset(&first, tokenizer, &args, &mut |_| {}).unwrap()
}

/// What a step gave.
pub struct Told {
    pub loss: f64,
    pub grad_norm: f64,
    pub learning_rate: f64,
    pub width: usize,
}

/// So many steps of eight rows each in their order, without dropout and without the loop.
pub fn steps_by_hand(
    model: &mut Model,
    optimizer: &mut AdamW,
    schedule: &Schedule,
    tokenizer: &Tokenizer,
    rows: &TokenizedDataset,
    count: usize,
) -> Vec<Told> {
    let collator = DataCollatorWithPadding::from_tokenizer(tokenizer).unwrap();
    (0..count)
        .map(|step| {
            let examples = (8 * step..8 * (step + 1)).map(|row| rows.example(row));
            let batch = collator.collate(examples).unwrap();
            let (inputs, targets) = batch_inputs(&batch);
            let output = model
                .forward(&inputs, targets.as_ref(), &Mode::Evaluate)
                .unwrap();
            let loss = output.loss.clone().unwrap();
            model.backward(output);
            let learning_rate = schedule.learning_rate(step as u64);
            let norm = optimizer.step(model, learning_rate).values();
            Told {
                loss: f64::from(read(vec![loss])[0]),
                grad_norm: f64::from(read(vec![norm])[0]),
                learning_rate,
                width: batch.seq,
            }
        })
        .collect()
}

/// A parameter's values, whose pieces lie one after the other.
fn read(pieces: Vec<burn::tensor::Tensor<1>>) -> Vec<f32> {
    let read = tunesmith_kernels::read_back(pieces);
    pollster::block_on(read).unwrap().concat()
}

/// All weights, name by name.
pub fn weights(trainer: &Trainer) -> Vec<(String, Vec<f32>)> {
    let parameters = &trainer.model.parameters;
    parameters
        .iter()
        .map(|p| (p.name.clone(), read(parameters.value(p))))
        .collect()
}
