//! Tagging schemes and their rules: seqeval's `scheme.py` as tables.

use std::fmt;
use std::str::FromStr;

use super::Chunk;
use crate::error::MetricError;

/// How the tokens of an entity are tagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `I-`, and `B-` only where an entity follows another of its type at once.
    Iob1,
    /// `B-` begins every entity, `I-` goes on. What most data sets have, and what spans become here.
    Iob2,
    /// `I-`, and `E-` only where another entity of its type follows at once.
    Ioe1,
    /// `E-` ends every entity.
    Ioe2,
    /// `B-`, `I-`, `E-`, and `S-` for an entity of one token.
    Iobes,
    /// The same with `L-` for the last and `U-` for a single token.
    Bilou,
}

/// Prefixes as bits.
type Prefixes = u8;

const I: Prefixes = 1;
const O: Prefixes = 1 << 1;
const B: Prefixes = 1 << 2;
const E: Prefixes = 1 << 3;
const S: Prefixes = 1 << 4;
const U: Prefixes = 1 << 5;
const L: Prefixes = 1 << 6;
const ANY: Prefixes = I | O | B | E | S | U | L;

const NAMES: [(char, Prefixes); 7] = [
    ('I', I),
    ('O', O),
    ('B', B),
    ('E', E),
    ('S', S),
    ('U', U),
    ('L', L),
];

/// What the types of two neighbours must be.
#[derive(Clone, Copy)]
enum Kinds {
    Same,
    Differ,
    Any,
}

use Kinds::{Any, Differ, Same};

/// The previous prefix, this one, and what their types must be.
type Patterns = &'static [(Prefixes, Prefixes, Kinds)];

/// What a scheme allows.
struct Rules {
    allowed: Prefixes,
    start: Patterns,
    inside: Patterns,
    end: Patterns,
}

const IOB1: Rules = Rules {
    allowed: I | O | B,
    start: &[
        (O, I, Any),
        (I, I, Differ),
        (B, I, Any),
        (I, B, Same),
        (B, B, Same),
    ],
    inside: &[(B, I, Same), (I, I, Same)],
    end: &[
        (I, I, Differ),
        (I, O, Any),
        (I, B, Any),
        (B, O, Any),
        (B, I, Differ),
        (B, B, Same),
    ],
};

const IOB2: Rules = Rules {
    allowed: I | O | B,
    start: &[(ANY, B, Any)],
    inside: &[(B, I, Same), (I, I, Same)],
    end: &[
        (I, O, Any),
        (I, I, Differ),
        (I, B, Any),
        (B, O, Any),
        (B, I, Differ),
        (B, B, Any),
    ],
};

const IOE1: Rules = Rules {
    allowed: I | O | E,
    start: &[(O, I, Any), (I, I, Differ), (E, I, Any), (E, E, Same)],
    inside: &[(I, I, Same), (I, E, Same)],
    end: &[
        (I, I, Differ),
        (I, O, Any),
        (I, E, Differ),
        (E, I, Same),
        (E, E, Same),
    ],
};

const IOE2: Rules = Rules {
    allowed: I | O | E,
    start: &[
        (O, I, Any),
        (O, E, Any),
        (E, I, Any),
        (E, E, Any),
        (I, I, Differ),
        (I, E, Differ),
    ],
    inside: &[(I, E, Same), (I, I, Same)],
    end: &[(E, ANY, Any)],
};

const IOBES: Rules = Rules {
    allowed: I | O | B | E | S,
    start: &[(ANY, B, Any), (ANY, S, Any)],
    inside: &[(B, I, Same), (B, E, Same), (I, I, Same), (I, E, Same)],
    end: &[(S, ANY, Any), (E, ANY, Any)],
};

const BILOU: Rules = Rules {
    allowed: B | I | L | O | U,
    start: &[(ANY, B, Any), (ANY, U, Any)],
    inside: &[(B, I, Same), (B, L, Same), (I, I, Same), (I, L, Same)],
    end: &[(U, ANY, Any), (L, ANY, Any)],
};

/// A tag, taken apart.
#[derive(Clone, Copy)]
struct Tag<'a> {
    prefix: Prefixes,
    kind: &'a str,
}

const OUTSIDE: Tag<'static> = Tag {
    prefix: O,
    kind: "_",
};

impl Tag<'_> {
    fn matches(&self, previous: &Tag<'_>, patterns: Patterns) -> bool {
        patterns.iter().any(|(before, now, kinds)| {
            previous.prefix & before != 0
                && self.prefix & now != 0
                && match kinds {
                    Same => previous.kind == self.kind,
                    Differ => previous.kind != self.kind,
                    Any => true,
                }
        })
    }
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Iob1,
        Self::Iob2,
        Self::Ioe1,
        Self::Ioe2,
        Self::Iobes,
        Self::Bilou,
    ];

    /// Its usual name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iob1 => "IOB1",
            Self::Iob2 => "IOB2",
            Self::Ioe1 => "IOE1",
            Self::Ioe2 => "IOE2",
            Self::Iobes => "IOBES",
            Self::Bilou => "BILOU",
        }
    }

    const fn rules(self) -> &'static Rules {
        match self {
            Self::Iob1 => &IOB1,
            Self::Iob2 => &IOB2,
            Self::Ioe1 => &IOE1,
            Self::Ioe2 => &IOE2,
            Self::Iobes => &IOBES,
            Self::Bilou => &BILOU,
        }
    }

    fn tag<'a>(self, tag: &'a str) -> Result<Tag<'a>, MetricError> {
        let mut chars = tag.chars();
        let first = chars.next();
        let prefix = NAMES.iter().find(|(name, _)| Some(*name) == first);
        let allowed = self.rules().allowed;
        let Some((_, prefix)) = prefix.filter(|(_, prefix)| allowed & prefix != 0) else {
            let prefixes = NAMES
                .iter()
                .filter(|(_, prefix)| allowed & prefix & !O != 0)
                .map(|(name, _)| name.to_string());
            return Err(MetricError::NotOfScheme {
                tag: tag.to_owned(),
                scheme: self,
                prefixes: prefixes.collect::<Vec<_>>().join(", "),
            });
        };
        let kind = chars.as_str().trim_matches('-');
        Ok(Tag {
            prefix: *prefix,
            kind: if kind.is_empty() { "_" } else { kind },
        })
    }

    /// The entities of a sentence by the scheme's rules: seqeval's `Tokens.entities`.
    pub(super) fn chunks<'a>(self, tags: &[&'a str]) -> Result<Vec<Chunk<'a>>, MetricError> {
        let rules = self.rules();
        let parsed: Result<Vec<Tag<'a>>, MetricError> =
            tags.iter().map(|tag| self.tag(tag)).collect();
        let mut tags = parsed?;
        // What the last entity ends before.
        tags.push(OUTSIDE);
        let mut chunks = Vec::new();
        let (mut previous, mut i) = (OUTSIDE, 0);
        while i < tags.len() {
            let tag = tags[i];
            if tag.matches(&previous, rules.start) {
                let mut end = i + 1;
                while end < tags.len() && tags[end].matches(&tags[end - 1], rules.inside) {
                    end += 1;
                }
                if tags
                    .get(end)
                    .is_some_and(|next| next.matches(&tags[end - 1], rules.end))
                {
                    chunks.push(Chunk {
                        kind: tag.kind,
                        start: i,
                        end,
                    });
                }
                i = end;
            } else {
                i += 1;
            }
            previous = tags[i - 1];
        }
        Ok(chunks)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = MetricError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| MetricError::UnknownScheme {
                name: name.to_owned(),
                known: Self::ALL.map(Self::as_str).join(", "),
            })
    }
}
