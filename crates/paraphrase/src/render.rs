//! From facts and a form to an English sentence.

use std::collections::BTreeSet;

use crate::grammar::{Event, Form, Frame};
use crate::rng::Rng;
use crate::syntax::{self, Node};
use crate::value::Value;

/// A sentence, the facts that it states, and the choices of wording that led to it.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// The text, with a capital and a full stop.
    pub text: String,
    /// The slots of the event that the text mentions.
    pub stated: BTreeSet<usize>,
    /// The choices in order, for a second rendering that keeps most of them.
    pub choices: Vec<u32>,
}

/// How the choices of wording are made.
pub struct Wording<'a> {
    /// Draws what isn't kept.
    pub rng: &'a mut Rng,
    /// The choices of an earlier sentence of the same form.
    pub earlier: &'a [u32],
    /// Percentage of them to keep.
    pub keep: u32,
}

struct Renderer<'a, 'b> {
    wording: &'a mut Wording<'b>,
    values: &'a [Value],
    text: String,
    stated: BTreeSet<usize>,
    choices: Vec<u32>,
}

/// Renders `form` with `values`, half of the time as reported speech.
#[must_use]
pub fn sentence(
    event: &Event,
    form: &Form,
    frames: &[Frame],
    values: &[Value],
    wording: &mut Wording<'_>,
) -> Sentence {
    let mut renderer = Renderer {
        wording,
        values,
        text: String::new(),
        stated: BTreeSet::new(),
        choices: Vec::new(),
    };
    let reported = renderer.choose(2) == 1;
    let which = renderer.choose(u32::try_from(frames.len()).unwrap_or(1));
    let frame = frames
        .get(which as usize)
        .filter(|_| form.framed && reported);
    let speaker = event.speaker();
    if let Some(frame) = frame {
        renderer.frame(&frame.before, speaker);
    }
    renderer.nodes(&form.nodes);
    if let Some(frame) = frame {
        renderer.frame(&frame.after, speaker);
    }
    Sentence {
        text: finish(&renderer.text),
        stated: renderer.stated,
        choices: renderer.choices,
    }
}

impl Renderer<'_, '_> {
    fn choose(&mut self, n: u32) -> u32 {
        let earlier = self.wording.earlier.get(self.choices.len()).copied();
        let drawn = self.wording.rng.below(n);
        let kept = self.wording.rng.chance(self.wording.keep);
        let choice = earlier
            .filter(|_| kept)
            .map_or(drawn, |choice| choice % n.max(1));
        self.choices.push(choice);
        choice
    }

    fn choose_arm<'n, T>(&mut self, arms: &'n [T]) -> Option<&'n T> {
        let n = u32::try_from(arms.len()).unwrap_or(1);
        arms.get(self.choose(n) as usize)
    }

    fn frame(&mut self, nodes: &[Node], speaker: usize) {
        for node in nodes {
            match node {
                Node::Slot(..) => self.slot(speaker, ""),
                _ => self.nodes(std::slice::from_ref(node)),
            }
        }
    }

    fn slot(&mut self, slot: usize, attribute: &str) {
        let Some(value) = self.values.get(slot) else {
            return;
        };
        if let Some(surface) = self.choose_arm(value.surfaces(attribute)) {
            self.text.push_str(surface);
        }
        if !syntax::is_pronoun(attribute) {
            self.stated.insert(slot);
        }
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Text(text) => self.text.push_str(text),
                Node::Slot(slot, attribute) => self.slot(*slot, attribute),
                Node::Choice(arms) => {
                    if let Some(arm) = self.choose_arm(arms) {
                        self.nodes(arm);
                    }
                }
                Node::Optional(inner) => {
                    if self.choose(2) == 1 {
                        self.nodes(inner);
                    }
                }
                Node::Outcome(slot, arms) => {
                    let outcome = self.values.get(*slot).map_or(0, Value::outcome);
                    self.stated.insert(*slot);
                    if let Some(arm) = arms.get(outcome) {
                        self.nodes(arm);
                    }
                }
            }
        }
    }
}

/// Articles before vowels, possessives, doubled marks, the capital and the full stop.
#[must_use]
pub fn finish(clause: &str) -> String {
    let words: Vec<&str> = clause.split_whitespace().collect();
    let mut text = String::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        let vowel = words
            .get(i + 1)
            .is_some_and(|next| starts_with_vowel_sound(next));
        match *word {
            "a" if vowel => text.push_str("an"),
            _ => text.push_str(word),
        }
    }
    for (from, to) in [
        ("s's ", "s' "),
        (",,", ","),
        (" ,", ","),
        (",;", ";"),
        (".'s", ".'s"),
    ] {
        text = text.replace(from, to);
    }
    let mut text = text.trim_end_matches([',', ' ', ';']).to_owned();
    if !text.ends_with('.') {
        text.push('.');
    }
    capitalised(&text)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn starts_with_vowel_sound(word: &str) -> bool {
    let word = word.trim_start_matches(['"', '$']).to_lowercase();
    let exception = ["uni", "use", "one", "eu"]
        .iter()
        .any(|start| word.starts_with(start));
    let number = ["8", "11 ", "18 "]
        .iter()
        .any(|start| format!("{word} ").starts_with(start))
        || ["11-", "18-", "11%", "18%"]
            .iter()
            .any(|start| word.starts_with(start));
    number || (!exception && word.starts_with(['a', 'e', 'i', 'o', 'u']))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::finish;

    #[test]
    fn finishing_touches() {
        for (clause, sentence) in [
            ("a old plan by Acme Inc.", "An old plan by Acme Inc."),
            (
                "a 80-year-old , a 18 percent rise",
                "An 80-year-old, an 18 percent rise.",
            ),
            (
                "a university in the Hawks's city,",
                "A university in the Hawks' city.",
            ),
            ("a $8 million bid", "An $8 million bid."),
        ] {
            assert_eq!(finish(clause), sentence);
        }
    }
}
