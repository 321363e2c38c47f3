//! A product in parts over k: the gradient of weights has as many results as there are weights, few tiles for a
//! GPU, and as many steps as the batch has tokens. The parts are computed beside each other and added in order.

use burn::tensor::Device;
use tunesmith_shaders::{ADD_PARTS, Epilogue, Layout, Sizes, Tile};

use super::{Product, WORKGROUPS};
use crate::blocks::{Blocks, Slot};
use crate::buffer::{Buffer, empty};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run_in_place, run_over};

/// A part has so many steps at least: below that, writing its results and adding them takes longer than it.
const LEAST: usize = 128;

/// Parts begin at multiples of so many steps, the most that any tile brings at a time.
const STEPS: usize = 32;

/// A product whose batch is its parts, by one tile.
pub(super) struct Parts {
    product: Product,
    tile: Tile,
}

impl Product {
    /// The steps of a part; nothing where there is only the whole.
    pub(super) fn part(&self) -> usize {
        match self.sizes {
            Sizes::Parts => self.batch.a[0] / self.lda,
            _ => 0,
        }
    }

    /// Its parts, where a device of this class has lanes to spare for them.
    pub(super) fn parts(&self, class: Class) -> Option<Parts> {
        let tile = self.tile(class);
        if !class.is_gpu() || !tile.is_staged() {
            return None;
        }
        let parts = (WORKGROUPS / tile.count(self.m, self.n)).min(self.k / LEAST);
        self.in_parts(parts, tile)
    }

    /// So many parts or fewer; `None` for one, and where C isn't added to, or isn't whole fours without gaps.
    pub(super) fn in_parts(&self, parts: usize, tile: Tile) -> Option<Parts> {
        let whole = self.m.is_multiple_of(4) && self.n.is_multiple_of(4) && self.ldc == self.n;
        let one = self.batch.outer * self.batch.inner == 1;
        let adds = self.accumulate && self.layout == Layout::Tn && self.epilogue != Epilogue::Bias;
        if parts < 2 || !(whole && one && adds && self.sizes == Sizes::Given) {
            return None;
        }
        let part = self.k.div_ceil(parts).next_multiple_of(STEPS);
        let mut product = Self {
            accumulate: false,
            sizes: Sizes::Parts,
            ..*self
        };
        product.batch.outer = self.k.div_ceil(part);
        product.batch.a[0] = part * self.lda;
        product.batch.b[0] = part * self.ldb;
        product.batch.c[0] = self.m * self.ldc;
        (product.batch.outer > 1).then_some(Parts { product, tile })
    }
}

impl Parts {
    /// Adds the product to C and, with [`Epilogue::RowSums`], to the sums in `blocks`.
    pub(super) fn run_in_place(
        &self,
        inputs: &[Buffer],
        device: &Device,
        blocks: &mut Blocks,
        slots: &[Slot],
    ) {
        let Product { m, n, batch, .. } = self.product;
        let mut parts = empty([batch.outer, m * n], device);
        let mut sums =
            (self.product.epilogue == Epilogue::RowSums).then(|| empty([batch.outer, m], device));
        match &mut sums {
            Some(sums) => run_over(self, inputs, &[], [&mut parts, sums]),
            None => run_over(self, inputs, &[], [&mut parts]),
        }
        let add = AddParts {
            parts: batch.outer,
            count: m * n,
            sums: sums.as_ref().map(|_| m),
        };
        let parts: Vec<_> = [parts].into_iter().chain(sums).collect();
        run_in_place(&add, &parts, &[], blocks, slots);
    }
}

impl Kernel for Parts {
    fn launch(&self, _: Class) -> Launch {
        self.product.launch_tile(self.tile)
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        self.product.plain(floats, indices, outputs);
    }
}

/// Adds parts `[parts, count]` to C and those of sums, where there are any, to the sums.
struct AddParts {
    parts: usize,
    count: usize,
    sums: Option<usize>,
}

impl Kernel for AddParts {
    fn launch(&self, _: Class) -> Launch {
        let (count, sums) = (self.count / 4, self.sums.unwrap_or(0) / 4);
        Launch {
            variant: Variant::shader(ADD_PARTS, &[("sums", self.sums.is_some())]),
            extent: Extent::Line(count + sums),
            params: Params::default().int(count).int(sums).int(self.parts),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        for (output, parts) in outputs.iter_mut().zip(floats) {
            let mut total = vec![0.0; output.len()];
            for part in parts.chunks(total.len()) {
                for (total, number) in total.iter_mut().zip(part) {
                    *total += number;
                }
            }
            for (number, total) in output.iter_mut().zip(total) {
                *number += total;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use burn::tensor::Device;
    use tunesmith_shaders::{Epilogue, Layout, Tile};

    use super::super::tests::{filled, opened};
    use super::STEPS;
    use crate::blocks::{BlockLayout, Blocks, Update};
    use crate::device::AdapterKind;
    use crate::gemm::Product;
    use crate::kernel::{Class, run_in_place};
    use crate::linear::product;
    use crate::testing::read;

    fn gradient(m: usize, n: usize, k: usize, epilogue: Epilogue) -> Product {
        Product {
            accumulate: true,
            epilogue,
            ..product(Layout::Tn, [m, n, k], [m, n, n])
        }
    }

    /// C and the sums, in so many parts or whole.
    fn gradients(op: &Product, parts: Option<(usize, Tile)>, device: &Device) -> Vec<Vec<f32>> {
        let sums = op.epilogue == Epilogue::RowSums;
        let (layout, slots) = BlockLayout::new(
            &[(op.m * op.n, Update::Decayed), (op.m, Update::Decayed)],
            None,
        );
        let mut blocks = Blocks::zeros(&layout, device);
        blocks.write(slots[0], &vec![0.25; op.m * op.n], device);
        blocks.write(slots[1], &vec![0.5; op.m], device);
        let used = if sums { &slots[..] } else { &slots[..1] };
        // What lies behind the last step isn't the product's.
        let steps = op.k + STEPS;
        let inputs = [
            filled(steps * op.m, 0.1, device),
            filled(steps * op.n, 0.2, device),
        ];
        match parts {
            Some((parts, tile)) => {
                let parts = op.in_parts(parts, tile).unwrap();
                parts.run_in_place(&inputs, device, &mut blocks, used);
            }
            None => run_in_place(op, &inputs, &[], &mut blocks, used),
        }
        let read_slot = |slot| read(crate::buffer::floats(blocks.tensor(slot)));
        slots.into_iter().map(read_slot).collect()
    }

    #[test]
    fn the_parts_of_a_product_add_up_to_it() {
        let opened = opened();
        let staged = Tile::CHOICE.into_iter().filter(Tile::is_staged);
        for (tile, (m, n, k, parts)) in staged.zip([
            (32, 32, 300, 3),
            (68, 36, 129, 9),
            (4, 100, 257, 2),
            (128, 64, 96, 2),
            (132, 68, 70, 2),
        ]) {
            for epilogue in [Epilogue::None, Epilogue::RowSums] {
                let op = gradient(m, n, k, epilogue);
                let cpu = Device::flex();
                let wanted = gradients(&op, None, &cpu);
                let devices = opened.iter().map(|(device, _)| &device.device);
                for device in [&cpu].into_iter().chain(devices) {
                    let got = gradients(&op, Some((parts, tile)), device);
                    let label = format!("{m}x{n}x{k} {epilogue:?} by {tile} on {device:?}");
                    for (got, wanted) in got.iter().zip(&wanted) {
                        assert_eq!(got.len(), wanted.len(), "{label}");
                        for (got, wanted) in got.iter().zip(wanted) {
                            let off = (got - wanted).abs();
                            assert!(
                                off < 5e-5 * (1.0 + wanted.abs()),
                                "{label}: {got}, {wanted}"
                            );
                        }
                    }
                }
                for (device, _) in &opened {
                    assert_eq!(device.failure(), None, "{}", device.name);
                }
            }
        }
    }

    #[test]
    fn a_gpu_takes_parts_where_there_are_few_tiles_and_many_tokens() {
        let class = |kind| Class {
            kind,
            subgroup: None,
            tiles: None,
        };
        let gpu = class(AdapterKind::Discrete);
        let parts = |m, n, k, class| {
            let op = gradient(m, n, k, Epilogue::RowSums);
            op.parts(class).map_or(1, |parts| parts.product.batch.outer)
        };
        // MiniLM's layer, 8 x 72 tokens: 144 tiles.
        assert_eq!(parts(384, 384, 576, gpu), 3);
        assert_eq!(parts(384, 384, 576, class(AdapterKind::Software)), 1);
        // Few tokens, and as many tiles as a GPU wants.
        assert_eq!(parts(384, 384, 200, gpu), 1);
        assert_eq!(parts(3072, 768, 16384, gpu), 1);
        // A classifier's.
        assert_eq!(parts(2, 384, 4096, gpu), 1);
    }
}
