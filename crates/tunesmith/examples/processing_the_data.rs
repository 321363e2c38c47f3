//! "Processing the data", the first section of the Hugging Face course's chapter on fine-tuning: each cell
//! in Python, and below it in Rust.
//!
//! `cargo run --example processing_the_data -- CHECKPOINT`, where CHECKPOINT is a name on the Hub
//! (`google-bert/bert-base-uncased`) or a folder with `config.json`, weights and tokenizer. The data are
//! this repository's own pairs, which have the columns of MRPC.

use std::path::Path;

use anyhow::{Context, Result};
use tunesmith::data::LabelInfo;
use tunesmith::{
    AdamW, AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding,
    DataError, Dataset, DeviceChoice, Labels, LoadDataset, MapOptions, Mode, NewColumn, Padding,
    TokenizeOptions, TokenizedDataset, Truncation, batch_inputs, data, hub, open_device,
};

fn main() -> Result<()> {
    pollster::block_on(processing_the_data())
}

async fn processing_the_data() -> Result<()> {
    // checkpoint = "bert-base-uncased"
    // tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    // model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    let checkpoint = std::env::args().nth(1).context("name a checkpoint")?;
    let checkpoint = hub::checkpoint_folder(&checkpoint)?;
    let tokenizer = AutoTokenizer::from_pretrained(&checkpoint)?;
    let device = open_device(DeviceChoice::Auto).await?;
    let config = AutoConfig::from_pretrained(&checkpoint)?;
    let (mut model, report) =
        AutoModelForSequenceClassification::from_pretrained(&checkpoint, config, 42, &device)?;
    println!("newly initialized: {:?}", report.newly_initialized);

    // sequences = [
    //     "I've been waiting for a HuggingFace course my whole life.",
    //     "This course is amazing!",
    // ]
    // batch = tokenizer(sequences, padding=True, truncation=True, return_tensors="pt")
    let sequences = [
        "I've been waiting for a HuggingFace course my whole life.",
        "This course is amazing!",
    ];
    let truncation = TokenizeOptions::default();
    let mut batch = tokenizer
        .encode_batch(sequences, Padding::Longest, &truncation)?
        .tensors()?;

    // batch["labels"] = torch.tensor([1, 1])
    batch.labels = Labels::Class(vec![1, 1]);

    // optimizer = AdamW(model.parameters())
    // loss = model(**batch).loss
    // loss.backward()
    // optimizer.step()
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.01, 0.0);
    let (inputs, labels) = batch_inputs(&batch);
    let mode = Mode::Train {
        seed: 42,
        step: 0,
        first_row: 0,
    };
    let output = model.forward(&inputs, labels.as_ref(), &mode)?;
    let loss = output.loss.clone().context("the batch has labels")?;
    model.backward(output);
    optimizer.step(&mut model, 1e-3);
    let loss = loss.into_data_async().await?.try_to_vec::<f32>()?;
    println!("loss: {:.4}", loss[0]);

    // raw_datasets = load_dataset("glue", "mrpc")
    // raw_datasets
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pairs = repository.join("data/paraphrase").display().to_string();
    let raw_datasets = tunesmith::load_dataset(&pairs, Some("mrpc_like"))?;
    println!("{raw_datasets}");

    // raw_train_dataset = raw_datasets["train"]
    // raw_train_dataset[0]
    let raw_train_dataset = raw_datasets.get("train")?;
    println!("{}", raw_train_dataset.row(0)?);

    // raw_train_dataset.features
    println!("{}", raw_train_dataset.features());

    // tokenized_sentences_1 = tokenizer(list(raw_datasets["train"]["sentence1"]))
    // tokenized_sentences_2 = tokenizer(list(raw_datasets["train"]["sentence2"]))
    let lists = TokenizeOptions {
        truncation: Truncation::DoNotTruncate,
        ..TokenizeOptions::default()
    };
    let tokenized_sentences_1 = tokenizer.encode_batch(
        raw_train_dataset.texts("sentence1")?,
        Padding::DoNotPad,
        &lists,
    )?;
    let tokenized_sentences_2 = tokenizer.encode_batch(
        raw_train_dataset.texts("sentence2")?,
        Padding::DoNotPad,
        &lists,
    )?;
    println!("{:?}", tokenized_sentences_1.input_ids[0]);
    println!("{:?}", tokenized_sentences_2.input_ids[0]);

    // inputs = tokenizer("This is the first sentence.", "This is the second one.")
    // inputs
    let (first, second) = ("This is the first sentence.", "This is the second one.");
    let inputs = tokenizer.encode(first, Some(second), &lists)?;
    println!("{:?}", inputs.input_ids);
    println!("{:?}", inputs.token_type_ids);
    println!("{:?}", inputs.attention_mask);

    // tokenizer.convert_ids_to_tokens(inputs["input_ids"])
    println!("{:?}", tokenizer.convert_ids_to_tokens(&inputs.input_ids)?);

    // tokenized_dataset = tokenizer(
    //     list(raw_datasets["train"]["sentence1"]),
    //     list(raw_datasets["train"]["sentence2"]),
    //     padding=True,
    //     truncation=True,
    // )
    let sentences = raw_train_dataset.texts("sentence1")?.into_iter();
    let pairs = sentences.zip(raw_train_dataset.texts("sentence2")?);
    let tokenized_dataset = tokenizer.encode_batch(pairs, Padding::Longest, &truncation)?;
    println!("{} rows, all of one length", tokenized_dataset.len());

    // def tokenize_function(example):
    //     return tokenizer(example["sentence1"], example["sentence2"], truncation=True)
    let tokenize_function = |example: &Dataset| -> Result<Vec<(String, NewColumn)>, DataError> {
        let sentences = example.texts("sentence1")?.into_iter();
        let pairs = sentences.zip(example.texts("sentence2")?);
        let encoding = tokenizer.encode_batch(pairs, Padding::DoNotPad, &truncation)?;
        Ok(encoding.columns())
    };

    // tokenized_datasets = raw_datasets.map(tokenize_function, batched=True, num_proc=2)
    // tokenized_datasets
    let options = MapOptions {
        num_proc: Some(2),
        ..MapOptions::default()
    };
    let mut progress = |split: &str, done, total| println!("Map ({split}): {done}/{total}");
    let tokenized_datasets = raw_datasets.map(&options, &mut progress, tokenize_function)?;
    println!("{tokenized_datasets}");

    // data_collator = DataCollatorWithPadding(tokenizer=tokenizer)
    let data_collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;

    // samples = tokenized_datasets["train"][:8]
    // samples = {k: v for k, v in samples.items() if k not in ["idx", "sentence1", "sentence2"]}
    // [len(x) for x in samples["input_ids"]]
    let samples = tokenized_datasets.get("train")?.take(8);
    let samples = samples.remove_columns(&["idx", "sentence1", "sentence2"])?;
    let samples = TokenizedDataset::from_dataset(&samples)?;
    println!("{:?}", samples.lengths());

    // batch = data_collator(samples)
    // {k: v.shape for k, v in batch.items()}
    let batch = data_collator.collate(samples.iter())?;
    println!("input_ids: {} x {}", batch.batch, batch.seq);

    // Files of one's own:
    // load_dataset("csv", data_files={"train": "my_pairs_train.csv", …})
    let files = repository.join("examples/data");
    let my_pairs = LoadDataset::files([
        ("train", files.join("my_pairs_train.csv")),
        ("validation", files.join("my_pairs_validation.csv")),
    ])
    .label_column("label")
    .load()?;
    println!("{my_pairs}");
    if let LabelInfo::Classes { names, .. } = data::label_info(my_pairs.get("train")?, "label")? {
        println!("labels: {names:?}");
    }
    Ok(())
}
