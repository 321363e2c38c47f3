//! Tokenized examples, read in place from Arrow arrays (mapped from the cache, or in memory).

mod columns;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, Float32Array, Int8Array, Int32Array, Int64Array, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;

use crate::ipc::{MappedTable, Mapping};

/// What an example is to be told as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Label<'a> {
    /// Not known: the dataset has no label here, or -1.
    None,
    /// A class.
    Class(u32),
    /// A number.
    Regression(f32),
    /// For each label 1 where the row has it and 0 where not: `[num_labels]`.
    MultiHot(&'a [f32]),
    /// The class of each token, [`crate::IGNORED`] where it counts for nothing: `[length]`.
    Tokens(&'a [i32]),
}

/// One tokenized example, borrowed from the dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExampleRef<'a> {
    /// Token ids, none of them negative: `[length]`.
    pub input_ids: &'a [i32],
    /// 0 for the first text and 1 for the second, where the model takes type ids: `[length]`.
    pub token_type_ids: Option<&'a [i8]>,
    /// The label.
    pub label: Label<'a>,
}

pub(crate) const INPUT_IDS: &str = "input_ids";
pub(crate) const TOKEN_TYPE_IDS: &str = "token_type_ids";
pub(crate) const LABEL: &str = "label";

/// The tokenized rows of a dataset, in their order.
#[derive(Clone)]
pub struct TokenizedDataset {
    chunks: Vec<Chunk>,
    /// The first row of each chunk, and the number of rows at the end.
    starts: Vec<usize>,
    mapping: Option<Arc<Mapping>>,
    from_cache: bool,
}

#[derive(Clone)]
struct Chunk {
    offsets: OffsetBuffer<i32>,
    input_ids: Int32Array,
    token_type_ids: Option<Int8Array>,
    labels: LabelArray,
}

#[derive(Clone)]
enum LabelArray {
    None,
    Class(Int64Array),
    Regression(Float32Array),
    MultiHot(OffsetBuffer<i32>, Float32Array),
    /// With the offsets of the ids.
    Tokens(Int32Array),
}

impl Chunk {
    /// `None` where the batch is not what [`crate::tokenize_dataset`] writes.
    fn of(batch: &RecordBatch) -> Option<Self> {
        let ids = batch.column_by_name(INPUT_IDS)?.as_list_opt::<i32>()?;
        let token_type_ids = match batch.column_by_name(TOKEN_TYPE_IDS) {
            Some(types) => {
                let types = types.as_list_opt::<i32>()?;
                (types.offsets() == ids.offsets()).then_some(())?;
                Some(types.values().as_primitive_opt::<Int8Type>()?.clone())
            }
            None => None,
        };
        let labels = match batch.column_by_name(LABEL) {
            None => LabelArray::None,
            Some(labels) => match labels.data_type() {
                DataType::Int64 => {
                    LabelArray::Class(labels.as_primitive_opt::<Int64Type>()?.clone())
                }
                DataType::List(item) => {
                    let lists = labels.as_list_opt::<i32>()?;
                    let values = lists.values();
                    if *item.data_type() == DataType::Int32 {
                        (lists.offsets() == ids.offsets()).then_some(())?;
                        LabelArray::Tokens(values.as_primitive_opt::<Int32Type>()?.clone())
                    } else {
                        let values = values.as_primitive_opt::<Float32Type>()?.clone();
                        LabelArray::MultiHot(lists.offsets().clone(), values)
                    }
                }
                _ => LabelArray::Regression(labels.as_primitive_opt::<Float32Type>()?.clone()),
            },
        };
        Some(Self {
            offsets: ids.offsets().clone(),
            input_ids: ids.values().as_primitive_opt::<Int32Type>()?.clone(),
            token_type_ids,
            labels,
        })
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }
}

impl TokenizedDataset {
    pub(crate) fn of_batches(batches: &[RecordBatch]) -> Option<Self> {
        let chunks: Option<Vec<Chunk>> = batches.iter().map(Chunk::of).collect();
        let chunks = chunks?;
        let mut starts = vec![0];
        for chunk in &chunks {
            starts.push(starts[starts.len() - 1] + chunk.len());
        }
        Some(Self {
            chunks,
            starts,
            mapping: None,
            from_cache: false,
        })
    }

    pub(crate) fn of_table(table: &MappedTable, from_cache: bool) -> Option<Self> {
        let mut dataset = Self::of_batches(&table.batches)?;
        dataset.mapping = Some(Arc::clone(&table.mapping));
        dataset.from_cache = from_cache;
        Some(dataset)
    }

    /// How many examples there are.
    pub fn len(&self) -> usize {
        self.starts[self.chunks.len()]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an earlier run had tokenized the same, so that nothing had to be done.
    pub fn is_cached(&self) -> bool {
        self.from_cache
    }

    /// One example, counted from 0.
    ///
    /// # Panics
    /// Past the end, as a slice does.
    pub fn example(&self, index: usize) -> ExampleRef<'_> {
        if let Some(mapping) = &self.mapping {
            mapping.touch();
        }
        let at = self.starts.partition_point(|start| *start <= index) - 1;
        let chunk = &self.chunks[at];
        let row = index - self.starts[at];
        let range = chunk.offsets[row] as usize..chunk.offsets[row + 1] as usize;
        ExampleRef {
            input_ids: &chunk.input_ids.values()[range.clone()],
            token_type_ids: chunk
                .token_type_ids
                .as_ref()
                .map(|ids| &ids.values()[range.clone()]),
            label: match &chunk.labels {
                LabelArray::Class(labels) if labels.is_valid(row) => {
                    u32::try_from(labels.value(row)).map_or(Label::None, Label::Class)
                }
                LabelArray::Regression(labels) if labels.is_valid(row) => {
                    Label::Regression(labels.value(row))
                }
                LabelArray::MultiHot(offsets, values) => {
                    let of_row = offsets[row] as usize..offsets[row + 1] as usize;
                    Label::MultiHot(&values.values()[of_row])
                }
                LabelArray::Tokens(labels) => Label::Tokens(&labels.values()[range]),
                LabelArray::None | LabelArray::Class(_) | LabelArray::Regression(_) => Label::None,
            },
        }
    }

    /// All examples in order.
    pub fn iter(&self) -> impl Iterator<Item = ExampleRef<'_>> {
        (0..self.len()).map(|index| self.example(index))
    }

    /// The ids of all tokens, each once.
    pub fn words(&self) -> BTreeSet<u32> {
        let mut seen: Vec<bool> = Vec::new();
        for chunk in &self.chunks {
            let ends = [chunk.offsets.first(), chunk.offsets.last()];
            let [first, last] = ends.map(|offset| offset as usize);
            for id in &chunk.input_ids.values()[first..last] {
                let id = *id as usize;
                if id >= seen.len() {
                    seen.resize(id + 1, false);
                }
                seen[id] = true;
            }
        }
        if let Some(mapping) = &self.mapping {
            mapping.release();
        }
        (0..)
            .zip(seen)
            .filter_map(|(id, seen)| seen.then_some(id))
            .collect()
    }

    /// The number of tokens of each example: `[len]`.
    pub fn lengths(&self) -> Vec<u32> {
        let mut lengths = Vec::with_capacity(self.len());
        for chunk in &self.chunks {
            lengths.extend(
                chunk
                    .offsets
                    .windows(2)
                    .map(|pair| (pair[1] - pair[0]) as u32),
            );
        }
        if let Some(mapping) = &self.mapping {
            mapping.release();
        }
        lengths
    }
}
