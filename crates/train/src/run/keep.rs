//! What a run keeps: its checkpoints, the best model, and what it came to.

use std::path::Path;

use tunesmith_model::TensorFile;
use tunesmith_platform::fs;
use tunesmith_protocol::Event;

use super::{Run, Stop};
use crate::checkpoint::{
    Action, Contents, NOISE, RunState, check_parameters, folder, set_parameters,
};
use crate::export::disk_full;
use crate::files::remove_folder;
use crate::speed::Throughput;
use crate::{TrainError, TrainOutput, Trainer};

impl Run<'_> {
    pub(super) async fn save(&mut self) -> Result<(), TrainError> {
        let Trainer {
            model,
            args,
            state,
            tokenizer_files,
            param_groups,
            ..
        } = &mut *self.trainer;
        let step = state.global_step;
        if let Some(best) = state.best_global_step {
            let path = folder(&self.output_dir, best);
            if best == step || fs::is_dir(&path) {
                state.best_model_checkpoint = Some(path.display().to_string());
            }
        }
        let run = RunState {
            words: model.parameters.trained_words().map(<[u32]>::to_vec),
            untrained_decay: Some(model.parameters.untrained_decay()).filter(|decay| *decay != 1.0),
            noise: NOISE,
            tunesmith: env!("CARGO_PKG_VERSION").to_owned(),
            device: model.device().name.clone(),
            plan: self.plan.identity().clone(),
            data: self.data.clone(),
            pending: self.pending.iter().copied().collect(),
            losses: self.losses,
            last: self.last,
            schedule: self.schedule.state(),
            param_groups: param_groups.clone(),
            loss_scale: self.scaler,
        };
        let contents = Contents {
            model,
            optimizer: &self.optimizer,
            state,
            args,
            run: &run,
            tokenizer: tokenizer_files.as_deref(),
        };
        let bytes = contents.bytes();
        let path = contents.write(&self.output_dir).await.map_err(|error| {
            let what = format!("the checkpoint of step {step}");
            disk_full(error, &self.output_dir, &what, bytes, self.kept())
        })?;
        self.saved.retain(|(saved, _)| *saved != step);
        self.saved.push((step, path.clone()));
        self.events.push_back(Event::Checkpoint {
            step,
            path: path.display().to_string(),
        });
        self.rotate(self.trainer.args.save_total_limit);
        self.trainer
            .ask(|callback, args, state, control| callback.on_save(args, state, control));
        Ok(())
    }

    /// Deletes this run's oldest checkpoints, as transformers' `rotate_checkpoints`: never the latest
    /// and never the best.
    pub(crate) fn rotate(&mut self, limit: Option<usize>) {
        let Some(limit) = limit else { return };
        let latest = self.saved.last().map(|(step, _)| *step);
        let best = self.trainer.state.best_global_step;
        let kept = |step: u64| Some(step) == latest || Some(step) == best;
        let protected = self.saved.iter().filter(|(step, _)| kept(*step)).count();
        while self.saved.len() > limit.max(protected) {
            let Some(oldest) = self.saved.iter().position(|(step, _)| !kept(*step)) else {
                break;
            };
            let (_, path) = self.saved.remove(oldest);
            self.remove(&path);
        }
    }

    /// Removes a checkpoint. An old one that won't go is not worth a run.
    fn remove(&mut self, path: &Path) {
        if let Err(error) = remove_folder(path) {
            self.warn(format!("{error}; remove the old checkpoint by hand"));
        }
    }

    pub(super) async fn end_early(&mut self, stop: Stop) -> Result<(), TrainError> {
        let step = self.trainer.state.global_step;
        if self.evaluation.take().is_some() {
            self.pending.push_front(Action::Evaluate);
        }
        let is_saved = self.saved.last().is_some_and(|(saved, _)| *saved == step);
        if stop == Stop::AndSave && step > 0 && !is_saved {
            self.read_steps().await?;
            self.pending.retain(|action| *action != Action::Save);
            self.save().await?;
        }
        let total = self.plan.total_steps();
        self.events.push_back(Event::Warning {
            message: format!("stopped after step {step} of {total}; {}", self.kept()),
        });
        self.output = Some(self.summary(true));
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), TrainError> {
        let output = self.summary(false);
        self.trainer.state.log(&output.metrics());
        let best = self.trainer.state.best_model_checkpoint.clone();
        let mut is_last = true;
        if self.trainer.args.load_best_model_at_end
            && let Some(best) = &best
            && self.trainer.state.best_global_step != Some(output.global_step)
        {
            is_last = !self.load_best(Path::new(best))?;
        }
        // The Trainer keeps the latest for resuming; with a limit of one, only until the end.
        if self.trainer.args.save_total_limit == Some(1) && best.is_some_and(fs::is_dir) {
            let best = self.trainer.state.best_global_step;
            for (step, path) in std::mem::take(&mut self.saved) {
                if Some(step) == best {
                    self.saved.push((step, path));
                } else {
                    self.remove(&path);
                }
            }
        }
        let last_evaluation = self
            .evaluated
            .take()
            .filter(|(step, _)| is_last && *step == output.global_step)
            .map(|(_, found)| found);
        self.output = Some(TrainOutput {
            last_evaluation,
            ..output
        });
        self.trainer
            .ask(|callback, args, state, control| callback.on_train_end(args, state, control));
        Ok(())
    }

    /// Loads the best weights, and says whether it could: where they were removed or damaged, the last
    /// ones are the model, which is better than none.
    fn load_best(&mut self, path: &Path) -> Result<bool, TrainError> {
        self.trainer.replicas_follow = false;
        let model = &mut self.trainer.model;
        let tensors = TensorFile::open_file(&path.join("model.safetensors"))
            .map_err(|error| error.to_string())
            .and_then(|tensors| check_parameters(model, &tensors).map(|()| tensors));
        let tensors = match tensors {
            Ok(tensors) => tensors,
            Err(reason) => {
                self.warn(format!(
                    "the best checkpoint {} can't be loaded ({reason}): the model is that of the last \
                     step instead",
                    path.display()
                ));
                return Ok(false);
            }
        };
        set_parameters(model, &tensors).map_err(|reason| TrainError::Checkpoint {
            path: path.to_owned(),
            reason,
            hint: "Resume from the last checkpoint to try again".to_owned(),
        })?;
        if let Ok(run) = RunState::load(path) {
            let step = self.trainer.state.best_global_step.unwrap_or(0);
            self.set_untrained_decay(&run, step);
        }
        Ok(true)
    }

    /// What weight decay had left of the words that aren't trained when a checkpoint was written.
    pub(crate) fn set_untrained_decay(&mut self, run: &RunState, step: u64) {
        let decay = match (&run.words, run.untrained_decay) {
            (_, Some(decay)) => decay,
            (Some(_), None) => 1.0,
            // Its run trained all words.
            (None, None) => (0..step.min(self.plan.total_steps()))
                .map(|step| {
                    let rate = self.schedule.learning_rate(step);
                    self.optimizer.kept_of_words(rate)
                })
                .product(),
        };
        self.trainer.model.parameters.set_untrained_decay(decay);
    }

    pub(super) fn summary(&self, stopped: bool) -> TrainOutput {
        let state = &self.trainer.state;
        let steps = (state.global_step - self.resumed_from) as f64;
        let samples = self.plan.num_samples() * steps / self.plan.total_steps().max(1) as f64;
        let speed = Throughput::of(self.time, samples, steps);
        let loss = self.losses.before_log + self.losses.since_log;
        TrainOutput {
            global_step: state.global_step,
            training_loss: loss / state.global_step.max(1) as f64,
            epoch: state.epoch,
            train_runtime: speed.runtime,
            train_samples_per_second: speed.samples_per_second,
            train_steps_per_second: speed.steps_per_second,
            total_flos: state.total_flos,
            best_metric: state.best_metric,
            best_model_checkpoint: state.best_model_checkpoint.clone(),
            stopped,
            last_evaluation: None,
        }
    }

    /// How to go on after an end that was not planned.
    pub(super) fn kept(&self) -> String {
        let only_model = self.trainer.args.save_only_model;
        let saved = self.saved.iter().rev();
        let saved = saved
            .filter(|_| !only_model)
            .find(|(_, path)| fs::is_dir(path));
        let resumed = self.resumed_path.as_ref();
        let resumed = resumed.map(|path| (self.resumed_from, path));
        match saved.map(|(step, path)| (*step, path)).or(resumed) {
            Some((step, path)) => format!(
                "the checkpoint of step {step} is kept: go on from it with \
                 --resume_from_checkpoint {}",
                path.display()
            ),
            None if only_model => {
                "checkpoints have the model alone (save_only_model), so start anew".to_owned()
            }
            None => {
                "no checkpoint was written yet, so start anew (save_steps sets how often one is \
                     written)"
                    .to_owned()
            }
        }
    }
}
