//! Classes that are rare: how much each counts in the loss, and how often its rows are drawn.

use tunesmith_data::{IGNORED, Label, Labels, TokenizedDataset};
use tunesmith_model::{Model, Task};
use tunesmith_protocol::{ClassWeights, LossType, TrainingArguments};

use crate::TrainError;

/// Gives the model the loss that the arguments name; the rows are those to be trained on.
pub(crate) fn set_loss(
    model: &mut Model,
    args: &TrainingArguments,
    rows: &TokenizedDataset,
) -> Result<(), TrainError> {
    check_task(args, model.task())?;
    model.options.focal_gamma = match args.loss {
        LossType::CrossEntropy => 0.0,
        LossType::Focal => args.focal_gamma as f32,
    };
    let names = model.config.label_names();
    model.options.class_weights = class_weights(&args.class_weights, &names, rows)?;
    Ok(())
}

/// Refuses what only classes have.
///
/// # Errors
/// Names the argument, where the labels aren't one class a row or token.
pub fn check_task(args: &TrainingArguments, task: Task) -> Result<(), TrainError> {
    let (what, classes) = match task {
        Task::SingleLabel => return Ok(()),
        Task::Tokens => ("tokens have labels", true),
        Task::Regression => ("the labels here are numbers (a regression)", false),
        Task::MultiLabel => ("a row here may have several labels", false),
    };
    let given = [
        (
            "label_smoothing_factor",
            args.label_smoothing_factor != 0.0,
            false,
        ),
        (
            "class_weights",
            args.class_weights != ClassWeights::None,
            false,
        ),
        ("loss", args.loss == LossType::Focal, false),
        ("weighted_sampling", args.weighted_sampling, true),
    ];
    for (name, is_given, of_rows) in given {
        if is_given && (of_rows || !classes) {
            let of = if of_rows { "row" } else { "row or token" };
            return Err(TrainError::Arguments(format!(
                "{name} is for one class a {of}, and {what}: leave it out"
            )));
        }
    }
    Ok(())
}

/// The weight of every class, in the order of their ids; `None` where all count the same.
fn class_weights(
    weights: &ClassWeights,
    names: &[String],
    rows: &TokenizedDataset,
) -> Result<Option<Vec<f32>>, TrainError> {
    let wrong = |message: String| Err(TrainError::Arguments(message));
    Ok(Some(match weights {
        ClassWeights::None => return Ok(None),
        ClassWeights::Balanced => {
            let counts = counts(rows, names.len());
            let (all, there) = (
                counts.iter().sum::<u64>(),
                counts.iter().filter(|count| **count > 0).count(),
            );
            // A class that isn't there can't be learned, and counts as one that is as frequent as the mean.
            let weight = |count: &u64| match *count {
                0 => 1.0,
                count => all as f64 / (there as f64 * count as f64),
            };
            counts.iter().map(|count| weight(count) as f32).collect()
        }
        ClassWeights::Each(weights) if weights.len() == names.len() => {
            weights.iter().map(|weight| *weight as f32).collect()
        }
        ClassWeights::Each(weights) => {
            return wrong(format!(
                "class_weights has {} numbers, and there are {} labels: give one for each in this order: {}",
                weights.len(),
                names.len(),
                names.join(", ")
            ));
        }
        ClassWeights::Named(weights) => {
            if let Some(name) = weights.keys().find(|name| !names.contains(name)) {
                return wrong(format!(
                    "class_weights names {name:?}, which is not a label: the labels are {}",
                    names.join(", ")
                ));
            }
            let weight = |name: &String| weights.get(name).copied().unwrap_or(1.0);
            names.iter().map(|name| weight(name) as f32).collect()
        }
    }))
}

/// How often each class is a row's label, or a token's.
fn counts(rows: &TokenizedDataset, num_labels: usize) -> Vec<u64> {
    let mut counts = vec![0; num_labels];
    let mut count = |class: usize| {
        if let Some(count) = counts.get_mut(class) {
            *count += 1;
        }
    };
    for row in rows.iter() {
        match row.label {
            Label::Class(class) => count(class as usize),
            Label::Tokens(classes) => classes
                .iter()
                .filter(|class| **class != IGNORED)
                .for_each(|class| count(*class as usize)),
            Label::None | Label::Regression(_) | Label::MultiHot(_) => {}
        }
    }
    counts
}

/// How often each row is drawn, in proportion: one over how many rows its class has.
pub(crate) fn sampling_weights(rows: &TokenizedDataset, num_labels: usize) -> Vec<f64> {
    let counts = counts(rows, num_labels);
    let weight = |label| match label {
        Label::Class(class) => 1.0 / counts.get(class as usize).copied().unwrap_or(1).max(1) as f64,
        _ => 1.0,
    };
    rows.iter().map(|row| weight(row.label)).collect()
}

/// How much a batch counts in the mean over several: its rows; where classes have weights, the sum of its
/// labels'.
pub(crate) fn weight_of(labels: &Labels, rows: usize, weights: Option<&[f32]>) -> f64 {
    match (labels, weights) {
        (Labels::Class(classes), Some(weights)) => {
            let weight = |class: &u32| weights.get(*class as usize).copied().unwrap_or(1.0);
            classes.iter().map(|class| f64::from(weight(class))).sum()
        }
        _ => rows as f64,
    }
}
