//! How fast a run is, and how long it still takes. Only the work itself is timed, so that a pause
//! does not count.

use web_time::Duration;

/// Weight of the newest step in the running mean.
const NEWEST: f64 = 0.1;

/// A running mean of the seconds and the rows of a step.
#[derive(Debug, Default)]
pub(crate) struct Speed {
    steps: u64,
    seconds: f64,
    rows: f64,
}

impl Speed {
    pub(crate) fn add(&mut self, time: Duration, rows: usize) {
        let (seconds, rows) = (time.as_secs_f64(), rows as f64);
        // The first step compiles kernels and reads weights into caches: it says little of the rest.
        let newest = if self.steps < 2 { 1.0 } else { NEWEST };
        self.seconds += newest * (seconds - self.seconds);
        self.rows += newest * (rows - self.rows);
        self.steps += 1;
    }

    /// Rows a second; 0 until it is known.
    pub(crate) fn samples_per_second(&self) -> f64 {
        if self.steps < 2 || self.seconds <= 0.0 {
            0.0
        } else {
            self.rows / self.seconds
        }
    }

    /// Seconds that so many steps take; `None` until it is known.
    pub(crate) fn remaining(&self, steps: u64) -> Option<f64> {
        (self.steps >= 2).then_some(steps as f64 * self.seconds)
    }
}

/// transformers' `speed_metrics`: seconds to four digits, rates to three.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Throughput {
    pub(crate) runtime: f64,
    pub(crate) samples_per_second: f64,
    pub(crate) steps_per_second: f64,
}

impl Throughput {
    pub(crate) fn of(time: Duration, samples: f64, steps: f64) -> Self {
        let seconds = time.as_secs_f64();
        let rate = |count: f64| {
            if seconds > 0.0 {
                (count / seconds * 1e3).round() / 1e3
            } else {
                0.0
            }
        };
        Self {
            runtime: (seconds * 1e4).round() / 1e4,
            samples_per_second: rate(samples),
            steps_per_second: rate(steps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_does_not_count() {
        let mut speed = Speed::default();
        speed.add(Duration::from_secs(60), 8);
        assert_eq!(
            (speed.samples_per_second(), speed.remaining(10)),
            (0.0, None)
        );
        speed.add(Duration::from_secs(2), 8);
        assert_eq!(
            (speed.samples_per_second(), speed.remaining(10)),
            (4.0, Some(20.0))
        );
        speed.add(Duration::from_secs(4), 8);
        assert!((speed.samples_per_second() - 8.0 / 2.2).abs() < 1e-12);
    }

    #[test]
    fn rates_are_rounded_as_transformers_does() {
        let throughput = Throughput::of(Duration::from_millis(3333), 408.0, 51.0);
        assert_eq!(throughput.runtime, 3.333);
        assert_eq!(throughput.samples_per_second, 122.412);
        assert_eq!(throughput.steps_per_second, 15.302);
    }
}
