//! From token ids to the first layer's input.

use burn::tensor::{Device, Int, Tensor};
use tunesmith_architecture::{self as architecture, Positions, Projection};
use tunesmith_kernels::{
    Blocks, Dropout, EmbeddingTables, LayerNormSaved, Precision, Slot, View, cast, dropout,
    embedding, indices, scatter_add,
};

use crate::inputs::Inputs;
use crate::layers::{Backward, LayerNorm, Linear, Places};
use crate::noise::Noise;
use crate::parameter::Parameters;
use crate::words::PartialTable;

/// A table in its pieces, and the entry that gets no gradient.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    padding: Option<u32>,
}

impl Table {
    fn views(&self, values: &Blocks) -> Vec<View> {
        self.slots.iter().map(|slot| values.view(*slot)).collect()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Embeddings {
    word: Table,
    position: Option<Table>,
    token_type: Option<Table>,
    width: usize,
    before_norm: Option<Linear>,
    norm: LayerNorm,
    after_norm: Option<Linear>,
    dropout: f32,
}

/// A batch on the device without its padding, uploaded once for both passes; each `[tokens]`.
#[derive(Debug)]
pub(crate) struct DeviceInputs {
    /// Rows of the word table.
    ids: Tensor<1, Int>,
    /// Whether some of them are among those that aren't trained.
    beyond_trained: bool,
    type_ids: Tensor<1, Int>,
    positions: Tensor<1, Int>,
}

/// What the embeddings keep for their backward pass.
#[derive(Debug)]
pub(crate) struct EmbeddingsSaved {
    summed: Option<Tensor<2>>,
    norm: LayerNormSaved,
    dropped: Option<Tensor<2>>,
}

impl DeviceInputs {
    pub(crate) fn new(
        inputs: &Inputs,
        keeps_padding: bool,
        positions: Positions,
        words: Option<&PartialTable>,
        device: &Device,
    ) -> Self {
        let upload = |values: &[u32]| indices(&inputs.rows(values, keeps_padding), device);
        let ids = inputs.rows(&inputs.input_ids, keeps_padding);
        let (ids, beyond_trained) = match words {
            Some(words) => words.translate(&ids),
            None => (ids, false),
        };
        let ids = indices(&ids, device);
        let types = match &inputs.token_type_ids {
            Some(types) => upload(types),
            None => indices(&vec![0; ids.dims()[0]], device),
        };
        Self {
            ids,
            beyond_trained,
            type_ids: types,
            positions: upload(&position_ids(inputs, positions)),
        }
    }
}

/// The position of every token, `[batch * seq]`.
pub(crate) fn position_ids(inputs: &Inputs, positions: Positions) -> Vec<u32> {
    let rows = inputs.input_ids.chunks(inputs.seq);
    match positions {
        Positions::FromZero => rows.flat_map(|_| 0..inputs.seq as u32).collect(),
        Positions::AfterPadding(padding) => rows
            .flat_map(|row| {
                let mut last = padding;
                row.iter().map(move |id| {
                    if *id == padding {
                        padding
                    } else {
                        last += 1;
                        last
                    }
                })
            })
            .collect(),
    }
}

impl Embeddings {
    pub(crate) fn new(
        spec: &architecture::Embeddings,
        places: &Places,
        words: Option<&PartialTable>,
    ) -> Self {
        let table = |table: &architecture::Table| Table {
            slots: places.pieces(table),
            padding: table.padding,
        };
        let (before_norm, after_norm) = match &spec.projection {
            Projection::None => (None, None),
            Projection::BeforeNorm(linear) => (Some(Linear::new(linear, places)), None),
            Projection::AfterNorm(linear) => (None, Some(Linear::new(linear, places))),
        };
        let mut word = table(&spec.word);
        if let Some(words) = words {
            word.padding = word.padding.and_then(|id| words.row(id));
        }
        Self {
            word,
            position: spec.position.as_ref().map(table),
            token_type: spec.token_type.as_ref().map(table),
            width: spec.word.width,
            before_norm,
            norm: LayerNorm::new(&spec.norm, places),
            after_norm,
            dropout: spec.dropout,
        }
    }

    /// `[tokens, hidden]`, in this precision from the sum of the tables' rows on.
    pub(crate) fn forward(
        &self,
        parameters: &Parameters,
        inputs: &DeviceInputs,
        noise: &Noise,
        precision: Precision,
    ) -> (Tensor<2>, EmbeddingsSaved) {
        let values = &parameters.values;
        let mut word = self.word.views(values);
        if let Some(words) = parameters.table.as_ref().filter(|_| inputs.beyond_trained) {
            word.extend(words.others());
        }
        let [position, token_type] = [&self.position, &self.token_type].map(|table| {
            table
                .as_ref()
                .map_or_else(Vec::new, |table| table.views(values))
        });
        let tables = EmbeddingTables {
            word: &word,
            position: position.first(),
            token_type: token_type.first(),
        };
        let summed = embedding(
            &tables,
            self.width,
            &inputs.ids,
            &inputs.positions,
            &inputs.type_ids,
        );
        let summed = cast(summed, precision);
        let projected = self
            .before_norm
            .as_ref()
            .map(|linear| linear.forward(values, &summed));
        let (normed, norm) = match &projected {
            Some(projected) => self.norm.forward(values, projected, None, &Dropout::NONE),
            None => self.norm.forward(values, &summed, None, &Dropout::NONE),
        };
        let dropped = dropout(normed, &noise.embeddings(self.dropout));
        let output = match &self.after_norm {
            Some(linear) => linear.forward(values, &dropped),
            None => dropped.clone(),
        };
        let saved = EmbeddingsSaved {
            summed: projected.map(|_| summed),
            norm,
            dropped: self.after_norm.as_ref().map(|_| dropped),
        };
        (output, saved)
    }

    /// Adds the gradients of all tables, from that of the output.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        mut dx: Tensor<2>,
        inputs: &DeviceInputs,
        saved: &EmbeddingsSaved,
        noise: &Noise,
    ) {
        if let (Some(linear), Some(dropped)) = (&self.after_norm, &saved.dropped) {
            linear.backward_parameters(pass, &dx, Some(dropped));
            dx = linear.backward_into(pass.values, &dx, None);
        }
        let dnormed = dropout(dx, &noise.embeddings(self.dropout));
        let (mut dsummed, _) = self
            .norm
            .backward(pass, &dnormed, &saved.norm, &Dropout::NONE);
        if let (Some(linear), Some(summed)) = (&self.before_norm, &saved.summed) {
            linear.backward_parameters(pass, &dsummed, Some(summed));
            dsummed = linear.backward_into(pass.values, &dsummed, None);
        }
        let tables = [
            (Some(&self.word), &inputs.ids),
            (self.position.as_ref(), &inputs.positions),
            (self.token_type.as_ref(), &inputs.type_ids),
        ];
        for (table, index) in tables {
            if let Some(Table { slots, padding }) = table {
                let has_all = !inputs.beyond_trained;
                let table = (slots.as_slice(), has_all);
                scatter_add(&dsummed, index, *padding, pass.gradients, table);
            }
        }
    }
}
