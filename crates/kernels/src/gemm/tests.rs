//! Every tile against the plain product, on every adapter.
#![allow(clippy::unwrap_used, reason = "tests")]
use burn::tensor::Device;

use super::*;
use crate::device::{AdapterKind, ComputeDevice, adapters};
use crate::testing::{self, Forced, read};

pub(super) fn filled(count: usize, salt: f32, device: &Device) -> Buffer {
    testing::filled(count, |i| (i * (1.3 + salt)).sin(), device)
}

fn outputs(op: &Product, tile: Tile, device: &Device) -> Vec<Vec<f32>> {
    // One tile of the table.
    let kernel = Forced {
        kernel: op,
        launch: &|| op.launch_tile(tile),
    };
    let padded = |size: usize| size.next_multiple_of(4);
    let a = filled(padded(op.k) * padded(op.m), 0.1, device);
    let b = filled(padded(op.k) * padded(op.n), 0.2, device);
    let c = filled(op.m * op.ldc, 0.3, device);
    match op.epilogue {
        Epilogue::Bias => {
            let bias = filled(op.n, 0.4, device);
            let [c] = run(&kernel, &[a, b, bias], &[], [c]);
            vec![read(c)]
        }
        Epilogue::RowSums => {
            let sums = filled(op.m, 0.5, device);
            run(&kernel, &[a, b], &[], [c, sums]).map(read).to_vec()
        }
        Epilogue::None => {
            let inputs = if op.one_input {
                let most = padded(op.k) * padded(op.m).max(padded(op.n));
                vec![filled(most, 0.1, device)]
            } else {
                vec![a, b]
            };
            let [c] = run(&kernel, &inputs, &[], [c]);
            vec![read(c)]
        }
    }
}

/// Every adapter, with the size of its subgroups.
pub(super) fn opened() -> Vec<(ComputeDevice, Option<u32>)> {
    let opened = pollster::block_on(async {
        let mut opened = Vec::new();
        for adapter in adapters().await {
            let device = adapter.open_with_webgpu_defaults("test").await.unwrap();
            opened.push((device, adapter.subgroup_size));
        }
        opened
    });
    let renderer = |(device, _): &(ComputeDevice, _)| device.kind == Some(AdapterKind::Software);
    assert!(
        opened.iter().any(renderer),
        "no software renderer: run `cargo xtask test`"
    );
    opened
}

/// Every tile is right on every adapter that can run it, not only on the one that is given it: with
/// subgroups, without them, and as a GPU would.
#[test]
fn every_tile_equals_the_plain_product() {
    let opened = opened();
    let mut tiles = 0;
    // Whole tiles, parts of them, and rows, columns and steps that don't fill a vector.
    for (m, n, k) in [
        (4, 4, 4),
        (36, 100, 64),
        (64, 32, 68),
        (37, 7, 8),
        (5, 35, 7),
        (100, 68, 36),
    ] {
        let given = |gemm: &Gemm| gemm.sizes == Sizes::Given;
        for gemm in Gemm::variants().into_iter().filter(given) {
            let [m4, n4, k4] = [m, n, k].map(|size: usize| size.next_multiple_of(4));
            let (lda, ldb) = match gemm.layout {
                Layout::Nn => (k4, n4),
                Layout::Nt => (k4, k4),
                Layout::Tn => (m4, n4),
            };
            // What `Product::tile` asks of a tile that reads vectors.
            let whole = match (gemm.layout, gemm.epilogue) {
                (Layout::Nt, Epilogue::Bias) => k == k4 && n == n4,
                (Layout::Nt, _) => k == k4,
                (_, Epilogue::RowSums) => m == m4,
                _ => true,
            };
            if gemm.tile.vec4 && !whole {
                continue;
            }
            let op = Product {
                layout: gemm.layout,
                m,
                n,
                k,
                lda,
                ldb,
                ldc: n4,
                start: Start::default(),
                batch: Batch::ONE,
                alpha: 0.5,
                accumulate: gemm.epilogue != Epilogue::Bias,
                epilogue: gemm.epilogue,
                one_input: gemm.one_input,
                half: false,
                sizes: Sizes::Given,
            };
            let wanted = outputs(&op, gemm.tile, &Device::flex());
            for (device, lanes) in &opened {
                if !gemm.tile.runs_with(*lanes) {
                    continue;
                }
                tiles += 1;
                let got = outputs(&op, gemm.tile, &device.device);
                let label = format!("{gemm:?} {m}x{n}x{k} on {}", device.name);
                assert_eq!(device.failure(), None, "{label}");
                let padding = |i: usize| i % n4 >= n;
                let numbers = got.iter().zip(&wanted).flat_map(|(got, wanted)| {
                    let is_c = wanted.len() == m * n4;
                    let pairs = got.iter().zip(wanted).enumerate();
                    pairs.filter(move |(i, _)| !is_c || !padding(*i))
                });
                for (_, (got, wanted)) in numbers {
                    assert!(
                        (got - wanted).abs() < 2e-5 * (1.0 + wanted.abs()),
                        "{label}: {got}, {wanted}"
                    );
                }
            }
        }
    }
    assert!(tiles >= 60, "{tiles}");
}
const LENGTHS: [u32; 4] = [37, 1, 8, 68];
const HEADS: usize = 2;
const HEAD_DIM: usize = 8;

/// Attention's product of this kind over sequences of [`LENGTHS`], by one tile.
fn packed(gemm: &Gemm, device: &Device) -> Vec<f32> {
    let packing = Packing::new(&LENGTHS, device);
    let (hidden, longest) = (HEADS * HEAD_DIM, packing.longest);
    let stride = longest.next_multiple_of(4);
    let to_scores = gemm.sizes == Sizes::ToScores;
    // Queries or contexts, keys or values of a projection, and scores.
    let (a_width, b_start) = match (to_scores, gemm.one_input) {
        (true, true) => (3 * hidden, hidden),
        (true, false) => (hidden, 2 * hidden),
        (false, _) => (stride, 2 * hidden),
    };
    let op = Product {
        layout: gemm.layout,
        m: longest,
        n: if to_scores { longest } else { HEAD_DIM },
        k: if to_scores { HEAD_DIM } else { longest },
        lda: a_width,
        ldb: 3 * hidden,
        ldc: if to_scores { stride } else { hidden },
        start: Start {
            a: 0,
            b: b_start,
            c: 0,
        },
        batch: Batch {
            outer: packing.batch,
            inner: HEADS,
            a: [0, HEAD_DIM],
            b: [0, HEAD_DIM],
            c: [0, HEAD_DIM],
        },
        alpha: 0.5,
        accumulate: false,
        epilogue: gemm.epilogue,
        one_input: gemm.one_input,
        half: false,
        sizes: gemm.sizes,
    };
    let (scores, tokens) = (packing.scores(HEADS), packing.tokens);
    let (a, c) = if to_scores {
        (tokens * a_width, scores)
    } else {
        (scores, tokens * hidden)
    };
    let b = filled(tokens * 3 * hidden, 0.2, device);
    let inputs = match gemm.one_input {
        true => vec![b],
        false => vec![filled(a, 0.1, device), b],
    };
    let kernel = Forced {
        kernel: &op,
        launch: &|| op.launch_tile(gemm.tile),
    };
    let c = filled(c, 0.3, device);
    let [c] = run(&kernel, &inputs, &[packing.words()], [c]);
    let c = read(c);
    if !to_scores {
        return c;
    }
    // Behind a row of scores there may be anything.
    let rows = LENGTHS.iter().flat_map(|length| {
        let length = *length as usize;
        std::iter::repeat_n(length, HEADS * length)
    });
    let mut first = 0;
    rows.flat_map(|length| {
        let row = &c[first..first + length];
        first += length.next_multiple_of(4);
        row.to_vec()
    })
    .collect()
}

#[test]
fn every_tile_follows_the_lengths_of_sequences() {
    let opened = opened();
    let mut tiles = 0;
    let packs = |gemm: &Gemm| matches!(gemm.sizes, Sizes::ToScores | Sizes::FromScores);
    for gemm in Gemm::variants().into_iter().filter(packs) {
        let wanted = packed(&gemm, &Device::flex());
        for (device, lanes) in &opened {
            if !gemm.tile.runs_with(*lanes) {
                continue;
            }
            tiles += 1;
            let got = packed(&gemm, &device.device);
            let label = format!("{gemm:?} on {}", device.name);
            assert_eq!(device.failure(), None, "{label}");
            assert_eq!(got.len(), wanted.len(), "{label}");
            for (got, wanted) in got.iter().zip(&wanted) {
                assert!(
                    (got - wanted).abs() < 2e-5 * (1.0 + wanted.abs()),
                    "{label}: {got}, {wanted}"
                );
            }
        }
    }
    assert!(tiles >= 40, "{tiles}");
}
