//! A run on a software renderer: it sees the CPU's noise and losses, and waits for nothing in between.
//! One test, since it counts what the whole process reads back.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::*;
use tunesmith_kernels::DeviceChoice;
use tunesmith_kernels::read_backs;
use tunesmith_protocol::{IntervalStrategy, SaveStrategy, TrainingArguments};

/// How far losses may be apart: f32 sums in another order, over 12 steps.
const TOLERANCE: f64 = 1e-4;

#[test]
fn a_renderer_follows_the_cpu_with_dropout_on_and_is_read_at_logging_steps_only() {
    let run = |choice: DeviceChoice| {
        let dir = tempfile::tempdir().unwrap();
        let args = TrainingArguments {
            eval_strategy: IntervalStrategy::No,
            save_strategy: SaveStrategy::No,
            ..args(&dir.path().join("out"))
        };
        let mut trainer = trainer(args, &device(choice));
        let before = read_backs();
        let (output, events) = train(&mut trainer).unwrap();
        assert_eq!(output.global_step, 12);
        (losses(&events), read_backs() - before)
    };
    let (on_cpu, _) = run(DeviceChoice::Cpu);
    let (on_renderer, reads) = run(DeviceChoice::SoftwareGpu);
    // Steps 5, 10 and the last.
    assert_eq!(reads, 3);
    assert_eq!(on_renderer.len(), 12);
    for (step, (renderer, cpu)) in on_renderer.iter().zip(&on_cpu).enumerate() {
        let off = (renderer - cpu).abs();
        println!("step {step}: {off:.1e}");
        assert!(
            off <= TOLERANCE,
            "step {step}: {renderer}, on the CPU {cpu}"
        );
    }
}
