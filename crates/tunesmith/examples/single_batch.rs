//! The first script of the Hugging Face course's chapter 3: two sentences, one training step.
//!
//! `cargo run --example single_batch -- CHECKPOINT`, where CHECKPOINT is a folder with config.json,
//! model.safetensors and tokenizer.json (`tunesmith download sentence-transformers/all-MiniLM-L6-v2`
//! prints one).

use std::path::PathBuf;

use anyhow::{Context, Result};
use tunesmith::{
    AdamW, AutoConfig, AutoModelForSequenceClassification, DataCollatorWithPadding, Dataset,
    DeviceChoice, Format, Mode, TokenizeArgs, Tokenizer, batch_inputs, open_device,
    tokenize_dataset,
};

fn main() -> Result<()> {
    pollster::block_on(single_batch())
}

async fn single_batch() -> Result<()> {
    let checkpoint = PathBuf::from(
        std::env::args()
            .nth(1)
            .context("name a checkpoint's folder")?,
    );
    let device = open_device(DeviceChoice::Auto).await?;

    let tokenizer = Tokenizer::from_file(&checkpoint)?;
    let config = AutoConfig::from_pretrained(&checkpoint)?;
    let (mut model, report) =
        AutoModelForSequenceClassification::from_pretrained(&checkpoint, config, 42, &device)?;
    println!(
        "on {}; newly initialised: {:?}",
        device.name, report.newly_initialized
    );

    let sequences =
        br#"{"text": "I've been waiting for a HuggingFace course my whole life.", "label": 1}
{"text": "This course is amazing!", "label": 1}"#;
    let sequences = Dataset::from_bytes("two sentences", Format::JsonLines, sequences.to_vec())?;
    let mut arguments = TokenizeArgs::new("text");
    arguments.label_column = Some("label".to_owned());
    let tokenized = tokenize_dataset(&sequences, &tokenizer, &arguments, &mut |_| {})?;
    let batch = DataCollatorWithPadding::from_tokenizer(&tokenizer)?.collate(tokenized.iter())?;
    println!("input_ids: {} x {}", batch.batch, batch.seq);

    // This is new
    let (inputs, labels) = batch_inputs(&batch);
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
    let output = model.forward(&inputs, labels.as_ref(), &Mode::Train { seed: 42, step: 0 })?;
    let loss = output.loss.clone().context("the batch has labels")?;
    model.backward(output);
    optimizer.step(&mut model, 5e-5);
    println!(
        "loss before the step: {:.4}",
        loss.into_data_async().await?.try_to_vec::<f32>()?[0]
    );

    let output = model.forward(&inputs, labels.as_ref(), &Mode::Evaluate)?;
    let loss = output.loss.context("the batch has labels")?;
    println!(
        "loss after it:        {:.4}",
        loss.into_data_async().await?.try_to_vec::<f32>()?[0]
    );
    Ok(())
}
