//! A configuration as a person writes it, right and wrong.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use tunesmith_protocol::{
    DeviceChoice, Integration, IntervalStrategy, OLD_SPELLINGS, ResumeFrom, RunConfig,
    SamplingStrategy, SaveStrategy, SchedulerType, Steps, TrainingArguments, Truncation,
};

use support::{problems, read};

/// A configuration without a problem.
fn good() -> RunConfig {
    read(
        r#"{"model_name_or_path": "m", "task_name": "mrpc", "output_dir": "out", "do_train": true}"#,
    )
}

#[test]
fn defaults_are_the_trainers() {
    let config = read("{}");
    assert_eq!(config, RunConfig::default());
    let written = serde_json::to_value(&config).unwrap();
    for (key, expected) in [
        ("learning_rate", "5e-5"),
        ("per_device_train_batch_size", "8"),
        ("per_device_eval_batch_size", "8"),
        ("num_train_epochs", "3.0"),
        ("max_steps", "-1"),
        ("warmup_steps", "0"),
        ("lr_scheduler_type", r#""linear""#),
        ("weight_decay", "0.0"),
        ("adam_beta1", "0.9"),
        ("adam_beta2", "0.999"),
        ("adam_epsilon", "1e-8"),
        ("max_grad_norm", "1.0"),
        ("gradient_accumulation_steps", "1"),
        ("logging_strategy", r#""steps""#),
        ("logging_steps", "500"),
        ("eval_strategy", r#""no""#),
        ("eval_steps", "null"),
        ("save_strategy", r#""steps""#),
        ("save_steps", "500"),
        ("save_total_limit", "null"),
        ("load_best_model_at_end", "false"),
        ("label_smoothing_factor", "0.0"),
        ("group_by_length", "false"),
        ("seed", "42"),
        ("resume_from_checkpoint", "false"),
        ("max_seq_length", "null"),
        ("pad_to_max_length", "false"),
        ("truncation", r#""longest_first""#),
        ("device", r#""auto""#),
        ("model_revision", r#""main""#),
    ] {
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(written[key], expected, "{key}");
    }
    assert_eq!(written.as_object().unwrap().len(), RunConfig::keys().len());
}

#[test]
fn a_file_of_arguments_is_read_and_written_back() {
    let config = read(
        r#"{"model_name_or_path": "m", "train_file": "a.csv", "validation_file": "b.csv",
            "text_column_names": "first, second", "truncation": "only_second",
            "max_seq_length": 128, "do_train": true, "device": "software-gpu",
            "num_train_epochs": 1, "lr_scheduler_type": "cosine", "warmup_steps": 0.1,
            "lr_scheduler_kwargs": {"num_cycles": 1}, "eval_strategy": "epoch",
            "resume_from_checkpoint": true, "per-device-train-batch-size": 16}"#,
    );
    assert_eq!(
        config.data.text_column_names.as_deref().unwrap(),
        ["first", "second"]
    );
    assert_eq!(config.data.truncation, Truncation::OnlySecond);
    assert_eq!(config.data.max_seq_length, Some(128));
    assert_eq!(config.training.device, DeviceChoice::SoftwareGpu);
    assert_eq!(config.training.num_train_epochs, 1.0);
    assert_eq!(config.training.lr_scheduler_type, SchedulerType::Cosine);
    assert_eq!(config.training.lr_scheduler_kwargs.num_cycles, Some(1.0));
    assert_eq!(config.training.warmup_steps, Steps(0.1));
    assert_eq!(config.training.eval_strategy, IntervalStrategy::Epoch);
    assert_eq!(config.training.resume_from_checkpoint, ResumeFrom::Last);
    assert_eq!(config.training.per_device_train_batch_size, 16);
    config.validate().unwrap();

    let again = read(&serde_json::to_string(&config).unwrap());
    assert_eq!(again, config);
}

#[test]
fn steps_below_one_are_a_share_of_the_run() {
    assert_eq!(Steps(0.1).resolve(1377), 138);
    assert_eq!(Steps(0.0).resolve(1377), 0);
    assert_eq!(Steps(500.0).resolve(10), 500);
    assert_eq!(
        serde_json::to_string(&[Steps(500.0), Steps(0.1)]).unwrap(),
        "[500,0.1]"
    );
}

#[test]
fn a_checkpoint_is_a_flag_or_a_path() {
    for (text, expected) in [
        ("false", ResumeFrom::No),
        ("null", ResumeFrom::No),
        ("true", ResumeFrom::Last),
        (
            r#""out/checkpoint-5""#,
            ResumeFrom::Checkpoint("out/checkpoint-5".to_owned()),
        ),
    ] {
        let config = read(&format!(r#"{{"resume_from_checkpoint": {text}}}"#));
        assert_eq!(config.training.resume_from_checkpoint, expected);
    }
    assert_eq!("True".parse(), Ok(ResumeFrom::Last));
    let (_, message) = problems(RunConfig::from_json(r#"{"resume_from_checkpoint": 5}"#));
    assert!(
        message.contains("true, false or the path of a checkpoint"),
        "{message}"
    );
}

#[test]
fn every_mistake_in_a_file_is_named() {
    let (fields, message) = problems(RunConfig::from_json(
        r#"{"learning_rat": 1e-5, "seed": "many", "colour": 1, "lr_scheduler_type": "linnear",
            "per_device_train_batch_size": -1, "lr_scheduler_kwargs": {"powr": 2}}"#,
    ));
    assert_eq!(
        fields,
        [
            "learning_rat",
            "colour",
            "seed",
            "lr_scheduler_type",
            "per_device_train_batch_size",
            "lr_scheduler_kwargs"
        ]
    );
    for part in [
        "learning_rat: there is no such argument; did you mean learning_rate?",
        "colour: there is no such argument; remove it",
        "seed: invalid type: string \"many\", expected u64",
        "unknown variant `linnear`, expected one of `linear`",
        "per_device_train_batch_size: invalid value: integer `-1`",
        "unknown field `powr`",
    ] {
        assert!(message.contains(part), "{part} is not in:\n{message}");
    }
    assert_eq!(message.lines().count(), 6);

    let (_, message) = problems(RunConfig::from_json("{\"seed\": 1,\n \"seed\" 2}"));
    assert!(message.contains("line 2"), "{message}");
    assert!(RunConfig::from_json("[]").is_err());
}

#[test]
fn older_spellings_work_with_a_warning() {
    let (config, warnings) = RunConfig::from_json(
        r#"{"evaluation_strategy": "epoch", "warmup_ratio": 0.1, "per_gpu_train_batch_size": 4}"#,
    )
    .unwrap();
    assert_eq!(config.training.eval_strategy, IntervalStrategy::Epoch);
    assert_eq!(config.training.warmup_steps, Steps(0.1));
    assert_eq!(config.training.per_device_train_batch_size, 4);
    assert_eq!(warnings.len(), 3);
    assert_eq!(
        warnings[0],
        "evaluation_strategy is an older spelling: use eval_strategy"
    );
    let keys = RunConfig::keys();
    for (old, current) in OLD_SPELLINGS {
        assert!(
            keys.iter().any(|key| key == current),
            "{old} points to {current}"
        );
    }

    // As transformers 4 writes it: both spellings, the unused one empty.
    let config = read(r#"{"warmup_steps": 100, "warmup_ratio": 0.0, "evaluation_strategy": null}"#);
    assert_eq!(config.training.warmup_steps, Steps(100.0));
    let (fields, message) = problems(RunConfig::from_json(
        r#"{"warmup_steps": 100, "warmup_ratio": 0.1}"#,
    ));
    assert_eq!(fields, ["warmup_steps"]);
    assert!(message.contains("given twice"), "{message}");
}

#[test]
fn what_transformers_has_and_we_have_not_is_told() {
    read(r#"{"bf16_full_eval": false, "bf16": null, "report_to": "none", "optim": "adamw_torch"}"#);
    let (fields, message) = problems(RunConfig::from_json(
        r#"{"bf16": true, "bf16_full_eval": true, "optim": "lion"}"#,
    ));
    assert_eq!(fields, ["bf16", "bf16_full_eval", "optim"]);
    assert!(
        message.contains("use fp16") && message.contains("\"lion\""),
        "{message}"
    );
}

#[test]
fn a_log_is_reported_to_those_that_are_named() {
    let read = |value: &str| {
        let text = format!(r#"{{"report_to": {value}}}"#);
        RunConfig::from_json(&text).map(|(config, _)| config.training.report_to.0)
    };
    let both = [Integration::Csv, Integration::TensorBoard];
    for (value, wanted) in [
        ("\"none\"", &[][..]),
        ("[]", &[]),
        ("[\"none\"]", &[]),
        ("\"all\"", &both),
        ("\"tensorboard,csv\"", &both),
        ("[\"tensorboard\"]", &[Integration::TensorBoard]),
    ] {
        assert_eq!(read(value).ok().as_deref(), Some(wanted), "{value}");
    }
    let (fields, message) = problems(RunConfig::from_json(r#"{"report_to": ["wandb"]}"#));
    assert_eq!(fields, ["report_to"]);
    assert!(
        message.contains("nothing is reported to wandb"),
        "{message}"
    );
}

#[test]
fn a_schedules_arguments_are_for_that_schedule() {
    let with = |text: &str| {
        let mut config = good();
        config.training = read(text).training;
        config.training.do_train = true;
        config.validate()
    };
    for text in [
        r#"{"lr_scheduler_kwargs": null}"#,
        r#"{"lr_scheduler_kwargs": {}}"#,
        r#"{"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": 2}}"#,
        r#"{"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": 2, "lr_end": 0}}"#,
        r#"{"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 3}}"#,
        r#"{"lr_scheduler_type": "inverse_sqrt", "lr_scheduler_kwargs": {"timescale": 100}}"#,
        r#"{"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-6}}"#,
        r#"{"lr_scheduler_type": "cosine_warmup_with_min_lr",
            "lr_scheduler_kwargs": {"min_lr_rate": 0.1, "warmup_lr_rate": 0.5}}"#,
        r#"{"lr_scheduler_type": "warmup_stable_decay",
            "lr_scheduler_kwargs": {"num_decay_steps": 10, "decay_type": "1-sqrt"}}"#,
        r#"{"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch",
            "lr_scheduler_kwargs": {"factor": 0.5, "patience": 0, "threshold_mode": "abs"}}"#,
        r#"{"lr_scheduler_type": "greedy", "eval_strategy": "steps", "eval_steps": 5,
            "metric_for_best_model": "accuracy", "lr_scheduler_kwargs": {"mode": "max", "smooth": true}}"#,
    ] {
        with(text).unwrap();
    }
    let config = read(r#"{"lr_scheduler_kwargs": null}"#);
    assert_eq!(config, RunConfig::default());
    for (text, field, owner) in [
        (
            r#"{"lr_scheduler_kwargs": {"power": 2}}"#,
            "power",
            "polynomial",
        ),
        (
            r#"{"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"timescale": 2}}"#,
            "timescale",
            "inverse_sqrt",
        ),
        (
            r#"{"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"lr_end": 0}}"#,
            "lr_end",
            "polynomial",
        ),
    ] {
        let (fields, message) = problems(with(text));
        assert_eq!(fields, ["lr_scheduler_kwargs"]);
        let expected = format!("{field} is of the schedule {owner}, and lr_scheduler_type is ");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_schedule_says_what_it_lacks() {
    let with = |text: &str| {
        let mut config = good();
        config.training = read(text).training;
        config.training.do_train = true;
        problems(config.validate())
    };
    for (text, field, message) in [
        (
            r#"{"lr_scheduler_type": "cosine_with_min_lr"}"#,
            "lr_scheduler_kwargs",
            "needs one of min_lr",
        ),
        (
            r#"{"lr_scheduler_type": "cosine_with_min_lr",
                "lr_scheduler_kwargs": {"min_lr": 1e-6, "min_lr_rate": 0.1}}"#,
            "lr_scheduler_kwargs",
            "and not both",
        ),
        (
            r#"{"lr_scheduler_type": "warmup_stable_decay"}"#,
            "lr_scheduler_kwargs.num_decay_steps",
            "missing",
        ),
        (
            r#"{"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": 5e-5}}"#,
            "lr_scheduler_kwargs.lr_end",
            "not below learning_rate",
        ),
        (
            r#"{"lr_scheduler_type": "greedy", "eval_strategy": "epoch",
                "lr_scheduler_kwargs": {"factor": 1}}"#,
            "lr_scheduler_kwargs.factor",
            "not between 0 and 1",
        ),
        (
            r#"{"lr_scheduler_type": "greedy", "eval_strategy": "epoch",
                "lr_scheduler_kwargs": {"window_size": 0}}"#,
            "lr_scheduler_kwargs.window_size",
            "give 1 or more",
        ),
        (
            r#"{"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": -1}}"#,
            "lr_scheduler_kwargs.num_cycles",
            "-1 is not a number of 0 or more",
        ),
        (
            r#"{"lr_scheduler_type": "reduce_lr_on_plateau"}"#,
            "lr_scheduler_type",
            "set eval_strategy to steps or epoch",
        ),
        (
            r#"{"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch",
                "metric_for_best_model": "f1"}"#,
            "lr_scheduler_kwargs.mode",
            "follows eval_f1, of which more is better: set mode to max",
        ),
        (
            r#"{"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"min_lr": 0}}"#,
            "lr_scheduler_kwargs",
            "min_lr is of the schedules reduce_lr_on_plateau, cosine_with_min_lr, \
             cosine_warmup_with_min_lr, greedy, and lr_scheduler_type is cosine_with_restarts",
        ),
    ] {
        let (fields, found) = with(text);
        assert_eq!(fields, [field], "{text}");
        assert!(found.contains(message), "{text}: {found}");
    }
    let mut config = good();
    config.training.lr_scheduler_type = SchedulerType::Cosine;
    config.training.lr_scheduler_kwargs.num_cycles = Some(f64::NAN);
    let (fields, _) = problems(config.validate());
    assert_eq!(fields, ["lr_scheduler_kwargs.num_cycles"]);
}

#[test]
fn nothing_given_lacks_a_model_data_and_work() {
    let (fields, _) = problems(RunConfig::default().validate());
    assert_eq!(fields, ["model_name_or_path", "dataset_name", "do_train"]);
    good().validate().unwrap();
}

#[test]
fn every_field_out_of_range_is_named_with_what_to_do() {
    type Break = fn(&mut RunConfig);
    let cases: [(&str, &str, Break); 36] = [
        ("eval_delay", "0 or more", |c| c.training.eval_delay = -1.0),
        ("save_strategy", "best follows the evaluations", |c| {
            c.training.save_strategy = SaveStrategy::Best;
        }),
        ("train_sampling_strategy", "keep one of the two", |c| {
            c.training.group_by_length = true;
            c.training.train_sampling_strategy = SamplingStrategy::Sequential;
        }),
        ("weighted_sampling", "keep one of the two", |c| {
            c.training.weighted_sampling = true;
            c.training.train_sampling_strategy = SamplingStrategy::Sequential;
        }),
        ("early_stopping_patience", "give 1 or more", |c| {
            c.training.eval_strategy = IntervalStrategy::Epoch;
            c.training.early_stopping_patience = Some(0);
        }),
        ("early_stopping_patience", "set eval_strategy", |c| {
            c.training.early_stopping_patience = Some(1);
        }),
        (
            "early_stopping_threshold",
            "without early_stopping_patience",
            |c| {
                c.training.early_stopping_threshold = 0.5;
            },
        ),
        ("early_stopping_threshold", "0 or more", |c| {
            c.training.eval_strategy = IntervalStrategy::Epoch;
            c.training.early_stopping_patience = Some(1);
            c.training.early_stopping_threshold = -0.5;
        }),
        ("hidden_dropout_prob", "turns dropout off", |c| {
            c.model.hidden_dropout_prob = Some(1.5)
        }),
        ("classifier_dropout", "1", |c| {
            c.model.classifier_dropout = Some(1.0)
        }),
        ("dataset_name", "together with files", |c| {
            c.data.dataset_name = Some("glue".to_owned());
            c.data.train_file = Some("a.csv".to_owned());
        }),
        ("dataset_config_name", "without dataset_name", |c| {
            c.data.dataset_config_name = Some("mrpc".to_owned());
        }),
        ("train_file", "do_train", |c| {
            c.data.test_file = Some("a.csv".to_owned())
        }),
        ("validation_file", "evaluation", |c| {
            c.data.train_file = Some("a.csv".to_owned());
            c.training.eval_strategy = IntervalStrategy::Epoch;
        }),
        ("text_column_names", "two for pairs", |c| {
            c.data.text_column_names = Some(vec!["a".to_owned(); 3]);
        }),
        ("max_seq_length", "special tokens", |c| {
            c.data.max_seq_length = Some(2)
        }),
        ("max_train_samples", "1 or more", |c| {
            c.data.max_train_samples = Some(0)
        }),
        ("output_dir", "folder", |c| c.training.output_dir.clear()),
        ("per_device_train_batch_size", "1 or more", |c| {
            c.training.per_device_train_batch_size = 0;
        }),
        ("gradient_accumulation_steps", "1 or more", |c| {
            c.training.gradient_accumulation_steps = 0;
        }),
        ("max_seq_length", "at most 131072", |c| {
            c.data.max_seq_length = Some(usize::MAX)
        }),
        ("pad_to_multiple_of", "at most 131072", |c| {
            c.data.pad_to_multiple_of = Some(1 << 31)
        }),
        ("per_device_eval_batch_size", "at most 32768", |c| {
            c.training.per_device_eval_batch_size = 1 << 31;
        }),
        ("gradient_accumulation_steps", "at most 32768", |c| {
            c.training.gradient_accumulation_steps = usize::MAX;
        }),
        ("save_total_limit", "save_strategy no", |c| {
            c.training.save_total_limit = Some(0)
        }),
        ("num_train_epochs", "max_steps", |c| {
            c.training.num_train_epochs = 0.0
        }),
        ("max_steps", "-1", |c| c.training.max_steps = 0),
        ("learning_rate", "0 or more", |c| {
            c.training.learning_rate = f64::NAN
        }),
        ("max_grad_norm", "0 or more", |c| {
            c.training.max_grad_norm = -1.0
        }),
        ("adam_beta2", "less than 1", |c| c.training.adam_beta2 = 1.0),
        ("label_smoothing_factor", "less than 1", |c| {
            c.training.label_smoothing_factor = -0.1
        }),
        ("logging_steps", "share of the run", |c| {
            c.training.logging_steps = Steps(0.0)
        }),
        ("save_steps", "whole number", |c| {
            c.training.save_steps = Steps(2.5)
        }),
        ("warmup_steps", "whole number", |c| {
            c.training.warmup_steps = Steps(1.5)
        }),
        ("load_best_model_at_end", "eval_strategy is no", |c| {
            c.training.load_best_model_at_end = true;
        }),
        (
            "load_best_model_at_end",
            "multiple of eval_steps (300)",
            |c| {
                c.training.load_best_model_at_end = true;
                c.training.eval_strategy = IntervalStrategy::Steps;
                c.training.eval_steps = Some(Steps(300.0));
            },
        ),
    ];
    for (field, what, break_it) in cases {
        let mut config = good();
        break_it(&mut config);
        let (fields, message) = problems(config.validate());
        assert_eq!(fields, [field], "{message}");
        assert!(message.contains(what), "{what} is not in: {message}");
    }
}

#[test]
fn max_steps_stand_in_for_epochs() {
    let mut config = good();
    config.training.num_train_epochs = 0.0;
    config.training.max_steps = 10;
    config.validate().unwrap();
}

#[test]
fn the_best_metric_follows_the_trainers_rules() {
    let mut training = good().training;
    assert_eq!(training.best_metric(), None);
    training.load_best_model_at_end = true;
    assert_eq!(
        training.best_metric(),
        Some(("eval_loss".to_owned(), false))
    );
    training.metric_for_best_model = Some("f1".to_owned());
    assert_eq!(training.best_metric(), Some(("eval_f1".to_owned(), true)));
    training.metric_for_best_model = Some("eval_mse".to_owned());
    assert_eq!(training.best_metric(), Some(("eval_mse".to_owned(), false)));
    training.greater_is_better = Some(true);
    assert_eq!(training.best_metric(), Some(("eval_mse".to_owned(), true)));
    let stopping = TrainingArguments {
        early_stopping_patience: Some(3),
        ..good().training
    };
    assert_eq!(
        stopping.best_metric(),
        Some(("eval_loss".to_owned(), false))
    );
}

#[test]
fn evaluation_falls_back_to_the_logging_interval() {
    let mut training = good().training;
    assert!(!training.evaluates());
    training.eval_strategy = IntervalStrategy::Steps;
    training.logging_steps = Steps(50.0);
    assert!(training.evaluates());
    assert_eq!(training.effective_eval_steps(), Steps(50.0));
}

#[test]
fn choices_are_their_words() {
    for word in SchedulerType::WORDS {
        assert_eq!(word.parse::<SchedulerType>().unwrap().to_string(), *word);
    }
    let message = "fast".parse::<DeviceChoice>().unwrap_err().to_string();
    assert_eq!(
        message,
        "`fast` is not a choice here; use one of auto, gpu, cpu, software-gpu"
    );
}
