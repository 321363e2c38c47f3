//! The tiles of the matrix product, timed on the device at hand. The choice in `gemm` was made from such
//! tables; a run that would rather measure than look up asks for one of its own.

use burn::tensor::{Device, Tensor};
use tunesmith_platform::now;
use tunesmith_shaders::{Layout, Tile};

use crate::blocks::{BlockLayout, Blocks, Slot, Update, View, zeros};
use crate::buffer::{floats, tensor};
use crate::class::{Class, Tiles};
use crate::device::ComputeDevice;
use crate::gemm::WORTH_CHOOSING;
use crate::linear::{linear, linear_backward_input_new, linear_backward_parameters};
use crate::read::read_back;

/// A timing lasts so many seconds at least, or [`MOST_LAUNCHES`], so that waiting for the device counts
/// little.
const LONG_ENOUGH: f64 = 0.02;

const MOST_LAUNCHES: usize = 256;

/// Timings of which the quickest counts: what else the machine does only ever adds to one.
const ROUNDS: usize = 3;

/// What a tile takes for one layout's product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileTime {
    /// The tile.
    pub tile: Tile,
    /// The layout: a linear layer forward, or one of its two backward passes.
    pub layout: Layout,
    /// Seconds from the first launch to its end, with its compiling.
    pub first: f64,
    /// Seconds of a launch after that.
    pub seconds: f64,
}

/// Times every tile that a device can run, for the products of a linear layer over `rows` rows from
/// `inner` to `out` features (multiples of 4), forward and backward. Calls `told` after each with how many
/// are done, and of how many. The device goes on with the tiles that it had. Nothing is timed on the CPU,
/// nor for products so small that any tile will do.
///
/// # Errors
/// What the device said.
pub async fn time_tiles(
    device: &ComputeDevice,
    [rows, inner, out]: [usize; 3],
    mut told: impl FnMut(usize, usize),
) -> Result<Vec<TileTime>, String> {
    let Some(class) = Class::of(&device.device) else {
        return Ok(Vec::new());
    };
    if rows * inner * out < WORTH_CHOOSING {
        return Ok(Vec::new());
    }
    let tiles: Vec<Tile> = Tile::CHOICE
        .into_iter()
        .filter(|tile| tile.runs_with(class.subgroup) && (!class.is_gpu() || tile.suits_gpus()))
        // The three layouts' products.
        .filter(|tile| tile.suits(rows, out) && tile.suits(rows, inner) && tile.suits(out, inner))
        .collect();
    let mut layer = Layer::new(rows, inner, out, &device.device);
    let timed = time_each(device, &tiles, &mut layer, &mut told).await;
    Class::choose(&device.device, class.tiles);
    match device.failure() {
        Some(message) => Err(message),
        None => timed,
    }
}

async fn time_each(
    device: &ComputeDevice,
    tiles: &[Tile],
    layer: &mut Layer,
    told: &mut impl FnMut(usize, usize),
) -> Result<Vec<TileTime>, String> {
    let mut times = Vec::new();
    let total = tiles.len() * Layout::ALL.len();
    for &tile in tiles {
        Class::choose(&device.device, Some([tile; 3]));
        for layout in Layout::ALL {
            let (first, seconds) = layer.time(layout).await?;
            times.push(TileTime {
                tile,
                layout,
                first,
                seconds,
            });
            told(times.len(), total);
        }
    }
    Ok(times)
}

/// From now on the device's large products take each layout's quickest tile of `times`; where there are
/// none, the one of the table. Gives the tiles' names, in the layouts' order.
pub fn take_quickest(device: &ComputeDevice, times: &[TileTime]) -> Option<[String; 3]> {
    let quickest = |layout: Layout| {
        let of_layout = times.iter().filter(|time| time.layout == layout);
        of_layout
            .min_by(|a, b| a.seconds.total_cmp(&b.seconds))
            .map(|time| time.tile)
    };
    let tiles = each(Layout::ALL.map(quickest));
    Class::choose(&device.device, tiles);
    tiles.map(|tiles| tiles.map(|tile| tile.to_string()))
}

/// The same with the tiles of these names, as [`take_quickest`] gave them; `false`, and nothing is chosen, where
/// there is no such tile, or the device can't run it.
pub fn take_named(device: &ComputeDevice, names: &[String; 3]) -> bool {
    let Some(class) = Class::of(&device.device) else {
        return false;
    };
    let named = |name: &String| {
        Tile::CHOICE
            .into_iter()
            .find(|tile| tile.runs_with(class.subgroup) && tile.to_string() == *name)
    };
    let tiles = each(names.each_ref().map(named));
    if tiles.is_some() {
        Class::choose(&device.device, tiles);
    }
    tiles.is_some()
}

fn each([nn, nt, tn]: [Option<Tile>; 3]) -> Option<Tiles> {
    Some([nn?, nt?, tn?])
}

/// A linear layer with what goes in on both sides.
struct Layer {
    x: Tensor<2>,
    dy: Tensor<2>,
    weight: View,
    bias: View,
    gradients: Blocks,
    slots: Vec<Slot>,
}

impl Layer {
    fn new(rows: usize, inner: usize, out: usize, device: &Device) -> Self {
        let (layout, slots) = BlockLayout::new(
            &[(out * inner, Update::Decayed), (out, Update::Undecayed)],
            None,
        );
        Self {
            x: zeros([rows, inner], device),
            dy: zeros([rows, out], device),
            weight: View::from(&zeros([out, inner], device)),
            bias: View::from(&zeros([out], device)),
            gradients: Blocks::zeros(&layout, device),
            slots,
        }
    }

    /// One product of this layout, and a few numbers that are there when it is done.
    fn launch(&mut self, layout: Layout) -> Tensor<1> {
        let few = |y: Tensor<2>| tensor(floats(y).part(0, 4));
        match layout {
            Layout::Nt => few(linear(&self.x, &self.weight, Some(&self.bias))),
            Layout::Nn => few(linear_backward_input_new(&self.dy, &self.weight)),
            Layout::Tn => {
                let [weight, bias] = [self.slots[0], self.slots[1]];
                linear_backward_parameters(
                    &self.dy,
                    &self.x,
                    &mut self.gradients,
                    weight,
                    Some(bias),
                );
                self.gradients.tensor(bias.part(0, 4))
            }
        }
    }

    async fn seconds(&mut self, layout: Layout, launches: usize) -> Result<f64, String> {
        let start = now();
        let mut last = Vec::new();
        for _ in 0..launches {
            last = vec![self.launch(layout)];
        }
        read_back(last).await?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Seconds of the first launch and of one after that.
    async fn time(&mut self, layout: Layout) -> Result<(f64, f64), String> {
        let first = self.seconds(layout, 1).await?;
        let mut launches = 1;
        let mut quickest = self.seconds(layout, launches).await?;
        while quickest < LONG_ENOUGH && launches < MOST_LAUNCHES {
            launches *= 4;
            quickest = self.seconds(layout, launches).await?;
        }
        for _ in 1..ROUNDS {
            quickest = quickest.min(self.seconds(layout, launches).await?);
        }
        Ok((first, quickest / launches as f64))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::device::{AdapterKind, adapters};

    /// Every tile was tried, the quickest is taken, and a product is what it was.
    #[test]
    fn the_quickest_tile_is_taken_and_computes_the_same() {
        pollster::block_on(async {
            let mut renderers = 0;
            for adapter in adapters().await {
                if adapter.kind != AdapterKind::Software {
                    continue;
                }
                renderers += 1;
                let device = adapter.open_with_webgpu_defaults("test").await.unwrap();
                let mut told = Vec::new();
                let shape = [128, 192, 256];
                let times = time_tiles(&device, shape, |done, of| told.push((done, of)));
                let times = times.await.unwrap();
                let runs = |tile: &&Tile| tile.runs_with(adapter.subgroup_size);
                let tiles = Tile::CHOICE.iter().filter(runs).count();
                assert_eq!(times.len(), 3 * tiles, "{times:?}");
                assert_eq!(told.last(), Some(&(times.len(), times.len())));
                assert!(times.iter().all(|time| time.seconds > 0.0), "{times:?}");
                assert_eq!(Class::of(&device.device).unwrap().tiles, None);

                // The gradient of a weight, all of whose addends are 1.
                let gradient = || {
                    let mut layer = Layer::new(shape[0], shape[1], shape[2], &device.device);
                    layer.x = Tensor::ones([shape[0], shape[1]], &device.device);
                    layer.dy = Tensor::ones([shape[0], shape[2]], &device.device);
                    layer.launch(Layout::Tn);
                    let few = layer.gradients.tensor(layer.slots[0].part(0, 4));
                    pollster::block_on(read_back(vec![few])).unwrap()
                };
                assert_eq!(gradient(), [[128.0; 4]]);
                // Times made up so that another tile is the quickest.
                let mut made_up = times.clone();
                for time in &mut made_up {
                    time.seconds = if time.tile == Tile::LARGE { 1.0 } else { 2.0 };
                }
                let names = take_quickest(&device, &made_up).unwrap();
                let chosen = || Class::of(&device.device).unwrap().tiles;
                assert_eq!(chosen(), Some([Tile::LARGE; 3]));
                assert_eq!(gradient(), [[128.0; 4]]);
                assert_eq!(take_quickest(&device, &[]), None);
                assert_eq!(chosen(), None);
                // By the names that were kept.
                assert!(take_named(&device, &names));
                assert_eq!(chosen(), Some([Tile::LARGE; 3]));
                take_quickest(&device, &[]);
                let [name, ..] = names;
                assert!(!take_named(
                    &device,
                    &[name.clone(), name, "7x7 a lane".to_owned()]
                ));
                assert_eq!(chosen(), None);
            }
            assert!(
                renderers > 0,
                "no software renderer: run `cargo xtask test`"
            );
        });
    }

    #[test]
    fn nothing_is_timed_where_there_is_nothing_to_choose() {
        let cpu = ComputeDevice::cpu("test");
        let times = pollster::block_on(time_tiles(&cpu, [128, 192, 256], |_, _| {}));
        assert_eq!(times.unwrap(), []);
        let name = || Tile::SMALL.to_string();
        assert!(!take_named(&cpu, &[name(), name(), name()]));
    }

    #[test]
    fn the_tiles_have_names_of_their_own() {
        let names: std::collections::BTreeSet<String> =
            Tile::CHOICE.iter().map(Tile::to_string).collect();
        assert_eq!(names.len(), Tile::CHOICE.len(), "{names:?}");
    }
}
