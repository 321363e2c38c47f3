//! Philox4x32-10: a counter-based generator (Salmon et al., "Parallel random numbers: as easy as
//! 1, 2, 3", SC 2011). The same integers as `shaders/wgsl/philox.wgsl`, bit for bit.

/// Four random words of each of several counters under a key, in vector registers: what is at a place belongs
/// to the counter at that place.
#[inline(always)]
pub(crate) fn philox<const LANES: usize>(
    counters: [[u32; LANES]; 4],
    key: [u32; 2],
) -> [[u32; LANES]; 4] {
    let mut c = counters;
    let mut k = key;
    for _ in 0..10 {
        let before = c;
        for lane in 0..LANES {
            let product0 = 0xD251_1F53_u64 * u64::from(before[0][lane]);
            let product1 = 0xCD9E_8D57_u64 * u64::from(before[2][lane]);
            c[0][lane] = (product1 >> 32) as u32 ^ before[1][lane] ^ k[0];
            c[1][lane] = product1 as u32;
            c[2][lane] = (product0 >> 32) as u32 ^ before[3][lane] ^ k[1];
            c[3][lane] = product0 as u32;
        }
        k = [
            k[0].wrapping_add(0x9E37_79B9),
            k[1].wrapping_add(0xBB67_AE85),
        ];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::philox;

    #[test]
    fn equals_the_authors_known_answers() {
        // Random123's kat_vectors, philox4x32 with 10 rounds.
        assert_eq!(
            philox([[0]; 4], [0; 2]),
            [[0x6627_e8d5], [0xe169_c58d], [0xbc57_ac4c], [0x9b00_dbd8]]
        );
        assert_eq!(
            philox([[u32::MAX]; 4], [u32::MAX; 2]),
            [[0x408f_276d], [0x41c8_3b0e], [0xa20b_c7c6], [0x6d54_51fd]]
        );
    }

    #[test]
    fn a_counter_has_its_words_in_any_lane() {
        let counters = [[7; 5], [1, 2, 3, 4, 5], [9; 5], [0; 5]];
        let together = philox(counters, [3, 4]);
        for lane in 0..5 {
            let alone = philox(counters.map(|words| [words[lane]]), [3, 4]);
            assert_eq!(alone, together.map(|words| [words[lane]]));
        }
    }
}
