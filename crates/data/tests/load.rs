//! Files, folders and names become datasets.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use tunesmith_data::{
    CsvOptions, DataError, DataFile, Format, LoadDataset, Value, label_info, load_dataset,
};

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The same six pairs as CSV and as TSV. The second begins with a lone quote, which TSV doesn't know.
fn six_pairs(folder: &Path) -> (String, String) {
    let pairs = [
        ("The ferry leaves at six.", "At six the ferry goes.", 1),
        (
            "\" We are closed , she said .",
            "She said \"open\" twice.",
            0,
        ),
        ("The river, it rose.", "It fell.", 0),
        ("Ten tons of apples", "10 tons of apples", 1),
        ("Zero, a number.", "One is odd.", 0),
        ("Nobody came, again.", "Again nobody came.", 1),
    ];
    let mut csv = "label,sentence1,sentence2\n".to_owned();
    let mut tsv = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n".to_owned();
    for (id, (one, two, label)) in pairs.into_iter().enumerate() {
        let name = ["not_equivalent", "equivalent"][label];
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        csv.push_str(&format!("{name},{},{}\n", quoted(one), quoted(two)));
        tsv.push_str(&format!("{label}\t{id}\t{}\t{one}\t{two}\n", id + 100));
    }
    (
        write(folder, "dev.csv", &csv),
        write(folder, "dev.tsv", &tsv),
    )
}

#[test]
fn csv_and_tsv_have_the_types_of_pandas() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, tsv) = six_pairs(folder.path());
    let csv = load_dataset(&csv, None).unwrap();
    let dev = csv.get("train").unwrap();
    assert_eq!(dev.num_rows(), 6);
    assert_eq!(
        dev.features().to_string(),
        "{'label': Value('string'), 'sentence1': Value('string'), 'sentence2': Value('string')}"
    );
    // A lone quote begins a sentence in these files: nothing is quoted in TSV.
    let tsv = load_dataset(&tsv, None).unwrap();
    let tsv = tsv.get("train").unwrap();
    assert_eq!(tsv.num_rows(), 6);
    assert_eq!(
        tsv.features().to_string(),
        "{'Quality': Value('int64'), '#1 ID': Value('int64'), '#2 ID': Value('int64'), \
         '#1 String': Value('string'), '#2 String': Value('string')}"
    );
    for row in 0..6 {
        let (csv, tsv) = (dev.row(row).unwrap(), tsv.row(row).unwrap());
        assert_eq!(csv.get("sentence1"), tsv.get("#1 String"));
        let equivalent = csv.get("label") == Some(Value::Str("equivalent"));
        assert_eq!(tsv.get("Quality"), Some(Value::Int(equivalent.into())));
    }
}

#[test]
fn strings_in_the_label_column_become_classes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = six_pairs(folder.path());
    let dev = LoadDataset::files([("validation", path)])
        .label_column("label")
        .load()
        .unwrap();
    let dev = dev.get("validation").unwrap();
    assert_eq!(
        dev.features().get("label").unwrap().to_string(),
        "ClassLabel(names=['equivalent', 'not_equivalent'])"
    );
    let labels: Vec<_> = dev
        .column("label")
        .unwrap()
        .iter()
        .map(|v| v.as_i64())
        .collect();
    assert_eq!(labels, [0, 1, 1, 0, 1, 0].map(Some));
    assert_eq!(label_info(dev, "label").unwrap().num_labels(), 2);
}

#[test]
fn json_lines_have_types_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "train.jsonl",
        "{\"text\": \"a \\u00e9\", \"label\": 1, \"score\": 1, \"ok\": true, \"note\": null}\n\n\
         {\"score\": 0.5, \"text\": null, \"label\": -1, \"ok\": false, \"note\": null}\n",
    );
    let train = load_dataset(&path, None).unwrap();
    let train = train.get("train").unwrap();
    assert_eq!(
        train.features().to_string(),
        "{'text': Value('string'), 'label': Value('int64'), 'score': Value('float64'), \
         'ok': Value('bool'), 'note': Value('string')}"
    );
    assert_eq!(
        train.row(0).unwrap().to_string(),
        r#"{"text": "a é", "label": 1, "score": 1.0, "ok": true, "note": null}"#
    );
    assert_eq!(train.row(1).unwrap().get("label"), Some(Value::Int(-1)));
}

#[test]
fn files_of_a_split_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let a = write(folder.path(), "a.csv", "t,n\nx,1\n");
    let b = write(folder.path(), "b.csv", "t,n\ny,2.5\n");
    let c = write(folder.path(), "c.txt", "t;n\nz;3\n");
    let both = LoadDataset::files([("train", &a), ("train", &b), ("test", &a)])
        .load()
        .unwrap();
    assert_eq!(both.names(), ["train", "test"]);
    let train = both.get("train").unwrap();
    assert_eq!(
        train.features().get("n").unwrap().to_string(),
        "Value('float64')"
    );
    assert_eq!(train.row(1).unwrap().get("n"), Some(Value::Float(2.5)));
    assert_eq!(
        both.get("test").unwrap().row(0).unwrap().get("n"),
        Some(Value::Float(1.0))
    );
    let file = DataFile {
        split: "train".into(),
        path: c.into(),
        format: Some(Format::Csv),
    };
    let options = CsvOptions {
        delimiter: b';',
        quoting: true,
    };
    let semicolons = LoadDataset::data_files(vec![file])
        .csv(options)
        .columns(["n"])
        .load()
        .unwrap();
    assert_eq!(
        semicolons.get("train").unwrap().features().to_string(),
        "{'n': Value('int64')}"
    );
}

#[test]
fn the_dataset_card_names_classes_and_files() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "README.md",
        "---
configs:
- config_name: default
  data_files:
  - split: train
    path: first/*.csv
  - split: holdout
    path: second.csv
dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': bad
          '1': good
---
",
    );
    write(folder.path(), "first/1.csv", "text,label\na,1\n");
    write(folder.path(), "first/2.csv", "text,label\nb,0\n");
    write(folder.path(), "second.csv", "text,label\nc,-1\n");
    let datasets = load_dataset(folder.path().to_str().unwrap(), None).unwrap();
    assert_eq!(datasets.names(), ["train", "holdout"]);
    let train = datasets.get("train").unwrap();
    assert_eq!(train.num_rows(), 2);
    assert_eq!(
        train.features().to_string(),
        "{'text': Value('string'), 'label': ClassLabel(names=['bad', 'good'])}"
    );
    let holdout = datasets.get("holdout").unwrap();
    assert_eq!(holdout.row(0).unwrap().get("label"), Some(Value::Int(-1)));
}

#[test]
fn a_changed_file_is_read_again_past_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &str| {
        let data = LoadDataset::new(path)
            .in_memory_limit(0)
            .cache_dir(folder.path().join("cache"))
            .load()
            .unwrap();
        let train = data.get("train").unwrap();
        train.row(0).unwrap().to_string()
    };
    let path = write(folder.path(), "train.csv", "t\nx\n");
    assert_eq!(load(&path), r#"{"t": "x"}"#);
    write(folder.path(), "train.csv", "t\nlonger\n");
    assert_eq!(load(&path), r#"{"t": "longer"}"#);
}

#[test]
fn what_does_not_exist_is_told() {
    let message = |path: &str| load_dataset(path, None).err().unwrap().to_string();
    let nothing = message("./no/such/folder");
    assert!(
        nothing.contains("no such file or folder") && nothing.contains("id of a dataset"),
        "{nothing}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data.xlsx", "");
    assert!(message(&path).contains("not a workbook"));
    let path = write(folder.path(), "data.doc", "a\tb\n");
    assert!(
        message(&path)
            .contains("must end in .parquet, .csv, .tsv, .jsonl, .json, .xlsx, or .conll or .txt")
    );
    let path = write(
        folder.path(),
        "prose.txt",
        "One line of text.\nAnd one more.\n",
    );
    assert!(message(&path).contains("must have a word and its tags"));
    let csv = write(folder.path(), "a.csv", "text,label\nx,1\n");
    let wrong = LoadDataset::new(csv)
        .columns(["txet"])
        .load()
        .err()
        .unwrap()
        .to_string();
    assert!(wrong.ends_with("Did you mean \"text\"?"), "{wrong}");
}

#[test]
fn a_text_file_is_conll_where_somebody_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "train.txt",
        "Ann B-PER\nran O\n\nRome B-LOC\n",
    );
    let loaded = load_dataset(&path, None).unwrap();
    let row = loaded.get("train").unwrap().row(0).unwrap();
    assert_eq!(
        row.to_string(),
        r#"{"tokens": ["Ann", "ran"], "tags": ["B-PER", "O"]}"#
    );
    // Among other files it may be anything.
    write(folder.path(), "train.csv", "text,label\na,1\n");
    let loaded = load_dataset(folder.path().to_str().unwrap(), None).unwrap();
    assert_eq!(
        loaded.get("train").unwrap().column_names(),
        ["text", "label"]
    );
}

#[test]
fn every_split_has_the_types_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| write(folder.path(), name, text);
    let train = write("train.csv", "text,label\na,1.5\nb,4\n");
    let valid = write("valid.csv", "text,label\n007,3\n12,4\n");
    let test = write("test.csv", "text,label\nx,?\n");
    let load = |train: &str, valid: &str| {
        LoadDataset::files([("train", train), ("validation", valid), ("test", &test)])
            .load()
            .unwrap()
    };
    let loaded = load(&train, &valid);
    let validation = loaded.get("validation").unwrap();
    assert_eq!(
        validation.features().to_string(),
        "{'text': Value('string'), 'label': Value('float64')}"
    );
    assert_eq!(
        validation.row(0).unwrap().to_string(),
        r#"{"text": "007", "label": 3.0}"#
    );
    // What does not fit keeps its own type, so that nothing is lost.
    let test_label = loaded.get("test").unwrap().row(0).unwrap().get("label");
    assert_eq!(test_label, Some(Value::Str("?")));
    let missing = write("missing.csv", "text,label\na,1\nb,\n");
    let whole = write("whole.csv", "text,label\na,1\nb,0\n");
    let loaded = load(&whole, &missing);
    let label = loaded.get("validation").unwrap().features().get("label");
    assert_eq!(label.unwrap().to_string(), "Value('int64')");
}

#[test]
fn columns_are_read_as_text_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let csv = write(folder.path(), "a.csv", "text,n\n007,1.50\n");
    let json = write(folder.path(), "a.jsonl", "{\"text\": 7, \"n\": 1.5}\n");
    let row = |path: &str| {
        let loaded = LoadDataset::new(path).text_columns(["text", "n", "absent"]);
        let loaded = loaded.load().unwrap();
        loaded.get("train").unwrap().row(0).unwrap().to_string()
    };
    assert_eq!(row(&csv), r#"{"text": "007", "n": "1.50"}"#);
    assert_eq!(row(&json), r#"{"text": "7", "n": "1.5"}"#);
}

#[test]
fn the_training_rows_make_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    let train = write(folder.path(), "train.csv", "t,label\na,yes\nb,no\n");
    let test = write(folder.path(), "test.csv", "t,label\nc,?\nd,yes\n");
    let load = |test: &str| {
        LoadDataset::files([("train", train.as_str()), ("test", test)])
            .label_column("label")
            .load()
    };
    let loaded = load(&test).unwrap();
    let test = loaded.get("test").unwrap();
    assert_eq!(
        test.features().get("label").unwrap().to_string(),
        "ClassLabel(names=['no', 'yes'])"
    );
    let ids: Vec<_> = test.column("label").unwrap().iter().collect();
    assert_eq!(ids, [Value::Int(-1), Value::Int(1)]);
    let other = write(folder.path(), "other.csv", "t,label\nc,maybe\n");
    let message = load(&other).err().unwrap().to_string();
    assert!(
        message.contains("split 'test': row 0") && message.contains("no, yes"),
        "{message}"
    );
}

#[test]
fn several_files_and_patterns_are_one_split() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for (name, number) in [
        ("b-2.csv", 3),
        ("b-1.csv", 2),
        ("a.csv", 1),
        ("deep/c-1.csv", 4),
    ] {
        write(name, &format!("text,n\nx,{number}\n"));
    }
    write("a,b.csv", "text,n\nx,9\n");
    let numbers = |name: &str| -> Result<Vec<i64>, DataError> {
        let name = name.replace("@", &format!("{}/", dir.path().display()));
        let loaded = LoadDataset::files([("train", name)]).load()?;
        let rows = loaded.get("train")?;
        let column = rows.column("n")?;
        Ok(column.iter().filter_map(|value| value.as_i64()).collect())
    };
    assert_eq!(numbers("@b-*.csv").unwrap(), [2, 3]);
    assert_eq!(numbers("@b-2.csv, @a.csv").unwrap(), [3, 1]);
    assert_eq!(numbers("@b-[2-9].csv,@a.csv").unwrap(), [3, 1]);
    assert_eq!(numbers("@**/?-1.csv").unwrap(), [2, 4]);
    assert_eq!(numbers("@*/c-1.csv").unwrap(), [4]);
    // A file of that very name comes first.
    assert_eq!(numbers("@a,b.csv").unwrap(), [9]);
    for (name, said) in [
        ("@c-*.csv", "c-*.csv"),
        ("@nowhere/*.csv", "nowhere/*.csv"),
        ("@a.csv,@gone.csv", "gone.csv"),
    ] {
        let message = numbers(name).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
}
