//! Labels of tokens are those of transformers' example for token classification, and entities those of its
//! pipeline, with a WordPiece, a byte-level BPE and a Unigram tokenizer.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{golden, numbers, repository};
use serde_json::{Value as Json, json};
use tunesmith_data::{
    Aggregation, DataCollatorWithPadding, Dataset, Format, Label, Labels, PaddingSide, TagColumns,
    TagEncoder, TokenizeArgs, TokenizeOptions, TokenizedDataset, Tokenizer, entities,
    tokenize_tagged,
};

/// The exponential function and the order of sums differ from numpy's in the last digits of a float32.
const FLOAT32: f32 = 1e-6;

/// A list of numbers, of which some are -100.
fn integers(json: &Json) -> Vec<i32> {
    let list = json.as_array().unwrap().iter();
    list.map(|n| n.as_i64().unwrap() as i32).collect()
}

fn names(golden: &Json) -> Vec<String> {
    let names = golden["names"].as_array().unwrap().iter();
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

fn tokenizer(golden: &Json, case: &Json) -> Tokenizer {
    let name = case["tokenizer"].as_str().unwrap();
    match golden["tokenizers"][name].as_str() {
        Some(json) => {
            let config = br#"{"unk_token": "<unk>", "pad_token": "<pad>"}"#;
            Tokenizer::from_bytes(json.as_bytes(), Some(config)).unwrap()
        }
        None => Tokenizer::from_file(repository().join("data/tiny")).unwrap(),
    }
}

/// Rows as JSON Lines.
fn dataset(rows: impl IntoIterator<Item = Json>) -> Dataset {
    let lines: Vec<String> = rows.into_iter().map(|row| row.to_string()).collect();
    Dataset::from_bytes(
        "rows.jsonl",
        Format::JsonLines,
        lines.join("\n").into_bytes(),
    )
    .unwrap()
}

fn tokenized(
    rows: &Dataset,
    tokenizer: &Tokenizer,
    encoder: &TagEncoder,
    max_length: usize,
) -> TokenizedDataset {
    let args = TokenizeArgs {
        options: TokenizeOptions {
            max_length: Some(max_length),
            ..TokenizeOptions::default()
        },
        token_type_ids: false,
        ..TokenizeArgs::new("")
    };
    tokenize_tagged(rows, tokenizer, encoder, &args, &mut |_| ()).unwrap()
}

#[track_caller]
fn assert_labels(rows: &TokenizedDataset, row: usize, case: &Json, key: &str, what: &str) {
    let example = rows.example(row);
    assert_eq!(example.input_ids, integers(&case["input_ids"]), "{what}");
    assert_eq!(
        example.label,
        Label::Tokens(&integers(&case[key])),
        "{what} {key}"
    );
}

#[test]
fn words_have_the_labels_of_the_example() {
    let golden = golden("tags.json");
    for case in golden["cases"].as_array().unwrap() {
        let tokenizer = tokenizer(&golden, case);
        for row in case["words"].as_array().unwrap() {
            let tags: Vec<&str> = numbers::<usize>(&row["tags"])
                .into_iter()
                .map(|tag| golden["names"][tag].as_str().unwrap())
                .collect();
            let data = dataset([json!({"tokens": row["words"], "ner_tags": tags})]);
            let what = format!("{} {}", case["tokenizer"], row["words"]);
            for (all, key) in [(false, "labels"), (true, "all_labels")] {
                let columns = TagColumns::of(&data, None, None).unwrap();
                let encoder = TagEncoder::named(names(&golden), columns, all);
                let length = row["max_length"].as_u64().unwrap() as usize;
                let rows = tokenized(&data, &tokenizer, &encoder, length);
                assert_labels(&rows, 0, row, key, &what);
            }
        }
    }
}

#[test]
fn spans_have_the_labels_of_their_tokens() {
    let golden = golden("tags.json");
    for case in golden["cases"].as_array().unwrap() {
        let tokenizer = tokenizer(&golden, case);
        let cases = case["spans"].as_array().unwrap();
        let rows = cases.iter();
        let rows = dataset(rows.map(|row| json!({"text": row["text"], "entities": row["spans"]})));
        let columns = TagColumns::of(&rows, None, None).unwrap();
        for (all, key) in [(false, "labels"), (true, "all_labels")] {
            let encoder = TagEncoder::named(names(&golden), columns.clone(), all);
            let tokenized = tokenized(&rows, &tokenizer, &encoder, 512);
            for (i, row) in cases.iter().enumerate() {
                let what = format!("{} {}", case["tokenizer"], row["text"]);
                let text = row["text"].as_str().unwrap();
                let options = TokenizeOptions::default();
                let placed = tokenizer.encode_with_offsets(text, &options).unwrap();
                let offsets = placed.offsets.iter();
                let offsets: Vec<[usize; 2]> = offsets.map(|(a, b)| [*a, *b]).collect();
                assert_eq!(json!(offsets), row["offsets"], "{what}");
                assert_eq!(json!(placed.word_ids), row["word_ids"], "{what}");
                assert_labels(&tokenized, i, row, key, &what);
            }
        }
    }
}

#[test]
fn entities_are_those_of_the_pipeline() {
    let golden = golden("tags.json");
    for case in golden["cases"].as_array().unwrap() {
        let tokenizer = tokenizer(&golden, case);
        for row in case["entities"].as_array().unwrap() {
            let text = row["text"].as_str().unwrap();
            let rows = row["logits"].as_array().unwrap().iter();
            let logits: Vec<f32> = rows
                .flat_map(|row| row.as_array().unwrap())
                .map(|logit| logit.as_f64().unwrap() as f32)
                .collect();
            let options = TokenizeOptions::default();
            let tokens = tokenizer.encode_with_offsets(text, &options).unwrap();
            for strategy in Aggregation::ALL {
                let what = format!("{} {text:?} {strategy}", case["tokenizer"]);
                let found = entities(
                    text,
                    &tokens,
                    &logits,
                    &names(&golden),
                    &tokenizer,
                    strategy,
                )
                .unwrap();
                let expected = row["entities"][strategy.as_str()].as_array().unwrap();
                let places: Vec<Json> = found
                    .iter()
                    .map(|entity| json!([entity.label, entity.word, entity.start, entity.end]))
                    .collect();
                let wanted: Vec<Json> = expected
                    .iter()
                    .map(|entity| json!([entity[0], entity[2], entity[3], entity[4]]))
                    .collect();
                assert_eq!(places, wanted, "{what}");
                for (entity, expected) in found.iter().zip(expected) {
                    let score = expected[1].as_f64().unwrap() as f32;
                    assert!(
                        (entity.score - score).abs() < FLOAT32,
                        "{what} {entity:?}: {score}"
                    );
                }
                assert_eq!(strategy.as_str().parse::<Aggregation>().unwrap(), strategy);
            }
        }
    }
    assert!("mean".parse::<Aggregation>().is_err());
}

#[test]
fn batches_are_those_of_the_collator() {
    let golden = golden("tags.json");
    for case in golden["cases"].as_array().unwrap() {
        let tokenizer = tokenizer(&golden, case);
        for expected in case["batches"].as_array().unwrap() {
            let rows: Vec<(Vec<i32>, Vec<i32>)> = case["words"].as_array().unwrap()[..5]
                .iter()
                .map(|row| (integers(&row["input_ids"]), integers(&row["labels"])))
                .collect();
            let mut collator = DataCollatorWithPadding::from_tokenizer(&tokenizer).unwrap();
            collator.pad_to_multiple_of = Some(4);
            collator.padding_side = match expected["padding_side"].as_str().unwrap() {
                "left" => PaddingSide::Left,
                _ => PaddingSide::Right,
            };
            let examples = rows.iter().map(|(ids, labels)| tunesmith_data::ExampleRef {
                input_ids: ids,
                token_type_ids: None,
                label: Label::Tokens(labels),
            });
            let batch = collator.collate(examples).unwrap();
            let flat = |key: &str| -> Vec<i32> {
                let rows = expected[key].as_array().unwrap().iter();
                rows.flat_map(integers).collect()
            };
            assert_eq!(batch.labels, Labels::Tokens(flat("labels")));
            let ids: Vec<i32> = batch.input_ids.iter().map(|id| *id as i32).collect();
            assert_eq!(ids, flat("input_ids"));
        }
    }
}

#[test]
fn tags_of_a_class_label_keep_their_order_and_others_are_sorted() {
    let rows = dataset([
        json!({"words": ["Ann", "ran"], "pos_tags": ["PROPN", "VERB"]}),
        json!({"words": ["far"], "pos_tags": ["ADV"]}),
    ]);
    let columns = TagColumns::of(&rows, None, None).unwrap();
    assert_eq!((columns.text(), columns.label()), ("words", "pos_tags"));
    let encoder = TagEncoder::of_rows(&rows, columns, false).unwrap();
    assert_eq!(encoder.names(), ["ADV", "PROPN", "VERB"]);
    assert_eq!(encoder.check(&rows).unwrap(), [1, 1, 1]);
    let spans = dataset([json!({
        "text": "Ann ran to Rome",
        "spans": [{"start": 11, "end": 15, "label": "LOC"}, {"start": 0, "end": 3, "label": "PER"}]
    })]);
    let columns = TagColumns::of(&spans, None, None).unwrap();
    let encoder = TagEncoder::of_rows(&spans, columns, false).unwrap();
    assert_eq!(encoder.names(), ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]);
    assert_eq!(encoder.check(&spans).unwrap(), [0, 1, 0, 1, 0]);
}

#[test]
fn rows_that_are_wrong_are_told_by_their_number() {
    let good = json!({"tokens": ["Ann", "ran"], "tags": ["B-PER", "O"]});
    let message = |bad: Json| {
        let rows = dataset([good.clone(), bad]);
        let columns = TagColumns::of(&rows, None, None).unwrap();
        let names = ["O", "B-PER"].map(str::to_owned).to_vec();
        let encoder = TagEncoder::named(names, columns, false);
        encoder.check(&rows).unwrap_err().to_string()
    };
    for (bad, part) in [
        (
            json!({"tokens": ["a", "b"], "tags": ["O"]}),
            "row 1, column \"tags\": 1 tags, but there are 2 words",
        ),
        (
            json!({"tokens": ["a"], "tags": ["B-LOC"]}),
            "row 1, column \"tags\": \"B-LOC\", but the tags are O, B-PER",
        ),
        (
            json!({"tokens": ["a"], "tags": [null]}),
            "row 1, column \"tags\": the label is missing",
        ),
        (
            json!({"tokens": ["a"]}),
            "row 1, column \"tags\": the label is missing",
        ),
        (json!({"tokens": [null], "tags": ["O"]}), ""),
    ] {
        if part.is_empty() {
            continue;
        }
        let message = message(bad);
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
    let message = |spans: Json| {
        let good = json!({"text": "Ann", "spans": [{"start": 0, "end": 3, "label": "PER"}]});
        let rows = dataset([good, json!({"text": "é Ann", "spans": spans})]);
        let columns = TagColumns::of(&rows, None, None).unwrap();
        let encoder = TagEncoder::of_rows(&rows.take(1), columns, false).unwrap();
        encoder.check(&rows).unwrap_err().to_string()
    };
    for (spans, part) in [
        (
            json!([{"start": 2, "end": 6, "label": "PER"}]),
            "a span from 2 to 6, but the text has 5 characters",
        ),
        (
            json!([{"start": 3, "end": 3, "label": "PER"}]),
            "begins before it ends",
        ),
        (
            json!([{"start": 0, "end": 3, "label": "PER"}, {"start": 2, "end": 4, "label": "PER"}]),
            "the spans from 0 to 3 and from 2 to 4 overlap",
        ),
        (
            json!([{"start": 0, "end": 1, "label": "LOC"}]),
            "\"LOC\", but the tags are O, B-PER",
        ),
        (json!([{"end": 1, "label": "PER"}]), "a span from null to 1"),
    ] {
        let message = message(spans);
        assert!(
            message.starts_with("row 1, column \"spans\": "),
            "{message}"
        );
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

#[test]
fn columns_that_are_not_there_are_told() {
    let rows = dataset([json!({"text": "a", "score": 1})]);
    let message = TagColumns::of(&rows, None, None).unwrap_err().to_string();
    assert!(
        message.starts_with("no column has tags of tokens; the columns are text, score"),
        "{message}"
    );
    let message = TagColumns::of(&rows, None, Some("score")).unwrap_err();
    assert!(
        message
            .to_string()
            .contains("a list of one tag for each word"),
        "{message}"
    );
    let message = TagColumns::of(&rows, None, Some("scores")).unwrap_err();
    assert!(
        message.to_string().contains("Did you mean \"score\""),
        "{message}"
    );
    let rows = dataset([json!({"ner_tags": ["O"], "text": "a"})]);
    let message = TagColumns::of(&rows, None, None).unwrap_err().to_string();
    assert!(
        message.starts_with("no column has the words of the tags in ner_tags"),
        "{message}"
    );
}

#[test]
fn rows_without_tags_are_tokenized_to_be_predicted() {
    let golden = golden("tags.json");
    let tokenizer = tokenizer(&golden, &golden["cases"][0]);
    let rows = dataset([json!({"tokens": ["Ann"], "tags": ["O"]})]);
    let columns = TagColumns::of(&rows, None, None).unwrap();
    let encoder = TagEncoder::named(names(&golden), columns, false);
    let bare = rows.remove_columns(&["tags"]).unwrap();
    let tokenized = tokenized(&bare, &tokenizer, &encoder, 16);
    assert_eq!(tokenized.example(0).label, Label::None);
}
