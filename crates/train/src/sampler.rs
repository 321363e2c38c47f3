//! The order of rows within an epoch, equal to what the Trainer draws through accelerate.
//!
//! accelerate's `SeedableRandomSampler` seeds a generator with seed + epoch and takes
//! `torch.randperm(n)`; torch's CPU generator is MT19937 (Matsumoto and Nishimura, 1998).

/// How processes share out the batches of an epoch: accelerate's `BatchSamplerShard`, of which each takes every n-th.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    /// Rows of an epoch.
    pub(crate) rows: usize,
    pub(crate) batch_size: usize,
    pub(crate) processes: usize,
    pub(crate) drop_last: bool,
    /// Whether the last batches of several processes are filled up from the epoch's beginning, so that each has as
    /// many.
    pub(crate) even_batches: bool,
}

impl Shares {
    /// Batches of an epoch that a process takes.
    pub(crate) fn batches(&self, rank: usize) -> usize {
        let Self {
            rows,
            batch_size,
            processes,
            ..
        } = *self;
        match (self.drop_last, self.even_batches) {
            (true, _) => rows / batch_size / processes,
            (false, true) => rows.div_ceil(batch_size * processes),
            (false, false) => {
                let all = rows.div_ceil(batch_size);
                all.saturating_sub(rank).div_ceil(processes)
            }
        }
    }

    /// The places of a process's batch in the order of the epoch.
    pub(crate) fn places(&self, batch: usize, rank: usize) -> Vec<usize> {
        let start = (batch * self.processes + rank) * self.batch_size;
        let places = start..start + self.batch_size;
        match self.processes > 1 && self.even_batches {
            true => places.map(|place| place % self.rows.max(1)).collect(),
            // The last one is as large as it comes.
            false => places.filter(|place| *place < self.rows).collect(),
        }
    }
}

const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// MT19937 as `torch.Generator().manual_seed(seed)` starts it: of the seed, the low 32 bits.
struct Mt19937 {
    state: [u32; WORDS],
    next: usize,
}

impl Mt19937 {
    fn seeded(seed: u64) -> Self {
        let mut state = [seed as u32; WORDS];
        for i in 1..WORDS {
            let last = state[i - 1];
            state[i] = 1_812_433_253_u32
                .wrapping_mul(last ^ (last >> 30))
                .wrapping_add(i as u32);
        }
        Self { state, next: WORDS }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C_5680;
        y ^= (y << 15) & 0xEFC6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..WORDS {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7FFF_FFFF);
            let odd = if y & 1 == 1 { 0x9908_B0DF } else { 0 };
            self.state[i] = self.state[(i + MIDDLE) % WORDS] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

/// `torch.randperm(n, generator=torch.Generator().manual_seed(seed))` for `n` below 2^32 / 20, above
/// which torch draws otherwise: a random order of `0..n`.
#[must_use]
pub fn randperm(n: usize, seed: u64) -> Vec<u32> {
    let mut random = Mt19937::seeded(seed);
    let mut order: Vec<u32> = (0..n as u32).collect();
    for i in 0..n.saturating_sub(1) {
        let offset = random.next_u32() as usize % (n - i);
        order.swap(i, i + offset);
    }
    order
}

/// transformers' `get_length_grouped_indices`: a random order in which every `batch_size` rows in
/// succession have similar lengths, the longest row first. `lengths` are tokens, one a row.
#[must_use]
pub fn length_grouped(lengths: &[u32], batch_size: usize, seed: u64) -> Vec<u32> {
    let length = |row: u32| lengths[row as usize];
    let mut order = randperm(lengths.len(), seed);
    // 50 batches, or what makes four mega-batches, whichever is less.
    let batches = (lengths.len() / (batch_size * 4)).clamp(1, 50);
    let megabatch_size = batches * batch_size;
    for megabatch in order.chunks_mut(megabatch_size) {
        megabatch.sort_by_key(|row| std::cmp::Reverse(length(*row)));
    }
    let mut longest = 0;
    for start in (0..order.len()).step_by(megabatch_size) {
        if length(order[start]) > length(order[longest]) {
            longest = start;
        }
    }
    if !order.is_empty() {
        order.swap(0, longest);
    }
    order
}

/// `count` rows, drawn with replacement in proportion to their weights: torch's
/// `WeightedRandomSampler(weights, count, generator=torch.Generator().manual_seed(seed))`.
#[must_use]
pub fn weighted(weights: &[f64], count: usize, seed: u64) -> Vec<u32> {
    let mut random = Mt19937::seeded(seed);
    let mut sum = 0.0;
    let mut cumulated: Vec<f64> = weights
        .iter()
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    cumulated.iter_mut().for_each(|share| *share /= sum);
    let last = weights.len().saturating_sub(1);
    let mut draw = || {
        let (high, low) = (u64::from(random.next_u32()), u64::from(random.next_u32()));
        // 53 bits are what an f64 holds.
        let bits = (high << 32 | low) & ((1 << 53) - 1);
        let wanted = bits as f64 / (1_u64 << 53) as f64;
        cumulated.partition_point(|share| *share < wanted).min(last) as u32
    };
    (0..count).map(|_| draw()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sha256;

    fn digest(order: &[u32]) -> String {
        sha256(order.iter().flat_map(|row| row.to_le_bytes()))
    }

    // Expected values: torch 2.15's randperm with a generator seeded so.
    #[test]
    fn draws_what_torch_draws() {
        assert_eq!(randperm(10, 42), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
        assert_eq!(randperm(10, 43), [8, 4, 9, 0, 5, 1, 6, 7, 2, 3]);
        assert_eq!(randperm(8, 0), [4, 0, 7, 3, 2, 5, 1, 6]);
        for (n, seed, wanted) in [
            (
                3668,
                42,
                "220c29c605dba41ead8792dee27bb2ac5082865abd734a33e706231b9f547e64",
            ),
            (
                3668,
                44,
                "1fa9064c79af4ed7f740f2106069d79bcd9e22919047977b056522df07697efc",
            ),
            (
                100_000,
                7,
                "45ac769fae6a4d41b40c5dc155365f4c875cbba23f797e8a2b6ba3bb89ed55fb",
            ),
            (
                20,
                4_294_967_301,
                "5175fd0f8b169b3012f87d4e4964007f36889da1f036af86ce077ae1f202d37b",
            ),
        ] {
            assert_eq!(
                digest(&randperm(n, seed)),
                wanted,
                "randperm({n}) of seed {seed}"
            );
        }
        assert_eq!(randperm(0, 1), [] as [u32; 0]);
        assert_eq!(randperm(1, 1), [0]);
    }

    // Expected values: torch 2.15's WeightedRandomSampler with a generator seeded so.
    #[test]
    fn draws_by_weight_what_torch_draws() {
        let rare = |row: u32| row.is_multiple_of(5);
        let weights: Vec<f64> = (0..20)
            .map(|row| if rare(row) { 0.25 } else { 0.0625 })
            .collect();
        assert_eq!(
            weighted(&weights, 20, 42),
            [
                0, 0, 0, 0, 10, 9, 18, 17, 0, 1, 2, 6, 15, 15, 6, 10, 0, 13, 10, 7
            ]
        );
        assert_eq!(
            weighted(&weights, 20, 43),
            [
                11, 5, 2, 14, 19, 10, 1, 5, 7, 13, 15, 10, 0, 10, 16, 12, 7, 5, 0, 17
            ]
        );
        let weights: Vec<f64> = (0..1000)
            .map(|row| 1.0 / f64::from(1 + row * 37 % 7))
            .collect();
        assert_eq!(
            digest(&weighted(&weights, 1000, 7)),
            "f2186904369863afdf4849f7b9cabc7e324e3b2d3a0805ac32539d3f743fc36e"
        );
        assert_eq!(weighted(&[], 0, 1), [] as [u32; 0]);
    }

    // Expected values: transformers 5.23's get_length_grouped_indices under torch 2.15.
    #[test]
    fn groups_by_length_as_transformers_does() {
        let lengths: Vec<u32> = (0..40).map(|i| (i * 37) % 23 + 3).collect();
        assert_eq!(
            length_grouped(&lengths, 4, 42),
            [
                18, 8, 3, 9, 32, 22, 15, 0, 13, 14, 37, 4, 7, 2, 38, 23, 21, 29, 6, 19, 27, 17, 35,
                25, 16, 39, 11, 34, 24, 12, 10, 33, 36, 31, 26, 1, 30, 20, 28, 5
            ]
        );
        let lengths: Vec<u32> = (0..1000).map(|i| (i * 37) % 101 + 3).collect();
        assert_eq!(
            digest(&length_grouped(&lengths, 4, 1)),
            "f68f98048b1bf952392397cfecb1fece98b6dd2b546c057d0e3139ccd249f969"
        );
        assert_eq!(length_grouped(&[], 4, 1), [] as [u32; 0]);
    }
}
