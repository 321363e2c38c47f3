//! run_glue's `DataTrainingArguments`, with run_classification's column names.

use serde::{Deserialize, Deserializer, Serialize};

use super::Truncation;

/// Which rows, and how their text becomes tokens.
///
/// Two defaults are the course's and not run_glue's: padding is dynamic, and a row is cut at the
/// model's own limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct DataArguments {
    /// A GLUE task (`mrpc`): names the metrics, and the data where no data set or file is named.
    pub task_name: Option<String>,
    /// A hub id, or a folder in the Hub's layout.
    pub dataset_name: Option<String>,
    /// The data set's configuration (`mrpc` of `glue`).
    pub dataset_config_name: Option<String>,
    /// Training rows: CSV, TSV, JSON Lines or parquet.
    pub train_file: Option<String>,
    /// Validation rows.
    pub validation_file: Option<String>,
    /// Where there is no validation split, this percentage of the training rows becomes one, 1 to 99.
    ///
    /// The rows are those that `datasets`' `train_test_split(test_size=N/100, seed=42)` takes,
    /// whatever the run's seed, so that runs can be compared. run_mlm's argument of this name takes
    /// the first rows, which in a file sorted by label are all of one class.
    pub validation_split_percentage: Option<u8>,
    /// Test rows.
    pub test_file: Option<String>,
    /// The one or two text columns; a list, or words with commas between. Default: what the task
    /// says, else the first string columns.
    #[serde(deserialize_with = "names")]
    pub text_column_names: Option<Vec<String>>,
    /// The label's column. Default `label`.
    pub label_column_name: Option<String>,
    /// The most tokens of a row, special ones included. Default: the model's limit.
    pub max_seq_length: Option<usize>,
    /// What is cut where a row is longer.
    pub truncation: Truncation,
    /// Pad every row to `max_seq_length` instead of to the longest of its batch.
    pub pad_to_max_length: bool,
    /// Pad the batch's length up to a multiple of this.
    pub pad_to_multiple_of: Option<usize>,
    /// Tokenize again although the cache holds these rows.
    pub overwrite_cache: bool,
    /// Use only the first so many training rows.
    pub max_train_samples: Option<usize>,
    /// Use only the first so many validation rows.
    pub max_eval_samples: Option<usize>,
    /// Use only the first so many test rows.
    pub max_predict_samples: Option<usize>,
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a list of column names")]
    enum Written {
        List(Option<Vec<String>>),
        Commas(String),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::List(names) => names,
        Written::Commas(words) => Some(
            words
                .split(',')
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty())
                .collect(),
        ),
    })
}
