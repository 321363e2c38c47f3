//! Splits of fixed size and balance, whose word overlap says nothing about the label.
//!
//! The label and the bin of overlap are drawn apart, then candidates are rejected until one has
//! both. So within every bin the share of equivalent pairs is the same.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::grammar::{Event, Grammar};
use crate::measure;
use crate::pair::{self, Pair};
use crate::rng::Rng;
use crate::topics::{self, Row};

/// The seed of the committed files.
pub const SEED: u64 = 20_260_101;

/// The label names, in the order of their numbers.
pub const LABELS: [&str; 2] = ["not_equivalent", "equivalent"];

/// Weights of the bins of overlap: `BINS[i]` for an overlap of `i` tenths up to `i + 1`.
const BINS: [u32; 10] = [0, 0, 4, 14, 20, 20, 16, 12, 9, 5];

/// Words in a sentence, as newswire has them.
const LENGTHS: std::ops::RangeInclusive<usize> = 10..=36;

const TRIES: u32 = 200_000;

/// The permille of equivalent pairs; MRPC has 674 in train.
const EQUIVALENT: u32 = 675;

/// Makes splits one after another; none repeats a sentence or the facts of another.
#[derive(Debug)]
pub struct Generator {
    grammar: Grammar,
    sentences: BTreeSet<String>,
    facts: BTreeSet<String>,
}

impl Generator {
    /// Starts with the committed grammar and nothing used.
    ///
    /// # Errors
    /// [`Error::Grammar`] where a committed file can't be read.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            grammar: Grammar::builtin()?,
            sentences: BTreeSet::new(),
            facts: BTreeSet::new(),
        })
    }

    /// How many kinds of events the grammar knows.
    #[must_use]
    pub fn events(&self) -> usize {
        self.grammar.events.len()
    }

    /// How many forms the grammar has for them.
    #[must_use]
    pub fn forms(&self) -> usize {
        self.grammar
            .events
            .iter()
            .map(|event| event.forms.len())
            .sum()
    }

    /// Makes a split of `rows` pairs, 67.5 % of them equivalent.
    ///
    /// # Errors
    /// [`Error::Exhausted`] where the grammar has no fresh pair of the kind wanted.
    pub fn split(&mut self, name: &str, rows: u32) -> Result<Vec<Pair>, Error> {
        let equivalent = (rows * EQUIVALENT + 500) / 1000;
        let mut labels: Vec<bool> = (0..rows).map(|i| i < equivalent).collect();
        Rng::new(SEED, name, u64::MAX).shuffle(&mut labels);
        let mut pairs = Vec::new();
        for (row, label) in (0u64..).zip(labels) {
            let pair = self.row(name, row, label)?;
            self.sentences.insert(pair.sentence1.clone());
            self.sentences.insert(pair.sentence2.clone());
            self.facts.extend(pair.keys.iter().cloned());
            pairs.push(pair);
        }
        Ok(pairs)
    }

    /// Makes a split of `rows` sentences, all topics of [`LABELS`](topics::LABELS) equally frequent.
    ///
    /// # Errors
    /// [`Error::Exhausted`] where the grammar has no fresh sentence of a topic.
    pub fn topics(&mut self, name: &str, rows: u32) -> Result<Vec<Row>, Error> {
        let mut labels: Vec<usize> = (0..rows as usize)
            .map(|row| row % topics::LABELS.len())
            .collect();
        Rng::new(SEED, name, u64::MAX).shuffle(&mut labels);
        let mut found = Vec::new();
        for (row, label) in (0u64..).zip(labels) {
            let mut rng = Rng::new(SEED, name, row);
            let topic = topics::LABELS[label];
            let events: Vec<&Event> = self
                .grammar
                .events
                .iter()
                .filter(|event| event.name.split('.').next() == Some(topic))
                .collect();
            let pair = (0..TRIES)
                .filter_map(|_| {
                    let event = rng.pick(&events)?;
                    pair::candidate(&self.grammar, event, true, &mut rng)
                })
                .find(|pair| self.is_fresh(&pair.sentence1) && !self.facts.contains(&pair.keys[0]));
            let Some(pair) = pair else {
                return Err(Error::Exhausted {
                    split: name.to_owned(),
                    row,
                    label: topic,
                    overlap_tenths: 0,
                    tries: TRIES,
                });
            };
            self.sentences.insert(pair.sentence1.clone());
            self.facts.extend(pair.keys);
            found.push(Row {
                text: pair.sentence1,
                label: label as i64,
            });
        }
        Ok(found)
    }

    fn row(&self, split: &str, row: u64, label: bool) -> Result<Pair, Error> {
        let mut rng = Rng::new(SEED, split, row);
        let bin = draw_bin(&mut rng);
        for _ in 0..TRIES {
            let candidate = rng
                .pick(&self.grammar.events)
                .and_then(|event| pair::candidate(&self.grammar, event, label, &mut rng));
            if let Some(pair) = candidate
                && self.fits(&pair, bin)
            {
                return Ok(pair);
            }
        }
        Err(Error::Exhausted {
            split: split.to_owned(),
            row,
            label: LABELS[usize::from(label)],
            overlap_tenths: bin,
            tries: TRIES,
        })
    }

    /// Whether a sentence is of the length of newswire, and wasn't used.
    fn is_fresh(&self, sentence: &str) -> bool {
        LENGTHS.contains(&sentence.split_whitespace().count())
            && !sentence.starts_with(|c: char| c.is_ascii_digit())
            && !self.sentences.contains(sentence)
    }

    fn fits(&self, pair: &Pair, bin: u32) -> bool {
        let sentences = [&pair.sentence1, &pair.sentence2];
        sentences.iter().all(|sentence| self.is_fresh(sentence))
            && measure::overlap_tenths(&pair.sentence1, &pair.sentence2).min(9) == bin
            && pair.keys.iter().all(|key| !self.facts.contains(key))
    }
}

fn draw_bin(rng: &mut Rng) -> u32 {
    let mut at = rng.below(BINS.iter().sum());
    let mut bin = 0;
    for weight in BINS {
        if at < weight {
            break;
        }
        at -= weight;
        bin += 1;
    }
    bin
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn splits_share_no_facts_and_have_their_balance() {
        let mut generator = Generator::new().unwrap();
        let splits = ["a", "b"].map(|name| generator.split(name, 200).unwrap());
        let keys = splits.each_ref().map(|pairs| -> BTreeSet<&String> {
            pairs.iter().flat_map(|pair| &pair.keys).collect()
        });
        assert!(keys[0].is_disjoint(&keys[1]));
        for pairs in &splits {
            assert_eq!(pairs.iter().map(Pair::label).sum::<i64>(), 135);
        }
    }

    #[test]
    fn topics_are_equally_frequent_and_share_no_sentence() {
        let mut generator = Generator::new().unwrap();
        let [a, b] = ["a", "b"].map(|name| generator.topics(name, 160).unwrap());
        for label in 0..topics::LABELS.len() as i64 {
            assert_eq!(a.iter().filter(|row| row.label == label).count(), 20);
        }
        let texts: BTreeSet<&String> = a.iter().chain(&b).map(|row| &row.text).collect();
        assert_eq!(texts.len(), 320);
    }

    #[test]
    fn bins_are_drawn_by_their_weights() {
        let mut counts = [0u32; 10];
        for i in 0..10_000 {
            counts[draw_bin(&mut Rng::new(9, "bins", i)) as usize] += 1;
        }
        let total: u32 = BINS.iter().sum();
        for (count, weight) in counts.iter().zip(BINS) {
            let expected = 10_000 * weight / total;
            assert!(count.abs_diff(expected) < 200, "{counts:?}");
        }
    }
}
