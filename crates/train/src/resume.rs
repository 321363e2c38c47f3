//! How a run begins: anew, or from a checkpoint in the middle of it.

use std::path::{Path, PathBuf};

use tunesmith_metrics::Metric;
use tunesmith_platform::fs;
use tunesmith_protocol::{
    Event, IntervalStrategy, ResumeFrom, RunStarted, SamplingStrategy, TrainingArguments,
};

use crate::card::NO_METRIC;
use crate::checkpoint::{Action, Checkpoint, NOISE, checkpoints, set_parameters};
use crate::class_weights::{sampling_weights, set_loss};
use crate::early_stopping;
use crate::export::is_in;
use crate::optimizer::changed_groups;
use crate::parts::{changed_parts, frozen};
use crate::{
    AdamW, OutputFolder, Plan, Run, Schedule, TrainError, Trainer, TrainerState, device_info,
};

impl<'t> Run<'t> {
    pub(crate) fn start(trainer: &'t mut Trainer, resume: &ResumeFrom) -> Result<Self, TrainError> {
        let Some(train) = trainer.train_dataset.clone() else {
            return Err(TrainError::Arguments(
                "there is nothing to train on: give the trainer a train_dataset".to_owned(),
            ));
        };
        if trainer.loss_function.is_some() && trainer.num_processes() > 1 {
            return Err(TrainError::Arguments(
                "compute_loss_func works on one device: leave it out, or train without replicas"
                    .to_owned(),
            ));
        }
        check_best_metric(trainer)?;
        let args = trainer.args.clone();
        trainer.model.freeze(&frozen(&args))?;
        set_loss(&mut trainer.model, &args, &train)?;
        let lengths = (args.sampling() == SamplingStrategy::GroupByLength).then(|| train.lengths());
        let mut plan = Plan::new(train.len(), lengths, &args, trainer.num_processes())?;
        if args.weighted_sampling {
            let weights = sampling_weights(&train, trainer.model.config.num_labels());
            plan = plan.weighted(weights);
        }
        let groups = trainer.param_groups.as_deref();
        let optimizer = AdamW::from_arguments(&trainer.model, &args, groups)?;
        // Made before the activations: in the first backward pass they would take the place that the
        // forward pass left for temporaries.
        trainer.model.parameters.values_and_gradients();
        let schedule = Schedule::from_arguments(&args, plan.total_steps())?;
        let output_dir = PathBuf::from(&args.output_dir);
        let folder = match &trainer.folder {
            Some(_) => None,
            None => Some(OutputFolder::take_checked(&TrainingArguments {
                resume_from_checkpoint: resume.clone(),
                ..args.clone()
            })?),
        };
        let found = match resume {
            ResumeFrom::No => None,
            ResumeFrom::Last => match checkpoints(&output_dir).pop() {
                Some((_, path)) => Some(path),
                None => return Err(TrainError::NoCheckpoint { path: output_dir }),
            },
            ResumeFrom::Checkpoint(path) => Some(PathBuf::from(path)),
        };
        trainer.state = TrainerState::new(&args, plan.total_steps(), plan.num_epochs());
        let data = train.digest();
        let mut run = Self::new(trainer, train, data, plan, schedule, optimizer, output_dir);
        run._folder = folder;
        match &found {
            Some(path) => run.resume(path)?,
            None => {
                run.begin_beside_others();
                if args.eval_on_start {
                    run.pending.push_back(Action::Evaluate);
                }
            }
        }
        // A run that was killed between its last checkpoint and the removal of the oldest.
        run.rotate(run.trainer.args.save_total_limit);
        run.announce(found.is_some());
        if args.early_stopping_patience.is_some() && !args.load_best_model_at_end {
            run.warn(
                "early_stopping_patience without load_best_model_at_end: the model will be that of the last \
                 step, not the best one"
                    .to_owned(),
            );
        }
        Ok(run)
    }

    fn begin_beside_others(&mut self) {
        if let Some((step, path)) = checkpoints(&self.output_dir).pop() {
            self.warn(format!(
                "{} lies in output_dir from an earlier run and is kept: move the old checkpoints \
                 away before you resume this run, or name the checkpoint, since the latest (step \
                 {step}) is taken otherwise",
                path.display()
            ));
        }
    }

    fn resume(&mut self, path: &Path) -> Result<(), TrainError> {
        let broken = |reason: String| broken(path, reason);
        let Checkpoint {
            state,
            args,
            run,
            model,
            optimizer,
        } = Checkpoint::load(path).map_err(broken)?;
        let mut changes = run.plan.changes(self.plan.identity());
        if changes.is_empty() && run.data != self.data {
            changes.push("the tokenized training rows are not the same".to_owned());
        }
        if !changes.is_empty() {
            return Err(TrainError::PlanChanged {
                path: path.to_owned(),
                changes,
            });
        }
        let groups = (
            run.param_groups.as_deref(),
            self.trainer.param_groups.as_deref(),
        );
        if let Some(change) = changed_groups(groups.0, groups.1) {
            return Err(TrainError::ParamGroups {
                path: path.to_owned(),
                change,
            });
        }
        let config = &self.trainer.model.config;
        if let Some(change) = changed_parts(config, &args, &self.trainer.args) {
            return Err(TrainError::Parts {
                path: path.to_owned(),
                change,
            });
        }
        set_parameters(&mut self.trainer.model, &model).map_err(broken)?;
        let skipped = run.loss_scale.map_or(0, |scaler| scaler.skipped_steps());
        let steps = u32::try_from(state.global_step - skipped).unwrap_or(u32::MAX);
        self.optimizer
            .restore(&self.trainer.model, &optimizer, run.words.as_deref(), steps)
            .map_err(broken)?;

        self.set_untrained_decay(&run, state.global_step);
        for change in changed_arguments(&args, &self.trainer.args) {
            self.warn(format!(
                "{change}: the run goes on with the new value, and so not as it would have"
            ));
        }
        if run.noise != NOISE {
            let text = format!(
                "{} was written by Tunesmith {}, which drew dropout's noise in another way: the run goes on, \
                 and is as random, but not the same run",
                path.display(),
                run.tunesmith
            );
            self.warn(text);
        }
        let device = &self.trainer.model.device().name;
        if run.device != *device {
            let text = format!(
                "{} was written on '{}', and this is '{device}': the run goes on, but its losses will \
                 differ in their last digits",
                path.display(),
                run.device
            );
            self.warn(text);
        }
        let planned = &self.trainer.state;
        let mut state = TrainerState {
            eval_steps: planned.eval_steps,
            logging_steps: planned.logging_steps,
            max_steps: planned.max_steps,
            num_train_epochs: planned.num_train_epochs,
            save_steps: planned.save_steps,
            ..state
        };
        if let Some(best) = state
            .best_model_checkpoint
            .take_if(|best| !fs::is_dir(best))
        {
            self.warn(format!(
                "the best checkpoint so far, {best}, is not there any more: it is not counted"
            ));
        }
        self.schedule.resume(run.schedule);
        if let Some(scaler) = &mut self.scaler {
            *scaler = run.loss_scale.unwrap_or_default();
        }
        if let Some(early_stopping) = &mut self.early_stopping
            && let Some(saved) = state.stateful_callbacks.get(early_stopping::NAME)
        {
            early_stopping.restore(saved);
            if early_stopping.is_over() {
                self.trainer.control.should_training_stop = true;
                self.events.push_back(Event::Warning {
                    message: format!(
                        "the run of {} had ended early, after {} evaluations without an improvement: raise \
                         early_stopping_patience to train on",
                        path.display(),
                        early_stopping.counter()
                    ),
                });
            }
        }
        self.losses = run.losses;
        self.last = run.last;
        self.pending = run.pending.into();
        self.resumed_from = state.global_step;
        self.checked_step = state.global_step;
        self.trainer.state = state;
        self.resumed_path = Some(path.to_owned());
        if is_in(path, &self.output_dir) {
            self.saved = checkpoints(&self.output_dir);
            self.saved.retain(|(step, _)| *step <= self.resumed_from);
        } else {
            // What lies there is another run's.
            self.begin_beside_others();
        }
        Ok(())
    }

    fn announce(&mut self, resumed: bool) {
        let trainer = &*self.trainer;
        let (args, device) = (&trainer.args, trainer.model.device());
        let per_epoch = self.plan.steps_per_epoch() as f64;
        self.events.push_front(Event::RunStarted(RunStarted {
            model: trainer.names.model.clone(),
            dataset: trainer.names.dataset_and_config(),
            task: trainer.names.task.clone(),
            device: device_info(device),
            other_devices: trainer.other_devices().to_vec(),
            num_examples: self.train.len() as u64,
            num_epochs: self.plan.total_steps() as f64 / per_epoch,
            total_steps: self.plan.total_steps(),
            per_device_train_batch_size: args.per_device_train_batch_size as u64,
            gradient_accumulation_steps: args.gradient_accumulation_steps as u64,
            seed: args.seed,
            trainable_parameters: trainer.model.num_trained() as u64,
            resumed_from_step: resumed.then_some(self.resumed_from),
            // The session knows what the checkpoint lacked.
            new_parameters: Vec::new(),
        }));
    }

    pub(crate) fn warn(&mut self, message: String) {
        self.events.push_back(Event::Warning { message });
    }
}

/// Refuses a `metric_for_best_model` that no evaluation will give, before anything is computed. A function for
/// `compute_metrics` may give any.
fn check_best_metric(trainer: &Trainer) -> Result<(), TrainError> {
    let args = &trainer.args;
    let Some((name, _)) = args.best_metric() else {
        return Ok(());
    };
    if args.eval_strategy == IntervalStrategy::No || trainer.compute_metrics.is_some() {
        return Ok(());
    }
    let measured = trainer.metric.iter().flat_map(Metric::score_names);
    let measured = measured.map(|name| format!("eval_{name}"));
    let available: Vec<String> = NO_METRIC
        .map(str::to_owned)
        .into_iter()
        .chain(measured)
        .collect();
    if available.contains(&name) {
        return Ok(());
    }
    Err(TrainError::BestMetric { name, available })
}

/// A checkpoint that can't be used, with the nearest one before it that can.
fn broken(path: &Path, reason: String) -> TrainError {
    let folder = path.parent().unwrap_or(Path::new("."));
    let step = |path: &Path| -> Option<u64> {
        path.file_name()?
            .to_str()?
            .strip_prefix("checkpoint-")?
            .parse()
            .ok()
    };
    let before = step(path);
    let whole = checkpoints(folder)
        .into_iter()
        .rev()
        .filter(|(step, other)| other != path && before.is_none_or(|before| *step < before))
        .find(|(_, other)| Checkpoint::is_good(other));
    let hint = match whole {
        Some((step, other)) => format!(
            "The one of step {step} is whole: go on from it with --resume_from_checkpoint {}",
            other.display()
        ),
        None => "There is no other whole checkpoint beside it; start anew with \
                 --overwrite_output_dir or in another --output_dir"
            .to_owned(),
    };
    TrainError::Checkpoint {
        path: path.to_owned(),
        reason,
        hint,
    }
}

/// Arguments that change the course of a run, where they differ.
fn changed_arguments(was: &TrainingArguments, is: &TrainingArguments) -> Vec<String> {
    const MATTER: [&str; 18] = [
        "learning_rate",
        "lr_scheduler_type",
        "lr_scheduler_kwargs",
        "warmup_steps",
        "num_train_epochs",
        "max_steps",
        "weight_decay",
        "llrd",
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "max_grad_norm",
        "label_smoothing_factor",
        "fp16",
        "class_weights",
        "loss",
        "focal_gamma",
        "seed",
    ];
    let (Ok(was), Ok(is)) = (serde_json::to_value(was), serde_json::to_value(is)) else {
        return Vec::new();
    };
    MATTER
        .into_iter()
        .filter(|name| was[*name] != is[*name])
        .map(|name| {
            format!(
                "{name} was {} when the checkpoint was written and is {} now",
                was[name], is[name]
            )
        })
        .collect()
}
