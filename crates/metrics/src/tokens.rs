//! Tags of tokens: those of entities, or of the words themselves.

use crate::classes::ClassCounts;
use crate::{EntityCounts, Reading};

/// Tags, counted as entities and each for itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) entities: EntityCounts,
    pub(crate) tags: ClassCounts,
    pub(crate) are_entities: bool,
    pub(crate) sentences: usize,
}

/// Whether these are tags of entities: `O`, and others with a prefix such as `B-`.
#[must_use]
pub fn are_entities(names: &[String]) -> bool {
    let has_prefix = |name: &String| {
        let mut chars = name.chars();
        chars.next().is_some_and(|c| "BIESUL".contains(c)) && chars.next() == Some('-')
    };
    names.iter().all(|name| name == "O" || has_prefix(name)) && names.iter().any(has_prefix)
}

impl Tokens {
    pub(crate) fn new(names: &[String], reading: Reading) -> Self {
        Self {
            entities: EntityCounts::new(reading),
            tags: ClassCounts::new(names.len()),
            are_entities: are_entities(names),
            sentences: 0,
        }
    }
}
