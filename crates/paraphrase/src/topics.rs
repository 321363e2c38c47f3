//! Sentences by topic: a set that a model without any training learns within a minute, for a first try.
//!
//! The sentences come from the same grammar as the pairs, and state facts that no pair states.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;

use crate::dataset::Generator;
use crate::error::Error;
use crate::files::{self, File};

/// The folder of the set, from the root of the repository.
pub const FOLDER: &str = "data/news";

/// Its splits and their rows.
pub const SPLITS: [(&str, u32); 2] = [("train", 1600), ("validation", 200)];

/// The topics, in the order of their numbers: files of the grammar whose events don't mix. Crime would be
/// hard to tell from the courts, business from the economy, and councils decide about all of it.
pub const LABELS: [&str; 8] = [
    "business",
    "culture",
    "health",
    "police",
    "science",
    "sports",
    "transport",
    "weather",
];

const CARD: &str = include_str!("topics.md");

/// A sentence and the number of its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The sentence.
    pub text: String,
    /// Its place in [`LABELS`].
    pub label: i64,
}

/// The files of the set.
///
/// # Errors
/// As [`Generator::topics`], and where parquet can't be written.
pub(crate) fn files(generator: &mut Generator) -> Result<Vec<File>, Error> {
    let root = Path::new(FOLDER);
    let mut card = CARD.to_owned();
    let mut files = Vec::new();
    for (split, rows) in SPLITS {
        let rows = generator.topics(&format!("news-{split}"), rows)?;
        card = card.replace(&format!("{{{{{split}.rows}}}}"), &rows.len().to_string());
        files.push(File {
            path: root.join(format!("{split}-00000-of-00001.parquet")),
            bytes: parquet(split, &rows)?,
        });
    }
    files.push(File {
        path: root.join("README.md"),
        bytes: card.into_bytes(),
    });
    Ok(files)
}

fn parquet(split: &str, rows: &[Row]) -> Result<Vec<u8>, Error> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("text", DataType::Utf8, true),
        Field::new("label", DataType::Int64, true),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            rows.iter().map(|row| row.text.as_str()),
        )),
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| row.label),
        )),
    ];
    let features = json!({"info": {"features": {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": LABELS, "_type": "ClassLabel"},
    }}});
    files::parquet(split, schema, columns, features.to_string())
}
