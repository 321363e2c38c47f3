//! One type for a column in all splits. `datasets` reads every split with the types of the first; so
//! is done here, but a column that does not fit it (a `?` among the numbers of a test file) keeps the
//! type of its own split instead of ending the load.

use crate::{DataError, Dataset, Dtype, Feature, Features};

/// The types that the splits read so far have given, and the columns that are read as text.
pub(crate) struct Types {
    texts: Vec<String>,
    first: Option<Features>,
}

impl Types {
    pub(crate) fn new(texts: &[String]) -> Self {
        Self {
            texts: texts.to_vec(),
            first: None,
        }
    }

    /// The columns that the next split is read with as text.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The types of text files' columns, with text where it is wanted: a text file can be read so
    /// without a loss, where a number would lose its zeros (007).
    pub(crate) fn of_text_files(&self, found: Features) -> Features {
        found.with_values(&self.texts, Dtype::String)
    }

    /// Gives a split the types of the first one.
    pub(crate) fn unify(&mut self, mut dataset: Dataset) -> Result<Dataset, DataError> {
        for name in &self.texts {
            if let Some(Feature::Value(_)) = dataset.features().get(name) {
                dataset = dataset.cast_column(name, Feature::Value(Dtype::String))?;
            }
        }
        let Some(first) = &self.first else {
            let strings = dataset.features().iter();
            let strings = strings.filter(|(_, f)| **f == Feature::Value(Dtype::String));
            let strings: Vec<String> = strings.map(|(name, _)| name.to_owned()).collect();
            self.texts.extend(strings);
            self.first = Some(dataset.features().clone());
            return Ok(dataset);
        };
        for (name, feature) in first.iter() {
            let fits = match dataset.features().get(name) {
                Some(own) if own != feature => dataset.cast_column(name, feature.clone()),
                _ => continue,
            };
            if let Ok(cast) = fits {
                dataset = cast;
            }
        }
        Ok(dataset)
    }
}
