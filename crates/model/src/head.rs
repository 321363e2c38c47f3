//! From the encoder's output to logits, by the task.

use burn::tensor::Tensor;
use tunesmith_architecture::{self as architecture, Pooling};
use tunesmith_kernels::{
    Activation, Blocks, LayerNormSaved, activate, activate_backward, dropout, mean_pool,
    mean_pool_backward,
};

use crate::attention::Sequences;
use crate::layers::{Backward, LayerNorm, Linear, Places};
use crate::noise::Mode;

#[derive(Debug, Clone)]
pub(crate) struct Head {
    pooling: Pooling,
    input_dropout: f32,
    dense: Option<Dense>,
    dropout: f32,
    classifier: Linear,
}

#[derive(Debug, Clone)]
struct Dense {
    linear: Linear,
    activation: Activation,
    norm: Option<LayerNorm>,
}

/// What the head keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct HeadSaved {
    pooled: Tensor<2>,
    dense: Option<DenseSaved>,
    features: Tensor<2>,
}

#[derive(Debug)]
struct DenseSaved {
    projected: Tensor<2>,
    norm: Option<LayerNormSaved>,
}

impl Head {
    pub(crate) fn new(spec: &architecture::Head, places: &Places) -> Self {
        Self {
            pooling: spec.pooling,
            input_dropout: spec.input_dropout,
            dense: spec.dense.as_ref().map(|dense| Dense {
                linear: Linear::new(&dense.linear, places),
                activation: dense.activation,
                norm: dense.norm.as_ref().map(|norm| LayerNorm::new(norm, places)),
            }),
            dropout: spec.dropout,
            classifier: Linear::new(&spec.classifier, places),
        }
    }

    /// How many rows apart those lie that the head looks at.
    fn every(&self, sequences: &Sequences) -> usize {
        match self.pooling {
            Pooling::First => sequences.seq,
            Pooling::Mean | Pooling::None => 1,
        }
    }

    /// Logits, `[rows, num_labels]`: a row of the batch each or, for tokens, one a token.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        hidden: Tensor<2>,
        sequences: &Sequences,
        mode: Mode,
    ) -> (Tensor<2>, HeadSaved) {
        let hidden = dropout(hidden, &mode.head_input(self.input_dropout));
        let pooled = match self.pooling {
            Pooling::Mean => mean_pool(
                &hidden,
                &sequences.lengths,
                sequences.batch,
                sequences.seq,
                sequences.pad_left,
            ),
            Pooling::First | Pooling::None => hidden,
        };
        let mut every = self.every(sequences);
        let mut features = pooled.clone();
        let mut kept = None;
        if let Some(dense) = &self.dense {
            let projected = dense.linear.forward_every(values, &pooled, every);
            every = 1;
            features = activate(dense.activation, &projected);
            let mut norm = None;
            if let Some(layer) = &dense.norm {
                let (y, saved) = layer.forward(values, &features, None, &mode.none());
                features = y;
                norm = Some(saved);
            }
            kept = Some(DenseSaved { projected, norm });
        }
        let features = dropout(features, &mode.head(self.dropout));
        let logits = self.classifier.forward_every(values, &features, every);
        let saved = HeadSaved {
            pooled,
            dense: kept,
            features,
        };
        (logits, saved)
    }

    /// The gradient of the encoder's output, `[batch * seq, hidden]`, from that of the logits.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dlogits: &Tensor<2>,
        saved: HeadSaved,
        sequences: &Sequences,
        mode: Mode,
    ) -> Tensor<2> {
        let every = self.every(sequences);
        let classifier_every = if self.dense.is_some() { 1 } else { every };
        self.classifier
            .backward_parameters(pass, dlogits, &saved.features, classifier_every);
        let dfeatures =
            self.classifier
                .backward_every(pass.values, dlogits, classifier_every, &saved.features);
        let mut dpooled = dropout(dfeatures, &mode.head(self.dropout));
        if let (Some(dense), Some(kept)) = (&self.dense, &saved.dense) {
            if let (Some(norm), Some(saved)) = (&dense.norm, &kept.norm) {
                dpooled = norm.backward(pass, &dpooled, saved, &mode.none()).0;
            }
            let dprojected = activate_backward(dense.activation, &kept.projected, &dpooled);
            dense
                .linear
                .backward_parameters(pass, &dprojected, &saved.pooled, every);
            dpooled = dense
                .linear
                .backward_every(pass.values, &dprojected, every, &saved.pooled);
        }
        let dhidden = match self.pooling {
            Pooling::Mean => mean_pool_backward(
                &dpooled,
                &sequences.lengths,
                sequences.batch,
                sequences.seq,
                sequences.pad_left,
            ),
            Pooling::First | Pooling::None => dpooled,
        };
        dropout(dhidden, &mode.head_input(self.input_dropout))
    }
}
