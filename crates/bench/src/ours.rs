//! Tunesmith's own step.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result};
use burn::tensor::Tensor;
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::{Inputs, LoadOptions, Mode, Model, ModelConfig, Targets, Words};
use tunesmith_train::AdamW;

use crate::{Contender, Phases, StepArgs, batch};

pub(crate) struct Ours {
    model: Model,
    optimizer: AdamW,
    inputs: Inputs,
    targets: Targets,
    step: u32,
}

impl Ours {
    pub(crate) fn new(
        args: &StepArgs,
        config: ModelConfig,
        device: &ComputeDevice,
    ) -> Result<Self> {
        let (inputs, targets) = batch(args, &config)?;
        let words = args.words.map_or(Words::All, |words| Words::Of {
            trained: (0..words).collect(),
            evaluated: BTreeSet::new(),
        });
        let options = LoadOptions {
            words,
            ..LoadOptions::new(42)
        };
        let mut model = if args.model.join("model.safetensors").exists() {
            Model::from_pretrained_with(&args.model, config, &options, device)?.0
        } else {
            Model::from_config_with(config, &options, device)?
        };
        model.options.gradient_checkpointing = args.gradient_checkpointing;
        model.options.fp16 = args.fp16;
        let optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
        Ok(Self {
            model,
            optimizer,
            inputs,
            targets,
            step: 0,
        })
    }
}

/// Waits until a tensor is computed. Its bytes are touched, since burn fetches them only then.
pub(crate) fn wait<const D: usize>(tensor: Tensor<D>) -> Result<()> {
    let data = pollster::block_on(tensor.into_data_async()).context("reading a result")?;
    data.bytes().first().context("an empty result")?;
    Ok(())
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "tunesmith"
    }

    fn step(&mut self, apart: bool) -> Result<Phases> {
        let start = Instant::now();
        let mode = Mode::Train {
            seed: 42,
            step: self.step,
            first_row: 0,
        };
        self.step += 1;
        let output = self
            .model
            .forward(&self.inputs, Some(&self.targets), &mode)?;
        let loss = output.loss.clone().context("the batch has targets")?;
        if apart {
            wait(loss.clone())?;
        }
        let forward = start.elapsed();
        self.model.backward(output);
        let parameters = &self.model.parameters;
        let last = parameters.iter().last().context("a parameter")?;
        if apart {
            parameters.gradient(last).into_iter().try_for_each(wait)?;
        }
        let backward = start.elapsed();
        let norm = self.optimizer.step(&mut self.model, 5e-5);
        if apart {
            let parameters = &self.model.parameters;
            let last = parameters.iter().last().context("a parameter")?;
            parameters.value(last).into_iter().try_for_each(wait)?;
        }
        let both = Tensor::cat(vec![loss, norm.values()], 0);
        let both = pollster::block_on(both.into_data_async()).context("reading the loss")?;
        let both: Vec<f32> = both.try_to_vec().context("the loss")?;
        let whole = start.elapsed();
        Ok(Phases {
            forward: forward.as_secs_f64(),
            backward: (backward - forward).as_secs_f64(),
            optimizer: (whole - backward).as_secs_f64(),
            loss: both.first().copied(),
        })
    }
}
