//! Burn tensors as the plain buffers that kernels see.

use std::ops::Range;

use burn::backend::Flex;
use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// The CPU device's tensor primitive.
pub(crate) type CpuTensor = <Flex as burn::backend::BackendTypes>::FloatTensorPrimitive;

/// One contiguous tensor or a part of one, of floats or of 32-bit indices, on whichever device holds
/// it.
#[derive(Clone, Debug)]
pub(crate) enum Buffer {
    Gpu(Box<CubeTensor>),
    /// The tensor and the elements of it that are meant.
    Cpu(CpuTensor, Range<usize>),
}

impl Buffer {
    fn cpu(tensor: CpuTensor) -> Self {
        let count = tensor.layout().shape().iter().product();
        Self::Cpu(tensor, 0..count)
    }

    /// The part of `count` elements from `offset` on.
    pub(crate) fn part(&self, offset: usize, count: usize) -> Self {
        match self {
            Self::Gpu(tensor) => {
                let mut part = tensor.clone();
                let rest = tensor.meta.num_elements() - offset - count;
                part.handle = part
                    .handle
                    .offset_start(4 * offset as u64)
                    .offset_end(4 * rest as u64);
                *part.meta = Metadata::new([count], [1]);
                Self::Gpu(part)
            }
            Self::Cpu(tensor, range) => {
                let start = range.start + offset;
                Self::Cpu(tensor.clone(), start..start + count)
            }
        }
    }
}

/// The buffer of a float tensor.
///
/// # Panics
/// Where the tensor lives on neither of the two backends that this crate is built with, which no
/// device opened through this crate can bring about.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Buffer {
    match tensor.clone().try_into_primitive::<CubeBackend>() {
        Ok(tensor) => Buffer::Gpu(Box::new(tensor)),
        Err(_) => match tensor.try_into_primitive::<Flex>() {
            Ok(tensor) => Buffer::cpu(tensor),
            Err(error) => panic!("the kernels run on wgpu and on the CPU only: {error:?}"),
        },
    }
}

/// A float tensor again, with the shape that its buffer was made with: whole, not a part.
pub(crate) fn tensor<const D: usize>(buffer: Buffer) -> Tensor<D> {
    match buffer {
        Buffer::Gpu(tensor) => Tensor::from_primitive::<CubeBackend>(*tensor),
        Buffer::Cpu(tensor, _) => Tensor::from_primitive::<Flex>(tensor),
    }
}

/// Uploads indices (token ids, labels, lengths): `[values.len()]`, 32 bits on every device.
pub fn indices(values: &[u32], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.iter().map(|value| *value as i32).collect();
    let shape = [values.len()];
    Tensor::from_data(TensorData::new(values, shape), (device, DType::I32))
}

/// The buffer of an index tensor made by [`indices`].
pub(crate) fn ints(tensor: &Tensor<1, Int>) -> Buffer {
    match tensor.clone().try_into_primitive::<CubeBackend>() {
        Ok(tensor) => Buffer::Gpu(Box::new(tensor)),
        Err(_) => match tensor.clone().try_into_primitive::<Flex>() {
            Ok(tensor) => Buffer::cpu(tensor),
            Err(error) => panic!("the kernels run on wgpu and on the CPU only: {error:?}"),
        },
    }
}

/// A new buffer whose contents the kernel writes in full.
pub(crate) fn empty<const D: usize>(shape: [usize; D], device: &Device) -> Buffer {
    floats(Tensor::<D>::empty(shape, device))
}
