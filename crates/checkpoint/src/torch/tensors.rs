//! The tensors of a pickle: views of storages, whose numbers are compared with what is in the file.

use std::collections::BTreeMap;

use super::pickle::{Fault, Global, Id, Pickle, Value};
use crate::Dtype;
use crate::stored::{Stored, TensorInfo};

/// PyTorch's tensors have fewer.
const MOST_DIMENSIONS: usize = 64;

/// Where the storages of a file begin, by their keys, and how many bytes each has.
pub(super) type Places = BTreeMap<String, (u64, u64)>;

/// The tensors and storages that a pickle speaks of.
pub(super) struct Found {
    tensors: BTreeMap<String, View>,
    storages: BTreeMap<String, Storage>,
}

#[derive(PartialEq)]
struct Storage {
    dtype: Dtype,
    /// Bytes of an element.
    bytes: u64,
    /// How many elements.
    count: u64,
}

/// A tensor: elements of a storage.
struct View {
    storage: String,
    offset: u64,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl Found {
    /// The tensors that the dictionary of a pickle has by their names. What else it holds is passed over.
    pub(super) fn of(pickle: &Pickle) -> Result<Self, Fault> {
        let Value::Dict(entries) = pickle.root() else {
            return Err(Fault::damaged(
                "it holds something else than a dictionary of tensors",
            ));
        };
        let mut found = Self {
            tensors: BTreeMap::new(),
            storages: BTreeMap::new(),
        };
        for (key, value) in entries {
            let Value::Tensor(parts) = pickle.value(*value) else {
                continue;
            };
            let Some(name) = pickle.text(*key) else {
                return Err(Fault::damaged("the name of a tensor isn't a text"));
            };
            let view = found.view(pickle, parts).ok_or_else(|| {
                Fault::Damaged(format!(
                    "what it says of the tensor '{name}' makes no sense"
                ))
            })?;
            found.tensors.insert(name.to_owned(), view);
        }
        if found.tensors.is_empty() {
            return Err(Fault::damaged("it holds no tensors by name"));
        }
        // Of those that no tensor has, an older file has the bytes too.
        for value in pickle.values() {
            if let Value::Storage(parts) = value {
                let known = found.storage(pickle, parts);
                known.ok_or_else(|| Fault::damaged("what it says of a storage makes no sense"))?;
            }
        }
        Ok(found)
    }

    fn view(&mut self, pickle: &Pickle, parts: &[Id]) -> Option<View> {
        let [storage, offset, size, stride] = parts else {
            return None;
        };
        let Value::Storage(storage) = pickle.value(*storage) else {
            return None;
        };
        let numbers = |id: Id| -> Option<Vec<usize>> {
            let Value::Tuple(items) = pickle.value(id) else {
                return None;
            };
            if items.len() > MOST_DIMENSIONS {
                return None;
            }
            let numbers = items.iter().map(|id| number(pickle, *id)?.try_into().ok());
            numbers.collect()
        };
        let view = View {
            storage: self.storage(pickle, storage)?,
            offset: number(pickle, *offset)?,
            shape: numbers(*size)?,
            strides: numbers(*stride)?,
        };
        (view.shape.len() == view.strides.len()).then_some(view)
    }

    /// The key of a storage, which is noted; it is the same wherever it is spoken of.
    fn storage(&mut self, pickle: &Pickle, parts: &[Id]) -> Option<String> {
        let [class, key, _device, count, view @ ..] = parts else {
            return None;
        };
        let Value::Global(Global::Storage(dtype, bytes)) = pickle.value(*class) else {
            return None;
        };
        // The older form could have views of storages; PyTorch has long written none.
        if view.iter().any(|id| *pickle.value(*id) != Value::None) {
            return None;
        }
        let storage = Storage {
            dtype: dtype.clone(),
            bytes: *bytes,
            count: number(pickle, *count)?,
        };
        let key = pickle.text(*key)?;
        match self.storages.get(key) {
            Some(known) if *known != storage => return None,
            Some(_) => {}
            None => drop(self.storages.insert(key.to_owned(), storage)),
        }
        Some(key.to_owned())
    }

    /// The keys of the storages.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.storages.keys().map(String::as_str)
    }

    /// How many bytes an element of a storage has.
    pub(super) fn element_bytes(&self, key: &str) -> Option<u64> {
        Some(self.storages.get(key)?.bytes)
    }

    /// Finds each tensor's elements in the file.
    pub(super) fn place(self, places: &Places) -> Result<BTreeMap<String, Stored>, Fault> {
        let Self { tensors, storages } = self;
        let placed = tensors.into_iter().map(|(name, view)| {
            let place = places.get(&view.storage);
            match storages.get(&view.storage).zip(place) {
                None => Err(Fault::Damaged(format!("the tensor '{name}' has no values"))),
                Some((storage, (start, size))) => match view.place(storage, *start, *size) {
                    Some(stored) => Ok((name, stored)),
                    None => Err(Fault::Damaged(format!(
                        "the tensor '{name}' goes beyond its values"
                    ))),
                },
            }
        });
        placed.collect()
    }
}

impl View {
    /// `None` where the tensor isn't within its storage, or the storage not within its bytes.
    fn place(self, storage: &Storage, start: u64, size: u64) -> Option<Stored> {
        if storage.count.checked_mul(storage.bytes)? > size {
            return None;
        }
        let product = |all: usize, n: &usize| all.checked_mul(*n);
        let count = self.shape.iter().try_fold(1, product)?;
        // A tensor that repeats its values (a stride of 0) could have any size: none of a model does.
        if count as u64 > storage.count {
            return None;
        }
        let mut expected: usize = 1;
        let mut contiguous = true;
        let mut reach: u64 = 0;
        for (n, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *n > 1 {
                contiguous &= *stride == expected;
                reach = reach.checked_add((*n as u64 - 1).checked_mul(*stride as u64)?)?;
            }
            expected = expected.saturating_mul(*n);
        }
        if count > 0 && self.offset.checked_add(reach)? >= storage.count {
            return None;
        }
        // Within the storage, so that no sum overflows; of an empty tensor nothing is read.
        let offset = if count > 0 { self.offset } else { 0 };
        Some(Stored {
            info: TensorInfo {
                dtype: storage.dtype.clone(),
                shape: self.shape,
            },
            start: start + offset * storage.bytes,
            strides: (!contiguous && count > 0).then_some(self.strides),
        })
    }
}

fn number(pickle: &Pickle, id: Id) -> Option<u64> {
    match pickle.value(id) {
        Value::Int(value) => u64::try_from(*value).ok(),
        _ => None,
    }
}
