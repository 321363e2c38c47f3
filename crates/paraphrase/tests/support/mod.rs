//! The committed pairs, as their readers find them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tunesmith_paraphrase::files::CONFIG;

/// One pair.
pub struct Row {
    pub sentence1: String,
    pub sentence2: String,
    pub label: bool,
}

/// Every row of a split.
pub fn read(split: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/paraphrase")
        .join(CONFIG)
        .join(format!("{split}-00000-of-00001.parquet"));
    let file = std::fs::File::open(&path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let text = |name| batch.column_by_name(name).unwrap().as_string::<i32>();
        let label = batch
            .column_by_name("label")
            .unwrap()
            .as_primitive::<Int64Type>();
        let idx = batch
            .column_by_name("idx")
            .unwrap()
            .as_primitive::<Int32Type>();
        for i in 0..batch.num_rows() {
            assert_eq!(usize::try_from(idx.value(i)).unwrap(), rows.len());
            assert!((0..=1).contains(&label.value(i)));
            rows.push(Row {
                sentence1: text("sentence1").value(i).to_owned(),
                sentence2: text("sentence2").value(i).to_owned(),
                label: label.value(i) == 1,
            });
        }
    }
    rows
}
