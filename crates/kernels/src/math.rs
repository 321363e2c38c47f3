//! Functions of one number that run in vector registers, the same polynomials as in `shaders/wgsl`.

use pulp::Arch;

/// Runs loops in the widest vector registers of this processor, of which a build for any of its kind knows
/// nothing. Products and sums stay apart, so the bits are those of any other.
#[inline(always)]
pub(crate) fn in_vectors<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// The sums that a vector register adds side by side: always as many, so that no processor adds in another
/// order.
const LANES: usize = 16;

/// The sum of a function of each number.
#[inline(always)]
pub(crate) fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += term(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += term(*value);
    }
    sums.iter().sum()
}

/// The sum of a function of the numbers of two rows of one length.
#[inline(always)]
pub(crate) fn sum_of_two(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let ((whole_a, rest_a), (whole_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in whole_a.iter().zip(whole_b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(*a, *b);
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(rest_a).zip(rest_b) {
        *sum += term(*a, *b);
    }
    sums.iter().sum()
}

/// erf as a rational function on [-4, 4], within 4e-7 of the true value (the coefficients of Eigen's
/// float erf), the same polynomial as in `shaders/wgsl/erf.wgsl`.
#[inline(always)]
pub(crate) fn erf(value: f32) -> f32 {
    let x = value.clamp(-4.0, 4.0);
    let s = x * x;
    let p = ((((((-2.726_142_3e-10 * s + 2.770_681_4e-8) * s - 2.101_024e-6) * s
        - 5.692_506_5e-5)
        * s
        - 7.349_906_3e-4)
        * s
        - 2.954_6e-3)
        * s)
        - 1.609_603_3e-2;
    let q = (((-1.456_607_2e-5 * s - 2.133_740_6e-4) * s - 1.682_827e-3) * s - 7.373_329_2e-3) * s
        - 1.426_473_9e-2;
    x * p / q
}

/// e^x for x <= 0, within 2e-7 of the true value relatively (Cephes' `expf`), without a branch, so that
/// a loop over it runs in vector registers.
#[inline(always)]
pub(crate) fn exp(value: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 rounds to an integer, which the sum's last bits then hold.
    const ROUND: f32 = 12_582_912.0;
    // Not `max`, which would make a number of NaN.
    let x = if value < -87.0 { -87.0 } else { value };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let p = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r
        + 1.666_666_5e-1)
        * r
        + 5e-1;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    let power = f32::from_bits(exponent.wrapping_add(127) << 23);
    (p * r * r + r + 1.0) * power
}

/// tanh, within 2e-7 of the true value absolutely, as `shaders/wgsl/tanh.wgsl` has it.
#[inline(always)]
pub(crate) fn tanh(value: f32) -> f32 {
    let decay = exp(-2.0 * value.abs());
    ((1.0 - decay) / (1.0 + decay)).copysign(value)
}

/// 1 / (1 + e^-x), without an exponential that can overflow.
#[inline(always)]
pub(crate) fn sigmoid(value: f32) -> f32 {
    let decay = exp(-value.abs());
    (if value < 0.0 { decay } else { 1.0 }) / (1.0 + decay)
}

#[cfg(test)]
mod tests {
    use super::{erf, exp, sigmoid, sum, sum_of_two, tanh};

    #[test]
    fn sums_take_every_number_once() {
        for count in [0, 1, 15, 16, 17, 100] {
            let numbers: Vec<f32> = (1..=count).map(|i| i as f32).collect();
            let wanted = (count * (count + 1) / 2) as f32;
            assert_eq!(sum(&numbers, |x| x), wanted);
            assert_eq!(sum_of_two(&numbers, &numbers, |a, b| 2.0 * a - b), wanted);
        }
    }

    #[test]
    fn exp_is_within_a_few_ulp_of_libm() {
        let worst = (0..=80_000)
            .map(|i| f64::from(i) / -1000.0)
            .map(|x| (f64::from(exp(x as f32)) / libm::exp(f64::from(x as f32)) - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-7, "worst error {worst}");
        assert!(exp(-1e30) < 1e-37);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn erf_is_within_a_few_ulp_of_libm() {
        let worst = (-6000..=6000)
            .map(|i| i as f64 / 1000.0)
            .map(|x| (f64::from(erf(x as f32)) - libm::erf(x)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 4e-7, "worst error {worst}");
    }

    #[test]
    fn tanh_and_sigmoid_are_within_a_few_ulp_of_one_of_libm() {
        for i in -20_000..=20_000 {
            let x = i as f32 / 1000.0;
            let wide = f64::from(x);
            assert!(
                (f64::from(tanh(x)) - libm::tanh(wide)).abs() < 2e-7,
                "tanh {x}"
            );
            let wanted = 1.0 / (1.0 + libm::exp(-wide));
            assert!((f64::from(sigmoid(x)) - wanted).abs() < 2e-7, "sigmoid {x}");
        }
        assert!(tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
    }
}
