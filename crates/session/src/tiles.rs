//! Which tiles a run's matrix products take. GPUs differ too much for one table, so on a GPU's first use the tiles
//! are timed, and what was quickest is kept in the cache folder by adapter and driver: later runs compute as this
//! one does. A software renderer takes minutes for that, and a browser has no place of the user's to keep it in;
//! there it is only done when asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tunesmith::data::{TokenizedDataset, default_cache_dir};
use tunesmith::kernels::{AdapterKind, ComputeDevice, take_named, take_quickest, time_tiles};
use tunesmith::model::ModelConfig;
use tunesmith::train::TrainError;
use tunesmith_platform::fs;
use tunesmith_protocol::{Event, TrainingArguments};

use crate::SessionError;
use crate::session::Shared;

/// The folder in the cache.
const FOLDER: &str = "tiles";

/// Chooses the tiles of a run that trains: for a layer of the model over a batch of mean length.
pub(crate) async fn choose_tiles(
    device: &ComputeDevice,
    args: &TrainingArguments,
    train: Option<&TokenizedDataset>,
    config: &ModelConfig,
    shared: &Shared,
) -> Result<(), SessionError> {
    let Some(train) = train.filter(|train| !train.is_empty()) else {
        take_quickest(device, &[]);
        return Ok(());
    };
    let tokens: usize = train.lengths().iter().map(|length| *length as usize).sum();
    let rows = args.per_device_train_batch_size * tokens.div_ceil(train.len());
    let layer = [rows, config.spec().hidden, config.spec().intermediate()];
    let cache = default_cache_dir()
        .ok()
        .filter(|_| cfg!(not(target_arch = "wasm32")));
    let folder = cache.map(|cache| cache.join(FOLDER));
    let told = |done: usize, total: usize| {
        shared.tell(Event::Progress {
            stage: "timing kernels".to_owned(),
            done: done as u64,
            total: total as u64,
        });
    };
    let layer = layer.map(|size| size.next_multiple_of(4));
    choose(device, layer, args.autotune, folder.as_deref(), told).await
}

/// Takes the tiles that were kept in the folder; where there are none, and where `again` asks for it, those that
/// are quickest now.
async fn choose(
    device: &ComputeDevice,
    layer: [usize; 3],
    again: bool,
    folder: Option<&Path>,
    told: impl FnMut(usize, usize),
) -> Result<(), SessionError> {
    let is_gpu = device
        .kind
        .is_some_and(|kind| kind != AdapterKind::Software);
    let file = folder
        .filter(|_| is_gpu)
        .map(|folder| folder.join(file_name(device)));
    if !again && file.is_none() {
        take_quickest(device, &[]);
        return Ok(());
    }
    let mut kept = Kept::read(file.as_deref(), device);
    let [rows, inner, out] = layer;
    // Batches of about as many tokens share an entry.
    let name = format!("{inner} to {out}, {} rows", rows.next_power_of_two());
    let known = kept.layers.get(&name).filter(|_| !again);
    if known.is_some_and(|tiles| take_named(device, tiles)) {
        return Ok(());
    }
    let times = time_tiles(device, layer, told).await;
    let tiles = take_quickest(device, &times.map_err(TrainError::Read)?);
    if let (Some(tiles), Some(file)) = (tiles, file) {
        kept.layers.insert(name, tiles);
        kept.write(&file);
    }
    Ok(())
}

/// What was quickest on an adapter with a driver.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    adapter: String,
    backend: String,
    driver: String,
    /// The tiles of each layout by the layer that they were timed for.
    layers: BTreeMap<String, [String; 3]>,
}

impl Kept {
    /// What a file holds, or nothing yet where it isn't there, is damaged, or is of another driver.
    fn read(file: Option<&Path>, device: &ComputeDevice) -> Self {
        let text = file.and_then(|file| fs::read_to_string(file).ok());
        let kept = text.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        let same = |kept: &Self| {
            (&kept.adapter, &kept.backend, &kept.driver)
                == (&device.name, &device.backend, &device.driver)
        };
        kept.filter(same).unwrap_or_else(|| Self {
            adapter: device.name.clone(),
            backend: device.backend.clone(),
            driver: device.driver.clone(),
            layers: BTreeMap::new(),
        })
    }

    /// Writes it; what can't be kept is timed again.
    fn write(&self, file: &Path) {
        let written = file.parent().map(fs::create_dir_all);
        if let (Some(Ok(())), Ok(text)) = (written, serde_json::to_string_pretty(self)) {
            let _ = fs::write(file, text);
        }
    }
}

/// Adapter and driver as a file's name.
fn file_name(device: &ComputeDevice) -> PathBuf {
    /// File systems allow 255 bytes.
    const MOST: usize = 200;
    let name = format!("{} {} {}", device.name, device.backend, device.driver);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(plain).take(MOST).collect();
    PathBuf::from(name + ".json")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::cell::Cell;

    use tunesmith::kernels::adapters;

    use super::*;

    const LAYER: [usize; 3] = [128, 192, 256];

    /// A software renderer, as one or as the GPU that it is not.
    fn renderer(kind: AdapterKind) -> ComputeDevice {
        pollster::block_on(async {
            let all = adapters().await;
            let mut adapter = all
                .into_iter()
                .find(|adapter| adapter.kind == AdapterKind::Software)
                .expect("no software renderer: run `cargo xtask test`");
            adapter.kind = kind;
            adapter.open("test").await.unwrap()
        })
    }

    /// How many timings there were.
    fn timings(device: &ComputeDevice, again: bool, folder: Option<&Path>) -> usize {
        let timed = Cell::new(0);
        let told = |done, _| timed.set(done);
        pollster::block_on(choose(device, LAYER, again, folder, told)).unwrap();
        timed.get()
    }

    #[test]
    fn a_gpu_is_timed_on_its_first_use_and_what_was_quickest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not there yet");
        let mut gpu = renderer(AdapterKind::Discrete);
        assert!(timings(&gpu, false, Some(&folder)) > 0);
        assert_eq!(timings(&gpu, false, Some(&folder)), 0);
        assert!(timings(&gpu, true, Some(&folder)) > 0);

        // A table whose tiles this build doesn't have, and a file that isn't one.
        let file = folder.join(file_name(&gpu));
        let text = std::fs::read_to_string(&file).unwrap();
        let kept: Kept = serde_json::from_str(&text).unwrap();
        let [name, ..] = kept.layers.into_values().next().unwrap();
        std::fs::write(&file, text.replace(&name, "7x7 a lane")).unwrap();
        assert!(timings(&gpu, false, Some(&folder)) > 0);
        std::fs::write(&file, "{").unwrap();
        assert!(timings(&gpu, false, Some(&folder)) > 0);
        assert_eq!(timings(&gpu, false, Some(&folder)), 0);

        gpu.driver += " the next version";
        assert!(timings(&gpu, false, Some(&folder)) > 0);
        // Without a place to keep it.
        assert_eq!(timings(&gpu, false, None), 0);
    }

    #[test]
    fn a_software_renderer_is_timed_only_where_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let software = renderer(AdapterKind::Software);
        assert_eq!(timings(&software, false, Some(folder.path())), 0);
        assert!(timings(&software, true, Some(folder.path())) > 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
