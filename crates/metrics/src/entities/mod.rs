//! Metrics of entities, which are runs of tagged tokens: as seqeval computes them, which is what
//! transformers' example for token classification reports.
//!
//! seqeval reads tags in two ways. The one of `conlleval` takes what it finds: an `I-` without a `B-`
//! before it begins an entity. The strict one holds tags to a scheme, and what breaks it is no entity.

mod chunks;
mod scheme;

use std::collections::{BTreeMap, BTreeSet};

use crate::Average;
use crate::error::MetricError;
use crate::report::{Counts, LabelScores};

pub use scheme::Scheme;

/// A run of tokens of one type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chunk<'a> {
    /// The type: what stands behind the tag's prefix, `PER` of `B-PER`; `_` for a prefix alone.
    pub kind: &'a str,
    /// Its first token.
    pub start: usize,
    /// The token after its last.
    pub end: usize,
}

/// How tags are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// As `conlleval` does, whatever the scheme: seqeval's default.
    #[default]
    Lenient,
    /// By the rules of a scheme: seqeval's `mode="strict"`.
    Strict(Scheme),
}

impl Reading {
    /// The entities of one sentence's tags, in their order.
    ///
    /// # Errors
    /// A tag whose prefix the scheme doesn't have, where it is read strictly.
    pub fn chunks<'a>(self, tags: &[&'a str]) -> Result<Vec<Chunk<'a>>, MetricError> {
        match self {
            Self::Lenient => Ok(chunks::lenient(tags)),
            Self::Strict(scheme) => scheme.chunks(tags),
        }
    }
}

/// Counts of entities by type, and of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntityCounts {
    reading: Reading,
    kinds: BTreeMap<String, Counts>,
    tokens: u64,
    right: u64,
    sentences: u64,
}

impl EntityCounts {
    /// No sentences yet.
    #[must_use]
    pub fn new(reading: Reading) -> Self {
        Self {
            reading,
            ..Self::default()
        }
    }

    /// Sentences counted.
    #[must_use]
    pub fn sentences(&self) -> u64 {
        self.sentences
    }

    /// Counts a sentence's tags, one for each of its tokens; on an error none of them.
    ///
    /// # Errors
    /// When the lengths differ, or a tag isn't of the scheme.
    pub fn add(&mut self, predictions: &[&str], references: &[&str]) -> Result<(), MetricError> {
        crate::classes::same_length(predictions.len(), references.len())?;
        let predicted = self.reading.chunks(predictions)?;
        let actual: BTreeSet<Chunk<'_>> = self.reading.chunks(references)?.into_iter().collect();
        for chunk in &actual {
            self.of(chunk.kind).actual += 1;
        }
        for chunk in &predicted {
            let is_right = actual.contains(chunk);
            let counts = self.of(chunk.kind);
            counts.predicted += 1;
            counts.hits += u64::from(is_right);
        }
        let pairs = predictions.iter().zip(references);
        self.right += pairs.filter(|(a, b)| a == b).count() as u64;
        self.tokens += references.len() as u64;
        self.sentences += 1;
        Ok(())
    }

    fn of(&mut self, kind: &str) -> &mut Counts {
        // Looked up first: a name is only copied where it is new.
        if !self.kinds.contains_key(kind) {
            self.kinds.insert(kind.to_owned(), Counts::default());
        }
        self.kinds.entry(kind.to_owned()).or_default()
    }

    /// The share of tokens whose tag is right, entities or not; NaN without tokens.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.tokens as f64
    }

    /// A score over all entities, or its mean over their types; 0 where there is no entity.
    pub(crate) fn mean(&self, average: Average, score: fn(&Counts) -> f64) -> f64 {
        match average {
            Average::Binary | Average::Micro => score(&Counts::sum(self.kinds.values())),
            Average::Macro => {
                let sum: f64 = self.kinds.values().map(score).sum();
                sum / self.kinds.len().max(1) as f64
            }
            Average::Weighted => Counts::weighted(self.kinds.values(), score),
        }
    }

    /// Precision, recall and F1 over all entities (`average="micro"`), which seqeval's `overall_…` are.
    #[must_use]
    pub fn overall(&self) -> LabelScores {
        Counts::sum(self.kinds.values()).scores("micro avg")
    }

    /// The mean of each score over the types (`average="macro"`); 0 where there is no entity.
    #[must_use]
    pub fn macro_average(&self) -> LabelScores {
        self.average("macro avg", |score| self.mean(Average::Macro, score))
    }

    /// The mean of each score over the types, weighted by their entities (`average="weighted"`).
    #[must_use]
    pub fn weighted_average(&self) -> LabelScores {
        self.average("weighted avg", |score| self.mean(Average::Weighted, score))
    }

    fn average(&self, name: &str, mean: impl Fn(fn(&Counts) -> f64) -> f64) -> LabelScores {
        LabelScores {
            name: name.to_owned(),
            precision: mean(Counts::precision),
            recall: mean(Counts::recall),
            f1: mean(Counts::f1),
            support: Counts::sum(self.kinds.values()).actual,
        }
    }

    /// The scores of every type, sorted by name.
    #[must_use]
    pub fn by_kind(&self) -> Vec<LabelScores> {
        let kinds = self.kinds.iter();
        kinds.map(|(name, counts)| counts.scores(name)).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_the_scheme_lacks_is_told_and_nothing_is_counted() {
        let mut counts = EntityCounts::new(Reading::Strict(Scheme::Iob2));
        let message = counts.add(&["O", "E-PER"], &["O", "O"]).unwrap_err();
        assert_eq!(
            message.to_string(),
            "the tag \"E-PER\" is not of the scheme IOB2: its tags are O, or begin with one of I, B"
        );
        assert_eq!(counts, EntityCounts::new(Reading::Strict(Scheme::Iob2)));
        assert!(counts.add(&["O"], &["O", "O"]).is_err());
    }
}
