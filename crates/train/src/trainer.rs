//! The `Trainer`: a model, its arguments and its data, and what can be done with them.

use std::path::PathBuf;
use std::sync::Arc;

use web_time::Duration;

use tunesmith_data::{DataCollator, Labels, TokenizedDataset};
use tunesmith_metrics::Metric;
use tunesmith_model::Model;
use tunesmith_protocol::{DeviceInfo, Event, Metrics, ResumeFrom, TrainingArguments};

use crate::evaluate::EvalPass;
use crate::own::{ComputeMetrics, LossFunction};
use crate::{
    EvalPrediction, Evaluation, LossAndGradient, Names, OutputFolder, OwnError, ParamGroup,
    PredictionOutput, Replicas, Run, TrainError, TrainerCallback, TrainerControl, TrainerState,
};

/// transformers' `Trainer` for sequence classification.
pub struct Trainer {
    /// The model; after training with `load_best_model_at_end`, the best one.
    pub model: Model,
    /// How to train, evaluate and save.
    pub args: TrainingArguments,
    /// How far training is and what it has logged.
    pub state: TrainerState,
    pub(crate) collator: Arc<dyn DataCollator>,
    pub(crate) train_dataset: Option<TokenizedDataset>,
    pub(crate) eval_dataset: Option<TokenizedDataset>,
    pub(crate) eval_split: String,
    pub(crate) metric: Option<Metric>,
    pub(crate) compute_metrics: Option<ComputeMetrics>,
    pub(crate) loss_function: Option<LossFunction>,
    pub(crate) param_groups: Option<Vec<ParamGroup>>,
    pub(crate) callbacks: Vec<Box<dyn TrainerCallback>>,
    /// What the callbacks asked for.
    pub(crate) control: TrainerControl,
    pub(crate) names: Names,
    pub(crate) tokenizer_files: Option<PathBuf>,
    pub(crate) live: Option<Duration>,
    pub(crate) folder: Option<OutputFolder>,
    pub(crate) replicas: Option<Replicas>,
    /// Each batch is computed in so many parts.
    pub(crate) parts: usize,
    /// Whether the replicas are equal to the model: a run keeps them so from its first step on.
    pub(crate) replicas_follow: bool,
}

/// What a training came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOutput {
    /// Optimizer steps taken, those before a resume included.
    pub global_step: u64,
    /// The mean loss over all of them.
    pub training_loss: f64,
    /// Epochs done.
    pub epoch: f64,
    /// Seconds of this call.
    pub train_runtime: f64,
    /// Rows a second in this call.
    pub train_samples_per_second: f64,
    /// Optimizer steps a second in this call.
    pub train_steps_per_second: f64,
    /// Floating point operations: 6 x padded tokens x parameters without embeddings.
    pub total_flos: f64,
    /// The best value of `metric_for_best_model`, where one is kept.
    pub best_metric: Option<f64>,
    /// The checkpoint of that value.
    pub best_model_checkpoint: Option<String>,
    /// Whether a command ended the run early.
    pub stopped: bool,
    /// The last evaluation, where it is of the weights that the model has now.
    pub last_evaluation: Option<PredictionOutput>,
}

impl TrainOutput {
    /// The numbers as the Trainer names them, without `epoch`.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        [
            ("total_flos", self.total_flos),
            ("train_loss", self.training_loss),
            ("train_runtime", self.train_runtime),
            ("train_samples_per_second", self.train_samples_per_second),
            ("train_steps_per_second", self.train_steps_per_second),
        ]
        .into_iter()
        .collect()
    }
}

impl Trainer {
    /// A trainer without data yet. Takes `label_smoothing_factor`, `gradient_checkpointing`, `fp16` and `fp16_full_eval`
    /// over into the model. The collator
    /// is [`tunesmith_data::DataCollatorWithPadding`] or a function of one's own.
    #[must_use]
    pub fn new(
        mut model: Model,
        args: TrainingArguments,
        collator: impl DataCollator + 'static,
    ) -> Self {
        model.options.label_smoothing = args.label_smoothing_factor as f32;
        model.options.gradient_checkpointing = args.gradient_checkpointing;
        model.options.fp16 = args.fp16;
        model.options.fp16_full_eval = args.fp16_full_eval;
        let state = TrainerState::new(&args, 0, 0);
        Self {
            model,
            args,
            state,
            collator: Arc::new(collator),
            train_dataset: None,
            eval_dataset: None,
            eval_split: "validation".to_owned(),
            metric: None,
            compute_metrics: None,
            loss_function: None,
            param_groups: None,
            callbacks: Vec::new(),
            control: TrainerControl::default(),
            names: Names::default(),
            tokenizer_files: None,
            live: None,
            folder: None,
            replicas: None,
            parts: 1,
            replicas_follow: false,
        }
    }

    /// Computes each training batch in so many parts (1 unless told), one after the other: the same steps with less
    /// memory. For `auto_find_batch_size` the session doubles it; a device on which a batch didn't fit is of no more
    /// use, so that needs a new one.
    #[must_use]
    pub fn parts(mut self, parts: usize) -> Self {
        self.parts = parts.max(1);
        self
    }

    /// Trains and evaluates on further devices too, each with a replica of the model: a step is
    /// `per_device_train_batch_size` rows of each device, and its gradient the mean over all of them.
    #[must_use]
    pub fn replicas(mut self, replicas: Replicas) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// How many devices compute.
    #[must_use]
    pub fn num_processes(&self) -> usize {
        self.replicas.as_ref().map_or(1, Replicas::size)
    }

    /// The devices beyond the model's own.
    pub(crate) fn other_devices(&self) -> &[DeviceInfo] {
        self.replicas.as_ref().map_or(&[], Replicas::devices)
    }

    /// The rows to train on.
    #[must_use]
    pub fn train_dataset(mut self, dataset: TokenizedDataset) -> Self {
        self.train_dataset = Some(dataset);
        self
    }

    /// The rows to evaluate on during training, and what their split is called.
    #[must_use]
    pub fn eval_dataset(mut self, split: &str, dataset: TokenizedDataset) -> Self {
        self.eval_split = split.to_owned();
        self.eval_dataset = Some(dataset);
        self
    }

    /// What an evaluation measures besides the loss, by a metric that has a name. It is added up batch by
    /// batch; see also [`Self::compute_metrics`].
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = Some(metric);
        self
    }

    /// What an evaluation measures besides, by a function of one's own over all rows, called where they
    /// have labels. Its error ends the evaluation.
    #[must_use]
    pub fn compute_metrics(
        mut self,
        function: impl Fn(&EvalPrediction<'_>) -> Result<Metrics, OwnError> + Send + Sync + 'static,
    ) -> Self {
        self.compute_metrics = Some(Arc::new(function));
        self
    }

    /// Minimizes a function of one's own in place of the model's loss (`compute_loss_func`): it is given
    /// the logits of a batch, `[rows, num_labels]` row by row (for a task over tokens `[rows * seq,
    /// num_labels]`), `num_labels`, and the labels. Each batch waits for its logits to come from the
    /// device. `label_smoothing_factor` doesn't apply. A checkpoint doesn't keep the function: a resumed run
    /// needs the same one.
    #[must_use]
    pub fn compute_loss_func(
        mut self,
        function: impl Fn(&[f32], usize, &Labels) -> Result<LossAndGradient, OwnError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.loss_function = Some(Arc::new(function));
        self
    }

    /// Trains with parameter groups of one's own, see [`crate::AdamW::param_groups`]; `weight_decay` of the
    /// arguments doesn't apply then. A resumed run needs the same groups as its checkpoint.
    #[must_use]
    pub fn param_groups(mut self, groups: Vec<ParamGroup>) -> Self {
        self.param_groups = Some(groups);
        self
    }

    /// Calls functions of one's own during training, after those that were added before.
    #[must_use]
    pub fn callback(mut self, callback: impl TrainerCallback + 'static) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// What events and the model card call model and data.
    #[must_use]
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// The folder whose tokenizer files go with every model that is saved.
    #[must_use]
    pub fn tokenizer_files(mut self, folder: impl Into<PathBuf>) -> Self {
        self.tokenizer_files = Some(folder.into());
        self
    }

    /// For a screen: tells of the first step as soon as it is done, and of the others at least so
    /// often. Otherwise a GPU's numbers are read back where something needs them (a log entry, an
    /// evaluation, a checkpoint), so that it never waits, and the events of the steps between come
    /// together.
    #[must_use]
    pub fn live(mut self, interval: Duration) -> Self {
        self.live = Some(interval);
        self
    }

    /// Hands over the output folder, for whoever writes there before or after training; otherwise a
    /// run takes it for as long as it lasts.
    #[must_use]
    pub fn output_folder(mut self, folder: OutputFolder) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Makes a run ready, anew or from a checkpoint; nothing is computed before its first
    /// [`Run::next`].
    ///
    /// # Errors
    /// Arguments that don't fit the data, an output folder that holds something, or a checkpoint that
    /// can't be resumed from; the message says what to do.
    pub fn start(&mut self, resume: &ResumeFrom) -> Result<Run<'_>, TrainError> {
        Run::start(self, resume)
    }

    /// Trains to the end, as `resume_from_checkpoint` says, and hands out every event.
    ///
    /// # Errors
    /// Of [`Trainer::start`] and [`Run::next`].
    pub async fn train(
        &mut self,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<TrainOutput, TrainError> {
        let resume = self.args.resume_from_checkpoint.clone();
        let mut run = self.start(&resume)?;
        loop {
            match run.next().await? {
                Some(event) => on_event(event),
                None => return Ok(run.into_output()),
            }
        }
    }

    /// Loss and metrics over a dataset.
    ///
    /// # Errors
    /// An empty dataset, rows that do not fit the model, or labels that do not fit the metric.
    pub async fn evaluate(&mut self, dataset: &TokenizedDataset) -> Result<Evaluation, TrainError> {
        Ok(self.predict(dataset).await?.evaluation)
    }

    /// Logits, and where the rows have labels, loss and metrics.
    ///
    /// # Errors
    /// As [`Trainer::evaluate`].
    pub async fn predict(
        &mut self,
        dataset: &TokenizedDataset,
    ) -> Result<PredictionOutput, TrainError> {
        let mut pass = self.pass(dataset)?;
        while !pass.is_done() {
            pass.step(self).await?;
        }
        pass.finish()
    }

    /// The same to be pulled batch by batch, so that a shell can show how far it is.
    ///
    /// # Errors
    /// An empty dataset.
    pub fn pass(&self, dataset: &TokenizedDataset) -> Result<EvalPass, TrainError> {
        EvalPass::new(dataset.clone(), self)
    }

    /// Calls one function of each callback, in their order.
    pub(crate) fn ask(
        &mut self,
        call: impl Fn(&mut dyn TrainerCallback, &TrainingArguments, &TrainerState, &mut TrainerControl),
    ) {
        for callback in &mut self.callbacks {
            call(
                callback.as_mut(),
                &self.args,
                &self.state,
                &mut self.control,
            );
        }
    }
}
