//! `README.md`, the model card, with the metadata that the Hub reads from its head.

use std::fmt::Write;

use serde_json::Value;
use tunesmith_platform::fs;
use tunesmith_protocol::Layers;

use crate::{LogEntry, Trainer};

/// What a run calls its model and its data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// `model_name_or_path`.
    pub model: String,
    /// The data set: a hub id, a folder or a file.
    pub dataset: String,
    /// Its configuration (`mrpc` of `glue`).
    pub config: Option<String>,
    /// The GLUE task, if one is named.
    pub task: Option<String>,
}

impl Names {
    /// The data set with its configuration: `glue/mrpc`.
    #[must_use]
    pub fn dataset_and_config(&self) -> String {
        match &self.config {
            Some(config) => format!("{}/{config}", self.dataset),
            None => self.dataset.clone(),
        }
    }
}

/// Numbers of an evaluation that are no metric.
pub const NO_METRIC: [&str; 4] = [
    "eval_loss",
    "eval_runtime",
    "eval_samples_per_second",
    "eval_steps_per_second",
];

/// The card of a model called `name`, from what the trainer knows and has logged.
pub(crate) fn model_card(trainer: &Trainer, name: &str) -> String {
    let name = trainer.args.run_name.as_deref().unwrap_or(name);
    let names = &trainer.names;
    let evaluations: Vec<&LogEntry> = trainer
        .state
        .log_history
        .iter()
        .filter(|entry| entry.contains_key("eval_loss"))
        .collect();
    // The evaluation of the weights that are saved: the best one's, where those were loaded again.
    let best = trainer
        .state
        .best_global_step
        .filter(|_| trainer.args.load_best_model_at_end);
    let result = evaluations
        .iter()
        .find(|entry| best.is_some() && entry.get("step").and_then(Value::as_u64) == best)
        .or(evaluations.last());
    let metrics: Vec<(&str, &Value)> = result
        .into_iter()
        .flat_map(|entry| entry.iter())
        .filter(|(key, _)| key.starts_with("eval_") && !NO_METRIC.contains(&key.as_str()))
        .map(|(key, value)| (key.trim_start_matches("eval_"), value))
        .collect();

    let mut card = String::new();
    head(&mut card, trainer, name, &metrics);
    let _ = writeln!(card, "# {name}\n");
    let _ = writeln!(
        card,
        "This model is a fine-tuned version of {} on {}, made with Tunesmith.",
        short_name(&names.model),
        dataset_name(names)
    );
    if let Some(entry) = result {
        let _ = writeln!(
            card,
            "\nIt achieves the following results on the evaluation set:\n"
        );
        for (key, value) in entry.iter().filter(|(key, _)| key.starts_with("eval_")) {
            let _ = writeln!(
                card,
                "- {}: {}",
                title(key.trim_start_matches("eval_")),
                short(value)
            );
        }
    }
    hyperparameters(&mut card, trainer);
    results(&mut card, trainer, &evaluations);
    let _ = writeln!(
        card,
        "\n### Versions\n\n- Tunesmith {}",
        env!("CARGO_PKG_VERSION")
    );
    let own = trainer.model.device();
    let own = (&own.name, &own.backend);
    let others = trainer.other_devices().iter();
    for (name, backend) in std::iter::once(own).chain(others.map(|one| (&one.name, &one.backend))) {
        let _ = writeln!(card, "- Device: {name} ({backend})");
    }
    card
}

// Strings are written as JSON writes them, which YAML reads whatever they hold.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The data set as the card shows it, without the folders it happened to lie in.
fn dataset_name(names: &Names) -> String {
    let dataset = short_name(&names.dataset).to_owned();
    Names {
        dataset,
        ..names.clone()
    }
    .dataset_and_config()
}

/// A folder's or file's own name; a hub id as it is.
fn short_name(name: &str) -> &str {
    let path = std::path::Path::new(name);
    match path.file_name().and_then(|name| name.to_str()) {
        Some(last) if fs::exists(path) || path.is_absolute() => last,
        _ => name,
    }
}

fn head(card: &mut String, trainer: &Trainer, name: &str, metrics: &[(&str, &Value)]) {
    let names = &trainer.names;
    let dataset = short_name(&names.dataset);
    let _ = writeln!(card, "---\nlibrary_name: transformers");
    let _ = writeln!(card, "base_model: {}", quoted(short_name(&names.model)));
    let pipeline = trainer.model.task().pipeline();
    let _ = writeln!(card, "pipeline_tag: {pipeline}");
    let _ = writeln!(card, "tags:\n- generated_from_trainer\n- tunesmith");
    let _ = writeln!(card, "datasets:\n- {}", quoted(dataset));
    if !metrics.is_empty() {
        let _ = writeln!(card, "metrics:");
        for (key, _) in metrics {
            let _ = writeln!(card, "- {key}");
        }
        let _ = writeln!(card, "model-index:\n- name: {}\n  results:", quoted(name));
        let name: Vec<String> = pipeline.split('-').map(title).collect();
        let _ = writeln!(card, "  - task:\n      name: {}", name.join(" "));
        let _ = writeln!(card, "      type: {pipeline}");
        let _ = writeln!(
            card,
            "    dataset:\n      name: {}",
            quoted(&dataset_name(names))
        );
        let _ = writeln!(card, "      type: {}", quoted(dataset));
        if let Some(config) = &names.config {
            let _ = writeln!(card, "      config: {}", quoted(config));
        }
        let _ = writeln!(card, "      split: {}", quoted(&trainer.eval_split));
        let _ = writeln!(card, "    metrics:");
        for (key, value) in metrics {
            let _ = writeln!(card, "    - name: {}\n      type: {key}", title(key));
            let _ = writeln!(card, "      value: {value}");
        }
    }
    let _ = writeln!(card, "---\n");
}

fn hyperparameters(card: &mut String, trainer: &Trainer) {
    let args = &trainer.args;
    let _ = writeln!(card, "\n## Training\n\n### Hyperparameters\n");
    let lines = [
        ("learning_rate", format!("{:?}", args.learning_rate)),
        (
            "train_batch_size",
            args.per_device_train_batch_size.to_string(),
        ),
        (
            "eval_batch_size",
            args.per_device_eval_batch_size.to_string(),
        ),
        (
            "gradient_accumulation_steps",
            args.gradient_accumulation_steps.to_string(),
        ),
        ("seed", args.seed.to_string()),
        (
            "optimizer",
            format!(
                "AdamW with betas ({}, {}), epsilon {:?} and weight decay {}",
                args.adam_beta1, args.adam_beta2, args.adam_epsilon, args.weight_decay
            ),
        ),
        ("max_grad_norm", args.max_grad_norm.to_string()),
        ("lr_scheduler_type", args.lr_scheduler_type.to_string()),
        ("lr_scheduler_warmup_steps", args.warmup_steps.to_string()),
        ("num_epochs", args.num_train_epochs.to_string()),
        ("training_steps", trainer.state.max_steps.to_string()),
    ];
    for (key, value) in lines {
        let _ = writeln!(card, "- {key}: {value}");
    }
    let layers = args.freeze_layers.as_ref().map(Layers::to_string);
    let parts = [
        (
            "train_head_only",
            args.train_head_only.then(|| "true".to_owned()),
        ),
        (
            "freeze_embeddings",
            args.freeze_embeddings.then(|| "true".to_owned()),
        ),
        ("freeze_layers", layers),
        ("llrd", (args.llrd != 1.0).then(|| args.llrd.to_string())),
    ];
    for (key, value) in parts {
        if let Some(value) = value {
            let _ = writeln!(card, "- {key}: {value}");
        }
    }
    if args.fp16 {
        // As transformers calls it.
        let _ = writeln!(card, "- mixed_precision_training: Native AMP");
    }
    let devices = trainer.num_processes();
    if devices > 1 {
        let train = args.per_device_train_batch_size * args.gradient_accumulation_steps * devices;
        let eval = args.per_device_eval_batch_size * devices;
        let _ = writeln!(card, "- num_devices: {devices}");
        let _ = writeln!(card, "- total_train_batch_size: {train}");
        let _ = writeln!(card, "- total_eval_batch_size: {eval}");
    }
}

fn results(card: &mut String, trainer: &Trainer, evaluations: &[&LogEntry]) {
    let Some(first) = evaluations.first() else {
        return;
    };
    let columns: Vec<&str> = first
        .keys()
        .map(String::as_str)
        .filter(|key| key.starts_with("eval_") && !NO_METRIC[1..].contains(key))
        .collect();
    let titles = columns.iter().map(|key| match *key {
        "eval_loss" => "Validation Loss".to_owned(),
        key => title(key.trim_start_matches("eval_")),
    });
    let titles: Vec<String> = titles.collect();
    let _ = writeln!(card, "\n### Results\n");
    let _ = writeln!(
        card,
        "| Training Loss | Epoch | Step | {} |",
        titles.join(" | ")
    );
    let _ = writeln!(card, "|{}", ":---:|".repeat(3 + titles.len()));
    for entry in evaluations {
        let step = entry
            .get("step")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let losses = trainer
            .state
            .log_history
            .iter()
            .filter(|log| log.contains_key("loss"));
        let training = losses
            .take_while(|log| {
                log.get("step")
                    .and_then(Value::as_u64)
                    .is_some_and(|s| s <= step)
            })
            .last()
            .and_then(|log| log.get("loss"));
        let values: Vec<String> = columns
            .iter()
            .map(|key| entry.get(*key).map_or_else(String::new, short))
            .collect();
        let _ = writeln!(
            card,
            "| {} | {} | {step} | {} |",
            training.map_or_else(|| "No log".to_owned(), short),
            entry.get("epoch").map_or_else(String::new, short),
            values.join(" | ")
        );
    }
}

fn title(key: &str) -> String {
    let mut letters = key.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first
        .into_iter()
        .chain(letters)
        .map(|c| if c == '_' { ' ' } else { c })
        .collect()
}

fn short(value: &Value) -> String {
    match value.as_f64() {
        Some(value) => format!("{value:.4}"),
        None => value.to_string(),
    }
}
