//! The committed files: parquet in the Hub's layout, the dataset card, CSV examples, and the model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::dataset::{Generator, LABELS};
use crate::error::Error;
use crate::pair::Pair;
use crate::{tiny, topics};

/// The config's name, and the folder of its parquet files.
pub const CONFIG: &str = "mrpc_like";

/// Splits of the data set and their rows.
pub const SPLITS: [(&str, u32); 3] = [("train", 3600), ("validation", 400), ("test", 1700)];

/// CSV files for the "use your own data" walk-through, and their rows.
pub const EXAMPLES: [(&str, u32); 3] = [
    ("my_pairs_train.csv", 200),
    ("my_pairs_validation.csv", 60),
    ("my_pairs_sample.csv", 20),
];

const CARD: &str = include_str!("card.md");

/// One generated file.
#[derive(Debug, Clone)]
pub struct File {
    /// The path from the root of the repository.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Generates every committed file, in memory.
///
/// # Errors
/// Any [`Error`] but [`Error::Io`].
pub fn generate() -> Result<Vec<File>, Error> {
    let mut generator = Generator::new()?;
    let root = Path::new("data/paraphrase");
    let mut files = Vec::new();
    let mut sentences = Vec::new();
    let mut card = CARD
        .replace("{{events}}", &generator.events().to_string())
        .replace("{{forms}}", &generator.forms().to_string());
    let (mut download_bytes, mut dataset_bytes) = (0, 0);
    for (split, rows) in SPLITS {
        let pairs = generator.split(split, rows)?;
        let bytes = pairs_parquet(split, &pairs)?;
        card = fill(&card, split, &pairs);
        download_bytes += bytes.len();
        dataset_bytes += arrow_bytes(&pairs);
        files.push(File {
            path: root
                .join(CONFIG)
                .join(format!("{split}-00000-of-00001.parquet")),
            bytes,
        });
        sentences.extend(pairs.into_iter().flat_map(|p| [p.sentence1, p.sentence2]));
    }
    card = card
        .replace("{{download_bytes}}", &download_bytes.to_string())
        .replace("{{dataset_bytes}}", &dataset_bytes.to_string());
    for (name, rows) in EXAMPLES {
        files.push(File {
            path: Path::new("examples/data").join(name),
            bytes: csv(&generator.split(name, rows)?).into_bytes(),
        });
    }
    files.push(File {
        path: root.join("README.md"),
        bytes: card.into_bytes(),
    });
    files.extend(tiny::files(&sentences)?);
    files.extend(topics::files(&mut generator)?);
    Ok(files)
}

/// Writes every committed file under `root`, making folders as needed.
///
/// # Errors
/// Any [`Error`].
pub fn write_all(root: &Path) -> Result<Vec<File>, Error> {
    let files = generate()?;
    for file in &files {
        let path = root.join(&file.path);
        let folder = path.parent().unwrap_or(root);
        let written =
            std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &file.bytes));
        written.map_err(|source| Error::Io { path, source })?;
    }
    Ok(files)
}

/// What `datasets` writes under the key `huggingface`.
fn features() -> String {
    let value = |dtype: &str| serde_json::json!({"dtype": dtype, "_type": "Value"});
    serde_json::json!({"info": {"features": {
        "sentence1": value("string"),
        "sentence2": value("string"),
        "label": {"names": LABELS, "_type": "ClassLabel"},
        "idx": value("int32"),
    }}})
    .to_string()
}

fn pairs_parquet(split: &str, pairs: &[Pair]) -> Result<Vec<u8>, Error> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("sentence1", DataType::Utf8, true),
        Field::new("sentence2", DataType::Utf8, true),
        Field::new("label", DataType::Int64, true),
        Field::new("idx", DataType::Int32, true),
    ]));
    let sentences = |of: fn(&Pair) -> &str| StringArray::from_iter_values(pairs.iter().map(of));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(sentences(|pair| &pair.sentence1)),
        Arc::new(sentences(|pair| &pair.sentence2)),
        Arc::new(Int64Array::from_iter_values(pairs.iter().map(Pair::label))),
        Arc::new(Int32Array::from_iter_values((0..).take(pairs.len()))),
    ];
    parquet(split, schema, columns, features())
}

/// A parquet file with the features that `datasets` reads from its metadata.
pub(crate) fn parquet(
    split: &str,
    schema: Arc<Schema>,
    columns: Vec<ArrayRef>,
    features: String,
) -> Result<Vec<u8>, Error> {
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|source| Error::Arrow {
        split: split.to_owned(),
        source,
    })?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        // Without the library's version, so that an upgrade alone leaves the bytes as they are.
        .set_created_by("tunesmith-paraphrase".to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "huggingface".to_owned(),
            features,
        )]))
        .build();
    let mut bytes = Vec::new();
    let written =
        ArrowWriter::try_new(&mut bytes, schema, Some(properties)).and_then(|mut writer| {
            writer.write(&batch)?;
            writer.close()
        });
    written.map_err(|source| Error::Parquet {
        split: split.to_owned(),
        source,
    })?;
    Ok(bytes)
}

fn csv(pairs: &[Pair]) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = String::from("sentence1,sentence2,label\n");
    for pair in pairs {
        let label = LABELS[usize::from(pair.label() == 1)];
        let (a, b) = (quote(&pair.sentence1), quote(&pair.sentence2));
        text.extend([&a, ",", &b, ",", label, "\n"]);
    }
    text
}

/// A sum over all sentences.
fn total(pairs: &[Pair], of: fn(&str) -> usize) -> usize {
    pairs
        .iter()
        .map(|pair| of(&pair.sentence1) + of(&pair.sentence2))
        .sum()
}

/// The size in memory: the text, an 8-byte label, a 4-byte `idx`, and a 4-byte offset a string.
fn arrow_bytes(pairs: &[Pair]) -> usize {
    total(pairs, str::len) + pairs.len() * (8 + 4 + 2 * 4)
}

/// Puts a split's figures into the card.
fn fill(card: &str, split: &str, pairs: &[Pair]) -> String {
    let rows = pairs.len();
    let equivalent = pairs.iter().filter(|pair| pair.label() == 1).count();
    let words = total(pairs, |sentence| sentence.split_whitespace().count());
    let mean_tenths = words * 10 / (2 * rows.max(1));
    let share_permille = equivalent * 1000 / rows.max(1);
    [
        ("rows", rows.to_string()),
        ("equivalent", equivalent.to_string()),
        ("not_equivalent", (rows - equivalent).to_string()),
        (
            "share",
            format!("{}.{} %", share_permille / 10, share_permille % 10),
        ),
        (
            "words",
            format!("{}.{}", mean_tenths / 10, mean_tenths % 10),
        ),
        ("arrow_bytes", arrow_bytes(pairs).to_string()),
    ]
    .iter()
    .fold(card.to_owned(), |card, (figure, value)| {
        card.replace(&format!("{{{{{split}.{figure}}}}}"), value)
    })
}
