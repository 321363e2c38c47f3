//! The MRPC of GLUE, which isn't ours to publish: rows, features, splits and tokens are those of the
//! Python libraries. `cargo xtask test --reference DIR` runs this and nothing else does.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{
    assert_batch, assert_encoding, compare_cases, minilm, numbers, pair_args, reference,
    reference_golden, tokenizer,
};
use tunesmith_data::{
    DataCollatorWithPadding, DataError, Dataset, DatasetDict, LoadDataset, TokenizeOptions, Value,
    check_labels, label_info, load_dataset, tokenize_dataset,
};

fn mrpc() -> DatasetDict {
    load_dataset(reference("mrpc/glue").to_str().unwrap(), Some("mrpc")).unwrap()
}

fn idx(dataset: &Dataset, rows: &[usize]) -> Vec<i64> {
    let column = dataset.column("idx").unwrap();
    rows.iter()
        .map(|row| column.get(*row).unwrap().as_i64().unwrap())
        .collect()
}

#[test]
fn prints_as_datasets_does() {
    let raw_datasets = mrpc();
    assert_eq!(
        raw_datasets.to_string(),
        "DatasetDict({
    train: Dataset({
        features: ['sentence1', 'sentence2', 'label', 'idx'],
        num_rows: 3668
    })
    validation: Dataset({
        features: ['sentence1', 'sentence2', 'label', 'idx'],
        num_rows: 408
    })
    test: Dataset({
        features: ['sentence1', 'sentence2', 'label', 'idx'],
        num_rows: 1725
    })
})"
    );
    assert_eq!(
        raw_datasets.get("train").unwrap().features().to_string(),
        "{'sentence1': Value('string'), 'sentence2': Value('string'), \
         'label': ClassLabel(names=['not_equivalent', 'equivalent']), 'idx': Value('int32')}"
    );
}

#[test]
fn every_row_is_the_published_one() {
    let raw_datasets = mrpc();
    let info = std::fs::read_to_string(reference("mrpc/glue/mrpc/INFO.json")).unwrap();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    for (split, dataset) in raw_datasets.iter() {
        assert_eq!(
            dataset.digest().unwrap(),
            info[split]["content_sha256"],
            "{split}"
        );
        let counts = check_labels(dataset, "label", 2).unwrap();
        assert_eq!(counts, numbers::<usize>(&info[split]["labels"]), "{split}");
    }
    let info = label_info(raw_datasets.get("train").unwrap(), "label").unwrap();
    assert_eq!(info.num_labels(), 2);
}

#[test]
fn a_mapped_table_holds_the_same_rows() {
    let cache = tempfile::tempdir().unwrap();
    let load = || {
        let folder = reference("mrpc/glue");
        LoadDataset::new(folder.to_str().unwrap())
            .config("mrpc")
            .cache_dir(cache.path())
            .in_memory_limit(0)
    };
    let mut copied = 0;
    let mapped = load().load_with(&mut |_| copied += 1).unwrap();
    assert!(copied > 0);
    assert_eq!(mapped.to_string(), mrpc().to_string());
    for (split, dataset) in mapped.iter() {
        let plain = mrpc();
        let plain = plain.get(split).unwrap();
        assert_eq!(dataset.digest().unwrap(), plain.digest().unwrap());
        assert_eq!(dataset.features(), plain.features());
    }
    // The second time nothing is read but the copy.
    copied = 0;
    load().load_with(&mut |_| copied += 1).unwrap();
    assert_eq!(copied, 0);
}

/// Expected values: `datasets` 5.2.0, `shuffle(seed=42)["idx"]` and the like.
#[test]
fn shuffles_and_splits_give_the_rows_of_datasets() {
    let raw_datasets = mrpc();
    let train = raw_datasets.get("train").unwrap();
    let shuffled = train.shuffle(42);
    assert_eq!(
        idx(&shuffled, &[0, 1, 2, 3, 4, 5, 6, 7, 3665, 3666, 3667]),
        [
            3946, 3683, 3919, 485, 2251, 2173, 3936, 1603, 1819, 3353, 1861
        ]
    );
    let splits = train.train_test_split(0.1, 42).unwrap();
    let (train_part, test_part) = (splits.get("train").unwrap(), splits.get("test").unwrap());
    assert_eq!((train_part.num_rows(), test_part.num_rows()), (3301, 367));
    assert_eq!(
        idx(train_part, &[0, 1, 2, 3, 4]),
        [3728, 3284, 1604, 769, 1261]
    );
    assert_eq!(
        idx(test_part, &[0, 1, 2, 3, 4, 366]),
        [3946, 3683, 3919, 485, 2251, 169]
    );
    let splits = train.train_test_split(100, 7).unwrap();
    assert_eq!(
        idx(splits.get("train").unwrap(), &[0, 1, 2]),
        [197, 1370, 1600]
    );
    assert_eq!(idx(splits.get("test").unwrap(), &[0, 1, 2]), [638, 56, 704]);
    let rows: Vec<usize> = (50..60).collect();
    let twice = train.shuffle(1).select(&rows).unwrap().shuffle(2);
    assert_eq!(
        idx(&twice, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        [1238, 2721, 3768, 818, 1946, 3141, 1715, 3022, 823, 3206]
    );
}

#[test]
fn the_golden_rows_are_tokenized_as_transformers_does() {
    let raw_datasets = mrpc();
    let tokenizer = tokenizer();
    let golden = reference_golden("tokenization_mrpc_rows.json");
    let options = TokenizeOptions::default();
    for (key, split, row) in [
        ("train_15", "train", 15),
        ("validation_87", "validation", 87),
    ] {
        let expected = &golden[key];
        let found = raw_datasets.get(split).unwrap().row(row).unwrap();
        let text = |name| match found.get(name) {
            Some(Value::Str(text)) => text,
            other => panic!("{name} is {other:?}"),
        };
        let (first, second) = (text("sentence1"), text("sentence2"));
        assert_eq!(first, expected["sentence1"]);
        assert_eq!(
            found.get("label").unwrap().as_i64(),
            expected["label"].as_i64()
        );
        assert_eq!(found.get("idx").unwrap().as_i64(), expected["idx"].as_i64());
        for (part, text, pair) in [
            ("pair", first, Some(second)),
            ("single1", first, None),
            ("single2", second, None),
        ] {
            let encoding = tokenizer.encode(text, pair, &options).unwrap();
            let expected = &expected[part];
            assert_encoding(&encoding, expected, &format!("{key} {part}"));
        }
        let tokens = tokenizer
            .encode(first, Some(second), &options)
            .unwrap()
            .tokens;
        let expected: Vec<_> = expected["pair_tokens"].as_array().unwrap().iter().collect();
        assert_eq!(
            tokens,
            expected
                .iter()
                .map(|t| t.as_str().unwrap())
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_first_batch_is_the_golden_one() -> Result<(), DataError> {
    let raw_datasets = mrpc();
    let tokenizer = tokenizer();
    let golden = reference_golden("collator_first8_train.json");
    let first8 = raw_datasets.get("train")?.take(8);
    let tokenized = tokenize_dataset(&first8, &tokenizer, &pair_args(), &mut |_| {})?;
    assert_eq!(
        tokenized.lengths(),
        numbers::<u32>(&golden["lengths_before"])
    );
    let collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;
    let batch = collator.collate(tokenized.iter())?;
    assert_eq!((batch.batch, batch.seq), (8, 67));
    assert_batch(&batch, &golden["batch"], "the first 8 rows");
    Ok(())
}

/// The digests were computed by Python's `tokenizers` 0.23.3 too, by the layout that is documented.
#[test]
fn all_rows_are_tokenized_as_tokenizers_does() -> Result<(), DataError> {
    let raw_datasets = mrpc();
    let ours = tokenizer();
    let mut direct = tokenizers::Tokenizer::from_file(minilm().join("tokenizer.json")).unwrap();
    direct.with_padding(None);
    direct.with_truncation(None).unwrap();
    let digests = [
        (
            "train",
            "7b7662c59543fb066b271ee607dc63db78451b29fe4f6d584d05b971f5ad972a",
        ),
        (
            "validation",
            "28e49f82eed0c27dcc83d7446683df0ce97f9c9669fb932273a536b5fb91ad70",
        ),
        (
            "test",
            "9d56e4a87136921f9a2a44e05751dd24c88a700e8eeabcfc2c2f8f86bf2e9cf1",
        ),
    ];
    let mut rows = 0;
    for (split, digest) in digests {
        let dataset = raw_datasets.get(split)?;
        let tokenized = tokenize_dataset(dataset, &ours, &pair_args(), &mut |_| {})?;
        let texts = |name| {
            dataset
                .column(name)
                .unwrap()
                .iter()
                .map(|text| text.as_str().unwrap().to_owned())
        };
        let pairs: Vec<(String, String)> = texts("sentence1").zip(texts("sentence2")).collect();
        let labels: Vec<_> = dataset.column("label")?.iter().collect();
        let expected = direct.encode_batch(pairs, true).unwrap();
        assert_eq!(tokenized.len(), expected.len());
        for (i, expected) in expected.iter().enumerate() {
            let example = tokenized.example(i);
            let ids: Vec<u32> = example.input_ids.iter().map(|id| *id as u32).collect();
            let types: Vec<u32> = example
                .token_type_ids
                .unwrap()
                .iter()
                .map(|id| *id as u32)
                .collect();
            assert_eq!(ids, expected.get_ids(), "{split} {i}");
            assert_eq!(types, expected.get_type_ids(), "{split} {i}");
            let label = labels[i].as_i64().unwrap() as u32;
            assert_eq!(example.label, tunesmith_data::Label::Class(label));
            rows += 1;
        }
        assert_eq!(tokenized.digest(), digest, "{split}");
    }
    assert_eq!(rows, 5801);
    Ok(())
}

#[test]
fn assorted_pairs_equal_transformers() {
    let golden = reference_golden("tokenization_assorted_pairs.json");
    let cases = golden["cases"].as_array().unwrap();
    let compared = compare_cases(cases, &tokenizer());
    assert!(cases.len() == 32 && compared > 180, "{compared}");
}

#[test]
fn its_samples_as_csv_and_tsv_have_the_types_of_pandas() {
    let csv = load_dataset(reference("mrpc/samples/dev.csv").to_str().unwrap(), None).unwrap();
    let dev = csv.get("train").unwrap();
    assert_eq!(dev.num_rows(), 6);
    assert_eq!(
        dev.features().to_string(),
        "{'label': Value('string'), 'sentence1': Value('string'), 'sentence2': Value('string')}"
    );
    // A lone quote begins a sentence in these files: nothing is quoted in TSV.
    let tsv = load_dataset(reference("mrpc/samples/dev.tsv").to_str().unwrap(), None).unwrap();
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
fn strings_of_its_samples_become_classes() {
    let path = reference("mrpc/samples/dev.csv");
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
