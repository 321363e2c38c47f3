//! Burn tensors as the plain buffers that kernels see.

use std::borrow::Cow;
use std::ops::Range;

use burn::backend::Flex;
use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::tensor::{DType, Device, Int, Shape, Tensor, TensorData, f16};

use crate::class::Class;
use crate::half::{floats_of, halves_of};

/// The CPU device's tensor primitive.
pub(crate) type CpuTensor = <Flex as burn::backend::BackendTypes>::FloatTensorPrimitive;

/// Bytes of a float or an index.
const WIDTH: u64 = 4;

/// How the numbers of a tensor are stored. Kernels compute in `f32`, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// As they are computed.
    #[default]
    F32,
    /// Rounded to IEEE 754 binary16.
    F16,
}

impl Precision {
    /// That of a tensor.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        match tensor.dtype() {
            DType::F16 => Self::F16,
            _ => Self::F32,
        }
    }
}

/// One contiguous tensor or a part of one, of floats, halves or 32-bit indices, on whichever device holds
/// it.
#[derive(Clone, Debug)]
pub(crate) enum Buffer {
    Gpu(Box<CubeTensor>),
    /// With the elements that are meant.
    Cpu(CpuTensor, Range<usize>),
}

impl Buffer {
    fn gpu(tensor: CubeTensor) -> Self {
        Self::Gpu(Box::new(tensor))
    }

    fn cpu(tensor: CpuTensor) -> Self {
        let count = tensor.layout().num_elements();
        Self::Cpu(tensor, 0..count)
    }

    /// Of the device that holds it; `None` for the CPU.
    pub(crate) fn class(&self) -> Option<Class> {
        match self {
            Self::Gpu(tensor) => Some(Class::beside(tensor)),
            Self::Cpu(..) => None,
        }
    }

    /// Room for its numbers as floats, where it lies on a GPU.
    pub(crate) fn unrounded(&self) -> Option<Self> {
        let Self::Gpu(tensor) = self else { return None };
        let count = self.count();
        Some(Self::gpu(CubeTensor::new_contiguous(
            tensor.client.clone(),
            tensor.device.clone(),
            Shape::new([count]),
            tensor.client.empty(count * WIDTH as usize),
            DType::F32,
        )))
    }

    /// Whether it holds halves.
    pub(crate) fn is_half(&self) -> bool {
        let dtype = match self {
            Self::Gpu(tensor) => tensor.dtype,
            Self::Cpu(tensor, _) => tensor.dtype(),
        };
        dtype == DType::F16
    }

    /// Elements.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Gpu(tensor) => tensor.meta.num_elements(),
            Self::Cpu(_, range) => range.len(),
        }
    }

    /// `count` elements from `offset` on. A part that a kernel is given starts at a multiple of 64.
    pub(crate) fn part(&self, offset: usize, count: usize) -> Self {
        match self {
            Self::Gpu(tensor) => {
                let rest = tensor.meta.num_elements() - offset - count;
                let handle = tensor.handle.clone();
                Self::gpu(CubeTensor::new_contiguous(
                    tensor.client.clone(),
                    tensor.device.clone(),
                    Shape::new([count]),
                    handle
                        .offset_start(WIDTH * offset as u64)
                        .offset_end(WIDTH * rest as u64),
                    tensor.dtype,
                ))
            }
            Self::Cpu(tensor, range) => {
                let start = range.start + offset;
                Self::Cpu(tensor.clone(), start..start + count)
            }
        }
    }

    /// The floats of a buffer on the CPU.
    ///
    /// # Panics
    /// Where it lies on a GPU: a bug in the calling op.
    pub(crate) fn floats(&self) -> &[f32] {
        match self {
            Self::Cpu(tensor, range) => &tensor.storage()[range.clone()],
            Self::Gpu(_) => panic!("a kernel was given tensors of two devices"),
        }
    }

    /// The numbers of a buffer on the CPU, halves as the floats that they are.
    ///
    /// # Panics
    /// As [`Buffer::floats`].
    pub(crate) fn numbers(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Cpu(tensor, range) if self.is_half() => {
                Cow::Owned(floats_of(&tensor.storage::<f16>()[range.clone()]))
            }
            _ => Cow::Borrowed(self.floats()),
        }
    }

    /// Writes numbers, rounded, to a buffer of halves on the CPU.
    ///
    /// # Panics
    /// As [`Buffer::floats`].
    pub(crate) fn round_from(&mut self, numbers: &[f32]) {
        match self {
            Self::Cpu(tensor, range) => {
                halves_of(numbers, &mut tensor.storage_mut()[range.clone()]);
            }
            Self::Gpu(_) => panic!("a kernel was given tensors of two devices"),
        }
    }

    /// Floats to be changed in place; copied first where something else holds the tensor too.
    ///
    /// # Panics
    /// As [`Buffer::floats`].
    pub(crate) fn floats_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Cpu(tensor, range) => &mut tensor.storage_mut()[range.clone()],
            Self::Gpu(_) => panic!("a kernel was given tensors of two devices"),
        }
    }

    /// The indices of a buffer on the CPU.
    ///
    /// # Panics
    /// As [`Buffer::floats`].
    pub(crate) fn indices(&self) -> &[i32] {
        match self {
            Self::Cpu(tensor, range) => &tensor.storage()[range.clone()],
            Self::Gpu(_) => panic!("a kernel was given tensors of two devices"),
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
        Ok(tensor) => Buffer::gpu(tensor),
        Err(_) => match tensor.try_into_primitive::<Flex>() {
            Ok(tensor) => Buffer::cpu(tensor),
            Err(error) => panic!("the kernels run on wgpu and on the CPU only: {error:?}"),
        },
    }
}

/// A float tensor again, with the shape that its buffer was made with. A part of a buffer on the CPU
/// is copied.
pub(crate) fn tensor<const D: usize>(buffer: Buffer) -> Tensor<D> {
    match buffer {
        Buffer::Gpu(tensor) => Tensor::from_primitive::<CubeBackend>(*tensor),
        Buffer::Cpu(tensor, range) if range.len() == tensor.layout().num_elements() => {
            Tensor::from_primitive::<Flex>(tensor)
        }
        part @ Buffer::Cpu(..) => {
            let data = TensorData::new(part.floats().to_vec(), [part.count()]);
            Tensor::from_data(data, &Device::flex())
        }
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
        Ok(tensor) => Buffer::gpu(tensor),
        Err(_) => match tensor.clone().try_into_primitive::<Flex>() {
            Ok(tensor) => Buffer::cpu(tensor),
            Err(error) => panic!("the kernels run on wgpu and on the CPU only: {error:?}"),
        },
    }
}

/// The same as [`empty`] for numbers stored in this precision, rows in whole fours: those that are not stay floats,
/// since kernels write halves by fours.
pub(crate) fn empty_in<const D: usize>(
    precision: Precision,
    shape: [usize; D],
    device: &Device,
) -> Buffer {
    let columns = shape[D - 1];
    if precision == Precision::F32 || columns == 0 || !columns.is_multiple_of(4) {
        return empty(shape, device);
    }
    let count: usize = shape.iter().product();
    if *device == Device::flex() {
        let data = TensorData::new(vec![f16::ZERO; count], shape);
        return floats(Tensor::<D>::from_data(data, (device, DType::F16)));
    }
    // Two to a float's place: burn has halves only on adapters that compute in them.
    match empty([count / 2], device) {
        Buffer::Gpu(words) => Buffer::gpu(CubeTensor::new_contiguous(
            words.client.clone(),
            words.device.clone(),
            Shape::new(shape),
            words.handle.clone(),
            DType::F16,
        )),
        buffer @ Buffer::Cpu(..) => buffer,
    }
}

/// A new buffer whose contents the kernel writes in full.
///
/// On the CPU it is made of a vector: burn makes an empty tensor of bytes and copies them to where floats
/// may lie, so that each tensor takes its size twice for a moment, and leaves a hole of that size.
pub(crate) fn empty<const D: usize>(shape: [usize; D], device: &Device) -> Buffer {
    if *device != Device::flex() {
        return floats(Tensor::<D>::empty(shape, device));
    }
    let zeros = vec![0.0_f32; shape.iter().product()];
    floats(Tensor::<D>::from_data(
        TensorData::new(zeros, shape),
        device,
    ))
}
