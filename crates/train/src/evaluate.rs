//! One pass over a dataset without dropout: loss, metrics and logits, a batch at a time.

use tunesmith_data::{Batch, ExampleRef, IGNORED, Labels, TokenizedDataset};
use tunesmith_metrics::{LabelScores, Metric, above_thresholds};
use tunesmith_model::Task;
use tunesmith_platform::now;
use tunesmith_protocol::{ClassReport, Eval, Event, Metrics};
use web_time::Duration;

use crate::class_weights::weight_of;
use crate::own::ComputeMetrics;
use crate::replicas::{Inferred, infer};
use crate::speed::Throughput;
use crate::{EvalPrediction, TrainError, Trainer, TrainerState};

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The mean loss over the rows, by the weights of their classes where these have some; `None` where they have
    /// no labels.
    pub loss: Option<f64>,
    /// The metric's values by evaluate's names; empty where there is no metric or no label.
    pub metrics: Metrics,
    /// Each label, or each type of entity, by itself; empty where a row has one class or a number.
    pub by_label: Vec<LabelScores>,
    /// Rows.
    pub samples: usize,
    /// Seconds.
    pub runtime: f64,
    /// Rows a second.
    pub samples_per_second: f64,
    /// Batches a second.
    pub steps_per_second: f64,
}

/// What [`crate::Trainer::predict`] gives: transformers' `predictions` (the logits here), `label_ids` and
/// `metrics`.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionOutput {
    /// `[rows, num_labels]`, row by row; for tokens `[tokens, num_labels]`, those of all rows one after
    /// the other, without padding.
    pub logits: Vec<f32>,
    /// The head's outputs: classes, or 1 for a regression.
    pub num_labels: usize,
    /// `[rows]`, classes as numbers; `[rows, num_labels]` of 0 and 1 where a row may have several;
    /// `[tokens]` for tokens, with -100 for those that count for nothing. `None` where the rows have no
    /// labels.
    pub label_ids: Option<Vec<f64>>,
    /// Loss, metrics and times.
    pub evaluation: Evaluation,
}

impl Evaluation {
    /// All numbers as the Trainer names them: `eval_loss`, `eval_accuracy`, …, `eval_runtime`.
    #[must_use]
    pub fn prefixed(&self, prefix: &str) -> Metrics {
        let loss = self.loss.map(|loss| ("loss", loss));
        let times = [
            ("runtime", self.runtime),
            ("samples_per_second", self.samples_per_second),
            ("steps_per_second", self.steps_per_second),
        ];
        loss.into_iter()
            .chain(self.metrics.iter())
            .chain(times)
            .map(|(name, value)| (format!("{prefix}_{name}"), value))
            .collect()
    }

    /// The event that tells of this evaluation of a split.
    #[must_use]
    pub fn event(&self, split: &str, state: &TrainerState) -> Event {
        Event::Eval(Eval {
            epoch: state.epoch,
            step: state.global_step,
            split: split.to_owned(),
            loss: self.loss.unwrap_or(f64::NAN),
            metrics: self.metrics.clone(),
            per_class: self.by_label.iter().map(class_report).collect(),
            runtime: self.runtime,
            samples_per_second: self.samples_per_second,
            steps_per_second: self.steps_per_second,
        })
    }
}

impl PredictionOutput {
    /// The class of the highest logit of every row (of every token where tokens have classes), the first
    /// of equal ones: `[rows]`.
    #[must_use]
    pub fn predicted_classes(&self) -> Vec<usize> {
        predicted_classes(&self.logits, self.num_labels)
    }

    /// Loss, metrics and times as `predict` of transformers names them: `test_loss`, `test_accuracy`, …
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.evaluation.prefixed("test")
    }
}

pub(crate) fn predicted_classes(logits: &[f32], num_labels: usize) -> Vec<usize> {
    logits.chunks(num_labels.max(1)).map(argmax).collect()
}

/// The place of the highest value, the first of equal ones.
#[must_use]
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = i;
        }
    }
    best
}

/// A label's scores as events and screens have them.
#[must_use]
pub fn class_report(scores: &LabelScores) -> ClassReport {
    ClassReport {
        label: scores.name.clone(),
        precision: scores.precision,
        recall: scores.recall,
        f1: scores.f1,
        support: scores.support,
    }
}

/// The probability of each label by itself.
#[must_use]
pub fn sigmoid(logits: &[f32]) -> Vec<f32> {
    let probability = |logit: &f32| 1.0 / (1.0 + libm::expf(-logit));
    logits.iter().map(probability).collect()
}

/// The probability of each class of one row.
#[must_use]
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = logits.iter().map(|x| libm::exp(f64::from(x - highest)));
    let weights: Vec<f64> = weights.collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// An evaluation in progress, made by [`Trainer::pass`] and pulled batch by batch.
pub struct EvalPass {
    dataset: TokenizedDataset,
    batch_size: usize,
    metric: Option<Metric>,
    compute_metrics: Option<ComputeMetrics>,
    row: usize,
    batches: usize,
    loss: f64,
    /// What the losses of the batches are divided by: rows, or the weights of their classes.
    weight: f64,
    labels: Vec<f64>,
    /// Rows with labels.
    labelled: usize,
    /// The head's outputs.
    num_labels: usize,
    logits: Vec<f32>,
    time: Duration,
}

impl EvalPass {
    /// A pass over all rows in order.
    pub(crate) fn new(dataset: TokenizedDataset, trainer: &Trainer) -> Result<Self, TrainError> {
        if dataset.is_empty() {
            return Err(TrainError::Arguments(
                "there are no rows to evaluate: the split is empty".to_owned(),
            ));
        }
        Ok(Self {
            dataset,
            batch_size: trainer.args.per_device_eval_batch_size.max(1),
            metric: trainer.metric.clone(),
            compute_metrics: trainer.compute_metrics.clone(),
            row: 0,
            batches: 0,
            loss: 0.0,
            weight: 0.0,
            labels: Vec::new(),
            labelled: 0,
            num_labels: 1,
            logits: Vec::new(),
            time: Duration::ZERO,
        })
    }

    /// Rows in all.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.dataset.len()
    }

    /// Rows done.
    #[must_use]
    pub fn rows_done(&self) -> usize {
        self.row
    }

    /// Whether all rows are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.row == self.dataset.len()
    }

    /// Evaluates the next batch, on each device one; nothing where all are done.
    ///
    /// # Errors
    /// Rows that do not fit the model, labels that do not fit the metric, a model that gives no number,
    /// or a device that fails.
    pub async fn step(&mut self, trainer: &mut Trainer) -> Result<(), TrainError> {
        if self.is_done() {
            return Ok(());
        }
        let start = now();
        let batches = self.batches(trainer)?;
        let with_loss = trainer.loss_function.is_none();
        let found = infer_all(trainer, &batches, self.row == 0, with_loss).await?;
        for (batch, found) in batches.iter().zip(found) {
            self.take(batch, found, trainer)?;
        }
        self.time += start.elapsed();
        trainer.ask(|callback, args, state, control| {
            callback.on_prediction_step(args, state, control);
        });
        Ok(())
    }

    /// The next batches: one for each device, or as many as there are rows for.
    fn batches(&self, trainer: &Trainer) -> Result<Vec<Batch>, TrainError> {
        let starts = (self.row..self.dataset.len()).step_by(self.batch_size);
        starts
            .take(trainer.num_processes())
            .map(|start| {
                let end = (start + self.batch_size).min(self.dataset.len());
                let examples = (start..end).map(|row| self.dataset.example(row));
                let examples: Vec<ExampleRef<'_>> = examples.collect();
                Ok(trainer.collator.batch(&examples)?)
            })
            .collect()
    }

    /// Adds what a batch gave to what there is.
    fn take(
        &mut self,
        batch: &Batch,
        found: Inferred,
        trainer: &Trainer,
    ) -> Result<(), TrainError> {
        let Inferred { logits, mut loss } = found;
        self.num_labels = trainer.model.config.num_labels();
        if let Some(place) = logits.iter().position(|logit| !logit.is_finite()) {
            return Err(TrainError::Logits {
                row: self.row + row_of(batch, trainer.model.task(), place, logits.len()),
                value: logits[place],
            });
        }
        let own_loss = trainer.loss_function.as_ref();
        if let Some(function) = own_loss.filter(|_| batch.labels != Labels::None) {
            let labels = batch.labels_without_padding();
            let found = function(&logits, self.num_labels, &labels);
            loss = Some(found.map_err(TrainError::LossFunction)?.loss as f32);
        }
        if batch.labels != Labels::None {
            let weights = trainer.model.options.class_weights.as_deref();
            let weights = weights.filter(|_| own_loss.is_none());
            let weight = weight_of(&batch.labels, batch.batch, weights);
            self.loss += f64::from(loss.unwrap_or(0.0)) * weight;
            self.weight += weight;
        }
        self.score(batch, &logits, trainer)?;
        self.logits.extend(logits);
        self.row += batch.batch;
        self.batches += 1;
        Ok(())
    }

    fn score(
        &mut self,
        batch: &Batch,
        logits: &[f32],
        trainer: &Trainer,
    ) -> Result<(), TrainError> {
        let num_labels = self.num_labels.max(1);
        if batch.labels != Labels::None {
            self.labelled += batch.batch;
        }
        match &batch.labels {
            Labels::None => {}
            Labels::Class(classes) => {
                self.labels
                    .extend(classes.iter().map(|class| f64::from(*class)));
                if let Some(metric) = &mut self.metric {
                    let predicted: Vec<i64> = logits
                        .chunks(num_labels)
                        .map(|row| argmax(row) as i64)
                        .collect();
                    let wanted: Vec<i64> = classes.iter().map(|class| i64::from(*class)).collect();
                    metric.add_batch_classes(&predicted, &wanted)?;
                    if metric.needs_probabilities() {
                        let rows = logits.chunks(num_labels);
                        let probabilities: Vec<f64> = rows.flat_map(softmax).collect();
                        metric.add_probabilities(&probabilities, &wanted)?;
                    }
                }
            }
            Labels::Regression(values) => {
                let wanted: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
                if let Some(metric) = &mut self.metric {
                    let predicted: Vec<f64> = logits.iter().map(|x| f64::from(*x)).collect();
                    metric.add_batch(&predicted, &wanted)?;
                }
                self.labels.extend(wanted);
            }
            Labels::MultiHot(values) => {
                if let Some(metric) = &mut self.metric {
                    let wanted: Vec<bool> = values.iter().map(|value| *value == 1.0).collect();
                    let thresholds = trainer.model.config.thresholds();
                    let probabilities = sigmoid(logits);
                    let predicted = above_thresholds(&probabilities, &thresholds, num_labels);
                    metric.add_batch_labels(&predicted, &wanted)?;
                    if metric.needs_probabilities() {
                        let probabilities = probabilities.into_iter().map(f64::from);
                        let probabilities: Vec<f64> = probabilities.collect();
                        metric.add_label_probabilities(&probabilities, &wanted)?;
                    }
                }
                self.labels.extend(values.iter().map(|x| f64::from(*x)));
            }
            Labels::Tokens(classes) => {
                let sentences = batch.without_padding(classes);
                for (classes, logits) in sentences.zip(batch.by_example(logits)) {
                    let tokens = classes.iter().zip(logits.chunks(num_labels));
                    let tokens = tokens.filter(|(class, _)| **class != IGNORED);
                    let (predicted, wanted): (Vec<i64>, Vec<i64>) = tokens
                        .clone()
                        .map(|(class, logits)| (argmax(logits) as i64, i64::from(*class)))
                        .unzip();
                    if let Some(metric) = &mut self.metric {
                        metric.add_sentence(&predicted, &wanted)?;
                        if metric.needs_probabilities() {
                            let rows = tokens.flat_map(|(_, logits)| softmax(logits));
                            let probabilities: Vec<f64> = rows.collect();
                            metric.add_probabilities(&probabilities, &wanted)?;
                        }
                    }
                    self.labels.extend(classes.iter().map(|x| f64::from(*x)));
                }
            }
        }
        Ok(())
    }

    /// The result for the rows done.
    ///
    /// # Errors
    /// Where the metric has no value for them, or the function for `compute_metrics` fails.
    pub fn finish(self) -> Result<PredictionOutput, TrainError> {
        let rows = self.row;
        let labelled = self.labelled;
        let (mut metrics, by_label): (Metrics, _) = match self.metric {
            Some(metric) if !metric.is_empty() => {
                (metric.compute()?.iter().collect(), metric.by_label())
            }
            _ => (Metrics::default(), Vec::new()),
        };
        if let Some(function) = self.compute_metrics.filter(|_| labelled == rows) {
            let all = EvalPrediction {
                predictions: &self.logits,
                num_labels: self.num_labels,
                label_ids: &self.labels,
            };
            let found = function(&all).map_err(TrainError::ComputeMetrics)?;
            for (name, value) in found.iter() {
                metrics.insert(name, value);
            }
        }
        let speed = Throughput::of(self.time, rows as f64, self.batches as f64);
        Ok(PredictionOutput {
            num_labels: self.num_labels,
            logits: self.logits,
            label_ids: (labelled == rows).then_some(self.labels),
            evaluation: Evaluation {
                loss: (labelled > 0).then(|| self.loss / self.weight),
                metrics,
                by_label,
                samples: rows,
                runtime: speed.runtime,
                samples_per_second: speed.samples_per_second,
                steps_per_second: speed.steps_per_second,
            },
        })
    }
}

/// What each device finds of its batch, the first of the trainer's own; `first` where no batch of this pass came
/// before.
async fn infer_all(
    trainer: &mut Trainer,
    batches: &[Batch],
    first: bool,
    with_loss: bool,
) -> Result<Vec<Inferred>, TrainError> {
    let Trainer {
        model,
        replicas,
        replicas_follow,
        ..
    } = trainer;
    let Some((own, others)) = batches.split_first() else {
        return Ok(Vec::new());
    };
    if let Some(replicas) = replicas {
        if first && !*replicas_follow {
            replicas.set_model(model).await?;
        }
        replicas.infer(others, with_loss)?;
    }
    let mut found = vec![infer(model, own, with_loss).await?];
    if let Some(replicas) = replicas {
        found.extend(replicas.inferred()?);
    }
    Ok(found)
}

/// The row that a logit is of, at a place among all of a batch's.
fn row_of(batch: &Batch, task: Task, place: usize, count: usize) -> usize {
    match task {
        Task::SingleLabel | Task::MultiLabel | Task::Regression => place * batch.batch / count,
        Task::Tokens => {
            let places: Vec<usize> = (0..count).collect();
            let mut rows = batch.by_example(&places);
            rows.position(|row| row.contains(&place)).unwrap_or(0)
        }
    }
}
