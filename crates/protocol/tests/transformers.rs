//! What people bring along from transformers: its own files of arguments, and what it says in another way.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use tunesmith_protocol::{CountedTokens, DeviceChoice, ProblemType, RunConfig};

use support::{problems, read};

#[test]
fn a_field_of_transformers_is_told_from_a_typing_error() {
    let (_, message) = problems(RunConfig::from_json(
        r#"{"dataloader_num_workers": 4, "torch_compile": true, "trust_remote_code": true,
            "dataloader_num_worker": 4, "lerning_rate": 1e-5, "colour": 1}"#,
    ));
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(
        lines,
        [
            "torch_compile: kernels are compiled ahead: leave it out; got true",
            "trust_remote_code: no code of the Hub's is run: leave it out; got true",
            "dataloader_num_worker: there is no such argument; did you mean dataloader_num_workers?",
            "lerning_rate: there is no such argument; did you mean learning_rate?",
            "colour: there is no such argument; remove it",
        ]
    );
}

/// The arguments of transformers; `tests/goldens/generate/arguments.py` has what made it.
fn transformers() -> serde_json::Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path.join("../../tests/goldens/arguments.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_transformers_writes_of_its_arguments_is_read_and_means_our_defaults() {
    let written = transformers()["to_dict"].clone();
    let (config, warnings) = RunConfig::from_json(&written.to_string()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let mut expected = RunConfig::default();
    expected.training.output_dir = "out".to_owned();
    assert_eq!(config, expected);
}

#[test]
fn every_field_of_transformers_is_known_and_no_wrong_value_passes_for_a_typing_error() {
    let golden = transformers();
    let fields = golden["fields"].as_array().unwrap();
    assert!(fields.len() > 110, "{}", fields.len());
    let scripts = [
        "metric_name",
        "do_regression",
        "remove_columns",
        "remove_splits",
        "shuffle_seed",
        "shuffle_train_dataset",
        "train_split_name",
        "validation_split_name",
        "test_split_name",
        "text_column_delimiter",
        "token",
        "trust_remote_code",
        "config_name",
        "use_fast_tokenizer",
        "task_name",
        "max_seq_length",
        "overwrite_cache",
        "pad_to_max_length",
        "max_train_samples",
        "max_eval_samples",
        "max_predict_samples",
        "train_file",
        "validation_file",
        "test_file",
        "text_column_names",
        "label_column_name",
        "model_name_or_path",
        "tokenizer_name",
        "cache_dir",
        "model_revision",
        "ignore_mismatched_sizes",
        "dataset_name",
        "dataset_config_name",
    ];
    for name in fields
        .iter()
        .map(|field| field.as_str().unwrap())
        .chain(scripts)
    {
        let given = |value: serde_json::Value| {
            RunConfig::from_map([(name.to_owned(), value)].into_iter().collect())
        };
        given(serde_json::Value::Null).unwrap();
        if let Err(error) = given("not a value of it".into()) {
            let message = error.to_string();
            assert!(!message.contains("there is no such argument"), "{message}");
        }
    }
}

#[test]
fn what_transformers_says_in_another_way_is_understood() {
    let config =
        read(r#"{"use_cpu": true, "do_regression": true, "activation_checkpointing": true}"#);
    assert_eq!(config.training.device, DeviceChoice::Cpu);
    assert_eq!(config.data.problem_type, Some(ProblemType::Regression));
    assert!(config.training.gradient_checkpointing);
    let config = read(r#"{"use_cpu": false, "do_regression": null, "device": "gpu"}"#);
    assert_eq!(config.training.device, DeviceChoice::Gpu);
    assert_eq!(config.data.problem_type, None);
    let (fields, message) = problems(RunConfig::from_json(
        r#"{"use_cpu": true, "device": "gpu"}"#,
    ));
    assert_eq!(fields, ["use_cpu"]);
    assert!(
        message.contains("device is \"gpu\": keep one of the two"),
        "{message}"
    );
    let (_, message) = problems(RunConfig::from_json(r#"{"use_cpu": "yes"}"#));
    assert!(message.contains("expected true or false"), "{message}");

    let counted = |text: &str| {
        let config = read(&format!(r#"{{"include_num_input_tokens_seen": {text}}}"#));
        config.training.include_num_input_tokens_seen.0
    };
    assert_eq!(counted("true"), CountedTokens::All);
    assert_eq!(counted("false"), CountedTokens::No);
    assert_eq!(counted("\"non_padding\""), CountedTokens::NonPadding);
}
