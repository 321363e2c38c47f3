//! A model of any family with a head for a task: transformers' `AutoModelFor…`.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tunesmith_architecture::{Frozen, ModelConfig, Pooling, Task};
use tunesmith_checkpoint::TensorWriter;
use tunesmith_kernels::{
    ClassLoss, ComputeDevice, Precision, bce_with_logits, cross_entropy, indices, mse,
};
use tunesmith_platform::fs;

use crate::attention::Sequences;
use crate::encoder::{Encoder, EncoderSaved, Keep};
use crate::files::{WEIGHTS, weights};
use crate::head::{Head, HeadSaved};
use crate::layers::{Backward, Places};
use crate::noise::Mode;
use crate::weights::{Checkpoint, LoadReport, Source, host};
use crate::words::{PartialTable, Words};
use crate::{Inputs, ModelError, Parameter, Parameters, Targets};

/// The configuration's file in a model's folder.
pub(crate) const CONFIG: &str = "config.json";

/// What a forward pass gives, and what its backward pass needs.
#[derive(Debug)]
pub struct Output {
    /// `[batch, num_labels]`; for a task over tokens `[tokens, num_labels]`, those of one row after the
    /// other's, without padding.
    pub logits: Tensor<2>,
    /// `[1]`, the mean over what has a label; absent without targets.
    pub loss: Option<Tensor<1>>,
    dlogits: Option<Tensor<2>>,
    head: HeadSaved,
    encoder: Option<EncoderSaved>,
    sequences: Sequences,
}

impl Output {
    /// The output with a loss of one's own, to go to [`Model::backward`]: its value and its derivative by
    /// each logit, row by row.
    ///
    /// # Errors
    /// A gradient of another size than the logits.
    pub fn with_loss(mut self, loss: f32, gradient: Vec<f32>) -> Result<Self, ModelError> {
        let dims = self.logits.dims();
        let count: usize = dims.iter().product();
        if gradient.len() != count {
            return Err(ModelError::Inputs(format!(
                "the loss has {} derivatives for {count} logits: one for each is needed",
                gradient.len()
            )));
        }
        let device = self.logits.device();
        let data = TensorData::new(gradient, dims);
        self.dlogits = Some(Tensor::from_data(data, &device));
        self.loss = Some(Tensor::from_data([loss], &device));
        Ok(self)
    }
}

/// What [`Model::infer`] gives.
#[derive(Debug)]
pub struct Inference {
    /// As [`Output::logits`].
    pub logits: Tensor<2>,
    /// As [`Output::loss`].
    pub loss: Option<Tensor<1>>,
}

/// How a model is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// What new weights are drawn from.
    pub seed: u64,
    /// The words that the device is to have: with those of a run's rows alone, a large vocabulary takes no
    /// room. [`Inputs`] with others are refused then.
    pub words: Words,
    /// Whether the classifier is drawn anew even where the checkpoint has one: for other labels.
    pub new_classifier: bool,
}

impl LoadOptions {
    /// All words, and the checkpoint's classifier.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }
}

/// What a model's passes are told beside its configuration: of the loss, and of what is kept and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelOptions {
    /// Weight of the uniform target in the cross-entropy, in `[0, 1)`.
    pub label_smoothing: f32,
    /// How much each class counts in the cross-entropy, `[num_labels]`; none: all the same. The mean is by the
    /// weights of the labels, as with PyTorch's `CrossEntropyLoss(weight=…)`.
    pub class_weights: Option<Vec<f32>>,
    /// Above 0 the focal loss with this gamma in place of the cross-entropy; `label_smoothing` doesn't apply then.
    pub focal_gamma: f32,
    /// Whether a forward pass keeps of each layer its input only, and the backward pass computes the rest again:
    /// less memory, a third more time, the same numbers.
    pub gradient_checkpointing: bool,
    /// Whether the encoder's activations, and their gradients, are stored as halves (IEEE 754 binary16). Weights and
    /// their gradients, the head and the loss are `f32`, and so is what kernels compute in. Multiply the gradient by a
    /// loss scale, so that small ones don't become zero.
    pub fp16: bool,
    /// Whether [`Model::infer`] does so, too, where [`Self::fp16`] isn't set.
    pub fp16_full_eval: bool,
}

/// An encoder of any family with a head for its task.
#[derive(Debug)]
pub struct Model {
    /// The configuration, labels included.
    pub config: ModelConfig,
    /// What it has learned.
    pub parameters: Parameters,
    /// Where the words are that aren't on the device, if there are any.
    source: Option<Source>,
    device: ComputeDevice,
    encoder: Encoder,
    head: Head,
    /// What its passes are told besides.
    pub options: ModelOptions,
}

impl Model {
    /// Reads the weights of `dir` tensor by tensor onto the device; the report names what was newly drawn
    /// from `seed` and what was not used.
    ///
    /// # Errors
    /// A file cut short, a wrong shape or element type, a missing encoder, or a device too small; the
    /// message names file and tensor.
    pub fn from_pretrained(
        dir: &Path,
        config: ModelConfig,
        seed: u64,
        device: &ComputeDevice,
    ) -> Result<(Self, LoadReport), ModelError> {
        Self::from_pretrained_with(dir, config, &LoadOptions::new(seed), device)
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Self::from_pretrained`].
    pub fn from_pretrained_with(
        dir: &Path,
        config: ModelConfig,
        options: &LoadOptions,
        device: &ComputeDevice,
    ) -> Result<(Self, LoadReport), ModelError> {
        let mut file = Checkpoint::open(&weights(dir)?, config.family())?;
        if options.new_classifier {
            file = file.without(config.spec().classifier_names());
        }
        let source = Source::new(options.seed, Some(file));
        Self::build(config, &options.words, source, device)
    }

    /// A model whose weights are all new: drawn as the family draws them, biases 0, LayerNorm 1 and 0.
    ///
    /// # Errors
    /// A device too small for it.
    pub fn from_config(
        config: ModelConfig,
        seed: u64,
        device: &ComputeDevice,
    ) -> Result<Self, ModelError> {
        Self::from_config_with(config, &LoadOptions::new(seed), device)
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Self::from_config`].
    pub fn from_config_with(
        config: ModelConfig,
        options: &LoadOptions,
        device: &ComputeDevice,
    ) -> Result<Self, ModelError> {
        let source = Source::new(options.seed, None);
        let (model, _) = Self::build(config, &options.words, source, device)?;
        Ok(model)
    }

    fn build(
        config: ModelConfig,
        words: &Words,
        mut source: Source,
        device: &ComputeDevice,
    ) -> Result<(Self, LoadReport), ModelError> {
        let spec = config.spec();
        let declarations = spec.declarations();
        source.check(&declarations, &spec.head_names(), device)?;
        let part = PartialTable::of(words, &spec.embeddings.word);
        let (limit, on) = (device.max_binding_bytes, &device.device);
        let (mut parameters, slots) = Parameters::new(&declarations, part, limit, on);
        let places = Places::new(&declarations, &slots);
        let encoder = Encoder::new(spec, &places, parameters.table.as_ref());
        let head = Head::new(&spec.head, &places);
        source.fill(&declarations, &mut parameters)?;
        let report = source.report();
        let model = Self {
            config,
            // A file that isn't needed any more is not kept open.
            source: parameters.table.is_some().then_some(source),
            parameters,
            device: device.clone(),
            encoder,
            head,
            options: ModelOptions::default(),
        };
        Ok((model, report))
    }

    /// Writes `config.json` and `model.safetensors` into `dir`, all of the vocabulary included.
    ///
    /// # Errors
    /// Names the file that could not be written; or that of the words that aren't on the device, where it
    /// can't be read any more.
    pub async fn save_pretrained(&self, dir: &Path) -> Result<(), ModelError> {
        let path = dir.join(CONFIG);
        fs::write(&path, self.config.to_json())
            .map_err(|source| ModelError::Io { path, source })?;
        let parameters: Vec<&Parameter> = self.parameters.iter().collect();
        let tensors: Vec<_> = parameters
            .iter()
            .map(|parameter| (parameter.name.as_str(), parameter.shape.as_slice()))
            .collect();
        let path = dir.join(WEIGHTS);
        let mut file = TensorWriter::create(&path, &tensors)?;
        for place in file.order().to_vec() {
            let parameter = parameters[place];
            let mut values = self.parameters.value(parameter);
            match (&self.parameters.table, &self.source) {
                (Some(table), Some(source)) if parameter.shape != parameter.trained_shape => {
                    values.extend(table.others().map(|others| others.tensor()));
                    let values = host(values, &path).await?;
                    let words = self.config.spec().embeddings.word.declaration();
                    let mut rest = source.values(&words.parts[0])?;
                    table.whole(&values, &mut *rest, |piece| Ok(file.put_part(piece)?))?;
                }
                _ => file.put(&host(values, &path).await?)?,
            }
        }
        Ok(file.finish()?)
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
        let keep = match self.options.gradient_checkpointing {
            true => Keep::Inputs,
            false => Keep::All,
        };
        let precision = precision(self.options.fp16);
        self.run(inputs, targets, *mode, (keep, scale), precision)
    }

    /// Runs the batch without dropout and keeps nothing for a backward pass: evaluation and prediction
    /// take the memory of one layer, not of all.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn infer(
        &self,
        inputs: &Inputs,
        targets: Option<&Targets>,
    ) -> Result<Inference, ModelError> {
        let precision = self.inference_precision();
        let kept = (Keep::Nothing, 1.0);
        let Output { logits, loss, .. } =
            self.run(inputs, targets, Mode::Evaluate, kept, precision)?;
        Ok(Inference { logits, loss })
    }

    fn inference_precision(&self) -> Precision {
        precision(self.options.fp16 || self.options.fp16_full_eval)
    }

    /// The logits of several batches, which [`Self::infer`] gives up to their last bits: of the last layer only what
    /// the head looks at is computed. On the CPU each core takes a batch at a time.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn infer_each(&self, batches: &[Inputs]) -> Result<Vec<Tensor<2>>, ModelError> {
        for inputs in batches {
            self.check(inputs, None)?;
        }
        let Self {
            encoder: layers,
            head: heads,
            parameters,
            ..
        } = self;
        let device = &self.device.device;
        let precision = self.inference_precision();
        let logits = |inputs: &Inputs| {
            let kept = (Keep::OnlyLogits, precision);
            let (hidden, sequences, _) =
                layers.forward(parameters, inputs, Mode::Evaluate, device, kept);
            heads.forward(&parameters.values, hidden, &sequences).0
        };
        Ok(self.device.map(batches, logits))
    }

    /// A forward pass that keeps so much for the backward pass, whose gradient is times `scale`.
    fn run(
        &self,
        inputs: &Inputs,
        targets: Option<&Targets>,
        mode: Mode,
        (keep, scale): (Keep, f32),
        precision: Precision,
    ) -> Result<Output, ModelError> {
        self.check(inputs, targets)?;
        let Self {
            encoder: layers,
            head: heads,
            parameters,
            ..
        } = self;
        let (values, device) = (&parameters.values, &self.device.device);
        let options = ClassLoss {
            smoothing: self.options.label_smoothing,
            weights: self.options.class_weights.as_deref(),
            gamma: self.options.focal_gamma,
        };
        Ok(self.device.install(|| {
            let (hidden, sequences, encoder) =
                layers.forward(parameters, inputs, mode, device, (keep, precision));
            let (logits, head) = heads.forward(values, hidden, &sequences);
            let (loss, dlogits) = loss(&logits, inputs, targets, &options, scale).unzip();
            Output {
                logits,
                loss,
                dlogits,
                head,
                encoder,
                sequences,
            }
        }))
    }

    fn check(&self, inputs: &Inputs, targets: Option<&Targets>) -> Result<(), ModelError> {
        inputs.check(self.config.spec(), self.parameters.table.as_ref())?;
        let num_labels = self.config.num_labels();
        if let Some(weights) = &self.options.class_weights
            && weights.len() != num_labels
        {
            return Err(ModelError::Inputs(format!(
                "there are {} class weights, and the head has {num_labels} classes",
                weights.len()
            )));
        }
        targets.map_or(Ok(()), |targets| targets.check(inputs, num_labels))
    }

    /// Adds the gradients of the output's loss to every parameter that is trained, as `loss.backward()` does.
    /// An output without a loss adds nothing.
    pub fn backward(&mut self, output: Output) {
        let Output {
            dlogits: Some(dlogits),
            head,
            encoder,
            sequences,
            ..
        } = output
        else {
            return;
        };
        let (values, gradients) = self.parameters.values_and_gradients();
        let mut pass = Backward { values, gradients };
        let (heads, layers) = (&self.head, &self.encoder);
        self.device.install(|| {
            let dhidden = heads.backward(&mut pass, &dlogits, head, &sequences);
            if let Some(encoder) = encoder {
                layers.backward(&mut pass, dhidden, encoder);
            }
        });
    }

    /// Says what isn't to be trained, and forgets all gradients. What is frozen has no room for any, and a forward pass
    /// keeps nothing of what lies below all that is trained. An optimizer that was made before is of no more use.
    ///
    /// # Errors
    /// As [`ModelConfig::freeze`].
    pub fn freeze(&mut self, frozen: &Frozen) -> Result<(), ModelError> {
        if self.config.spec().frozen == *frozen {
            return Ok(());
        }
        self.config.freeze(frozen).map_err(ModelError::Frozen)?;
        let spec = self.config.spec();
        let declarations = spec.declarations();
        let words = self.parameters.words();
        let part = PartialTable::of(&words, &spec.embeddings.word);
        let (limit, on) = (self.device.max_binding_bytes, &self.device.device);
        let (parameters, slots) = Parameters::new(&declarations, part, limit, on);
        let places = Places::new(&declarations, &slots);
        let encoder = Encoder::new(spec, &places, parameters.table.as_ref());
        let head = Head::new(&spec.head, &places);
        let old = std::mem::replace(&mut self.parameters, parameters);
        let (device, parameters) = (&self.device, &mut self.parameters);
        device.install(|| parameters.take_values(&declarations, old));
        (self.encoder, self.head) = (encoder, head);
        Ok(())
    }

    /// Forgets all gradients.
    pub fn zero_grad(&mut self) {
        self.parameters.zero_grad();
    }

    /// Numbers of all parameters.
    pub fn num_parameters(&self) -> usize {
        self.parameters.iter().map(Parameter::count).sum()
    }

    /// Numbers of those that are trained.
    pub fn num_trained(&self) -> usize {
        self.parameters.trained().map(Parameter::count).sum()
    }

    /// What its head answers.
    pub fn task(&self) -> Task {
        self.config.task()
    }

    /// Whether each token has logits of its own.
    pub fn is_over_tokens(&self) -> bool {
        self.config.spec().head.pooling == Pooling::None
    }

    /// Where the model lives.
    pub fn device(&self) -> &ComputeDevice {
        &self.device
    }
}

/// What activations are kept in.
fn precision(fp16: bool) -> Precision {
    match fp16 {
        true => Precision::F16,
        false => Precision::F32,
    }
}

/// The loss, and its gradient by the logits times `scale`.
fn loss(
    logits: &Tensor<2>,
    inputs: &Inputs,
    targets: Option<&Targets>,
    options: &ClassLoss<'_>,
    scale: f32,
) -> Option<(Tensor<1>, Tensor<2>)> {
    let device = &logits.device();
    Some(match targets? {
        Targets::Classes(labels) => {
            let labels = indices(labels, device);
            cross_entropy(logits, &labels, options, scale)
        }
        Targets::Tokens(labels) => {
            // Negative ones are ignored; their bits are those of the i32.
            let labels = inputs.without_padding(labels);
            let labels: Vec<u32> = labels.iter().map(|label| *label as u32).collect();
            let labels = indices(&labels, device);
            cross_entropy(logits, &labels, options, scale)
        }
        Targets::Values(values) => {
            let data = TensorData::new(values.clone(), [values.len()]);
            mse(logits, &Tensor::from_data(data, device), scale)
        }
        Targets::Labels(values) => {
            let data = TensorData::new(values.clone(), logits.dims());
            bce_with_logits(logits, &Tensor::from_data(data, device), scale)
        }
    })
}
