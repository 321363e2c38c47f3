//! Learning rate schedules, each as transformers' `get_scheduler` has it: pure functions of the step,
//! and two that follow a metric of the evaluations.

mod following;

use tunesmith_protocol::{RateCurve, SchedulerKwargs, SchedulerType, TrainingArguments};

use crate::TrainError;
use following::Following;
pub(crate) use following::FollowingState;

/// A learning rate for every step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    kind: SchedulerType,
    learning_rate: f64,
    warmup_steps: u64,
    total_steps: u64,
    kwargs: SchedulerKwargs,
    /// Where the rate is no function of the step.
    following: Option<Following>,
}

/// A schedule as transformers' function of the same name gives it.
///
/// `learning_rate` is the rate at the top. Over `num_warmup_steps` the rate rises from 0, in a straight
/// line unless `kwargs` say otherwise; `num_training_steps` are those of the whole run, warm-up included.
/// `constant`, `reduce_lr_on_plateau` and `greedy` have no warm-up.
///
/// # Errors
/// Options that the schedule doesn't have, lacks, or that are out of range.
pub fn get_scheduler(
    kind: SchedulerType,
    learning_rate: f64,
    num_warmup_steps: u64,
    num_training_steps: u64,
    kwargs: &SchedulerKwargs,
) -> Result<Schedule, TrainError> {
    if let Some((option, message)) = kwargs.problems(kind, learning_rate).into_iter().next() {
        let option = option.map_or_else(String::new, |option| format!(".{option}"));
        return Err(TrainError::Arguments(format!(
            "lr_scheduler_kwargs{option}: {message}"
        )));
    }
    Ok(Schedule {
        kind,
        learning_rate,
        warmup_steps: num_warmup_steps,
        total_steps: num_training_steps,
        kwargs: kwargs.clone(),
        following: kind
            .follows_metric()
            .then(|| Following::new(kind, learning_rate, kwargs)),
    })
}

impl Schedule {
    /// The schedule that the arguments name, for a run of so many steps.
    ///
    /// # Errors
    /// As [`get_scheduler`].
    pub fn from_arguments(args: &TrainingArguments, total_steps: u64) -> Result<Self, TrainError> {
        get_scheduler(
            args.lr_scheduler_type,
            args.learning_rate,
            args.warmup_steps.resolve(total_steps),
            total_steps,
            &args.lr_scheduler_kwargs,
        )
    }

    /// The rate of the update that follows `step` earlier ones. For schedules that follow a metric, the
    /// rate after the last [`Self::evaluated`], whatever the step.
    #[must_use]
    pub fn learning_rate(&self, step: u64) -> f64 {
        match &self.following {
            Some(following) => following.learning_rate(),
            None => self.learning_rate * self.factor(step),
        }
    }

    /// Tells a schedule that follows a metric the value of an evaluation: PyTorch's `step(metrics)`. The
    /// others don't need it.
    pub fn evaluated(&mut self, metric: f64) {
        if let Some(following) = &mut self.following {
            following.evaluated(metric);
        }
    }

    /// What a checkpoint keeps of a schedule that follows a metric.
    pub(crate) fn state(&self) -> Option<FollowingState> {
        let following = self.following.as_ref();
        following.map(|following| following.state.clone())
    }

    /// Goes on from what [`Self::state`] gave.
    pub(crate) fn resume(&mut self, state: Option<FollowingState>) {
        if let (Some(following), Some(state)) = (&mut self.following, state) {
            following.state = state;
        }
    }

    fn factor(&self, step: u64) -> f64 {
        let (warmup, total) = (self.warmup_steps, self.total_steps);
        let kwargs = &self.kwargs;
        match self.kind {
            SchedulerType::Constant | SchedulerType::ReduceLrOnPlateau | SchedulerType::Greedy => {
                return 1.0;
            }
            SchedulerType::CosineWarmupWithMinLr => return self.min_lr_one_step_ahead(step),
            SchedulerType::WarmupStableDecay => return self.warmup_stable_decay(step),
            _ if step < warmup => return step as f64 / warmup as f64,
            _ => {}
        }
        let decay_steps = total.saturating_sub(warmup).max(1) as f64;
        let progress = (step - warmup) as f64 / decay_steps;
        match self.kind {
            SchedulerType::Linear => total.saturating_sub(step) as f64 / decay_steps,
            SchedulerType::Cosine => waves(kwargs.num_cycles.unwrap_or(0.5), progress).max(0.0),
            SchedulerType::CosineWithRestarts => {
                if progress >= 1.0 {
                    return 0.0;
                }
                let fall = (kwargs.num_cycles.unwrap_or(1.0) * progress) % 1.0;
                half_cosine(std::f64::consts::PI * fall).max(0.0)
            }
            SchedulerType::CosineWithMinLr => {
                let factor = waves(kwargs.num_cycles.unwrap_or(0.5), progress);
                above(self.min_lr_rate(), factor).max(0.0)
            }
            SchedulerType::Polynomial => {
                let (top, end) = (self.learning_rate, kwargs.lr_end());
                let remaining = if step > total {
                    0.0
                } else {
                    1.0 - (step - warmup) as f64 / decay_steps
                };
                let power = kwargs.power.unwrap_or(1.0);
                ((top - end) * libm::pow(remaining, power) + end) / top
            }
            SchedulerType::InverseSqrt => {
                let timescale = match (kwargs.timescale, warmup) {
                    (Some(timescale), _) => timescale,
                    (None, 0) => 10_000,
                    (None, warmup) => warmup,
                } as f64;
                1.0 / (((step - warmup) as f64 + timescale) / timescale).sqrt()
            }
            _ => 1.0,
        }
    }

    fn min_lr_one_step_ahead(&self, step: u64) -> f64 {
        let (warmup, total) = (self.warmup_steps as f64, self.total_steps as f64);
        let now = step as f64;
        if now < warmup {
            return match self.kwargs.warmup_lr_rate {
                None => (now + 1.0) / warmup.max(1.0),
                Some(rate) => rate + (1.0 - rate) * now / (warmup - 1.0).max(1.0),
            };
        }
        let progress = (now - warmup + 1.0) / (total - warmup).max(1.0);
        let factor = waves(self.kwargs.num_cycles.unwrap_or(0.5), progress);
        above(self.min_lr_rate(), factor).max(0.0)
    }

    fn min_lr_rate(&self) -> f64 {
        match (self.kwargs.min_lr, self.kwargs.min_lr_rate) {
            (Some(min_lr), _) => min_lr / self.learning_rate,
            (None, rate) => rate.unwrap_or(0.0),
        }
    }

    fn warmup_stable_decay(&self, step: u64) -> f64 {
        let kwargs = &self.kwargs;
        let least = kwargs.min_lr_ratio.unwrap_or(0.0);
        // The steps at the top may be fewer than none, where warm-up and fall don't fit the run.
        let [step, warmup, total] = [step, self.warmup_steps, self.total_steps].map(i128::from);
        let decay = i128::from(kwargs.num_decay_steps.unwrap_or(0));
        let stable = kwargs
            .num_stable_steps
            .map_or(total - warmup - decay, i128::from);
        if step < warmup {
            let progress = step as f64 / warmup as f64;
            let factor = match kwargs.warmup_type.unwrap_or(RateCurve::Linear) {
                RateCurve::Linear => progress,
                RateCurve::Cosine => 0.5 * (1.0 - libm::cos(std::f64::consts::PI * progress)),
                RateCurve::OneMinusSqrt => 1.0 - (1.0 - progress).sqrt(),
            };
            return above(least, factor).max(0.0);
        }
        if step < warmup + stable {
            return 1.0;
        }
        if step >= warmup + stable + decay {
            return least;
        }
        let progress = (step - warmup - stable) as f64 / decay as f64;
        let factor = match kwargs.decay_type.unwrap_or(RateCurve::Cosine) {
            RateCurve::Linear => 1.0 - progress,
            RateCurve::Cosine => waves(kwargs.num_cycles.unwrap_or(0.5), progress),
            RateCurve::OneMinusSqrt => 1.0 - progress.sqrt(),
        };
        above(least, factor).max(0.0)
    }
}

/// So many waves of a cosine between 1 and 0, from 1 on.
fn waves(num_cycles: f64, progress: f64) -> f64 {
    half_cosine(std::f64::consts::PI * num_cycles * 2.0 * progress)
}

fn half_cosine(angle: f64) -> f64 {
    0.5 * (1.0 + libm::cos(angle))
}

/// A factor of 0 to 1 between `least` and 1.
fn above(least: f64, factor: f64) -> f64 {
    factor * (1.0 - least) + least
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    // The rates themselves are compared with transformers' in tests/schedules.rs.

    #[test]
    fn a_share_of_warmup_is_of_the_whole_run() {
        let args = TrainingArguments {
            warmup_steps: tunesmith_protocol::Steps(0.1),
            ..TrainingArguments::default()
        };
        let schedule = Schedule::from_arguments(&args, 1377).unwrap();
        assert_eq!(schedule.warmup_steps, 138);
    }

    #[test]
    fn options_that_do_not_fit_are_refused() {
        let kwargs = SchedulerKwargs {
            power: Some(2.0),
            ..SchedulerKwargs::default()
        };
        let refused = |kind| {
            let schedule = get_scheduler(kind, 5e-5, 0, 10, &kwargs);
            schedule.unwrap_err().to_string()
        };
        assert!(
            refused(SchedulerType::Linear).contains("power is of the schedule polynomial"),
            "{}",
            refused(SchedulerType::Linear)
        );
        let none = SchedulerKwargs::default();
        let missing = get_scheduler(SchedulerType::WarmupStableDecay, 5e-5, 0, 10, &none);
        let message = missing.unwrap_err().to_string();
        assert!(
            message.contains("lr_scheduler_kwargs.num_decay_steps: missing"),
            "{message}"
        );
    }

    #[test]
    fn a_metric_matters_only_to_schedules_that_follow_one() {
        let kwargs = SchedulerKwargs::default();
        let mut linear = get_scheduler(SchedulerType::Linear, 1e-3, 0, 10, &kwargs).unwrap();
        let before = linear.clone();
        linear.evaluated(f64::NAN);
        assert_eq!(linear, before);
    }
}
