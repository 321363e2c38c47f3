//! The encoder: embeddings, layers, and what the layers share.

use burn::tensor::{Device, Tensor};
use tunesmith_architecture::{Pooling, Positions, Spec, Stage};
use tunesmith_kernels::{Dropout, LayerNormSaved, Packing, Precision};

use crate::attention::{Sequences, angles};
use crate::embeddings::{DeviceInputs, Embeddings, EmbeddingsSaved};
use crate::inputs::Inputs;
use crate::layer::{Layer, LayerSaved};
use crate::layers::{Backward, LayerNorm, Places};
use crate::noise::{Mode, Noise};
use crate::parameter::Parameters;
use crate::relative::{GatheredRows, Relative, RelativeSaved};
use crate::words::PartialTable;

#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    embeddings: Embeddings,
    positions: Positions,
    relative: Relative,
    layers: Vec<Layer>,
    /// The lowest layer that a backward pass goes through.
    lowest_trained: usize,
    /// Whether it goes on to the embeddings.
    trains_embeddings: bool,
    final_norm: Option<LayerNorm>,
    trains_final_norm: bool,
    /// The bases of rotary positions, each once.
    thetas: Vec<f32>,
    head_dim: usize,
    /// What the head looks at.
    pooling: Pooling,
}

/// What the encoder keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct EncoderSaved {
    inputs: DeviceInputs,
    sequences: Sequences,
    /// None where they are frozen.
    embeddings: Option<EmbeddingsSaved>,
    relative: Option<RelativeSaved>,
    /// Of the layers that the backward pass goes through.
    layers: Vec<LayerSaved>,
    /// In place of that, each layer's input, `[tokens, hidden]`, from which it is computed again.
    layer_inputs: Vec<Tensor<2>>,
    final_norm: Option<LayerNormSaved>,
}

/// How much a forward pass keeps for the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// There is none.
    Nothing,
    /// There is none, and of the last layer only that is computed which the head looks at. Products of fewer rows may
    /// differ in their last bits.
    OnlyLogits,
    /// The inputs of layers (`gradient_checkpointing`).
    Inputs,
    /// Everything.
    All,
}

impl Encoder {
    pub(crate) fn new(spec: &Spec, places: &Places, words: Option<&PartialTable>) -> Self {
        let mut thetas: Vec<f32> = Vec::new();
        for theta in spec
            .layers
            .iter()
            .filter_map(|one| one.attention.rope_theta)
        {
            if !thetas.contains(&theta) {
                thetas.push(theta);
            }
        }
        Self {
            embeddings: Embeddings::new(&spec.embeddings, places, words),
            positions: spec.embeddings.positions,
            relative: Relative::new(&spec.relative, places),
            layers: spec
                .layers
                .iter()
                .map(|layer| Layer::new(layer, spec.order, spec.heads, places))
                .collect(),
            lowest_trained: spec.lowest_trained(),
            trains_embeddings: spec.trains_embeddings(),
            trains_final_norm: spec.final_norm.is_some() && !spec.frozen.has(Stage::FinalNorm),
            final_norm: spec
                .final_norm
                .as_ref()
                .map(|norm| LayerNorm::new(norm, places)),
            thetas,
            head_dim: spec.head_dim(),
            pooling: spec.head.pooling,
        }
    }

    /// Whether only the first tokens are wanted of the last layer.
    fn can_skip(&self, keep: Keep) -> bool {
        let last = self.layers.last();
        keep == Keep::OnlyLogits
            && self.pooling == Pooling::First
            && last.is_some_and(|layer| !layer.has_convolution())
    }

    /// The last layer's output for every token, `[tokens, hidden]`, or for the first of each sequence, `[batch, hidden]`,
    /// where these are all that is wanted ([`Sequences::only_first`]); and what is kept for a backward pass, both in
    /// this precision: nothing of layers below those that are trained, and nothing at all where none is.
    pub(crate) fn forward(
        &self,
        parameters: &Parameters,
        inputs: &Inputs,
        mode: Mode,
        device: &Device,
        (keep, precision): (Keep, Precision),
    ) -> (Tensor<2>, Sequences, Option<EncoderSaved>) {
        let keeps_padding = inputs.keeps_padding(self.pooling);
        let (values, words) = (&parameters.values, parameters.table.as_ref());
        let on_device = DeviceInputs::new(inputs, keeps_padding, self.positions, words, device);
        let (lengths, padding) = inputs.extents(keeps_padding);
        let packing = Packing::with_padding(&lengths, &padding, device);
        let longest = packing.longest;
        let (distances, relative) = self.relative.forward(values, longest, mode, device);
        let angles = self.thetas.iter().map(|theta| {
            let table = angles(*theta, longest, self.head_dim, device);
            (*theta, table)
        });
        let sequences = Sequences {
            packing,
            noise: Noise::new(mode, &lengths, device),
            distances,
            angles: angles.collect(),
            only_first: self.can_skip(keep),
        };
        let (mut hidden, embeddings) =
            (self.embeddings).forward(parameters, &on_device, &sequences.noise, precision);
        let wants_gradients = !matches!(keep, Keep::Nothing | Keep::OnlyLogits);
        let is_kept = wants_gradients && self.is_trained();
        let embeddings = (is_kept && self.trains_embeddings).then_some(embeddings);
        let (mut layers, mut layer_inputs) = (Vec::new(), Vec::new());
        for (index, layer) in self.layers.iter().enumerate() {
            let keep = match index < self.lowest_trained {
                true => Keep::Nothing,
                false => keep,
            };
            if keep == Keep::Inputs {
                layer_inputs.push(hidden.clone());
            }
            let only_first = sequences.only_first && index + 1 == self.layers.len();
            let (y, saved) = layer.forward(values, hidden, &sequences, index, only_first);
            if keep == Keep::All {
                layers.push(saved);
            }
            hidden = y;
        }
        let mut final_norm = None;
        if let Some(norm) = &self.final_norm {
            let (y, saved) = norm.forward(values, &hidden, None, &Dropout::NONE);
            hidden = y;
            final_norm = is_kept.then_some(saved);
        }
        let saved = is_kept.then(|| EncoderSaved {
            inputs: on_device,
            sequences: sequences.clone(),
            embeddings,
            relative,
            layers,
            layer_inputs,
            final_norm,
        });
        (hidden, sequences, saved)
    }

    /// Whether anything of it is trained.
    fn is_trained(&self) -> bool {
        self.lowest_trained < self.layers.len() || self.trains_embeddings || self.trains_final_norm
    }

    /// Adds every gradient of the encoder, from that of its output.
    pub(crate) fn backward(&self, pass: &mut Backward<'_>, mut dx: Tensor<2>, saved: EncoderSaved) {
        let EncoderSaved {
            inputs,
            sequences,
            embeddings,
            relative,
            mut layers,
            mut layer_inputs,
            final_norm,
        } = saved;
        if let (Some(norm), Some(saved)) = (&self.final_norm, &final_norm) {
            dx = norm.backward(pass, &dx, saved, &Dropout::NONE).0;
        }
        drop(final_norm);
        let mut rows = GatheredRows::default();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let again = |x| layer.forward(pass.values, x, &sequences, index, false).1;
            let Some(saved) = layers.pop().or_else(|| layer_inputs.pop().map(again)) else {
                break;
            };
            dx = layer.backward(pass, dx, saved, &sequences, &mut rows, index);
        }
        if let Some(embeddings) = &embeddings {
            self.relative.backward(pass, &rows, relative.as_ref());
            self.embeddings
                .backward(pass, dx, &inputs, embeddings, &sequences.noise);
        }
    }
}
