//! Everything that can be found wrong with a configuration before a file is opened or a device is
//! asked, told at once.

use super::{
    ClassWeights, ConfigError, DataArguments, DeviceChoice, Devices, IntervalStrategy, LossType,
    MetricMode, ModelArguments, Problem, ProblemType, RunConfig, SamplingStrategy, SaveStrategy,
    Steps, Threshold, TrainingArguments,
};

/// Rows of a batch, or batches of a step, that no device takes.
const MOST_ROWS: usize = 1 << 15;

/// Tokens of a row that no model takes.
const MOST_TOKENS: usize = 1 << 17;

struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem unless the condition holds.
    fn need(&mut self, holds: bool, field: &str, message: impl Into<String>) {
        if !holds {
            self.0.push(Problem::new(field, message));
        }
    }
}

impl RunConfig {
    /// Checks the whole configuration.
    ///
    /// # Errors
    /// All problems, each with its field and what to do.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = Problems(Vec::new());
        check_model(&self.model, &mut problems);
        check_data(&self.data, &self.training, &mut problems);
        check_labels(&self.data, &self.training, &mut problems);
        check_sizes(&self.training, &mut problems);
        check_optimizer(&self.training, &mut problems);
        check_parts(&self.training, &mut problems);
        check_loss(&self.training, &mut problems);
        check_schedule(&self.training, &mut problems);
        check_intervals(&self.training, &mut problems);
        check_best(&self.training, &mut problems);
        check_early_stopping(&self.training, &mut problems);
        if problems.0.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Problems(problems.0))
        }
    }
}

fn check_model(model: &ModelArguments, problems: &mut Problems) {
    problems.need(
        !model.model_name_or_path.is_empty(),
        "model_name_or_path",
        "missing: name a checkpoint on the hub, or a folder with config.json and model.safetensors",
    );
    for (field, dropout) in [
        ("dropout", model.dropout),
        ("hidden_dropout_prob", model.hidden_dropout_prob),
        (
            "attention_probs_dropout_prob",
            model.attention_probs_dropout_prob,
        ),
        ("classifier_dropout", model.classifier_dropout),
    ] {
        if let Some(dropout) = dropout {
            problems.need(
                (0.0..1.0).contains(&dropout),
                field,
                format!("{dropout} is not a probability below 1; 0 turns dropout off"),
            );
        }
    }
}

fn check_data(data: &DataArguments, training: &TrainingArguments, problems: &mut Problems) {
    let files = [&data.train_file, &data.validation_file, &data.test_file];
    let has_file = files.iter().any(|file| file.is_some());
    problems.need(
        data.dataset_name.is_some() || data.task_name.is_some() || has_file,
        "dataset_name",
        "no data is named: give dataset_name, task_name, or train_file and validation_file",
    );
    problems.need(
        !(data.dataset_name.is_some() && has_file),
        "dataset_name",
        "given together with files: keep dataset_name, or train_file, validation_file and test_file",
    );
    problems.need(
        data.dataset_config_name.is_none() || data.dataset_name.is_some(),
        "dataset_config_name",
        "given without dataset_name: name the data set that it is a configuration of",
    );
    if has_file {
        for (wanted, file, field, why) in [
            (
                training.do_train,
                &data.train_file,
                "train_file",
                "do_train",
            ),
            (
                training.evaluates() && data.validation_split_percentage.is_none(),
                &data.validation_file,
                "validation_file",
                "evaluation",
            ),
            (
                training.do_predict,
                &data.test_file,
                "test_file",
                "do_predict",
            ),
        ] {
            problems.need(
                !wanted || file.is_some(),
                field,
                format!("missing: {why} is asked for and the data comes from files"),
            );
        }
    }
    if let Some(names) = &data.text_column_names {
        problems.need(
            matches!(names.len(), 1 | 2) && names.iter().all(|name| !name.is_empty()),
            "text_column_names",
            "name one text column, or two for pairs",
        );
    }
    if let Some(percentage) = data.validation_split_percentage {
        problems.need(
            (1..100).contains(&percentage),
            "validation_split_percentage",
            format!("{percentage} leaves one of the splits empty: give 1 to 99; 10 is usual"),
        );
    }
    if let Some(length) = data.max_seq_length {
        problems.need(
            length >= 3,
            "max_seq_length",
            format!("{length} leaves no room for text between the special tokens; 128 is usual"),
        );
    }
    for (field, tokens) in [
        ("max_seq_length", data.max_seq_length),
        ("pad_to_multiple_of", data.pad_to_multiple_of),
    ] {
        problems.need(
            tokens.is_none_or(|tokens| tokens <= MOST_TOKENS),
            field,
            format!("too large: give at most {MOST_TOKENS}; BERT's models take 512 tokens"),
        );
    }
    for (field, count) in [
        ("pad_to_multiple_of", data.pad_to_multiple_of),
        ("max_train_samples", data.max_train_samples),
        ("max_eval_samples", data.max_eval_samples),
        ("max_predict_samples", data.max_predict_samples),
    ] {
        problems.need(
            count != Some(0),
            field,
            "0 is too few: remove it, or give 1 or more",
        );
    }
}

/// What only one kind of labels has.
fn check_labels(data: &DataArguments, training: &TrainingArguments, problems: &mut Problems) {
    let may_be = |kind| data.problem_type.is_none_or(|named| named == kind);
    let several = may_be(ProblemType::MultiLabel);
    let why = "is for several labels a row (problem_type multi_label_classification): leave it out";
    if let Some(names) = &data.label_column_names {
        problems.need(several, "label_column_names", why);
        problems.need(
            names.len() > 1 && names.iter().all(|name| !name.is_empty()),
            "label_column_names",
            "name two or more columns of 0 and 1; one column of labels is label_column_name",
        );
        problems.need(
            data.label_column_name.is_none(),
            "label_column_names",
            "given together with label_column_name: keep one of the two",
        );
        problems.need(
            data.label_separator.is_none(),
            "label_separator",
            "given together with label_column_names, whose columns hold 0 and 1: keep one of the two",
        );
    }
    if let Some(separator) = &data.label_separator {
        problems.need(several, "label_separator", why);
        problems.need(
            !separator.is_empty(),
            "label_separator",
            "empty: name the character between two labels, or leave it out",
        );
    }
    if let Some(threshold) = &data.threshold {
        problems.need(several, "threshold", why);
        let numbers = match threshold {
            Threshold::All(number) => vec![*number],
            Threshold::Each(numbers) => numbers.clone(),
            Threshold::Tune => Vec::new(),
        };
        for number in numbers {
            problems.need(
                (0.0..1.0).contains(&number),
                "threshold",
                format!("{number} is not a probability: give 0 to below 1; 0.5 is usual"),
            );
        }
        problems.need(
            *threshold != Threshold::Tune || training.do_train && training.evaluates(),
            "threshold",
            "tune needs a training and validation rows: set eval_strategy or do_eval",
        );
    }
    problems.need(
        !data.label_all_tokens || may_be(ProblemType::Tokens),
        "label_all_tokens",
        "is for tagged tokens (problem_type token_classification): leave it out",
    );
}

fn check_sizes(training: &TrainingArguments, problems: &mut Problems) {
    problems.need(
        training.do_train || training.evaluates() || training.do_predict,
        "do_train",
        "there is nothing to do: set do_train, do_eval or do_predict",
    );
    problems.need(
        !training.output_dir.is_empty(),
        "output_dir",
        "missing: name the folder that the result is written to",
    );
    for (field, size) in [
        (
            "per_device_train_batch_size",
            training.per_device_train_batch_size,
        ),
        (
            "per_device_eval_batch_size",
            training.per_device_eval_batch_size,
        ),
        (
            "gradient_accumulation_steps",
            training.gradient_accumulation_steps,
        ),
    ] {
        problems.need(size >= 1, field, "0 is too few: give 1 or more");
        // Two of them multiplied must fit a browser's 32 bits.
        problems.need(
            size <= MOST_ROWS,
            field,
            format!("{size} is too many: give at most {MOST_ROWS}"),
        );
    }
    if let Some(devices) = &training.devices {
        if let Err(message) = Devices::parse(devices) {
            problems.need(false, "devices", message);
        }
        problems.need(
            training.device == DeviceChoice::Auto,
            "devices",
            "given together with device: keep one of the two",
        );
    }
    problems.need(
        training.save_total_limit != Some(0),
        "save_total_limit",
        "0 would keep no checkpoint: use save_strategy no, or give 1 or more",
    );
    let epochs = training.num_train_epochs;
    problems.need(
        epochs.is_finite() && (epochs > 0.0 || training.max_steps > 0),
        "num_train_epochs",
        format!("{epochs} trains nothing: give more than 0, or max_steps"),
    );
    problems.need(
        training.max_steps > 0 || training.max_steps == -1,
        "max_steps",
        format!(
            "{} is no number of steps: give 1 or more, or -1 to train by epochs",
            training.max_steps
        ),
    );
}

fn check_optimizer(training: &TrainingArguments, problems: &mut Problems) {
    for (field, value) in [
        ("learning_rate", training.learning_rate),
        ("weight_decay", training.weight_decay),
        ("adam_epsilon", training.adam_epsilon),
        ("max_grad_norm", training.max_grad_norm),
        ("warmup_steps", training.warmup_steps.0),
    ] {
        problems.need(
            value.is_finite() && value >= 0.0,
            field,
            format!("{value} is not a number of 0 or more"),
        );
        // The device computes with 32 bits, where a larger one is infinite.
        problems.need(
            !value.is_finite() || (value as f32).is_finite(),
            field,
            format!("{value:e} is too large: give at most {:e}", f32::MAX),
        );
    }
    for (field, value) in [
        ("adam_beta1", training.adam_beta1),
        ("adam_beta2", training.adam_beta2),
        ("label_smoothing_factor", training.label_smoothing_factor),
    ] {
        problems.need(
            (0.0..1.0).contains(&value),
            field,
            format!("{value} is not at least 0 and less than 1"),
        );
    }
}

fn check_parts(training: &TrainingArguments, problems: &mut Problems) {
    let decay = training.llrd;
    problems.need(
        decay > 0.0 && decay <= 1.0,
        "llrd",
        format!("{decay} is not above 0 and at most 1; 0.9 is usual, and 1 turns it off"),
    );
    problems.need(
        !training.train_head_only || decay == 1.0,
        "llrd",
        "with train_head_only there are no layers to train: leave one of the two out",
    );
}

fn check_loss(training: &TrainingArguments, problems: &mut Problems) {
    let weights: Vec<f64> = match &training.class_weights {
        ClassWeights::None | ClassWeights::Balanced => Vec::new(),
        ClassWeights::Named(weights) => weights.values().copied().collect(),
        ClassWeights::Each(weights) => weights.clone(),
    };
    for weight in weights {
        problems.need(
            weight > 0.0 && (weight as f32).is_normal(),
            "class_weights",
            format!("{weight} is not a number above 0"),
        );
    }
    let (focal, gamma) = (training.loss == LossType::Focal, training.focal_gamma);
    problems.need(
        gamma > 0.0 && gamma <= 64.0,
        "focal_gamma",
        format!("{gamma} is not above 0 and at most 64; 2 is usual"),
    );
    problems.need(
        !focal || training.label_smoothing_factor == 0.0,
        "label_smoothing_factor",
        "the focal loss has no label smoothing: leave one of the two out",
    );
    problems.need(
        !(training.weighted_sampling && training.sampling() != SamplingStrategy::Random),
        "weighted_sampling",
        format!(
            "given together with {}: both decide the order of rows, so keep one of the two",
            if training.group_by_length {
                "group_by_length"
            } else {
                "train_sampling_strategy"
            }
        ),
    );
    problems.need(
        !training.group_by_length
            || training.train_sampling_strategy != SamplingStrategy::Sequential,
        "train_sampling_strategy",
        "sequential is given together with group_by_length: keep one of the two",
    );
}

/// What belongs to another schedule is refused. A schedule that follows a metric needs evaluations, and
/// must know which values are better.
fn check_schedule(training: &TrainingArguments, problems: &mut Problems) {
    let (kwargs, schedule) = (&training.lr_scheduler_kwargs, training.lr_scheduler_type);
    for (option, message) in kwargs.problems(schedule, training.learning_rate) {
        let field = match option {
            Some(option) => format!("lr_scheduler_kwargs.{option}"),
            None => "lr_scheduler_kwargs".to_owned(),
        };
        problems.need(false, &field, message);
    }
    if !schedule.follows_metric() {
        return;
    }
    problems.need(
        !training.do_train || training.eval_strategy != IntervalStrategy::No,
        "lr_scheduler_type",
        format!("{schedule} follows the evaluations: set eval_strategy to steps or epoch"),
    );
    if let Some((metric, greater)) = training.best_metric() {
        let wanted = if greater {
            MetricMode::Max
        } else {
            MetricMode::Min
        };
        let mode = kwargs.mode.unwrap_or_default();
        problems.need(
            mode == wanted,
            "lr_scheduler_kwargs.mode",
            format!(
                "{mode} (the default is min), but the schedule follows {metric}, of which {} is better: set \
                 mode to {wanted}",
                if greater { "more" } else { "less" }
            ),
        );
    }
}

fn check_intervals(training: &TrainingArguments, problems: &mut Problems) {
    for (strategy, field, steps) in [
        (
            training.logging_strategy,
            "logging_steps",
            training.logging_steps,
        ),
        (
            training.eval_strategy,
            "eval_steps",
            training.effective_eval_steps(),
        ),
        (
            training.save_strategy.interval(),
            "save_steps",
            training.save_steps,
        ),
    ] {
        let Steps(steps) = steps;
        problems.need(
            strategy != IntervalStrategy::Steps || (steps.is_finite() && steps > 0.0),
            field,
            format!("{steps} is no interval: give 1 or more, or a share of the run below 1"),
        );
        problems.need(
            strategy != IntervalStrategy::Steps || steps < 1.0 || steps.fract() == 0.0,
            field,
            format!("{steps} is neither a whole number of steps nor a share of the run below 1"),
        );
    }
    let Steps(warmup) = training.warmup_steps;
    problems.need(
        !warmup.is_finite() || warmup < 1.0 || warmup.fract() == 0.0,
        "warmup_steps",
        format!("{warmup} is neither a whole number of steps nor a share of the run below 1"),
    );
}

fn check_best(training: &TrainingArguments, problems: &mut Problems) {
    problems.need(
        training.eval_delay.is_finite() && training.eval_delay >= 0.0,
        "eval_delay",
        format!("{} is not a number of 0 or more", training.eval_delay),
    );
    problems.need(
        training.save_strategy != SaveStrategy::Best
            || !training.do_train
            || training.eval_strategy != IntervalStrategy::No,
        "save_strategy",
        "best follows the evaluations: set eval_strategy to steps or epoch",
    );
    if !training.load_best_model_at_end {
        return;
    }
    let eval = training.eval_strategy;
    if training.save_strategy == SaveStrategy::Best && eval != IntervalStrategy::No {
        return;
    }
    let save = training.save_strategy.interval();
    problems.need(
        eval != IntervalStrategy::No && eval == save,
        "load_best_model_at_end",
        format!(
            "eval_strategy is {eval} and save_strategy is {save}: both must be steps, or both epoch, \
             so that every checkpoint has an evaluation"
        ),
    );
    let (Steps(eval_steps), Steps(save_steps)) =
        (training.effective_eval_steps(), training.save_steps);
    if eval == IntervalStrategy::Steps && save == eval && eval_steps > 0.0 {
        let times = save_steps / eval_steps;
        problems.need(
            (times - times.round()).abs() < 1e-9 && times >= 0.5,
            "load_best_model_at_end",
            format!("save_steps ({save_steps}) must be a multiple of eval_steps ({eval_steps})"),
        );
    }
}

fn check_early_stopping(training: &TrainingArguments, problems: &mut Problems) {
    let threshold = training.early_stopping_threshold;
    problems.need(
        threshold.is_finite() && threshold >= 0.0,
        "early_stopping_threshold",
        format!("{threshold} is not a number of 0 or more"),
    );
    let Some(patience) = training.early_stopping_patience else {
        problems.need(
            threshold == 0.0,
            "early_stopping_threshold",
            "given without early_stopping_patience: name the number of evaluations too",
        );
        return;
    };
    problems.need(
        patience >= 1,
        "early_stopping_patience",
        "0 is too few: give 1 or more, or leave it out",
    );
    problems.need(
        !training.do_train || training.eval_strategy != IntervalStrategy::No,
        "early_stopping_patience",
        "early stopping follows the evaluations: set eval_strategy to steps or epoch",
    );
}
