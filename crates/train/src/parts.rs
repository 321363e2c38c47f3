//! Which parts of a model are trained, and how fast each, as the arguments say.

use tunesmith_model::{Frozen, Model, ModelConfig, Role};
use tunesmith_protocol::TrainingArguments;

use crate::ParamGroup;

/// What a training with these arguments leaves as it is.
#[must_use]
pub fn frozen(args: &TrainingArguments) -> Frozen {
    let layers = args.freeze_layers.clone().unwrap_or_default();
    Frozen {
        embeddings: args.freeze_embeddings,
        layers: layers.0,
        encoder: args.train_head_only,
    }
}

/// The Trainer's two parameter groups (with weight decay and without) for each step away from the head, whose rate
/// `llrd` multiplies once more; none where it is 1.
pub(crate) fn groups(model: &Model, args: &TrainingArguments) -> Option<Vec<ParamGroup>> {
    if args.llrd == 1.0 {
        return None;
    }
    let spec = model.config.spec();
    let declared = spec.declarations().into_iter();
    let decayed: Vec<String> = declared
        .filter(|declaration| declaration.role == Role::Decayed)
        .flat_map(|declaration| declaration.parts)
        .map(|part| part.name)
        .collect();
    let mut groups = Vec::new();
    let mut learning_rate_scale = 1.0;
    for names in spec.names_by_depth() {
        let (with, without): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| decayed.contains(name));
        for (params, weight_decay) in [(with, args.weight_decay), (without, 0.0)] {
            groups.push(ParamGroup {
                params,
                weight_decay,
                learning_rate_scale,
            });
        }
        learning_rate_scale *= args.llrd;
    }
    Some(groups)
}

/// The first difference between what a checkpoint's run trained of a model and what this one trains.
pub(crate) fn changed_parts(
    config: &ModelConfig,
    was: &TrainingArguments,
    is: &TrainingArguments,
) -> Option<String> {
    let trained = |args: &TrainingArguments| {
        let mut config = config.clone();
        // The checkpoint's own file may have been changed by hand.
        config.freeze(&frozen(args)).ok()?;
        let declared = config.spec().declarations().into_iter();
        let declared = declared.filter(|one| one.role != Role::Frozen);
        Some(declared.map(|one| one.key().to_owned()).collect())
    };
    let was: Vec<String> = trained(was).unwrap_or_default();
    let is: Vec<String> = trained(is).unwrap_or_default();
    let only_in = |one: &[String], other: &[String]| {
        let mut names = one.iter();
        names.find(|name| !other.contains(name)).cloned()
    };
    if let Some(name) = only_in(&was, &is) {
        return Some(format!("'{name}' was trained then, and is frozen now"));
    }
    let name = only_in(&is, &was)?;
    Some(format!("'{name}' was frozen then, and is trained now"))
}
