//! A whole run on a tiny model and the files of a person, by its events and by what it leaves; and
//! what is said where something is wrong.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::{Cell, RefCell};
use std::path::Path;

use serde_json::{Value, json};
use tunesmith::data::{TokenizeOptions, Tokenizer};
use tunesmith_protocol::{
    Command, DeviceChoice, Event, IntervalStrategy, Pair, Prediction, Record, ResumeFrom,
    RunConfig, RunState, RunView, Steps, TrainingArguments,
};
use tunesmith_session::{
    Estimator, PredictFile, Predictor, Session, estimate, inspect, predict_file, predict_texts,
    review, saved_runs,
};

mod labels;
mod newcomer;
mod support;

use support::{Place, WORDS, json, run, tokenizer_json};

#[test]
fn a_run_tells_and_leaves_what_run_glue_does() {
    let mut place = Place::new();
    place.config.training.do_eval = true;
    place.config.training.do_predict = true;
    let records = place.run();
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record.seq, number as u64);
    }
    let kinds: Vec<&str> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::DatasetReady(_) => Some("data"),
            Event::RunStarted(_) => Some("start"),
            Event::Step(_) => Some("step"),
            Event::Log(_) => Some("log"),
            Event::Eval(_) => Some("eval"),
            Event::Checkpoint { .. } => Some("checkpoint"),
            Event::Done(_) => Some("done"),
            Event::Progress { .. } => None,
            other => panic!("{other:?}"),
        })
        .collect();
    // Six steps an epoch, a log every four, an evaluation every six, a checkpoint at the end.
    let mut wanted = vec!["data", "start"];
    for step in 1..=12 {
        wanted.push("step");
        wanted.extend((step % 4 == 0).then_some("log"));
        wanted.extend((step == 12).then_some("checkpoint"));
        wanted.extend((step % 6 == 0).then_some("eval"));
    }
    wanted.extend(["eval", "done"]);
    assert_eq!(kinds, wanted);
    let Event::DatasetReady(ready) = records
        .iter()
        .map(|r| &r.event)
        .find(|e| matches!(e, Event::DatasetReady(_)))
        .unwrap()
    else {
        unreachable!()
    };
    assert_eq!(ready.labels, ["other", "same"]);
    let splits: Vec<_> = ready
        .splits
        .iter()
        .map(|s| (s.name.as_str(), s.num_rows))
        .collect();
    assert_eq!(splits, [("train", 48), ("validation", 20), ("test", 10)]);
    assert!(
        ready
            .splits
            .iter()
            .all(|split| split.digest.as_ref().unwrap().len() == 64)
    );
    let stages: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::Progress { stage, .. } => Some(stage.as_str()),
            _ => None,
        })
        .collect();
    assert!(stages.contains(&"tokenizing") && stages.contains(&"evaluating"));

    let mut view = RunView::default();
    assert!(records.iter().all(|record| view.apply(record)));
    assert_eq!(view.state, RunState::Done);

    let out = place.out();
    assert_eq!(
        json(&out.join("config.json"))["id2label"],
        json!({"0": "other", "1": "same"})
    );
    let kept = saved_runs(out.parent().unwrap());
    let kept: Vec<_> = kept
        .iter()
        .map(|run| (run.finished, &*run.labels))
        .collect();
    assert_eq!(kept, [(true, &["other", "same"].map(str::to_owned)[..])]);
    let results = json(&out.join("all_results.json"));
    for key in [
        "train_loss",
        "train_samples",
        "eval_f1",
        "eval_samples",
        "predict_accuracy",
    ] {
        assert!(results[key].is_number(), "{key} is missing in {results}");
    }
    let table = std::fs::read_to_string(out.join("predict_results_test.txt")).unwrap();
    assert_eq!(table.lines().count(), 11);
    assert!(
        table
            .lines()
            .skip(1)
            .all(|line| line.ends_with("same") || line.ends_with("other"))
    );
    let card = std::fs::read_to_string(out.join("README.md")).unwrap();
    assert!(card.contains("type: f1"), "{card}");

    // What was saved says the same as what was evaluated, through other code.
    let predictor = pollster::block_on(Predictor::load(&out, DeviceChoice::Cpu, None)).unwrap();
    assert!(predictor.warnings.is_empty(), "{:?}", predictor.warnings);
    let output = place.path("predictions.jsonl");
    let test = place.path("test.csv");
    let rows = pollster::block_on(predict_file(
        &predictor,
        &test,
        &output,
        &PredictFile::default(),
        &mut |_| {},
    ))
    .unwrap();
    assert_eq!(rows, 10);
    let labels: Vec<String> = std::fs::read_to_string(&output)
        .unwrap()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["label"]
                .as_str()
                .unwrap()
                .into()
        })
        .collect();
    let wanted: Vec<&str> = table
        .lines()
        .skip(1)
        .map(|line| line.split('\t').nth(1).unwrap())
        .collect();
    assert_eq!(labels, wanted);
    let pair = Pair {
        text: "w1 w2".into(),
        text_pair: Some("w20 w21".into()),
    };
    let one = pollster::block_on(predict_texts(&out, &[pair], DeviceChoice::Cpu)).unwrap();
    let Prediction::SingleLabel { scores, logits, .. } = &one[0] else {
        panic!("{one:?}");
    };
    assert_eq!(logits.len(), 2);
    assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn a_stopped_run_is_gone_on_with() {
    let mut place = Place::new();
    let stop = |event: &Event| match event {
        Event::Step(step) if step.step == 3 => Some(Command::StopAndSave),
        _ => None,
    };
    let (records, _) = run(place.config.clone(), stop);
    let Event::Done(done) = &records.last().unwrap().event else {
        panic!("{records:?}")
    };
    assert!(done.stopped && done.step == 3);
    assert!(place.out().join("checkpoint-3").is_dir());
    assert!(!place.out().join("model.safetensors").exists());

    place.config.training.resume_from_checkpoint = ResumeFrom::Last;
    let records = place.run();
    let first = records.iter().find_map(|record| match &record.event {
        Event::Step(step) => Some(step.step),
        _ => None,
    });
    assert_eq!(first, Some(4));
    assert!(matches!(&records.last().unwrap().event, Event::Done(done) if done.step == 12));
    assert!(place.out().join("model.safetensors").is_file());
}

#[test]
fn a_run_waits_while_it_is_paused_and_ends_before_its_first_step_where_it_is_stopped_there() {
    let place = Place::new();
    let steps = |records: &[Record]| losses(records).len();
    let uninterrupted = place.run();

    let mut paused = place.config.clone();
    paused.training.output_dir = place.path("paused").display().to_string();
    let mut session = Session::new(paused);
    let steering = session.steering();
    let mut records = Vec::new();
    pollster::block_on(async {
        while let Some(record) = session.next().await {
            records.push(record);
            if steps(&records) == 2 && matches!(records.last().unwrap().event, Event::Step(_)) {
                steering.send(Command::Pause);
                let mut next = std::pin::pin!(session.next());
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(next.as_mut().poll(&mut context).is_pending());
                let steering = steering.clone();
                std::thread::spawn(move || steering.send(Command::Resume));
                records.extend(next.await);
            }
        }
    });
    assert_eq!(losses(&records), losses(&uninterrupted));

    let mut stopped = place.config.clone();
    stopped.training.output_dir = place.path("stopped").display().to_string();
    let mut session = Session::new(stopped);
    session.steering().send(Command::Stop);
    let last = pollster::block_on(session.next()).unwrap();
    assert!(
        matches!(&last.event, Event::Failed { message } if message.contains("before the first step"))
    );
    assert!(pollster::block_on(session.next()).is_none());
    assert!(!place.path("stopped").exists());
}

#[test]
fn a_trained_model_is_evaluated_without_training() {
    let mut place = Place::new();
    place.run();
    let trained = json(&place.out().join("trainer_state.json"));
    let last = trained["log_history"].as_array().unwrap().iter().rev();
    let wanted = last
        .filter_map(|entry| entry["eval_loss"].as_f64())
        .next()
        .unwrap();
    place.config.model.model_name_or_path = place.out().display().to_string();
    place.config.training = TrainingArguments {
        output_dir: place.path("evaluated").display().to_string(),
        do_eval: true,
        device: DeviceChoice::Cpu,
        ..TrainingArguments::default()
    };
    place.run();
    let results = json(&place.path("evaluated/eval_results.json"));
    let loss = results["eval_loss"].as_f64().unwrap();
    assert!((loss - wanted).abs() < 1e-6, "{loss} and {wanted}");

    place.write("validation.csv", "first,second,label\nw1,w2,x\nw3,w4,y\n");
    place.fails_with(&["split 'validation'", "row 0", "the classes are other, same"]);
}

#[test]
fn rows_are_set_aside_where_there_is_no_validation_split() {
    let mut place = Place::new();
    let config = &mut place.config;
    config.data.validation_split_percentage = Some(25);
    let rows = |config: &RunConfig| -> Vec<(String, u64)> {
        let found = pollster::block_on(inspect(config.clone(), &mut |_| ())).unwrap();
        let splits = found.splits.into_iter();
        splits.map(|split| (split.name, split.num_rows)).collect()
    };
    let named = |name: &str, rows: u64| (name.to_owned(), rows);
    let given = [
        named("train", 48),
        named("validation", 20),
        named("test", 10),
    ];
    assert_eq!(rows(config), given);

    config.data.validation_file = None;
    let made = [
        named("train", 36),
        named("validation", 12),
        named("test", 10),
    ];
    assert_eq!(rows(config), made);
    let estimator = pollster::block_on(Estimator::new(config.clone(), &mut |_| ())).unwrap();
    let given = estimator.estimate();
    assert_eq!(given.num_examples, 36);
    config.training.per_device_train_batch_size *= 3;
    let batch = config.training.per_device_train_batch_size;
    let larger = pollster::block_on(estimate(config.clone(), &mut |_| ())).unwrap();
    assert_eq!(estimator.with_batch_size(batch).estimate(), larger);
    assert!(larger.device_bytes > given.device_bytes && larger.total_steps < given.total_steps);
    place.config.data.test_file = None;
    let records = place.run();
    let ready = records.iter().find_map(|record| match &record.event {
        Event::DatasetReady(ready) => Some(ready.splits.clone()),
        _ => None,
    });
    let ready = ready.unwrap().into_iter();
    let ready: Vec<_> = ready.map(|split| (split.name, split.num_rows)).collect();
    assert_eq!(ready, made[..2]);
    let evaluations = records
        .iter()
        .filter(|record| matches!(record.event, Event::Eval(_)));
    assert_eq!(evaluations.count(), 2);
    let (out, mut tell) = (place.out(), |_| ());
    let review = review(place.config.clone(), &out, &mut tell);
    let confusion = pollster::block_on(review).unwrap().confusion;
    assert_eq!(confusion.concat().iter().sum::<u64>(), 12);
}

#[test]
fn a_regression_learns_numbers() {
    let mut place = Place::new();
    place.config.data.test_file = None;
    // The base has a head of two outputs already.
    place.config.model.ignore_mismatched_sizes = true;
    for name in ["train.csv", "validation.csv"] {
        let text = std::fs::read_to_string(place.path(name)).unwrap();
        place.write(name, &text.replace("same", "4.5").replace("other", "0.5"));
    }
    let records = place.run();
    let eval = records.iter().rev().find_map(|record| match &record.event {
        Event::Eval(eval) => Some(eval),
        _ => None,
    });
    let eval = eval.unwrap_or_else(|| panic!("{:?}", records.last()));
    assert!(eval.metrics.get("pearson").is_some());
    let mse = eval.metrics.get("mse").unwrap();
    // The metric is in f64 over all rows, the loss a mean of batches in f32.
    assert!((eval.loss - mse).abs() < 1e-5 * mse, "{eval:?}");
    // A model that says 0 for each of them.
    let unlearnt = (4.5 * 4.5 + 0.5 * 0.5) / 2.0;
    assert!(mse < unlearnt, "{eval:?}");
    assert_eq!(
        json(&place.out().join("config.json"))["problem_type"],
        "regression"
    );
}

#[test]
fn dropout_is_turned_off_by_an_argument() {
    let mut place = Place::new();
    place.config.model.dropout = Some(0.0);
    place.run();
    let config = json(&place.out().join("config.json"));
    assert_eq!(config["hidden_dropout_prob"], 0.0);
    assert_eq!(config["classifier_dropout"], 0.0);
}

#[test]
fn a_head_of_other_labels_is_refused_or_drawn_anew() {
    let mut place = Place::new();
    place.run();
    let text = std::fs::read_to_string(place.path("train.csv")).unwrap();
    place.write("train.csv", &format!("{text}w1,w2,third\n"));
    place.config.model.model_name_or_path = place.out().display().to_string();
    place.config.training.output_dir = place.path("again").display().to_string();
    place.fails_with(&[
        "was trained on other labels",
        "[2, 32]",
        "--ignore_mismatched_sizes",
    ]);
    place.config.model.ignore_mismatched_sizes = true;
    let records = place.run();
    let drawn = records.iter().any(|record| match &record.event {
        Event::RunStarted(run) => run.new_parameters == ["classifier.weight", "classifier.bias"],
        Event::Warning { message } => panic!("{message}"),
        _ => false,
    });
    assert!(drawn, "{records:?}");
}

#[test]
fn a_bare_encoder_is_told_of() {
    let place = Place::new();
    let path = place.path("base/model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let at = |needle: &[u8]| {
        bytes
            .windows(needle.len())
            .position(|w| w == needle)
            .unwrap()
    };
    let mut changed = bytes.clone();
    let place_of = at(b"bert.pooler.dense.bias");
    changed[place_of..place_of + 4].copy_from_slice(b"some");
    std::fs::write(&path, changed).unwrap();
    let records = place.run();
    let messages: Vec<&String> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::Warning { message } => Some(message),
            _ => None,
        })
        .collect();
    assert!(messages[0].contains("were not used"), "{messages:?}");
    assert!(
        messages[0].contains("'some.pooler.dense.bias'"),
        "{messages:?}"
    );
    assert!(
        messages[1].contains("newly initialized: ['bert.pooler.dense.bias']"),
        "{messages:?}"
    );
}

#[test]
fn what_does_not_fit_the_model_is_told() {
    let mut place = Place::new();
    place.config.data.max_seq_length = Some(25);
    place.fails_with(&["max_seq_length 25 is more than the model's 24 positions"]);
    place.config.data.max_seq_length = None;

    place.write("base/tokenizer.json", &tokenizer_json(WORDS + 5));
    place.fails_with(&["41 token ids", "only 36 embeddings", "not of one model"]);
    place.write("base/tokenizer.json", &tokenizer_json(WORDS));

    place.config.model.model_name_or_path = place.path("nowhere").display().to_string();
    place.fails_with(&["there is no folder", "nowhere"]);
    place.config.model.model_name_or_path = place.dir.path().display().to_string();
    place.fails_with(&["has no config.json"]);
    assert!(
        !place.out().exists(),
        "nothing is written before all is known to fit"
    );
}

#[test]
fn an_older_tokenizer_becomes_a_tokenizer_json_beside_the_model() {
    let mut place = Place::new();
    place.config.training.num_train_epochs = 1.0;
    std::fs::remove_file(place.path("base/tokenizer.json")).unwrap();
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let words = (0..WORDS - 1).map(|i| format!("w{i}"));
    let lines: Vec<String> = special.into_iter().chain(words).collect();
    place.write("base/vocab.txt", &lines.join("\n"));
    let class = r#"{"tokenizer_class": "BertTokenizer"}"#;
    place.write("base/tokenizer_config.json", class);
    let records = place.run();
    let failed = |record: &&Record| matches!(record.event, Event::Failed { .. });
    assert!(records.iter().find(failed).is_none(), "{records:?}");
    let out = place.out();
    assert!(out.join("tokenizer.json").is_file());
    let ids = |folder: &Path| {
        let tokenizer = Tokenizer::from_file(folder).unwrap();
        let encoding = tokenizer.encode("w3 W30, w99", Some("w0"), &TokenizeOptions::default());
        encoding.unwrap().input_ids
    };
    let wanted = ids(&place.path("base"));
    assert_eq!(
        wanted.iter().filter(|id| **id == 1).count(),
        2,
        "{wanted:?}"
    );
    assert_eq!(ids(&out), wanted);
    // It stands for the older file from now on.
    std::fs::remove_file(out.join("vocab.txt")).unwrap();
    assert_eq!(ids(&out), wanted);
}

#[test]
fn what_is_wrong_with_the_data_is_told_with_its_split() {
    let mut place = Place::new();
    place.config.data.label_column_name = Some("klass".to_owned());
    place.fails_with(&["klass", "first, second, label"]);
    place.config.data.label_column_name = None;
    place.config.data.text_column_names = Some(vec!["premise".to_owned()]);
    place.fails_with(&["premise", "first"]);
    place.config.data.text_column_names = None;

    place.write("train.csv", "first,second,label\nw1,w2,0\nw1,w2,0\n");
    place.write("validation.csv", "first,second,label\nw1,w2,0\nw1,w2,1\n");
    place.config.data.test_file = None;
    place.fails_with(&["split 'train'", "label"]);
    place.write("train.csv", "first,second,label\nw1,w2,0\nw1,w2,1\n");
    place.write("validation.csv", "first,second,label\nw1,w2,0\nw1,w2,2\n");
    place.fails_with(&["split 'validation'", "row 1", "2"]);
    place.write("validation.csv", "first,second,label\n");
    place.fails_with(&["validation"]);
}

#[test]
fn a_folder_in_use_is_refused_before_any_work() {
    let place = Place::new();
    std::fs::create_dir(place.out()).unwrap();
    place.write("out/notes.txt", "mine");
    let (records, error) = run(place.config.clone(), |_| None);
    assert_eq!(records.len(), 1);
    assert!(error.unwrap().to_string().contains("it has notes.txt"));
}

#[test]
fn arguments_are_checked_together() {
    let mut place = Place::new();
    place.config.training.learning_rate = -1.0;
    place.config.training.max_steps = 0;
    place.fails_with(&["learning_rate", "max_steps"]);
}

/// The losses of the steps, as they are on the device, by step.
fn losses(records: &[Record]) -> Vec<(u64, u64)> {
    let step = |record: &Record| match &record.event {
        Event::Step(step) => Some((step.step, step.loss.to_bits())),
        _ => None,
    };
    records.iter().filter_map(step).collect()
}

#[test]
fn a_run_whose_device_has_no_memory_left_goes_on_with_smaller_parts() {
    let mut place = Place::new();
    place.config.training = TrainingArguments {
        device: DeviceChoice::SoftwareGpu,
        eval_strategy: IntervalStrategy::No,
        auto_find_batch_size: true,
        max_steps: 6,
        save_steps: Steps(2.0),
        logging_steps: Steps(1.0),
        ..place.config.training
    };
    let whole = losses(&place.run());
    // Before there is a checkpoint, and after.
    for (lost_after, from) in [(1, "the beginning"), (5, "checkpoint-4")] {
        let mut config = place.config.clone();
        config.training.output_dir = place
            .path(&format!("lost-{lost_after}"))
            .display()
            .to_string();
        let lost = Cell::new(false);
        let (records, error) = run(config, |event| {
            let here = matches!(event, Event::Step(step) if step.step == lost_after);
            if here && !lost.replace(true) {
                tunesmith_session::exhaust_devices();
            }
            None
        });
        let last = &records.last().unwrap().event;
        assert!(matches!(last, Event::Done(_)), "{error:?}");
        let told = records.iter().any(|record| {
            matches!(&record.event, Event::Warning { message }
                if message.contains("no memory for a batch") && message.contains(from))
        });
        assert!(told, "{records:?}");
        let mut view = RunView::default();
        for record in &records {
            view.apply(record);
        }
        assert_eq!(view.losses.len(), whole.len());
        for (at, (step, bits)) in view.losses.iter().zip(&whole) {
            assert_eq!(at.step, *step);
            assert!(
                (at.loss - f64::from_bits(*bits)).abs() < 1e-5,
                "step {step}"
            );
        }
    }
}

#[test]
fn a_run_whose_device_is_lost_goes_on_from_its_last_checkpoint_on_a_new_one() {
    let mut place = Place::new();
    place.config.training = TrainingArguments {
        device: DeviceChoice::SoftwareGpu,
        eval_strategy: IntervalStrategy::No,
        max_steps: 8,
        save_steps: Steps(2.0),
        logging_steps: Steps(1.0),
        ..place.config.training
    };
    let whole = losses(&place.run());
    assert_eq!(whole.len(), 8);
    let out = |name: &str| place.path(name).display().to_string();
    // At 6 the device goes while a checkpoint is written: that of step 4 is the last.
    // In the folder of the whole run, later checkpoints of an earlier run lie beside its own.
    for (lost_after, beside) in [(3, false), (6, false), (7, false), (3, true)] {
        let mut config = place.config.clone();
        if beside {
            config.training.overwrite_output_dir = true;
        } else {
            config.training.output_dir = out(&format!("lost-{lost_after}"));
        }
        let lost = Cell::new(false);
        let (records, error) = run(config, |event| {
            let here = matches!(event, Event::Step(step) if step.step == lost_after);
            if here && !lost.replace(true) {
                tunesmith_session::destroy_devices();
            }
            None
        });
        assert!(
            matches!(records.last().unwrap().event, Event::Done(_)),
            "{error:?}"
        );
        let told = records.iter().any(|record| {
            matches!(&record.event, Event::Warning { message }
                if message.contains("lost") && message.contains("goes on from") && message.contains("checkpoint-"))
        });
        assert!(told, "{records:?}");
        let mut view = RunView::default();
        for record in &records {
            view.apply(record);
        }
        let seen: Vec<_> = view
            .losses
            .iter()
            .map(|at| (at.step, at.loss.to_bits()))
            .collect();
        assert_eq!(seen, whole, "after step {lost_after}");
    }

    // Lost before there is a checkpoint, and again before the next one.
    for (lost_after, kept) in [(vec![1], false), (vec![4, 5], true)] {
        let mut config = place.config.clone();
        config.training.save_steps = Steps(3.0);
        config.training.output_dir = out(&format!("lost-{}-times", lost_after.len()));
        let left = RefCell::new(lost_after);
        let (records, error) = run(config.clone(), |event| {
            let mut left = left.borrow_mut();
            if matches!(event, Event::Step(step) if Some(&step.step) == left.first()) {
                left.remove(0);
                tunesmith_session::destroy_devices();
            }
            None
        });
        let Event::DeviceLost { message } = &records.last().unwrap().event else {
            panic!("{error:?}");
        };
        assert!(message.contains("lost"), "{message}");
        assert_eq!(message.contains("checkpoint-"), kept, "{message}");
        if kept {
            config.training.resume_from_checkpoint = ResumeFrom::Last;
            let later = losses(&run(config, |_| None).0);
            assert_eq!(later, whole[whole.len() - later.len()..]);
        }
    }
}
