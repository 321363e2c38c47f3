//! The encoder: embeddings, layers, pooler (Devlin et al., arXiv 1810.04805).

use burn::tensor::{Device, Int, Tensor};
use tunesmith_kernels::{
    Activation, Attention, Blocks, Dropout, EmbeddingTables, LayerNormSaved, Slot, activate,
    activate_backward, dropout, embedding, indices, scatter_add,
};

use crate::encoder::{Layer, LayerDropout, LayerSaved};
use crate::layers::{Backward, LayerNorm, Linear};
use crate::{BertConfig, Inputs, Mode};

/// Dropout sites outside the layers; each layer has three of its own after them.
const EMBEDDING_SITE: u32 = 0;
const HEAD_SITE: u32 = 1;
const LAYER_SITES: u32 = 2;

#[derive(Debug, Clone)]
pub(crate) struct Bert {
    pub(crate) word: Slot,
    pub(crate) position: Slot,
    pub(crate) token_type: Slot,
    pub(crate) hidden: usize,
    pub(crate) norm: LayerNorm,
    pub(crate) layers: Vec<Layer>,
    pub(crate) pooler: Linear,
}

/// A batch on the device, uploaded once for both passes.
#[derive(Debug)]
pub(crate) struct DeviceInputs {
    ids: Tensor<1, Int>,
    type_ids: Tensor<1, Int>,
    positions: Tensor<1, Int>,
    lengths: Tensor<1, Int>,
}

/// What the encoder keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct BertSaved {
    inputs: DeviceInputs,
    norm: LayerNormSaved,
    layers: Vec<LayerSaved>,
    hidden: Tensor<2>,
    /// Before its activation.
    pooled: Tensor<2>,
}

/// The sizes and dropout sites of one forward pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    attention: Attention,
    hidden: Dropout,
    pub(crate) head: Dropout,
}

impl Pass {
    pub(crate) fn new(config: &BertConfig, inputs: &Inputs, mode: &Mode) -> Self {
        let (active, seed, step) = match *mode {
            Mode::Evaluate => (0.0, 0, 0),
            Mode::Train { seed, step } => (1.0, seed, step),
        };
        let site = |p: f32, site: u32| Dropout {
            p: p * active,
            seed,
            step,
            site,
        };
        Self {
            attention: Attention {
                batch: inputs.batch,
                seq: inputs.seq,
                heads: config.num_attention_heads,
                head_dim: config.head_dim(),
                pad_left: inputs.pad_left,
                window: None,
                scale: 1.0 / (config.head_dim() as f32).sqrt(),
                dropout: site(config.attention_probs_dropout_prob, LAYER_SITES),
            },
            hidden: site(config.hidden_dropout_prob, EMBEDDING_SITE),
            head: site(config.head_dropout(), HEAD_SITE),
        }
    }

    fn layer(&self, index: usize) -> (Attention, LayerDropout) {
        let site = LAYER_SITES + 3 * index as u32;
        let mut attention = self.attention;
        attention.dropout.site = site;
        let hidden = |offset| Dropout {
            site: site + offset,
            ..self.hidden
        };
        (
            attention,
            LayerDropout {
                attention_output: hidden(1),
                output: hidden(2),
            },
        )
    }
}

impl DeviceInputs {
    fn new(inputs: &Inputs, device: &Device) -> Self {
        let zeros = || vec![0; inputs.batch * inputs.seq];
        let types = inputs.token_type_ids.clone().unwrap_or_else(zeros);
        let positions: Vec<u32> = (0..inputs.batch)
            .flat_map(|_| 0..inputs.seq as u32)
            .collect();
        Self {
            ids: indices(&inputs.input_ids, device),
            type_ids: indices(&types, device),
            positions: indices(&positions, device),
            lengths: indices(&inputs.lengths, device),
        }
    }
}

impl Bert {
    /// The pooled first token of every row, `[batch, hidden]`.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        inputs: &Inputs,
        pass: &Pass,
        device: &Device,
    ) -> (Tensor<2>, BertSaved) {
        let inputs_on_device = DeviceInputs::new(inputs, device);
        let tables = [self.word, self.position, self.token_type].map(|table| values.view(table));
        let tables = EmbeddingTables {
            word: &tables[0],
            position: Some(&tables[1]),
            token_type: Some(&tables[2]),
        };
        let summed = embedding(
            &tables,
            self.hidden,
            &inputs_on_device.ids,
            &inputs_on_device.positions,
            &inputs_on_device.type_ids,
        );
        let none = Dropout {
            p: 0.0,
            ..pass.hidden
        };
        let (normed, norm) = self.norm.forward(values, &summed, None, &none);
        let mut hidden = dropout(normed, &pass.hidden);
        let mut layers = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let (attention, sites) = pass.layer(index);
            let (y, saved) = layer.forward(
                values,
                hidden,
                &attention,
                &inputs_on_device.lengths,
                &sites,
            );
            layers.push(saved);
            hidden = y;
        }
        let pooled = self.pooler.forward_every(values, &hidden, inputs.seq);
        let activated = activate(Activation::Tanh, &pooled);
        let saved = BertSaved {
            inputs: inputs_on_device,
            norm,
            layers,
            hidden,
            pooled,
        };
        (activated, saved)
    }

    /// Adds every gradient of the encoder, from that of the pooled output.
    pub(crate) fn backward(
        &self,
        backward: &mut Backward<'_>,
        dpooled: &Tensor<2>,
        saved: BertSaved,
        pass: &Pass,
        pad_token_id: Option<u32>,
    ) {
        let BertSaved {
            inputs,
            norm,
            layers,
            hidden,
            pooled,
        } = saved;
        let seq = pass.attention.seq;
        let dtanh = activate_backward(Activation::Tanh, &pooled, dpooled);
        self.pooler
            .backward_parameters(backward, &dtanh, &hidden, seq);
        let zeros = tunesmith_kernels::zeros(hidden.dims(), &hidden.device());
        let mut dx = self
            .pooler
            .backward_input(backward.values, &dtanh, seq, zeros);
        drop(hidden);
        for (index, (layer, saved)) in self.layers.iter().zip(layers).enumerate().rev() {
            let (attention, sites) = pass.layer(index);
            dx = layer.backward(backward, dx, saved, &attention, &sites);
        }
        let dnormed = dropout(dx, &pass.hidden);
        let none = Dropout {
            p: 0.0,
            ..pass.hidden
        };
        let (dsummed, _) = self.norm.backward(backward, &dnormed, &norm, &none);
        let tables = [
            (self.word, &inputs.ids, pad_token_id),
            (self.position, &inputs.positions, None),
            (self.token_type, &inputs.type_ids, None),
        ];
        for (table, index, skip) in tables {
            scatter_add(&dsummed, index, skip, backward.gradients, table);
        }
    }
}
