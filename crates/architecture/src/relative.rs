//! Which row of a table a distance between two tokens has, in f32 as transformers computes it.

use crate::spec::{Disentangled, RelativeBias};

impl RelativeBias {
    /// The bucket of a query at `i` and a key at `j`, of `offset = i - j`: half of 32 buckets each way,
    /// half of those one a distance, the rest on a logarithmic scale (`MPNetEncoder.relative_position_bucket`).
    pub fn bucket(&self, offset: i64) -> u32 {
        const EACH_WAY: u32 = 16;
        const EXACT: u32 = EACH_WAY / 2;
        let side = if offset < 0 { EACH_WAY } else { 0 };
        let distance = u32::try_from(offset.unsigned_abs()).unwrap_or(u32::MAX);
        if distance < EXACT {
            return side + distance;
        }
        let octaves = (self.max_distance as f64 / f64::from(EXACT)).ln() as f32;
        let far = libm::logf(distance as f32 / EXACT as f32) / octaves * (EACH_WAY - EXACT) as f32;
        side + (EXACT + far as u32).min(EACH_WAY - 1)
    }
}

impl Disentangled {
    /// The row of the table for `offset = i - j` of a query at `i` and a key at `j`
    /// (`make_log_bucket_position`); it rises with the offset.
    pub fn row(&self, offset: i64) -> u32 {
        let span = self.span as i64;
        let place = if self.logarithmic {
            self.logarithmic_place(offset)
        } else {
            offset
        };
        (place + span).clamp(0, 2 * span - 1) as u32
    }

    fn logarithmic_place(&self, offset: i64) -> i64 {
        let middle = (self.span / 2) as i64;
        let distance = offset.abs();
        if distance <= middle || middle == 0 {
            return offset;
        }
        let scale = libm::logf((self.max_distance as f32 - 1.0) / middle as f32);
        let steps = libm::logf(distance as f32 / middle as f32) / scale * (middle - 1) as f32;
        (libm::ceilf(steps) as i64 + middle) * offset.signum()
    }
}
