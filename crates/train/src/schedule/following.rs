//! The two schedules whose rate follows a metric of the evaluations: PyTorch's `ReduceLROnPlateau` and
//! transformers' `GreedyLR` (arXiv 2512.14527).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tunesmith_protocol::{MetricMode, SchedulerKwargs, SchedulerType, ThresholdMode};

/// A rate that evaluations change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Following {
    options: Options,
    pub(crate) state: FollowingState,
}

#[derive(Debug, Clone, PartialEq)]
struct Options {
    is_greedy: bool,
    first_rate: f64,
    mode: MetricMode,
    factor: f64,
    patience: u64,
    threshold: f64,
    threshold_mode: ThresholdMode,
    cooldown: u64,
    warmup: u64,
    min_lr: f64,
    max_lr: f64,
    eps: f64,
    smooth: bool,
    window_size: u64,
    reset_start: u64,
}

/// What it remembers of the evaluations: a checkpoint keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FollowingState {
    learning_rate: f64,
    /// None before the first evaluation: JSON has no infinity.
    best: Option<f64>,
    num_bad: u64,
    num_good: u64,
    cooldown: u64,
    warmup: u64,
    /// Falls at the lowest rate until the first rate returns.
    reset_start: u64,
    /// The last values and their sum, where their mean is followed.
    window: VecDeque<f64>,
    sum: f64,
}

impl Following {
    pub(crate) fn new(kind: SchedulerType, learning_rate: f64, kwargs: &SchedulerKwargs) -> Self {
        let is_greedy = kind == SchedulerType::Greedy;
        let either = |plateau: f64, greedy: f64| if is_greedy { greedy } else { plateau };
        let options = Options {
            is_greedy,
            first_rate: learning_rate,
            mode: kwargs.mode.unwrap_or_default(),
            factor: kwargs.factor.unwrap_or(either(0.1, 0.95)),
            patience: kwargs.patience.unwrap_or(10),
            threshold: kwargs.threshold.unwrap_or(either(1e-4, 1e-6)),
            threshold_mode: kwargs.threshold_mode.unwrap_or(if is_greedy {
                ThresholdMode::Abs
            } else {
                ThresholdMode::Rel
            }),
            cooldown: kwargs.cooldown.unwrap_or(0),
            warmup: kwargs.warmup.unwrap_or(0),
            min_lr: kwargs.min_lr.unwrap_or(either(0.0, 1e-3)),
            max_lr: kwargs.max_lr.unwrap_or(1.0),
            eps: kwargs.eps.unwrap_or(1e-8),
            smooth: kwargs.smooth.unwrap_or(false),
            window_size: kwargs.window_size.unwrap_or(50),
            reset_start: kwargs.reset_start.unwrap_or(500),
        };
        let state = FollowingState::new(learning_rate, &options);
        Self { options, state }
    }

    pub(crate) fn learning_rate(&self) -> f64 {
        self.state.learning_rate
    }

    pub(crate) fn evaluated(&mut self, metric: f64) {
        if self.options.is_greedy {
            self.greedy(metric);
        } else {
            self.plateau(metric);
        }
    }

    fn is_better(&self, value: f64) -> bool {
        let Options {
            threshold,
            threshold_mode,
            mode,
            ..
        } = self.options;
        let Some(best) = self.state.best else {
            return value.is_finite();
        };
        match (mode, threshold_mode) {
            (MetricMode::Min, ThresholdMode::Rel) => value < best * (1.0 - threshold),
            (MetricMode::Min, ThresholdMode::Abs) => value < best - threshold,
            (MetricMode::Max, ThresholdMode::Rel) => value > best * (threshold + 1.0),
            (MetricMode::Max, ThresholdMode::Abs) => value > best + threshold,
        }
    }

    fn plateau(&mut self, metric: f64) {
        let better = self.is_better(metric);
        let state = &mut self.state;
        if better {
            state.best = Some(metric);
            state.num_bad = 0;
        } else {
            state.num_bad = state.num_bad.saturating_add(1);
        }
        if state.cooldown > 0 {
            state.cooldown -= 1;
            state.num_bad = 0;
        }
        if state.num_bad > self.options.patience {
            state.cooldown = self.options.cooldown;
            state.num_bad = 0;
            self.reduce();
        }
    }

    fn greedy(&mut self, metric: f64) {
        let value = self.smoothed(metric);
        let better = self.is_better(value);
        let state = &mut self.state;
        if state.cooldown > 0 || state.warmup > 0 {
            // The one that is waited for first.
            if state.cooldown > 0 {
                state.cooldown -= 1;
            } else {
                state.warmup -= 1;
            }
            (state.num_bad, state.num_good) = (0, 0);
            return;
        }
        if better {
            state.best = Some(value);
            state.num_bad = 0;
            state.num_good = state.num_good.saturating_add(1);
        } else {
            state.num_bad = state.num_bad.saturating_add(1);
            state.num_good = 0;
        }
        if state.num_good > self.options.patience {
            self.increase();
            self.state.warmup = self.options.warmup;
            self.state.num_good = 0;
        } else if state.num_bad > self.options.patience {
            self.reduce();
            if self.state.learning_rate <= self.options.min_lr {
                self.state.reset_start = self.state.reset_start.saturating_sub(1);
                if self.state.reset_start == 0 {
                    self.state = FollowingState::new(self.options.first_rate, &self.options);
                }
            }
            self.state.cooldown = self.options.cooldown;
            self.state.num_bad = 0;
        }
    }

    /// The mean of the last values, where it is followed. What is no number stays out of it.
    fn smoothed(&mut self, value: f64) -> f64 {
        if !self.options.smooth || !value.is_finite() {
            return value;
        }
        let state = &mut self.state;
        state.window.push_back(value);
        state.sum += value;
        if state.window.len() as u64 > self.options.window_size
            && let Some(first) = state.window.pop_front()
        {
            state.sum -= first;
        }
        state.sum / state.window.len() as f64
    }

    fn reduce(&mut self) {
        let old = self.state.learning_rate;
        let new = (old * self.options.factor).max(self.options.min_lr);
        if old - new > self.options.eps {
            self.state.learning_rate = new;
        }
    }

    fn increase(&mut self) {
        let old = self.state.learning_rate;
        let new = (old / self.options.factor).min(self.options.max_lr);
        if new - old > self.options.eps {
            self.state.learning_rate = new;
        }
        self.state.reset_start = self.options.reset_start;
    }
}

impl FollowingState {
    fn new(learning_rate: f64, options: &Options) -> Self {
        Self {
            learning_rate,
            reset_start: options.reset_start,
            ..Self::default()
        }
    }
}
