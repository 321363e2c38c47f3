//! Learning rate schedules, each as transformers' `get_scheduler` has it: a pure function of the step.

use tunesmith_protocol::{SchedulerKwargs, SchedulerType, TrainingArguments};

/// A learning rate for every step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The shape after warm-up.
    pub kind: SchedulerType,
    /// The rate at the top.
    pub learning_rate: f64,
    /// Steps over which the rate rises from 0 in a straight line.
    pub warmup_steps: u64,
    /// Steps of the whole run, warm-up included.
    pub total_steps: u64,
    /// What single shapes need besides.
    pub kwargs: SchedulerKwargs,
}

/// transformers' name for [`Schedule::new`].
#[must_use]
pub fn get_scheduler(
    kind: SchedulerType,
    learning_rate: f64,
    num_warmup_steps: u64,
    num_training_steps: u64,
) -> Schedule {
    Schedule::new(kind, learning_rate, num_warmup_steps, num_training_steps)
}

impl Schedule {
    /// A schedule with transformers' defaults for the shapes that have a choice.
    #[must_use]
    pub fn new(
        kind: SchedulerType,
        learning_rate: f64,
        warmup_steps: u64,
        total_steps: u64,
    ) -> Self {
        let kwargs = SchedulerKwargs::default();
        Self {
            kind,
            learning_rate,
            warmup_steps,
            total_steps,
            kwargs,
        }
    }

    /// The schedule that the arguments name, for a run of so many steps.
    #[must_use]
    pub fn from_arguments(args: &TrainingArguments, total_steps: u64) -> Self {
        Self {
            kind: args.lr_scheduler_type,
            learning_rate: args.learning_rate,
            warmup_steps: args.warmup_steps.resolve(total_steps),
            total_steps,
            kwargs: args.lr_scheduler_kwargs.clone(),
        }
    }

    /// The rate of the update that follows `step` earlier ones.
    #[must_use]
    pub fn learning_rate(&self, step: u64) -> f64 {
        self.learning_rate * self.factor(step)
    }

    fn factor(&self, step: u64) -> f64 {
        if self.kind == SchedulerType::Constant {
            return 1.0;
        }
        let (warmup, total) = (self.warmup_steps, self.total_steps);
        if step < warmup {
            return step as f64 / warmup as f64;
        }
        let decay_steps = total.saturating_sub(warmup).max(1) as f64;
        match self.kind {
            SchedulerType::Constant | SchedulerType::ConstantWithWarmup => 1.0,
            SchedulerType::Linear => total.saturating_sub(step) as f64 / decay_steps,
            SchedulerType::Cosine => {
                let progress = (step - warmup) as f64 / decay_steps;
                let angle = std::f64::consts::PI * self.kwargs.num_cycles * 2.0 * progress;
                (0.5 * (1.0 + libm::cos(angle))).max(0.0)
            }
            SchedulerType::Polynomial => {
                let (top, end) = (self.learning_rate, self.kwargs.lr_end);
                let remaining = if step > total {
                    0.0
                } else {
                    1.0 - (step - warmup) as f64 / decay_steps
                };
                ((top - end) * libm::pow(remaining, self.kwargs.power) + end) / top
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cosine of another mathematics library may differ in its last bit.
    const TOLERANCE: f64 = 1e-19;

    #[track_caller]
    fn gives(schedule: &Schedule, wanted: &[f64]) {
        for (step, wanted) in wanted.iter().enumerate() {
            let rate = schedule.learning_rate(step as u64);
            assert!(
                (rate - wanted).abs() < TOLERANCE,
                "{schedule:?} at {step}: {rate}, {wanted}"
            );
        }
    }

    // Every list is what transformers 5.23's get_scheduler gave under torch 2.15.
    #[test]
    fn linear() {
        let schedule = Schedule::new(SchedulerType::Linear, 5e-5, 0, 5);
        gives(&schedule, &[5e-5, 4e-5, 3e-5, 2e-5, 1e-5, 0.0, 0.0]);
        let schedule = Schedule::new(SchedulerType::Linear, 1e-3, 3, 8);
        gives(
            &schedule,
            &[
                0.0,
                0.000_333_333_333_333_333_3,
                0.000_666_666_666_666_666_6,
                1e-3,
                8e-4,
                6e-4,
            ],
        );
    }

    #[test]
    fn cosine() {
        let schedule = Schedule::new(SchedulerType::Cosine, 3e-5, 2, 7);
        gives(
            &schedule,
            &[
                0.0,
                1.5e-5,
                3e-5,
                2.713_525_491_562_421_3e-5,
                1.963_525_491_562_421e-5,
                1.036_474_508_437_579e-5,
                2.864_745_084_375_79e-6,
                0.0,
            ],
        );
        let mut waves = Schedule::new(SchedulerType::Cosine, 1e-4, 0, 6);
        waves.kwargs.num_cycles = 1.5;
        gives(
            &waves,
            &[
                1e-4,
                5e-5,
                0.0,
                4.999_999_999_999_999e-5,
                1e-4,
                5.000_000_000_000_001_6e-5,
                0.0,
            ],
        );
    }

    #[test]
    fn constant_with_and_without_warmup() {
        gives(
            &Schedule::new(SchedulerType::Constant, 2e-5, 4, 5),
            &[2e-5; 6],
        );
        gives(
            &Schedule::new(SchedulerType::ConstantWithWarmup, 2e-5, 4, 6),
            &[
                0.0,
                5e-6,
                1e-5,
                1.500_000_000_000_000_2e-5,
                2e-5,
                2e-5,
                2e-5,
            ],
        );
    }

    #[test]
    fn polynomial() {
        let schedule = Schedule::new(SchedulerType::Polynomial, 5e-5, 2, 7);
        gives(
            &schedule,
            &[
                0.0,
                2.5e-5,
                5e-5,
                4.002_000_000_000_000_6e-5,
                3.003_999_999_999_999_7e-5,
                2.006e-5,
                1.007_999_999_999_999_8e-5,
                9.999_999_999_999_998e-8,
                1e-7,
            ],
        );
        let mut square = Schedule::new(SchedulerType::Polynomial, 1e-3, 1, 6);
        square.kwargs.power = 2.0;
        square.kwargs.lr_end = 1e-5;
        gives(
            &square,
            &[
                0.0,
                1e-3,
                6.436_000_000_000_001e-4,
                3.664e-4,
                1.684e-4,
                4.96e-5,
                1e-5,
            ],
        );
    }

    #[test]
    fn a_share_of_warmup_is_of_the_whole_run() {
        let args = TrainingArguments {
            warmup_steps: tunesmith_protocol::Steps(0.1),
            ..TrainingArguments::default()
        };
        assert_eq!(Schedule::from_arguments(&args, 1377).warmup_steps, 138);
    }
}
