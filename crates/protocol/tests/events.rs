//! The event stream as JSON, and the reducer replaying the golden log.
//!
//! `events.jsonl` holds one record of every kind. After a change of the protocol, write it anew with
//! `UPDATE=1 cargo test -p tunesmith-protocol --test events golden_log_is` and read the difference:
//! it is what a reader of old logs will meet.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use tunesmith_protocol::{
    Command, DatasetReady, DeviceInfo, DeviceKind, Done, Eval, Event, Log, Metrics,
    PROTOCOL_VERSION, ProblemType, Record, RunStarted, RunState, RunView, Sequencer, Split, Step,
};

/// A loss whose shortest decimal a careless parser reads wrong by a bit.
const AWKWARD_LOSS: f32 = 0.618_770_24;

fn step(step: u64, loss: f64) -> Event {
    Event::Step(Step {
        step,
        epoch: step as f64 / 4.0,
        loss,
        learning_rate: 5e-5 * (1.0 - step as f64 / 8.0),
        grad_norm: 2.5,
        batch_rows: 8,
        batch_length: 72,
        batch_digest: format!("{step:064x}"),
        samples_per_second: if step == 1 { 0.0 } else { 14.5 },
        remaining_seconds: (step > 1).then_some(0.55 * (8 - step) as f64),
    })
}

fn eval(step: u64, accuracy: f64, f1: f64) -> Event {
    Event::Eval(Eval {
        epoch: step as f64 / 4.0,
        step,
        split: "validation".to_owned(),
        loss: 0.59,
        // Not alphabetical, so that a sorted map would show.
        metrics: [("f1", f1), ("accuracy", accuracy)].into_iter().collect(),
        per_class: Vec::new(),
        runtime: 1.25,
        samples_per_second: 12.8,
        steps_per_second: 1.6,
    })
}

fn log(step: u64) -> Event {
    Event::Log(Log {
        epoch: step as f64 / 4.0,
        grad_norm: 2.5,
        learning_rate: 2.5e-5,
        loss: 0.625,
        step,
    })
}

fn started(resumed_from_step: Option<u64>) -> Event {
    Event::RunStarted(RunStarted {
        model: "sentence-transformers/all-MiniLM-L6-v2".to_owned(),
        dataset: "glue/mrpc".to_owned(),
        task: Some("mrpc".to_owned()),
        device: DeviceInfo {
            name: "llvmpipe (LLVM 15.0.6, 256 bits)".to_owned(),
            backend: "vulkan".to_owned(),
            kind: DeviceKind::SoftwareGpu,
        },
        other_devices: Vec::new(),
        num_examples: 32,
        num_epochs: 2.0,
        total_steps: 8,
        per_device_train_batch_size: 8,
        gradient_accumulation_steps: 1,
        seed: 42,
        trainable_parameters: 22_713_986,
        resumed_from_step,
        new_parameters: Vec::new(),
    })
}

/// A run of every kind of event: a device is lost after step 5, and it goes on from step 4.
fn story() -> Vec<Record> {
    let file = "model.safetensors".to_owned();
    let download = |loaded, total| Event::Download {
        file: file.clone(),
        loaded,
        total,
    };
    let tokenizing = |done| Event::Progress {
        stage: "tokenizing".to_owned(),
        done,
        total: 48,
    };
    let split = |name: &str, num_rows, digest: Option<&str>| Split {
        name: name.to_owned(),
        num_rows,
        digest: digest.map(str::to_owned),
        most_frequent: None,
    };
    let events = [
        download(0, None),
        download(4096, Some(8192)),
        download(8192, Some(8192)),
        tokenizing(16),
        tokenizing(48),
        Event::DatasetReady(DatasetReady {
            splits: vec![
                split("train", 32, Some("5f2c")),
                split("validation", 16, None),
            ],
            labels: vec!["not_equivalent".to_owned(), "equivalent".to_owned()],
            problem_type: ProblemType::SingleLabel,
        }),
        Event::Warning {
            message: "a software adapter computes: expect about 4 s a step".to_owned(),
        },
        started(None),
        step(1, f64::from(AWKWARD_LOSS)),
        step(2, 0.75),
        step(3, 0.5),
        step(4, 0.625),
        log(4),
        Event::Checkpoint {
            step: 4,
            path: "out/checkpoint-4".to_owned(),
        },
        eval(4, 0.6875, 0.8125),
        step(5, 0.4),
        Event::DeviceLost {
            message: "the driver was reset; resume from out/checkpoint-4".to_owned(),
        },
        started(Some(4)),
        step(5, 0.375),
        step(6, f64::NAN),
        step(7, 0.3125),
        step(8, 0.25),
        log(8),
        eval(8, 0.75, f64::NAN),
        Event::Done(Done {
            output_dir: "out".to_owned(),
            step: 8,
            epoch: 2.0,
            train_loss: 0.5,
            train_runtime: 4.5,
            train_samples_per_second: 14.25,
            train_steps_per_second: 1.78,
            best_metric: Some(0.75),
            best_model_checkpoint: None,
            stopped: false,
        }),
        Event::Failed {
            message: "No space left on device: free some and resume".to_owned(),
        },
    ];
    let mut sequencer = Sequencer::default();
    events
        .into_iter()
        .map(|event| sequencer.record(event))
        .collect()
}

fn golden_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/events.jsonl")
}

fn golden() -> Vec<Record> {
    fs::read_to_string(golden_path())
        .unwrap()
        .lines()
        .map(|line| Record::from_json(line).unwrap())
        .collect()
}

fn view(records: &[Record]) -> RunView {
    let mut view = RunView::default();
    for record in records {
        assert!(view.apply(record), "record {} was not taken", record.seq);
    }
    view
}

/// A new run that goes on with another's checkpoint has its curves too.
#[test]
fn a_run_that_goes_on_keeps_the_curves_of_before() {
    let records = golden();
    let before = view(&records[..17]);
    assert!(before.losses.iter().any(|point| point.step > 4));
    let mut after = view(&records[17..25]);
    assert_eq!(after.losses[0].step, 5);
    after.resume(&before);
    let steps: Vec<u64> = after.losses.iter().map(|point| point.step).collect();
    assert_eq!(steps, (1..=8).collect::<Vec<_>>());
    assert_eq!(after.losses[4].loss, 0.375, "step 5 as it was taken again");
    assert_eq!(after.evals.len(), 2);
    // One that begins anew has nothing before.
    let mut fresh = view(&records[..10]);
    let own = fresh.clone();
    fresh.resume(&before);
    assert_eq!(fresh.losses, own.losses);
}

/// NaN is unequal to itself; its JSON is not.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn the_golden_log_is_what_we_write_and_reads_back_the_same() {
    let story = story();
    let written: String = story
        .iter()
        .map(|record| record.to_json().unwrap() + "\n")
        .collect();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(golden_path(), &written).unwrap();
    }
    assert_eq!(fs::read_to_string(golden_path()).unwrap(), written);
    let read: String = golden()
        .iter()
        .map(|record| record.to_json().unwrap() + "\n")
        .collect();
    assert_eq!(read, written);
}

#[test]
fn a_record_is_one_flat_object() {
    let record = Sequencer::default().record(Event::Checkpoint {
        step: 4,
        path: "out".to_owned(),
    });
    assert_eq!(
        record.to_json().unwrap(),
        r#"{"version":1,"seq":0,"type":"checkpoint","step":4,"path":"out"}"#
    );
}

#[test]
fn every_loss_comes_back_to_the_bit() {
    // Every 99,991st float from 0.0 to 100.0, a prime so that the low bits vary.
    for bits in (0..100f32.to_bits())
        .step_by(99_991)
        .chain([AWKWARD_LOSS.to_bits()])
    {
        let loss = f32::from_bits(bits);
        let line = Sequencer::default()
            .record(step(1, f64::from(loss)))
            .to_json()
            .unwrap();
        let Event::Step(read) = Record::from_json(&line).unwrap().event else {
            panic!("{line}");
        };
        assert_eq!((read.loss as f32).to_bits(), bits);
        assert_eq!(read.loss.to_bits(), f64::from(loss).to_bits());
    }
}

#[test]
fn what_json_cannot_hold_is_null_and_comes_back_as_nan() {
    for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let line = Sequencer::default()
            .record(step(2, loss))
            .to_json()
            .unwrap();
        assert!(line.contains(r#""loss":null"#), "{line}");
        let Event::Step(read) = Record::from_json(&line).unwrap().event else {
            panic!("{line}");
        };
        assert!(read.loss.is_nan());
    }
    let metrics: Metrics = serde_json::from_str(r#"{"pearson":null,"f1":0.5}"#).unwrap();
    assert!(metrics.get("pearson").unwrap().is_nan());
    assert_eq!(
        json(&metrics),
        json(
            &[("pearson", f64::NAN), ("f1", 0.5)]
                .into_iter()
                .collect::<Metrics>()
        )
    );
}

#[test]
fn metrics_keep_their_order_and_replace_by_name() {
    let mut metrics = Metrics::default();
    for (name, value) in [("f1", 0.1), ("accuracy", 0.2), ("f1", 0.3)] {
        metrics.insert(name, value);
    }
    assert_eq!(
        metrics.iter().collect::<Vec<_>>(),
        [("f1", 0.3), ("accuracy", 0.2)]
    );
    assert_eq!((metrics.len(), metrics.is_empty()), (2, false));
}

#[test]
fn lines_that_are_no_records_are_refused_with_a_reason() {
    let message = Record::from_json(r#"{"version":99,"seq":0,"type":"teleported"}"#)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("protocol version 99") && message.contains(&PROTOCOL_VERSION.to_string()),
        "{message}"
    );
    let message = Record::from_json(r#"{"version":1,"seq":0,"type":"teleported"}"#)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("unknown variant `teleported`"),
        "{message}"
    );
    assert!(Record::from_json("loss 0.5").is_err());
    assert!(Record::from_json(r#"{"version":1,"seq":0,"type":"log","step":1}"#).is_err());
}

#[test]
fn the_view_tells_the_golden_logs_story() {
    let records = golden();

    let preparing = view(&records[..4]);
    assert_eq!(preparing.state, RunState::Preparing);
    assert_eq!(preparing.downloads.len(), 1);
    assert_eq!(
        (preparing.downloads[0].loaded, preparing.downloads[0].total),
        (8192, Some(8192))
    );
    assert_eq!(preparing.progress.as_ref().unwrap().done, 16);
    assert_eq!(preparing.fraction(), None);
    assert_eq!(view(&records[..5]).progress, None);

    let lost = view(&records[..17]);
    assert_eq!(lost.state, RunState::DeviceLost);
    assert!(lost.message.as_ref().unwrap().contains("out/checkpoint-4"));
    assert_eq!(lost.last_checkpoint.as_deref(), Some("out/checkpoint-4"));
    assert_eq!(lost.losses.len(), 5);
    assert_eq!(lost.fraction(), Some(5.0 / 8.0));

    let resumed = view(&records[..18]);
    assert_eq!(resumed.state, RunState::Training);
    assert_eq!(
        resumed.losses.len(),
        4,
        "the step after the checkpoint is taken again"
    );

    let done = view(&records[..25]);
    assert_eq!(done.state, RunState::Done);
    assert_eq!(done.done.as_ref().unwrap().best_metric, Some(0.75));
    assert_eq!(
        done.losses.iter().map(|p| p.step).collect::<Vec<_>>(),
        (1..=8).collect::<Vec<_>>()
    );
    assert_eq!(done.losses[0].loss, f64::from(AWKWARD_LOSS));
    assert_eq!(done.losses[4].loss, 0.375);
    assert_eq!(
        done.logs.iter().map(|log| log.step).collect::<Vec<_>>(),
        [4, 8]
    );
    assert_eq!(
        done.evals.iter().map(|eval| eval.step).collect::<Vec<_>>(),
        [4, 8]
    );
    assert_eq!(done.evals[0].metrics.get("f1"), Some(0.8125));
    assert_eq!(done.warnings.len(), 1);
    assert_eq!(done.dataset.as_ref().unwrap().labels[1], "equivalent");
    assert_eq!(done.fraction(), Some(1.0));

    let failed = view(&records);
    assert_eq!(failed.state, RunState::Failed);
    assert!(
        failed
            .message
            .as_ref()
            .unwrap()
            .starts_with("No space left")
    );
}

#[test]
fn coalesced_steps_leave_the_same_view_with_fewer_points() {
    let records = golden();
    let coalesced: Vec<Record> = records
        .iter()
        .enumerate()
        .filter(|(i, record)| {
            let next_is_step = records
                .get(i + 1)
                .is_some_and(|r| matches!(r.event, Event::Step(_)));
            !(matches!(record.event, Event::Step(_)) && next_is_step)
        })
        .map(|(_, record)| record.clone())
        .collect();
    assert!(coalesced.len() < records.len());

    let (whole, mut fewer) = (view(&records), view(&coalesced));
    assert_eq!(
        fewer.losses.iter().map(|p| p.step).collect::<Vec<_>>(),
        [4, 8]
    );
    for point in &fewer.losses {
        assert!(whole.losses.contains(point));
    }
    fewer.losses.clone_from(&whole.losses);
    assert_eq!(json(&fewer), json(&whole));
}

#[test]
fn replayed_records_change_nothing_and_record_0_begins_anew() {
    let records = golden();
    let mut twice = view(&records);
    let once = json(&twice);
    for record in &records[1..] {
        assert!(!twice.apply(record));
    }
    assert_eq!(json(&twice), once);

    twice.apply(&records[0]);
    assert_eq!(json(&twice), json(&view(&records[..1])));
}

#[test]
fn a_view_survives_being_stored() {
    let records = golden();
    let stored = json(&view(&records[..18]));
    let mut restored: RunView = serde_json::from_str(&stored).unwrap();
    for record in &records[18..] {
        restored.apply(record);
    }
    assert_eq!(json(&restored), json(&view(&records)));
}

#[test]
fn commands_are_tagged_words() {
    for (command, text) in [
        (Command::Pause, r#"{"type":"pause"}"#),
        (Command::Resume, r#"{"type":"resume"}"#),
        (Command::Stop, r#"{"type":"stop"}"#),
        (Command::StopAndSave, r#"{"type":"stop_and_save"}"#),
    ] {
        assert_eq!(serde_json::to_string(&command).unwrap(), text);
        assert_eq!(serde_json::from_str::<Command>(text).unwrap(), command);
    }
}
