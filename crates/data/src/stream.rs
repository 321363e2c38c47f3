//! Rows that are read block by block and never all together, as `datasets` reads them with `streaming=True`.

use crate::load::{LoadDataset, Sources};
use crate::read::{Plan, ReadOptions, scan};
use crate::{DataError, Dataset, Dtype, Feature, Features, Format, LoadEvent};

/// The rows of a split's files, in order, read in blocks of a few thousand.
///
/// ```no_run
/// # use tunesmith_data::{DataError, LoadDataset};
/// let rows = LoadDataset::files([("train", "large.csv")]).streaming(&mut |_| {})?;
/// rows.for_each(&mut |block| {
///     println!("{block}");
///     Ok(())
/// })?;
/// # Ok::<(), DataError>(())
/// ```
pub struct IterableDataset {
    sources: Sources,
    options: ReadOptions,
    features: Features,
    num_rows: u64,
    texts: Vec<String>,
}

impl LoadDataset {
    /// The first split, to be read in blocks. Its files are read once here, for the types of their columns, and once
    /// more for their rows.
    ///
    /// # Errors
    /// As [`LoadDataset::load_with`].
    pub fn streaming(
        self,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<IterableDataset, DataError> {
        let (sources, options) = self.first_split(progress)?;
        let plan = scan(&sources, &options)?;
        for warning in plan.warnings {
            progress(LoadEvent::Warning(warning));
        }
        let (features, num_rows) = (plan.features, plan.num_rows);
        let rows = IterableDataset {
            sources,
            options,
            features,
            num_rows,
            texts: Vec::new(),
        };
        Ok(rows.text_columns(self.text_columns))
    }
}

impl IterableDataset {
    /// Column types in order.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// How many rows there are.
    pub fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// Reads these columns as text, where the files have them, whatever they look like.
    #[must_use]
    pub fn text_columns(mut self, columns: Vec<String>) -> Self {
        // Parquet has types of its own, and its values are turned into text.
        if self
            .sources
            .iter()
            .all(|(_, format)| *format != Format::Parquet)
        {
            self.features = self.features.with_values(&columns, Dtype::String);
        }
        self.texts.extend(columns);
        self
    }

    /// The first block.
    ///
    /// # Errors
    /// As [`IterableDataset::for_each`].
    pub fn head(&self) -> Result<Dataset, DataError> {
        let mut head = None;
        let end = self.for_each(&mut |block| {
            head = Some(block);
            Err(DataError::Argument("one block is enough".to_owned()))
        });
        match (head, end) {
            (Some(head), _) => Ok(head),
            (None, Ok(())) => Dataset::from_batches(self.features.clone(), Vec::new()),
            (None, Err(error)) => Err(error),
        }
    }

    /// Hands all rows to `take`, block by block.
    ///
    /// # Errors
    /// A file that can't be read, with its place, or was changed since; and what `take` gives, which ends the reading.
    pub fn for_each(
        &self,
        take: &mut dyn FnMut(Dataset) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let plan = Plan::new(&self.sources, &self.options, self.features.clone());
        plan.stream(&mut |batch| {
            let mut block = Dataset::from_batches(self.features.clone(), vec![batch])?;
            for name in &self.texts {
                if let Some(Feature::Value(_) | Feature::ClassLabel(_)) = block.features().get(name)
                {
                    block = block.cast_column(name, Feature::Value(Dtype::String))?;
                }
            }
            take(block)
        })
    }
}
