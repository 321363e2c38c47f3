//! The stages that a model is run in, from tokens to logits: which of them a training leaves as they are, and how
//! far each is from the head.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::spec::Spec;
use crate::tensors::{Declaration, Role};

/// A stage of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Tables of words, positions, segments and relative positions, with their norms and projection.
    Embeddings,
    /// A layer, from 0.
    Layer(usize),
    /// The norm after the last layer.
    FinalNorm,
    /// What turns the encoder's output into logits, BERT's pooler included.
    Head,
}

/// What keeps its values in a training: it has no gradients and no state of an optimizer. The head is always trained.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// Of [`Stage::Embeddings`].
    pub embeddings: bool,
    /// Of these layers, from 0.
    pub layers: BTreeSet<usize>,
    /// Of all but the head.
    pub encoder: bool,
}

impl Frozen {
    /// Whether a stage is frozen.
    pub fn has(&self, stage: Stage) -> bool {
        match stage {
            Stage::Embeddings => self.encoder || self.embeddings,
            Stage::Layer(layer) => self.encoder || self.layers.contains(&layer),
            Stage::FinalNorm => self.encoder,
            Stage::Head => false,
        }
    }
}

impl Spec {
    /// Every group of tensors, once, in the order in which the model reads them.
    pub fn declarations(&self) -> Vec<Declaration> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for (stage, declarations) in self.stages() {
            let is_frozen = self.frozen.has(stage);
            for declaration in declarations {
                if seen.insert(declaration.key().to_owned()) {
                    all.push(match is_frozen {
                        true => Declaration {
                            role: Role::Frozen,
                            ..declaration
                        },
                        false => declaration,
                    });
                }
            }
        }
        all
    }

    /// Says what isn't to be trained.
    ///
    /// # Errors
    /// A layer that there isn't, or one that shares its weights with a layer that is trained.
    pub fn freeze(&mut self, frozen: &Frozen) -> Result<(), String> {
        let count = self.layers.len();
        if let Some(layer) = frozen.layers.iter().find(|layer| **layer >= count) {
            return Err(format!(
                "freeze_layers names the layer {layer}, and the model has the layers 0 to {}",
                count.saturating_sub(1)
            ));
        }
        let mut owners: HashMap<String, usize> = HashMap::new();
        for (stage, declarations) in self.stages() {
            let Stage::Layer(layer) = stage else { continue };
            for declaration in declarations {
                let owner = *owners.entry(declaration.key().to_owned()).or_insert(layer);
                if frozen.has(Stage::Layer(owner)) != frozen.has(stage) {
                    return Err(format!(
                        "the layers {owner} and {layer} of this model are one set of weights: freeze_layers must \
                         name both of them, or neither"
                    ));
                }
            }
        }
        self.frozen = frozen.clone();
        Ok(())
    }

    /// The lowest layer that a backward pass goes through; the number of layers where it goes through none.
    pub fn lowest_trained(&self) -> usize {
        if self.trains_embeddings() {
            return 0;
        }
        let mut layers = 0..self.layers.len();
        let trained = layers.find(|layer| !self.frozen.has(Stage::Layer(*layer)));
        trained.unwrap_or(self.layers.len())
    }

    /// Whether a backward pass goes down to the embeddings.
    pub fn trains_embeddings(&self) -> bool {
        !self.frozen.has(Stage::Embeddings)
    }

    /// The tensors' names by how far they are from the head, and so by how often layer-wise decay multiplies their
    /// learning rate: the head and the norm before it, each layer, the embeddings. Layers that share their weights are
    /// one.
    pub fn names_by_depth(&self) -> Vec<Vec<String>> {
        let mut seen = HashSet::new();
        let mut depths: Vec<Vec<String>> = vec![Vec::new()];
        for (stage, declarations) in self.stages().into_iter().rev() {
            let parts = declarations.into_iter().flat_map(|one| one.parts);
            let names: Vec<String> = parts
                .map(|part| part.name)
                .filter(|name| seen.insert(name.clone()))
                .collect();
            match stage {
                _ if names.is_empty() => {}
                Stage::Head | Stage::FinalNorm => depths[0].extend(names),
                Stage::Layer(_) | Stage::Embeddings => depths.push(names),
            }
        }
        depths
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ModelConfig;

    fn spec(model_type: &str, more: &str) -> Spec {
        let text = format!(
            r#"{{"model_type": "{model_type}", "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 3,
                "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 8{more}}}"#
        );
        ModelConfig::from_json(&text).unwrap().spec().clone()
    }

    fn frozen(embeddings: bool, layers: &[usize]) -> Frozen {
        Frozen {
            embeddings,
            layers: layers.iter().copied().collect(),
            encoder: false,
        }
    }

    fn trained(spec: &Spec) -> Vec<String> {
        let declared = spec.declarations().into_iter();
        declared
            .filter(|one| one.role != Role::Frozen)
            .map(|one| one.key().to_owned())
            .collect()
    }

    #[test]
    fn a_backward_pass_ends_at_the_lowest_stage_that_is_trained() {
        let mut bert = spec("bert", "");
        assert_eq!((bert.lowest_trained(), bert.trains_embeddings()), (0, true));
        bert.freeze(&frozen(false, &[0, 1])).unwrap();
        assert_eq!((bert.lowest_trained(), bert.trains_embeddings()), (0, true));
        bert.freeze(&frozen(true, &[0, 2])).unwrap();
        assert_eq!(bert.lowest_trained(), 1);
        let names = trained(&bert);
        assert!(names[0].starts_with("bert.encoder.layer.1."), "{names:?}");
        bert.freeze(&frozen(true, &[0, 1, 2])).unwrap();
        assert_eq!(bert.lowest_trained(), 3);
        let head = Frozen {
            encoder: true,
            ..Frozen::default()
        };
        bert.freeze(&head).unwrap();
        let names = trained(&bert);
        assert_eq!(bert.lowest_trained(), 3);
        assert!(
            names.iter().all(|name| bert.head_names().contains(name)),
            "{names:?}"
        );
        let message = bert.freeze(&frozen(false, &[3])).unwrap_err();
        assert!(message.contains("the layer 3"), "{message}");
    }

    #[test]
    fn layers_that_share_their_weights_are_frozen_together() {
        let mut albert = spec("albert", r#", "embedding_size": 4"#);
        let message = albert.freeze(&frozen(false, &[1])).unwrap_err();
        assert!(message.contains("0 and 1"), "{message}");
        albert.freeze(&frozen(true, &[0, 1, 2])).unwrap();
        assert_eq!(albert.lowest_trained(), 3);
        assert_eq!(albert.names_by_depth().len(), 3);
    }

    #[test]
    fn depths_are_the_head_each_layer_and_the_embeddings() {
        let bert = spec("bert", "");
        let depths = bert.names_by_depth();
        assert_eq!(depths.len(), 5);
        assert!(depths[0].contains(&"classifier.bias".to_owned()));
        assert!(depths[1][0].starts_with("bert.encoder.layer.2."));
        assert!(depths[4].contains(&"bert.embeddings.word_embeddings.weight".to_owned()));
        let all: usize = depths.iter().map(Vec::len).sum();
        let parts = bert.declarations().into_iter().flat_map(|one| one.parts);
        assert_eq!(all, parts.count());
    }
}
