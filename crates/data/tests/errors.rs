//! Bad input: each message says what is wrong, where, and what to do.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use tunesmith_data::{DataError, Dataset, Format, LoadDataset, check_labels, label_info};

fn parse(format: Format, bytes: impl Into<Vec<u8>>) -> Result<Dataset, DataError> {
    Dataset::from_bytes("input", format, bytes.into())
}

fn message<T>(result: Result<T, DataError>) -> String {
    result.err().unwrap().to_string()
}

fn parquet_bytes(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn small_parquet() -> Vec<u8> {
    let texts: StringArray = (0..50).map(|i| Some(format!("text {i}"))).collect();
    let labels: Int64Array = (0..50).map(|i| Some(i % 2)).collect();
    parquet_bytes(vec![("text", Arc::new(texts)), ("label", Arc::new(labels))])
}

#[test]
fn truncated_parquet() {
    let file = "mrpc_like/validation-00000-of-00001.parquet";
    let whole = std::fs::read(common::paraphrase_folder().join(file)).unwrap();
    assert_eq!(
        parse(Format::Parquet, whole.clone()).unwrap().num_rows(),
        400
    );
    for length in [0, 7, 1000, whole.len() / 2, whole.len() - 1] {
        let text = message(parse(Format::Parquet, &whole[..length]));
        assert!(
            text.starts_with("input is not a readable parquet file ("),
            "{text}"
        );
        assert!(text.contains("download or write it again"), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    std::fs::write(&path, &whole[..500]).unwrap();
    let text = message(LoadDataset::new(path.to_str().unwrap()).load());
    assert!(
        text.contains("train.parquet is not a readable parquet file"),
        "{text}"
    );
}

#[test]
fn corrupt_parquet_is_an_error_and_never_a_panic() {
    let whole = small_parquet();
    let mut errors = 0;
    for position in 0..whole.len() {
        let mut bad = whole.clone();
        bad[position] ^= 0xff;
        if let Err(error) = parse(Format::Parquet, bad) {
            errors += 1;
            // A changed name or type in the footer is told as such, anything else as damage.
            let known = matches!(
                error,
                DataError::Parquet { .. }
                    | DataError::ColumnType { .. }
                    | DataError::NoColumn { .. }
                    | DataError::DuplicateColumn { .. }
                    | DataError::Codec { .. }
            );
            assert!(known, "byte {position}: {error}");
        }
    }
    assert!(errors > whole.len() / 4, "{errors} of {}", whole.len());
}

#[test]
fn parquet_of_a_codec_that_is_not_read() {
    const LZO: u8 = 3 << 1;
    let whole = small_parquet();
    // No writer of it is built in: one of the footer's bytes is the codec of the first column.
    let told = (0..whole.len()).find_map(|position| {
        let mut other = whole.clone();
        other[position] = LZO;
        parse(Format::Parquet, other)
            .err()
            .filter(|error| matches!(error, DataError::Codec { .. }))
    });
    let text = told.unwrap().to_string();
    assert!(
        text.starts_with("input: the column 'text' is compressed with lzo, which is not read"),
        "{text}"
    );
    assert!(text.contains("to_parquet(path)"), "{text}");
}

#[test]
fn parquet_columns_that_cannot_be_read() {
    // Lists of lists.
    let mut lists = ListBuilder::new(ListBuilder::new(Int32Builder::new()));
    lists.values().values().append_value(1);
    lists.values().append(true);
    lists.append(true);
    let lists = lists.finish();
    let texts = StringArray::from(vec!["a"]);
    let bytes = parquet_bytes(vec![("words", Arc::new(lists)), ("text", Arc::new(texts))]);
    let all = parse(Format::Parquet, bytes.clone()).unwrap();
    assert_eq!(all.column_names(), ["text"]);
    let text = message(all.column("words").map(|_| ()));
    assert!(text.starts_with("column \"words\" is List("), "{text}");
    assert!(text.contains("in input: only text, numbers"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    std::fs::write(&path, bytes).unwrap();
    let some = LoadDataset::new(path.to_str().unwrap())
        .columns(["text"])
        .load()
        .unwrap();
    assert_eq!(
        some.get("train").unwrap().row(0).unwrap().to_string(),
        r#"{"text": "a"}"#
    );
}

#[test]
fn csv_with_a_wrong_number_of_fields() {
    assert_eq!(
        message(parse(Format::Csv, "text,label\na,1\nb,c,0\n")),
        "input, line 3: 3 fields where the header has 2. Look for a separator inside unquoted text, \
         or a quote that is not closed"
    );
    assert!(message(parse(Format::Tsv, "text\tlabel\na\n")).starts_with("input, line 2: 1 fields"));
    assert!(message(parse(Format::Csv, "")).contains("the file is empty"));
}

#[test]
fn text_that_is_not_utf8() {
    let text = message(parse(Format::Csv, b"text,label\nok,1\ncaf\xe9\x81,0\n"));
    assert_eq!(
        text,
        "input, line 3: byte 3 of the line is not UTF-8, and the file is not UTF-16 or Windows-1252 either. \
         Save it with the encoding UTF-8"
    );
    let text = message(parse(Format::JsonLines, b"{\"a\": 1}\n{\"a\": \"\x9d\"}\n"));
    assert!(
        text.starts_with("input, line 2: byte 7 of the line is not UTF-8"),
        "{text}"
    );
}

#[test]
fn json_lines_that_are_not_alike() {
    let json = |text: &str| message(parse(Format::JsonLines, text));
    let text = json("{\"a\": 1}\n{\"a\": }\n");
    assert!(
        text.starts_with("input, line 2: not valid JSON (expected value"),
        "{text}"
    );
    let text = json("{\"a\": [1]}\n");
    assert!(
        text.starts_with("input: one JSON object whose fields (a) are no rows"),
        "{text}"
    );
    let text = json("{\"a\": 1}\n[2]\n");
    assert!(text.starts_with("input, line 2: a list, but"), "{text}");
    assert!(json("7\n").contains("not an object"));
}

#[test]
fn columns_that_are_not_there() {
    let data = parse(Format::Csv, "sentence1,label\na,1\n").unwrap();
    assert_eq!(
        message(data.column("sentance1").map(|_| ())),
        "there is no column \"sentance1\"; the columns are sentence1, label. Did you mean \"sentence1\"?"
    );
    assert!(message(check_labels(&data, "labels", 2)).contains("Did you mean \"label\"?"));
    assert!(message(label_info(&data, "y")).contains("the columns are sentence1, label"));
}

fn labels(json: &str) -> Dataset {
    let lines: Vec<String> = json
        .split(' ')
        .map(|label| format!("{{\"label\": {label}}}"))
        .collect();
    parse(Format::JsonLines, lines.join("\n")).unwrap()
}

#[test]
fn labels_that_cannot_be_trained_on() {
    let check = |json: &str, num_labels| message(check_labels(&labels(json), "label", num_labels));
    assert_eq!(
        check_labels(&labels("0 1 1 2"), "label", 3).unwrap(),
        [1, 2, 1]
    );
    assert_eq!(
        check("0 1 2", 2),
        "row 2, column \"label\": label 2 is out of range, the classes are 0 to 1"
    );
    let text = check("0 -1", 2);
    assert!(
        text.starts_with("row 1, column \"label\": label -1 is out of range"),
        "{text}"
    );
    assert!(
        text.contains("-1 marks rows without a known label"),
        "{text}"
    );
    let text = check("0 null 1", 2);
    assert!(
        text.starts_with("row 1, column \"label\": the label is missing (null)"),
        "{text}"
    );
    let text = check("\"no\" \"yes\"", 2);
    assert!(
        text.contains("column \"label\" is Value('string')")
            && text.contains("class_encode_column"),
        "{text}"
    );
    let text = check("0.0 0.5", 2);
    assert!(
        text.starts_with("row 0, column \"label\": 0.0, but a class label must be a whole number"),
        "{text}"
    );
    let text = check("1 1 1", 2);
    assert!(
        text.starts_with("column \"label\": all 3 rows have the same label, 1;"),
        "{text}"
    );
    assert_eq!(check_labels(&labels("0.5 1"), "label", 1).unwrap(), [2]);
    assert!(check("0.5 null", 1).contains("row 1"));
    assert!(message(label_info(&labels("\"no\""), "label")).contains("class_encode_column"));
    assert_eq!(
        label_info(&labels("0 1 2"), "label").unwrap().num_labels(),
        3
    );
    // Classes are counted, not their largest number.
    let far = label_info(&labels("0 1073741824"), "label").unwrap();
    assert_eq!(far.num_labels(), 2);
    assert_eq!(label_info(&labels("0.5"), "label").unwrap().num_labels(), 1);
}

#[test]
fn an_empty_split() {
    let empty = parse(Format::Csv, "text,label\n").unwrap();
    assert_eq!(empty.num_rows(), 0);
    let text = message(check_labels(&empty, "label", 2));
    assert_eq!(
        text,
        "the split has no rows: check the file, or the filter that made it"
    );
}
