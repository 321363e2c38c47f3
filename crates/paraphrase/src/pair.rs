//! Pairs: two forms of the same facts, or of facts that differ in something both state.

use crate::grammar::{Event, Grammar};
use crate::render::{self, Sentence, Wording};
use crate::rng::Rng;
use crate::value::{Kind, Value};

/// How the second sentence came from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// The same facts in other words.
    Reworded,
    /// One or two facts that both sentences state were changed.
    Changed,
    /// Two participants changed places.
    Swapped,
    /// The same kind of event and one name in common, everything else different.
    Retold,
    /// Another event of the same topic, with the same names.
    OtherEvent,
}

/// A labelled pair of sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The first sentence.
    pub sentence1: String,
    /// The second sentence.
    pub sentence2: String,
    /// How they relate; only [`Relation::Reworded`] is equivalent.
    pub relation: Relation,
    /// `topic.event` of the first set of facts.
    pub event: String,
    /// What identifies the facts behind each sentence; no two splits share one.
    pub keys: [String; 2],
}

impl Pair {
    /// The label: 1 for equivalent, 0 for not.
    #[must_use]
    pub fn label(&self) -> i64 {
        i64::from(self.relation == Relation::Reworded)
    }
}

/// An event with a value for each of its slots.
#[derive(Debug, Clone)]
struct Facts<'g> {
    event: &'g Event,
    values: Vec<Value>,
}

impl<'g> Facts<'g> {
    /// Draws what `given` leaves open; no two slots of a kind of name get the same value.
    fn draw(event: &'g Event, given: &[Option<Value>], rng: &mut Rng) -> Self {
        let mut values: Vec<Value> = Vec::new();
        for (i, slot) in event.slots.iter().enumerate() {
            let given = given.get(i).cloned().flatten();
            let value = given.unwrap_or_else(|| fresh(&slot.kind, &values, rng));
            values.push(value);
        }
        Self { event, values }
    }

    fn key(&self) -> String {
        let slots = || self.event.slots.iter().enumerate();
        let names: Vec<usize> = slots()
            .filter(|(_, s)| s.kind.is_name())
            .map(|(i, _)| i)
            .collect();
        // One name alone is soon used up, so then the other facts count too.
        let telling = if names.len() > 1 {
            names
        } else {
            slots()
                .map(|(i, _)| i)
                .filter(|i| self.event.core.contains(i))
                .collect()
        };
        let ids = telling
            .iter()
            .filter_map(|i| self.values.get(*i))
            .map(|v| v.id.as_str());
        let ids: Vec<&str> = ids.collect();
        format!("{}: {}", self.event.name, ids.join(", "))
    }
}

/// A value unlike all of `others`. Identities are spelled out, so the comparison may cross kinds
/// and then keeps a city from playing two parts in one sentence.
fn fresh(kind: &Kind, others: &[Value], rng: &mut Rng) -> Value {
    let mut value = kind.draw(rng);
    for _ in 0..50 {
        if !kind.is_name() || others.iter().all(|other| other.id != value.id) {
            break;
        }
        value = kind.draw(rng);
    }
    value
}

/// Draws a candidate pair about `event`, or nothing where the draw came to no usable pair.
#[must_use]
pub fn candidate(
    grammar: &Grammar,
    event: &Event,
    equivalent: bool,
    rng: &mut Rng,
) -> Option<Pair> {
    let first = Facts::draw(event, &[], rng);
    let (relation, second, edited) = if equivalent {
        (Relation::Reworded, first.clone(), Vec::new())
    } else {
        edit(grammar, &first, rng)?
    };
    let (a, b) = two_sentences(grammar, &first, &second, rng)?;
    let both_state = |slot: &usize| a.stated.contains(slot) && b.stated.contains(slot);
    let visible = match relation {
        Relation::Changed => edited.iter().any(both_state),
        Relation::Swapped => edited.iter().all(both_state),
        Relation::Reworded | Relation::Retold | Relation::OtherEvent => true,
    };
    if !visible || a.text == b.text {
        return None;
    }
    let (a, b) = if rng.chance(50) { (a, b) } else { (b, a) };
    Some(Pair {
        sentence1: a.text,
        sentence2: b.text,
        relation,
        event: event.name.clone(),
        keys: [first.key(), second.key()],
    })
}

fn two_sentences(
    grammar: &Grammar,
    first: &Facts<'_>,
    second: &Facts<'_>,
    rng: &mut Rng,
) -> Option<(Sentence, Sentence)> {
    let form = rng.pick(&first.event.forms)?;
    let mut wording = Wording {
        rng: &mut *rng,
        earlier: &[],
        keep: 0,
    };
    let a = render::sentence(
        first.event,
        form,
        &grammar.frames,
        &first.values,
        &mut wording,
    );
    let same_form = first.event.name == second.event.name && rng.chance(50);
    let (form, keep) = if same_form {
        (form, [0, 50, 80, 92][rng.below(4) as usize])
    } else {
        (rng.pick(&second.event.forms)?, 0)
    };
    let mut wording = Wording {
        rng: &mut *rng,
        earlier: &a.choices,
        keep,
    };
    let b = render::sentence(
        second.event,
        form,
        &grammar.frames,
        &second.values,
        &mut wording,
    );
    Some((a, b))
}

fn edit<'g>(
    grammar: &'g Grammar,
    first: &Facts<'g>,
    rng: &mut Rng,
) -> Option<(Relation, Facts<'g>, Vec<usize>)> {
    match rng.below(100) {
        0..55 => changed(first, rng),
        55..68 => swapped(first),
        68..82 => retold(first, rng),
        _ => other_event(grammar, first, rng),
    }
}

fn changed<'g>(first: &Facts<'g>, rng: &mut Rng) -> Option<(Relation, Facts<'g>, Vec<usize>)> {
    let mut second = first.clone();
    let mut edited = Vec::new();
    for _ in 0..if rng.chance(35) { 2 } else { 1 } {
        let slot = weighted_slot(first.event, rng)?;
        let kind = &first.event.slots.get(slot)?.kind;
        let before = first.values.get(slot)?;
        let value = (0..50)
            .map(|_| fresh(kind, &first.values, rng))
            .find(|value| value.id != before.id)?;
        *second.values.get_mut(slot)? = value;
        edited.push(slot);
    }
    Some((Relation::Changed, second, edited))
}

fn weighted_slot(event: &Event, rng: &mut Rng) -> Option<usize> {
    let slots = event.slots.get(..event.speaker())?;
    let total: u32 = slots.iter().map(|slot| slot.kind.weight()).sum();
    let mut at = rng.below(total);
    slots.iter().position(|slot| {
        let weight = slot.kind.weight();
        let here = at < weight;
        at = at.saturating_sub(weight);
        here
    })
}

fn swapped<'g>(first: &Facts<'g>) -> Option<(Relation, Facts<'g>, Vec<usize>)> {
    let (a, b) = first.event.swap?;
    let mut second = first.clone();
    second.values.swap(a, b);
    Some((Relation::Swapped, second, vec![a, b]))
}

fn retold<'g>(first: &Facts<'g>, rng: &mut Rng) -> Option<(Relation, Facts<'g>, Vec<usize>)> {
    let event = first.event;
    let names: Vec<usize> = event
        .core
        .iter()
        .copied()
        .filter(|i| event.slots.get(*i).is_some_and(|slot| slot.kind.is_name()))
        .collect();
    let kept = *rng.pick(&names)?;
    let mut given = vec![None; event.slots.len()];
    *given.get_mut(kept)? = first.values.get(kept).cloned();
    let second = Facts::draw(event, &given, rng);
    let differ = |i: &&usize| second.values.get(**i) != first.values.get(**i);
    // With one difference it would be a change like any other.
    (event.core.iter().filter(differ).count() > 1).then_some((Relation::Retold, second, Vec::new()))
}

fn other_event<'g>(
    grammar: &'g Grammar,
    first: &Facts<'g>,
    rng: &mut Rng,
) -> Option<(Relation, Facts<'g>, Vec<usize>)> {
    let others: Vec<&Event> = grammar
        .events
        .iter()
        .filter(|event| event.topic == first.event.topic && event.name != first.event.name)
        .collect();
    let event = *rng.pick(&others)?;
    let mut unused: Vec<(&Kind, &Value)> = first
        .event
        .slots
        .iter()
        .map(|slot| &slot.kind)
        .zip(&first.values)
        .collect();
    let mut shared = 0;
    let mut given = Vec::new();
    for slot in &event.slots {
        let found = unused
            .iter()
            .position(|(kind, _)| **kind == slot.kind && slot.kind != Kind::Either);
        let value = found.map(|i| unused.remove(i).1.clone());
        shared += usize::from(value.is_some() && slot.kind.is_name());
        given.push(value);
    }
    let second = Facts::draw(event, &given, rng);
    (shared > 0).then_some((Relation::OtherEvent, second, Vec::new()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;

    use super::*;

    fn draw(equivalent: bool, n: u64) -> Vec<Pair> {
        let grammar = Grammar::builtin().unwrap();
        (0..n)
            .filter_map(|i| {
                let mut rng = Rng::new(5, "pairs", i);
                let event = rng.pick(&grammar.events)?;
                candidate(&grammar, event, equivalent, &mut rng)
            })
            .collect()
    }

    #[test]
    fn equivalent_pairs_share_their_facts_and_differ_in_words() {
        let pairs = draw(true, 500);
        assert!(pairs.len() > 300, "{}", pairs.len());
        for pair in pairs {
            assert_eq!(pair.label(), 1);
            assert_eq!(pair.keys[0], pair.keys[1]);
            assert_ne!(pair.sentence1, pair.sentence2);
        }
    }

    #[test]
    fn every_relation_occurs_and_edits_show() {
        let pairs = draw(false, 2000);
        let mut seen: BTreeMap<Relation, u32> = BTreeMap::new();
        for pair in &pairs {
            assert_eq!(pair.label(), 0);
            assert_ne!(pair.sentence1, pair.sentence2);
            *seen.entry(pair.relation).or_default() += 1;
            let event = |key: &str| key.split(':').next().map(str::to_owned);
            let same_event = event(&pair.keys[0]) == event(&pair.keys[1]);
            assert_eq!(same_event, pair.relation != Relation::OtherEvent);
        }
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert!(seen.values().all(|&n| n > 30), "{seen:?}");
    }

    #[test]
    fn a_change_gives_the_fact_another_identity() {
        let grammar = Grammar::builtin().unwrap();
        let mut changes = 0;
        for i in 0..500 {
            let mut rng = Rng::new(6, "changes", i);
            let event = rng.pick(&grammar.events).unwrap();
            let first = Facts::draw(event, &[], &mut rng);
            let Some((_, second, edited)) = changed(&first, &mut rng) else {
                continue;
            };
            changes += 1;
            for slot in edited {
                assert_ne!(first.values[slot].id, second.values[slot].id);
                assert_ne!(slot, event.speaker());
            }
        }
        assert!(changes > 450, "{changes}");
    }
}
