//! The same model from burn's own modules, autodiff and AdamW: what one gets without our kernels.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::transformer::{
    TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput,
};
use burn::nn::{
    Dropout, DropoutConfig, Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear,
    LinearConfig,
};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::{Inputs, ModelConfig, Targets};

use crate::ours::wait;
use crate::{Contender, Phases, StepArgs, batch};

#[derive(Module, Debug)]
struct Bert {
    word: Embedding,
    position: Embedding,
    token_type: Embedding,
    norm: LayerNorm,
    dropout: Dropout,
    encoder: TransformerEncoder,
    pooler: Linear,
    classifier: Linear,
}

pub(crate) struct Stock {
    model: Option<Bert>,
    optimizer: ModuleOptimizer,
    inputs: Inputs,
    labels: Vec<u32>,
    device: Device,
}

impl Stock {
    pub(crate) fn new(
        args: &StepArgs,
        config: &ModelConfig,
        device: &ComputeDevice,
    ) -> Result<Self> {
        let (inputs, targets) = batch(args, config)?;
        let Targets::Classes(labels) = targets else {
            anyhow::bail!("the batch has classes")
        };
        let spec = config.spec();
        ensure!(
            config.family().model_type == "bert",
            "stock burn is compared with a BERT"
        );
        let device = device.device.clone().autodiff();
        let hidden = spec.hidden;
        let embedding = |entries| EmbeddingConfig::new(entries, hidden).init(&device);
        let model = Bert {
            word: embedding(spec.vocabulary()),
            position: embedding(spec.longest),
            token_type: embedding(2),
            norm: LayerNormConfig::new(hidden)
                .with_epsilon(1e-12)
                .init(&device),
            dropout: DropoutConfig::new(f64::from(spec.embeddings.dropout)).init(),
            encoder: TransformerEncoderConfig::new(
                hidden,
                spec.intermediate(),
                spec.heads,
                spec.layers.len(),
            )
            .with_dropout(f64::from(spec.embeddings.dropout))
            .init(&device),
            pooler: LinearConfig::new(hidden, hidden).init(&device),
            classifier: LinearConfig::new(hidden, 2).init(&device),
        };
        let optimizer = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(0.0)
            .init();
        Ok(Self {
            model: Some(model),
            optimizer,
            inputs,
            labels,
            device,
        })
    }

    fn ids(&self, ids: Vec<i32>) -> Tensor<2, Int> {
        let shape = [self.inputs.batch, self.inputs.seq];
        Tensor::from_data(TensorData::new(ids, shape), &self.device)
    }

    fn loss(&self, model: &Bert) -> Tensor<1> {
        let Inputs {
            batch,
            seq,
            input_ids,
            token_type_ids,
            lengths,
            ..
        } = &self.inputs;
        let signed = |ids: &[u32]| ids.iter().map(|id| *id as i32).collect::<Vec<_>>();
        let types = token_type_ids
            .as_deref()
            .map_or(vec![0; batch * seq], signed);
        let positions = (0..batch * seq).map(|i| (i % seq) as i32).collect();
        let padded: Vec<bool> = (0..batch * seq)
            .map(|i| i % seq >= lengths[i / seq] as usize)
            .collect();
        let mask: Tensor<2, Bool> =
            Tensor::from_data(TensorData::new(padded, [*batch, *seq]), &self.device);
        let embedded = model.word.forward(self.ids(signed(input_ids)))
            + model.position.forward(self.ids(positions))
            + model.token_type.forward(self.ids(types));
        let hidden = model.dropout.forward(model.norm.forward(embedded));
        let hidden = model
            .encoder
            .forward(TransformerEncoderInput::new(hidden).mask_pad(mask));
        let width = hidden.dims()[2];
        let first = hidden
            .slice([0..*batch, 0..1, 0..width])
            .reshape([*batch, width]);
        let pooled = model.pooler.forward(first).tanh();
        let logits = model.classifier.forward(model.dropout.forward(pooled));
        let labels = TensorData::new(signed(&self.labels), [self.labels.len()]);
        CrossEntropyLossConfig::new()
            .init(&self.device)
            .forward(logits, Tensor::from_data(labels, &self.device))
    }
}

impl Contender for Stock {
    fn name(&self) -> &'static str {
        "stock burn"
    }

    fn step(&mut self, apart: bool) -> Result<Phases> {
        let start = Instant::now();
        let model = self.model.take().context("a step before failed")?;
        let loss = self.loss(&model);
        if apart {
            wait(loss.clone())?;
        }
        let forward = start.elapsed();
        let gradients = loss.backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        if apart {
            self.device.sync().context("waiting for the device")?;
        }
        let backward = start.elapsed();
        let model = self.optimizer.step(5e-5, model, gradients);
        self.device.sync().context("waiting for the device")?;
        wait(loss)?;
        self.model = Some(model);
        let whole = start.elapsed();
        Ok(Phases {
            forward: forward.as_secs_f64(),
            backward: (backward - forward).as_secs_f64(),
            optimizer: (whole - backward).as_secs_f64(),
            loss: None,
        })
    }
}
