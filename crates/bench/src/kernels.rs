//! Every kernel by itself, at the shapes that one layer of the model gives it.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::{Device, Distribution, Tensor};
use tunesmith_kernels::{
    Activation, AdamWHyper, AdamWState, Attention, BlockLayout, Blocks, ComputeDevice, Dropout,
    EmbeddingTables, Noise, Packing, PositionBias, Slot, View, activate, activate_backward, adamw,
    attention, attention_backward, embedding, gradient_norm, indices, layer_norm,
    layer_norm_backward, layer_norm_backward_parameters, linear, linear_backward_input_new,
    linear_backward_parameters, scatter_add, time_tiles,
};
use tunesmith_model::ModelConfig;

use crate::ours::wait;
use crate::{StepArgs, batch, median, milliseconds};

struct Table {
    steps: usize,
    device: Device,
}

impl Table {
    /// Times `op`, which does `flop` floating-point operations, or moves data where that is 0.
    fn row(&self, name: &str, flop: f64, mut op: impl FnMut() -> Tensor<1>) -> Result<()> {
        let mut timed = || -> Result<f64> {
            let start = Instant::now();
            let out = op();
            wait(out.narrow(0, 0, 1))?;
            Ok(start.elapsed().as_secs_f64())
        };
        let first = timed()?;
        let times = (0..self.steps)
            .map(|_| timed())
            .collect::<Result<Vec<_>>>()?;
        print(name, first, median(times), flop);
        Ok(())
    }

    fn matrix(&self, rows: usize, cols: usize) -> Tensor<2> {
        Tensor::random([rows, cols], Distribution::Uniform(-1.0, 1.0), &self.device)
    }

    fn blocks(&self, counts: &[usize]) -> (Blocks, Vec<Slot>) {
        let tensors: Vec<_> = counts.iter().map(|count| (*count, true)).collect();
        let (layout, slots) = BlockLayout::new(&tensors, None);
        (Blocks::zeros(&layout, &self.device), slots)
    }

    fn vector(&self, count: usize) -> Tensor<1> {
        Tensor::random([count], Distribution::Uniform(-1.0, 1.0), &self.device)
    }
}

/// A line of a table; the times in seconds.
fn print(name: &str, first: f64, time: f64, flop: f64) {
    let rate = if flop > 0.0 {
        format!("{:>9.1}", flop / time / 1e9)
    } else {
        String::new()
    };
    println!(
        "{name:<28}{:>11.1}{:>11.1}{rate}",
        milliseconds(first),
        milliseconds(time)
    );
}

/// Every tile of the matrix product, and burn's own product (cubek's, untuned) of the same matrices.
pub(crate) fn tiles(args: &StepArgs, config: &ModelConfig, device: &ComputeDevice) -> Result<()> {
    let (rows, inner, out) = (
        args.batch * args.seq,
        config.spec().hidden,
        config.spec().intermediate(),
    );
    let timed = pollster::block_on(time_tiles(device, [rows, inner, out], |_, _| {}));
    let times = timed.map_err(anyhow::Error::msg)?;
    anyhow::ensure!(
        !times.is_empty(),
        "there are no tiles to choose from on {}",
        device.name
    );
    println!(
        "{rows} rows, {inner} to {out}, on {}; ms of the first launch, ms, GFLOP/s",
        device.name
    );
    let flop = 2.0 * (rows * inner * out) as f64;
    for time in times {
        let (tile, layout) = (time.tile, time.layout);
        let name = format!("{layout:?} {tile}");
        print(&name, time.first, time.seconds, flop);
    }
    let t = Table {
        steps: args.steps,
        device: device.device.clone(),
    };
    let (x, weight, dy) = (
        t.matrix(rows, inner),
        t.matrix(out, inner),
        t.matrix(rows, out),
    );
    let burn = |layout: &str, a: &Tensor<2>, b: &Tensor<2>| {
        t.row(&format!("{layout} burn"), flop, || {
            flat(a.clone().matmul(b.clone()))
        })
    };
    burn("Nn", &dy, &weight)?;
    burn("Nt", &x, &weight.clone().transpose())?;
    burn("Tn", &dy.clone().transpose(), &x)
}

fn flat(tensor: Tensor<2>) -> Tensor<1> {
    let [rows, cols] = tensor.dims();
    tensor.reshape([rows * cols])
}

pub(crate) fn measure(args: &StepArgs, config: &ModelConfig, device: &ComputeDevice) -> Result<()> {
    let t = Table {
        steps: args.steps,
        device: device.device.clone(),
    };
    let (rows, hidden, wide) = (
        args.batch * args.seq,
        config.spec().hidden,
        config.spec().intermediate(),
    );
    println!(
        "{} x {} on {}; ms of the first launch, ms, GFLOP/s",
        args.batch, args.seq, device.name
    );

    for (name, inner, out) in [
        ("hidden x 3 hidden", hidden, 3 * hidden),
        ("hidden x hidden", hidden, hidden),
        ("hidden x wide", hidden, wide),
        ("wide x hidden", wide, hidden),
    ] {
        let (x, weight, dy) = (
            t.matrix(rows, inner),
            t.matrix(out, inner),
            t.matrix(rows, out),
        );
        let (weight, bias) = (View::from(&weight), View::from(&t.vector(out)));
        let flop = 2.0 * (rows * inner * out) as f64;
        t.row(&format!("linear {name}"), flop, || {
            flat(linear(&x, &weight, Some(&bias)))
        })?;
        t.row("  backward input", flop, || {
            flat(linear_backward_input_new(&dy, &weight))
        })?;
        let (mut gradients, slots) = t.blocks(&[out * inner, out]);
        t.row("  backward parameters", flop, || {
            linear_backward_parameters(&dy, &x, &mut gradients, slots[0], Some(slots[1]));
            gradients.tensor(slots[1])
        })?;
    }

    let (inputs, _) = batch(args, config)?;
    let packing = Packing::new(&vec![args.seq as u32; args.batch], &t.device);
    let names = (0..rows as u32).map(|row| [row, 0]);
    let dropout = Dropout::new(0.1, 3, &Noise::new(1, 2, names, &t.device));
    let shape = Attention {
        heads: config.spec().heads,
        head_dim: hidden / config.spec().heads,
        window: None,
        scale: 1.0 / ((hidden / config.spec().heads) as f32).sqrt(),
        dropout: dropout.clone(),
    };
    let (qkv, [x, residual, d]) = (
        t.matrix(rows, 3 * hidden),
        [(); 3].map(|()| t.matrix(rows, hidden)),
    );
    t.row("attention", 0.0, || {
        flat(attention(&shape, &qkv, &packing, &PositionBias::None).0)
    })?;
    let (_, saved) = attention(&shape, &qkv, &packing, &PositionBias::None);
    let (mut none, _) = t.blocks(&[64]);
    t.row("  backward", 0.0, || {
        let bias = PositionBias::None;
        flat(attention_backward(&shape, (&qkv, &packing), &saved, &d, &bias, &mut none).0)
    })?;

    let affine = View::from(&t.vector(2 * hidden));
    let norm = || layer_norm(&x, Some(&residual), &affine, 1e-12, &dropout);
    t.row("layer_norm", 0.0, || flat(norm().0))?;
    let (_, saved) = norm();
    t.row("  backward", 0.0, || {
        flat(layer_norm_backward(&d, &saved, &affine, None, &dropout).0)
    })?;
    let (mut gradients, slots) = t.blocks(&[2 * hidden]);
    t.row("  backward parameters", 0.0, || {
        layer_norm_backward_parameters(&d, &saved, &mut gradients, slots[0]);
        gradients.tensor(slots[0])
    })?;
    let (x, dy) = (t.matrix(rows, wide), t.matrix(rows, wide));
    anyhow::ensure!(device.failure().is_none(), "{:?}", device.failure());
    t.row("gelu", 0.0, || flat(activate(Activation::Gelu, &x)))?;
    t.row("  backward", 0.0, || {
        flat(activate_backward(Activation::Gelu, &x, &dy))
    })?;

    let table = |entries: usize| View::from(&t.matrix(entries, hidden));
    let [words, positions, types] =
        [config.spec().vocabulary(), config.spec().longest, 2].map(table);
    let ids = indices(&inputs.input_ids, &t.device);
    let zeros = indices(&vec![0; rows], &t.device);
    let places: Vec<u32> = (0..rows).map(|row| (row % args.seq) as u32).collect();
    let places = indices(&places, &t.device);
    let tables = EmbeddingTables {
        word: &[words],
        position: Some(&positions),
        token_type: Some(&types),
    };
    t.row("embedding", 0.0, || {
        flat(embedding(&tables, hidden, &ids, &places, &zeros))
    })?;
    let count = config.spec().vocabulary() * hidden;
    let (mut gradients, slots) = t.blocks(&[count]);
    t.row("  backward", 0.0, || {
        scatter_add(&d, &ids, None, &mut gradients, (&slots[..1], true));
        gradients.tensor(slots[0].part(0, 64))
    })?;
    t.row("gradient norm of the words", 0.0, || {
        gradient_norm(&gradients, 1.0, &t.device).values()
    })?;
    let norm = gradient_norm(&gradients, 1.0, &t.device);
    let hyper = AdamWHyper::new(5e-5, [0.9, 0.999], 1e-8, 1, &t.device);
    let [mut values, mut exp_avg, mut exp_avg_sq] = [(); 3].map(|()| t.blocks(&[count]).0);
    t.row("adamw of the words", 0.0, || {
        let state = AdamWState {
            values: &mut values,
            gradients: &mut gradients,
            exp_avg: &mut exp_avg,
            exp_avg_sq: &mut exp_avg_sq,
        };
        adamw(&hyper, &norm, 0.0, state);
        values.tensor(slots[0].part(0, 64))
    })
}
