//! Word overlap, in integers: the quantity that must not tell the label.

use std::collections::BTreeSet;

/// The distinct words of a sentence, lower case, without punctuation at their ends.
#[must_use]
pub fn words(sentence: &str) -> BTreeSet<String> {
    sentence
        .split_whitespace()
        .map(|word| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// Shared and total distinct words of two sentences; their quotient is the Jaccard index.
#[must_use]
pub fn overlap(a: &str, b: &str) -> (usize, usize) {
    let (a, b) = (words(a), words(b));
    (a.intersection(&b).count(), a.union(&b).count())
}

/// The overlap in tenths, rounded down, 0 to 10.
#[must_use]
pub fn overlap_tenths(a: &str, b: &str) -> u32 {
    let (shared, total) = overlap(a, b);
    u32::try_from(10 * shared / total.max(1)).unwrap_or(0)
}
