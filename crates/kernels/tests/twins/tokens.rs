//! What runs along a sequence's tokens: rotary positions, what stands for a row, windows.

use tunesmith_kernels::{
    Attention, Dropout, Packing, Pooling, pool, pool_backward, rope, windows, windows_backward,
};

use crate::support::{compare_in_each, lengths, matrix, matrix_in, read};

#[test]
fn what_stands_for_a_row() {
    for (longest, cols) in [(1, 4), (7, 36), (33, 64), (130, 132)] {
        for pooling in [Pooling::First, Pooling::Mean] {
            compare_in_each(
                &format!("{pooling:?} of {longest}x{cols}"),
                |precision, device| {
                    let packing = Packing::new(&lengths(longest), device);
                    let x = matrix_in(precision, [packing.tokens, cols], 1, device);
                    let pooled = pool(&x, &packing, pooling);
                    let dy = matrix(3, cols, 2, device);
                    let dx = pool_backward(&dy, &packing, pooling);
                    vec![read(pooled), read(dx)]
                },
            );
        }
    }
}

#[test]
fn windows_of_a_convolution() {
    for (longest, cols, kernel) in [
        (1, 1, 3),
        (5, 6, 3),
        (9, 8, 5),
        (65, 12, 3),
        (7, 4, 1),
        (3, 4, 7),
        (6, 5, 4),
    ] {
        compare_in_each(
            &format!("windows {longest}x{cols} of {kernel}"),
            |precision, device| {
                let padding = [longest as u32 / 3, 0, 0];
                let packing = Packing::with_padding(&lengths(longest), &padding, device);
                let x = matrix_in(precision, [packing.tokens, cols], 1, device);
                let shown = windows(&x, kernel, &packing);
                let d = matrix(packing.tokens, cols * kernel, 2, device);
                let dx = windows_backward(&d, kernel, &packing);
                vec![read(shown), read(dx)]
            },
        );
    }
}

#[test]
fn rotary_positions() {
    for (longest, heads, head_dim) in [(1, 1, 2), (5, 3, 6), (33, 2, 8), (130, 3, 24)] {
        compare_in_each(
            &format!("rope {longest} of {heads}x{head_dim}"),
            |precision, device| {
                let shape = Attention {
                    heads,
                    head_dim,
                    window: None,
                    scale: 1.0,
                    dropout: Dropout::NONE,
                };
                let packing = Packing::new(&lengths(longest), device);
                let qkv = matrix_in(precision, [packing.tokens, 3 * heads * head_dim], 1, device);
                let table = matrix(longest, head_dim, 2, device);
                let turned = [false, true].map(|back| rope(&shape, &qkv, &packing, &table, back));
                turned.map(read).to_vec()
            },
        );
    }
}
