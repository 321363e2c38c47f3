//! run_glue's `DataTrainingArguments`, with run_classification's column names.

use serde::{Deserialize, Deserializer, Serialize};

use super::{ProblemType, Threshold, Truncation};

/// Which rows, and how their text becomes tokens.
///
/// Two defaults are the course's and not run_glue's: padding is dynamic, and a row is cut at the
/// model's own limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct DataArguments {
    /// A GLUE task (`mrpc`): sets the metrics, and the dataset if none is named.
    pub task_name: Option<String>,
    /// A dataset's name on the Hub, or a folder laid out like one.
    pub dataset_name: Option<String>,
    /// The dataset's configuration (`mrpc` of `glue`).
    pub dataset_config_name: Option<String>,
    /// Training rows: CSV, TSV, JSON, JSON Lines, parquet or `.xlsx`. Several files stand with commas between, or are named
    /// by a pattern (`part-*.csv`).
    pub train_file: Option<String>,
    /// Validation rows, in the same formats.
    pub validation_file: Option<String>,
    /// If there is no validation split, set aside this percentage of the training rows, 1 to 99.
    ///
    /// The rows are those that `datasets`' `train_test_split(test_size=N/100, seed=42)` takes,
    /// whatever the run's seed, so that runs can be compared. run_mlm's argument of this name takes
    /// the first rows, which in a file sorted by label are all of one class.
    pub validation_split_percentage: Option<u8>,
    /// Test rows, in the same formats.
    pub test_file: Option<String>,
    /// The one or two text columns, as a list or separated by commas; for tagged words, the column of
    /// words. Default: what the task says, else the first text columns.
    #[serde(deserialize_with = "names")]
    pub text_column_names: Option<Vec<String>>,
    /// The column with the labels. Default: `label`, else the column of tags or of several labels.
    pub label_column_name: Option<String>,
    /// For several labels a row: the columns with 1 where a row has the label and 0 where not, as a
    /// list or separated by commas. Each label is called what its column is.
    #[serde(deserialize_with = "names")]
    pub label_column_names: Option<Vec<String>>,
    /// For several labels a row in one column of text: what stands between two labels. Default: `|`,
    /// `;`, a tab or a comma, whichever the column uses.
    pub label_separator: Option<String>,
    /// What is predicted: one class a row, several labels, a number, or the class of each token.
    /// Default: what the labels look like.
    pub problem_type: Option<ProblemType>,
    /// For several labels a row: the probability above which a label is predicted; a number, one for
    /// each label, or `tune` for the best F1 on the validation rows. Default: 0.5. It is saved with the
    /// model.
    pub threshold: Option<Threshold>,
    /// For tagged tokens: label all tokens of a word, and not only its first.
    pub label_all_tokens: bool,
    /// What evaluations measure, as a list or separated by commas: `f1_macro`, `roc_auc`, `log_loss` and others; an
    /// unknown name lists them. Default: what the task or the labels are usually judged by.
    #[serde(deserialize_with = "names")]
    pub metric_name: Option<Vec<String>>,
    /// Maximum number of tokens per row, special tokens included. Default: the model's limit.
    pub max_seq_length: Option<usize>,
    /// Which text to cut if a row is too long.
    pub truncation: Truncation,
    /// Pad every row to `max_seq_length` instead of to the longest row of its batch.
    pub pad_to_max_length: bool,
    /// Round the padded length of a batch up to a multiple of this.
    pub pad_to_multiple_of: Option<usize>,
    /// Tokenize again even if the rows are in the cache.
    pub overwrite_cache: bool,
    /// What the training split is called in the data set. Default: `train`.
    pub train_split_name: Option<String>,
    /// What the validation split is called in the data set. Default: `validation`.
    pub validation_split_name: Option<String>,
    /// What the test split is called in the data set. Default: `test`.
    pub test_split_name: Option<String>,
    /// Splits of the data set to leave out, as a list or separated by commas.
    #[serde(deserialize_with = "names")]
    pub remove_splits: Option<Vec<String>>,
    /// Columns to leave out, as a list or separated by commas.
    #[serde(deserialize_with = "names")]
    pub remove_columns: Option<Vec<String>>,
    /// Shuffle the training rows once before `max_train_samples` takes the first.
    pub shuffle_train_dataset: bool,
    /// The seed of `shuffle_train_dataset`. Default: 42.
    pub shuffle_seed: Option<u64>,
    /// Use only the first N training rows.
    pub max_train_samples: Option<usize>,
    /// Use only the first N validation rows.
    pub max_eval_samples: Option<usize>,
    /// Use only the first N test rows.
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
