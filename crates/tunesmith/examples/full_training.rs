//! "A full training loop", the third section of the Hugging Face course's chapter on fine-tuning: each cell
//! in Python, and below it in Rust.
//!
//! `cargo run --example full_training -- CHECKPOINT [ROWS]`, where CHECKPOINT is a name on the Hub or a
//! folder. Trains on the first ROWS (64 unless told) of this repository's own pairs.

use std::path::Path;

use anyhow::{Context, Result};
use tunesmith::{
    AdamW, AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding,
    DataError, DataLoader, Dataset, DeviceChoice, Labels, MapOptions, Mode, NewColumn, Padding,
    SchedulerKwargs, SchedulerType, Task, TokenizeOptions, TokenizedDataset, batch_inputs,
    get_scheduler, hub, load_dataset, metrics, open_device,
};

const SEED: u64 = 42;

fn main() -> Result<()> {
    pollster::block_on(full_training())
}

async fn full_training() -> Result<()> {
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
    let data_collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;

    // tokenized_datasets = tokenized_datasets.remove_columns(["sentence1", "sentence2", "idx"])
    // tokenized_datasets = tokenized_datasets.rename_column("label", "labels")
    // tokenized_datasets.set_format("torch")
    // tokenized_datasets["train"].column_names
    let tokenized_datasets =
        tokenized_datasets.remove_columns(&["sentence1", "sentence2", "idx"])?;
    let tokenized_datasets = tokenized_datasets.rename_column("label", "labels")?;
    let train_dataset = TokenizedDataset::from_dataset(tokenized_datasets.get("train")?)?;
    let eval_dataset = TokenizedDataset::from_dataset(tokenized_datasets.get("validation")?)?;
    println!("{:?}", tokenized_datasets.get("train")?.column_names());

    // train_dataloader = DataLoader(
    //     tokenized_datasets["train"], shuffle=True, batch_size=8, collate_fn=data_collator
    // )
    // eval_dataloader = DataLoader(
    //     tokenized_datasets["validation"], batch_size=8, collate_fn=data_collator
    // )
    let train_dataloader = DataLoader::new(train_dataset, 8, data_collator.clone()).shuffle(SEED);
    let eval_dataloader = DataLoader::new(eval_dataset, 8, data_collator);

    // for batch in train_dataloader:
    //     break
    // {k: v.shape for k, v in batch.items()}
    let batch = train_dataloader.epoch(0).next().context("no batch")??;
    println!("input_ids: {} x {}", batch.batch, batch.seq);

    // model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    let device = open_device(DeviceChoice::Auto).await?;
    let mut config = AutoConfig::from_pretrained(&checkpoint)?;
    let labels = ["not_equivalent", "equivalent"].map(str::to_owned);
    let head = config.set_head(Task::SingleLabel, &labels);
    head.map_err(anyhow::Error::msg)?;
    let (mut model, _) =
        AutoModelForSequenceClassification::from_pretrained(&checkpoint, config, SEED, &device)?;

    // outputs = model(**batch)
    // print(outputs.loss, outputs.logits.shape)
    let (inputs, labels) = batch_inputs(&batch);
    let outputs = model.forward(&inputs, labels.as_ref(), &Mode::Evaluate)?;
    let loss = outputs.loss.context("the batch has labels")?;
    let loss = loss.into_data_async().await?.try_to_vec::<f32>()?;
    println!("{:.4} {:?}", loss[0], outputs.logits.dims());

    // optimizer = AdamW(model.parameters(), lr=5e-5)
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.01, 0.0);

    // num_epochs = 3
    // num_training_steps = num_epochs * len(train_dataloader)
    // lr_scheduler = get_scheduler(
    //     "linear",
    //     optimizer=optimizer,
    //     num_warmup_steps=0,
    //     num_training_steps=num_training_steps,
    // )
    // print(num_training_steps)
    let num_epochs = 3;
    let num_training_steps = num_epochs * train_dataloader.len() as u64;
    let kwargs = SchedulerKwargs::default();
    let lr_scheduler = get_scheduler(SchedulerType::Linear, 5e-5, 0, num_training_steps, &kwargs)?;
    println!("{num_training_steps}");

    // device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
    // model.to(device)
    println!("{}", model.device().name);

    // progress_bar = tqdm(range(num_training_steps))
    // model.train()
    // for epoch in range(num_epochs):
    //     for batch in train_dataloader:
    //         batch = {k: v.to(device) for k, v in batch.items()}
    //         outputs = model(**batch)
    //         loss = outputs.loss
    //         loss.backward()
    //         optimizer.step()
    //         lr_scheduler.step()
    //         optimizer.zero_grad()
    //         progress_bar.update(1)
    let mut step = 0;
    for epoch in 0..num_epochs {
        for batch in train_dataloader.epoch(epoch) {
            let (inputs, labels) = batch_inputs(&batch?);
            let mode = Mode::Train {
                seed: SEED,
                step: step as u32,
                first_row: 0,
            };
            let outputs = model.forward(&inputs, labels.as_ref(), &mode)?;
            let loss = outputs.loss.clone().context("every row has a label")?;
            model.backward(outputs);
            optimizer.step(&mut model, lr_scheduler.learning_rate(step));
            step += 1;
            let loss = loss.into_data_async().await?.try_to_vec::<f32>()?;
            println!("step {step}/{num_training_steps} loss {:.4}", loss[0]);
        }
    }

    // metric = evaluate.load("glue", "mrpc")
    // model.eval()
    // for batch in eval_dataloader:
    //     batch = {k: v.to(device) for k, v in batch.items()}
    //     with torch.no_grad():
    //         outputs = model(**batch)
    //     logits = outputs.logits
    //     predictions = torch.argmax(logits, dim=-1)
    //     metric.add_batch(predictions=predictions, references=batch["labels"])
    // metric.compute()
    let mut metric = metrics::load("glue", Some("mrpc"))?;
    for batch in eval_dataloader.epoch(0) {
        let batch = batch?;
        let outputs = model.infer(&batch_inputs(&batch).0, None)?;
        let logits = outputs
            .logits
            .into_data_async()
            .await?
            .try_to_vec::<f32>()?;
        let predictions = logits.chunks(2).map(|row| i64::from(row[1] > row[0]));
        let Labels::Class(references) = &batch.labels else {
            anyhow::bail!("the labels are no classes");
        };
        let references: Vec<i64> = references.iter().map(|id| i64::from(*id)).collect();
        metric.add_batch_classes(&predictions.collect::<Vec<_>>(), &references)?;
    }
    println!("{:?}", metric.compute()?);
    Ok(())
}
