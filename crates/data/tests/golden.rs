//! Rows, types, shuffles, splits, tokens and batches are those of Python's datasets, tokenizers and
//! transformers: on this repository's own set, and on small files of every kind.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{
    assert_batch, assert_encoding, golden, minilm, numbers, pair_args, paraphrase,
    paraphrase_folder, to, tokenizer,
};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tunesmith_data::{
    DataCollatorWithPadding, DataError, Dataset, Format, InterleaveOptions, Label, LoadDataset,
    PaddingSide, SplitSize, StoppingStrategy, TokenizeOptions, Tokenizer, Value, check_labels,
    interleave_datasets, label_info, tokenize_dataset,
};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn list(json: &Json) -> &Vec<Json> {
    json.as_array().unwrap()
}

fn idx(dataset: &Dataset) -> Vec<u64> {
    let column = dataset.column("idx").unwrap();
    column
        .iter()
        .map(|idx| idx.as_i64().unwrap() as u64)
        .collect()
}

/// Compares a column of numbers with its two ends, and all of it by hash.
#[track_caller]
fn assert_ends(found: &[u64], expected: &Json) {
    let (first, last) = (
        numbers::<u64>(&expected["first"]),
        numbers::<u64>(&expected["last"]),
    );
    assert_eq!(&found[..first.len().min(found.len())], first);
    assert_eq!(&found[found.len().saturating_sub(last.len())..], last);
    // As Python writes a list.
    let written: Vec<String> = found.iter().map(u64::to_string).collect();
    let hash = hex(Sha256::digest(format!("[{}]", written.join(", "))));
    assert_eq!(hash, text(&expected["sha256"]));
}

#[test]
fn the_set_is_shown_and_read_as_datasets_does() {
    let golden = &golden("datasets_ops.json")["paraphrase"];
    let loaded = paraphrase();
    assert_eq!(loaded.to_string(), text(&golden["shown"]));
    let train = loaded.get("train").unwrap();
    assert_eq!(train.features().to_string(), text(&golden["features"]));
    assert_eq!(label_info(train, "label").unwrap().num_labels(), 2);
    for (split, dataset) in loaded.iter() {
        let expected = &golden["splits"][split];
        assert_eq!(dataset.num_rows() as u64, expected["rows"], "{split}");
        assert_eq!(
            dataset.digest().unwrap(),
            text(&expected["content_sha256"]),
            "{split}"
        );
        let counts = check_labels(dataset, "label", 2).unwrap();
        assert_eq!(counts, numbers::<usize>(&expected["labels"]), "{split}");
    }
}

#[test]
fn a_mapped_table_holds_the_same_rows() {
    let cache = tempfile::tempdir().unwrap();
    let load = || {
        LoadDataset::new(paraphrase_folder().to_str().unwrap())
            .config("mrpc_like")
            .cache_dir(cache.path())
            .in_memory_limit(0)
    };
    let mut copied = 0;
    let mapped = load().load_with(&mut |_| copied += 1).unwrap();
    assert!(copied > 0);
    let plain = paraphrase();
    assert_eq!(mapped.to_string(), plain.to_string());
    for (split, dataset) in mapped.iter() {
        let plain = plain.get(split).unwrap();
        assert_eq!(dataset.digest().unwrap(), plain.digest().unwrap());
        assert_eq!(dataset.features(), plain.features());
    }
    // The second time nothing is read but the copy.
    copied = 0;
    load().load_with(&mut |_| copied += 1).unwrap();
    assert_eq!(copied, 0);
}

#[test]
fn shuffles_give_the_rows_of_datasets() {
    let golden = &golden("datasets_ops.json")["paraphrase"];
    let loaded = paraphrase();
    let train = loaded.get("train").unwrap();
    for case in list(&golden["shuffles"]) {
        let shuffled = train.shuffle(case["seed"].as_u64().unwrap());
        assert_ends(&idx(&shuffled), &case["idx"]);
    }
    for case in list(&golden["small_shuffles"]) {
        let rows = case["rows"].as_u64().unwrap() as usize;
        let shuffled = train.take(rows).shuffle(case["seed"].as_u64().unwrap());
        assert_eq!(idx(&shuffled), numbers::<u64>(&case["idx"]), "{case}");
    }
    let rows: Vec<usize> = (50..60).collect();
    let twice = train.shuffle(1).select(&rows).unwrap().shuffle(2);
    assert_eq!(idx(&twice), numbers::<u64>(&golden["shuffled_twice"]));
}

#[test]
fn splits_give_the_rows_of_datasets() {
    let golden = &golden("datasets_ops.json")["paraphrase"];
    let loaded = paraphrase();
    let train = loaded.get("train").unwrap();
    for case in list(&golden["train_test_splits"]) {
        let size = match case["size"].as_u64() {
            Some(rows) => SplitSize::from(rows as usize),
            None => SplitSize::from(case["size"].as_f64().unwrap()),
        };
        let seed = case["seed"].as_u64().unwrap();
        let parts = train.train_test_split(size, seed).unwrap();
        for name in ["train", "test"] {
            let (part, expected) = (parts.get(name).unwrap(), &case[name]);
            assert_eq!(part.num_rows() as u64, expected["rows"]);
            assert_ends(&idx(part), &expected["idx"]);
        }
    }
}

/// datasets gives pandas' strings the name of Arrow's type with longer offsets; ours have one name.
fn one_name_of_strings(features: &str) -> String {
    features.replace("large_string", "string")
}

fn same_value(found: Option<Value<'_>>, expected: &Json) -> bool {
    match (found, expected) {
        (Some(Value::Null), Json::Null) => true,
        (Some(Value::Bool(found)), Json::Bool(expected)) => found == *expected,
        (Some(Value::Int(found)), expected) => expected.as_i64() == Some(found),
        (Some(Value::Float(found)), Json::String(name)) => found.to_string() == *name,
        (Some(Value::Float(found)), expected) => expected.as_f64() == Some(found),
        (Some(Value::Str(found)), Json::String(expected)) => found == expected,
        _ => false,
    }
}

#[test]
fn files_have_the_types_and_rows_of_pandas() {
    let golden = golden("datasets_ops.json");
    for case in list(&golden["files"]) {
        let name = text(&case["name"]);
        let format = match text(&case["format"]) {
            "csv" => Format::Csv,
            _ => Format::JsonLines,
        };
        let found = Dataset::from_bytes(name, format, text(&case["text"]).into()).unwrap();
        assert_eq!(
            found.features().to_string(),
            one_name_of_strings(text(&case["features"])),
            "{name}"
        );
        let rows = list(&case["rows"]);
        assert_eq!(found.num_rows(), rows.len(), "{name}");
        for (row, expected) in found.rows().zip(rows) {
            for (column, expected) in expected.as_object().unwrap() {
                assert!(
                    same_value(row.get(column), expected),
                    "{name}, {column}: {row}, expected {expected}"
                );
            }
        }
    }
    let sample = paraphrase_folder().join("../../examples/data/my_pairs_sample.csv");
    let sample = LoadDataset::new(sample.to_str().unwrap()).load().unwrap();
    let (sample, expected) = (sample.get("train").unwrap(), &golden["my_pairs_sample"]);
    assert_eq!(
        sample.features().to_string(),
        one_name_of_strings(text(&expected["features"]))
    );
    assert_eq!(sample.digest().unwrap(), text(&expected["content_sha256"]));
}

#[test]
fn classes_are_those_of_class_encode_column() {
    for case in list(&golden("datasets_ops.json")["classes"]) {
        let lines = list(&case["column"]).iter();
        let lines: String = lines
            .map(|label| format!("{{\"label\": {label}}}\n"))
            .collect();
        let dataset = Dataset::from_bytes("labels", Format::JsonLines, lines.into()).unwrap();
        let encoded = dataset.class_encode_column("label").unwrap();
        assert_eq!(encoded.features().to_string(), text(&case["features"]));
        let column = encoded.column("label").unwrap();
        for (found, expected) in column.iter().zip(list(&case["ids"])) {
            assert!(same_value(Some(found), expected), "{case}");
        }
    }
}

#[test]
fn rows_are_tokenized_as_transformers_does() {
    let golden = &golden("tokenization.json")["paraphrase"];
    let (loaded, tokenizer) = (paraphrase(), tokenizer());
    let options = TokenizeOptions::default();
    for (split, expected) in golden.as_object().unwrap() {
        for expected in list(&expected["shown"]) {
            let row = expected["row"].as_u64().unwrap() as usize;
            let row = loaded.get(split).unwrap().row(row).unwrap();
            for (column, value) in expected["values"].as_object().unwrap() {
                assert!(same_value(row.get(column), value), "{row}: {value}");
            }
            let [first, second] =
                ["sentence1", "sentence2"].map(|column| text(&expected["values"][column]));
            for (part, text, pair) in [
                ("pair", first, Some(second)),
                ("single1", first, None),
                ("single2", second, None),
            ] {
                let encoding = tokenizer.encode(text, pair, &options).unwrap();
                assert_encoding(&encoding, &expected[part], &format!("{split}, {row}"));
                if part == "pair" {
                    assert_eq!(Json::from(encoding.tokens), expected["pair_tokens"]);
                }
            }
        }
    }
}

/// The digests are those that Python's tokenizers gives by the layout that is documented.
#[test]
fn all_rows_are_tokenized_as_tokenizers_does() -> Result<(), DataError> {
    let golden = &golden("tokenization.json")["paraphrase"];
    let (loaded, tokenizer) = (paraphrase(), tokenizer());
    let mut rows = 0;
    for (split, dataset) in loaded.iter() {
        let expected = &golden[split];
        let tokenized = tokenize_dataset(dataset, &tokenizer, &pair_args(), &mut |_| {})?;
        assert_eq!(tokenized.len() as u64, expected["rows"], "{split}");
        let lengths = numbers::<u32>(&expected["lengths"]);
        assert_eq!(tokenized.lengths()[..lengths.len()], lengths, "{split}");
        assert_eq!(tokenized.digest(), text(&expected["digest"]), "{split}");
        let mut types = Sha256::new();
        let labels = dataset.column("label")?;
        for (example, label) in tokenized.iter().zip(labels.iter()) {
            let ids = example.token_type_ids.unwrap();
            types.update(ids.iter().map(|id| *id as u8).collect::<Vec<_>>());
            let label = label.as_i64().unwrap() as u32;
            assert_eq!(example.label, Label::Class(label));
            rows += 1;
        }
        let types = hex(types.finalize());
        assert_eq!(types, text(&expected["type_ids_sha256"]), "{split}");
    }
    assert_eq!(rows, 5700);
    Ok(())
}

/// MiniLM's tokenizer, padding on the side that a batch of the golden has.
fn tokenizer_padding(side: &str) -> Tokenizer {
    let folder = minilm();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let mut config: Json = serde_json::from_slice(&read("tokenizer_config.json")).unwrap();
    config["padding_side"] = side.into();
    Tokenizer::from_bytes(&read("tokenizer.json"), Some(config.to_string().as_bytes())).unwrap()
}

#[test]
fn batches_are_those_of_transformers() -> Result<(), DataError> {
    let golden = golden("collator.json");
    let rows = golden["rows"].as_u64().unwrap() as usize;
    let first = paraphrase().get("train")?.take(rows);
    let number = |json: &Json| json.as_u64().map(|number| number as usize);
    let batches = golden["batches"].as_object().unwrap();
    assert_eq!(batches.len(), 12);
    for (name, case) in batches {
        let tokenizer = tokenizer_padding(text(&case["padding_side"]));
        let expected = &case["batch"];
        // Scores are a quarter of a row's number.
        let scored = expected["labels"][0].is_f64();
        let mut dataset = first.clone();
        if scored {
            let lines: String = first
                .rows()
                .map(|row| {
                    let Some(Value::Int(idx)) = row.get("idx") else {
                        panic!("idx of {row}");
                    };
                    let [one, two] = ["sentence1", "sentence2"].map(|name| {
                        let sentence = row.get(name).and_then(|text| text.as_str());
                        Json::from(sentence.unwrap())
                    });
                    let label = idx as f64 / 4.0;
                    format!(
                        "{{\"sentence1\": {one}, \"sentence2\": {two}, \"label\": {label:?}}}\n"
                    )
                })
                .collect();
            dataset = Dataset::from_bytes("scores", Format::JsonLines, lines.into())?;
        }
        let mut args = pair_args();
        if list(&case["columns"]).len() == 1 {
            args.text_pair_column = None;
        }
        if expected["labels"].is_null() {
            args.label_column = None;
        }
        args.token_type_ids = !expected["token_type_ids"].is_null();
        if let Some(length) = number(&case["truncate_to"]) {
            args.options = to(length);
        }
        let tokenized = tokenize_dataset(&dataset, &tokenizer, &args, &mut |_| {})?;
        assert_eq!(
            tokenized.lengths(),
            numbers::<u32>(&case["lengths_before"]),
            "{name}"
        );
        let mut collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;
        let left = case["padding_side"] == "left";
        assert_eq!(collator.padding_side == PaddingSide::Left, left, "{name}");
        collator.pad_to_multiple_of = number(&case["pad_to_multiple_of"]);
        collator.max_length = number(&case["max_length"]);
        let batch = collator.collate(tokenized.iter())?;
        assert_eq!(batch.batch, rows);
        assert_batch(&batch, expected, name);
    }
    Ok(())
}

#[test]
fn the_shares_of_classes_are_kept_as_datasets_keeps_them() {
    for case in list(&golden("stratify.json")["cases"]) {
        let labels = list(&case["labels"]);
        let rows = labels.iter().enumerate();
        // Classes by their names, of which there may be more than ten.
        let rows = rows.map(|(row, label)| format!("{row},c{:02}\n", label.as_u64().unwrap()));
        let csv = format!("idx,label\n{}", rows.collect::<String>());
        let dataset = Dataset::from_bytes("rows.csv", Format::Csv, csv.into_bytes()).unwrap();
        let (size, seed) = (
            case["size"].as_f64().unwrap(),
            case["seed"].as_u64().unwrap(),
        );
        let encoded = dataset.class_encode_column("label").unwrap();
        for dataset in [dataset, encoded] {
            let parts = dataset.stratified_split(size, seed, "label").unwrap();
            for part in ["train", "test"] {
                let found = idx(parts.get(part).unwrap());
                assert_eq!(
                    found,
                    numbers::<u64>(&case[part]),
                    "{} {size} {seed}",
                    case["name"]
                );
            }
        }
    }
}

#[test]
fn datasets_take_turns_as_in_python() {
    for case in list(&golden("combine.json")["cases"]) {
        let mut start = 0;
        let datasets = numbers::<usize>(&case["lengths"])
            .into_iter()
            .map(|length| {
                let rows = (start..start + length).map(|row| format!("{row}\n"));
                start += length;
                let csv = format!("idx\n{}", rows.collect::<String>());
                Dataset::from_bytes("rows.csv", Format::Csv, csv.into_bytes()).unwrap()
            });
        let datasets: Vec<Dataset> = datasets.collect();
        let probabilities = case["probabilities"].as_array();
        let options = InterleaveOptions {
            probabilities: probabilities.map(|all| all.iter().filter_map(Json::as_f64).collect()),
            seed: case["seed"].as_u64().unwrap(),
            stopping_strategy: match text(&case["strategy"]) {
                "first_exhausted" => StoppingStrategy::FirstExhausted,
                "all_exhausted" => StoppingStrategy::AllExhausted,
                _ => StoppingStrategy::AllExhaustedWithoutReplacement,
            },
        };
        let found = interleave_datasets(&datasets, &options).unwrap();
        assert_eq!(idx(&found), numbers::<u64>(&case["idx"]), "{options:?}");
    }
}
