//! Classes that count differently: the mean is by their weights over all rows of a step, however these are
//! split into batches and over devices; and rows drawn by the rarity of their class.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::*;
use tunesmith_data::{
    DataCollator, DataCollatorWithPadding, Dataset, Format, TokenizeArgs, TokenizedDataset,
    tokenize_dataset,
};
use tunesmith_kernels::{ComputeDevice, DeviceChoice};
use tunesmith_model::{Mode, Model};
use tunesmith_protocol::{ClassWeights, LossType, ResumeFrom, TrainingArguments};
use tunesmith_train::{Plan, Replicas, Trainer, batch_inputs};

/// Losses of f32 sums in another order.
const TOLERANCE: f64 = 1e-5;

/// Every third row is of class 1.
fn uneven(count: usize) -> TokenizedDataset {
    let mut text = String::from("text,label\n");
    for row in 0..count {
        let label = u8::from(row.is_multiple_of(3));
        let words: Vec<String> = (0..2 + row % 7)
            .map(|i| format!("w{}", (row * 5 + i) % 20))
            .collect();
        text += &format!("{},{label}\n", words.join(" "));
    }
    let dataset = Dataset::from_bytes("rows.csv", Format::Csv, text.into_bytes()).unwrap();
    let args = TokenizeArgs {
        label_column: Some("label".to_owned()),
        ..TokenizeArgs::new("text")
    };
    tokenize_dataset(&dataset, &tokenizer(), &args, &mut |_| {}).unwrap()
}

fn weights_of(named: &[(&str, f64)]) -> ClassWeights {
    let named = named
        .iter()
        .map(|(name, weight)| ((*name).to_owned(), *weight));
    ClassWeights::Named(BTreeMap::from_iter(named))
}

/// Six steps with weights on these devices.
fn run(out: &Path, devices: Vec<ComputeDevice>, batch: usize, accumulation: usize) -> Vec<f64> {
    let args = TrainingArguments {
        per_device_train_batch_size: batch,
        gradient_accumulation_steps: accumulation,
        class_weights: weights_of(&[("no", 0.25), ("yes", 3.0)]),
        loss: LossType::Focal,
        max_steps: 6,
        ..args(out)
    };
    let mut devices = devices.into_iter();
    let mut trainer = trainer_with(args, &devices.next().unwrap(), 0.1, uneven(48));
    if devices.len() > 0 {
        trainer = trainer.replicas(Replicas::in_threads(devices.collect()).unwrap());
    }
    losses(&train(&mut trainer).unwrap().1)
}

#[test]
fn steps_are_one_batch_with_accumulation_and_on_several_devices() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let whole = run(&at("whole"), vec![cpu()], 8, 1);
    assert_eq!(whole.len(), 6);
    for (what, found) in [
        ("accumulated", run(&at("accumulated"), vec![cpu()], 4, 2)),
        (
            "two devices",
            run(&at("two"), ComputeDevice::cpus(2).unwrap(), 4, 1),
        ),
        (
            "a GPU",
            run(&at("gpu"), vec![device(DeviceChoice::SoftwareGpu)], 8, 1),
        ),
    ] {
        for (step, (found, wanted)) in found.iter().zip(&whole).enumerate() {
            assert!(
                (found - wanted).abs() <= TOLERANCE,
                "{what}, step {step}: {found}, {wanted}"
            );
        }
    }
}

/// The trainer as it is before its first step.
fn started(args: TrainingArguments) -> Trainer {
    let mut trainer = trainer_with(args, &cpu(), 0.0, uneven(42));
    drop(trainer.start(&ResumeFrom::No).unwrap());
    trainer
}

#[test]
fn balanced_weights_are_scikit_learns_and_an_evaluation_has_them_too() {
    let dir = tempfile::tempdir().unwrap();
    let balanced = TrainingArguments {
        class_weights: ClassWeights::Balanced,
        ..args(&dir.path().join("out"))
    };
    let mut trainer = started(balanced);
    // compute_class_weight("balanced"): 42 / (2 * 28) and 42 / (2 * 14).
    assert_eq!(
        trainer.model.options.class_weights.as_deref(),
        Some(&[0.75, 1.5][..])
    );

    // The mean over all rows at once is that over batches of 8.
    let rows = uneven(21);
    let found = pollster::block_on(trainer.evaluate(&rows))
        .unwrap()
        .loss
        .unwrap();
    let collator = DataCollatorWithPadding::from_tokenizer(&tokenizer()).unwrap();
    let examples: Vec<_> = rows.iter().collect();
    let (inputs, targets) = batch_inputs(&collator.batch(&examples).unwrap());
    let loss = |model: &Model| {
        let output = model
            .forward(&inputs, targets.as_ref(), &Mode::Evaluate)
            .unwrap();
        f64::from(output.loss.unwrap().into_scalar::<f32>())
    };
    let weighted = loss(&trainer.model);
    assert!((found - weighted).abs() <= TOLERANCE, "{found}, {weighted}");
    trainer.model.options.class_weights = None;
    assert!((found - loss(&trainer.model)).abs() > 1e-3);
    trainer.model.options.class_weights = Some(vec![1.0; 3]);
    let error = trainer
        .model
        .forward(&inputs, None, &Mode::Evaluate)
        .unwrap_err();
    assert!(error.to_string().contains("3 class weights"), "{error}");
}

#[test]
fn weights_that_do_not_fit_the_labels_are_refused_before_the_first_step() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |class_weights: ClassWeights| {
        let args = TrainingArguments {
            class_weights,
            ..args(&dir.path().join("out"))
        };
        let mut trainer = trainer_with(args, &cpu(), 0.0, uneven(12));
        let error = trainer.start(&ResumeFrom::No).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let message = refused(weights_of(&[("maybe", 2.0)]));
    assert!(
        message.contains("\"maybe\", which is not a label: the labels are no, yes"),
        "{message}"
    );
    let message = refused(ClassWeights::Each(vec![1.0; 3]));
    assert!(
        message.contains("3 numbers, and there are 2 labels"),
        "{message}"
    );
}

#[test]
fn rare_classes_are_drawn_as_often_as_others_and_the_plan_knows_it() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let sampling = TrainingArguments {
        weighted_sampling: true,
        ..args(&out)
    };
    let rows = uneven(300);
    let label = |row: u32| u64::from(row.is_multiple_of(3));
    let mut trainer = trainer_with(sampling.clone(), &cpu(), 0.0, rows);
    let plan: Plan = trainer.start(&ResumeFrom::No).unwrap().plan().clone();
    let order = plan.epoch_order(0);
    assert_eq!(order.len(), 300);
    let ones: u64 = order.iter().map(|row| label(*row)).sum();
    assert!(
        (130..170).contains(&ones),
        "{ones} of 300 are of the rare class"
    );
    assert_ne!(order, plan.epoch_order(1));

    // A run can't go on with another order.
    train(&mut trainer_with(sampling.clone(), &cpu(), 0.0, uneven(42))).unwrap();
    let other = TrainingArguments {
        weighted_sampling: false,
        ..sampling.clone()
    };
    let mut other = trainer_with(
        resume_from(&other, ResumeFrom::Last),
        &cpu(),
        0.0,
        uneven(42),
    );
    let message = train(&mut other).unwrap_err().to_string();
    assert!(
        message.contains("weighted_sampling was 1 and is 0"),
        "{message}"
    );
    let same = resume_from(&sampling, ResumeFrom::Last);
    train(&mut trainer_with(same, &cpu(), 0.0, uneven(42))).unwrap();
}
