//! `model.safetensors`: read one tensor at a time, written by name.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use tunesmith_architecture::{Declaration, Family, Fresh, Part};
use tunesmith_kernels::{ComputeDevice, read_back};
use tunesmith_platform::fs::{self, File};

use crate::random::normal;
use crate::{ModelError, Parameters};

/// The length of the header's length.
const PREFIX: u64 = 8;

/// More than any real header has, and little enough to be read at once; the format's own limit.
const MOST_HEADER: u64 = 100_000_000;

/// What loading found and did, in transformers' terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Weights that the checkpoint lacks and that were drawn anew.
    pub newly_initialized: Vec<String>,
    /// Weights of the checkpoint that this model has no place for.
    pub unused: Vec<String>,
}

/// A safetensors file of which one tensor is read at a time, as `f32`.
pub struct TensorFile {
    path: PathBuf,
    file: RefCell<File>,
    metadata: Metadata,
    /// Where the first tensor's bytes begin.
    start: u64,
}

impl TensorFile {
    /// Reads what the file holds, and none of the values yet.
    ///
    /// # Errors
    /// Names the file, and says what is wrong with it: it is cut short, or not of this format.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::Io {
            path: path.to_owned(),
            source,
        };
        let corrupt = |message: String| ModelError::Corrupt {
            path: path.to_owned(),
            message,
        };
        let length = fs::metadata(path).map_err(io)?.len();
        let mut file = File::open(path).map_err(io)?;
        let short = || corrupt(format!("it ends after {length} bytes, within its header"));
        if length < PREFIX {
            return Err(short());
        }
        let mut prefix = [0; PREFIX as usize];
        file.read_exact(&mut prefix).map_err(io)?;
        let header_length = u64::from_le_bytes(prefix);
        if header_length > MOST_HEADER {
            return Err(corrupt(format!(
                "its header would have {header_length} bytes: it is not a safetensors file"
            )));
        }
        let start = PREFIX + header_length;
        if length < start {
            return Err(short());
        }
        let mut header = vec![0; header_length as usize];
        file.read_exact(&mut header).map_err(io)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| corrupt(error.to_string()))?;
        let promised = start.saturating_add(metadata.data_len() as u64);
        if promised != length {
            return Err(corrupt(format!(
                "its header tells of {promised} bytes, and it has {length}"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            file: RefCell::new(file),
            metadata,
            start,
        })
    }

    /// The names of its tensors, in the order of their bytes.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// The shape of a tensor, where there is one of that name.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.metadata.info(name)?.shape)
    }

    /// A tensor's values.
    ///
    /// # Errors
    /// Names the file and the tensor: it isn't there, is of a type that isn't read, or the disk fails.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, ModelError> {
        let info = self
            .metadata
            .info(name)
            .ok_or_else(|| ModelError::Corrupt {
                path: self.path.clone(),
                message: format!("the tensor '{name}' is missing"),
            })?;
        let bytes = self.bytes(info).map_err(|source| ModelError::Io {
            path: self.path.clone(),
            source,
        })?;
        to_f32(info.dtype, &bytes).ok_or_else(|| ModelError::Dtype {
            path: self.path.clone(),
            name: name.to_owned(),
            dtype: format!("{:?}", info.dtype),
        })
    }

    fn bytes(&self, info: &TensorInfo) -> io::Result<Vec<u8>> {
        let (first, end) = info.data_offsets;
        let mut bytes = vec![0; end - first];
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(self.start + first as u64))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Writes named `f32` tensors as one safetensors file; `value` gives the flat values of the tensor at
/// a place of `tensors`, asked for one at a time.
///
/// # Errors
/// Names the file that could not be written.
pub async fn write_tensors(
    path: &Path,
    tensors: &[(&str, &[usize])],
    value: impl Fn(usize) -> Tensor<1>,
) -> Result<(), ModelError> {
    let io = |source| ModelError::Io {
        path: path.to_owned(),
        source,
    };
    // The format's own writer orders tensors of one type by name.
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|place| tensors[*place].0);
    let mut end = 0;
    let infos = order.iter().map(|place| {
        let (name, shape) = tensors[*place];
        let first = end;
        end += shape.iter().product::<usize>() * size_of::<f32>();
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            data_offsets: (first, end),
        };
        (name.to_owned(), info)
    });
    // transformers refuses a file that doesn't say which framework's layout it has.
    let format = [("format".to_owned(), "pt".to_owned())].into();
    let metadata = Metadata::new(Some(format), infos.collect())
        .map_err(|error| io(io::Error::other(error)))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|error| io(error.into()))?;
    header.resize(header.len().next_multiple_of(PREFIX as usize), b' ');

    let mut file = BufWriter::new(File::create(path).map_err(io)?);
    file.write_all(&(header.len() as u64).to_le_bytes())
        .and_then(|()| file.write_all(&header))
        .map_err(io)?;
    for place in order {
        let values = read_back(vec![value(place)]).await;
        for values in values.map_err(|error| io(io::Error::other(error)))? {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            file.write_all(&bytes).map_err(io)?;
        }
    }
    file.flush().map_err(io)
}

fn to_f32(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    match dtype {
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

/// A model's file, read under the names that older versions and bare encoders use too.
pub(crate) struct Checkpoint {
    file: TensorFile,
    family: &'static Family,
    /// What stands before every name, from a wrapper around the model that was saved.
    wrapper: String,
    /// Tensors that are passed over.
    without: HashSet<String>,
}

/// How old checkpoints call LayerNorm's weight and bias.
fn old(name: &str) -> String {
    name.replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta")
}

impl Checkpoint {
    pub(crate) fn open(path: &Path, family: &'static Family) -> Result<Self, ModelError> {
        let file = TensorFile::open(path)?;
        let wrapper = wrapper(&file.names(), family);
        Ok(Self {
            file,
            family,
            wrapper,
            without: HashSet::new(),
        })
    }

    /// The checkpoint as if it lacked these.
    pub(crate) fn without(self, names: HashSet<String>) -> Self {
        Self {
            without: names,
            ..self
        }
    }

    // The names under which older checkpoints, wrappers and bare encoders keep a weight.
    fn find(&self, name: &str) -> Option<String> {
        if self.without.contains(name) {
            return None;
        }
        let bare = name.strip_prefix(self.family.prefix).unwrap_or(name);
        let spellings = [name.to_owned(), bare.to_owned(), old(name), old(bare)];
        spellings
            .into_iter()
            .map(|spelling| format!("{}{spelling}", self.wrapper))
            .find(|spelling| self.file.shape(spelling).is_some())
    }
}

/// What a wrapper (DataParallel's `module.`, sentence-transformers' `0.auto_model.`) put before all names.
fn wrapper(names: &[String], family: &Family) -> String {
    // Every family has a word table, and calls it so.
    const WORDS: [&str; 2] = [
        "embeddings.word_embeddings.weight",
        "embeddings.tok_embeddings.weight",
    ];
    let table = names
        .iter()
        .find(|name| WORDS.iter().any(|words| name.ends_with(words)));
    let Some(table) = table else {
        return String::new();
    };
    let before = WORDS.iter().find_map(|words| table.strip_suffix(words));
    let before = before.unwrap_or_default();
    before
        .strip_suffix(family.prefix)
        .unwrap_or(before)
        .to_owned()
}

/// Where parameters come from: a checkpoint, or the seed for what it lacks.
pub(crate) struct Source {
    seed: u64,
    checkpoint: Option<Checkpoint>,
    newly_initialized: Vec<String>,
    used: BTreeSet<String>,
}

impl Source {
    pub(crate) fn new(seed: u64, checkpoint: Option<Checkpoint>) -> Self {
        Self {
            seed,
            checkpoint,
            newly_initialized: Vec::new(),
            used: BTreeSet::new(),
        }
    }

    /// Whether the checkpoint has the tensors that the configuration asks for, but for those of `head`,
    /// and whether the device can hold each in one binding, before there is room for any.
    pub(crate) fn check(
        &self,
        declarations: &[Declaration],
        head: &HashSet<String>,
        device: &ComputeDevice,
    ) -> Result<(), ModelError> {
        self.check_stored(declarations, head)?;
        const MB: u64 = 1_000_000;
        let Some(limit) = device.max_binding_bytes else {
            return Ok(());
        };
        for declaration in declarations {
            let needed = 4 * declaration.count() as u64;
            if needed > limit {
                return Err(ModelError::TooLarge {
                    device: device.name.clone(),
                    limit: limit / MB,
                    name: declaration.key().to_owned(),
                    needed: needed / MB,
                    short: (needed - limit).div_ceil(MB),
                });
            }
        }
        Ok(())
    }

    fn check_stored(
        &self,
        declarations: &[Declaration],
        head: &HashSet<String>,
    ) -> Result<(), ModelError> {
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(());
        };
        let mut missing = Vec::new();
        for part in declarations
            .iter()
            .flat_map(|declaration| &declaration.parts)
        {
            if self.stored(part)?.is_none() && !head.contains(&part.name) {
                missing.push(&part.name);
            }
        }
        match missing.first() {
            None => Ok(()),
            Some(first) => Err(ModelError::Missing {
                path: checkpoint.file.path.clone(),
                family: checkpoint.family.model_type,
                count: missing.len(),
                first: (*first).clone(),
            }),
        }
    }

    /// The name that a weight has in the checkpoint, if it is there; its shape is right then.
    fn stored(&self, part: &Part) -> Result<Option<String>, ModelError> {
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(None);
        };
        let Some(name) = checkpoint.find(&part.name) else {
            return Ok(None);
        };
        let found = checkpoint.file.shape(&name).unwrap_or_default();
        if found == part.shape {
            return Ok(Some(name));
        }
        Err(ModelError::Shape {
            path: checkpoint.file.path.clone(),
            found: found.to_vec(),
            name,
            expected: part.shape.clone(),
        })
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

    /// What was drawn and what was left.
    pub(crate) fn report(self) -> LoadReport {
        let Some(checkpoint) = self.checkpoint else {
            return LoadReport::default();
        };
        let mut unused = checkpoint.file.names();
        // A buffer of older versions that holds 0, 1, 2, …; transformers ignores it too.
        unused.retain(|name| !self.used.contains(name) && !name.ends_with("position_ids"));
        unused.retain(|name| !checkpoint.without.contains(name));
        unused.sort();
        LoadReport {
            newly_initialized: self.newly_initialized,
            unused,
        }
    }

    // From the checkpoint; else what a new one holds.
    fn values(&mut self, part: &Part) -> Result<Vec<f32>, ModelError> {
        let stored = self.stored(part)?;
        if let (Some(checkpoint), Some(stored)) = (&self.checkpoint, stored) {
            let values = checkpoint.file.read(&stored)?;
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(ModelError::NotFinite {
                    path: checkpoint.file.path.clone(),
                    name: stored,
                    value: *value,
                });
            }
            self.used.insert(stored);
            return Ok(values);
        }
        self.newly_initialized.push(part.name.clone());
        Ok(match part.fresh {
            Fresh::Constant(value) => vec![value; part.count()],
            Fresh::Normal { deviation, cutoff } => {
                normal(self.seed, &part.name, part.count(), deviation, cutoff)
            }
        })
    }
}
