//! New weights from a seed: the same numbers on every target.

/// `count` numbers from N(0, deviation), none further out than `cutoff` deviations: a stream of its own for
/// every (seed, name).
pub(crate) fn normal(
    seed: u64,
    name: &str,
    count: usize,
    deviation: f32,
    cutoff: Option<f32>,
) -> Vec<f32> {
    // FNV-1a keeps streams of different parameters apart.
    let key = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let mut state = seed ^ key;
    let mut uniform = || -> f64 {
        // SplitMix64 (Steele et al., OOPSLA 2014), 53 bits, never 0.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON / 4.0
    };
    let mut standard = || {
        // Box and Muller, 1958.
        let radius = (-2.0 * libm::log(uniform())).sqrt();
        let angle = std::f64::consts::TAU * uniform();
        radius * libm::cos(angle)
    };
    let most = cutoff.map_or(f64::INFINITY, f64::from);
    (0..count)
        .map(|_| {
            let mut drawn = standard();
            while drawn.abs() > most {
                drawn = standard();
            }
            (f64::from(deviation) * drawn) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn has_the_mean_and_deviation_asked_for_and_depends_on_seed_and_name() {
        let values = normal(42, "classifier.weight", 100_000, 0.02, None);
        let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / 1e5;
        let variance = values
            .iter()
            .map(|x| (f64::from(*x) - mean).powi(2))
            .sum::<f64>()
            / 1e5;
        assert!(mean.abs() < 3e-4, "mean {mean}");
        assert!(
            (variance.sqrt() - 0.02).abs() < 2e-4,
            "deviation {}",
            variance.sqrt()
        );
        assert_ne!(values, normal(43, "classifier.weight", 100_000, 0.02, None));
        assert_ne!(
            values,
            normal(42, "bert.pooler.dense.weight", 100_000, 0.02, None)
        );
    }

    #[test]
    fn nothing_is_drawn_beyond_the_cutoff() {
        let values = normal(42, "classifier.weight", 10_000, 0.5, Some(2.0));
        let most = values.iter().map(|x| x.abs()).fold(0.0, f32::max);
        assert!((0.95..=1.0).contains(&most), "{most}");
    }
}
