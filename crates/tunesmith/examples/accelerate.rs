//! "Supercharge your training loop with Accelerate", the end of the Hugging Face course's chapter on fine-tuning:
//! its last script in Python, and below each part in Rust.
//!
//! `cargo run --example accelerate -- CHECKPOINT [DEVICES] [ROWS]`, where CHECKPOINT is a name on the Hub or a
//! folder, and DEVICES so many workers on the CPU (2 unless told). Trains on the first ROWS (64 unless told) of this
//! repository's own pairs. Started by `mpirun -n 2 …`, each process is one of two with one device.

use std::path::Path;

use anyhow::{Context, Result};
use tunesmith::{
    Accelerator, AdamW, AutoConfig, AutoModelForSequenceClassification, AutoTokenizer,
    ComputeDevice, DataCollatorWithPadding, DataLoader, Labels, Mode, SchedulerKwargs,
    SchedulerType, Task, TokenizeArgs, batch_inputs, get_scheduler, hub, launch, load_dataset,
    metrics, tokenize_dataset,
};
use tunesmith_mpi::Mpi;

const SEED: u64 = 42;

// accelerate launch train.py
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let checkpoint = arguments.next().context("name a checkpoint")?;
    let workers: usize = arguments.next().map_or(Ok(2), |workers| workers.parse())?;
    let rows: usize = arguments.next().map_or(Ok(64), |rows| rows.parse())?;
    if let Some(ranks) = Mpi::from_environment()? {
        let device = ComputeDevice::cpu("one for each process");
        let accelerator = Accelerator::new(device).with(ranks);
        return pollster::block_on(training_function(&accelerator, &checkpoint, rows));
    }
    let devices = ComputeDevice::cpus(workers)?;
    launch(devices, |accelerator| {
        pollster::block_on(training_function(&accelerator, &checkpoint, rows))
    })?;
    Ok(())
}

async fn training_function(accelerator: &Accelerator, checkpoint: &str, rows: usize) -> Result<()> {
    // accelerator = Accelerator()
    println!(
        "process {} of {} on {}",
        accelerator.process_index(),
        accelerator.num_processes(),
        accelerator.device().name
    );

    // raw_datasets = load_dataset("glue", "mrpc")
    // tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    // tokenized_datasets = raw_datasets.map(tokenize_function, batched=True)
    // data_collator = DataCollatorWithPadding(tokenizer=tokenizer)
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/paraphrase");
    let raw_datasets = load_dataset(&pairs.display().to_string(), Some("mrpc_like"))?
        .map_splits(|_, split| Ok(split.take(rows)))?;
    let checkpoint = hub::checkpoint_folder(checkpoint)?;
    let tokenizer = AutoTokenizer::from_pretrained(&checkpoint)?;
    let columns = TokenizeArgs {
        text_pair_column: Some("sentence2".to_owned()),
        label_column: Some("label".to_owned()),
        ..TokenizeArgs::new("sentence1")
    };
    let tokenized =
        |split: &str| tokenize_dataset(raw_datasets.get(split)?, &tokenizer, &columns, &mut |_| {});
    let data_collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;

    // train_dataloader = DataLoader(tokenized_datasets["train"], shuffle=True, batch_size=8, collate_fn=data_collator)
    // eval_dataloader = DataLoader(tokenized_datasets["validation"], batch_size=8, collate_fn=data_collator)
    let train_dataloader =
        DataLoader::new(tokenized("train")?, 8, data_collator.clone()).shuffle(SEED);
    let eval_dataloader = DataLoader::new(tokenized("validation")?, 8, data_collator);

    // model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    // optimizer = AdamW(model.parameters(), lr=3e-5)
    let mut config = AutoConfig::from_pretrained(&checkpoint)?;
    let labels = ["not_equivalent", "equivalent"].map(str::to_owned);
    let head = config.set_head(Task::SingleLabel, &labels);
    head.map_err(anyhow::Error::msg)?;
    let device = accelerator.device();
    let (mut model, _) =
        AutoModelForSequenceClassification::from_pretrained(&checkpoint, config, SEED, device)?;
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.01, 0.0);

    // train_dl, eval_dl, model, optimizer = accelerator.prepare(
    //     train_dataloader, eval_dataloader, model, optimizer
    // )
    let train_dl = accelerator.prepare(train_dataloader);
    let eval_dl = accelerator.prepare(eval_dataloader.even_batches(false));
    accelerator.prepare_model(&mut model).await?;

    // num_epochs = 3
    // num_training_steps = num_epochs * len(train_dl)
    // lr_scheduler = get_scheduler(
    //     "linear", optimizer=optimizer, num_warmup_steps=0, num_training_steps=num_training_steps
    // )
    let num_epochs = 3;
    let num_training_steps = num_epochs * train_dl.len() as u64;
    let kwargs = SchedulerKwargs::default();
    let lr_scheduler = get_scheduler(SchedulerType::Linear, 3e-5, 0, num_training_steps, &kwargs)?;

    // model.train()
    // for epoch in range(num_epochs):
    //     for batch in train_dl:
    //         outputs = model(**batch)
    //         loss = outputs.loss
    //         accelerator.backward(loss)
    //         optimizer.step()
    //         lr_scheduler.step()
    //         optimizer.zero_grad()
    let mut step = 0;
    for epoch in 0..num_epochs {
        for batch in train_dl.epoch(epoch) {
            let batch = batch?;
            let (inputs, labels) = batch_inputs(&batch);
            let mode = Mode::Train {
                seed: SEED,
                step: step as u32,
                first_row: (accelerator.process_index() * batch.batch) as u32,
            };
            let outputs = model.forward(&inputs, labels.as_ref(), &mode)?;
            let loss = outputs.loss.clone().context("every row has a label")?;
            accelerator.backward(&mut model, outputs);
            let learning_rate = lr_scheduler.learning_rate(step);
            accelerator
                .step(&mut optimizer, &mut model, learning_rate)
                .await?;
            step += 1;
            let loss = loss.into_data_async().await?.try_to_vec::<f32>()?;
            let losses = accelerator.gather(loss)?;
            if accelerator.is_main_process() {
                let mean = losses.iter().sum::<f32>() / losses.len() as f32;
                println!("step {step}/{num_training_steps} loss {mean:.4}");
            }
        }
    }

    // for batch in eval_dl:
    //     outputs = model(**batch)
    //     predictions = torch.argmax(outputs.logits, dim=-1)
    //     metric.add_batch(*accelerator.gather_for_metrics((predictions, batch["labels"])))
    // metric.compute()
    let (mut predictions, mut references) = (Vec::new(), Vec::new());
    for batch in eval_dl.epoch(0) {
        let batch = batch?;
        let logits = model.infer(&batch_inputs(&batch).0, None)?.logits;
        let logits = logits.into_data_async().await?.try_to_vec::<f32>()?;
        predictions.extend(logits.chunks(2).map(|row| f32::from(row[1] > row[0])));
        let Labels::Class(classes) = &batch.labels else {
            anyhow::bail!("the labels are no classes");
        };
        references.extend(classes.iter().map(|id| *id as f32));
    }
    let classes = |values: Vec<f32>| -> Vec<i64> { values.iter().map(|id| *id as i64).collect() };
    let predictions = classes(accelerator.gather(predictions)?);
    let references = classes(accelerator.gather(references)?);
    if accelerator.is_main_process() {
        let mut metric = metrics::load("glue", Some("mrpc"))?;
        metric.add_batch_classes(&predictions, &references)?;
        println!("{} rows: {:?}", references.len(), metric.compute()?);
    }
    Ok(())
}
