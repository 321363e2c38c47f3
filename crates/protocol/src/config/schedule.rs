//! The options of single schedules, `lr_scheduler_kwargs`: which schedule has which, and what each may
//! be.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MetricMode, RateCurve, SchedulerType, ThresholdMode};

/// transformers' `lr_scheduler_kwargs`. Each has a meaning for some schedules only, and is refused with
/// another. What is left out has transformers' default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct SchedulerKwargs {
    /// `cosine`, `cosine_with_min_lr`, `cosine_warmup_with_min_lr`, `warmup_stable_decay`: waves over
    /// the fall, 0.5 by default, which falls once from the top to the end. `cosine_with_restarts`: how many
    /// times it falls, 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_cycles: Option<f64>,
    /// `polynomial`: the power, 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// `polynomial`: the learning rate at the end, 1e-7 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_end: Option<f64>,
    /// `inverse_sqrt`: steps until the rate has fallen to 0.7, by default those of the warm-up, or 10,000
    /// where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timescale: Option<u64>,
    /// `cosine_with_min_lr`, `cosine_warmup_with_min_lr`: the rate at the end. `reduce_lr_on_plateau`,
    /// `greedy`: the lowest rate, by default 0 and 0.001.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f64>,
    /// `cosine_with_min_lr`, `cosine_warmup_with_min_lr`: the rate at the end as a share of the top, in
    /// place of `min_lr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr_rate: Option<f64>,
    /// `cosine_warmup_with_min_lr`: the rate at the start as a share of the top, by default 1 divided by
    /// the steps of the warm-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_lr_rate: Option<f64>,
    /// `warmup_stable_decay`: steps of the fall. Has no default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_decay_steps: Option<u64>,
    /// `warmup_stable_decay`: steps at the top, by default those that warm-up and fall leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_stable_steps: Option<u64>,
    /// `warmup_stable_decay`: the curve of the rise, `linear` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_type: Option<RateCurve>,
    /// `warmup_stable_decay`: the curve of the fall, `cosine` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_type: Option<RateCurve>,
    /// `warmup_stable_decay`: the rate at both ends as a share of the top, 0 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr_ratio: Option<f64>,
    /// `reduce_lr_on_plateau`, `greedy`: whether the metric should fall (`min`, the default) or rise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<MetricMode>,
    /// `reduce_lr_on_plateau`, `greedy`: what the rate is multiplied by to lower it, by default 0.1 and
    /// 0.95; `greedy` divides by it to raise it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// `reduce_lr_on_plateau`, `greedy`: how many evaluations in succession pass before the rate changes, 10
    /// by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// `reduce_lr_on_plateau`, `greedy`: the least improvement that counts, by default 1e-4 and 1e-6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// `reduce_lr_on_plateau`, `greedy`: what `threshold` is measured by, by default `rel` and `abs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_mode: Option<ThresholdMode>,
    /// `reduce_lr_on_plateau`, `greedy`: evaluations that count for nothing after a fall, 0 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<u64>,
    /// `greedy`: evaluations that count for nothing after a rise, 0 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<u64>,
    /// `greedy`: the highest rate, 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lr: Option<f64>,
    /// `reduce_lr_on_plateau`, `greedy`: a smaller change of the rate is not made, 1e-8 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
    /// `greedy`: whether the mean of the last values is followed, not the last value. Off by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smooth: Option<bool>,
    /// `greedy`: how many values that mean is of, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_size: Option<u64>,
    /// `greedy`: how many falls at the lowest rate lead back to the first rate, 500 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_start: Option<u64>,
}

const COSINE: [&str; 1] = ["num_cycles"];

impl SchedulerType {
    /// The names of the options that this schedule has.
    #[must_use]
    pub const fn kwargs(self) -> &'static [&'static str] {
        match self {
            Self::Linear | Self::Constant | Self::ConstantWithWarmup => &[],
            Self::Cosine | Self::CosineWithRestarts => &COSINE,
            Self::Polynomial => &["power", "lr_end"],
            Self::InverseSqrt => &["timescale"],
            Self::ReduceLrOnPlateau => &[
                "mode",
                "factor",
                "patience",
                "threshold",
                "threshold_mode",
                "cooldown",
                "min_lr",
                "eps",
            ],
            Self::CosineWithMinLr => &["num_cycles", "min_lr", "min_lr_rate"],
            Self::CosineWarmupWithMinLr => {
                &["num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"]
            }
            Self::WarmupStableDecay => &[
                "num_decay_steps",
                "num_stable_steps",
                "warmup_type",
                "decay_type",
                "min_lr_ratio",
                "num_cycles",
            ],
            Self::Greedy => &[
                "mode",
                "factor",
                "patience",
                "threshold",
                "threshold_mode",
                "cooldown",
                "warmup",
                "min_lr",
                "max_lr",
                "eps",
                "smooth",
                "window_size",
                "reset_start",
            ],
        }
    }

    /// Whether the rate follows a metric of the evaluations (`metric_for_best_model`).
    #[must_use]
    pub const fn follows_metric(self) -> bool {
        matches!(self, Self::ReduceLrOnPlateau | Self::Greedy)
    }

    /// The schedules that have an option of this name.
    fn with_option(name: &str) -> Vec<&'static str> {
        let words = Self::WORDS.iter().filter(|word| {
            let schedule: Result<Self, _> = word.parse();
            schedule.is_ok_and(|schedule| schedule.kwargs().contains(&name))
        });
        words.copied().collect()
    }
}

impl SchedulerKwargs {
    /// The options that are given, by their names.
    fn given(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(given)) => given,
            _ => Map::new(),
        }
    }

    /// What is wrong with these options for a schedule with this peak rate: the option's name, or `None`
    /// where it is about several, and what to do.
    #[must_use]
    pub fn problems(
        &self,
        schedule: SchedulerType,
        learning_rate: f64,
    ) -> Vec<(Option<String>, String)> {
        let mut problems = Vec::new();
        for (name, value) in self.given() {
            if !schedule.kwargs().contains(&name.as_str()) {
                let owners = SchedulerType::with_option(&name);
                let (schedules, them) = match owners.as_slice() {
                    [owner] => ("schedule", (*owner).to_owned()),
                    _ => ("schedules", "one of them".to_owned()),
                };
                problems.push((
                    None,
                    format!(
                        "{name} is of the {schedules} {}, and lr_scheduler_type is {schedule}: leave it \
                         out, or set lr_scheduler_type to {them}",
                        owners.join(", ")
                    ),
                ));
                continue;
            }
            let Some(number) = value.as_f64() else {
                continue;
            };
            if !number.is_finite() || number < 0.0 {
                let message = format!("{number} is not a number of 0 or more");
                problems.push((Some(name), message));
            } else if !(number as f32).is_finite() {
                // The device computes with 32 bits, where a larger one is infinite.
                let message = format!("{number:e} is too large: give at most {:e}", f32::MAX);
                problems.push((Some(name), message));
            }
        }
        // JSON has no such numbers, so they aren't among those given.
        for (name, number) in self.numbers() {
            if number.is_some_and(|number| !number.is_finite()) {
                problems.push((
                    Some(name.to_owned()),
                    "not a number of 0 or more".to_owned(),
                ));
            }
        }
        let mut need = |holds: bool, name: Option<&str>, message: &str| {
            if !holds {
                problems.push((name.map(str::to_owned), message.to_owned()));
            }
        };
        match schedule {
            SchedulerType::Polynomial => need(
                self.lr_end() < learning_rate,
                Some("lr_end"),
                "not below learning_rate: the rate falls from there to lr_end",
            ),
            SchedulerType::CosineWithMinLr | SchedulerType::CosineWarmupWithMinLr => need(
                self.min_lr.is_some() != self.min_lr_rate.is_some(),
                None,
                "this schedule needs one of min_lr (the rate at the end) and min_lr_rate (the same as a \
                 share of learning_rate), and not both",
            ),
            SchedulerType::WarmupStableDecay => need(
                self.num_decay_steps.is_some(),
                Some("num_decay_steps"),
                "missing: warmup_stable_decay needs the number of steps at the end in which the rate falls",
            ),
            SchedulerType::ReduceLrOnPlateau | SchedulerType::Greedy => need(
                self.factor
                    .is_none_or(|factor| factor > 0.0 && factor < 1.0),
                Some("factor"),
                "not between 0 and 1: the rate is multiplied by it to lower it",
            ),
            _ => {}
        }
        for (name, count) in [
            ("timescale", self.timescale),
            ("window_size", self.window_size),
            ("reset_start", self.reset_start),
        ] {
            need(count != Some(0), Some(name), "0 is too few: give 1 or more");
        }
        problems
    }

    fn numbers(&self) -> [(&'static str, Option<f64>); 11] {
        [
            ("num_cycles", self.num_cycles),
            ("power", self.power),
            ("lr_end", self.lr_end),
            ("min_lr", self.min_lr),
            ("min_lr_rate", self.min_lr_rate),
            ("warmup_lr_rate", self.warmup_lr_rate),
            ("min_lr_ratio", self.min_lr_ratio),
            ("factor", self.factor),
            ("threshold", self.threshold),
            ("eps", self.eps),
            ("max_lr", self.max_lr),
        ]
    }

    /// `polynomial`: the rate at the end.
    #[must_use]
    pub fn lr_end(&self) -> f64 {
        self.lr_end.unwrap_or(1e-7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_of_a_schedule_and_every_schedules_option_is_there() {
        let all: SchedulerKwargs = serde_json::from_value(serde_json::json!({
            "num_cycles": 1, "power": 1, "lr_end": 1, "timescale": 1, "min_lr": 1, "min_lr_rate": 1,
            "warmup_lr_rate": 1, "num_decay_steps": 1, "num_stable_steps": 1, "warmup_type": "linear",
            "decay_type": "linear", "min_lr_ratio": 1, "mode": "min", "factor": 1, "patience": 1,
            "threshold": 1, "threshold_mode": "rel", "cooldown": 1, "warmup": 1, "max_lr": 1, "eps": 1,
            "smooth": true, "window_size": 1, "reset_start": 1
        }))
        .unwrap_or_default();
        let given = all.given();
        assert_eq!(given.len(), 24);
        let mut owned: Vec<&str> = SchedulerType::WORDS
            .iter()
            .filter_map(|word| word.parse::<SchedulerType>().ok())
            .flat_map(|schedule| schedule.kwargs().iter().copied())
            .collect();
        owned.sort_unstable();
        owned.dedup();
        let mut names: Vec<&str> = given.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, owned);
    }
}
