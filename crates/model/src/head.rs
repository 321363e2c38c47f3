//! From the encoder's output to logits, by the task.

use burn::tensor::Tensor;
use tunesmith_architecture::{self as architecture, Pooling};
use tunesmith_kernels::{
    self as kernels, Activation, Blocks, Dropout, LayerNormSaved, Precision, activate,
    activate_backward, cast, dropout, pool, pool_backward,
};

use crate::attention::Sequences;
use crate::layers::{Backward, LayerNorm, Linear, Places};

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
    /// How the encoder's output is stored, and its gradient.
    encoder: Precision,
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

    /// Whether each token has logits of its own.
    fn is_over_tokens(&self) -> bool {
        self.pooling == Pooling::None
    }

    /// What stands for a row of the batch, where not each token stands for itself.
    fn pooled(&self) -> Option<kernels::Pooling> {
        match self.pooling {
            Pooling::First => Some(kernels::Pooling::First),
            Pooling::Mean => Some(kernels::Pooling::Mean),
            Pooling::None => None,
        }
    }

    /// Logits, `[rows, num_labels]`: a row of the batch each or, for tokens, one a token. It computes in `f32`,
    /// whatever the encoder's output is.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        hidden: Tensor<2>,
        sequences: &Sequences,
    ) -> (Tensor<2>, HeadSaved) {
        let (noise, over_tokens) = (&sequences.noise, self.is_over_tokens());
        let encoder = Precision::of(&hidden);
        let pooled = match self.pooled().filter(|_| !sequences.only_first) {
            Some(pooling) => pool(&hidden, &sequences.packing, pooling),
            None => cast(hidden, Precision::F32),
        };
        let pooled = dropout(pooled, &noise.head_input(self.input_dropout, over_tokens));
        let mut features = pooled.clone();
        let mut kept = None;
        if let Some(dense) = &self.dense {
            let projected = dense.linear.forward(values, &pooled);
            features = activate(dense.activation, &projected);
            let mut norm = None;
            if let Some(layer) = &dense.norm {
                let (y, saved) = layer.forward(values, &features, None, &Dropout::NONE);
                features = y;
                norm = Some(saved);
            }
            kept = Some(DenseSaved { projected, norm });
        }
        let features = dropout(features, &noise.head(self.dropout, over_tokens));
        let logits = self.classifier.forward(values, &features);
        let saved = HeadSaved {
            encoder,
            pooled,
            dense: kept,
            features,
        };
        (logits, saved)
    }

    /// The gradient of the encoder's output, `[tokens, hidden]`, from that of the logits.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dlogits: &Tensor<2>,
        saved: HeadSaved,
        sequences: &Sequences,
    ) -> Tensor<2> {
        let (noise, over_tokens) = (&sequences.noise, self.is_over_tokens());
        self.classifier
            .backward_parameters(pass, dlogits, Some(&saved.features));
        let dfeatures = self.classifier.backward_into(pass.values, dlogits, None);
        let mut dpooled = dropout(dfeatures, &noise.head(self.dropout, over_tokens));
        if let (Some(dense), Some(kept)) = (&self.dense, &saved.dense) {
            if let (Some(norm), Some(saved)) = (&dense.norm, &kept.norm) {
                dpooled = norm.backward(pass, &dpooled, saved, &Dropout::NONE).0;
            }
            let dprojected = activate_backward(dense.activation, &kept.projected, &dpooled);
            dense
                .linear
                .backward_parameters(pass, &dprojected, Some(&saved.pooled));
            dpooled = dense.linear.backward_into(pass.values, &dprojected, None);
        }
        let dpooled = dropout(dpooled, &noise.head_input(self.input_dropout, over_tokens));
        let dhidden = match self.pooled() {
            Some(pooling) => pool_backward(&dpooled, &sequences.packing, pooling),
            None => dpooled,
        };
        cast(dhidden, saved.encoder)
    }
}
