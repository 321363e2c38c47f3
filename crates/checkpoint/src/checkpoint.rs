//! One interface over the formats of weights.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::ops::Range;
use std::path::{Path, PathBuf};

use tunesmith_platform::fs::{self, File};

use crate::stored::{Stored, TensorInfo, Unread};
use crate::{CheckpointError, index, safetensors, torch};

/// The names under which a folder's weights are looked for, in transformers' order of preference.
pub const WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// A file whose tensors are known.
pub(crate) struct Opened {
    pub(crate) tensors: BTreeMap<String, Stored>,
    pub(crate) file: File,
}

struct Shard {
    path: PathBuf,
    file: RefCell<File>,
}

/// A model's weights, in one file or several, of which one tensor is read at a time.
pub struct Checkpoint {
    path: PathBuf,
    shards: Vec<Shard>,
    /// Each with the place of its shard.
    tensors: BTreeMap<String, (usize, Stored)>,
}

impl Debug for Checkpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Checkpoint");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// The file of a folder that its weights are read from: the first of [`WEIGHTS`] that is there.
    #[must_use]
    pub fn find(folder: &Path) -> Option<PathBuf> {
        let paths = WEIGHTS.iter().map(|name| folder.join(name));
        paths.into_iter().find(|path| fs::is_file(path))
    }

    /// Opens the weights of a folder, whatever form they have; reads names and shapes, and no values yet.
    ///
    /// # Errors
    /// Names the folder if it has no weights; else as [`Self::open_file`].
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        match Self::find(folder) {
            Some(path) => Self::open_file(&path),
            None => Err(CheckpointError::NoWeights {
                folder: folder.to_owned(),
            }),
        }
    }

    /// Opens a file of weights (`.bin`: PyTorch's; any other name: safetensors), or an index (`.json`) and
    /// the files that it names.
    ///
    /// # Errors
    /// Names the file, and says what is wrong with it: it is missing, cut short, not of its format, or
    /// asks for more than tensors.
    pub fn open_file(path: &Path) -> Result<Self, CheckpointError> {
        if has_extension(path, "json") {
            return Self::open_shards(path);
        }
        let Opened { tensors, file } = open_one(path)?;
        Ok(Self {
            path: path.to_owned(),
            shards: vec![Shard {
                path: path.to_owned(),
                file: RefCell::new(file),
            }],
            tensors: tensors
                .into_iter()
                .map(|(name, stored)| (name, (0, stored)))
                .collect(),
        })
    }

    fn open_shards(path: &Path) -> Result<Self, CheckpointError> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (tensor, file) in index::read(path)? {
            names.entry(file).or_default().push(tensor);
        }
        let (mut shards, mut tensors) = (Vec::new(), BTreeMap::new());
        for (file, names) in names {
            let shard = path.with_file_name(file);
            if !fs::is_file(&shard) {
                return Err(CheckpointError::NoShard {
                    path: path.to_owned(),
                    shard,
                });
            }
            let mut opened = open_one(&shard)?;
            for name in names {
                let Some(stored) = opened.tensors.remove(&name) else {
                    return Err(CheckpointError::Missing { path: shard, name });
                };
                tensors.insert(name, (shards.len(), stored));
            }
            shards.push(Shard {
                path: shard,
                file: RefCell::new(opened.file),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            shards,
            tensors,
        })
    }

    /// The file that was opened: the weights themselves, or the index of their shards.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// What the file says of a tensor, where there is one of that name.
    #[must_use]
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        Some(&self.tensors.get(name)?.1.info)
    }

    /// The shape of a tensor, where there is one of that name.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.info(name)?.shape)
    }

    /// The file that a tensor is in: the shard, where there are shards.
    #[must_use]
    pub fn file_of(&self, name: &str) -> &Path {
        let shard = self.tensors.get(name).map(|(shard, _)| *shard);
        shard.map_or(&self.path, |shard| &self.shards[shard].path)
    }

    /// A tensor's values, in row-major order.
    ///
    /// # Errors
    /// Names the file and the tensor: it isn't there, is of a type that isn't read, or the disk fails.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let count = self
            .tensors
            .get(name)
            .map_or(0, |(_, stored)| stored.count());
        self.read_range(name, 0..count)
    }

    /// A tensor's values, which are all finite.
    ///
    /// # Errors
    /// As [`Self::read`]; and names the first value that is NaN or infinite.
    pub fn read_finite(&self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let values = self.read(name)?;
        self.check_finite(name, &values)?;
        Ok(values)
    }

    /// The same of some of a tensor's values, as [`Self::read_range`] reads them.
    ///
    /// # Errors
    /// As [`Self::read_finite`].
    pub fn read_finite_range(
        &self,
        name: &str,
        range: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let values = self.read_range(name, range)?;
        self.check_finite(name, &values)?;
        Ok(values)
    }

    fn check_finite(&self, name: &str, values: &[f32]) -> Result<(), CheckpointError> {
        match values.iter().find(|value| !value.is_finite()) {
            None => Ok(()),
            Some(value) => Err(CheckpointError::NotFinite {
                path: self.file_of(name).to_owned(),
                name: name.to_owned(),
                value: *value,
            }),
        }
    }

    /// Some of a tensor's values, in row-major order: for a table that is larger than what there is room
    /// for at once. What goes beyond the tensor's end is left out.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_range(&self, name: &str, range: Range<usize>) -> Result<Vec<f32>, CheckpointError> {
        let Some((shard, stored)) = self.tensors.get(name) else {
            return Err(CheckpointError::Missing {
                path: self.path.clone(),
                name: name.to_owned(),
            });
        };
        let shard = &self.shards[*shard];
        let end = range.end.min(stored.count());
        let range = range.start.min(end)..end;
        let values = stored.read(&mut *shard.file.borrow_mut(), range);
        values.map_err(|error| match error {
            Unread::Io(source) => CheckpointError::Io {
                path: shard.path.clone(),
                source: std::io::Error::new(source.kind(), format!("tensor '{name}': {source}")),
            },
            Unread::Dtype => CheckpointError::Dtype {
                path: shard.path.clone(),
                name: name.to_owned(),
                dtype: stored.info.dtype.to_string(),
            },
        })
    }
}

fn open_one(path: &Path) -> Result<Opened, CheckpointError> {
    if has_extension(path, "bin") {
        torch::open(path)
    } else {
        safetensors::open(path)
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// An error of the system's, with the file it is about.
pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> CheckpointError {
    move |source| CheckpointError::Io {
        path: path.to_owned(),
        source,
    }
}
