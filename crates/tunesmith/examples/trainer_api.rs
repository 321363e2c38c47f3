//! "Fine-tuning a model with the Trainer API", the second section of the Hugging Face course's chapter on
//! fine-tuning: each cell in Python, and below it in Rust; and at the end a Trainer with parts of one's
//! own.
//!
//! `cargo run --example trainer_api -- CHECKPOINT [ROWS]`, where CHECKPOINT is a name on the Hub or a
//! folder. Trains on the first ROWS (64 unless told) of this repository's own pairs, and writes to
//! `out/test-trainer`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tunesmith::protocol::{Event, IntervalStrategy, Metrics, SaveStrategy, Steps};
use tunesmith::{
    AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, ComputeDevice,
    DataCollatorWithPadding, DataError, Dataset, DeviceChoice, EvalPrediction, ExampleRef, Labels,
    LossAndGradient, MapOptions, Model, NewColumn, OwnError, Padding, ParamGroup, SchedulerKwargs,
    SchedulerType, Task, TokenizeOptions, TokenizedDataset, Trainer, TrainerCallback,
    TrainerControl, TrainerState, TrainingArguments, hub, load_dataset, metrics, open_device,
};

fn main() -> Result<()> {
    pollster::block_on(trainer_api())
}

/// `AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)`
fn new_model(checkpoint: &Path, device: &ComputeDevice) -> Result<Model> {
    let mut config = AutoConfig::from_pretrained(checkpoint)?;
    let labels = ["not_equivalent", "equivalent"].map(str::to_owned);
    let head = config.set_head(Task::SingleLabel, &labels);
    head.map_err(anyhow::Error::msg)?;
    let (model, _) =
        AutoModelForSequenceClassification::from_pretrained(checkpoint, config, 42, device)?;
    Ok(model)
}

// def compute_metrics(eval_preds):
//     metric = evaluate.load("glue", "mrpc")
//     logits, labels = eval_preds
//     predictions = np.argmax(logits, axis=-1)
//     return metric.compute(predictions=predictions, references=labels)
fn compute_metrics(eval_preds: &EvalPrediction<'_>) -> Result<Metrics, OwnError> {
    let mut metric = metrics::load("glue", Some("mrpc"))?;
    let predictions = eval_preds.predicted_classes();
    let predictions: Vec<i64> = predictions.iter().map(|class| *class as i64).collect();
    let references: Vec<i64> = eval_preds.label_ids.iter().map(|id| *id as i64).collect();
    metric.add_batch_classes(&predictions, &references)?;
    Ok(metric.compute()?.iter().collect())
}

async fn trainer_api() -> Result<()> {
    // raw_datasets = load_dataset("glue", "mrpc")
    // checkpoint = "bert-base-uncased"
    // tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    //
    // def tokenize_function(example):
    //     return tokenizer(example["sentence1"], example["sentence2"], truncation=True)
    //
    // tokenized_datasets = raw_datasets.map(tokenize_function, batched=True)
    // data_collator = DataCollatorWithPadding(tokenizer=tokenizer)
    let mut arguments = std::env::args().skip(1);
    let checkpoint = arguments.next().context("name a checkpoint")?;
    let rows: usize = arguments.next().map_or(Ok(64), |rows| rows.parse())?;
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/paraphrase");
    let raw_datasets = load_dataset(&pairs.display().to_string(), Some("mrpc_like"))?
        .map_splits(|_, split| Ok(split.take(rows)))?;
    let checkpoint = hub::checkpoint_folder(&checkpoint)?;
    let tokenizer = AutoTokenizer::from_pretrained(&checkpoint)?;
    let tokenize_function = |example: &Dataset| -> Result<Vec<(String, NewColumn)>, DataError> {
        let sentences = example.texts("sentence1")?.into_iter();
        let pairs = sentences.zip(example.texts("sentence2")?);
        let options = TokenizeOptions::default();
        let encoding = tokenizer.encode_batch(pairs, Padding::DoNotPad, &options)?;
        Ok(encoding.columns())
    };
    let options = MapOptions::default();
    let tokenized_datasets = raw_datasets.map(&options, &mut |_, _, _| {}, tokenize_function)?;
    let train_dataset = TokenizedDataset::from_dataset(tokenized_datasets.get("train")?)?;
    let eval_dataset = TokenizedDataset::from_dataset(tokenized_datasets.get("validation")?)?;
    let data_collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;

    // training_args = TrainingArguments("test-trainer")
    let training_args = TrainingArguments {
        output_dir: "out/test-trainer".to_owned(),
        overwrite_output_dir: true,
        save_strategy: SaveStrategy::No,
        ..TrainingArguments::default()
    };

    // model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    let device = open_device(DeviceChoice::Auto).await?;
    let model = new_model(&checkpoint, &device)?;

    // trainer = Trainer(
    //     model,
    //     training_args,
    //     train_dataset=tokenized_datasets["train"],
    //     eval_dataset=tokenized_datasets["validation"],
    //     data_collator=data_collator,
    //     processing_class=tokenizer,
    // )
    let mut trainer = Trainer::new(model, training_args.clone(), data_collator.clone())
        .train_dataset(train_dataset.clone())
        .eval_dataset("validation", eval_dataset.clone())
        .tokenizer_files(&checkpoint);

    // trainer.train()
    let mut show = |event| match event {
        Event::Step(step) => println!("step {} loss {:.4}", step.step, step.loss),
        Event::Eval(eval) => println!("epoch {} {:.4} {:?}", eval.epoch, eval.loss, eval.metrics),
        _ => {}
    };
    trainer.train(&mut show).await?;

    // predictions = trainer.predict(tokenized_datasets["validation"])
    // print(predictions.predictions.shape, predictions.label_ids.shape)
    let predictions = trainer.predict(&eval_dataset).await?;
    let label_ids = predictions.label_ids.as_ref().context("no labels")?;
    let num_labels = predictions.num_labels;
    let rows = predictions.logits.len() / num_labels;
    println!("({rows}, {num_labels}) ({},)", label_ids.len());
    println!("{:?}", predictions.metrics());

    // preds = np.argmax(predictions.predictions, axis=-1)
    let preds = predictions.predicted_classes();

    // metric = evaluate.load("glue", "mrpc")
    // metric.compute(predictions=preds, references=predictions.label_ids)
    let mut metric = metrics::load("glue", Some("mrpc"))?;
    for (prediction, reference) in preds.iter().zip(label_ids) {
        metric.add(*prediction as f64, *reference)?;
    }
    println!("{:?}", metric.compute()?);

    // training_args = TrainingArguments("test-trainer", eval_strategy="epoch")
    // model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    // trainer = Trainer(…, compute_metrics=compute_metrics)
    // trainer.train()
    let training_args = TrainingArguments {
        eval_strategy: IntervalStrategy::Epoch,
        ..training_args
    };
    let model = new_model(&checkpoint, &device)?;
    let mut trainer = Trainer::new(model, training_args.clone(), data_collator.clone())
        .train_dataset(train_dataset.clone())
        .eval_dataset("validation", eval_dataset.clone())
        .compute_metrics(compute_metrics)
        .tokenizer_files(&checkpoint);
    trainer.train(&mut show).await?;
    trainer
        .save_model(&PathBuf::from("out/test-trainer"))
        .await?;

    // training_args = TrainingArguments(
    //     "test-trainer",
    //     eval_strategy="steps",
    //     eval_steps=2,
    //     learning_rate=2e-5,
    //     gradient_accumulation_steps=2,
    //     lr_scheduler_type="reduce_lr_on_plateau",
    //     lr_scheduler_kwargs={"factor": 0.5, "patience": 0},
    // )
    let training_args = TrainingArguments {
        eval_strategy: IntervalStrategy::Steps,
        eval_steps: Some(Steps(2.0)),
        learning_rate: 2e-5,
        gradient_accumulation_steps: 2,
        lr_scheduler_type: SchedulerType::ReduceLrOnPlateau,
        lr_scheduler_kwargs: SchedulerKwargs {
            factor: Some(0.5),
            patience: Some(0),
            ..SchedulerKwargs::default()
        },
        ..training_args
    };

    // trainer = Trainer(
    //     …,
    //     data_collator=lambda examples: …,
    //     compute_loss_func=weighted_loss,
    //     callbacks=[StopAfter(4)],
    //     optimizers=(AdamW([{"params": …, "weight_decay": 0.01}, {"params": …}]), None),
    // )
    let model = new_model(&checkpoint, &device)?;
    let is_head = |name: &str| name.starts_with("classifier");
    let groups = vec![
        ParamGroup::of(&model, 0.01, |name| !is_head(name)),
        ParamGroup {
            learning_rate_scale: 10.0,
            ..ParamGroup::of(&model, 0.0, is_head)
        },
    ];
    let eights = move |examples: &[ExampleRef<'_>]| {
        let mut padding = data_collator.clone();
        padding.pad_to_multiple_of = Some(8);
        padding.collate(examples.iter().copied())
    };
    let mut trainer = Trainer::new(model, training_args, eights)
        .train_dataset(train_dataset)
        .eval_dataset("validation", eval_dataset)
        .compute_metrics(compute_metrics)
        .compute_loss_func(weighted_loss)
        .param_groups(groups)
        .callback(StopAfter(4));
    let output = trainer.train(&mut show).await?;
    println!("stopped after {} steps", output.global_step);
    Ok(())
}

/// Cross-entropy in which a missed paraphrase weighs twice, and its gradient by the logits.
fn weighted_loss(
    logits: &[f32],
    num_labels: usize,
    labels: &Labels,
) -> Result<LossAndGradient, OwnError> {
    let Labels::Class(classes) = labels else {
        return Err("one class a row is needed".into());
    };
    let weights = classes.iter().map(|class| 1.0 + f64::from(*class));
    let total: f64 = weights.clone().sum();
    let (mut loss, mut gradient) = (0.0, Vec::new());
    for ((row, class), weight) in logits.chunks(num_labels).zip(classes).zip(weights) {
        let exp: Vec<f64> = row.iter().map(|logit| f64::from(*logit).exp()).collect();
        let sum: f64 = exp.iter().sum();
        for (label, exp) in exp.iter().enumerate() {
            let wanted = if label == *class as usize { 1.0 } else { 0.0 };
            gradient.push((weight / total * (exp / sum - wanted)) as f32);
        }
        loss -= weight / total * (exp[*class as usize] / sum).ln();
    }
    Ok(LossAndGradient { loss, gradient })
}

/// Ends a training after some steps.
struct StopAfter(u64);

impl TrainerCallback for StopAfter {
    fn on_step_end(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        control.should_training_stop = state.global_step >= self.0;
    }

    fn on_evaluate(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        _: &mut TrainerControl,
        metrics: &Metrics,
    ) {
        println!("evaluated at step {}: {metrics:?}", state.global_step);
    }
}
