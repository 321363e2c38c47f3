//! Which token has which label: as `tokenize_and_align_labels` of transformers' example for token
//! classification (`run_ner.py`) has it.

use std::collections::BTreeMap;

use crate::PlacedTokens;

/// The class of a token that counts for nothing, in the loss and in metrics.
pub const IGNORED: i32 = -100;

/// A part of a text with a label, by its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first character, counted from 0 as Python counts them.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// The number of its type.
    pub kind: usize,
}

/// For each class the one that goes on with it: `I-PER` for `B-PER`, where there is such a class; itself
/// else.
pub(super) fn continuations(names: &[String]) -> Vec<i32> {
    let ids: BTreeMap<&str, i32> = names.iter().map(String::as_str).zip(0..).collect();
    let continued = names.iter().zip(0..).map(|(name, id)| {
        let inside = name.starts_with("B-").then(|| name.replace("B-", "I-"));
        let inside = inside.and_then(|inside| ids.get(inside.as_str()).copied());
        inside.unwrap_or(id)
    });
    continued.collect()
}

/// The class of each token of a text that was words: the first token of a word has the word's class
/// (`tags`, one for each word), the others have none, or with `all_tokens` the class that goes on with it.
pub(super) fn of_words(tokens: &PlacedTokens, tags: &[i32], continued: Option<&[i32]>) -> Vec<i32> {
    let mut previous = None;
    let labels = tokens.word_ids.iter().map(|word| {
        let class = word.and_then(|word| tags.get(word as usize).copied());
        let is_first = *word != previous;
        previous = *word;
        match (class, continued) {
            (None, _) => IGNORED,
            (Some(class), _) if is_first => class,
            (Some(_), None) => IGNORED,
            (Some(class), Some(continued)) => {
                let place = usize::try_from(class).ok();
                place.map_or(IGNORED, |place| {
                    continued.get(place).copied().unwrap_or(class)
                })
            }
        }
    });
    labels.collect()
}

/// What a token of a text is to its spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In none of them.
    Outside,
    /// The first token of a span of that type.
    Begins(usize),
    /// A later one.
    Inside(usize),
}

/// For each token its place among the spans, which are in order and don't overlap; `None` for tokens that
/// have no label: special ones, and without `all_tokens` those that go on with a word. A word ends where a
/// span begins or ends, so that a span's first token always has a label.
pub(super) fn of_spans(
    tokens: &PlacedTokens,
    spans: &[Span],
    all_tokens: bool,
) -> Vec<Option<Place>> {
    let mut previous: Option<(Option<u32>, Option<usize>)> = None;
    let mut last_span = None;
    let mut places = Vec::with_capacity(tokens.len());
    for (i, (start, end)) in tokens.offsets.iter().enumerate() {
        if tokens.is_special[i] {
            previous = None;
            places.push(None);
            continue;
        }
        // The first span that ends after the token's beginning is the only one it may begin in.
        let at = spans.partition_point(|span| span.end <= *start);
        let span = spans.get(at).filter(|span| span.start < *end).map(|_| at);
        let part = (tokens.word_ids[i], span);
        let goes_on = previous == Some(part) && part.0.is_some();
        previous = Some(part);
        let place = match span {
            None => Place::Outside,
            Some(at) if last_span == Some(at) => Place::Inside(spans[at].kind),
            Some(at) => Place::Begins(spans[at].kind),
        };
        last_span = span.or(last_span);
        places.push((!goes_on || all_tokens).then_some(place));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(parts: &[(Option<u32>, (usize, usize))]) -> PlacedTokens {
        let count = parts.len();
        PlacedTokens {
            input_ids: vec![0; count],
            token_type_ids: vec![0; count],
            tokens: vec![String::new(); count],
            offsets: parts.iter().map(|(_, offsets)| *offsets).collect(),
            word_ids: parts.iter().map(|(word, _)| *word).collect(),
            is_special: parts.iter().map(|(word, _)| word.is_none()).collect(),
        }
    }

    #[test]
    fn the_first_token_of_a_word_has_its_class() {
        let word = |word| (word, (0, 1));
        let tokens = tokens(&[None, Some(0), Some(0), Some(1), Some(2), Some(2), None].map(word));
        let names = ["O", "B-X", "I-X", "B-Y"].map(str::to_owned);
        let continued = continuations(&names);
        assert_eq!(continued, [0, 2, 2, 3]);
        assert_eq!(
            of_words(&tokens, &[1, 0, IGNORED], None),
            [IGNORED, 1, IGNORED, 0, IGNORED, IGNORED, IGNORED]
        );
        assert_eq!(
            of_words(&tokens, &[1, 0, 3], Some(&continued)),
            [IGNORED, 1, 2, 0, 3, 3, IGNORED]
        );
    }

    #[test]
    fn a_word_ends_where_a_span_does() {
        // "pre|Ber|lin|er x": the span is "Berlin".
        let tokens = tokens(&[
            (None, (0, 0)),
            (Some(0), (0, 3)),
            (Some(0), (3, 6)),
            (Some(0), (6, 9)),
            (Some(0), (9, 11)),
            (Some(1), (12, 13)),
            (None, (0, 0)),
        ]);
        let spans = [Span {
            start: 3,
            end: 9,
            kind: 4,
        }];
        let outside = Some(Place::Outside);
        assert_eq!(
            of_spans(&tokens, &spans, false),
            [
                None,
                outside,
                Some(Place::Begins(4)),
                None,
                outside,
                outside,
                None
            ]
        );
        let all = of_spans(&tokens, &spans, true);
        assert_eq!(all[3], Some(Place::Inside(4)));
    }
}
