//! Learning rates and the order of rows, as transformers' `get_scheduler` and `get_length_grouped_indices`
//! and torch's `randperm` give them.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../model/tests/support/mod.rs"]
mod golden;

use std::collections::BTreeSet;

use golden::{floats, golden, integers};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tunesmith_protocol::{SchedulerType, TrainingArguments};
use tunesmith_train::{Plan, Schedule, get_scheduler, length_grouped, randperm};

/// Relative to the highest rate: the cosine and the power of another mathematics library may differ in
/// their last bits.
const RATE: f64 = 4.0 * f64::EPSILON;

fn integer(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn rates_are_those_of_get_scheduler() {
    let mut seen = BTreeSet::new();
    for case in golden("schedules.json")["schedules"].as_array().unwrap() {
        let mut arguments = case.clone();
        let total = integer(&arguments["total_steps"]);
        let rates = floats(&arguments["rates"]);
        let fields = arguments.as_object_mut().unwrap();
        fields.remove("total_steps");
        fields.remove("rates");
        let args: TrainingArguments = serde_json::from_value(arguments).unwrap();
        seen.insert(args.lr_scheduler_type.to_string());
        let schedule = Schedule::from_arguments(&args, total).unwrap();
        for (step, wanted) in rates.iter().enumerate() {
            let rate = schedule.learning_rate(step as u64);
            assert!(
                (rate - wanted).abs() <= RATE * args.learning_rate,
                "{schedule:?} at {step}: {rate}, transformers {wanted}"
            );
        }
    }
    let all: BTreeSet<String> = SchedulerType::WORDS
        .iter()
        .filter(|word| !word.parse::<SchedulerType>().unwrap().follows_metric())
        .map(|&word| word.to_owned())
        .collect();
    assert_eq!(seen, all, "each schedule has a golden");
}

#[test]
fn rates_follow_a_metric_as_those_of_get_scheduler_do() {
    let mut seen = BTreeSet::new();
    for case in golden("schedules.json")["following"].as_array().unwrap() {
        let kind: SchedulerType = case["lr_scheduler_type"].as_str().unwrap().parse().unwrap();
        let learning_rate = case["learning_rate"].as_f64().unwrap();
        let kwargs = serde_json::from_value(case["lr_scheduler_kwargs"].clone()).unwrap();
        let mut schedule = get_scheduler(kind, learning_rate, 5, 100, &kwargs).unwrap();
        let rates = floats(&case["rates"]);
        assert_eq!(schedule.learning_rate(0), rates[0]);
        for (number, (metric, wanted)) in
            floats(&case["metrics"]).iter().zip(&rates[1..]).enumerate()
        {
            schedule.evaluated(*metric);
            // Only products, quotients and comparisons: every bit is the same.
            let rate = schedule.learning_rate(number as u64);
            assert_eq!(rate, *wanted, "{kind} {kwargs:?} after evaluation {number}");
        }
        seen.insert(kind.as_str());
    }
    assert_eq!(Vec::from_iter(seen), ["greedy", "reduce_lr_on_plateau"]);
}

#[track_caller]
fn is_order(got: &[u32], case: &Value) {
    if case["order"].is_array() {
        assert_eq!(got, integers(&case["order"]), "{case}");
        return;
    }
    let bytes: Vec<u8> = got.iter().flat_map(|row| row.to_le_bytes()).collect();
    let digest: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(digest, case["sha256"], "{case}");
}

#[test]
fn orders_are_those_of_randperm() {
    for case in golden("schedules.json")["randperm"].as_array().unwrap() {
        is_order(
            &randperm(integer(&case["count"]) as usize, integer(&case["seed"])),
            case,
        );
    }
}

#[test]
fn groups_of_like_length_are_those_of_transformers() {
    for case in golden("schedules.json")["length_grouped"]
        .as_array()
        .unwrap()
    {
        let [count, factor, span, batch_size, seed] =
            ["count", "factor", "span", "batch_size", "seed"].map(|name| integer(&case[name]));
        let lengths: Vec<u32> = (0..count).map(|i| (i * factor % span + 3) as u32).collect();
        is_order(&length_grouped(&lengths, batch_size as usize, seed), case);
    }
}

#[test]
fn an_epochs_order_is_drawn_from_seed_plus_epoch() {
    let golden = golden("schedules.json");
    let order = |count: u64, seed: u64| {
        let cases = golden["randperm"].as_array().unwrap().iter();
        let mut found = cases.filter(|case| case["count"] == count && case["seed"] == seed);
        integers(&found.next().unwrap()["order"])
    };
    let plan = Plan::new(44, None, &TrainingArguments::default(), 1).unwrap();
    for epoch in 0..3 {
        assert_eq!(plan.epoch_order(epoch), order(44, 42 + epoch));
    }
}
