//! What runs along a sequence's tokens: rotary positions, means, windows.

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    Attention, Dropout, indices, mean_pool, mean_pool_backward, rope, windows, windows_backward,
};

use crate::support::{DROPOUT, compare, matrix, read, values};

/// `[batch * seq, cols]` with NaN where there is padding, which nothing may read.
fn padded(lengths: &[u32], seq: usize, cols: usize, pad_left: bool, device: &Device) -> Tensor<2> {
    let mut all = values(lengths.len() * seq * cols, 1);
    for (row, values) in all.chunks_mut(cols).enumerate() {
        let (length, place) = (lengths[row / seq] as usize, row % seq);
        let real = if pad_left {
            place >= seq - length
        } else {
            place < length
        };
        if !real {
            values.fill(f32::NAN);
        }
    }
    Tensor::from_data(TensorData::new(all, [lengths.len() * seq, cols]), device)
}

#[test]
fn means_over_tokens() {
    for (seq, cols, pad_left) in [
        (1, 4, false),
        (7, 36, false),
        (33, 64, true),
        (130, 132, true),
    ] {
        let lengths = [seq as u32, 1, usize::div_ceil(seq, 2) as u32];
        compare(
            &format!("mean_pool {seq}x{cols} left {pad_left}"),
            |device| {
                let x = padded(&lengths, seq, cols, pad_left, device);
                let on_device = indices(&lengths, device);
                let pooled = mean_pool(&x, &on_device, 3, seq, pad_left);
                let dy = matrix(3, cols, 2, device);
                let dx = mean_pool_backward(&dy, &on_device, 3, seq, pad_left);
                vec![read(pooled), read(dx)]
            },
        );
    }
}

#[test]
fn windows_of_a_convolution() {
    for (seq, cols, kernel, pad_left) in [
        (1, 1, 3, false),
        (5, 6, 3, false),
        (9, 8, 5, true),
        (65, 12, 3, true),
        (7, 4, 1, false),
        (3, 4, 7, false),
        (6, 5, 4, true),
    ] {
        let lengths = [seq as u32, 1, usize::div_ceil(seq, 2) as u32];
        compare(
            &format!("windows {seq}x{cols} of {kernel} left {pad_left}"),
            |device| {
                let x = padded(&lengths, seq, cols, pad_left, device);
                let on_device = indices(&lengths, device);
                let shown = windows(&x, kernel, &on_device, 3, seq, pad_left);
                let d = matrix(3 * seq, cols * kernel, 2, device);
                let dx = windows_backward(&d, kernel, &on_device, 3, seq, pad_left);
                vec![read(shown), read(dx)]
            },
        );
    }
}

#[test]
fn rotary_positions() {
    for (seq, heads, head_dim) in [(1, 1, 2), (5, 3, 6), (33, 2, 8), (130, 3, 24)] {
        compare(&format!("rope {seq} of {heads}x{head_dim}"), |device| {
            let shape = Attention {
                batch: 2,
                seq,
                heads,
                head_dim,
                pad_left: false,
                window: None,
                scale: 1.0,
                dropout: Dropout { p: 0.0, ..DROPOUT },
            };
            let qkv = matrix(2 * seq, 3 * heads * head_dim, 1, device);
            let table = matrix(seq, head_dim, 2, device);
            vec![
                read(rope(&shape, &qkv, &table, false)),
                read(rope(&shape, &qkv, &table, true)),
            ]
        });
    }
}
