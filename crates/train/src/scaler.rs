//! The loss scale of half precision: what the loss's gradient is multiplied by, so that the gradients of activations are
//! numbers that halves have, and how it follows them (Micikevicius et al., "Mixed precision training", arXiv 1710.03740).

use serde::{Deserialize, Serialize};

/// `torch.amp.GradScaler` with its defaults: 65,536 at first, twice as much after 2,000 steps with finite gradients, half
/// as much after one without, which is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GradScaler {
    scale: f32,
    /// Steps with finite gradients since it changed.
    growth_tracker: u32,
    /// Steps skipped so far.
    skipped_steps: u64,
}

impl Default for GradScaler {
    fn default() -> Self {
        Self {
            scale: 65_536.0,
            growth_tracker: 0,
            skipped_steps: 0,
        }
    }
}

impl GradScaler {
    const GROWTH_INTERVAL: u32 = 2_000;
    const GROWTH_FACTOR: f32 = 2.0;
    const BACKOFF_FACTOR: f32 = 0.5;

    /// What the loss's gradient is to be multiplied by.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Steps skipped so far.
    #[must_use]
    pub fn skipped_steps(&self) -> u64 {
        self.skipped_steps
    }

    /// After a step: whether its gradients were finite, and it was taken.
    pub fn update(&mut self, finite: bool) {
        if !finite {
            self.scale *= Self::BACKOFF_FACTOR;
            self.growth_tracker = 0;
            self.skipped_steps += 1;
            return;
        }
        self.growth_tracker += 1;
        if self.growth_tracker >= Self::GROWTH_INTERVAL {
            let grown = self.scale * Self::GROWTH_FACTOR;
            if grown.is_finite() {
                self.scale = grown;
            }
            self.growth_tracker = 0;
        }
    }

    /// Whether a scale this small is of use: below 1 it makes of small gradients smaller ones.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.scale < 1.0
    }

    /// Whether a file may have it of a run with so many steps.
    pub(crate) fn is_of(&self, global_step: u64) -> bool {
        self.scale.is_finite() && self.scale >= 1.0 && self.skipped_steps <= global_step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_after_2000_steps_and_halves_after_one_that_overflows() {
        let mut scaler = GradScaler::default();
        assert_eq!(scaler.scale(), 65_536.0);
        (0..1_999).for_each(|_| scaler.update(true));
        assert_eq!(scaler.scale(), 65_536.0);
        scaler.update(true);
        assert_eq!(scaler.scale(), 131_072.0);
        (0..1_999).for_each(|_| scaler.update(true));
        scaler.update(false);
        assert_eq!((scaler.scale(), scaler.skipped_steps()), (65_536.0, 1));
        // It begins to count anew.
        (0..1_999).for_each(|_| scaler.update(true));
        assert_eq!(scaler.scale(), 65_536.0);
        scaler.update(true);
        assert_eq!(scaler.scale(), 131_072.0);
    }

    #[test]
    fn it_ends_where_it_is_of_no_use() {
        let mut scaler = GradScaler::default();
        (0..16).for_each(|_| scaler.update(false));
        assert!(!scaler.is_exhausted() && scaler.is_of(16) && !scaler.is_of(15));
        scaler.update(false);
        assert!(scaler.is_exhausted() && !scaler.is_of(17));
        // What can't grow stays.
        let mut scaler = GradScaler {
            scale: f32::MAX,
            ..GradScaler::default()
        };
        (0..2_000).for_each(|_| scaler.update(true));
        assert_eq!(scaler.scale(), f32::MAX);
    }
}
