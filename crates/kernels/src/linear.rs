//! A linear layer, `y = x W^T + b`, and its three gradients.
//!
//! `every` reads one row of `x` in so many: 1 for all of them, the sequence length for the first
//! token of every sequence, which is all that the pooler looks at.

use burn::tensor::Tensor;
use tunesmith_shaders::Layout;

use crate::buffer::{empty, floats, tensor};
use crate::gemm::{Batch, Product};
use crate::reduce::column_sum;

fn product(layout: Layout, [m, n, k]: [usize; 3], [lda, ldb, ldc]: [usize; 3]) -> Product {
    Product {
        layout,
        m,
        n,
        k,
        lda,
        ldb,
        ldc,
        batch: Batch::ONE,
        alpha: 1.0,
        accumulate: true,
        bias: false,
    }
}

/// `x W^T + b`: x `[rows * every, in]`, weight `[out, in]`, bias `[out]` give `[rows, out]`.
pub fn linear(x: &Tensor<2>, every: usize, weight: &Tensor<2>, bias: &Tensor<1>) -> Tensor<2> {
    let [rows, inner] = x.dims();
    let [out, _] = weight.dims();
    let rows = rows / every;
    let op = Product {
        accumulate: false,
        bias: true,
        ..product(Layout::Nt, [rows, out, inner], [every * inner, inner, out])
    };
    let y = empty([rows, out], &x.device());
    tensor(op.run(
        floats(x.clone()),
        floats(weight.clone()),
        Some(floats(bias.clone())),
        y,
    ))
}

/// Adds `dy W` to every `every`-th row of `dx`: dy `[rows, out]`, dx `[rows * every, in]`.
pub fn linear_backward_input(
    dy: &Tensor<2>,
    weight: &Tensor<2>,
    every: usize,
    dx: Tensor<2>,
) -> Tensor<2> {
    let [rows, out] = dy.dims();
    let [_, inner] = weight.dims();
    let op = product(Layout::Nn, [rows, inner, out], [out, inner, every * inner]);
    tensor(op.run(floats(dy.clone()), floats(weight.clone()), None, floats(dx)))
}

/// `dy W` where nothing is there to add to: `[rows, in]`.
pub fn linear_backward_input_new(dy: &Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
    let [rows, out] = dy.dims();
    let [_, inner] = weight.dims();
    let op = Product {
        accumulate: false,
        ..product(Layout::Nn, [rows, inner, out], [out, inner, inner])
    };
    let dx = empty([rows, inner], &dy.device());
    tensor(op.run(floats(dy.clone()), floats(weight.clone()), None, dx))
}

/// Adds `dy^T x` to `dweight` `[out, in]`.
pub fn linear_backward_weight(
    dy: &Tensor<2>,
    x: &Tensor<2>,
    every: usize,
    dweight: Tensor<2>,
) -> Tensor<2> {
    let [rows, out] = dy.dims();
    let [_, inner] = x.dims();
    let op = product(Layout::Tn, [out, inner, rows], [out, every * inner, inner]);
    tensor(op.run(floats(dy.clone()), floats(x.clone()), None, floats(dweight)))
}

/// Adds the column sums of `dy` `[rows, out]` to `dbias` `[out]`.
pub fn linear_backward_bias(dy: &Tensor<2>, dbias: Tensor<1>) -> Tensor<1> {
    column_sum(dy, dbias)
}
