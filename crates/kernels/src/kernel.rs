//! One launch path for every kernel: the same call runs WGSL on a GPU and the plain twin on the CPU.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::backend::wgpu::CubeTensor;
use burn::tensor::DType;
use cubecl::ir::UIntKind;
use cubecl::ir::metadata::Info;
use cubecl::ir::settings::Dim3;
use cubecl::prelude::*;
use cubecl::server::{Handle, KernelArguments, MetadataBindingInfo};
use cubecl::{CubeKernel, PrecompiledSource};
use tunesmith_shaders::{Element, Fused, Gemm, Halves, Shader, Sharing};

use crate::blocks::{Blocks, Slot};
use crate::buffer::Buffer;
pub(crate) use crate::class::Class;
use crate::subgroups;

/// WebGPU's limit on workgroups in one dimension.
pub(crate) const MAX_WORKGROUPS: u32 = 65_535;

/// An op with its parameters: how to launch it, and the same thing in plain Rust.
pub(crate) trait Kernel {
    /// The WGSL variant for this kind of adapter, its extent and its parameters.
    fn launch(&self, class: Class) -> Launch;

    /// The plain twin, over the same buffers in the same order.
    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]);
}

/// Which text to run, how many invocations, and the uniform that follows the storage bindings.
pub(crate) struct Launch {
    pub(crate) variant: Variant,
    pub(crate) extent: Extent,
    pub(crate) params: Params,
}

/// How much there is to do.
pub(crate) enum Extent {
    /// So many invocations in a line; spread over y where x would exceed WebGPU's limit.
    Line(usize),
    /// So many rows: an invocation each or, in the variants with the flag `group`, a workgroup.
    Rows(usize),
    /// So many invocations along x, and workgroups along y and z.
    Grid(usize, usize, usize),
}

impl Extent {
    fn count(&self, variant: &Variant) -> CubeCount {
        let workgroup_size = variant.workgroup_size();
        match *self {
            Self::Line(invocations) => line((invocations as u32).div_ceil(workgroup_size)),
            Self::Rows(rows) if variant.is_grouped() => line(rows as u32),
            Self::Rows(rows) => line((rows as u32).div_ceil(workgroup_size)),
            Self::Grid(x, y, z) => {
                CubeCount::Static((x as u32).div_ceil(workgroup_size), y as u32, z as u32)
            }
        }
    }
}

fn line(groups: u32) -> CubeCount {
    let rows = groups.div_ceil(MAX_WORKGROUPS);
    CubeCount::Static(groups.div_ceil(rows), rows, 1)
}

/// Names one complete WGSL text; the key of the pipeline cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Variant {
    Shader {
        shader: &'static Shader,
        flags: Vec<&'static str>,
    },
    Gemm(Gemm),
    Fused(Fused),
}

impl Variant {
    pub(crate) fn shader(shader: &'static Shader, flags: &[(&'static str, bool)]) -> Self {
        let flags = flags
            .iter()
            .filter(|(_, set)| *set)
            .map(|(flag, _)| *flag)
            .collect();
        Self::Shader { shader, flags }
    }

    fn workgroup_size(&self) -> u32 {
        match self {
            Self::Shader { shader, flags } => shader.group_size(flags),
            Self::Gemm(gemm) => gemm.tile.workgroup_size,
            Self::Fused(_) => Fused::LANES,
        }
    }

    fn is_grouped(&self) -> bool {
        matches!(self, Self::Shader { flags, .. } if flags.contains(&"group"))
    }

    /// The storage bindings in order.
    fn bindings(&self) -> Vec<(&'static str, Element)> {
        match self {
            Self::Shader { shader, flags } => shader.bindings(flags),
            Self::Gemm(gemm) => gemm.bindings(),
            Self::Fused(fused) => fused.bindings(),
        }
    }

    fn complete(&self, halves: Halves) -> String {
        let text = match self {
            Self::Shader { shader, flags } => shader.complete(flags),
            Self::Gemm(gemm) if gemm.tile.sharing == Sharing::Subgroup => {
                format!("{}{}", subgroups::BEGINNING, gemm.complete())
            }
            Self::Gemm(gemm) => gemm.complete(),
            Self::Fused(fused) => fused.complete(),
        };
        halves.apply(text, &self.bindings())
    }
}

/// The words of a uniform struct of 32-bit members, padded to 16 bytes.
#[derive(Default)]
pub(crate) struct Params(Vec<u32>);

impl Params {
    pub(crate) fn int(mut self, value: usize) -> Self {
        self.0.push(value as u32);
        self
    }

    pub(crate) fn float(mut self, value: f32) -> Self {
        self.0.push(value.to_bits());
        self
    }

    fn words(mut self) -> Vec<u64> {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.0
            .chunks(2)
            .map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32)
            .collect()
    }
}

static DISPATCHES: AtomicU64 = AtomicU64::new(0);

/// How many kernels this process has dispatched so far, on any device; read it twice to count a step.
pub fn dispatches() -> u64 {
    DISPATCHES.load(Ordering::Relaxed)
}

/// Runs a kernel over its inputs and returns its outputs, written.
///
/// # Panics
/// Where the buffers lie on different devices: a bug in the calling op.
pub(crate) fn run<const N: usize>(
    kernel: &dyn Kernel,
    floats: &[Buffer],
    indices: &[Buffer],
    mut outputs: [Buffer; N],
) -> [Buffer; N] {
    run_over(kernel, floats, indices, outputs.each_mut());
    outputs
}

/// The same over outputs that stay where they are.
///
/// # Panics
/// As [`run`].
pub(crate) fn run_over<const N: usize>(
    kernel: &dyn Kernel,
    floats: &[Buffer],
    indices: &[Buffer],
    outputs: [&mut Buffer; N],
) {
    if matches!(outputs[0], Buffer::Gpu(_)) {
        let outputs: Vec<&Buffer> = outputs.into_iter().map(|buffer| &*buffer).collect();
        launch(kernel, floats.iter().chain(indices).chain(outputs));
    } else {
        // A twin computes in floats, and rounds what it has written where the kernel's stores do.
        let mut unrounded = outputs
            .each_ref()
            .map(|buffer| buffer.is_half().then(|| buffer.numbers().into_owned()));
        let mut slices: Vec<&mut [f32]> = Vec::with_capacity(N);
        let mut halves = Vec::new();
        for (buffer, unrounded) in outputs.into_iter().zip(&mut unrounded) {
            match unrounded {
                Some(numbers) => {
                    halves.push((slices.len(), buffer));
                    slices.push(numbers);
                }
                None => slices.push(buffer.floats_mut()),
            }
        }
        plain(kernel, floats, indices, &mut slices);
        for (place, buffer) in halves {
            buffer.round_from(slices[place]);
        }
    }
}

/// The same with the tensors at `slots`, which don't overlap, as outputs: they are changed in place.
///
/// # Panics
/// As [`run`].
pub(crate) fn run_in_place(
    kernel: &dyn Kernel,
    floats: &[Buffer],
    indices: &[Buffer],
    blocks: &mut Blocks,
    slots: &[Slot],
) {
    if matches!(blocks.buffers[0], Buffer::Gpu(_)) {
        let outputs: Vec<Buffer> = slots.iter().map(|slot| blocks.view(*slot).0).collect();
        launch(kernel, floats.iter().chain(indices).chain(&outputs));
    } else {
        let mut outputs = disjoint(&mut blocks.buffers, slots);
        plain(kernel, floats, indices, &mut outputs);
    }
}

// The slots' elements, in the order of the slots.
fn disjoint<'a>(buffers: &'a mut [Buffer], slots: &[Slot]) -> Vec<&'a mut [f32]> {
    let mut found: Vec<&mut [f32]> = slots.iter().map(|_| Default::default()).collect();
    for (block, buffer) in buffers.iter_mut().enumerate() {
        let mut wanted: Vec<(usize, &Slot)> = slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.block == block)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        wanted.sort_by_key(|(_, slot)| slot.offset);
        let mut rest = buffer.floats_mut();
        let mut start = 0;
        for (place, slot) in wanted {
            let (piece, after) = rest[slot.offset - start..].split_at_mut(slot.count);
            found[place] = piece;
            rest = after;
            start = slot.offset + slot.count;
        }
    }
    found
}

fn launch<'a>(kernel: &dyn Kernel, buffers: impl Iterator<Item = &'a Buffer>) {
    DISPATCHES.fetch_add(1, Ordering::Relaxed);
    let tensors: Vec<&CubeTensor> = buffers
        .map(|buffer| match buffer {
            Buffer::Gpu(tensor) => &**tensor,
            Buffer::Cpu(..) => panic!("a kernel was given tensors of two devices"),
        })
        .collect();
    debug_assert!(
        !overlap(&tensors),
        "a kernel was given the same memory twice, which WebGPU refuses: a bug in the calling op"
    );
    let halves = tensors
        .iter()
        .enumerate()
        .filter(|(_, tensor)| tensor.dtype == DType::F16);
    let halves = Halves(halves.map(|(number, _)| 1 << number).sum());
    let client = &tensors[0].client;
    let class = Class::beside(tensors[0]);
    let Launch {
        variant,
        extent,
        params,
    } = kernel.launch(class);
    let count = extent.count(&variant);
    let handles = tensors.iter().map(|tensor| tensor.handle.clone());
    let arguments = KernelArguments::new()
        .with_buffers(handles.map(Handle::binding).collect())
        .with_info(MetadataBindingInfo::custom(params.words()));
    client.launch(Box::new(WgslKernel(variant, halves)), count, arguments);
}

fn overlap(tensors: &[&CubeTensor]) -> bool {
    let range = |tensor: &CubeTensor| {
        let start = tensor.handle.offset_start.unwrap_or(0);
        let width = tensor.dtype.size() as u64;
        start..start + width * tensor.meta.num_elements() as u64
    };
    tensors.iter().enumerate().any(|(place, one)| {
        let one_range = range(one);
        tensors[place + 1..].iter().any(|other| {
            let range = range(other);
            one.handle.memory.descriptor() == other.handle.memory.descriptor()
                && one_range.start < range.end
                && range.start < one_range.end
        })
    })
}

fn plain(kernel: &dyn Kernel, floats: &[Buffer], indices: &[Buffer], outputs: &mut [&mut [f32]]) {
    DISPATCHES.fetch_add(1, Ordering::Relaxed);
    let floats: Vec<Cow<'_, [f32]>> = floats.iter().map(Buffer::numbers).collect();
    let floats: Vec<&[f32]> = floats.iter().map(|numbers| &**numbers).collect();
    let indices: Vec<&[i32]> = indices.iter().map(Buffer::indices).collect();
    kernel.plain(&floats, &indices, outputs);
}

/// A complete WGSL text as cubecl launches it, and which of its bindings hold halves.
#[derive(Debug)]
struct WgslKernel(Variant, Halves);

impl KernelMetadata for WgslKernel {
    fn id(&self) -> KernelId {
        // Our kernels guard their own indices, so naga need not bound their loops once more.
        KernelId::new::<Self>()
            .mode(ExecutionMode::Unchecked)
            .info((self.0.clone(), self.1))
    }

    fn address_type(&self) -> ElemType {
        UIntKind::U32.into()
    }
}

impl CubeKernel for WgslKernel {
    fn define(&self) -> KernelDefinition {
        let dim = Dim3 {
            x: self.0.workgroup_size(),
            y: 1,
            z: 1,
        };
        let settings = KernelSettings::new(dim, ExecutionMode::Unchecked, AddressType::U32);
        KernelDefinition {
            body: Scope::root(settings.clone()),
            settings,
            info: Info::default(),
        }
    }

    fn source(&self) -> Option<PrecompiledSource> {
        Some(PrecompiledSource {
            source: self.0.complete(self.1),
            entrypoint_name: "main".to_owned(),
            lang: "wgsl",
        })
    }
}
