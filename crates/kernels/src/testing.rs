//! What tests of a kernel's variants share.
#![allow(clippy::unwrap_used, reason = "tests")]

use burn::tensor::{Device, Tensor, TensorData};

use crate::buffer::{Buffer, floats, tensor};
use crate::kernel::{Class, Kernel, Launch};

/// A kernel launched in one of its variants, whatever the adapter would be given.
pub(crate) struct Forced<'a> {
    pub(crate) kernel: &'a dyn Kernel,
    pub(crate) launch: &'a dyn Fn() -> Launch,
}

impl Kernel for Forced<'_> {
    fn launch(&self, _: Class) -> Launch {
        (self.launch)()
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        self.kernel.plain(floats, indices, outputs);
    }
}

/// `count` numbers: `value` of 1, 2, 3 and so on.
pub(crate) fn filled(count: usize, value: impl Fn(f32) -> f32, device: &Device) -> Buffer {
    let values: Vec<f32> = (0..count).map(|i| value(i as f32 + 1.0)).collect();
    floats(Tensor::<1>::from_data(
        TensorData::new(values, [count]),
        device,
    ))
}

/// The numbers in a buffer.
pub(crate) fn read(buffer: Buffer) -> Vec<f32> {
    let data = pollster::block_on(tensor::<1>(buffer).into_data_async()).unwrap();
    data.try_to_vec().unwrap()
}
