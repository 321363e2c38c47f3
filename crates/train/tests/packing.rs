//! What is computed doesn't depend on padding, nor the noise on how a step's rows are split into batches.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::*;
use tunesmith_kernels::{ComputeDevice, DeviceChoice, read_back};
use tunesmith_model::{Inputs, Mode, Model, Targets};
use tunesmith_train::AdamW;

/// Rows of these lengths, padded to `seq`.
fn batch(lengths: &[u32], seq: usize, pad_left: bool) -> Inputs {
    let mut input_ids = Vec::new();
    for (row, &length) in lengths.iter().enumerate() {
        let words = (0..length).map(|place| 4 + (7 * row as u32 + 3 * place) % WORDS as u32);
        let padding = vec![0; seq - length as usize];
        if pad_left {
            input_ids.extend(padding.into_iter().chain(words));
        } else {
            input_ids.extend(words.chain(padding));
        }
    }
    Inputs {
        batch: lengths.len(),
        seq,
        input_ids,
        token_type_ids: None,
        lengths: lengths.to_vec(),
        pad_left,
    }
}

fn classes(rows: usize) -> Targets {
    Targets::Classes((0..rows as u32).map(|row| row % 2).collect())
}

fn model(device: &ComputeDevice) -> Model {
    Model::from_config(config(0.3), 7, device).unwrap()
}

fn mode(first_row: u32) -> Mode {
    Mode::Train {
        seed: 5,
        step: 3,
        first_row,
    }
}

/// All gradients after the given backward passes.
fn gradients(model: &Model) -> Vec<f32> {
    let parameters = &model.parameters;
    let all = parameters.iter().flat_map(|one| parameters.gradient(one));
    pollster::block_on(read_back(all.collect()))
        .unwrap()
        .concat()
}

fn losses_and_gradients(device: &ComputeDevice, inputs: &Inputs) -> (f32, Vec<f32>) {
    let mut model = model(device);
    let output = model
        .forward(inputs, Some(&classes(inputs.batch)), &mode(0))
        .unwrap();
    let loss = output.loss.clone().unwrap();
    model.backward(output);
    let loss = pollster::block_on(read_back(vec![loss])).unwrap();
    (loss[0][0], gradients(&model))
}

fn each(check: impl Fn(&ComputeDevice)) {
    check(&cpu());
    check(&device(DeviceChoice::SoftwareGpu));
}

#[test]
fn padding_changes_no_bit() {
    each(|device| {
        for lengths in [vec![5, 1, 12], vec![4, 4], vec![1], vec![24, 2, 2, 3]] {
            let longest = lengths.iter().copied().max().unwrap() as usize;
            let tight = losses_and_gradients(device, &batch(&lengths, longest, false));
            let wide = losses_and_gradients(device, &batch(&lengths, 24, false));
            assert_eq!(tight, wide, "{lengths:?} on {}", device.name);
            assert!(tight.1.iter().any(|x| *x != 0.0));
        }
    });
}

/// transformers classifies by what stands first, which is padding here: the rows are computed whole.
#[test]
fn padding_on_the_left_is_what_the_head_looks_at() {
    each(|device| {
        let model = model(device);
        let logits = |inputs: &Inputs| {
            let logits = model.infer(inputs, None).unwrap().logits;
            pollster::block_on(read_back(vec![logits.flatten(0, 1)])).unwrap()
        };
        let full = [7, 7];
        assert_eq!(
            logits(&batch(&full, 7, true)),
            logits(&batch(&full, 7, false))
        );
        let ragged = [7, 4];
        assert_ne!(
            logits(&batch(&ragged, 7, true)),
            logits(&batch(&ragged, 7, false))
        );
    });
}

#[test]
fn a_step_draws_the_same_noise_however_its_rows_are_split() {
    each(|device| {
        let lengths = [5, 1, 12, 3, 8, 2];
        let (_, whole) = losses_and_gradients(device, &batch(&lengths, 12, false));
        let mut parts = model(device);
        let all = batch(&lengths, 12, false);
        for (first, rows) in [(0, 4), (4, 2)] {
            let inputs = Inputs {
                batch: rows,
                input_ids: all.input_ids[first * 12..][..rows * 12].to_vec(),
                lengths: lengths[first..][..rows].to_vec(),
                ..all.clone()
            };
            let share = rows as f32 / lengths.len() as f32;
            let output = parts
                .forward_scaled(&inputs, Some(&classes(rows)), &mode(first as u32), share)
                .unwrap();
            parts.backward(output);
        }
        let most = whole.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        for (got, wanted) in gradients(&parts).iter().zip(&whole) {
            let off = (got - wanted).abs() / most;
            assert!(off < 1e-6, "{got}, {wanted} on {}", device.name);
        }
    });
}

/// Every step has another number of tokens.
#[test]
fn two_thousand_steps_of_other_sizes_take_no_more_memory() {
    let device = device(DeviceChoice::SoftwareGpu);
    let mut model = model(&device);
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
    let mut settled = 0;
    for step in 0..2000_u32 {
        let lengths = [3 + step * 7 % 20, 1 + step * 11 % 24, 2 + step * 5 % 13];
        let inputs = batch(&lengths, 24, false);
        let mode = Mode::Train {
            seed: 1,
            step,
            first_row: 0,
        };
        let output = model.forward(&inputs, Some(&classes(3)), &mode).unwrap();
        model.backward(output);
        let norm = optimizer.step(&mut model, 1e-4).values();
        if step % 50 == 49 {
            pollster::block_on(read_back(vec![norm])).unwrap();
            let reserved = device.device.memory_pool_usage().unwrap().bytes_reserved;
            if step == 199 {
                settled = reserved;
            }
            if step > 199 {
                assert!(
                    reserved as f64 <= 1.01 * settled as f64,
                    "{reserved} bytes at step {step}, {settled} at step 199"
                );
            }
        }
    }
    assert!(settled > 0);
}
