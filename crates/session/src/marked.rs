//! What tags mark in a text, as a person reads it.

use tunesmith::data::{IGNORED, PlacedTokens};
use tunesmith::metrics::{MetricError, Reading, are_entities};

/// The tokens of a text that have a label, and the characters that each stands for.
pub(crate) struct Marked<'a> {
    text: &'a str,
    /// The first character of each labelled token, and the one after the last that belongs to it: those of
    /// a word's further tokens too.
    places: Vec<(usize, usize)>,
    /// Which of them are shown, where all tokens have a class of their own.
    shown: Vec<bool>,
}

impl<'a> Marked<'a> {
    /// `labels` has the class of each token, [`IGNORED`] where it counts for nothing.
    pub(crate) fn new(text: &'a str, tokens: &PlacedTokens, labels: &[i32]) -> Self {
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (token, label) in labels.iter().enumerate().take(tokens.len()) {
            let (start, end) = tokens.offsets[token];
            if *label != IGNORED {
                places.push((start, end));
            } else if let Some(last) = places.last_mut().filter(|_| !tokens.is_special[token]) {
                last.1 = last.1.max(end);
            }
        }
        let shown = vec![true; places.len()];
        Self {
            text,
            places,
            shown,
        }
    }

    /// The class and the logits of each labelled token; `logits` are those of all tokens, `[tokens, width]`.
    pub(crate) fn labelled<'b>(
        &self,
        labels: &'b [i32],
        logits: &'b [f32],
        width: usize,
    ) -> Vec<(usize, &'b [f32])> {
        let tokens = labels.iter().zip(logits.chunks(width));
        let labelled = tokens.filter_map(|(label, logits)| {
            Some((
                usize::try_from(*label)
                    .ok()
                    .filter(|class| *class < width)?,
                logits,
            ))
        });
        labelled.collect()
    }

    /// Shows only what differs, where every token has a class of its own, such as its part of speech.
    pub(crate) fn keep_differences(&mut self, names: &[String], wanted: &[i64], found: &[i64]) {
        if !are_entities(names) {
            let both = wanted.iter().zip(found);
            self.shown = both.map(|(wanted, found)| wanted != found).collect();
        }
    }

    /// What the classes of the labelled tokens mark: the text and its type.
    pub(crate) fn entities(
        &self,
        names: &[String],
        classes: &[i64],
    ) -> Result<Vec<(String, String)>, MetricError> {
        let name = |class: &i64| {
            usize::try_from(*class)
                .ok()
                .and_then(|class| names.get(class))
        };
        let tags: Vec<&str> = classes
            .iter()
            .map(|class| name(class).map_or("O", String::as_str))
            .collect();
        if !are_entities(names) {
            let tokens = tags.iter().zip(&self.places).zip(&self.shown);
            let shown = tokens.filter(|(_, is_shown)| **is_shown);
            let marked = shown.map(|((tag, place), _)| (self.slice(*place), (*tag).to_owned()));
            return Ok(marked.collect());
        }
        let chunks = Reading::Lenient.chunks(&tags)?.into_iter();
        let marked = chunks.filter_map(|chunk| {
            let start = self.places.get(chunk.start)?.0;
            let end = self.places.get(chunk.end.checked_sub(1)?)?.1;
            Some((self.slice((start, end)), chunk.kind.to_owned()))
        });
        Ok(marked.collect())
    }

    fn slice(&self, (start, end): (usize, usize)) -> String {
        let length = end.saturating_sub(start);
        self.text.chars().skip(start).take(length).collect()
    }
}

/// Entities with their types, as a line of text.
pub(crate) fn listed(entities: &[(String, String)]) -> String {
    if entities.is_empty() {
        return "none".to_owned();
    }
    let entities: Vec<String> = entities
        .iter()
        .map(|(text, kind)| format!("{text} ({kind})"))
        .collect();
    entities.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// "Ann-Marie left Rome", whose first word is three tokens.
    fn tokens() -> PlacedTokens {
        let offsets = vec![(0, 0), (0, 3), (3, 4), (4, 9), (10, 14), (15, 19), (0, 0)];
        PlacedTokens {
            input_ids: vec![0; 7],
            token_type_ids: vec![0; 7],
            tokens: vec![String::new(); 7],
            word_ids: vec![None, Some(0), Some(0), Some(0), Some(1), Some(2), None],
            is_special: offsets.iter().map(|place| *place == (0, 0)).collect(),
            offsets,
        }
    }

    const LABELS: [i32; 7] = [IGNORED, 1, IGNORED, IGNORED, 0, 2, IGNORED];

    #[test]
    fn a_words_further_tokens_belong_to_its_entity() {
        let names = ["O", "B-PER", "B-LOC"].map(str::to_owned);
        let (text, tokens) = ("Ann-Marie left Rome", tokens());
        let marked = Marked::new(text, &tokens, &LABELS);
        let found = marked.entities(&names, &[1, 0, 2]).unwrap();
        assert_eq!(listed(&found), "Ann-Marie (PER), Rome (LOC)");
        assert_eq!(
            listed(&marked.entities(&names, &[0, 0, 0]).unwrap()),
            "none"
        );
        let logits: Vec<f32> = (0..21).map(|i| i as f32).collect();
        let labelled = marked.labelled(&LABELS, &logits, 3);
        assert_eq!(labelled[2], (2, &logits[15..18]));
    }

    #[test]
    fn of_parts_of_speech_only_what_differs_is_shown() {
        let names = ["VERB", "NOUN", "PROPN"].map(str::to_owned);
        let (text, tokens) = ("Ann-Marie left Rome", tokens());
        let mut marked = Marked::new(text, &tokens, &LABELS);
        let (wanted, found) = ([2, 0, 2], [2, 0, 1]);
        marked.keep_differences(&names, &wanted, &found);
        let shown = |classes| listed(&marked.entities(&names, classes).unwrap());
        assert_eq!(
            (shown(&wanted), shown(&found)),
            ("Rome (PROPN)".to_owned(), "Rome (NOUN)".to_owned())
        );
    }
}
