//! The course's second script: the Trainer, on your own pairs of sentences.
//!
//! `cargo run --example trainer -- CHECKPOINT [TRAIN VALIDATION]`, where the files are CSV, TSV, JSON
//! Lines or parquet with the columns sentence1, sentence2 and label; without them, the small files
//! of `examples/data`. The model is written to `out/trainer-example`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tunesmith::data::{LabelInfo, label_info};
use tunesmith::protocol::{Event, IntervalStrategy};
use tunesmith::{
    AutoConfig, AutoModelForSequenceClassification, DataCollatorWithPadding, Dataset, DeviceChoice,
    LoadDataset, Metric, Task, TokenizeArgs, Tokenizer, Trainer, TrainingArguments, open_device,
    tokenize_dataset,
};

fn main() -> Result<()> {
    pollster::block_on(train())
}

async fn train() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let checkpoint = arguments.first().context("name a checkpoint's folder")?;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data");
    let file = |index: usize, own: &str| {
        arguments
            .get(index)
            .cloned()
            .unwrap_or_else(|| examples.join(own))
    };

    let raw_datasets = LoadDataset::files([
        ("train", file(1, "my_pairs_train.csv")),
        ("validation", file(2, "my_pairs_validation.csv")),
    ])
    .label_column("label")
    .load()?;
    println!("{raw_datasets}");

    let tokenizer = Tokenizer::from_file(checkpoint)?;
    let mut columns = TokenizeArgs::new("sentence1");
    columns.text_pair_column = Some("sentence2".to_owned());
    columns.label_column = Some("label".to_owned());
    let tokenize_function =
        |dataset: &Dataset| tokenize_dataset(dataset, &tokenizer, &columns, &mut |_| {});
    let train_dataset = tokenize_function(raw_datasets.get("train")?)?;
    let eval_dataset = tokenize_function(raw_datasets.get("validation")?)?;
    let data_collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;

    let mut config = AutoConfig::from_pretrained(checkpoint)?;
    if let LabelInfo::Classes {
        names: Some(names), ..
    } = label_info(raw_datasets.get("train")?, "label")?
    {
        config
            .set_head(Task::SingleLabel, &names)
            .map_err(anyhow::Error::msg)?;
    }
    let num_labels = config.num_labels();
    let device = open_device(DeviceChoice::Auto).await?;
    let (model, _) =
        AutoModelForSequenceClassification::from_pretrained(checkpoint, config, 42, &device)?;

    let training_args = TrainingArguments {
        output_dir: "out/trainer-example".to_owned(),
        overwrite_output_dir: true,
        eval_strategy: IntervalStrategy::Epoch,
        save_strategy: IntervalStrategy::No,
        ..TrainingArguments::default()
    };
    let mut trainer = Trainer::new(model, training_args, data_collator)
        .train_dataset(train_dataset)
        .eval_dataset("validation", eval_dataset.clone())
        .metric(Metric::for_labels(num_labels)?)
        .tokenizer_files(checkpoint);
    let output = trainer
        .train(&mut |event| match event {
            Event::Step(step) => println!("step {} loss {:.4}", step.step, step.loss),
            Event::Eval(eval) => {
                println!(
                    "epoch {} loss {:.4} {:?}",
                    eval.epoch, eval.loss, eval.metrics
                );
            }
            _ => {}
        })
        .await?;
    println!(
        "{} steps, mean loss {:.4}",
        output.global_step, output.training_loss
    );

    let predictions = trainer.predict(&eval_dataset).await?;
    println!(
        "logits: {} x {}",
        predictions.logits.len() / num_labels,
        num_labels
    );
    println!("{:?}", predictions.evaluation.metrics);
    trainer.save_model(Path::new("out/trainer-example")).await?;
    Ok(())
}
