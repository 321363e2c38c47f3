//! BERT with a head over the pooled first token: classification, or regression with one label.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use tunesmith_kernels::{ComputeDevice, Slot, cross_entropy, dropout, indices, mse};
use tunesmith_platform::fs;

use crate::bert::{Bert, BertSaved, Pass};
use crate::files::{WEIGHTS, weights};
use crate::layers::{Backward, Linear};
use crate::parameter::Declaration;
use crate::structure::{bert, linear};
use crate::weights::{Checkpoint, LoadReport, Source, write_tensors};
use crate::{BertConfig, Inputs, ModelError, Parameter, Parameters, Targets};

/// The head's name in a checkpoint.
const HEAD: &str = "classifier";

/// Whether a forward pass drops anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No dropout.
    Evaluate,
    /// Dropout as the configuration says, drawn from the seed and the count of forward passes so far:
    /// both name the noise completely, so a resumed run needs nothing else.
    Train {
        /// The run's seed.
        seed: u64,
        /// The forward pass within the run, from 0.
        step: u32,
    },
}

/// What a forward pass gives, and what its backward pass needs.
#[derive(Debug)]
pub struct Output {
    /// `[batch, num_labels]`.
    pub logits: Tensor<2>,
    /// `[1]`, the mean over the batch; absent without targets.
    pub loss: Option<Tensor<1>>,
    dlogits: Option<Tensor<2>>,
    features: Tensor<2>,
    encoder: BertSaved,
    pass: Pass,
}

/// `BertForSequenceClassification`, as transformers names it.
#[derive(Debug)]
pub struct BertForSequenceClassification {
    /// The configuration, labels included.
    pub config: BertConfig,
    /// What it has learned.
    pub parameters: Parameters,
    device: ComputeDevice,
    bert: Bert,
    classifier: Linear,
    /// Weight of the uniform target in the loss, in `[0, 1)`.
    pub label_smoothing: f32,
}

impl BertForSequenceClassification {
    /// Reads `model.safetensors` of `dir` tensor by tensor onto the device; the report names what was
    /// newly drawn from `seed` and what was not used.
    ///
    /// # Errors
    /// A file cut short, a wrong shape or element type, a missing encoder, or a device too small; the
    /// message names file and tensor.
    pub fn from_pretrained(
        dir: &Path,
        config: BertConfig,
        seed: u64,
        device: &ComputeDevice,
    ) -> Result<(Self, LoadReport), ModelError> {
        let file = Checkpoint::open(&weights(dir)?)?;
        Self::load(Source::new(&config, seed, Some(file)), config, device)
    }

    /// The same with a head that is drawn anew even where the checkpoint has one: for other labels.
    ///
    /// # Errors
    /// As [`Self::from_pretrained`].
    pub fn from_pretrained_encoder(
        dir: &Path,
        config: BertConfig,
        seed: u64,
        device: &ComputeDevice,
    ) -> Result<(Self, LoadReport), ModelError> {
        let file = Checkpoint::open(&weights(dir)?)?.without(HEAD);
        Self::load(Source::new(&config, seed, Some(file)), config, device)
    }

    fn load(
        mut source: Source,
        config: BertConfig,
        device: &ComputeDevice,
    ) -> Result<(Self, LoadReport), ModelError> {
        let model = Self::build(config, device, &mut source)?;
        Ok((model, source.report()))
    }

    /// A model whose weights are all new: N(0, initializer_range), biases 0, LayerNorm 1 and 0.
    ///
    /// # Errors
    /// A device too small for it.
    pub fn from_config(
        config: BertConfig,
        seed: u64,
        device: &ComputeDevice,
    ) -> Result<Self, ModelError> {
        let mut source = Source::new(&config, seed, None);
        Self::build(config.clone(), device, &mut source)
    }

    fn build(
        config: BertConfig,
        device: &ComputeDevice,
        source: &mut Source,
    ) -> Result<Self, ModelError> {
        let structure = |place: &mut dyn FnMut(Declaration) -> Slot| {
            let bert = bert(&config, place);
            let classifier = linear(HEAD, config.num_labels(), config.hidden_size, place);
            (bert, classifier)
        };
        // Once to learn what there is, once more when everything has its place.
        let mut declarations = Vec::new();
        structure(&mut |declaration| {
            declarations.push(declaration);
            Slot::default()
        });
        source.check(&declarations, device)?;
        let (mut parameters, slots) =
            Parameters::new(&declarations, device.max_binding_bytes, &device.device);
        let mut places = slots.into_iter();
        let (bert, classifier) = structure(&mut |_| places.next().unwrap_or_default());
        source.fill(&declarations, &mut parameters)?;
        Ok(Self {
            config,
            parameters,
            device: device.clone(),
            bert,
            classifier,
            label_smoothing: 0.0,
        })
    }

    /// Writes `config.json` and `model.safetensors` into `dir`.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub async fn save_pretrained(&self, dir: &Path) -> Result<(), ModelError> {
        let path = dir.join("config.json");
        let mut text =
            serde_json::to_string_pretty(&self.config).map_err(|error| ModelError::Config {
                path: path.clone(),
                message: error.to_string(),
            })?;
        text.push('\n');
        fs::write(&path, text).map_err(|source| ModelError::Io { path, source })?;
        let parameters: Vec<&Parameter> = self.parameters.iter().collect();
        let tensors: Vec<_> = parameters
            .iter()
            .map(|parameter| (parameter.name.as_str(), parameter.shape.as_slice()))
            .collect();
        write_tensors(&dir.join(WEIGHTS), &tensors, |place| {
            self.parameters.value(parameters[place])
        })
        .await
    }

    /// Runs the batch. With targets the output has a loss and may go to [`Self::backward`].
    ///
    /// # Errors
    /// A batch that does not fit the model: the message names the row.
    pub fn forward(
        &self,
        inputs: &Inputs,
        targets: Option<&Targets>,
        mode: &Mode,
    ) -> Result<Output, ModelError> {
        self.forward_scaled(inputs, targets, mode, 1.0)
    }

    /// The same with the gradient (not the loss) times `scale`: one over the number of micro-batches
    /// that are accumulated into a step.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_scaled(
        &self,
        inputs: &Inputs,
        targets: Option<&Targets>,
        mode: &Mode,
        scale: f32,
    ) -> Result<Output, ModelError> {
        inputs.check(&self.config)?;
        if let Some(targets) = targets {
            targets.check(inputs.batch, self.config.num_labels())?;
        }
        let pass = Pass::new(&self.config, inputs, mode);
        let (pooled, encoder) =
            self.bert
                .forward(&self.parameters.values, inputs, &pass, &self.device.device);
        let features = dropout(pooled, &pass.head);
        let logits = self.classifier.forward(&self.parameters.values, &features);
        let (loss, dlogits) = match targets {
            Some(Targets::Classes(labels)) => {
                let labels = indices(labels, &self.device.device);
                let (loss, dlogits) = cross_entropy(&logits, &labels, self.label_smoothing, scale);
                (Some(loss), Some(dlogits))
            }
            Some(Targets::Values(values)) => {
                let data = TensorData::new(values.clone(), [values.len()]);
                let values = Tensor::from_data(data, &self.device.device);
                let (loss, dlogits) = mse(&logits, &values, scale);
                (Some(loss), Some(dlogits))
            }
            None => (None, None),
        };
        Ok(Output {
            logits,
            loss,
            dlogits,
            features,
            encoder,
            pass,
        })
    }

    /// Adds the gradients of the output's loss to every parameter, as `loss.backward()` does.
    /// An output without a loss adds nothing.
    pub fn backward(&mut self, output: Output) {
        let Output {
            dlogits: Some(dlogits),
            features,
            encoder,
            pass,
            ..
        } = output
        else {
            return;
        };
        let (values, gradients) = self.parameters.values_and_gradients();
        let mut backward = Backward { values, gradients };
        self.classifier
            .backward_parameters(&mut backward, &dlogits, &features, 1);
        let dfeatures = self
            .classifier
            .backward_input_new(backward.values, &dlogits);
        let dpooled = dropout(dfeatures, &pass.head);
        self.bert.backward(
            &mut backward,
            &dpooled,
            encoder,
            &pass,
            self.config.pad_token_id,
        );
    }

    /// Forgets all gradients.
    pub fn zero_grad(&mut self) {
        self.parameters.zero_grad();
    }

    /// Trainable numbers.
    pub fn num_parameters(&self) -> usize {
        self.parameters.iter().map(Parameter::count).sum()
    }

    /// Where the model lives.
    pub fn device(&self) -> &ComputeDevice {
        &self.device
    }
}
