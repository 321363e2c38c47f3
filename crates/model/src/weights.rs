//! `model.safetensors`: read one tensor at a time, written by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tunesmith_kernels::ComputeDevice;

use crate::parameter::{Declaration, Fresh, Part};
use crate::random::normal;
use crate::{BertConfig, ModelError, Parameters};

/// What loading found and did, in transformers' terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Weights that the checkpoint lacks and that were drawn anew.
    pub newly_initialized: Vec<String>,
    /// Weights of the checkpoint that this model has no place for.
    pub unused: Vec<String>,
}

/// An open checkpoint: its path and its tensors by the names that they have there.
pub(crate) struct Checkpoint<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    /// The layer whose weights are passed over.
    without: Option<&'static str>,
}

/// Opens a safetensors file by memory mapping and hands it to `read`.
pub(crate) fn open<T>(
    path: &Path,
    read: impl FnOnce(Checkpoint<'_>) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    let io = |source| ModelError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the file is only read; a program that changes it meanwhile can garble weights but not
    // this process's memory, as with every mapped checkpoint.
    let bytes = unsafe { Mmap::map(&file) }.map_err(io)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| ModelError::Corrupt {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    read(Checkpoint {
        path,
        tensors,
        without: None,
    })
}

/// Shape and values of tensors by name.
pub type NamedTensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Every tensor of a safetensors file as `f32` with its shape, by name.
///
/// # Errors
/// Names the file and the tensor.
pub fn read_tensors(path: &Path) -> Result<NamedTensors, ModelError> {
    open(path, |file| {
        let names = file.tensors.names();
        names
            .into_iter()
            .map(|name| {
                let view = file.view(name)?;
                let values = to_f32(&view).ok_or_else(|| file.dtype_error(name, &view))?;
                Ok((name.to_owned(), (view.shape().to_vec(), values)))
            })
            .collect()
    })
}

/// Writes named `f32` tensors, flat with their shapes, as one safetensors file.
///
/// # Errors
/// Names the file that could not be written.
pub async fn write_tensors<'a>(
    path: &Path,
    tensors: impl Iterator<Item = (&'a str, &'a [usize], Tensor<1>)>,
) -> Result<(), ModelError> {
    let failed = |message: String| ModelError::Io {
        path: path.to_owned(),
        source: std::io::Error::other(message),
    };
    let mut held: Vec<(&str, &[usize], Vec<u8>)> = Vec::new();
    for (name, shape, value) in tensors {
        let data = value
            .into_data_async()
            .await
            .map_err(|error| failed(format!("{error:?}")))?;
        held.push((name, shape, data.bytes().to_vec()));
    }
    let mut views = Vec::with_capacity(held.len());
    for (name, shape, bytes) in &held {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes)
            .map_err(|error| failed(error.to_string()))?;
        views.push((*name, view));
    }
    // transformers refuses a file that doesn't say which framework's layout it has.
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    let bytes =
        safetensors::serialize(views, Some(metadata)).map_err(|error| failed(error.to_string()))?;
    std::fs::write(path, bytes).map_err(|source| ModelError::Io {
        path: path.to_owned(),
        source,
    })
}

impl<'a> Checkpoint<'a> {
    /// The checkpoint as if it lacked the weights of a layer.
    pub(crate) fn without(self, layer: &'static str) -> Self {
        Self {
            without: Some(layer),
            ..self
        }
    }

    fn has(&self, name: &str) -> bool {
        !self.passes_over(name) && self.tensors.tensor(name).is_ok()
    }

    fn passes_over(&self, name: &str) -> bool {
        self.without.is_some_and(|layer| name.starts_with(layer))
    }

    fn view(&self, name: &str) -> Result<TensorView<'a>, ModelError> {
        self.tensors
            .tensor(name)
            .map_err(|error| ModelError::Corrupt {
                path: self.path.to_owned(),
                message: error.to_string(),
            })
    }

    fn dtype_error(&self, name: &str, view: &TensorView<'_>) -> ModelError {
        ModelError::Dtype {
            path: self.path.to_owned(),
            name: name.to_owned(),
            dtype: format!("{:?}", view.dtype()),
        }
    }

    // The names under which older checkpoints and bare encoders keep a weight.
    fn find(&self, name: &str) -> Option<String> {
        let bare = name.strip_prefix("bert.").unwrap_or(name);
        let old = |name: &str| {
            name.replace("LayerNorm.weight", "LayerNorm.gamma")
                .replace("LayerNorm.bias", "LayerNorm.beta")
        };
        let spellings = [name.to_owned(), bare.to_owned(), old(name), old(bare)];
        spellings.into_iter().find(|spelling| self.has(spelling))
    }
}

fn to_f32(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => {
            let chunks = bytes.chunks_exact(4);
            Some(
                chunks
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
            )
        }
        Dtype::F16 => {
            let chunks = bytes.chunks_exact(2);
            Some(
                chunks
                    .map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32())
                    .collect(),
            )
        }
        Dtype::BF16 => {
            let chunks = bytes.chunks_exact(2);
            Some(
                chunks
                    .map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32())
                    .collect(),
            )
        }
        _ => None,
    }
}

/// Where parameters come from: a checkpoint, or the seed for what it lacks.
pub(crate) struct Source<'a> {
    initializer_range: f32,
    seed: u64,
    checkpoint: Option<Checkpoint<'a>>,
    newly_initialized: Vec<String>,
    used: BTreeSet<String>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(config: &BertConfig, seed: u64, checkpoint: Option<Checkpoint<'a>>) -> Self {
        Self {
            initializer_range: config.initializer_range,
            seed,
            checkpoint,
            newly_initialized: Vec::new(),
            used: BTreeSet::new(),
        }
    }

    /// Whether the device can hold every tensor in one binding, before anything is put there.
    pub(crate) fn check(
        &self,
        declarations: &[Declaration],
        device: &ComputeDevice,
    ) -> Result<(), ModelError> {
        const MB: u64 = 1_000_000;
        let Some(limit) = device.max_binding_bytes else {
            return Ok(());
        };
        for declaration in declarations {
            let count: usize = declaration.parts.iter().map(Part::count).sum();
            let needed = 4 * count as u64;
            if needed > limit {
                return Err(ModelError::TooLarge {
                    device: device.name.clone(),
                    limit: limit / MB,
                    name: declaration.parts[0].name.clone(),
                    needed: needed / MB,
                    short: (needed - limit).div_ceil(MB),
                });
            }
        }
        Ok(())
    }

    /// Puts every parameter's values in their place, one tensor at a time.
    pub(crate) fn fill(
        &mut self,
        declarations: &[Declaration],
        parameters: &mut Parameters,
    ) -> Result<(), ModelError> {
        let places: Vec<_> = parameters.iter().cloned().collect();
        let parts = declarations
            .iter()
            .flat_map(|declaration| &declaration.parts);
        for (part, place) in parts.zip(&places) {
            parameters.set(place, &self.values(part)?);
        }
        Ok(())
    }

    /// What was drawn and what was left; an error where the encoder itself is not there.
    pub(crate) fn report(self) -> Result<LoadReport, ModelError> {
        let Some(checkpoint) = self.checkpoint else {
            return Ok(LoadReport::default());
        };
        let mut missing = self
            .newly_initialized
            .iter()
            .filter(|name| name.contains("embeddings") || name.contains("encoder"));
        if let Some(first) = missing.next() {
            return Err(ModelError::Missing {
                path: checkpoint.path.to_owned(),
                count: 1 + missing.count(),
                first: first.clone(),
            });
        }
        let unused = checkpoint
            .tensors
            .names()
            .into_iter()
            // A buffer of older versions that holds 0, 1, 2, …; transformers ignores it too.
            .filter(|name| !self.used.contains(*name) && !name.ends_with("position_ids"))
            .filter(|name| !checkpoint.passes_over(name))
            .map(str::to_owned)
            .collect::<BTreeSet<_>>();
        Ok(LoadReport {
            newly_initialized: self.newly_initialized,
            unused: unused.into_iter().collect(),
        })
    }

    // From the checkpoint; else what a new one holds.
    fn values(&mut self, part: &Part) -> Result<Vec<f32>, ModelError> {
        let found = self
            .checkpoint
            .as_ref()
            .and_then(|checkpoint| checkpoint.find(&part.name));
        if let (Some(checkpoint), Some(stored)) = (&self.checkpoint, found) {
            let view = checkpoint.view(&stored)?;
            if view.shape() != part.shape {
                return Err(ModelError::Shape {
                    path: PathBuf::from(checkpoint.path),
                    name: stored,
                    found: view.shape().to_vec(),
                    expected: part.shape.clone(),
                });
            }
            let values = to_f32(&view).ok_or_else(|| checkpoint.dtype_error(&stored, &view))?;
            self.used.insert(stored);
            return Ok(values);
        }
        self.newly_initialized.push(part.name.clone());
        Ok(match part.fresh {
            Fresh::Constant(value) => vec![value; part.count()],
            Fresh::Drawn => normal(self.seed, &part.name, part.count(), self.initializer_range),
        })
    }
}
