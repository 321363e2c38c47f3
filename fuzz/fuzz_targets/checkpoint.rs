//! The JSON files of a checkpoint: how far a run was, and what it was told.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tunesmith_protocol::{RunConfig, TrainingArguments};
use tunesmith_train::{Schedule, TrainerState};

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("tunesmith-fuzz-{}.json", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    if let Ok(training) = serde_json::from_slice::<TrainingArguments>(data) {
        let config = RunConfig {
            training,
            ..RunConfig::default()
        };
        if config.validate().is_ok() {
            let schedule = Schedule::from_arguments(&config.training, 10);
            schedule.expect("valid arguments make a schedule").learning_rate(5);
            TrainerState::new(&config.training, 10, 1);
        }
    }
    let _ = std::fs::write(&*PATH, data);
    let _ = TrainerState::load(&PATH);
});
