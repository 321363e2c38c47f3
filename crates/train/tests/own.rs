//! A training with parts of one's own: collator, metrics, loss, parameter groups, and a loop.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::*;
use tunesmith_data::{DataCollatorWithPadding, ExampleRef, Labels};
use tunesmith_kernels::DeviceChoice;
use tunesmith_model::Model;
use tunesmith_protocol::{
    Event, IntervalStrategy, Metrics, ResumeFrom, SaveStrategy, Steps, TrainingArguments,
};
use tunesmith_train::{
    AdamW, DataLoader, LossAndGradient, OwnError, ParamGroup, Plan, Trainer, batch_inputs,
};

fn model() -> Model {
    Model::from_config(config(0.1), 7, &cpu()).unwrap()
}

fn padding() -> DataCollatorWithPadding {
    DataCollatorWithPadding::from_tokenizer(&tokenizer()).unwrap()
}

#[test]
fn a_collator_of_ones_own_makes_the_batches() {
    let lengths = |multiple: usize| {
        let dir = tempfile::tempdir().unwrap();
        let padding = padding();
        let collator = move |examples: &[ExampleRef<'_>]| {
            let mut padding = padding.clone();
            padding.pad_to_multiple_of = Some(multiple);
            padding.collate(examples.iter().copied())
        };
        let mut trainer = Trainer::new(model(), args(&dir.path().join("out")), collator)
            .train_dataset(rows(42, 1))
            .eval_dataset("validation", rows(18, 2));
        let (_, events) = train(&mut trainer).unwrap();
        let lengths = steps(&events).into_iter().map(|(_, _, length, _)| length);
        lengths.collect::<Vec<_>>()
    };
    let rounded: Vec<u64> = lengths(1)
        .into_iter()
        .map(|n| n.next_multiple_of(8))
        .collect();
    assert_eq!(lengths(8), rounded);
}

#[test]
fn metrics_of_ones_own_are_told_and_choose_the_best_model() {
    let dir = tempfile::tempdir().unwrap();
    let args = TrainingArguments {
        metric_for_best_model: Some("wrong".to_owned()),
        greater_is_better: Some(false),
        save_strategy: SaveStrategy::Epoch,
        ..args(&dir.path().join("out"))
    };
    let mut trainer = trainer(args, &cpu()).compute_metrics(|all| {
        let rows = all.predictions.chunks(all.num_labels);
        assert_eq!(rows.len(), all.label_ids.len());
        let wrong = rows
            .zip(all.label_ids)
            .filter(|(logits, label)| (logits[1] > logits[0]) != (**label == 1.0));
        Ok(Metrics::from_iter([("wrong", wrong.count() as f64)]))
    });
    let (output, events) = train(&mut trainer).unwrap();
    let found: Vec<Metrics> = events
        .iter()
        .filter_map(|event| match event {
            Event::Eval(eval) => Some(eval.metrics.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(found.len(), 2);
    for metrics in &found {
        let accuracy = metrics.get("accuracy").unwrap();
        let wrong = (1.0 - accuracy) * 18.0;
        assert!(
            (metrics.get("wrong").unwrap() - wrong).abs() < 1e-9,
            "{metrics:?}"
        );
    }
    let least = found.iter().map(|metrics| metrics.get("wrong").unwrap());
    assert_eq!(output.best_metric, least.reduce(f64::min));

    let predicted = pollster::block_on(trainer.predict(&rows(18, 2))).unwrap();
    let names: Vec<String> = predicted
        .metrics()
        .iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(
        names[..4],
        ["test_loss", "test_accuracy", "test_f1", "test_wrong"]
    );
    assert_eq!(predicted.label_ids.unwrap().len(), 18);

    let mut failing = self::trainer(support::args(&dir.path().join("fails")), &cpu())
        .compute_metrics(|_| Err("no measure".into()));
    let message = train(&mut failing).unwrap_err().to_string();
    assert_eq!(message, "compute_metrics: no measure");
}

/// The mean cross-entropy times a weight, and its gradient, in f64.
fn weighted(
    logits: &[f32],
    num_labels: usize,
    labels: &Labels,
    weight: f64,
) -> Result<LossAndGradient, OwnError> {
    let Labels::Class(classes) = labels else {
        return Err("the labels are no classes".into());
    };
    let (mut loss, mut gradient) = (0.0, Vec::new());
    let share = weight / classes.len() as f64;
    for (row, class) in logits.chunks(num_labels).zip(classes) {
        let exp: Vec<f64> = row.iter().map(|x| f64::from(*x).exp()).collect();
        let sum: f64 = exp.iter().sum();
        for (label, exp) in exp.iter().enumerate() {
            let wanted = f64::from(u8::from(label == *class as usize));
            gradient.push((share * (exp / sum - wanted)) as f32);
        }
        loss -= share * (exp[*class as usize] / sum).ln();
    }
    Ok(LossAndGradient { loss, gradient })
}

#[test]
fn a_loss_of_ones_own_is_minimized() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, weight: Option<f64>, choice: DeviceChoice| {
        let args = TrainingArguments {
            // AdamW's steps don't depend on the size of a loss: the gradient's norm tells.
            max_grad_norm: 0.0,
            max_steps: 4,
            ..args(&dir.path().join(name))
        };
        let mut trainer = trainer(args, &device(choice));
        if let Some(weight) = weight {
            trainer = trainer.compute_loss_func(move |logits, num_labels, labels| {
                weighted(logits, num_labels, labels, weight)
            });
        }
        let (output, events) = train(&mut trainer).unwrap();
        let steps = events.iter().filter_map(|event| match event {
            Event::Step(step) => Some([step.loss, step.grad_norm]),
            _ => None,
        });
        let eval_loss = output.last_evaluation.unwrap().evaluation.loss.unwrap();
        (steps.collect::<Vec<_>>(), eval_loss)
    };
    for choice in [DeviceChoice::Cpu, DeviceChoice::SoftwareGpu] {
        let (models, models_eval) = run(&format!("models {choice:?}"), None, choice);
        let (own, own_eval) = run(&format!("own {choice:?}"), Some(1.0), choice);
        let (double, double_eval) = run(&format!("double {choice:?}"), Some(2.0), choice);
        // Rounded to f32 in between; Adam's first steps are signs, which small gradients may change.
        let near = |a: f64, b: f64| (a - b).abs() <= 2e-3 * b.abs();
        for ((models, own), double) in models.iter().zip(&own).zip(&double) {
            for (models, (own, double)) in models.iter().zip(own.iter().zip(double)) {
                assert!(near(*own, *models), "{choice:?}: {own} {models}");
                assert!(near(*double, 2.0 * models), "{choice:?}: {double} {models}");
            }
        }
        assert!(near(own_eval, models_eval), "{own_eval} {models_eval}");
        assert!(
            near(double_eval, 2.0 * models_eval),
            "{double_eval} {models_eval}"
        );
    }
    let mut short =
        trainer(args(&dir.path().join("short")), &cpu()).compute_loss_func(|_, _, _| {
            Ok(LossAndGradient {
                loss: 0.0,
                gradient: vec![0.0; 3],
            })
        });
    let message = train(&mut short).unwrap_err().to_string();
    assert!(message.contains("3 derivatives for 8 logits"), "{message}");
}

/// The Trainer's two groups, made by hand.
fn two_groups(model: &Model, weight_decay: f64) -> Vec<ParamGroup> {
    let decays = |name: &str| !name.ends_with("bias") && !name.contains("LayerNorm");
    vec![
        ParamGroup::of(model, weight_decay, decays),
        ParamGroup::of(model, 0.0, |name| !decays(name)),
    ]
}

#[test]
fn the_trainers_groups_made_by_hand_change_nothing() {
    for choice in [DeviceChoice::Cpu, DeviceChoice::SoftwareGpu] {
        let dir = tempfile::tempdir().unwrap();
        let device = device(choice);
        let run = |name: &str, by_hand: bool| {
            let args = TrainingArguments {
                weight_decay: if by_hand { 0.0 } else { 0.1 },
                max_steps: 3,
                ..args(&dir.path().join(name))
            };
            let mut trainer = trainer(args, &device);
            if by_hand {
                let groups = two_groups(&trainer.model, 0.1);
                trainer = trainer.param_groups(groups);
            }
            let (_, events) = train(&mut trainer).unwrap();
            (steps(&events), weights(&trainer))
        };
        assert_eq!(run("by hand", true), run("trainer's", false), "{choice:?}");
    }
}

#[test]
fn groups_have_rates_of_their_own_and_what_is_in_none_stays() {
    let dir = tempfile::tempdir().unwrap();
    let args = TrainingArguments {
        max_steps: 2,
        eval_strategy: IntervalStrategy::No,
        ..args(&dir.path().join("out"))
    };
    let mut trainer = trainer(args, &cpu());
    let before = weights(&trainer);
    let mut groups = vec![
        ParamGroup::of(&trainer.model, 0.0, |name| name.starts_with("classifier.")),
        ParamGroup::of(&trainer.model, 0.0, |name| name.contains(".layer.1.")),
    ];
    groups[1].learning_rate_scale = 0.1;
    trainer = trainer.param_groups(groups);
    train(&mut trainer).unwrap();
    let mut seen = 0;
    for ((name, before), (_, after)) in before.iter().zip(&weights(&trainer)) {
        let moved = before
            .iter()
            .zip(after)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        // Two steps of at most about the rate each, 2e-3 and then less.
        let (least, most) = if name.starts_with("classifier.") {
            (1e-3, 5e-3)
        } else if name.contains(".layer.1.") {
            (1e-5, 5e-4)
        } else {
            (0.0, 0.0)
        };
        // The gradient of a key's bias is rounding noise, see the test of the loop.
        if !name.ends_with("key.bias") {
            assert!((least..=most).contains(&moved), "{name}: {moved}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn groups_that_make_no_sense_are_refused() {
    let model = model();
    let refused = |groups: &[ParamGroup]| {
        let optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
        optimizer
            .param_groups(&model, groups)
            .unwrap_err()
            .to_string()
    };
    let all = ParamGroup::of(&model, 0.0, |_| true);
    let message = refused(&[all.clone(), all.clone()]);
    assert!(message.contains("is in the groups 0 and 1"), "{message}");
    let unknown = ParamGroup {
        params: vec!["bert.pooler".to_owned()],
        ..all.clone()
    };
    let message = refused(&[unknown]);
    assert!(
        message.contains("the model has no parameter 'bert.pooler'"),
        "{message}"
    );
    let negative = ParamGroup {
        weight_decay: -1.0,
        ..all
    };
    let message = refused(&[negative]);
    assert!(message.contains("weight_decay is -1"), "{message}");
}

#[test]
fn a_data_loader_has_the_trainers_batches() {
    let (rows, collator) = (rows(42, 1), padding());
    let args = TrainingArguments {
        per_device_train_batch_size: 4,
        ..TrainingArguments::default()
    };
    let plan = Plan::new(rows.len(), None, &args, 1).unwrap();
    let loader = DataLoader::new(rows.clone(), 4, collator.clone()).shuffle(args.seed);
    assert_eq!(loader.len(), 11);
    for epoch in 0..2 {
        let order = plan.epoch_order(epoch);
        let mut batches = loader.epoch(epoch);
        for number in 0..plan.batches_per_epoch() {
            let chosen = plan.batch(&order, number, 0);
            let examples = chosen.iter().map(|row| rows.example(*row as usize));
            let batch = batches.next().unwrap().unwrap();
            assert_eq!(batch, collator.collate(examples).unwrap());
            assert!(batch_inputs(&batch).1.is_some());
        }
        assert!(batches.next().is_none());
    }
    let whole = loader.clone().drop_last();
    assert_eq!((whole.len(), whole.epoch(0).count()), (10, 10));
    let plain = DataLoader::new(rows.clone(), 40, padding());
    let sizes: Vec<usize> = plain.epoch(3).map(|batch| batch.unwrap().batch).collect();
    assert_eq!(sizes, [40, 2]);
    let first = plain.epoch(0).next().unwrap().unwrap();
    let in_order = (0..40).map(|row| rows.example(row));
    assert_eq!(first, collator.collate(in_order).unwrap());
    assert_eq!(DataLoader::new(rows.clone(), 0, padding()).len(), 42);
    let fewer_than_a_batch = DataLoader::new(rows, 43, padding()).drop_last();
    assert!(fewer_than_a_batch.is_empty());
}

#[test]
fn a_run_resumes_with_its_checkpoints_groups_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let with = |groups: Option<Vec<ParamGroup>>, args: TrainingArguments| {
        let trainer = trainer(args, &cpu());
        match groups {
            Some(groups) => trainer.param_groups(groups),
            None => trainer,
        }
    };
    let args = || TrainingArguments {
        max_steps: 4,
        save_steps: Steps(2.0),
        ..args(&out)
    };
    let groups = two_groups(&with(None, args()).model, 0.1);
    let mut whole = with(Some(groups.clone()), args());
    train(&mut whole).unwrap();
    let checkpoint = out.join("checkpoint-2");
    let resumed = |groups: Option<Vec<ParamGroup>>| {
        let args = TrainingArguments {
            resume_from_checkpoint: ResumeFrom::Checkpoint(checkpoint.display().to_string()),
            output_dir: dir.path().join("other").display().to_string(),
            overwrite_output_dir: true,
            ..args()
        };
        let mut trainer = with(groups, args);
        train(&mut trainer).map(|_| weights(&trainer))
    };
    let mut turned = groups.clone();
    turned[0].params.reverse();
    for same in [groups.clone(), turned] {
        assert_eq!(resumed(Some(same)).unwrap(), weights(&whole));
    }

    let changed = |change: &dyn Fn(&mut Vec<ParamGroup>)| {
        let mut groups = groups.clone();
        change(&mut groups);
        Some(groups)
    };
    let moved = groups[1].params.last().unwrap().clone();
    for (groups, said) in [
        (
            None,
            "it has groups of one's own, and this run has none".to_owned(),
        ),
        (
            changed(&|groups| drop(groups.pop())),
            "it has 2, and this run has 1".to_owned(),
        ),
        (
            changed(&|groups| groups[0].weight_decay = 0.2),
            "weight_decay of group 0 was 0.1 and is 0.2".to_owned(),
        ),
        (
            changed(&|groups| groups[1].learning_rate_scale = 0.5),
            "learning_rate_scale of group 1 was 1 and is 0.5".to_owned(),
        ),
        (
            changed(&|groups| drop(groups[1].params.pop())),
            format!("group 1 had the parameter '{moved}' and hasn't now"),
        ),
    ] {
        let message = resumed(groups).unwrap_err().to_string();
        let wanted =
            format!("checkpoint-2 was written with other parameter groups: {said}. Give the same");
        assert!(message.contains(&wanted), "{message}");
    }
}
