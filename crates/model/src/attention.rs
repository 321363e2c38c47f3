//! The attention block of a layer: projections, heads, output.

use burn::tensor::{Device, Int, Tensor, TensorData};
use tunesmith_architecture as architecture;
use tunesmith_kernels::{
    self as kernels, AttentionSaved, Blocks, Dropout, Packing, PositionBias, View, attention,
    attention_backward, dropout, rope,
};

use crate::layers::{Backward, Linear, Places};
use crate::noise::{Noise, Site, dropout_of_rows};
use crate::relative::{Distances, GatheredRows};

#[derive(Debug, Clone)]
pub(crate) struct SelfAttention {
    /// Query, key and value in one: `[3 * hidden, hidden]`.
    qkv: Linear,
    output: Linear,
    /// Of relative positions: queries, then keys.
    positions: Option<Linear>,
    window: Option<usize>,
    rope_theta: Option<f32>,
    scale: f32,
    dropout: f32,
    heads: usize,
    hidden: usize,
}

/// What every attention of a pass is given.
#[derive(Debug, Clone)]
pub(crate) struct Sequences {
    pub(crate) packing: Packing,
    pub(crate) noise: Noise,
    pub(crate) distances: Distances,
    /// Cosines and sines by the base of their wavelengths.
    pub(crate) angles: Vec<(f32, Tensor<2>)>,
    /// Whether all that follows the last attention is done for the first token of each sequence alone, as nobody
    /// looks at the others: no gradient is wanted.
    pub(crate) only_first: bool,
}

/// What the block keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct SelfAttentionSaved {
    x: Option<Tensor<2>>,
    qkv: Tensor<2>,
    attention: AttentionSaved,
    context: Option<Tensor<2>>,
    positions: Option<Positions>,
}

/// The projected relative positions, and what they were projected from.
#[derive(Debug)]
struct Positions {
    rows: Tensor<2>,
    projected: Tensor<2>,
    index: Tensor<1, Int>,
    queries: Option<usize>,
    keys: Option<usize>,
    dropout: Dropout,
}

/// What attention is told of distances; `table` is [`Distances::table`].
fn bias<'a>(
    distances: &'a Distances,
    table: Option<&'a View>,
    positions: Option<&'a Positions>,
) -> PositionBias<'a> {
    match (distances, table, positions) {
        (Distances::Bias { table: slot, index }, Some(table), _) => PositionBias::Relative {
            table,
            slot: *slot,
            index,
        },
        (_, _, Some(positions)) => PositionBias::Disentangled {
            positions: &positions.projected,
            queries: positions.queries,
            keys: positions.keys,
            index: &positions.index,
        },
        _ => PositionBias::None,
    }
}

/// Cosines, then sines, of the angles of each position, `[longest, head_dim]`: in f32 as PyTorch computes
/// them.
pub(crate) fn angles(theta: f32, longest: usize, head_dim: usize, device: &Device) -> Tensor<2> {
    let half = head_dim / 2;
    let frequencies: Vec<f32> = (0..half)
        .map(|place| 1.0 / libm::powf(theta, (2 * place) as f32 / head_dim as f32))
        .collect();
    let mut table = Vec::with_capacity(longest * head_dim);
    for position in 0..longest {
        let angles = || frequencies.iter().map(|one| position as f32 * one);
        table.extend(angles().map(libm::cosf));
        table.extend(angles().map(libm::sinf));
    }
    Tensor::from_data(TensorData::new(table, [longest, head_dim]), device)
}

impl SelfAttention {
    pub(crate) fn new(spec: &architecture::Attention, heads: usize, places: &Places) -> Self {
        Self {
            qkv: Linear::new(&spec.qkv, places),
            output: Linear::new(&spec.output, places),
            positions: spec
                .positions
                .as_ref()
                .map(|linear| Linear::new(linear, places)),
            window: spec.window,
            rope_theta: spec.rope_theta,
            scale: spec.scale,
            dropout: spec.dropout,
            heads,
            hidden: spec.qkv.inner,
        }
    }

    fn shape(&self, sequences: &Sequences, layer: usize) -> kernels::Attention {
        let noise = &sequences.noise;
        kernels::Attention {
            heads: self.heads,
            head_dim: self.hidden / self.heads,
            dropout: noise.layer(layer, Site::Probabilities, self.dropout),
            window: self.window,
            scale: self.scale,
        }
    }

    fn angles<'a>(&self, sequences: &'a Sequences) -> Option<&'a Tensor<2>> {
        let theta = self.rope_theta?;
        let mut known = sequences.angles.iter();
        known
            .find(|(base, _)| *base == theta)
            .map(|(_, table)| table)
    }

    /// The projection of relative positions: the layer's own, or that of its queries and keys.
    fn position_projection(&self) -> Linear {
        match &self.positions {
            Some(own) => own.clone(),
            None => self.qkv.first(2 * self.hidden, self.hidden),
        }
    }

    fn positions(&self, values: &Blocks, sequences: &Sequences, layer: usize) -> Option<Positions> {
        let Distances::Disentangled {
            index,
            rows,
            dropout: p,
            noise,
            queries,
            keys,
        } = &sequences.distances
        else {
            return None;
        };
        if !queries && !keys {
            return None;
        }
        let noise = dropout_of_rows(noise.as_ref(), layer, Site::Positions, *p);
        let rows = dropout(rows.clone(), &noise);
        let projected = self.position_projection().forward(values, &rows);
        // Own projections are there for what is asked for alone; the shared ones for both.
        let has_queries = self.positions.is_none() || *queries;
        let keys_at = if has_queries { self.hidden } else { 0 };
        Some(Positions {
            rows,
            projected,
            index: index.clone(),
            queries: queries.then_some(0),
            keys: keys.then_some(keys_at),
            dropout: noise,
        })
    }

    /// `[tokens, hidden]` to the same.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        x: Tensor<2>,
        sequences: &Sequences,
        layer: usize,
    ) -> (Tensor<2>, SelfAttentionSaved) {
        let shape = self.shape(sequences, layer);
        let mut qkv = self.qkv.forward(values, &x);
        if let Some(table) = self.angles(sequences) {
            qkv = rope(&shape, &qkv, &sequences.packing, table, false);
        }
        let positions = self.positions(values, sequences, layer);
        let table = sequences.distances.table(values);
        let bias = bias(&sequences.distances, table.as_ref(), positions.as_ref());
        let (context, attention) = attention(&shape, &qkv, &sequences.packing, &bias);
        let y = self.output.forward(values, &context);
        let saved = SelfAttentionSaved {
            x: self.qkv.keep(&x),
            qkv,
            attention,
            context: self.output.keep(&context),
            positions,
        };
        (y, saved)
    }

    /// The gradient of the block's input from that of its output, added to `dx` where there is one.
    #[allow(
        clippy::too_many_arguments,
        reason = "the passes' own state, and the layer's"
    )]
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        saved: SelfAttentionSaved,
        sequences: &Sequences,
        rows: &mut GatheredRows,
        layer: usize,
        dx: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let shape = self.shape(sequences, layer);
        self.output
            .backward_parameters(pass, dy, saved.context.as_ref());
        let dcontext = self.output.backward_into(pass.values, dy, None);
        let table = sequences.distances.table(pass.values);
        let bias = bias(
            &sequences.distances,
            table.as_ref(),
            saved.positions.as_ref(),
        );
        let (mut dqkv, dpositions) = attention_backward(
            &shape,
            (&saved.qkv, &sequences.packing),
            &saved.attention,
            &dcontext,
            &bias,
            pass.gradients,
        );
        if let (Some(positions), Some(dpositions)) = (&saved.positions, dpositions) {
            let projection = self.position_projection();
            projection.backward_parameters(pass, &dpositions, Some(&positions.rows));
            let drows = projection.backward_into(pass.values, &dpositions, None);
            rows.gather(drows, &positions.dropout);
        }
        if let Some(table) = self.angles(sequences) {
            dqkv = rope(&shape, &dqkv, &sequences.packing, table, true);
        }
        self.qkv.backward_parameters(pass, &dqkv, saved.x.as_ref());
        self.qkv.backward_into(pass.values, &dqkv, dx)
    }
}
