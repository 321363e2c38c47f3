//! A linear layer, `y = x W^T + b`, and its three gradients.

use burn::tensor::Tensor;
use tunesmith_shaders::Layout;

use crate::blocks::{Blocks, Slot, View};
use crate::buffer::{Precision, empty_in, floats, tensor};
use crate::gemm::{Batch, Epilogue, Product, Sizes, Start};

pub(crate) fn product(
    layout: Layout,
    [m, n, k]: [usize; 3],
    [lda, ldb, ldc]: [usize; 3],
) -> Product {
    Product {
        layout,
        m,
        n,
        k,
        lda,
        ldb,
        ldc,
        start: Start::default(),
        batch: Batch::ONE,
        alpha: 1.0,
        accumulate: false,
        epilogue: Epilogue::None,
        one_input: false,
        half: false,
        sizes: Sizes::Given,
    }
}

/// `x W^T (+ b)`: x `[rows, in]`, weight `[out, in]`, bias `[out]` give `[rows, out]`, stored as x is.
pub fn linear(x: &Tensor<2>, weight: &View, bias: Option<&View>) -> Tensor<2> {
    let [rows, inner] = x.dims();
    let out = weight.count() / inner;
    let epilogue = match bias {
        Some(_) => Epilogue::Bias,
        None => Epilogue::None,
    };
    let op = Product {
        epilogue,
        ..product(Layout::Nt, [rows, out, inner], [inner, inner, out])
    };
    let y = empty_in(Precision::of(x), [rows, out], &x.device());
    let inputs: Vec<_> = [floats(x.clone()), weight.0.clone()]
        .into_iter()
        .chain(bias.map(|bias| bias.0.clone()))
        .collect();
    tensor(op.run(&inputs, y))
}

/// Adds `dy W` to `dx`: dy `[rows, out]`, dx `[rows, in]`.
pub fn linear_backward_input(dy: &Tensor<2>, weight: &View, dx: Tensor<2>) -> Tensor<2> {
    let ([rows, out], [_, inner]) = (dy.dims(), dx.dims());
    let op = Product {
        accumulate: true,
        ..product(Layout::Nn, [rows, inner, out], [out, inner, inner])
    };
    tensor(op.run(&[floats(dy.clone()), weight.0.clone()], floats(dx)))
}

/// `dy W` where nothing is there to add to: `[rows, in]`, stored as `dy` is.
pub fn linear_backward_input_new(dy: &Tensor<2>, weight: &View) -> Tensor<2> {
    let [rows, out] = dy.dims();
    let inner = weight.count() / out;
    let op = product(Layout::Nn, [rows, inner, out], [out, inner, inner]);
    let dx = empty_in(Precision::of(dy), [rows, inner], &dy.device());
    tensor(op.run(&[floats(dy.clone()), weight.0.clone()], dx))
}

/// Adds `dy^T x` to the gradient at `weight`, `[out, in]`, and the column sums of `dy` `[rows, out]`
/// to that at `bias`, `[out]`, where there is one: one pass over `dy`. Nothing where `gradients` have no room for it.
pub fn linear_backward_parameters(
    dy: &Tensor<2>,
    x: &Tensor<2>,
    gradients: &mut Blocks,
    weight: Slot,
    bias: Option<Slot>,
) {
    if !gradients.has(weight) {
        return;
    }
    let ([rows, out], [_, inner]) = (dy.dims(), x.dims());
    let epilogue = match bias {
        Some(_) => Epilogue::RowSums,
        None => Epilogue::None,
    };
    let op = Product {
        accumulate: true,
        epilogue,
        ..product(Layout::Tn, [out, inner, rows], [out, inner, inner])
    };
    let inputs = [floats(dy.clone()), floats(x.clone())];
    let slots: Vec<_> = [weight].into_iter().chain(bias).collect();
    op.run_in_place(&inputs, &dy.device(), gradients, &slots);
}
