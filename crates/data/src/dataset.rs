//! A table of typed columns, as `datasets.Dataset`: cheap to clone, to cut and to reorder.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::column::Column;
use crate::features::PyList;
use crate::ipc::MappedTable;
use crate::read::{ReadOptions, Source, scan};
use crate::tokenize::{text_at, text_column};
use crate::{ColumnView, DataError, Features, Format, Row};

/// Rows of typed columns. `Display` is Python's `print(dataset)`.
#[derive(Clone)]
pub struct Dataset {
    pub(crate) features: Features,
    pub(crate) columns: Vec<Column>,
    pub(crate) num_rows: usize,
}

impl Dataset {
    /// A dataset from the bytes of one file; `name` is used in messages. What the bytes are packed in, and
    /// parquet and workbooks, are known by their beginning, whatever `format` says.
    ///
    /// Fails where the bytes are not of that format, as [`crate::LoadDataset`] does.
    pub fn from_bytes(name: &str, format: Format, bytes: Vec<u8>) -> Result<Self, DataError> {
        let source = Source::bytes(name, bytes.into());
        let options = ReadOptions::default();
        let sources = source.resolve(Some(format), &mut |_| {})?;
        let plan = scan(&sources, &options)?;
        let mut batches = Vec::new();
        plan.stream(&mut |batch| {
            batches.push(batch);
            Ok(())
        })?;
        Self::from_batches(plan.features, batches)
    }

    pub(crate) fn from_batches(
        features: Features,
        batches: Vec<RecordBatch>,
    ) -> Result<Self, DataError> {
        let columns = Column::of_batches(features.len(), &batches, None);
        Self::from_columns(features, columns)
    }

    pub(crate) fn from_mapped(table: MappedTable) -> Result<Self, DataError> {
        let features = table
            .schema
            .metadata()
            .get(crate::features::METADATA_KEY)
            .and_then(|text| Features::from_metadata(text))
            .filter(|features| features.len() == table.schema.fields().len())
            .ok_or_else(|| DataError::File {
                file: table.path.display().to_string(),
                reason: "the cached table does not say what its columns are; delete it".to_owned(),
            })?;
        let mapped = (Arc::clone(&table.mapping), table.content);
        let columns = Column::of_batches(features.len(), &table.batches, Some(mapped));
        Self::from_columns(features, columns)
    }

    pub(crate) fn from_columns(
        features: Features,
        columns: Vec<Column>,
    ) -> Result<Self, DataError> {
        let num_rows = columns.first().map_or(0, Column::len);
        if u32::try_from(num_rows).is_err() {
            return Err(DataError::Argument(format!(
                "{num_rows} rows are more than this version can number: split the data into files of fewer than 2^32 rows"
            )));
        }
        Ok(Self {
            features,
            columns,
            num_rows,
        })
    }

    /// How many rows there are.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Column names in order.
    pub fn column_names(&self) -> Vec<&str> {
        self.features.names()
    }

    /// Column types in order.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// One row, counted from 0.
    pub fn row(&self, row: usize) -> Result<Row<'_>, DataError> {
        self.check_row(row)?;
        Ok(self.row_at(row))
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.num_rows).map(|row| self.row_at(row))
    }

    /// One column; the error lists the columns there are.
    pub fn column(&self, name: &str) -> Result<ColumnView<'_>, DataError> {
        let index = self.features.require(name)?;
        Ok(ColumnView {
            column: &self.columns[index],
            feature: self.features.at(index).1,
        })
    }

    /// The texts of a column, in the order of the rows.
    ///
    /// # Errors
    /// A column that is missing or not text, or a missing text, by its row.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, DataError> {
        let view = text_column(self, name)?;
        let rows = 0..self.num_rows;
        rows.map(|row| text_at(&view, name, row)).collect()
    }

    pub(crate) fn row_at(&self, row: usize) -> Row<'_> {
        Row {
            cells: self
                .features
                .names()
                .into_iter()
                .zip(&self.columns)
                .map(|(name, column)| (name, column.value(row)))
                .collect(),
        }
    }

    pub(crate) fn check_row(&self, row: usize) -> Result<(), DataError> {
        if row < self.num_rows {
            Ok(())
        } else {
            Err(DataError::RowOutOfRange {
                row,
                num_rows: self.num_rows,
            })
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Dataset({{\n    features: {},\n    num_rows: {}\n}})",
            PyList(&self.features.names()),
            self.num_rows
        )
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
