//! Parameters side by side in few large buffers, so that one dispatch updates very many of them.

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_shaders::{COPY, SCALE, ZERO};

use crate::buffer::{Buffer, empty, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run, run_in_place, run_over};
use crate::read::read_back;

/// A tensor in a block starts at a multiple of so many floats: 256 bytes, WebGPU's alignment of a
/// storage binding.
const ALIGNMENT: usize = 64;

/// A device's memory is had in pages as large as the largest tensor: larger blocks would leave more of
/// the last page empty than they save in dispatches.
const MOST_BYTES: u64 = 64 << 20;

/// Elements uploaded at a time, so that a large tensor takes no second place of its size.
const UPLOAD: usize = 1 << 20;

/// Where a tensor lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    /// Which block.
    pub block: usize,
    /// Its first element there.
    pub offset: usize,
    /// Its elements.
    pub count: usize,
}

impl Slot {
    /// `count` elements of it, from `offset` on.
    #[must_use]
    pub fn part(self, offset: usize, count: usize) -> Self {
        Self {
            offset: self.offset + offset,
            count,
            ..self
        }
    }
}

/// What a step does with a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It is trained, with weight decay.
    Decayed,
    /// It is trained without.
    Undecayed,
    /// Nothing.
    None,
}

/// The sizes of blocks, and which part of each decays. Those of tensors that aren't trained come last, so that the
/// layout of gradients and moments is the beginning of that of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLayout {
    blocks: Vec<Extents>,
    /// So many blocks from the first on are of tensors that are trained.
    trained: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Extents {
    count: usize,
    /// So many elements from the start on are subject to weight decay.
    decayed: usize,
}

impl BlockLayout {
    /// Lays tensors out by their element counts, those that decay first and those that aren't trained in blocks of
    /// their own: in one block where `max_bytes` is `None`, otherwise in blocks of that size or 64 MiB at most, unless
    /// a single tensor is larger. The slots come in the order of `tensors`.
    pub fn new(tensors: &[(usize, Update)], max_bytes: Option<u64>) -> (Self, Vec<Slot>) {
        let most = max_bytes.map_or(usize::MAX, |bytes| (bytes.min(MOST_BYTES) / 4) as usize);
        let mut blocks: Vec<Extents> = vec![Extents::default()];
        let mut slots = vec![None; tensors.len()];
        let mut trained = None;
        for kind in [Update::Decayed, Update::Undecayed, Update::None] {
            for (&(count, _), slot) in tensors
                .iter()
                .zip(&mut slots)
                .filter(|((_, update), _)| *update == kind)
            {
                let padded = count.next_multiple_of(ALIGNMENT);
                let last = blocks.len() - 1;
                let is_full = blocks[last].count > 0 && blocks[last].count + padded > most;
                let is_first_untrained = kind == Update::None && trained.is_none();
                if is_first_untrained {
                    trained = Some(blocks.len());
                }
                if is_full || is_first_untrained {
                    blocks.push(Extents::default());
                }
                let index = blocks.len() - 1;
                let block = &mut blocks[index];
                *slot = Some(Slot {
                    block: index,
                    offset: block.count,
                    count,
                });
                block.count += padded;
                if kind == Update::Decayed {
                    block.decayed = block.count;
                }
            }
        }
        // A buffer of nothing can't be bound.
        blocks[0].count = blocks[0].count.max(ALIGNMENT);
        let trained = trained.unwrap_or(blocks.len());
        let layout = Self { blocks, trained };
        (layout, slots.into_iter().flatten().collect())
    }

    /// The same without the tensors that aren't trained: of gradients, or of an optimizer's state.
    #[must_use]
    pub fn trained(&self) -> Self {
        Self {
            blocks: self.blocks[..self.trained].to_vec(),
            ..*self
        }
    }

    /// Whether the tensor at `slot` is trained.
    #[must_use]
    pub fn trains(&self, slot: Slot) -> bool {
        slot.block < self.trained
    }

    /// Elements of a block and how many of them, from its start on, decay.
    pub(crate) fn extents(&self, block: usize) -> (usize, usize) {
        let Extents { count, decayed } = self.blocks[block];
        (count, decayed)
    }
}

/// One set of blocks: the values of all parameters, or their gradients, or a moment. Several sets of
/// one layout agree in their slots.
#[derive(Debug)]
pub struct Blocks {
    pub(crate) layout: BlockLayout,
    pub(crate) buffers: Vec<Buffer>,
}

/// A parameter as an op reads it: flat, of any shape that its op gives it.
#[derive(Debug, Clone)]
pub struct View(pub(crate) Buffer);

impl View {
    /// Elements.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// As a tensor, flat, to be read to the host before it is written to.
    pub fn tensor(&self) -> Tensor<1> {
        tensor(self.0.clone())
    }
}

impl<const D: usize> From<&Tensor<D>> for View {
    fn from(tensor: &Tensor<D>) -> Self {
        Self(floats(tensor.clone()))
    }
}

impl Blocks {
    /// Blocks of zeros.
    pub fn zeros(layout: &BlockLayout, device: &Device) -> Self {
        let buffers = layout
            .blocks
            .iter()
            .map(|block| zero([block.count], device))
            .collect();
        Self {
            layout: layout.clone(),
            buffers,
        }
    }

    /// How the blocks are laid out.
    pub fn layout(&self) -> &BlockLayout {
        &self.layout
    }

    /// Whether there is room for the tensor at `slot`: gradients have none for one that isn't trained.
    pub fn has(&self, slot: Slot) -> bool {
        slot.block < self.buffers.len()
    }

    /// Makes the tensor at `slot` equal to the one at `other`'s slot `from`, on the device. Both are whole slots.
    pub fn copy(&mut self, slot: Slot, other: &Self, from: Slot) {
        let copy = Copy {
            count: slot.count,
            start: 0,
        };
        run_in_place(&copy, &[other.view(from).0], &[], self, &[slot]);
    }

    /// The tensor at `slot`, for an op to read. Drop it before the block is written to.
    pub fn view(&self, slot: Slot) -> View {
        View(self.buffers[slot.block].part(slot.offset, slot.count))
    }

    /// The tensor at `slot`, flat, `[count]`; to be read to the host before the block is written to
    /// again. An op takes a [`View`] of a whole slot instead: a part of one may start where a binding
    /// can't.
    pub fn tensor(&self, slot: Slot) -> Tensor<1> {
        tensor(self.view(slot).0)
    }

    /// Elements of all blocks together.
    pub fn count(&self) -> usize {
        self.buffers.iter().map(Buffer::count).sum()
    }

    /// Brings everything to the host, one block after the other, cut into pieces of these lengths, which are
    /// [`Self::count`] together. Devices that divide the same tensors into other blocks give the same.
    ///
    /// # Errors
    /// What the device said.
    pub async fn to_host(&self, lengths: &[usize]) -> Result<Vec<Vec<f32>>, String> {
        let mut pieces: Vec<Vec<f32>> = Vec::with_capacity(lengths.len());
        let mut lengths = lengths.iter().copied();
        let mut open = 0;
        for buffer in &self.buffers {
            // One at a time: the host has room for a block beside the pieces.
            let read;
            let mut values = match buffer {
                Buffer::Cpu(..) => buffer.floats(),
                Buffer::Gpu(_) => {
                    read = read_back(vec![tensor(buffer.clone())]).await?.concat();
                    &read
                }
            };
            while !values.is_empty() {
                if open == 0 {
                    let Some(length) = lengths.next() else { break };
                    pieces.push(Vec::with_capacity(length));
                    open = length;
                }
                let (now, rest) = values.split_at(values.len().min(open));
                if let Some(piece) = pieces.last_mut() {
                    piece.extend_from_slice(now);
                }
                open -= now.len();
                values = rest;
            }
        }
        pieces.extend(lengths.map(|_| Vec::new()));
        Ok(pieces)
    }

    /// Writes what [`Self::to_host`] gave, here or of blocks on another device, cut in any way.
    pub fn set_from_host<P: AsRef<[f32]>>(&mut self, pieces: impl IntoIterator<Item = P>) {
        let (mut block, mut offset) = (0, 0);
        for piece in pieces {
            let mut values = piece.as_ref();
            while !values.is_empty() && block < self.buffers.len() {
                let room = self.buffers[block].count() - offset;
                let (now, rest) = values.split_at(room.min(values.len()));
                match &mut self.buffers[block] {
                    buffer @ Buffer::Cpu(..) => {
                        buffer.floats_mut()[offset..offset + now.len()].copy_from_slice(now);
                    }
                    buffer @ Buffer::Gpu(_) => {
                        let device = tensor::<1>(buffer.clone()).device();
                        let count = now.len();
                        self.write(
                            Slot {
                                block,
                                offset,
                                count,
                            },
                            now,
                            &device,
                        );
                    }
                }
                values = rest;
                offset += now.len();
                if now.len() == room {
                    (block, offset) = (block + 1, 0);
                }
            }
        }
    }

    /// Multiplies everything by `factor`.
    pub fn scale(&mut self, factor: f32) {
        for buffer in &mut self.buffers {
            let count = buffer.count();
            run_over(&Scale { count, factor }, &[], &[], [buffer]);
        }
    }

    /// Writes `values`, as many as the slot has elements, to it.
    pub fn write(&mut self, slot: Slot, values: &[f32], device: &Device) {
        for (place, values) in values.chunks(UPLOAD).enumerate() {
            let count = values.len();
            let data = TensorData::new(values.to_vec(), [count]);
            let uploaded: Tensor<1> = Tensor::from_data(data, device);
            // A binding starts where ALIGNMENT allows, and the parts of a declaration anywhere.
            let part = slot.part(place * UPLOAD, count);
            let start = part.offset % ALIGNMENT;
            let bound = Slot {
                offset: part.offset - start,
                count: start + count,
                ..part
            };
            let copy = Copy { count, start };
            run_in_place(&copy, &[floats(uploaded)], &[], self, &[bound]);
        }
    }
}

/// A tensor of zeros. Every kernel on a GPU is ours: one of burn's would bring its compiler along.
pub fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    tensor(zero(shape, device))
}

fn zero<const D: usize>(shape: [usize; D], device: &Device) -> Buffer {
    let count = shape.iter().product();
    let [zeroed] = run(&Zero { count }, &[], &[], [empty(shape, device)]);
    zeroed
}

struct Zero {
    count: usize,
}

impl Kernel for Zero {
    fn launch(&self, _: Class) -> Launch {
        Launch {
            variant: Variant::shader(ZERO, &[]),
            extent: Extent::Line(self.count),
            params: Params::default().int(self.count),
        }
    }

    fn plain(&self, _: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        outputs[0].fill(0.0);
    }
}

struct Scale {
    count: usize,
    factor: f32,
}

impl Kernel for Scale {
    fn launch(&self, _: Class) -> Launch {
        Launch {
            variant: Variant::shader(SCALE, &[]),
            extent: Extent::Line(self.count),
            params: Params::default().int(self.count).float(self.factor),
        }
    }

    fn plain(&self, _: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        for value in outputs[0].iter_mut() {
            *value *= self.factor;
        }
    }
}

struct Copy {
    count: usize,
    /// The element of the output that the first one goes to.
    start: usize,
}

impl Kernel for Copy {
    fn launch(&self, _: Class) -> Launch {
        Launch {
            variant: Variant::shader(COPY, &[]),
            extent: Extent::Line(self.count),
            params: Params::default().int(self.count).int(self.start),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        outputs[0][self.start..].copy_from_slice(floats[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decays_comes_first_and_no_block_is_larger_than_a_binding() {
        let tensors = [
            (100, Update::Decayed),
            (3, Update::Undecayed),
            (64, Update::Decayed),
            (200, Update::Decayed),
            (65, Update::Undecayed),
        ];
        let (layout, slots) = BlockLayout::new(&tensors, None);
        let at = |block, offset, count| Slot {
            block,
            offset,
            count,
        };
        assert_eq!(
            slots,
            [
                at(0, 0, 100),
                at(0, 448, 3),
                at(0, 128, 64),
                at(0, 192, 200),
                at(0, 512, 65)
            ]
        );
        assert_eq!(layout.blocks.len(), 1);
        assert_eq!(layout.extents(0), (640, 448));

        let (layout, slots) = BlockLayout::new(&tensors, Some(4 * 256));
        assert_eq!(
            slots,
            [
                at(0, 0, 100),
                at(2, 0, 3),
                at(0, 128, 64),
                at(1, 0, 200),
                at(2, 64, 65)
            ]
        );
        assert_eq!(layout.extents(0), (192, 192));
        assert_eq!(layout.extents(2), (192, 0));
    }

    #[test]
    fn what_is_not_trained_has_blocks_of_its_own_at_the_end() {
        let tensors = [
            (100, Update::None),
            (3, Update::Undecayed),
            (64, Update::Decayed),
            (7, Update::None),
        ];
        for (most, blocks) in [(None, 2), (Some(2 * 256), 3)] {
            let (layout, slots) = BlockLayout::new(&tensors, most);
            assert_eq!(layout.blocks.len(), blocks);
            assert_eq!(layout.trained().blocks, layout.blocks[..1]);
            let trains = slots.iter().map(|slot| layout.trains(*slot));
            assert_eq!(trains.collect::<Vec<_>>(), [false, true, true, false]);
            assert_eq!(slots[2].offset, 0);
        }
        let (layout, _) = BlockLayout::new(&tensors[1..3], None);
        assert_eq!(layout.trained(), layout);
    }
}
