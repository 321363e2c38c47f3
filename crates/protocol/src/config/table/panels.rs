//! The arguments that no drawer lists, since the panels have fields of their own for them.

use super::super::ProblemType;
use super::ArgumentKind::{Choice, Integer, Text};
use super::{ArgumentGroup, argument};

/// Arguments that the panels set by themselves: which model, which data, which columns.
pub const SET_BY_PANELS: ArgumentGroup = ArgumentGroup {
    group: "Model and data",
    items: &[
        argument(
            "model_name_or_path",
            Text,
            "",
            "The checkpoint to start from: a name on the Hugging Face Hub, or a folder with config.json and model.safetensors. Required.",
        ),
        argument(
            "cache_dir",
            Text,
            "",
            "Folder for downloads. Default: the cache shared with Python (HF_HUB_CACHE).",
        ),
        argument(
            "dataset_name",
            Text,
            "",
            "A dataset's name on the Hub, or a folder laid out like one.",
        ),
        argument(
            "dataset_config_name",
            Text,
            "",
            "The dataset's configuration (mrpc of glue).",
        ),
        argument(
            "train_file",
            Text,
            "",
            "Training rows: CSV, TSV, JSON, JSON Lines, parquet or .xlsx. Several files stand with commas between, or are \
             named by a pattern (part-*.csv).",
        ),
        argument(
            "validation_file",
            Text,
            "",
            "Validation rows, in the same formats.",
        ),
        argument(
            "validation_split_percentage",
            Integer,
            "",
            "If there is no validation split, set aside this percentage of the training rows, 1 to 99.",
        ),
        argument("test_file", Text, "", "Test rows, in the same formats."),
        argument(
            "train_split_name",
            Text,
            "",
            "What the training split is called in the data set. Default: train.",
        ),
        argument(
            "validation_split_name",
            Text,
            "",
            "What the validation split is called in the data set. Default: validation.",
        ),
        argument(
            "test_split_name",
            Text,
            "",
            "What the test split is called in the data set. Default: test.",
        ),
        argument(
            "remove_splits",
            Text,
            "",
            "Splits of the data set to leave out, as a list or separated by commas.",
        ),
        argument(
            "remove_columns",
            Text,
            "",
            "Columns to leave out, as a list or separated by commas.",
        ),
        argument(
            "text_column_names",
            Text,
            "",
            "The one or two text columns, as a list or separated by commas; for tagged words, the column of words. Default: what the task says, else the first text columns.",
        ),
        argument(
            "label_column_name",
            Text,
            "",
            "The column with the labels. Default: label, else the column of tags or of several labels.",
        ),
        argument(
            "label_column_names",
            Text,
            "",
            "For several labels a row: the columns with 1 where a row has the label and 0 where not, as a list or separated by commas. Each label is called what its column is.",
        ),
        argument(
            "problem_type",
            Choice(ProblemType::WORDS),
            "",
            "What is predicted: one class a row, several labels, a number, or the class of each token. Default: what the labels look like.",
        ),
    ],
};
