//! Every kernel by itself, at the shapes that one layer of the model gives it.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::{Device, Distribution, Tensor};
use tunesmith_kernels::{
    AdamWHyper, Attention, ComputeDevice, Dropout, adamw, attention, attention_backward, embedding,
    gelu, gelu_backward, gradient_norm, indices, layer_norm, layer_norm_backward,
    layer_norm_parameters_backward, linear, linear_backward_bias, linear_backward_input_new,
    linear_backward_weight, scatter_add,
};
use tunesmith_model::BertConfig;

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
        let time = median(times);
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
        Ok(())
    }

    fn matrix(&self, rows: usize, cols: usize) -> Tensor<2> {
        Tensor::random([rows, cols], Distribution::Uniform(-1.0, 1.0), &self.device)
    }

    fn vector(&self, count: usize) -> Tensor<1> {
        Tensor::random([count], Distribution::Uniform(-1.0, 1.0), &self.device)
    }
}

fn flat(tensor: Tensor<2>) -> Tensor<1> {
    let [rows, cols] = tensor.dims();
    tensor.reshape([rows * cols])
}

pub(crate) fn measure(args: &StepArgs, config: &BertConfig, device: &ComputeDevice) -> Result<()> {
    let t = Table {
        steps: args.steps,
        device: device.device.clone(),
    };
    let (rows, hidden, wide) = (
        args.batch * args.seq,
        config.hidden_size,
        config.intermediate_size,
    );
    println!(
        "{} x {} on {}; ms of the first launch, ms, GFLOP/s",
        args.batch, args.seq, device.name
    );

    for (name, inner, out) in [
        ("hidden x hidden", hidden, hidden),
        ("hidden x wide", hidden, wide),
        ("wide x hidden", wide, hidden),
    ] {
        let (x, weight, dy) = (
            t.matrix(rows, inner),
            t.matrix(out, inner),
            t.matrix(rows, out),
        );
        let bias = t.vector(out);
        let flop = 2.0 * (rows * inner * out) as f64;
        t.row(&format!("linear {name}"), flop, || {
            flat(linear(&x, 1, &weight, &bias))
        })?;
        t.row("  backward input", flop, || {
            flat(linear_backward_input_new(&dy, &weight))
        })?;
        let mut gradient = Some(Tensor::zeros([out, inner], &t.device));
        t.row("  backward weight", flop, || {
            let zeros = || Tensor::zeros([out, inner], &t.device);
            let new = linear_backward_weight(&dy, &x, 1, gradient.take().unwrap_or_else(zeros));
            gradient = Some(new.clone());
            flat(new)
        })?;
        t.row("  backward bias", 0.0, || {
            linear_backward_bias(&dy, t.vector(out))
        })?;
    }

    let dropout = Dropout {
        p: 0.1,
        seed: 1,
        step: 2,
        site: 3,
    };
    let shape = Attention {
        batch: args.batch,
        seq: args.seq,
        heads: config.num_attention_heads,
        head_dim: hidden / config.num_attention_heads,
        pad_left: false,
        dropout,
    };
    let (inputs, _) = batch(args, config)?;
    let lengths = indices(&inputs.lengths, &t.device);
    let [q, k, v, d] = [(); 4].map(|()| t.matrix(rows, hidden));
    t.row("attention", 0.0, || {
        flat(attention(&shape, [&q, &k, &v], &lengths).0)
    })?;
    let (_, saved) = attention(&shape, [&q, &k, &v], &lengths);
    t.row("  backward", 0.0, || {
        let [dq, _, _] = attention_backward(&shape, [&q, &k, &v], &saved, &d);
        flat(dq)
    })?;

    let (gamma, beta) = (t.vector(hidden), t.vector(hidden));
    let norm = || layer_norm(&q, Some(&k), &gamma, &beta, 1e-12, &dropout);
    t.row("layer_norm", 0.0, || flat(norm().0))?;
    let (_, saved) = norm();
    t.row("  backward", 0.0, || {
        flat(layer_norm_backward(&d, &saved, &gamma, &dropout).0)
    })?;
    t.row("  backward parameters", 0.0, || {
        layer_norm_parameters_backward(&d, &saved, t.vector(hidden), t.vector(hidden)).0
    })?;
    let (x, dy) = (t.matrix(rows, wide), t.matrix(rows, wide));
    anyhow::ensure!(device.failure().is_none(), "{:?}", device.failure());
    t.row("gelu", 0.0, || flat(gelu(&x)))?;
    t.row("  backward", 0.0, || flat(gelu_backward(&x, &dy)))?;

    let words = t.matrix(config.vocab_size, hidden);
    let positions = t.matrix(config.max_position_embeddings, hidden);
    let types = t.matrix(config.type_vocab_size, hidden);
    let ids = indices(&inputs.input_ids, &t.device);
    let zeros = indices(&vec![0; rows], &t.device);
    t.row("embedding", 0.0, || {
        flat(embedding(
            [&words, &positions, &types],
            &ids,
            &zeros,
            args.seq,
        ))
    })?;
    let mut table = Some(words);
    t.row("  backward", 0.0, || {
        let zeros = || Tensor::zeros([config.vocab_size, hidden], &t.device);
        let new = scatter_add(&d, &ids, None, table.take().unwrap_or_else(zeros));
        table = Some(new.clone());
        flat(new)
    })?;

    let count = config.vocab_size * hidden;
    let gradient = t.vector(count);
    t.row("gradient norm of the words", 0.0, || {
        gradient_norm([gradient.clone()].into_iter(), 1.0, &t.device).values()
    })?;
    let norm = gradient_norm([gradient.clone()].into_iter(), 1.0, &t.device);
    let hyper = AdamWHyper::new(5e-5, [0.9, 0.999], 1e-8, 1, &t.device);
    let zeros = || Tensor::zeros([count], &t.device);
    let mut state = Some([gradient, zeros(), zeros(), zeros()]);
    t.row("adamw of the words", 0.0, || {
        let new = adamw(
            &hyper,
            &norm,
            0.0,
            state.take().unwrap_or_else(|| [(); 4].map(|()| zeros())),
        );
        let parameter = new[0].clone().narrow(0, 0, 1);
        state = Some(new);
        parameter
    })
}
