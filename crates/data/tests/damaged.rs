//! Damaged files of every kind that this crate reads end with an answer or an error.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use common::{gzip, zip};
use parquet::arrow::ArrowWriter;
use tunesmith_damage::{Kind, Meter, Trial, fixtures};
use tunesmith_data::{DataError, Dataset, Format, LoadDataset, TokenizeOptions, Tokenizer};

#[global_allocator]
static METER: Meter = Meter;

/// Builds the tokenizer and tries it; that a text is refused is an answer too.
fn tokenize(bytes: &[u8]) -> Result<(), DataError> {
    let tokenizer = Tokenizer::from_bytes(bytes, None)?;
    let cut = TokenizeOptions {
        max_length: Some(8),
        ..TokenizeOptions::default()
    };
    for text in fixtures::TEXTS {
        let _ = tokenizer.encode(text, None, &TokenizeOptions::default());
        let _ = tokenizer.encode(text, Some(fixtures::TEXTS[0]), &cut);
    }
    tokenizer.num_ids();
    Ok(())
}

#[test]
fn tokenizer_json() {
    let files = fixtures::tokenizers();
    let trial = Trial {
        name: "tokenizer.json",
        kind: Kind::Json,
        files: &files,
        // In a browser nothing catches it.
        caught_panics_fail: true,
        one_in: 1,
    };
    trial.run(tokenize);
    trial.cut(tokenize, |_, ()| false);
}

#[test]
fn tokenizer_config_json() {
    let tokenizer = fixtures::tokenizers().swap_remove(0);
    let config = br#"{"padding_side": "left", "model_max_length": 512, "do_lower_case": true,
        "pad_token": {"content": "[PAD]"}, "pad_token_type_id": 0, "truncation_side": "right",
        "added_tokens_decoder": {"0": {"content": "[PAD]", "special": true}}}"#;
    let files = [config.to_vec()];
    let trial = Trial {
        name: "tokenizer_config.json",
        kind: Kind::Json,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    let read = |bytes: &[u8]| {
        let read = Tokenizer::from_bytes(&tokenizer, Some(bytes))?;
        let _ = read.encode("the rain", None, &TokenizeOptions::default());
        Ok::<_, DataError>(())
    };
    trial.run(read);
    trial.cut(read, |_, ()| false);
}

/// Files of older tokenizers: a copy of the golden's folder, in which one file is damaged.
fn older(kind: &str, file: &str, of: Kind) {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens");
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(goldens.join("tokenizer_files").join(kind)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join(file);
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let tokenizer = Tokenizer::from_file(folder.path())?;
        for text in fixtures::TEXTS {
            let _ = tokenizer.encode(text, Some("two"), &TokenizeOptions::default());
        }
        Ok::<_, DataError>(())
    };
    let files = [std::fs::read(&path).unwrap()];
    let trial = Trial {
        name: file,
        kind: of,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    trial.run(read);
    // A shorter list of words or pieces is a list too.
    trial.cut(read, |_, ()| true);
}

#[test]
fn files_of_older_tokenizers() {
    older("bert", "vocab.txt", Kind::Text);
    older("roberta", "vocab.json", Kind::Json);
    older("roberta", "merges.txt", Kind::Text);
    older("xlm_roberta", "sentencepiece.bpe.model", Kind::Bytes);
    older("albert", "spiece.model", Kind::Bytes);
    older("deberta_v3", "spm.model", Kind::Bytes);
}

#[test]
fn dataset_cards() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["train.csv", "below/test.csv", "test.csv"] {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "text,label\na,1\nb,0\n").unwrap();
    }
    let read = |bytes: &[u8]| {
        std::fs::write(folder.path().join("README.md"), bytes).unwrap();
        LoadDataset::new(folder.path().to_str().unwrap())
            .in_memory_limit(1 << 20)
            .load()
            .map(|_| ())
    };
    let files = fixtures::cards();
    let trial = Trial {
        name: "README.md of a data set",
        kind: Kind::Text,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    trial.run(read);
    // A card is advice: one that is cut short says less.
    trial.cut(read, |_, ()| true);
}

fn rows(bytes: &[u8], name: &str, format: Format) -> Result<usize, DataError> {
    Ok(Dataset::from_bytes(name, format, bytes.to_vec())?.num_rows())
}

#[test]
fn csv() {
    let files = fixtures::csv();
    for (name, format, file) in [
        ("rows.csv", Format::Csv, &files[..1]),
        ("rows.tsv", Format::Tsv, &files[1..]),
    ] {
        let trial = Trial {
            name,
            kind: Kind::Text,
            files: file,
            caught_panics_fail: true,
            one_in: 1,
        };
        let read = |bytes: &[u8]| rows(bytes, name, format);
        trial.run(read);
        // A line less is a file as well.
        trial.cut(read, |_, _| true);
    }
}

#[test]
fn json_lines() {
    let files = fixtures::json_lines();
    let trial = Trial {
        name: "rows.jsonl",
        kind: Kind::JsonLines,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    let read = |bytes: &[u8]| rows(bytes, "rows.jsonl", Format::JsonLines);
    trial.run(read);
    // Every whole line is a row, and no other.
    trial.cut(read, |bytes, rows| {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        rows == lines + usize::from(bytes.last().is_some_and(|byte| *byte == b'}'))
    });
}

fn parquet_file() -> Vec<u8> {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "text",
            Arc::new(StringArray::from(vec![
                Some("a"),
                None,
                Some("b"),
                Some("a"),
            ])),
        ),
        ("label", Arc::new(Int64Array::from(vec![1, 0, 1, 1]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn parquet() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/paraphrase/mrpc_like");
    let ours = std::fs::read(root.join("validation-00000-of-00001.parquet")).unwrap();
    let files = [parquet_file(), ours];
    let trial = Trial {
        name: "rows.parquet",
        kind: Kind::Bytes,
        files: &files,
        // The parquet crate panics on some, which is caught where the file is read.
        caught_panics_fail: false,
        one_in: 1,
    };
    let read = |bytes: &[u8]| rows(bytes, "rows.parquet", Format::Parquet);
    trial.run(read);
    trial.cut(read, |_, _| false);
}

/// Tries files of one format, of which no beginning is a whole one, and has every error name the file.
fn never_whole(name: &str, format: Format, kind: Kind, files: &[Vec<u8>], panics_fail: bool) {
    // Nothing at all is a file of JSON Lines without a line.
    let may_be_empty = format == Format::JsonLines;
    let trial = Trial {
        name,
        kind,
        files,
        caught_panics_fail: panics_fail,
        one_in: 1,
    };
    let read = |bytes: &[u8]| rows(bytes, name, format);
    trial.run(read);
    let named = |bytes: &[u8]| {
        let read = read(bytes);
        if let Err(error) = &read {
            let text = error.to_string();
            assert!(text.contains(name), "cut at {}: {text}", bytes.len());
        }
        read
    };
    trial.cut(named, |bytes, _| may_be_empty && bytes.is_empty());
}

#[test]
fn json_lists() {
    let files = [
        &br#"[{"text": "a", "label": 1}, {"text": "b", "label": 0}]"#[..],
        br#"{"version": 2, "data": [{"text": "a", "label": 1}, {"text": "b", "late": [1]}]}"#,
    ];
    let files = files.map(<[u8]>::to_vec);
    never_whole("rows.json", Format::JsonLines, Kind::Json, &files, true);
}

const PLAIN: &[u8] = b"text,label\nthe rain,1\n\"a, b\",0\n";

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn gzip_files() {
    let files = [gzip(PLAIN), gzip(&gzip(PLAIN))];
    never_whole("rows.csv.gz", Format::Csv, Kind::Bytes, &files, true);
}

#[test]
fn zip_files() {
    let files = [
        zip(&[("rows.csv", PLAIN)]),
        zip(&[("a.csv", PLAIN), ("b.csv", PLAIN)]),
    ];
    never_whole("rows.csv.zip", Format::Csv, Kind::Bytes, &files, true);
}

#[test]
fn zstd_files() {
    let files = [fixture("rows.csv.zst")];
    never_whole("rows.csv.zst", Format::Csv, Kind::Bytes, &files, true);
}

#[test]
fn workbooks() {
    let sheet =
        b"<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>text</t></is></c>\
        <c r=\"B1\" t=\"s\"><v>0</v></c></row><row r=\"2\"><c r=\"A2\" t=\"str\"><v>a</v></c>\
        <c r=\"B2\"><v>1</v></c></row></sheetData></worksheet>";
    let members: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", b"<Types/>"),
        (
            "xl/workbook.xml",
            b"<workbook><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            b"<Relationships><Relationship Id=\"rId1\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
        ),
        ("xl/sharedStrings.xml", b"<sst><si><t>label</t></si></sst>"),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    never_whole(
        "rows.xlsx",
        Format::Sheet,
        Kind::Bytes,
        &[zip(&members)],
        true,
    );
    // The parts themselves, since damage to the archive seldom gets past its checksums.
    for damaged in [1, 2, 3, 4] {
        let read = |bytes: &[u8]| {
            let mut members = members;
            members[damaged].1 = bytes;
            rows(&zip(&members), "rows.xlsx", Format::Sheet)
        };
        let trial = Trial {
            name: members[damaged].0,
            kind: Kind::Text,
            files: &[members[damaged].1.to_vec()],
            caught_panics_fail: true,
            one_in: 1,
        };
        trial.run(read);
        trial.cut(read, |_, _| true);
    }
}

#[test]
fn parquet_codecs() {
    let codecs = ["none", "snappy", "gzip", "brotli", "zstd", "zstd_v2", "lz4"];
    let files = codecs.map(|codec| fixture(&format!("{codec}.parquet")));
    // As above: the crate's panics are caught.
    never_whole("rows.parquet", Format::Parquet, Kind::Bytes, &files, false);
}
