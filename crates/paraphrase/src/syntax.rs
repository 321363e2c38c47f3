//! The notation of one form.
//!
//! `[a|b]` chooses freely between synonyms, `<...>` is a detail that may be left out,
//! `{slot}` and `{slot.attribute}` write a fact, `{slot?a|b}` writes an outcome.

use std::collections::BTreeSet;

/// A piece of a form; slots are named by their position in the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Literal words.
    Text(String),
    /// A fact's surface.
    Slot(usize, String),
    /// Synonyms.
    Choice(Vec<Vec<Node>>),
    /// A detail.
    Optional(Vec<Node>),
    /// The wording of an outcome: first and second.
    Outcome(usize, Vec<Vec<Node>>),
}

/// Resolves a slot's name and attribute; the attribute `?` asks for an outcome.
pub type Lookup<'a> = dyn Fn(&str, &str) -> Result<usize, String> + 'a;

/// Reads one form.
///
/// # Errors
/// A message naming the bracket or slot at fault.
pub fn parse(text: &str, lookup: &Lookup<'_>) -> Result<Vec<Node>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser {
        chars,
        at: 0,
        lookup,
    };
    let nodes = parser.sequence(&[])?;
    Ok(nodes)
}

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    lookup: &'a Lookup<'a>,
}

impl Parser<'_> {
    /// Reads up to one of `ends` (left unread), or to the end of the form for no `ends`.
    fn sequence(&mut self, ends: &[char]) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        let mut text = String::new();
        loop {
            let Some(&c) = self.chars.get(self.at) else {
                if ends.is_empty() {
                    flush(&mut text, &mut nodes);
                    return Ok(nodes);
                }
                return Err(format!("the form ends before `{}`", ends[ends.len() - 1]));
            };
            if ends.contains(&c) {
                flush(&mut text, &mut nodes);
                return Ok(nodes);
            }
            self.at += 1;
            let node = match c {
                '[' => Node::Choice(self.alternatives(']')?),
                '<' => {
                    let inner = self.sequence(&['>'])?;
                    self.at += 1;
                    Node::Optional(inner)
                }
                '{' => self.slot()?,
                ']' | '>' | '}' | '|' => return Err(format!("`{c}` closes nothing")),
                _ => {
                    text.push(c);
                    continue;
                }
            };
            flush(&mut text, &mut nodes);
            nodes.push(node);
        }
    }

    fn alternatives(&mut self, close: char) -> Result<Vec<Vec<Node>>, String> {
        let mut all = Vec::new();
        loop {
            all.push(self.sequence(&['|', close])?);
            let end = self.chars.get(self.at).copied();
            self.at += 1;
            if end == Some(close) {
                return Ok(all);
            }
        }
    }

    fn slot(&mut self) -> Result<Node, String> {
        let start = self.at;
        while self
            .chars
            .get(self.at)
            .is_some_and(|c| !matches!(c, '}' | '?'))
        {
            self.at += 1;
        }
        let inside: String = self.chars[start..self.at].iter().collect();
        let (name, attribute) = inside.split_once('.').unwrap_or((&inside, ""));
        match self.chars.get(self.at) {
            Some('?') => {
                self.at += 1;
                let slot = (self.lookup)(name, "?")?;
                let arms = self.alternatives('}')?;
                if arms.len() != 2 {
                    return Err(format!(
                        "`{{{name}?` needs two wordings, it has {}",
                        arms.len()
                    ));
                }
                Ok(Node::Outcome(slot, arms))
            }
            Some(_) => {
                self.at += 1;
                Ok(Node::Slot(
                    (self.lookup)(name, attribute)?,
                    attribute.to_owned(),
                ))
            }
            None => Err(format!("`{{{inside}` is not closed")),
        }
    }
}

fn flush(text: &mut String, nodes: &mut Vec<Node>) {
    if !text.is_empty() {
        nodes.push(Node::Text(std::mem::take(text)));
    }
}

/// A pronoun tells nothing that its person didn't.
#[must_use]
pub fn is_pronoun(attribute: &str) -> bool {
    matches!(attribute, "he" | "him" | "his")
}

/// The slots that every rendering of these nodes states.
#[must_use]
pub fn stated(nodes: &[Node]) -> BTreeSet<usize> {
    let common = |arms: &[Vec<Node>]| {
        let mut sets = arms.iter().map(|arm| stated(arm));
        let first = sets.next().unwrap_or_default();
        sets.fold(first, |all, set| all.intersection(&set).copied().collect())
    };
    let mut slots = BTreeSet::new();
    for node in nodes {
        match node {
            Node::Text(_) | Node::Optional(_) => {}
            Node::Slot(slot, attribute) => {
                if !is_pronoun(attribute) {
                    slots.insert(*slot);
                }
            }
            Node::Choice(arms) => slots.extend(common(arms)),
            Node::Outcome(slot, arms) => {
                slots.insert(*slot);
                slots.extend(common(arms));
            }
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str) -> Result<Vec<Node>, String> {
        parse(text, &|name, _| match name {
            "a" => Ok(0),
            "b" => Ok(1),
            _ => Err(format!("no slot `{name}`")),
        })
    }

    #[test]
    fn states_what_cannot_be_left_out() {
        let nodes = read("{a} [x|y {b}]< with {b}>").unwrap();
        assert_eq!(stated(&nodes), BTreeSet::from([0]));
        let nodes = read("{b?{a} rose|{a} fell}").unwrap();
        assert_eq!(stated(&nodes), BTreeSet::from([0, 1]));
    }

    #[test]
    fn faults_are_named() {
        for (text, message) in [
            ("[a|b", "before `]`"),
            ("a]", "`]` closes nothing"),
            ("{c}", "no slot `c`"),
            ("{a?x}", "two wordings"),
            ("{a", "not closed"),
        ] {
            assert!(read(text).unwrap_err().contains(message), "{text}");
        }
    }
}
