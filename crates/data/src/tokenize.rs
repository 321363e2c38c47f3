//! Text columns become token ids in a cache file, chunk by chunk on all cores. The file is named by
//! a fingerprint of the data, the tokenizer and the arguments: the same request maps it at once, any
//! other request has another name.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Float32Array, Int8Array, Int32Array, Int64Array, ListArray, RecordBatch,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::ipc::{IpcWriter, MappedTable};
use crate::labels::{not_encoded, null_label};
use crate::tokenized::{INPUT_IDS, LABEL, TOKEN_TYPE_IDS};
use crate::{
    ColumnView, DataError, Dataset, Dtype, Feature, TagEncoder, TokenizeOptions, TokenizedDataset,
    Tokenizer, target,
};

/// Rows of a record batch of the cache.
pub(crate) const CHUNK_ROWS: usize = 4096;
/// Rows that a core tokenizes at a time.
const WORK_ROWS: usize = 256;

/// What [`tokenize_dataset`] is to do.
#[derive(Clone, Debug)]
pub struct TokenizeArgs {
    /// The column of the text, or of the first text.
    pub text_column: String,
    /// The column of the second text.
    pub text_pair_column: Option<String>,
    /// The column of the labels, which are kept beside the ids.
    pub label_column: Option<String>,
    /// How texts are tokenized.
    pub options: TokenizeOptions,
    /// Whether the model takes type ids.
    pub token_type_ids: bool,
    /// Where the result is kept, in a folder `tokenized`; `None` keeps it in memory only.
    pub cache_dir: Option<PathBuf>,
}

impl TokenizeArgs {
    /// A single text, with type ids and default options, kept in memory only.
    pub fn new(text_column: impl Into<String>) -> Self {
        Self {
            text_column: text_column.into(),
            text_pair_column: None,
            label_column: None,
            options: TokenizeOptions::default(),
            token_type_ids: true,
            cache_dir: None,
        }
    }
}

/// How far tokenization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenizeProgress {
    /// Rows tokenized.
    pub rows: usize,
    /// Rows in all.
    pub total: usize,
    /// Whether the result of an earlier run is used.
    pub from_cache: bool,
}

/// Tokenizes one or two text columns.
///
/// Fails where a column is missing or not text, where a text is missing (null), where a label
/// column holds strings or labels below -1, and where the tokenizer refuses a text; the message
/// has the row. A damaged cache file is made again.
pub fn tokenize_dataset(
    dataset: &Dataset,
    tokenizer: &Tokenizer,
    args: &TokenizeArgs,
    progress: &mut dyn FnMut(TokenizeProgress),
) -> Result<TokenizedDataset, DataError> {
    run(&Job::new(dataset, tokenizer, args)?, args, progress)
}

/// Tokenizes texts or words with tags, each token with its class; without them where the rows have none.
/// Of the arguments only the options and the folder count: the columns are those of `tags`, and there is
/// no second text.
///
/// Fails where a column is missing or of another type, where tags don't fit their words, and where the
/// tokenizer refuses a text; the message has the row.
pub fn tokenize_tagged(
    dataset: &Dataset,
    tokenizer: &Tokenizer,
    tags: &TagEncoder,
    args: &TokenizeArgs,
    progress: &mut dyn FnMut(TokenizeProgress),
) -> Result<TokenizedDataset, DataError> {
    run(
        &Job::tagged(dataset, tokenizer, tags, args)?,
        args,
        progress,
    )
}

fn run(
    job: &Job<'_>,
    args: &TokenizeArgs,
    progress: &mut dyn FnMut(TokenizeProgress),
) -> Result<TokenizedDataset, DataError> {
    let (dataset, tokenizer) = (job.dataset, job.tokenizer);
    let total = dataset.num_rows();
    let mut report = |rows, from_cache| {
        progress(TokenizeProgress {
            rows,
            total,
            from_cache,
        });
    };
    let Some(cache) = &args.cache_dir else {
        let mut batches = Vec::new();
        job.run(&mut |rows, batch| {
            batches.push(batch);
            report(rows, false);
            Ok(())
        })?;
        return TokenizedDataset::of_batches(&batches).ok_or_else(|| wrong_shape("memory"));
    };
    let path = cache
        .join("tokenized")
        .join(format!("{}.arrow", job.fingerprint(tokenizer)));
    if let Some(table) = MappedTable::open(&path)
        && let Some(tokenized) = TokenizedDataset::of_table(&table, true)
    {
        report(total, true);
        return Ok(tokenized);
    }
    let mut writer = IpcWriter::create(&path, &job.schema)?;
    job.run(&mut |rows, batch| {
        writer.write(&batch)?;
        report(rows, false);
        Ok(())
    })?;
    let table = writer.finish()?;
    TokenizedDataset::of_table(&table, false)
        .ok_or_else(|| wrong_shape(&path.display().to_string()))
}

fn wrong_shape(place: &str) -> DataError {
    DataError::File {
        file: place.to_owned(),
        reason: "the tokenized table does not have the columns that were written".to_owned(),
    }
}

struct Job<'a> {
    dataset: &'a Dataset,
    tokenizer: &'a Tokenizer,
    args: &'a TokenizeArgs,
    text: ColumnView<'a>,
    pair: Option<ColumnView<'a>>,
    label: Option<ColumnView<'a>>,
    /// What makes the labels of tokens, in place of the label column.
    tags: Option<&'a TagEncoder>,
    schema: SchemaRef,
}

impl<'a> Job<'a> {
    fn new(
        dataset: &'a Dataset,
        tokenizer: &'a Tokenizer,
        args: &'a TokenizeArgs,
    ) -> Result<Self, DataError> {
        let text = text_column(dataset, &args.text_column)?;
        let pair = args
            .text_pair_column
            .as_ref()
            .map(|name| text_column(dataset, name))
            .transpose()?;
        let label = args
            .label_column
            .as_ref()
            .map(|name| dataset.column(name))
            .transpose()?;
        let mut fields = vec![list_field(INPUT_IDS, DataType::Int32)];
        if args.token_type_ids {
            fields.push(list_field(TOKEN_TYPE_IDS, DataType::Int8));
        }
        if let (Some(view), Some(name)) = (&label, &args.label_column) {
            fields.push(label_field(view, name)?);
        }
        Ok(Self {
            dataset,
            tokenizer,
            args,
            text,
            pair,
            label,
            tags: None,
            schema: Arc::new(Schema::new(fields)),
        })
    }

    fn tagged(
        dataset: &'a Dataset,
        tokenizer: &'a Tokenizer,
        tags: &'a TagEncoder,
        args: &'a TokenizeArgs,
    ) -> Result<Self, DataError> {
        let text = dataset.column(tags.columns().text())?;
        let mut fields = vec![list_field(INPUT_IDS, DataType::Int32)];
        if args.token_type_ids {
            fields.push(list_field(TOKEN_TYPE_IDS, DataType::Int8));
        }
        if tags.columns().are_labelled(dataset) {
            fields.push(list_field(LABEL, DataType::Int32));
        }
        Ok(Self {
            dataset,
            tokenizer,
            args,
            text,
            pair: None,
            label: None,
            tags: Some(tags),
            schema: Arc::new(Schema::new(fields)),
        })
    }

    /// SHA-256 of all that decides the result.
    fn fingerprint(&self, tokenizer: &Tokenizer) -> String {
        let options = &self.args.options;
        let mut hasher = Sha256::new();
        // Another version may come with another version of `tokenizers`.
        hasher.update(concat!(
            "tunesmith tokenized table ",
            env!("CARGO_PKG_VERSION")
        ));
        hasher.update(tokenizer.fingerprint());
        hasher.update(format!(
            "{:?} {} {} {}",
            tokenizer.max_length(options),
            options.truncation.name(),
            options.add_special_tokens,
            self.args.token_type_ids,
        ));
        for view in [Some(&self.text), self.pair.as_ref(), self.label.as_ref()] {
            match view {
                Some(view) => {
                    hasher.update([1]);
                    view.column.hash_into(&mut hasher);
                }
                None => hasher.update([0]),
            }
        }
        if let Some(label) = &self.label {
            hasher.update(label.feature().arrow().to_string());
        }
        if let Some(tags) = self.tags {
            hasher.update(format!("{:?} {}", tags.names(), tags.label_all_tokens()));
            for column in tags.columns().labels() {
                match self.dataset.column(&column) {
                    Ok(view) => {
                        hasher.update(format!("{}", view.feature()));
                        view.column.hash_into(&mut hasher);
                    }
                    Err(_) => hasher.update([0]),
                }
            }
        }
        hex(&hasher.finalize())
    }

    /// Hands chunks to `sink` with the number of rows done.
    fn run(
        &self,
        sink: &mut dyn FnMut(usize, RecordBatch) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let total = self.dataset.num_rows();
        for start in (0..total).step_by(CHUNK_ROWS) {
            let end = (start + CHUNK_ROWS).min(total);
            let pieces = target::map_ordered((end - start).div_ceil(WORK_ROWS), |piece| {
                let first = start + piece * WORK_ROWS;
                self.tokenize(first, (first + WORK_ROWS).min(end))
            });
            let mut whole = Piece::default();
            for piece in pieces {
                whole.append(piece?);
            }
            sink(end, self.batch(whole, start, end)?)?;
        }
        Ok(())
    }

    fn tokenize(&self, start: usize, end: usize) -> Result<Piece, DataError> {
        let mut piece = Piece::default();
        for row in start..end {
            let at_row = |error| match error {
                DataError::Tokenizer { reason, .. } => DataError::Tokenizer {
                    place: format!("row {row}"),
                    reason,
                },
                other => other,
            };
            if let Some(tags) = self.tags {
                let options = &self.args.options;
                let tokenized = tags.tokenize(self.dataset, row, self.tokenizer, options);
                let (tokens, labels) = tokenized.map_err(at_row)?;
                piece.lengths.push(tokens.len());
                piece
                    .ids
                    .extend(tokens.input_ids.iter().map(|id| *id as i32));
                if self.args.token_type_ids {
                    piece
                        .types
                        .extend(tokens.token_type_ids.iter().map(|id| *id as i8));
                }
                piece.labels.extend(labels.into_iter().flatten());
                continue;
            }
            let text = text_at(&self.text, &self.args.text_column, row)?;
            let pair = match (&self.pair, &self.args.text_pair_column) {
                (Some(view), Some(name)) => Some(text_at(view, name, row)?),
                _ => None,
            };
            let encoding = self
                .tokenizer
                .encode_ids(text, pair, &self.args.options)
                .map_err(at_row)?;
            // Ids are indices of an embedding, so they fit 31 bits; types are 0 and 1, or few more.
            piece.lengths.push(encoding.len());
            piece
                .ids
                .extend(encoding.get_ids().iter().map(|id| *id as i32));
            if self.args.token_type_ids {
                piece
                    .types
                    .extend(encoding.get_type_ids().iter().map(|id| *id as i8));
            }
        }
        Ok(piece)
    }

    fn batch(&self, piece: Piece, start: usize, end: usize) -> Result<RecordBatch, DataError> {
        let offsets = OffsetBuffer::from_lengths(piece.lengths);
        let mut columns: Vec<ArrayRef> = vec![list(
            INPUT_IDS,
            offsets.clone(),
            Arc::new(Int32Array::from(piece.ids)),
        )?];
        if self.args.token_type_ids {
            let types = Arc::new(Int8Array::from(piece.types));
            columns.push(list(TOKEN_TYPE_IDS, offsets.clone(), types)?);
        }
        if self
            .tags
            .is_some_and(|tags| tags.columns().are_labelled(self.dataset))
        {
            let labels = Arc::new(Int32Array::from(piece.labels));
            columns.push(list(LABEL, offsets, labels)?);
        }
        if let (Some(view), Some(name)) = (&self.label, &self.args.label_column) {
            columns.push(labels(view, name, start, end)?);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| DataError::Mismatch(error.to_string()))
    }
}

/// Token ids of some rows, one row after the other.
#[derive(Default)]
struct Piece {
    lengths: Vec<usize>,
    ids: Vec<i32>,
    types: Vec<i8>,
    /// Of tokens.
    labels: Vec<i32>,
}

impl Piece {
    fn append(&mut self, other: Self) {
        self.lengths.extend(other.lengths);
        self.ids.extend(other.ids);
        self.types.extend(other.types);
        self.labels.extend(other.labels);
    }
}

/// The text of a row, which is not missing.
pub(crate) fn text_at<'a>(
    view: &ColumnView<'a>,
    name: &str,
    row: usize,
) -> Result<&'a str, DataError> {
    view.column.value(row).as_str().ok_or_else(|| DataError::Value {
        row,
        column: name.to_owned(),
        found: "null".to_owned(),
        expected: "a text is needed (an empty field of a CSV file counts as missing, as in pandas): fill it in, or filter such rows out".to_owned(),
    })
}

pub(crate) fn text_column<'a>(
    dataset: &'a Dataset,
    name: &str,
) -> Result<ColumnView<'a>, DataError> {
    let view = dataset.column(name)?;
    match view.feature() {
        Feature::Value(Dtype::String) => Ok(view),
        feature => Err(DataError::ColumnType {
            column: name.to_owned(),
            dtype: feature.to_string(),
            reason: "a column of text (string) is needed; choose another, or cast this one"
                .to_owned(),
        }),
    }
}

/// The labels of some rows, as a tokenized table keeps them.
pub(crate) fn labels(
    view: &ColumnView<'_>,
    name: &str,
    start: usize,
    end: usize,
) -> Result<ArrayRef, DataError> {
    let values = (start..end).map(|row| (row, view.column.value(row)));
    if view.feature().item().is_some() {
        let (mut lengths, mut numbers) = (Vec::with_capacity(end - start), Vec::new());
        for (row, value) in values {
            let items = value.as_list().ok_or_else(|| null_label(row, name))?;
            lengths.push(items.len());
            numbers.extend(
                items
                    .iter()
                    .map(|item| item.as_f64().unwrap_or(f64::NAN) as f32),
            );
        }
        let offsets = OffsetBuffer::from_lengths(lengths);
        return list(LABEL, offsets, Arc::new(Float32Array::from(numbers)));
    }
    if view.feature().is_float() {
        let scores = values.map(|(_, value)| value.as_f64().map(|score| score as f32));
        return Ok(Arc::new(scores.collect::<Float32Array>()));
    }
    let mut classes = Vec::with_capacity(end - start);
    for (row, value) in values {
        let class = value.as_i64();
        if class.is_some_and(|class| class < -1 || class > i64::from(u32::MAX)) {
            return Err(DataError::Value {
                row,
                column: name.to_owned(),
                found: value.to_string(),
                expected: "a label must be a class from 0 on, or -1 where it is not known"
                    .to_owned(),
            });
        }
        classes.push(class);
    }
    Ok(Arc::new(Int64Array::from(classes)))
}

/// The field of the labels of a column, whose name is for messages.
pub(crate) fn label_field(view: &ColumnView<'_>, name: &str) -> Result<Field, DataError> {
    Ok(match view.feature() {
        Feature::Value(Dtype::String) => return Err(not_encoded(view, name)),
        Feature::List(item) if item.is_float() => list_field(LABEL, DataType::Float32),
        Feature::List(_) => return Err(not_encoded(view, name)),
        feature if feature.is_float() => Field::new(LABEL, DataType::Float32, true),
        _ => Field::new(LABEL, DataType::Int64, true),
    })
}

fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, false))
}

pub(crate) fn list_field(name: &str, data_type: DataType) -> Field {
    Field::new(name, DataType::List(item(data_type)), false)
}

pub(crate) fn list(
    name: &str,
    offsets: OffsetBuffer<i32>,
    values: ArrayRef,
) -> Result<ArrayRef, DataError> {
    let field = item(values.data_type().clone());
    let list = ListArray::try_new(field, offsets, values, None)
        .map_err(|error| DataError::Mismatch(format!("{name}: {error}")))?;
    Ok(Arc::new(list))
}
