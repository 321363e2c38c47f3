//! What all layers' attention knows of distances between tokens.

use burn::tensor::{Device, Int, Tensor};
use tunesmith_architecture::{self as architecture, Relative as Spec};
use tunesmith_kernels::{
    Blocks, Dropout, EmbeddingTables, LayerNormSaved, Noise, Slot, View, add, dropout, embedding,
    indices, scatter_add,
};

use crate::layers::{Backward, LayerNorm, Places};
use crate::noise::{Mode, noise_of_rows};

#[derive(Debug, Clone)]
pub(crate) enum Relative {
    None,
    Bias {
        spec: architecture::RelativeBias,
        table: Slot,
    },
    Disentangled {
        spec: architecture::Disentangled,
        table: Slot,
        norm: Option<LayerNorm>,
    },
}

/// The same for the sequences of one batch.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one a batch; its tensors are handles"
)]
pub(crate) enum Distances {
    None,
    Bias {
        table: Slot,
        /// `[2 * longest - 1]`: the table's row for `i - j`, at `i - j + longest - 1`.
        index: Tensor<1, Int>,
    },
    Disentangled {
        /// As above, into `rows`.
        index: Tensor<1, Int>,
        /// The table's rows that this length needs, normed, `[rows, hidden]`.
        rows: Tensor<2>,
        dropout: f32,
        /// Of the rows, where anything is dropped.
        noise: Option<Noise>,
        queries: bool,
        keys: bool,
    },
}

impl Distances {
    /// The table of a bias, to be read while nothing is written to it.
    pub(crate) fn table(&self, values: &Blocks) -> Option<View> {
        match self {
            Self::Bias { table, .. } => Some(values.view(*table)),
            Self::None | Self::Disentangled { .. } => None,
        }
    }
}

/// What [`Relative`] keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct RelativeSaved {
    ids: Tensor<1, Int>,
    norm: Option<LayerNormSaved>,
}

impl Relative {
    pub(crate) fn new(spec: &Spec, places: &Places) -> Self {
        match spec {
            Spec::None => Self::None,
            Spec::Bias(bias) => Self::Bias {
                spec: bias.clone(),
                table: places.table(&bias.table),
            },
            Spec::Disentangled(positions) => Self::Disentangled {
                spec: positions.clone(),
                table: places.table(&positions.table),
                norm: positions
                    .norm
                    .as_ref()
                    .map(|norm| LayerNorm::new(norm, places)),
            },
        }
    }

    pub(crate) fn forward(
        &self,
        values: &Blocks,
        longest: usize,
        mode: Mode,
        device: &Device,
    ) -> (Distances, Option<RelativeSaved>) {
        let offsets = || 1 - longest as i64..longest as i64;
        match self {
            Self::None => (Distances::None, None),
            Self::Bias { spec, table } => {
                let buckets: Vec<u32> = offsets().map(|offset| spec.bucket(offset)).collect();
                let distances = Distances::Bias {
                    table: *table,
                    index: indices(&buckets, device),
                };
                (distances, None)
            }
            Self::Disentangled { spec, table, norm } => {
                let places: Vec<u32> = offsets().map(|offset| spec.row(offset)).collect();
                // They rise with the offset.
                let (first, last) = (places[0], places[places.len() - 1]);
                let index: Vec<u32> = places.iter().map(|place| place - first).collect();
                let noise = noise_of_rows(mode, first..=last, device);
                let ids: Vec<u32> = (first..=last).collect();
                let ids = indices(&ids, device);
                let tables = EmbeddingTables {
                    word: &[values.view(*table)],
                    position: None,
                    token_type: None,
                };
                let rows = embedding(&tables, spec.table.width, &ids, &ids, &ids);
                let (rows, norm) = match norm {
                    Some(norm) => {
                        let (rows, saved) = norm.forward(values, &rows, None, &Dropout::NONE);
                        (rows, Some(saved))
                    }
                    None => (rows, None),
                };
                let distances = Distances::Disentangled {
                    index: indices(&index, device),
                    rows,
                    dropout: spec.dropout,
                    noise,
                    queries: spec.position_to_content,
                    keys: spec.content_to_position,
                };
                (distances, Some(RelativeSaved { ids, norm }))
            }
        }
    }

    /// Adds the gradients of table and norm, from that of the rows which the layers gathered.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        gathered: &GatheredRows,
        saved: Option<&RelativeSaved>,
    ) {
        let (Self::Disentangled { table, norm, .. }, Some(saved), Some(drows)) =
            (self, saved, &gathered.0)
        else {
            return;
        };
        let drows = match (norm, &saved.norm) {
            (Some(norm), Some(saved)) => norm.backward(pass, drows, saved, &Dropout::NONE).0,
            _ => drows.clone(),
        };
        scatter_add(&drows, &saved.ids, None, pass.gradients, (&[*table], true));
    }
}

/// The gradient of [`Distances::Disentangled`]'s rows, summed over the layers.
#[derive(Debug, Default)]
pub(crate) struct GatheredRows(Option<Tensor<2>>);

impl GatheredRows {
    /// Adds a layer's part, from behind its dropout.
    pub(crate) fn gather(&mut self, drows: Tensor<2>, noise: &Dropout) {
        let drows = dropout(drows, noise);
        self.0 = Some(match self.0.take() {
            Some(sum) => add(&sum, &drows, &Dropout::NONE),
            None => drows,
        });
    }
}
