//! Counter-based random numbers, so that a row depends only on the seed and its own stream.
//!
//! The output function is SplitMix64's finaliser (Steele, Lea and Flood, 2014). `usize` is never
//! drawn, so that every target writes the same bytes.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The count of values that 53 bits have, all of which an `f64` holds exactly.
const TWO_TO_53: f64 = (1u64 << 53) as f64;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of numbers named by a seed, a purpose and an index.
#[derive(Debug, Clone)]
pub struct Rng {
    key: u64,
    counter: u64,
}

impl Rng {
    /// Opens the stream `(seed, purpose, index)`; equal arguments give equal streams.
    #[must_use]
    pub fn new(seed: u64, purpose: &str, index: u64) -> Self {
        let key = purpose.bytes().fold(mix(seed ^ GOLDEN), |key, byte| {
            mix(key ^ u64::from(byte).wrapping_add(GOLDEN))
        });
        Self {
            key: mix(key ^ index.wrapping_mul(GOLDEN)),
            counter: 0,
        }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(GOLDEN);
        mix(self.key ^ self.counter)
    }

    /// A number in `0..n`; 0 where `n` is 0. The bias is below `n / 2^32`.
    pub fn below(&mut self, n: u32) -> u32 {
        let high = self.next_u64() >> 32;
        u32::try_from((high * u64::from(n)) >> 32).unwrap_or(0)
    }

    /// True in `percent` of 100 draws.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// A number of the standard normal distribution, by the method of Box and Muller (1958).
    ///
    /// The functions are libm's, as those of a platform differ in the last bit.
    pub fn normal(&mut self) -> f64 {
        // In (0, 1], so that the logarithm is finite.
        let radius = ((self.next_u64() >> 11) + 1) as f64 / TWO_TO_53;
        let angle = (self.next_u64() >> 11) as f64 / TWO_TO_53;
        libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(std::f64::consts::TAU * angle)
    }

    /// One item, or nothing from an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let n = u32::try_from(items.len()).ok()?;
        items.get(self.below(n) as usize)
    }

    /// Fisher-Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let bound = u32::try_from(i + 1).unwrap_or(u32::MAX);
            items.swap(i, self.below(bound) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::Rng;

    #[test]
    fn streams_repeat_and_differ() {
        let take = |purpose: &str, index| Rng::new(7, purpose, index).next_u64();
        assert_eq!(take("train", 3), take("train", 3));
        assert_ne!(take("train", 3), take("train", 4));
        assert_ne!(take("train", 3), take("test", 3));
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut rng = Rng::new(1, "range", 0);
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            seen[rng.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }

    #[test]
    fn normal_numbers_have_the_moments_and_tails_of_their_distribution() {
        let mut rng = Rng::new(1, "normal", 0);
        let drawn: Vec<f64> = (0..100_000).map(|_| rng.normal()).collect();
        let share = |of: fn(f64) -> bool| {
            drawn.iter().filter(|x| of(**x)).count() as f64 / drawn.len() as f64
        };
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / drawn.len() as f64;
        // Three standard errors of each estimate.
        assert!(mean.abs() < 0.0095, "{mean}");
        assert!((variance - 1.0).abs() < 0.0135, "{variance}");
        assert!((share(|x| x.abs() < 1.0) - 0.6827).abs() < 0.0045);
        assert!((share(|x| x > 2.0) - 0.02275).abs() < 0.0015);
    }
}
