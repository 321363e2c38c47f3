//! A training in progress: a queue of events, and one unit of work whenever the queue is empty.

mod callbacks;
mod keep;
mod step;

use step::Unread;

use std::collections::VecDeque;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tunesmith_data::TokenizedDataset;
use tunesmith_platform::now;
use tunesmith_protocol::{Command, CountedTokens, Event, Log, Metrics, SaveStrategy};
use web_time::{Duration, Instant};

use crate::checkpoint::Action;
use crate::early_stopping::{self, EarlyStopping};
use crate::evaluate::EvalPass;
use crate::speed::Speed;
use crate::{
    AdamW, GradScaler, OutputFolder, Plan, PredictionOutput, Schedule, TrainError, TrainOutput,
    Trainer, TrainerControl, TrainerState,
};

/// A training in progress. Pull it with [`Run::next`]; to pause, don't.
pub struct Run<'t> {
    pub(crate) trainer: &'t mut Trainer,
    pub(crate) train: TokenizedDataset,
    pub(crate) data: String,
    pub(crate) plan: Plan,
    pub(crate) schedule: Schedule,
    pub(crate) early_stopping: Option<EarlyStopping>,
    pub(crate) optimizer: AdamW,
    /// Of half precision.
    pub(crate) scaler: Option<GradScaler>,
    pub(crate) output_dir: PathBuf,
    /// The order of rows of one epoch, and which.
    order: Option<(u64, Vec<u32>)>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) pending: VecDeque<Action>,
    evaluation: Option<EvalPass>,
    /// The last evaluation and its step.
    evaluated: Option<(u64, PredictionOutput)>,
    pub(crate) losses: Losses,
    pub(crate) last: LastStep,
    pub(crate) resumed_from: u64,
    /// This run's checkpoints, the latest last: the only ones it may delete.
    pub(crate) saved: Vec<(u64, PathBuf)>,
    /// The checkpoint that this run went on from.
    pub(crate) resumed_path: Option<PathBuf>,
    /// The last step after which the weights were found to be numbers.
    pub(crate) checked_step: u64,
    /// The output folder, where the trainer doesn't have it.
    pub(crate) _folder: Option<OutputFolder>,
    stop: Option<Stop>,
    /// Whether the callbacks were told of the beginning.
    has_begun: bool,
    /// The error that ended the run, to be told after the events before it.
    failure: Option<TrainError>,
    failed: bool,
    unread: Vec<Unread>,
    /// The last step whose numbers are here.
    read_step: u64,
    /// When numbers were last read back, or the clock started again after other work.
    read_at: Instant,
    speed: Speed,
    time: Duration,
    output: Option<TrainOutput>,
}

/// Sums of losses, from which log entries and the mean of the run are made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Losses {
    /// The sum since the last log entry.
    pub(crate) since_log: f64,
    /// The step of that entry.
    pub(crate) logged_step: u64,
    /// The sum before it.
    pub(crate) before_log: f64,
}

/// What the next log entry tells of the last step.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastStep {
    pub(crate) grad_norm: f64,
    pub(crate) learning_rate: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Now,
    AndSave,
}

impl<'t> Run<'t> {
    pub(crate) fn new(
        trainer: &'t mut Trainer,
        train: TokenizedDataset,
        data: String,
        plan: Plan,
        schedule: Schedule,
        optimizer: AdamW,
        output_dir: PathBuf,
    ) -> Self {
        trainer.control = TrainerControl::default();
        let scaler = trainer.args.fp16.then(GradScaler::default);
        Self {
            early_stopping: EarlyStopping::from_arguments(&trainer.args),
            trainer,
            train,
            data,
            plan,
            schedule,
            optimizer,
            scaler,
            output_dir,
            order: None,
            events: VecDeque::new(),
            pending: VecDeque::new(),
            evaluation: None,
            evaluated: None,
            losses: Losses::default(),
            last: LastStep::default(),
            resumed_from: 0,
            saved: Vec::new(),
            resumed_path: None,
            checked_step: 0,
            _folder: None,
            stop: None,
            has_begun: false,
            failure: None,
            failed: false,
            unread: Vec::new(),
            read_step: 0,
            read_at: now(),
            speed: Speed::default(),
            time: Duration::ZERO,
            output: None,
        }
    }

    /// The next event, after one unit of work: an optimizer step, a batch of an evaluation, or a
    /// checkpoint; or after several steps, where nothing asks for their numbers yet. `None` when the run has ended; [`Run::output`] is there then.
    ///
    /// # Errors
    /// A loss that isn't finite, a device that fails, a disk that is full; the message says which
    /// checkpoint is good. The run has ended then.
    pub async fn next(&mut self) -> Result<Option<Event>, TrainError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(error) = self.failure.take() {
                self.failed = true;
                return Err(error);
            }
            if self.failed || self.output.is_some() {
                return Ok(None);
            }
            let start = now();
            if self.unread.is_empty() {
                // What a shell did since, a pause perhaps, is no part of a step's time.
                self.read_at = start;
            }
            let done = self.work().await;
            if let Err(error) = done {
                // The steps before it are told of first, as far as they can still be read.
                self.read_steps().await.ok();
                self.pending.clear();
                self.failure = Some(self.in_context(error));
            }
            self.time += start.elapsed();
        }
    }

    /// Hands the run a command, which it reads when it is next pulled. [`Command::Pause`] and
    /// [`Command::Resume`] are for whoever pulls.
    pub fn command(&mut self, command: Command) {
        match command {
            Command::Pause | Command::Resume => {}
            Command::Stop => self.stop = Some(Stop::Now),
            Command::StopAndSave => self.stop = Some(Stop::AndSave),
        }
    }

    /// How far it is and what it has logged.
    #[must_use]
    pub fn state(&self) -> &TrainerState {
        &self.trainer.state
    }

    /// Which rows every batch holds.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the training came to, once it has ended.
    #[must_use]
    pub fn output(&self) -> Option<&TrainOutput> {
        self.output.as_ref()
    }

    /// The same by value; what it came to so far, where it has not ended.
    #[must_use]
    pub fn into_output(mut self) -> TrainOutput {
        let fallback = self.summary(true);
        self.output.take().unwrap_or(fallback)
    }

    async fn work(&mut self) -> Result<(), TrainError> {
        if let Some(stop) = self.stop {
            return self.end_early(stop).await;
        }
        if self.evaluation.is_some() {
            return self.evaluate_batch().await;
        }
        match self.pending.pop_front() {
            Some(Action::Log) => {
                self.log();
                Ok(())
            }
            Some(Action::Evaluate) => self.begin_evaluation(),
            Some(Action::Save) => self.save().await,
            None if !self.is_last_step() => self.step().await,
            None => self.end(),
        }
    }

    fn log(&mut self) {
        let step = self.trainer.state.global_step;
        let steps = step - self.losses.logged_step;
        if steps == 0 {
            return;
        }
        let loss = self.losses.since_log / steps as f64;
        let LastStep {
            grad_norm,
            learning_rate,
        } = self.last;
        let entry = [
            ("loss", loss),
            ("grad_norm", grad_norm),
            ("learning_rate", learning_rate),
        ];
        let mut entry: Metrics = entry.into_iter().collect();
        if self.trainer.args.include_num_input_tokens_seen.0 != CountedTokens::No {
            let seen = self.trainer.state.num_input_tokens_seen;
            entry.insert("num_input_tokens_seen", seen as f64);
        }
        self.trainer.state.log(&entry);
        self.losses = Losses {
            since_log: 0.0,
            logged_step: step,
            before_log: self.losses.before_log + self.losses.since_log,
        };
        let epoch = self.trainer.state.epoch;
        self.events.push_back(Event::Log(Log {
            epoch,
            grad_norm,
            learning_rate,
            loss,
            step,
        }));
        self.trainer
            .ask(|callback, args, state, control| callback.on_log(args, state, control, &entry));
    }

    fn begin_evaluation(&mut self) -> Result<(), TrainError> {
        let Some(dataset) = &self.trainer.eval_dataset else {
            return Err(TrainError::Arguments(
                "eval_strategy asks for evaluations: give the trainer an eval_dataset".to_owned(),
            ));
        };
        self.evaluation = Some(self.trainer.pass(dataset)?);
        Ok(())
    }

    async fn evaluate_batch(&mut self) -> Result<(), TrainError> {
        let Some(mut pass) = self.evaluation.take() else {
            return Ok(());
        };
        pass.step(self.trainer).await?;
        self.events.push_back(Event::Progress {
            stage: "evaluating".to_owned(),
            done: pass.rows_done() as u64,
            total: pass.rows() as u64,
        });
        if !pass.is_done() {
            self.evaluation = Some(pass);
            return Ok(());
        }
        let found = pass.finish()?;
        let numbers = found.evaluation.prefixed("eval");
        self.trainer.state.log(&numbers);
        let (split, state) = (&self.trainer.eval_split, &self.trainer.state);
        self.events.push_back(found.evaluation.event(split, state));
        self.evaluated = Some((self.trainer.state.global_step, found));
        // An evaluation before the first step (`eval_on_start`) is of a model that isn't trained yet.
        if self.trainer.state.global_step > 0 {
            self.keep_best(&numbers)?;
        }
        self.ask_about_evaluation(&numbers);
        Ok(())
    }

    fn keep_best(&mut self, numbers: &Metrics) -> Result<(), TrainError> {
        let Trainer {
            args,
            state,
            control,
            ..
        } = &mut *self.trainer;
        let Some((name, greater)) = args.best_metric() else {
            return Ok(());
        };
        let Some(value) = numbers.get(&name) else {
            let available = numbers.iter().map(|(name, _)| name.to_owned()).collect();
            return Err(TrainError::BestMetric { name, available });
        };
        self.schedule.evaluated(value);
        if let Some(early_stopping) = &mut self.early_stopping {
            early_stopping.evaluated(value, state.best_metric, greater);
            let saved = (early_stopping::NAME.to_owned(), early_stopping.state());
            state.stateful_callbacks.extend([saved]);
            if early_stopping.is_over() {
                control.should_training_stop = true;
                self.events.push_back(Event::Warning {
                    message: format!(
                        "training ends early: {name} has not improved in {} evaluations \
                         (early_stopping_patience)",
                        early_stopping.counter()
                    ),
                });
            }
        }
        // A metric may be undefined: the first that is a number is the best then.
        let better = |best: f64| best.is_nan() || if greater { value > best } else { value < best };
        if state.best_metric.is_none_or(better) {
            state.best_metric = Some(value);
            if args.save_strategy != SaveStrategy::No {
                state.best_global_step = Some(state.global_step);
            }
            if args.save_strategy == SaveStrategy::Best {
                self.pending.push_back(Action::Save);
            }
        }
        Ok(())
    }

    /// Whatever goes wrong once the device is gone is the device's.
    fn in_context(&self, error: TrainError) -> TrainError {
        match (error, self.trainer.model.device().failure()) {
            (_, Some(message)) | (TrainError::Read(message), None) => TrainError::Device {
                message,
                step: self.read_step.max(self.resumed_from),
                kept: self.kept(),
            },
            (other, None) => other,
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // From here on the model may be changed without them.
        self.trainer.replicas_follow = false;
    }
}
