//! numpy's default random generator, as far as shuffling needs it, so that `shuffle(seed)` and
//! `train_test_split(seed)` give the rows that Python's `datasets` gives.
//!
//! Sources: numpy's `SeedSequence` (after O'Neill's `seed_seq_fe`), PCG64 XSL-RR 128/64 (O'Neill,
//! "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms", 2014),
//! `random_interval` for bounded integers, and the shuffle of Fisher and Yates from the end.

/// The permutation `numpy.random.default_rng(seed).permutation(n)`.
///
/// Every target gives the same: no draw depends on the width of `usize`.
pub fn permutation(seed: u64, n: usize) -> Vec<usize> {
    Pcg64::seeded(seed).permutation(n)
}

/// `numpy.random.default_rng(seed)`.
pub(crate) struct Pcg64 {
    state: u128,
    increment: u128,
    /// numpy hands out the halves of a 64-bit draw, the low one first.
    spare: Option<u32>,
}

impl Pcg64 {
    pub(crate) fn seeded(seed: u64) -> Self {
        let [state_high, state_low, inc_high, inc_low] = seed_sequence(seed);
        let mut rng = Self {
            state: 0,
            increment: (join(inc_high, inc_low) << 1) | 1,
            spare: None,
        };
        rng.step();
        rng.state = rng.state.wrapping_add(join(state_high, state_low));
        rng.step();
        rng
    }

    /// `permutation(n)`.
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// `shuffle(values)`.
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            let j = self.up_to(i as u64);
            values.swap(i, j as usize);
        }
    }

    /// `random()`: a number from 0 up to 1, of 53 bits.
    pub(crate) fn random(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `choice(n, count, replace=False)` of at most 10,000 that there are to choose from: Floyd's algorithm, then a
    /// shuffle.
    pub(crate) fn choice(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::with_capacity(count);
        for last in n - count..n {
            let drawn = self.below_or(last as u32) as usize;
            chosen.push(if chosen.contains(&drawn) { last } else { drawn });
        }
        for i in (1..count).rev() {
            let j = self.below_or(i as u32);
            chosen.swap(i, j as usize);
        }
        chosen
    }

    /// A uniform integer in `0..=most`: numpy's `random_bounded_uint64`, after Lemire, "Fast Random Integer Generation
    /// in an Interval", 2019.
    fn below_or(&mut self, most: u32) -> u32 {
        if most == 0 {
            return 0;
        }
        let Some(count) = most.checked_add(1) else {
            return self.next_u32();
        };
        let least = (u32::MAX - most) % count;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(count);
            if product as u32 >= least {
                return (product >> 32) as u32;
            }
        }
    }

    fn step(&mut self) {
        const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
        self.state = self
            .state
            .wrapping_mul(MULTIPLIER)
            .wrapping_add(self.increment);
    }

    fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn next_u32(&mut self) -> u32 {
        if let Some(high) = self.spare.take() {
            return high;
        }
        let both = self.next_u64();
        self.spare = Some((both >> 32) as u32);
        both as u32
    }

    /// A uniform integer in `0..=most`: numpy's `random_interval`, which draws as many bits as
    /// `most` has until they are in range.
    fn up_to(&mut self, most: u64) -> u64 {
        let mask = u64::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let draw = match u32::try_from(most) {
                Ok(0) => return 0,
                Ok(_) => u64::from(self.next_u32()) & mask,
                Err(_) => self.next_u64() & mask,
            };
            if draw <= most {
                return draw;
            }
        }
    }
}

fn join(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

const POOL: usize = 4;

/// `numpy.random.SeedSequence(seed).generate_state(4, numpy.uint64)`.
fn seed_sequence(seed: u64) -> [u64; 4] {
    let pool = entropy_pool(seed);
    const MULTIPLIER: u32 = 0x58f3_8ded;
    let mut constant: u32 = 0x8b51_f9dd;
    let mut words = [0u32; 2 * POOL];
    for (i, word) in words.iter_mut().enumerate() {
        let mut value = pool[i % POOL] ^ constant;
        constant = constant.wrapping_mul(MULTIPLIER);
        value = value.wrapping_mul(constant);
        *word = value ^ (value >> 16);
    }
    std::array::from_fn(|i| u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32)
}

fn entropy_pool(seed: u64) -> [u32; POOL] {
    const MULTIPLIER: u32 = 0x931e_8875;
    let mut constant: u32 = 0x43b0_d7e5;
    let mut hash = |value: u32| {
        let mut value = value ^ constant;
        constant = constant.wrapping_mul(MULTIPLIER);
        value = value.wrapping_mul(constant);
        value ^ (value >> 16)
    };
    let mix = |x: u32, y: u32| {
        let value = x
            .wrapping_mul(0xca01_f9dd)
            .wrapping_sub(y.wrapping_mul(0x4973_f715));
        value ^ (value >> 16)
    };
    let entropy = [seed as u32, (seed >> 32) as u32, 0, 0];
    let mut pool = entropy.map(&mut hash);
    for from in 0..POOL {
        for to in 0..POOL {
            if from != to {
                pool[to] = mix(pool[to], hash(pool[from]));
            }
        }
    }
    pool
}

#[cfg(test)]
mod tests {
    //! Expected values: numpy 2.4.6, `np.random.default_rng(seed).permutation(n)` and
    //! `.bit_generator.random_raw(3)`.
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn raw_draws_equal_numpy() {
        let draws = |seed| {
            let mut rng = Pcg64::seeded(seed);
            [rng.next_u64(), rng.next_u64(), rng.next_u64()]
        };
        assert_eq!(
            draws(42),
            [
                0xc621_fbcd_16d9_2688,
                0x705a_5661_a791_ffc1,
                0xdbcd_12c2_6eda_1624
            ]
        );
        assert_eq!(
            draws(u64::MAX),
            [
                0xae16_3a7a_8c47_568f,
                0xd866_59f5_f338_2359,
                0x01e5_2b19_5bc2_d24a
            ]
        );
    }

    #[test]
    fn permutations_equal_numpy() {
        assert_eq!(permutation(0, 10), [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]);
        assert_eq!(permutation(42, 10), [5, 6, 0, 7, 3, 2, 4, 9, 1, 8]);
        assert_eq!(permutation(123_456_789_012_345, 7), [2, 5, 3, 0, 4, 1, 6]);
        assert_eq!(permutation(42, 1), [0]);
        assert!(permutation(7, 0).is_empty());
        let mrpc = permutation(42, 3668);
        assert_eq!(mrpc[..8], [3550, 3311, 3524, 435, 2027, 1958, 3540, 1439]);
        assert_eq!(mrpc[3664..], [1572, 1633, 3021, 1672]);
    }

    #[test]
    fn a_long_permutation_equals_numpy() {
        let mut hasher = Sha256::new();
        for i in permutation(42, 100_000) {
            hasher.update((i as u32).to_le_bytes());
        }
        assert_eq!(
            crate::digest::hex(&hasher.finalize()),
            "72ac7e5c0254568e7e2ad3125fc5f51250a25000afc744b1a34f77e57969296a"
        );
    }
}
