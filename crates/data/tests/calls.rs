//! A tokenizer called on texts and pairs, with padding, and a dataset mapped with it, as transformers and
//! datasets do it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{golden, numbers, repository};
use serde_json::{Value as Json, json};
use tunesmith_data::{
    BatchEncoding, DataCollator, DataCollatorWithPadding, Dataset, ExampleRef, Format, Label,
    Labels, MapOptions, Padding, PaddingSide, TextInput, TokenizeArgs, TokenizeOptions,
    TokenizedDataset, Tokenizer, Truncation, tokenize_dataset,
};

fn tiny() -> Tokenizer {
    Tokenizer::from_file(repository().join("data/tiny")).unwrap()
}

fn options(truncation: Truncation, max_length: Option<usize>) -> TokenizeOptions {
    TokenizeOptions {
        max_length,
        truncation,
        add_special_tokens: true,
    }
}

const UNCUT: Truncation = Truncation::DoNotTruncate;
const CUT: Truncation = Truncation::LongestFirst;

fn rows(json: &Json) -> Vec<Vec<u32>> {
    json.as_array().unwrap().iter().map(numbers).collect()
}

fn strings(json: &Json) -> Vec<&str> {
    let list = json.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn calls_are_those_of_transformers() {
    let tokenizer = tiny();
    let files = ["tokenizer.json", "tokenizer_config.json"]
        .map(|name| std::fs::read(repository().join("data/tiny").join(name)).unwrap());
    let mut config: Json = serde_json::from_slice(&files[1]).unwrap();
    config["padding_side"] = json!("left");
    let config = config.to_string();
    let left = Tokenizer::from_bytes(&files[0], Some(config.as_bytes())).unwrap();
    let golden = golden("calls.json");
    let cases = golden["calls"].as_array().unwrap();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let (padding, options) = match name {
            "lists" | "pairs" => (Padding::DoNotPad, options(UNCUT, None)),
            "longest" | "pairs_longest" => (Padding::Longest, options(CUT, None)),
            "max_length" => (Padding::MaxLength, options(CUT, Some(8))),
            "max_length_untruncated" => (Padding::MaxLength, options(UNCUT, Some(8))),
            "model_max_length" => (Padding::MaxLength, options(UNCUT, None)),
            "left" => (Padding::Longest, options(UNCUT, None)),
            _ => panic!("{name} is not known here"),
        };
        let tokenizer = if name == "left" { &left } else { &tokenizer };
        let texts = strings(&case["texts"]);
        let inputs: Vec<TextInput<'_>> = if case["pairs"].is_null() {
            texts.into_iter().map(TextInput::from).collect()
        } else {
            let pairs = texts.into_iter().zip(strings(&case["pairs"]));
            pairs.map(TextInput::from).collect()
        };
        let made = tokenizer.encode_batch(inputs, padding, &options).unwrap();
        let wanted = BatchEncoding {
            input_ids: rows(&case["input_ids"]),
            token_type_ids: rows(&case["token_type_ids"]),
            attention_mask: rows(&case["attention_mask"]),
            padding_side: made.padding_side,
        };
        assert_eq!(made, wanted, "{name}");
        let is_rectangle = !matches!(name, "lists" | "pairs" | "max_length_untruncated");
        let tensors = made.tensors();
        assert_eq!(tensors.is_ok(), is_rectangle, "{name}");
        if let Ok(tensors) = tensors {
            assert_eq!(tensors.attention_mask(), wanted.attention_mask.concat());
            assert_eq!(tensors.input_ids, wanted.input_ids.concat());
            assert_eq!(tensors.batch * tensors.seq, tensors.input_ids.len());
        }
    }
    assert_eq!(cases.len(), 8);
}

#[test]
fn ids_become_tokens() {
    let case = &golden("calls.json")["ids_to_tokens"];
    let tokenizer = tiny();
    let ids: Vec<u32> = numbers(&case["ids"]);
    let tokens = tokenizer.convert_ids_to_tokens(&ids).unwrap();
    assert_eq!(tokens, strings(&case["tokens"]));
    let error = tokenizer.convert_ids_to_tokens(&[2, 2451]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("token id 2451 is not in the vocabulary, whose highest is 2450"),
        "{error}"
    );
}

#[test]
fn a_call_that_cannot_be_answered_says_why() {
    let json = common::word_tokenizer_json(&["a"]);
    let endless = Tokenizer::from_bytes(json.as_bytes(), None).unwrap();
    let to = |padding, max_length| {
        let options = options(CUT, max_length);
        let made = endless.encode_batch(["a", "a a a"], padding, &options);
        made.unwrap_err().to_string()
    };
    let message = to(Padding::MaxLength, None);
    assert!(message.contains("set max_length"), "{message}");
    let message = to(Padding::Longest, Some(1));
    assert!(message.contains("max_length 1 is too short"), "{message}");

    let encode = |texts: &[&str]| {
        let padding = Padding::DoNotPad;
        let texts = texts.iter().copied();
        let made = tiny().encode_batch(texts, padding, &options(CUT, None));
        made.unwrap()
    };
    let message = encode(&["a", "a b"]).tensors().unwrap_err().to_string();
    assert!(message.contains("Padding::Longest"), "{message}");
    let message = encode(&[]).tensors().unwrap_err().to_string();
    assert!(message.contains("the batch has no rows"), "{message}");
    let mut torn = encode(&["a b"]);
    torn.attention_mask[0][1] = 0;
    let message = torn.tensors().unwrap_err().to_string();
    assert!(message.contains("text 0: attention_mask"), "{message}");
}

/// The rows of the golden, as the chapter's script has them.
fn raw() -> Dataset {
    let golden = golden("calls.json");
    let case = &golden["calls"][1];
    let texts = strings(&case["texts"]).into_iter();
    let lines: String = texts
        .zip(strings(&case["pairs"]))
        .zip([1, 0, 0, 1])
        .enumerate()
        .map(|(idx, ((first, second), label))| {
            let row = json!({"sentence1": first, "sentence2": second, "label": label, "idx": idx});
            format!("{row}\n")
        })
        .collect();
    Dataset::from_bytes("rows", Format::JsonLines, lines.into_bytes()).unwrap()
}

/// Tokenized and cut to size as in the chapter.
fn mapped(padding: Padding) -> (String, Dataset) {
    let tokenizer = tiny();
    let tokenize_function = |example: &Dataset| {
        let second = example.texts("sentence2")?;
        let pairs = example.texts("sentence1")?.into_iter().zip(second);
        let encoding = tokenizer.encode_batch(pairs, padding, &TokenizeOptions::default())?;
        Ok(encoding.columns())
    };
    let options = MapOptions {
        batch_size: 3,
        ..MapOptions::default()
    };
    let tokenized = raw()
        .map(&options, &mut |_, _| {}, tokenize_function)
        .unwrap();
    let features = tokenized.features().to_string();
    let tokenized = tokenized
        .remove_columns(&["sentence1", "sentence2", "idx"])
        .and_then(|tokenized| tokenized.rename_column("label", "labels"));
    (features, tokenized.unwrap())
}

#[test]
fn a_tokenize_function_of_ones_own_adds_the_columns_that_datasets_has() {
    let (features, tokenized) = mapped(Padding::DoNotPad);
    let golden = &golden("calls.json")["mapped"];
    assert_eq!(features, golden["features"].as_str().unwrap());
    assert_eq!(tokenized.column_names(), strings(&golden["column_names"]));
    let rows: Vec<Json> = tokenized.rows().map(|row| json!(row)).collect();
    assert_eq!(Json::from(rows), golden["rows"]);
}

#[test]
fn mapped_rows_are_those_that_tokenize_dataset_gives() {
    let args = TokenizeArgs {
        text_pair_column: Some("sentence2".to_owned()),
        label_column: Some("label".to_owned()),
        ..TokenizeArgs::new("sentence1")
    };
    let wanted = tokenize_dataset(&raw(), &tiny(), &args, &mut |_| {}).unwrap();
    let examples = |dataset: &TokenizedDataset| -> Vec<String> {
        dataset
            .iter()
            .map(|example| format!("{example:?}"))
            .collect()
    };
    // Padding is dropped again.
    for padding in [Padding::DoNotPad, Padding::Longest, Padding::MaxLength] {
        let tokenized = TokenizedDataset::from_dataset(&mapped(padding).1).unwrap();
        assert_eq!(examples(&tokenized), examples(&wanted), "{padding:?}");
        assert_eq!(tokenized.digest(), wanted.digest());
    }
    // And back.
    let dataset = wanted.to_dataset().unwrap();
    assert_eq!(
        dataset.features().to_string(),
        "{'input_ids': List(Value('int32')), 'token_type_ids': List(Value('int8')), \
         'attention_mask': List(Value('int8')), 'labels': Value('int64')}"
    );
    let (_, mapped) = mapped(Padding::DoNotPad);
    let columns = ["input_ids", "token_type_ids", "attention_mask", "labels"];
    let mapped = mapped.select_columns(&columns).unwrap();
    assert_eq!(dataset.digest().unwrap(), mapped.digest().unwrap());
    let chosen = dataset.select(&[3, 0]).unwrap();
    let tokenized = TokenizedDataset::from_dataset(&chosen).unwrap();
    assert_eq!(tokenized.len(), 2);
    assert_eq!(tokenized.example(0), wanted.example(3));
}

#[test]
fn a_column_without_texts_is_told() {
    let rows = raw();
    assert_eq!(rows.texts("sentence1").unwrap()[3], "");
    let message = rows.texts("label").unwrap_err().to_string();
    assert!(
        message.contains("a column of text (string) is needed"),
        "{message}"
    );
    let lines = "{\"a\": \"x\"}\n{\"a\": null}\n";
    let rows = Dataset::from_bytes("rows", Format::JsonLines, lines.into()).unwrap();
    let message = rows.texts("a").unwrap_err().to_string();
    assert!(message.contains("row 1, column \"a\": null"), "{message}");
}

fn of_lines(lines: &str) -> Result<TokenizedDataset, String> {
    let list = format!("[{}]", lines.lines().collect::<Vec<_>>().join(","));
    let dataset = Dataset::from_bytes("rows", Format::JsonLines, list.into()).unwrap();
    TokenizedDataset::from_dataset(&dataset).map_err(|error| error.to_string())
}

#[test]
fn labels_of_every_kind_are_taken() {
    let label = |lines: &str| format!("{:?}", of_lines(lines).unwrap().example(0).label);
    assert_eq!(label(r#"{"input_ids": [1, 2]}"#), "None");
    assert_eq!(label(r#"{"input_ids": [1, 2], "label": 3}"#), "Class(3)");
    assert_eq!(label(r#"{"input_ids": [1, 2], "label_ids": -1}"#), "None");
    assert_eq!(
        label(r#"{"input_ids": [1, 2], "labels": 0.5}"#),
        "Regression(0.5)"
    );
    assert_eq!(
        label(r#"{"input_ids": [1], "labels": [0.5, 1.0]}"#),
        "MultiHot([0.5, 1.0])"
    );
    // What belongs to padding goes with it.
    let tags = of_lines(
        r#"{"input_ids": [0, 5, 6, 0], "attention_mask": [0, 1, 1, 0], "labels": [-100, 3, -100, -100]}"#,
    )
    .unwrap();
    assert_eq!(tags.example(0).input_ids, [5, 6]);
    assert_eq!(tags.example(0).label, Label::Tokens(&[3, -100]));
}

#[test]
fn columns_that_are_no_tokens_are_refused_by_row() {
    for (lines, wanted) in [
        (r#"{"text": "a"}"#, "there is no column \"input_ids\""),
        (
            r#"{"input_ids": ["a"]}"#,
            "column \"input_ids\" is List(Value('string')): lists of whole numbers are needed",
        ),
        (
            r#"{"input_ids": [1, -1]}"#,
            "row 0, column \"input_ids\": -1, but whole numbers from 0 to 2147483647",
        ),
        (
            "{\"input_ids\": [1]}\n{\"input_ids\": null}",
            "row 1, column \"input_ids\": null",
        ),
        (
            r#"{"input_ids": [1, 2], "token_type_ids": [0]}"#,
            "row 0, column \"token_type_ids\": 1 numbers, but input_ids has 2",
        ),
        (
            r#"{"input_ids": [1, 2, 3], "attention_mask": [1, 0, 1]}"#,
            "row 0, column \"attention_mask\": padding between tokens",
        ),
        (
            r#"{"input_ids": [1], "attention_mask": [2]}"#,
            "row 0, column \"attention_mask\": 2",
        ),
        (
            r#"{"input_ids": [1], "label": 1, "labels": 0}"#,
            "there is a column \"labels\" and a column \"label\"",
        ),
        (r#"{"input_ids": [1], "label": "yes"}"#, "label"),
        (
            r#"{"input_ids": [1], "label": -2}"#,
            "row 0, column \"label\": -2",
        ),
    ] {
        let message = of_lines(lines).err().unwrap_or_default();
        assert!(message.contains(wanted), "{lines}: {message}");
    }
}

#[test]
fn a_collate_function_of_ones_own_is_a_collator() {
    let tokenized = TokenizedDataset::from_dataset(&mapped(Padding::DoNotPad).1).unwrap();
    let padding = DataCollatorWithPadding::from_tokenizer(&tiny()).unwrap();
    let examples: Vec<ExampleRef<'_>> = tokenized.iter().collect();
    let wanted = padding.batch(&examples).unwrap();
    assert_eq!(wanted, padding.collate(tokenized.iter()).unwrap());
    assert_eq!(wanted.padding_side, PaddingSide::Right);
    let flipped = move |examples: &[ExampleRef<'_>]| {
        let mut batch = padding.batch(examples)?;
        if let Labels::Class(classes) = &mut batch.labels {
            classes.iter_mut().for_each(|class| *class = 1 - *class);
        }
        Ok(batch)
    };
    let collator: &dyn DataCollator = &flipped;
    let batch = collator.batch(&examples).unwrap();
    assert_eq!(batch.labels, Labels::Class(vec![0, 1, 1, 0]));
    assert_eq!(batch.input_ids, wanted.input_ids);
}
