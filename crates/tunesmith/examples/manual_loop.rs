//! The course's last script: the training loop by hand, for whoever wants another one.
//!
//! `cargo run --example manual_loop -- CHECKPOINT [STEPS]` trains on the first rows of this
//! repository's own paraphrase set, as many as the steps need (60 unless told), and scores them on
//! its validation split.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tunesmith::data::{Dataset, TokenizedDataset};
use tunesmith::{
    AdamW, AutoConfig, AutoModelForSequenceClassification, DataCollatorWithPadding, DeviceChoice,
    LoadDataset, Mode, Model, SchedulerKwargs, SchedulerType, TokenizeArgs, Tokenizer,
    batch_inputs, get_scheduler, metrics, open_device, randperm, tokenize_dataset,
};

const BATCH_SIZE: usize = 8;
const NUM_EPOCHS: u64 = 3;
const SEED: u64 = 42;

fn main() -> Result<()> {
    pollster::block_on(train())
}

async fn train() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let checkpoint = PathBuf::from(arguments.next().context("name a checkpoint's folder")?);
    let num_training_steps: u64 = arguments.next().map_or(Ok(60), |steps| steps.parse())?;
    let rows = BATCH_SIZE * num_training_steps.div_ceil(NUM_EPOCHS) as usize;

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/paraphrase");
    let raw_datasets = LoadDataset::new(folder.display().to_string())
        .config("mrpc_like")
        .load()?;
    let tokenizer = Tokenizer::from_file(&checkpoint)?;
    let mut columns = TokenizeArgs::new("sentence1");
    columns.text_pair_column = Some("sentence2".to_owned());
    columns.label_column = Some("label".to_owned());
    let tokenize_function =
        |dataset: &Dataset| tokenize_dataset(dataset, &tokenizer, &columns, &mut |_| {});
    let train_dataset = tokenize_function(&raw_datasets.get("train")?.take(rows))?;
    let eval_dataset = tokenize_function(raw_datasets.get("validation")?)?;
    let data_collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;

    let device = open_device(DeviceChoice::Auto).await?;
    let config = AutoConfig::from_pretrained(&checkpoint)?;
    let (mut model, _) =
        AutoModelForSequenceClassification::from_pretrained(&checkpoint, config, SEED, &device)?;
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
    let lr_scheduler = get_scheduler(
        SchedulerType::Linear,
        5e-5,
        0,
        num_training_steps,
        &SchedulerKwargs::default(),
    )?;

    let mut step = 0;
    'training: for epoch in 0..NUM_EPOCHS {
        let order = randperm(train_dataset.len(), SEED + epoch);
        for rows in order.chunks(BATCH_SIZE) {
            if step == num_training_steps {
                break 'training;
            }
            let examples = rows.iter().map(|row| train_dataset.example(*row as usize));
            let (inputs, labels) = batch_inputs(&data_collator.collate(examples)?);
            let mode = Mode::Train {
                seed: SEED,
                step: step as u32,
            };
            let output = model.forward(&inputs, labels.as_ref(), &mode)?;
            let loss = output.loss.clone().context("every row has a label")?;
            model.backward(output);
            optimizer.step(&mut model, lr_scheduler.learning_rate(step));
            step += 1;
            let loss = loss.into_data_async().await?.try_to_vec::<f32>()?[0];
            println!("step {step}/{num_training_steps} loss {loss:.4}");
        }
    }

    let scores = evaluate(&model, &eval_dataset, &data_collator).await?;
    println!(
        "{}",
        scores
            .iter()
            .map(|(name, value)| format!("{name} {value:.4} "))
            .collect::<String>()
    );
    Ok(())
}

async fn evaluate(
    model: &Model,
    dataset: &TokenizedDataset,
    data_collator: &DataCollatorWithPadding,
) -> Result<metrics::Scores> {
    let mut metric = metrics::load("glue", Some("mrpc"))?;
    let rows: Vec<usize> = (0..dataset.len()).collect();
    for rows in rows.chunks(BATCH_SIZE) {
        let batch = data_collator.collate(rows.iter().map(|row| dataset.example(*row)))?;
        let tunesmith::data::Labels::Class(references) = &batch.labels else {
            anyhow::bail!("the labels are no classes");
        };
        let output = model.forward(&batch_inputs(&batch).0, None, &Mode::Evaluate)?;
        let logits = output.logits.into_data_async().await?.try_to_vec::<f32>()?;
        let predictions: Vec<i64> = logits
            .chunks(2)
            .map(|logits| i64::from(logits[1] > logits[0]))
            .collect();
        let references: Vec<i64> = references.iter().map(|label| i64::from(*label)).collect();
        metric.add_batch_classes(&predictions, &references)?;
    }
    Ok(metric.compute()?)
}
