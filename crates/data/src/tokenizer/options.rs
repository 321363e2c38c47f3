//! How a text is tokenized, with transformers' names.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DataError;

/// Where shorter examples of a batch are filled up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaddingSide {
    /// Padding before the text.
    Left,
    /// Padding after the text.
    #[default]
    Right,
}

/// Which text loses tokens where both together are too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truncation {
    /// Token by token, always from the longer text.
    #[default]
    LongestFirst,
    /// Only from the first text.
    OnlyFirst,
    /// Only from the second text.
    OnlySecond,
    /// Nothing is cut.
    DoNotTruncate,
}

impl Truncation {
    /// The name in transformers.
    pub fn name(self) -> &'static str {
        match self {
            Self::LongestFirst => "longest_first",
            Self::OnlyFirst => "only_first",
            Self::OnlySecond => "only_second",
            Self::DoNotTruncate => "do_not_truncate",
        }
    }
}

impl FromStr for Truncation {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        [
            Self::LongestFirst,
            Self::OnlyFirst,
            Self::OnlySecond,
            Self::DoNotTruncate,
        ]
        .into_iter()
        .find(|truncation| truncation.name() == name)
        .ok_or_else(|| {
            DataError::Argument(format!(
                "truncation {name:?} is not known: use longest_first, only_first, only_second or do_not_truncate"
            ))
        })
    }
}

/// How a text is tokenized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizeOptions {
    /// The most tokens, special ones included; `None`: the model's limit, where it is known.
    pub max_length: Option<usize>,
    /// What is cut where that is too few.
    pub truncation: Truncation,
    /// Whether `[CLS]`, `[SEP]` and the like are added.
    pub add_special_tokens: bool,
}

impl Default for TokenizeOptions {
    fn default() -> Self {
        Self {
            max_length: None,
            truncation: Truncation::LongestFirst,
            add_special_tokens: true,
        }
    }
}
