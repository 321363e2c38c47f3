//! Every kernel by itself, at the shapes that one layer of the model gives it.

use std::cell::RefCell;
use std::hint::black_box;
use std::thread;
use std::time::Instant;

use anyhow::Result;
use burn::tensor::{Device, Distribution, Tensor};
use serde_json::{Value, json};
use tunesmith_kernels::{
    Activation, AdamWHyper, AdamWState, AdapterKind, Attention, BlockLayout, Blocks, ComputeDevice,
    Dropout, EmbeddingTables, Noise, Packing, PositionBias, Slot, Update, View, activate,
    activate_backward, adamw, add, attention, attention_backward, embedding, gradient_norm,
    indices, layer_norm, layer_norm_backward, layer_norm_backward_parameters, linear,
    linear_backward_input_new, linear_backward_parameters, scatter_add, time_tiles,
};
use tunesmith_model::ModelConfig;

use crate::ours::wait;
use crate::{StepArgs, batch, median, milliseconds};

/// Numbers of a tensor among the model's: 64 MiB, what a block has.
const TENSOR: usize = 16 << 20;

/// What bounds an operation.
#[derive(Clone, Copy)]
enum Work {
    /// So many floating-point operations.
    Flop(f64),
    /// So many bytes read and written.
    Bytes(f64),
}

/// What the device reaches in operations and in bytes, each in billions a second.
#[derive(Clone, Copy)]
struct Rates {
    flop: f64,
    bytes: f64,
}

struct Table {
    steps: usize,
    device: Device,
    rates: Rates,
    rows: RefCell<Vec<Value>>,
}

impl Table {
    fn new(args: &StepArgs, device: &ComputeDevice, rates: Rates) -> Self {
        Self {
            steps: args.steps,
            device: device.device.clone(),
            rates,
            rows: RefCell::default(),
        }
    }

    /// Seconds of `op`'s first run, and the quickest and the median of those after it. One so short that waiting
    /// for the device would count runs several times.
    fn time(&self, mut op: impl FnMut() -> Tensor<1>) -> Result<[f64; 3]> {
        const LONG_ENOUGH: f64 = 0.005;
        const MOST: f64 = 64.0;
        let mut timed = |runs: usize| -> Result<f64> {
            let start = Instant::now();
            for _ in 1..runs {
                op();
            }
            wait(op().narrow(0, 0, 1))?;
            Ok(start.elapsed().as_secs_f64() / runs as f64)
        };
        let first = timed(1)?;
        let runs = (LONG_ENOUGH / timed(1)?).clamp(1.0, MOST) as usize;
        let times = (0..self.steps)
            .map(|_| timed(runs))
            .collect::<Result<Vec<_>>>()?;
        let quickest = times.iter().copied().fold(f64::INFINITY, f64::min);
        Ok([first, quickest, median(times)])
    }

    /// Times `op`, of which a step has `count`, and which does `work`.
    fn row(
        &self,
        name: &str,
        count: usize,
        work: Work,
        op: impl FnMut() -> Tensor<1>,
    ) -> Result<()> {
        let [first, quickest, median] = self.time(op)?;
        let (kind, amount, most) = match work {
            Work::Flop(amount) => ("gflops", amount, self.rates.flop),
            Work::Bytes(amount) => ("gbytes", amount, self.rates.bytes),
        };
        self.rows.borrow_mut().push(json!({
            "name": name,
            "first_ms": milliseconds(first),
            "quickest_ms": microseconds(quickest),
            "ms": microseconds(median),
            kind: (amount / median / 1e8).round() / 10.0,
            "count": count,
            "limit_ms": microseconds(count as f64 * amount / most / 1e9),
            "step_ms": microseconds(count as f64 * quickest),
        }));
        Ok(())
    }

    /// The rows as a report, under the line that says what they are of.
    fn report(self, of: Value) -> Value {
        json!({ "of": of, "rows": self.rows.into_inner() })
    }

    fn matrix(&self, rows: usize, cols: usize) -> Tensor<2> {
        Tensor::random([rows, cols], Distribution::Uniform(-1.0, 1.0), &self.device)
    }

    fn blocks(&self, counts: &[usize]) -> (Blocks, Vec<Slot>) {
        let tensors: Vec<_> = counts
            .iter()
            .map(|count| (*count, Update::Decayed))
            .collect();
        let (layout, slots) = BlockLayout::new(&tensors, Some(u64::MAX));
        (Blocks::zeros(&layout, &self.device), slots)
    }

    fn vector(&self, count: usize) -> Tensor<1> {
        Tensor::random([count], Distribution::Uniform(-1.0, 1.0), &self.device)
    }
}

/// Milliseconds to the microsecond.
fn microseconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e3
}

/// What the device reaches with a large product and with a large sum, the quickest of a few; in memory that it
/// shares with the cores, what these reach by copying.
fn rates(args: &StepArgs, device: &ComputeDevice) -> Result<Rates> {
    const SIDE: usize = 1024;
    const ROWS: usize = 16 * 1024;
    let none = Rates {
        flop: f64::INFINITY,
        bytes: f64::INFINITY,
    };
    let t = Table::new(args, device, none);
    let (x, weight) = (t.matrix(SIDE, SIDE), View::from(&t.matrix(SIDE, SIDE)));
    let [_, product, _] = t.time(|| flat(linear(&x, &weight, None)))?;
    let bytes = match device.kind {
        None | Some(AdapterKind::Software) => copied(),
        Some(_) => {
            let (x, residual) = (t.matrix(ROWS, SIDE), t.matrix(ROWS, SIDE));
            let [_, sum, _] = t.time(|| flat(add(&residual, &x, &Dropout::NONE)))?;
            (3 * 4 * ROWS * SIDE) as f64 / sum / 1e9
        }
    };
    Ok(Rates {
        flop: 2.0 * (SIDE * SIDE * SIDE) as f64 / product / 1e9,
        bytes,
    })
}

/// Billions of bytes a second, read and written, that all cores together copy.
fn copied() -> f64 {
    const BYTES: usize = 64 << 20;
    const ROUNDS: usize = 5;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut pairs: Vec<_> = (0..cores)
        .map(|_| (vec![1_u8; BYTES], vec![0; BYTES]))
        .collect();
    let mut quickest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        thread::scope(|scope| {
            for (from, to) in &mut pairs {
                scope.spawn(|| to.copy_from_slice(black_box(from)));
            }
        });
        quickest = quickest.min(start.elapsed().as_secs_f64());
    }
    black_box(&pairs);
    (2 * BYTES * cores) as f64 / quickest / 1e9
}

/// Every tile of the matrix product, and burn's own product (cubek's, untuned) of the same matrices.
pub(crate) fn tiles(
    args: &StepArgs,
    config: &ModelConfig,
    device: &ComputeDevice,
) -> Result<Value> {
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
    let flop = 2.0 * (rows * inner * out) as f64;
    let none = Rates {
        flop: f64::INFINITY,
        bytes: f64::INFINITY,
    };
    let t = Table::new(args, device, none);
    for time in times {
        t.rows.borrow_mut().push(json!({
            "name": format!("{:?} {}", time.layout, time.tile),
            "first_ms": milliseconds(time.first),
            "ms": microseconds(time.seconds),
            "gflops": (flop / time.seconds / 1e8).round() / 10.0,
        }));
    }
    if !args.no_stock {
        let (x, weight, dy) = (
            t.matrix(rows, inner),
            t.matrix(out, inner),
            t.matrix(rows, out),
        );
        let burn = |layout: &str, a: &Tensor<2>, b: &Tensor<2>| {
            t.row(&format!("{layout} burn"), 0, Work::Flop(flop), || {
                flat(a.clone().matmul(b.clone()))
            })
        };
        burn("Nn", &dy, &weight)?;
        burn("Nt", &x, &weight.clone().transpose())?;
        burn("Tn", &dy.clone().transpose(), &x)?;
    }
    Ok(t.report(json!({ "rows": rows, "inner": inner, "out": out, "device": device.name })))
}

fn flat(tensor: Tensor<2>) -> Tensor<1> {
    let [rows, cols] = tensor.dims();
    tensor.reshape([rows * cols])
}

pub(crate) fn measure(
    args: &StepArgs,
    config: &ModelConfig,
    device: &ComputeDevice,
) -> Result<Value> {
    let rates = rates(args, device)?;
    let t = Table::new(args, device, rates);
    let (rows, hidden, wide) = (
        args.batch * args.seq,
        config.spec().hidden,
        config.spec().intermediate(),
    );
    let layers = config.spec().layers.len();
    // Before and after a layer's blocks, and behind the embeddings.
    let norms = 2 * layers + 1;
    // So many matrices of a token's width, or of the feed-forward block's.
    let bytes = |count: usize, width: usize| Work::Bytes((4 * count * rows * width) as f64);

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
        let flop = Work::Flop(flop);
        t.row(&format!("linear {name}"), layers, flop, || {
            flat(linear(&x, &weight, Some(&bias)))
        })?;
        t.row("  backward input", layers, flop, || {
            flat(linear_backward_input_new(&dy, &weight))
        })?;
        let (mut gradients, slots) = t.blocks(&[out * inner, out]);
        t.row("  backward parameters", layers, flop, || {
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
    // Two products of all tokens of a row with each other, and four in the gradient, the scores' own aside.
    let products = |count: usize| Work::Flop((2 * count * rows * args.seq * hidden) as f64);
    t.row("attention", layers, products(2), || {
        flat(attention(&shape, &qkv, &packing, &PositionBias::None).0)
    })?;
    let (_, saved) = attention(&shape, &qkv, &packing, &PositionBias::None);
    let (mut none, _) = t.blocks(&[64]);
    t.row("  backward", layers, products(4), || {
        let bias = PositionBias::None;
        flat(attention_backward(&shape, (&qkv, &packing), &saved, &d, &bias, &mut none).0)
    })?;

    let affine = View::from(&t.vector(2 * hidden));
    let norm = || layer_norm(&x, Some(&residual), &affine, 1e-12, &dropout);
    t.row("layer_norm", norms, bytes(4, hidden), || flat(norm().0))?;
    let (_, saved) = norm();
    t.row("  backward", norms, bytes(4, hidden), || {
        flat(layer_norm_backward(&d, &saved, &affine, None, &dropout).0)
    })?;
    let (mut gradients, slots) = t.blocks(&[2 * hidden]);
    t.row("  backward parameters", norms, bytes(2, hidden), || {
        layer_norm_backward_parameters(&d, &saved, &mut gradients, slots[0]);
        gradients.tensor(slots[0])
    })?;
    let (x, dy) = (t.matrix(rows, wide), t.matrix(rows, wide));
    anyhow::ensure!(device.failure().is_none(), "{:?}", device.failure());
    t.row("gelu", layers, bytes(2, wide), || {
        flat(activate(Activation::Gelu, &x))
    })?;
    t.row("  backward", layers, bytes(3, wide), || {
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
    t.row("embedding", 1, bytes(4, hidden), || {
        flat(embedding(&tables, hidden, &ids, &places, &zeros))
    })?;
    let words = args
        .words
        .map_or(config.spec().vocabulary(), |words| words as usize);
    let (mut gradients, slots) = t.blocks(&[words * hidden]);
    t.row("  backward", 1, bytes(3, hidden), || {
        scatter_add(&d, &ids, None, &mut gradients, (&slots[..1], true));
        gradients.tensor(slots[0].part(0, 64))
    })?;

    let unused = (config.spec().vocabulary() - words) * hidden;
    let parameters = config.spec().num_parameters() as usize - unused;
    // As many numbers as the model has, in tensors that fit any binding.
    let counts: Vec<usize> = (0..parameters)
        .step_by(TENSOR)
        .map(|first| TENSOR.min(parameters - first))
        .collect();
    let (mut gradients, slots) = t.blocks(&counts);
    let bytes = |count: usize| Work::Bytes((4 * count * parameters) as f64);
    t.row("gradient norm", 1, bytes(1), || {
        gradient_norm(&gradients, 1.0, &t.device).values()
    })?;
    let norm = gradient_norm(&gradients, 1.0, &t.device);
    let hyper = AdamWHyper::new(5e-5, [0.9, 0.999], 1e-8, 1, &t.device);
    let [mut values, mut exp_avg, mut exp_avg_sq] = [(); 3].map(|()| t.blocks(&counts).0);
    // All four are read and written: the gradient is zeroed.
    t.row("adamw", 1, bytes(8), || {
        let state = AdamWState {
            values: &mut values,
            gradients: &mut gradients,
            exp_avg: &mut exp_avg,
            exp_avg_sq: &mut exp_avg_sq,
        };
        adamw(&hyper, &norm, 0.0, state);
        values.tensor(slots[0].part(0, 64))
    })?;
    let rates = json!({ "gflops": rates.flop.round(), "gbytes": rates.bytes.round() });
    Ok(t.report(json!({
        "batch": args.batch, "seq": args.seq, "device": device.name, "rates": rates,
    })))
}

/// What a table of kernels or tiles is of, then its rows.
pub(crate) fn print(report: &Value) {
    println!("{}", report["of"]);
    let columns = [
        "first_ms",
        "quickest_ms",
        "ms",
        "gflops",
        "gbytes",
        "count",
        "limit_ms",
        "step_ms",
    ];
    let rows = report["rows"].as_array().into_iter().flatten();
    let used: Vec<_> = columns
        .into_iter()
        .filter(|column| rows.clone().any(|row| !row[*column].is_null()))
        .collect();
    let line = |name: &str, cell: &dyn Fn(&str) -> String| {
        let cells: String = used.iter().map(|c| format!("{:>13}", cell(c))).collect();
        println!("{name:<32}{cells}");
    };
    line("", &|column| column.to_owned());
    for row in rows.clone() {
        line(row["name"].as_str().unwrap_or_default(), &|column| {
            if row[column].is_null() {
                String::new()
            } else {
                row[column].to_string()
            }
        });
    }
    // What a step is made of, as far as it is in the table.
    if used.contains(&"step_ms") {
        let sum = |column: &str| {
            let all: f64 = rows.clone().filter_map(|row| row[column].as_f64()).sum();
            format!("{all:.1}")
        };
        line("all", &|column| match column {
            "limit_ms" | "step_ms" => sum(column),
            _ => String::new(),
        });
    }
}
