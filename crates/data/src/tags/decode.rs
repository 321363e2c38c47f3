//! From the logits of tokens to entities with their text, place and score: transformers'
//! `TokenClassificationPipeline`.

use std::fmt;
use std::str::FromStr;

use crate::{DataError, PlacedTokens, Tokenizer};

/// What stands for no entity.
const OUTSIDE: &str = "O";

/// How tokens become entities, by the names and the rules of transformers' `aggregation_strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregation {
    /// Each token for itself.
    None,
    /// Neighbours with the same type are one entity; tokens of one word may differ.
    #[default]
    Simple,
    /// As `Simple`, and a word is what its first token is.
    First,
    /// As `Simple`, and a word is what its tokens are on the average.
    Average,
    /// As `Simple`, and a word is what its surest token is.
    Max,
}

impl Aggregation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Simple,
        Self::First,
        Self::Average,
        Self::Max,
    ];

    /// The name in transformers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Simple => "simple",
            Self::First => "first",
            Self::Average => "average",
            Self::Max => "max",
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Aggregation {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.as_str() == name)
            .ok_or_else(|| {
                DataError::Argument(format!(
                    "aggregation_strategy {name:?} is not known: use {}",
                    Self::ALL.map(Self::as_str).join(", ")
                ))
            })
    }
}

/// An entity that was found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its type (`PER`); the whole tag (`B-PER`) where nothing is aggregated.
    pub label: String,
    /// The probability, of its tokens or words on the average.
    pub score: f32,
    /// Its tokens put together, as the tokenizer does; the text itself is between `start` and `end`.
    pub word: String,
    /// Its first character, counted from 0 as Python counts them.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
}

/// A token, or a word, on its way to an entity.
struct Part {
    /// `[num_labels]`
    scores: Vec<f32>,
    word: String,
    start: usize,
    end: usize,
    is_subword: bool,
}

/// A part with its tag.
struct Tagged {
    tag: usize,
    score: f32,
    word: String,
    start: usize,
    end: usize,
}

/// The entities of a text in their order. `logits` are those of its `tokens`, `[tokens, names]`, row by row,
/// without padding; those of special tokens are not looked at.
///
/// # Errors
/// Where there are not as many logits as tokens and names ask for, and where the tokenizer's decoder
/// refuses the tokens.
pub fn entities(
    text: &str,
    tokens: &PlacedTokens,
    logits: &[f32],
    names: &[String],
    tokenizer: &Tokenizer,
    aggregation: Aggregation,
) -> Result<Vec<Entity>, DataError> {
    if names.is_empty() || logits.len() != tokens.len() * names.len() {
        return Err(DataError::Mismatch(format!(
            "{} logits for {} tokens and {} labels: one for each label of each token is needed",
            logits.len(),
            tokens.len(),
            names.len()
        )));
    }
    let parts = parts(text, tokens, logits, names.len(), tokenizer);
    let surest = |part: Part| {
        let (tag, score) = argmax(&part.scores);
        Tagged {
            tag,
            score,
            word: part.word,
            start: part.start,
            end: part.end,
        }
    };
    let tagged: Vec<Tagged> = match aggregation {
        Aggregation::None | Aggregation::Simple => parts.into_iter().map(surest).collect(),
        Aggregation::First | Aggregation::Average | Aggregation::Max => {
            words(parts, tokenizer, aggregation)?
        }
    };
    if aggregation == Aggregation::None {
        let found = tagged.into_iter().map(|part| Entity {
            label: names[part.tag].clone(),
            score: part.score,
            word: part.word,
            start: part.start,
            end: part.end,
        });
        return Ok(found.filter(|entity| entity.label != OUTSIDE).collect());
    }
    grouped(tagged, names, tokenizer)
}

/// The tokens that stand for text, with their probabilities.
fn parts(
    text: &str,
    tokens: &PlacedTokens,
    logits: &[f32],
    num_labels: usize,
    tokenizer: &Tokenizer,
) -> Vec<Part> {
    // Where the characters begin, and the end.
    let bytes: Vec<usize> = text
        .char_indices()
        .map(|(byte, _)| byte)
        .chain([text.len()])
        .collect();
    let slice = |start: usize, end: usize| {
        let at = |place: usize| bytes.get(place).copied().unwrap_or(text.len());
        text.get(at(start)..at(end.max(start))).unwrap_or_default()
    };
    let marks = tokenizer.marks_continuations();
    let mut parts = Vec::with_capacity(tokens.len());
    for (i, logits) in logits.chunks(num_labels).enumerate() {
        if tokens.is_special[i] {
            continue;
        }
        let (start, end) = tokens.offsets[i];
        let written = slice(start, end);
        let token = &tokens.tokens[i];
        let is_unknown = Some(tokens.input_ids[i]) == tokenizer.unk_token_id();
        let is_subword = match (is_unknown, marks) {
            (true, _) => false,
            // A token with a mark is longer than what it stands for.
            (false, true) => token.chars().count() != written.chars().count(),
            (false, false) => {
                let around = slice(start.saturating_sub(1), start + 1);
                start > 0 && !around.contains(' ')
            }
        };
        parts.push(Part {
            scores: softmax(logits),
            word: if is_unknown { written } else { token }.to_owned(),
            start,
            end,
            is_subword,
        });
    }
    parts
}

/// Words of tokens, each with one tag.
fn words(
    parts: Vec<Part>,
    tokenizer: &Tokenizer,
    aggregation: Aggregation,
) -> Result<Vec<Tagged>, DataError> {
    let mut words: Vec<Vec<Part>> = Vec::new();
    for part in parts {
        match words.last_mut() {
            Some(word) if part.is_subword => word.push(part),
            _ => words.push(vec![part]),
        }
    }
    let tagged = words.into_iter().map(|word| {
        let (tag, score) = match aggregation {
            Aggregation::Average => argmax(&mean(&word)),
            Aggregation::Max => word
                .iter()
                .map(|part| argmax(&part.scores))
                .reduce(|best, next| if next.1 > best.1 { next } else { best })
                .unwrap_or_default(),
            Aggregation::None | Aggregation::Simple | Aggregation::First => argmax(&word[0].scores),
        };
        let (start, end) = (word[0].start, word[word.len() - 1].end);
        let tokens = word.into_iter().map(|part| part.word).collect();
        Ok(Tagged {
            tag,
            score,
            word: tokenizer.tokens_to_text(tokens)?,
            start,
            end,
        })
    });
    tagged.collect()
}

/// The mean of each label's probability.
fn mean(parts: &[Part]) -> Vec<f32> {
    let mut sums = vec![0.0; parts[0].scores.len()];
    for part in parts {
        for (sum, score) in sums.iter_mut().zip(&part.scores) {
            *sum += score;
        }
    }
    let count = parts.len() as f32;
    sums.into_iter().map(|sum: f32| sum / count).collect()
}

/// Neighbours of one type, put together.
fn grouped(
    parts: Vec<Tagged>,
    names: &[String],
    tokenizer: &Tokenizer,
) -> Result<Vec<Entity>, DataError> {
    let mut groups: Vec<Vec<Tagged>> = Vec::new();
    for part in parts {
        let (begins, kind) = kind_of(&names[part.tag]);
        match groups.last_mut() {
            Some(group)
                if !begins
                    && group
                        .last()
                        .is_some_and(|last| kind_of(&names[last.tag]).1 == kind) =>
            {
                group.push(part);
            }
            _ => groups.push(vec![part]),
        }
    }
    let mut found = Vec::new();
    for group in groups {
        // Of the first tag all that follows its first dash, as transformers has it.
        let tag = &names[group[0].tag];
        let label = tag.split_once('-').map_or(tag.as_str(), |(_, kind)| kind);
        if label == OUTSIDE {
            continue;
        }
        let sum: f32 = group.iter().map(|part| part.score).sum();
        let (start, end) = (group[0].start, group[group.len() - 1].end);
        found.push(Entity {
            label: label.to_owned(),
            score: sum / group.len() as f32,
            start,
            end,
            word: tokenizer.tokens_to_text(group.into_iter().map(|part| part.word).collect())?,
        });
    }
    Ok(found)
}

/// Whether a tag begins an entity, and its type. One without `B-` or `I-` goes on with its like.
fn kind_of(tag: &str) -> (bool, &str) {
    match tag.strip_prefix("B-") {
        Some(kind) => (true, kind),
        None => (false, tag.strip_prefix("I-").unwrap_or(tag)),
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|x| libm::expf(x - most)).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The place of the highest value, the first of equal ones, and the value.
fn argmax(values: &[f32]) -> (usize, f32) {
    let mut best = (0, values.first().copied().unwrap_or_default());
    for (place, value) in values.iter().copied().enumerate() {
        if value > best.1 {
            best = (place, value);
        }
    }
    best
}
