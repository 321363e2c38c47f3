//! Weights between files and a model, by name.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::ops::Range;
use std::path::Path;

use burn::tensor::Tensor;
use tunesmith_architecture::{Declaration, Family, Fresh, Part, StoredNames};
use tunesmith_checkpoint::{Checkpoint as TensorFile, TensorWriter};
use tunesmith_kernels::{ComputeDevice, read_back};

use crate::random::normal;
use crate::{ModelError, Parameters};

/// What loading found and did, in transformers' terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Weights that the checkpoint lacks and that were drawn anew.
    pub newly_initialized: Vec<String>,
    /// Weights of the checkpoint that this model has no place for.
    pub unused: Vec<String>,
}

/// Writes named `f32` tensors as one safetensors file; `value` gives the flat values of the tensor at
/// a place of `tensors`, in one piece or several, asked for one at a time.
///
/// # Errors
/// Names the file that could not be written.
pub async fn write_tensors(
    path: &Path,
    tensors: &[(&str, &[usize])],
    value: impl Fn(usize) -> Vec<Tensor<1>>,
) -> Result<(), ModelError> {
    let mut file = TensorWriter::create(path, tensors)?;
    for place in file.order().to_vec() {
        file.put(&host(value(place), path).await?)?;
    }
    Ok(file.finish()?)
}

/// Values on their way to a file.
pub(crate) async fn host(tensors: Vec<Tensor<1>>, path: &Path) -> Result<Vec<f32>, ModelError> {
    let values = read_back(tensors).await;
    let values = values.map_err(|error| ModelError::Io {
        path: path.to_owned(),
        source: io::Error::other(error),
    })?;
    Ok(values.concat())
}

/// A model's file, read under the names that older versions and bare encoders use too.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    file: TensorFile,
    family: &'static Family,
    names: StoredNames,
    /// Tensors that are passed over.
    without: HashSet<String>,
}

impl Checkpoint {
    pub(crate) fn open(path: &Path, family: &'static Family) -> Result<Self, ModelError> {
        let file = TensorFile::open_file(path)?;
        Ok(Self {
            names: StoredNames::new(file.names(), family),
            file,
            family,
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

    fn find(&self, name: &str) -> Option<String> {
        if self.without.contains(name) {
            return None;
        }
        self.names
            .find(name, |stored| self.file.shape(stored).is_some())
    }
}

/// Where parameters come from: a checkpoint, or the seed for what it lacks.
#[derive(Debug)]
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
            if declaration.pieces(Some(limit)).is_none() {
                let needed = 4 * declaration.count() as u64;
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
                path: checkpoint.file.path().to_owned(),
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
            path: checkpoint.file.path().to_owned(),
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
            match self.stored(part)? {
                Some(stored) => self.used.insert(stored),
                None => {
                    self.newly_initialized.push(part.name.clone());
                    false
                }
            };
            let mut values = self.values(part)?;
            parameters.read(place, &mut *values)?;
        }
        Ok(())
    }

    /// What was drawn and what was left.
    pub(crate) fn report(&self) -> LoadReport {
        let Some(checkpoint) = &self.checkpoint else {
            return LoadReport::default();
        };
        let names = checkpoint.file.names();
        let mut unused: Vec<String> = names.map(str::to_owned).collect();
        // A buffer of older versions that holds 0, 1, 2, …; transformers ignores it too.
        unused.retain(|name| !self.used.contains(name) && !name.ends_with("position_ids"));
        unused.retain(|name| !checkpoint.without.contains(name));
        unused.sort();
        LoadReport {
            newly_initialized: self.newly_initialized.clone(),
            unused,
        }
    }

    /// The values of a part by ranges of its elements: from the checkpoint, else what a new one holds.
    pub(crate) fn values<'a>(&'a self, part: &'a Part) -> Result<Box<Values<'a>>, ModelError> {
        if let (Some(checkpoint), Some(stored)) = (&self.checkpoint, self.stored(part)?) {
            let read = move |range| Ok(checkpoint.file.read_finite_range(&stored, range)?);
            return Ok(Box::new(read));
        }
        Ok(match part.fresh {
            Fresh::Constant(value) => Box::new(move |range| Ok(vec![value; range.len()])),
            Fresh::Normal { deviation, cutoff } => {
                let values = normal(self.seed, &part.name, part.count(), deviation, cutoff);
                Box::new(move |range| Ok(values[range].to_vec()))
            }
        })
    }
}

/// What a part's values are read by.
pub(crate) type Values<'a> = dyn FnMut(Range<usize>) -> Result<Vec<f32>, ModelError> + 'a;
