//! A model with the words of its rows alone is the same model: losses, checkpoints, and what is saved.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use support::*;
use tunesmith_data::DataCollatorWithPadding;
use tunesmith_kernels::{ComputeDevice, DeviceChoice};
use tunesmith_metrics::Metric;
use tunesmith_model::{Inputs, LoadOptions, Mode, Model, TensorFile, Words};
use tunesmith_protocol::{ResumeFrom, SaveStrategy, TrainingArguments};
use tunesmith_train::Trainer;

/// A large vocabulary, of which the rows have 36 words at most, and padding none.
const VOCABULARY: usize = 9000;
const TABLE: &str = "bert.embeddings.word_embeddings.weight";

/// A base model of that vocabulary in `dir`.
fn base(dir: &Path) {
    let text = config(0.1).to_json();
    let text = text.replace(
        r#""vocab_size": 36"#,
        &format!(r#""vocab_size": {VOCABULARY}"#),
    );
    let config = tunesmith_model::ModelConfig::from_json(&text).unwrap();
    assert_eq!(config.spec().vocabulary(), VOCABULARY);
    let model = Model::from_config(config, 7, &cpu()).unwrap();
    std::fs::create_dir_all(dir).unwrap();
    pollster::block_on(model.save_pretrained(dir)).unwrap();
}

fn words() -> Words {
    let read = rows(18, 2).words();
    // Some that are read and not trained.
    let trained = rows(42, 1).words();
    Words::Of {
        trained,
        evaluated: read.into_iter().chain([4000, 8999]).collect(),
    }
}

fn trainer_of(
    base: &Path,
    words: Words,
    args: TrainingArguments,
    device: &ComputeDevice,
) -> Trainer {
    let config = tunesmith_model::AutoConfig::from_pretrained(base).unwrap();
    let options = LoadOptions {
        words,
        ..LoadOptions::new(7)
    };
    let (model, report) = Model::from_pretrained_with(base, config, &options, device).unwrap();
    assert!(report.newly_initialized.is_empty(), "{report:?}");
    let collator = DataCollatorWithPadding::from_tokenizer(&tokenizer()).unwrap();
    Trainer::new(model, args, collator)
        .train_dataset(rows(42, 1))
        .eval_dataset("validation", rows(18, 2))
        .metric(Metric::for_labels(2).unwrap())
}

fn decayed(output: &Path) -> TrainingArguments {
    TrainingArguments {
        weight_decay: 0.1,
        save_strategy: SaveStrategy::Epoch,
        load_best_model_at_end: true,
        metric_for_best_model: Some("loss".to_owned()),
        ..args(output)
    }
}

/// The word table that a model saves.
fn saved_table(trainer: &Trainer, dir: &Path) -> Vec<f32> {
    std::fs::create_dir_all(dir).unwrap();
    pollster::block_on(trainer.model.save_pretrained(dir)).unwrap();
    let file = TensorFile::open_file(&dir.join("model.safetensors")).unwrap();
    file.read(TABLE).unwrap()
}

fn same(label: &str, got: &[f64], wanted: &[f64], most: f64) {
    assert_eq!(got.len(), wanted.len(), "{label}");
    assert!(!got.is_empty(), "{label}");
    for (got, wanted) in got.iter().zip(wanted) {
        assert!(
            (got - wanted).abs() <= most * (1.0 + wanted.abs()),
            "{label}: {got}, {wanted}"
        );
    }
}

fn numbers(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

fn is_the_same_training(device: &ComputeDevice) {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("base");
    base(&model);
    let [whole_out, part_out] = ["whole", "part"].map(|name| dir.path().join(name));
    let mut whole = trainer_of(&model, Words::All, decayed(&whole_out), device);
    let mut part = trainer_of(&model, words(), decayed(&part_out), device);
    let table = part.model.parameters.get(TABLE).unwrap();
    assert!(table.trained_shape[0] <= 36 && table.shape[0] == VOCABULARY);
    assert_eq!(part.model.num_parameters(), whole.model.num_parameters());
    let (_, wanted) = train(&mut whole).unwrap();
    let (_, got) = train(&mut part).unwrap();
    same("losses", &losses(&got), &losses(&wanted), 1e-6);
    let [wanted, got] = [(&whole, "w"), (&part, "p")]
        .map(|(trainer, name)| saved_table(trainer, &dir.path().join(name)));
    same("saved words", &numbers(&got), &numbers(&wanted), 1e-6);
    // What weight decay makes of a word that is nowhere.
    let was = TensorFile::open_file(&model.join("model.safetensors")).unwrap();
    let was = was.read_range(TABLE, 5000 * 32..5001 * 32).unwrap();
    assert_ne!(got[5000 * 32..5001 * 32], was);

    // Checkpoints of either go on as the other, from the middle.
    for (from, words, label) in [
        (&part_out, words(), "part from part"),
        (&part_out, Words::All, "whole from part"),
        (&whole_out, self::words(), "part from whole"),
    ] {
        let at = ResumeFrom::Checkpoint(from.join("checkpoint-6").display().to_string());
        let out = dir.path().join(label.replace(' ', "-"));
        let mut resumed = trainer_of(&model, words, resume_from(&decayed(&out), at), device);
        train(&mut resumed).unwrap();
        let again = saved_table(&resumed, &dir.path().join("again"));
        same(label, &numbers(&again), &numbers(&wanted), 1e-6);
    }
}

#[test]
fn is_the_same_training_on_the_cpu() {
    is_the_same_training(&cpu());
}

#[test]
fn is_the_same_training_on_a_software_renderer() {
    is_the_same_training(&device(DeviceChoice::SoftwareGpu));
}

#[test]
fn without_decay_a_word_that_is_nowhere_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("base");
    base(&model);
    let mut trainer = trainer_of(&model, words(), args(&dir.path().join("out")), &cpu());
    train(&mut trainer).unwrap();
    let was = TensorFile::open_file(&model.join("model.safetensors")).unwrap();
    let was = was.read(TABLE).unwrap();
    let got = saved_table(&trainer, &dir.path().join("saved"));
    let trained = rows(42, 1).words();
    for (id, (got, was)) in got.chunks(32).zip(was.chunks(32)).enumerate() {
        let is_trained = trained.contains(&(id as u32));
        assert_eq!(got != was, is_trained, "word {id}");
    }
}

#[test]
fn words_that_were_not_announced_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    base(dir.path());
    let mut trainer = trainer_of(dir.path(), words(), args(&dir.path().join("out")), &cpu());
    let batch = |id: u32| Inputs {
        batch: 2,
        seq: 3,
        input_ids: vec![2, 5, 3, 2, id, 0],
        token_type_ids: None,
        lengths: vec![3, 2],
        pad_left: false,
    };
    let error = trainer.model.infer(&batch(77), None).unwrap_err();
    let message = error.to_string();
    for part in ["token id 77 in row 1", "Words::Of", "Words::All"] {
        assert!(message.contains(part), "{message}");
    }
    // One that is read and has no gradient.
    let inputs = batch(8999);
    trainer.model.infer(&inputs, None).unwrap();
    let output = trainer
        .model
        .forward(&inputs, None, &Mode::Evaluate)
        .unwrap();
    trainer.model.backward(output);
}
