//! Parameter groups of one's own: which elements of the blocks have which weight decay and rate.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tunesmith_model::Model;

use crate::TrainError;

/// Parameters that are trained alike, of which those that are frozen stay as they are: an entry of the list that
/// `torch.optim.AdamW` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParamGroup {
    /// The parameters' names, as `model.parameters` has them.
    pub params: Vec<String>,
    /// Their decoupled weight decay.
    pub weight_decay: f64,
    /// Their rate as a multiple of the one that the optimizer is given at each step.
    pub learning_rate_scale: f64,
}

impl ParamGroup {
    /// The parameters whose names are chosen, at the optimizer's own rate.
    #[must_use]
    pub fn of(model: &Model, weight_decay: f64, chosen: impl Fn(&str) -> bool) -> Self {
        let names = model.parameters.iter().map(|parameter| &parameter.name);
        Self {
            params: names.filter(|name| chosen(name)).cloned().collect(),
            weight_decay,
            learning_rate_scale: 1.0,
        }
    }
}

/// The first difference between the groups of a checkpoint and those of a run; `None` where they are the same,
/// in whatever order each names its parameters.
pub(crate) fn changed_groups(
    was: Option<&[ParamGroup]>,
    is: Option<&[ParamGroup]>,
) -> Option<String> {
    let (was, is) = match (was, is) {
        (None, None) => return None,
        (Some(_), None) => {
            return Some("it has groups of one's own, and this run has none".to_owned());
        }
        (None, Some(_)) => return Some("it has none of one's own, and this run has".to_owned()),
        (Some(was), Some(is)) => (was, is),
    };
    if was.len() != is.len() {
        return Some(format!(
            "it has {}, and this run has {}",
            was.len(),
            is.len()
        ));
    }
    was.iter()
        .zip(is)
        .enumerate()
        .find_map(|(number, (was, is))| {
            for (what, was, is) in [
                ("weight_decay", was.weight_decay, is.weight_decay),
                (
                    "learning_rate_scale",
                    was.learning_rate_scale,
                    is.learning_rate_scale,
                ),
            ] {
                if was != is {
                    return Some(format!("{what} of group {number} was {was} and is {is}"));
                }
            }
            let only_in = |one: &ParamGroup, other: &ParamGroup| {
                let missing = |name: &&String| !other.params.contains(name);
                one.params.iter().find(missing).cloned()
            };
            if let Some(name) = only_in(was, is) {
                return Some(format!(
                    "group {number} had the parameter '{name}' and hasn't now"
                ));
            }
            let name = only_in(is, was)?;
            Some(format!(
                "group {number} has the parameter '{name}', which it hadn't"
            ))
        })
}

/// What a group's elements have in common.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) weight_decay: f32,
    pub(super) learning_rate_scale: f64,
    /// Whether the word table is in it.
    pub(super) has_words: bool,
}

/// Groups with their elements: block, and range within it.
pub(super) type Runs = Vec<(Group, Vec<(usize, Range<usize>)>)>;

/// Elements that a lane of the kernel takes together.
const LANE: usize = 4;

/// Where the groups lie. What is in no group makes one more, whose rate is 0, so that its gradients are
/// forgotten after a step like those of the others.
pub(super) fn runs(model: &Model, groups: &[ParamGroup]) -> Result<Runs, TrainError> {
    let refused = |message: String| Err(TrainError::Arguments(message));
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        for name in &group.params {
            if model.parameters.get(name).is_none() {
                return refused(format!(
                    "parameter group {number}: the model has no parameter '{name}'; model.parameters lists \
                     the names"
                ));
            }
            if let Some(other) = owners.insert(name, number) {
                return refused(format!(
                    "the parameter '{name}' is in the groups {other} and {number}: keep it in one"
                ));
            }
        }
        for (what, value) in [
            ("weight_decay", group.weight_decay),
            ("learning_rate_scale", group.learning_rate_scale),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return refused(format!(
                    "parameter group {number}: {what} is {value}, and must be a number of 0 or more"
                ));
            }
        }
    }
    let words = model.config.spec().embeddings.word.declaration();
    let mut found: Runs = groups
        .iter()
        .map(|group| Group {
            weight_decay: group.weight_decay as f32,
            learning_rate_scale: group.learning_rate_scale,
            has_words: group.params.iter().any(|name| name == words.key()),
        })
        .chain([Group {
            weight_decay: 0.0,
            learning_rate_scale: 0.0,
            has_words: false,
        }])
        .map(|group| (group, Vec::new()))
        .collect();

    let mut parameters: Vec<_> = model
        .parameters
        .trained()
        .flat_map(|parameter| parameter.slots().iter().map(move |slot| (parameter, *slot)))
        .collect();
    parameters.sort_by_key(|(_, slot)| (slot.block, slot.offset));
    let mut last: Option<(usize, &str)> = None;
    for (parameter, slot) in parameters {
        let owner = owners.get(parameter.name.as_str()).copied();
        let owner = owner.unwrap_or(groups.len());
        let end = (slot.offset + slot.count).next_multiple_of(LANE);
        if let Some((other, name)) = last {
            let before = found[other].1.last_mut();
            if let Some((_, range)) = before.filter(|(block, _)| *block == slot.block) {
                if other == owner {
                    // What lies between is zero and stays so.
                    range.end = end;
                    last = Some((owner, &parameter.name));
                    continue;
                }
                if range.end > slot.offset {
                    return refused(format!(
                        "the parameters '{name}' and '{}' are stored as one tensor: put both into the same \
                         parameter group",
                        parameter.name
                    ));
                }
            }
        }
        found[owner].1.push((slot.block, slot.offset..end));
        last = Some((owner, &parameter.name));
    }
    Ok(found)
}
