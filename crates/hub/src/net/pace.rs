//! A server that sends, but hardly anything, is given up like one that is silent.

use std::time::Duration;

use crate::config::HubConfig;

/// Counts what arrives against the time spent waiting for it.
pub(crate) struct Pace {
    /// After so much waiting it is judged.
    window: Duration,
    /// The fewest bytes in a window.
    least: u64,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    pub fn new(config: &HubConfig) -> Self {
        Self {
            window: config.read_timeout,
            least: config.least_bytes(),
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Takes down that `bytes` were waited for that long.
    ///
    /// # Errors
    /// The server is too slow; says how slow.
    pub fn count(&mut self, waited: Duration, bytes: usize) -> Result<(), String> {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.waited < self.window {
            return Ok(());
        }
        if self.bytes < self.least {
            return Err(format!(
                "the server is too slow: {} bytes in {:.0} seconds",
                self.bytes,
                self.waited.as_secs_f64()
            ));
        }
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_trickle_is_noticed_after_a_window_and_a_slow_line_is_not_one() {
        let second = Duration::from_secs(1);
        let mut trickle = Pace::new(&HubConfig::new("cache"));
        for _ in 0..14 {
            trickle.count(2 * second, 1).unwrap();
        }
        assert_eq!(
            trickle.count(2 * second, 1).unwrap_err(),
            "the server is too slow: 15 bytes in 30 seconds"
        );

        let mut slow = Pace::new(&HubConfig::new("cache"));
        for _ in 0..1000 {
            slow.count(second, 2000).unwrap();
        }
        // What was fast at first isn't excused for long.
        for _ in 0..50 {
            slow.count(second, 1).unwrap_or_default();
        }
        assert!((0..30).any(|_| slow.count(second, 1).is_err()));
    }
}
