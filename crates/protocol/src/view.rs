//! The one reducer from the event stream to what a screen shows. The desktop calls it, the web page
//! mirrors it, and both replay one golden log, so that they are views of the same thing.
//!
//! It is safe against coalescing: of several step events only the last need arrive. The curve then
//! has fewer points, and nothing else differs.

use serde::{Deserialize, Serialize};

use crate::{DatasetReady, Done, Eval, Event, Log, Record, RunStarted, Step};

/// How far a run is. Whether it is paused is the shell's to know, who asked for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Nothing has happened.
    #[default]
    Idle,
    /// Downloads, tokenizing, loading.
    Preparing,
    /// Steps are taken and splits evaluated.
    Training,
    /// Ended, with its output written.
    Done,
    /// Ended, because the device is gone.
    DeviceLost,
    /// Ended with an error.
    Failed,
}

/// One point of the loss curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LossPoint {
    /// Optimizer steps taken.
    pub step: u64,
    /// The step's loss.
    #[serde(deserialize_with = "crate::metrics::null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub loss: f64,
    /// The step's learning rate.
    pub learning_rate: f64,
    /// The step's global gradient norm, before clipping.
    #[serde(deserialize_with = "crate::metrics::null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub grad_norm: f64,
}

/// How far a file's download is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DownloadState {
    /// The file.
    pub file: String,
    /// Bytes here so far.
    pub loaded: u64,
    /// Bytes in all, where known.
    pub total: Option<u64>,
}

/// How far a stage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProgressState {
    /// The stage.
    pub stage: String,
    /// Items done.
    pub done: u64,
    /// Items in all.
    pub total: u64,
}

/// All that a screen shows of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunView {
    /// How far the run is.
    pub state: RunState,
    /// The last record applied.
    pub seq: Option<u64>,
    /// What is trained, on what.
    pub run: Option<RunStarted>,
    /// The data.
    pub dataset: Option<DatasetReady>,
    /// Downloads, in the order in which they began.
    pub downloads: Vec<DownloadState>,
    /// The stage in progress; `None` when it is complete and while steps are taken.
    pub progress: Option<ProgressState>,
    /// The last step.
    pub step: Option<Step>,
    /// The loss curve, by ascending step.
    pub losses: Vec<LossPoint>,
    /// The training entries of the log.
    pub logs: Vec<Log>,
    /// The evaluations.
    pub evals: Vec<Eval>,
    /// The last checkpoint's folder, from which a run can be resumed.
    pub last_checkpoint: Option<String>,
    /// All warnings.
    pub warnings: Vec<String>,
    /// The latest thing said to the person: a warning, an error, or that a checkpoint was written.
    pub message: Option<String>,
    /// How the run ended.
    pub done: Option<Done>,
}

impl RunView {
    /// The most frequent class of the split of the last evaluation and its share of the rows, 0 to 1, where
    /// that evaluation's accuracy is no higher.
    #[must_use]
    pub fn no_better_than(&self) -> Option<(&str, f64)> {
        let (eval, dataset) = (self.evals.last()?, self.dataset.as_ref()?);
        let mut splits = dataset.splits.iter();
        let split = splits.find(|split| split.name == eval.split)?;
        let most = split.most_frequent.as_ref()?;
        let share = most.count as f64 / split.num_rows.max(1) as f64;
        let accuracy = eval.metrics.get("accuracy")?;
        // Two ways of computing one share differ by a rounding.
        (accuracy <= share + 1e-9).then_some((most.label.as_str(), share))
    }

    /// Takes in one record, and says whether it was new. A record that was applied before is
    /// ignored, so a reader that reconnects may replay; record 0 begins a new run.
    pub fn apply(&mut self, record: &Record) -> bool {
        if record.seq == 0 {
            *self = Self::default();
        } else if self.seq.is_some_and(|last| record.seq <= last) {
            return false;
        }
        self.seq = Some(record.seq);
        self.take(&record.event);
        true
    }

    /// Takes in one event, which comes after all that were taken in before.
    pub fn take(&mut self, event: &Event) {
        if self.state == RunState::Idle {
            self.state = RunState::Preparing;
        }
        match event {
            Event::RunStarted(run) => {
                self.run = Some(run.clone());
                self.progress = None;
                self.state = RunState::Training;
                // A run that goes on from a checkpoint takes the steps after it again.
                self.forget_after(run.resumed_from_step.unwrap_or(0));
            }
            Event::Download {
                file,
                loaded,
                total,
            } => self.download(file, *loaded, *total),
            Event::Progress { stage, done, total } => {
                self.progress = (done < total).then(|| ProgressState {
                    stage: stage.clone(),
                    done: *done,
                    total: *total,
                });
            }
            Event::DatasetReady(dataset) => self.dataset = Some(dataset.clone()),
            Event::Step(step) => self.take_step(step),
            Event::Log(log) => self.logs.push(log.clone()),
            Event::Eval(eval) => {
                self.progress = None;
                self.evals.push(eval.clone());
            }
            Event::Checkpoint { step, path } => {
                self.message = Some(format!("Checkpoint of step {step} written to {path}"));
                self.last_checkpoint = Some(path.clone());
            }
            Event::Warning { message } => {
                self.warnings.push(message.clone());
                self.message = Some(message.clone());
            }
            Event::DeviceLost { message } => self.end(RunState::DeviceLost, message),
            Event::Failed { message } => self.end(RunState::Failed, message),
            Event::Done(done) => {
                self.end(
                    RunState::Done,
                    &format!("Model written to {}", done.output_dir),
                );
                self.done = Some(done.clone());
            }
        }
    }

    /// Where this run goes on from a checkpoint of another: puts what that one's view has of the steps before in
    /// front, so that the curves begin where training began.
    pub fn resume(&mut self, before: &Self) {
        let Some(step) = self.run.as_ref().and_then(|run| run.resumed_from_step) else {
            return;
        };
        let losses = before.losses.iter().filter(|point| point.step <= step);
        self.losses.splice(..0, losses.cloned());
        let logs = before.logs.iter().filter(|log| log.step <= step);
        self.logs.splice(..0, logs.cloned());
        let evals = before.evals.iter().filter(|eval| eval.step <= step);
        self.evals.splice(..0, evals.cloned());
    }

    /// The share of the run's steps that is taken, 0 to 1; `None` before the first is known.
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        let total = self.run.as_ref()?.total_steps;
        let step = self.step.as_ref()?.step;
        (total > 0).then(|| (step as f64 / total as f64).min(1.0))
    }

    fn take_step(&mut self, step: &Step) {
        self.progress = None;
        self.losses.push(LossPoint {
            step: step.step,
            loss: step.loss,
            learning_rate: step.learning_rate,
            grad_norm: step.grad_norm,
        });
        self.step = Some(step.clone());
    }

    fn forget_after(&mut self, step: u64) {
        let kept = self.losses.partition_point(|point| point.step <= step);
        self.losses.truncate(kept);
        let kept = self.logs.partition_point(|log| log.step <= step);
        self.logs.truncate(kept);
        let kept = self.evals.partition_point(|eval| eval.step <= step);
        self.evals.truncate(kept);
    }

    fn download(&mut self, file: &str, loaded: u64, total: Option<u64>) {
        match self.downloads.iter_mut().find(|known| known.file == file) {
            Some(known) => {
                known.loaded = loaded;
                known.total = total.or(known.total);
            }
            None => self.downloads.push(DownloadState {
                file: file.to_owned(),
                loaded,
                total,
            }),
        }
    }

    fn end(&mut self, state: RunState, message: &str) {
        self.state = state;
        self.progress = None;
        self.message = Some(message.to_owned());
    }
}
