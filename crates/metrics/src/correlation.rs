//! Metrics of scores. Sums are compensated (Neumaier 1974): a correlation near 1 is a quotient of
//! sums that cancel, and its last digits should be the data's, not the order of summation's.

use crate::classes::same_length;
use crate::error::MetricError;

/// Pearson's r, as `scipy.stats.pearsonr`: NaN where either side is constant, and with fewer than
/// two rows.
///
/// # Errors
/// When the lengths differ.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64, MetricError> {
    same_length(x.len(), y.len())?;
    // Told by the values and not by a deviation of 0: the mean of equal numbers may be off by a bit.
    if is_constant(x) || is_constant(y) {
        return Ok(f64::NAN);
    }
    let (x, y) = (deviations(x), deviations(y));
    let dot = |a: &[f64], b: &[f64]| sum(a.iter().zip(b).map(|(a, b)| a * b));
    Ok((dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's rho, as `scipy.stats.spearmanr`: Pearson's r of the ranks, ties having their mean rank.
///
/// # Errors
/// When the lengths differ.
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64, MetricError> {
    pearson(&ranks(x), &ranks(y))
}

/// The mean of the squared differences; NaN without rows.
///
/// # Errors
/// When the lengths differ.
pub fn mean_squared_error(x: &[f64], y: &[f64]) -> Result<f64, MetricError> {
    same_length(x.len(), y.len())?;
    let squares = x.iter().zip(y).map(|(a, b)| (a - b) * (a - b));
    Ok(sum(squares) / x.len() as f64)
}

/// The mean of the absolute differences; NaN without rows.
///
/// # Errors
/// When the lengths differ.
pub fn mean_absolute_error(x: &[f64], y: &[f64]) -> Result<f64, MetricError> {
    same_length(x.len(), y.len())?;
    Ok(sum(x.iter().zip(y).map(|(a, b)| (a - b).abs())) / x.len() as f64)
}

/// The coefficient of determination of predictions and references, as scikit-learn's `r2_score`: NaN with
/// fewer than two rows; where all references are equal, 1 if they are met and 0 if not.
///
/// # Errors
/// When the lengths differ.
pub fn r2(predictions: &[f64], references: &[f64]) -> Result<f64, MetricError> {
    same_length(predictions.len(), references.len())?;
    if references.len() < 2 {
        return Ok(f64::NAN);
    }
    let squares =
        |pairs: &mut dyn Iterator<Item = (f64, f64)>| sum(pairs.map(|(a, b)| (a - b) * (a - b)));
    let pairs = predictions.iter().copied().zip(references.iter().copied());
    let left = squares(&mut pairs.into_iter());
    let mean = sum(references.iter().copied()) / references.len() as f64;
    let spread = squares(&mut references.iter().map(|value| (*value, mean)));
    Ok(match (is_constant(references), left == 0.0) {
        (_, true) => 1.0,
        (true, false) => 0.0,
        (false, false) => 1.0 - left / spread,
    })
}

fn is_constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// Deviations from the mean, the largest scaled to 1 as scipy does, so that the squares of large
/// scores don't overflow.
fn deviations(values: &[f64]) -> Vec<f64> {
    let mean = sum(values.iter().copied()) / values.len() as f64;
    let mut deviations: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let largest = deviations
        .iter()
        .fold(0.0, |most: f64, d| most.max(d.abs()));
    for deviation in &mut deviations {
        *deviation /= largest;
    }
    deviations
}

/// Ranks from 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for ties in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let mean = before as f64 + (ties.len() + 1) as f64 / 2.0;
        for row in ties {
            ranks[*row] = mean;
        }
        before += ties.len();
    }
    ranks
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0f64, 0.0f64);
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() {
            (total - next) + value
        } else {
            (value - next) + total
        };
        total = next;
    }
    total + lost
}
