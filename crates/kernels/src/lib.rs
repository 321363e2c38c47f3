//! The kernels of a training step: each op is a WGSL file and its plain twin, behind one function.
//!
//! On a wgpu device an op launches the text of `shaders/wgsl/<op>.wgsl`; on the CPU device (burn's
//! Flex) it runs the plain twin beside it here, over slices. The two check each other in tests, and
//! both draw the same dropout masks, so that a run sees the same noise on every device. Tensors are
//! burn tensors in row-major order, of `f32` or of halves ([`Precision`]), parameters and their gradients
//! [`Blocks`], to which an op adds in place.

mod activation;
mod adamw;
mod attention;
mod blocks;
mod buffer;
mod class;
mod cores;
mod device;
mod dropout;
mod embedding;
mod gemm;
mod half;
mod kernel;
mod layer_norm;
mod linear;
mod loss;
mod math;
mod matrix;
mod packing;
mod philox;
mod read;
mod reduce;
mod rope;
mod subgroups;
#[cfg(test)]
mod testing;
mod tiles;
mod tokens;

pub use activation::{activate, activate_backward, gated, gated_backward};
pub use adamw::{AdamWHyper, AdamWState, adamw, adamw_of};
pub use attention::{Attention, AttentionSaved, PositionBias, attention, attention_backward};
pub use blocks::{BlockLayout, Blocks, Slot, Update, View, zeros};
pub use buffer::{Precision, indices};
pub use device::{
    Adapter, AdapterKind, ComputeDevice, DeviceChoice, DeviceError, adapters, open_adapter,
    open_device,
};
pub use dropout::{Dropout, Noise, add, dropout};
pub use embedding::{EmbeddingTables, embedding, scatter_add};
pub use half::cast;
pub use kernel::dispatches;
pub use layer_norm::{
    LayerNormSaved, add_layer_norm, layer_norm, layer_norm_backward, layer_norm_backward_parameters,
};
pub use linear::{
    linear, linear_backward_input, linear_backward_input_new, linear_backward_parameters,
};
pub use loss::{ClassLoss, bce_with_logits, cross_entropy, mse};
pub use packing::Packing;
pub use read::{is_out_of_memory, read_back, read_backs};
pub use reduce::{GradientNorm, gradient_norm, scaled_gradient_norm};
pub use rope::rope;
pub use tiles::{TileTime, take_named, take_quickest, time_tiles};
pub use tokens::{Pooling, pool, pool_backward, windows, windows_backward};
pub use tunesmith_architecture::Activation;
