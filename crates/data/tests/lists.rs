//! Columns of lists, from each format that has them; several labels of a row; CoNLL files.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;
use tunesmith_data::{
    Dataset, Format, LabelColumns, MapOptions, MultiLabelEncoder, NewColumn, TagColumns, TagEncoder,
};

fn read(format: Format, text: &str) -> Dataset {
    Dataset::from_bytes("rows", format, text.as_bytes().to_vec()).unwrap()
}

fn message(format: Format, text: &str) -> String {
    let result = Dataset::from_bytes("rows", format, text.as_bytes().to_vec());
    result.unwrap_err().to_string()
}

/// The numbers of each row that several labels become.
fn numbers(encoder: &MultiLabelEncoder, dataset: &Dataset) -> Vec<String> {
    let encoded = encoder.encode(dataset).unwrap();
    let column = encoded.column(encoder.columns().encoded()).unwrap();
    column.iter().map(|cell| cell.to_string()).collect()
}

#[test]
fn json_lists_are_lists() {
    let rows = read(
        Format::JsonLines,
        "{\"tokens\": [\"a\", \"b\"], \"ids\": [1, 2.5], \"mixed\": [1, \"x\"]}\n\
         {\"tokens\": [], \"ids\": null, \"deep\": [[1]]}\n",
    );
    assert_eq!(
        rows.features().to_string(),
        "{'tokens': List(Value('string')), 'ids': List(Value('float64')), \
         'mixed': List(Value('string'))}"
    );
    let rows: Vec<String> = rows.rows().map(|row| row.to_string()).collect();
    assert_eq!(
        rows,
        [
            r#"{"tokens": ["a", "b"], "ids": [1.0, 2.5], "mixed": ["1", "x"]}"#,
            r#"{"tokens": [], "ids": null, "mixed": null}"#
        ]
    );
}

#[test]
fn lists_of_objects_are_a_list_for_each_key() {
    let rows = read(
        Format::JsonLines,
        "{\"text\": \"a\", \"spans\": []}\n\
         {\"text\": \"b\", \"spans\": [{\"start\": 0, \"label\": \"X\"}, {\"start\": 3, \"end\": 4}]}\n",
    );
    let rows: Vec<String> = rows.rows().map(|row| row.to_string()).collect();
    assert_eq!(
        rows,
        [
            r#"{"text": "a", "spans.start": [], "spans.label": [], "spans.end": []}"#,
            r#"{"text": "b", "spans.start": [0, 3], "spans.label": ["X", null], "spans.end": [null, 4]}"#
        ]
    );
}

#[test]
fn map_makes_columns_of_lists() {
    let rows = read(Format::Csv, "text\none two\nthree\n");
    let mapped = rows.map(&MapOptions::default(), &mut |_, _| (), |batch| {
        let texts = batch
            .column("text")?
            .iter()
            .filter_map(|text| text.as_str());
        let words: Vec<Vec<String>> = texts
            .map(|text| text.split(' ').map(str::to_owned).collect())
            .collect();
        Ok(vec![("words".to_owned(), NewColumn::from(words))])
    });
    let rows: Vec<String> = mapped.unwrap().rows().map(|row| row.to_string()).collect();
    assert_eq!(
        rows,
        [
            r#"{"text": "one two", "words": ["one", "two"]}"#,
            r#"{"text": "three", "words": ["three"]}"#
        ]
    );
}

#[test]
fn several_labels_become_numbers() {
    let lists = read(
        Format::JsonLines,
        "{\"labels\": [\"sad\", \"angry\"]}\n{\"labels\": []}\n{\"labels\": [\"glad\"]}\n",
    );
    let columns = LabelColumns::of(&lists, "labels", None).unwrap();
    let encoder = MultiLabelEncoder::of_rows(&lists, columns).unwrap();
    assert_eq!(encoder.names(), ["angry", "glad", "sad"]);
    let expected = ["[1.0, 0.0, 1.0]", "[0.0, 0.0, 0.0]", "[0.0, 1.0, 0.0]"];
    assert_eq!(numbers(&encoder, &lists), expected);
    let encoded = encoder.encode(&lists).unwrap();
    assert_eq!(encoder.counts(&encoded).unwrap(), [1, 1, 1]);

    let text = "text,labels\nt,sad; angry\nu,\nv,glad\n";
    let separated = read(Format::Csv, text);
    let columns = LabelColumns::of(&separated, "labels", None).unwrap();
    let encoder = MultiLabelEncoder::of_rows(&separated, columns).unwrap();
    assert_eq!(encoder.names(), ["angry", "glad", "sad"]);
    assert_eq!(numbers(&encoder, &separated), expected);
    let given = LabelColumns::of(&separated, "labels", Some("&")).unwrap();
    let encoder = MultiLabelEncoder::of_rows(&separated, given).unwrap();
    assert_eq!(encoder.names(), ["glad", "sad; angry"]);

    let columns = read(Format::Csv, "text,sad,glad\nt,1,0\nu,0,0\nv,1,1\n");
    let named = LabelColumns::Columns(vec!["glad".to_owned(), "sad".to_owned()]);
    let encoder = MultiLabelEncoder::of_rows(&columns, named).unwrap();
    let expected = ["[0.0, 1.0]", "[0.0, 0.0]", "[1.0, 1.0]"];
    assert_eq!(numbers(&encoder, &columns), expected);

    for (rows, names) in [
        ("{\"l\": [0, 1, 1]}\n{\"l\": [0, 0, 0]}\n", 3),
        ("{\"l\": [0.0, 1.0]}\n{\"l\": [1.0, 1.0]}\n", 2),
    ] {
        let flags = read(Format::JsonLines, rows);
        let columns = LabelColumns::of(&flags, "l", None).unwrap();
        let encoder = MultiLabelEncoder::of_rows(&flags, columns).unwrap();
        assert_eq!(encoder.names().len(), names, "{rows}");
        assert!(numbers(&encoder, &flags)[0].starts_with("[0.0, 1.0"));
    }
    let ids = read(Format::JsonLines, "{\"l\": [2, 0]}\n{\"l\": [1]}\n");
    let columns = LabelColumns::of(&ids, "l", None).unwrap();
    let encoder = MultiLabelEncoder::of_rows(&ids, columns).unwrap();
    assert_eq!(encoder.names(), ["LABEL_0", "LABEL_1", "LABEL_2"]);
    assert_eq!(
        numbers(&encoder, &ids),
        ["[1.0, 0.0, 1.0]", "[0.0, 1.0, 0.0]"]
    );
}

#[test]
fn labels_that_are_wrong_are_told_by_their_row() {
    let lists = read(
        Format::JsonLines,
        "{\"l\": [\"a\", \"b\"]}\n{\"l\": [\"c\"]}\n{\"l\": null}\n",
    );
    let columns = LabelColumns::of(&lists, "l", None).unwrap();
    let encoder = MultiLabelEncoder::of_rows(&lists.take(1), columns).unwrap();
    let message = encoder.encode(&lists).unwrap_err().to_string();
    assert!(
        message.starts_with("row 1, column \"l\": \"c\", but the labels are a, b;"),
        "{message}"
    );
    let message = encoder.encode(&lists.select(&[0, 2]).unwrap()).unwrap_err();
    assert!(
        message
            .to_string()
            .starts_with("row 1, column \"l\": the label is missing")
    );
    let columns = read(Format::Csv, "a,b\n1,0\n1,2\n");
    let named = LabelColumns::Columns(vec!["a".to_owned(), "b".to_owned()]);
    let encoder = MultiLabelEncoder::of_rows(&columns, named).unwrap();
    let message = encoder.encode(&columns).unwrap_err().to_string();
    assert!(
        message.starts_with("row 1, column \"b\": 2, but a label's column holds 1"),
        "{message}"
    );
    let message = LabelColumns::of(&columns, "a", None)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("name those as label_column_names"),
        "{message}"
    );
    let none = read(Format::JsonLines, "{\"l\": []}\n{\"l\": []}\n");
    let columns = LabelColumns::of(&none, "l", None).unwrap();
    assert!(MultiLabelEncoder::of_rows(&none, columns).is_err());
}

#[test]
fn conll_sentences_are_rows_of_lists() {
    let text =
        "-DOCSTART- -X- -X- O\n\nAnn NNP B-NP B-PER\nran VBD B-VP O\n\n\nRome NNP B-NP B-LOC";
    let rows = read(Format::Conll, text);
    let shown: Vec<String> = rows.rows().map(|row| row.to_string()).collect();
    assert_eq!(
        shown,
        [
            r#"{"tokens": ["Ann", "ran"], "pos_tags": ["NNP", "VBD"], "chunk_tags": ["B-NP", "B-VP"], "ner_tags": ["B-PER", "O"]}"#,
            r#"{"tokens": ["Rome"], "pos_tags": ["NNP"], "chunk_tags": ["B-NP"], "ner_tags": ["B-LOC"]}"#
        ]
    );
    let columns = TagColumns::of(&rows, None, None).unwrap();
    let encoder = TagEncoder::of_rows(&rows, columns, false).unwrap();
    assert_eq!(encoder.names(), ["B-LOC", "B-PER", "O"]);
    let speech = TagColumns::of(&rows, None, Some("pos_tags")).unwrap();
    let speech = TagEncoder::of_rows(&rows, speech, false).unwrap();
    assert_eq!(speech.names(), ["NNP", "VBD"]);
    // Windows' line ends, tabs with spaces in words, comments.
    let rows = read(
        Format::Conll,
        "# a comment\r\nNew York\tB-LOC\r\n#\tO\r\n \r\nx\tO\r\n",
    );
    let shown: Vec<String> = rows.rows().map(|row| row.to_string()).collect();
    assert_eq!(
        shown,
        [
            r##"{"tokens": ["New York", "#"], "tags": ["B-LOC", "O"]}"##,
            r#"{"tokens": ["x"], "tags": ["O"]}"#
        ]
    );
    let universal = "# text = vámonos\n1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_\n\
        1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_\n2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_\n";
    let rows = read(Format::Conll, universal);
    let row = rows.row(0).unwrap();
    assert_eq!(
        row.get("tokens").unwrap().to_string(),
        r#"["vamos", "nos"]"#
    );
    assert_eq!(
        row.get("pos_tags").unwrap().to_string(),
        r#"["VERB", "PRON"]"#
    );
}

#[test]
fn conll_lines_that_do_not_fit_are_told_by_their_number() {
    let uneven = message(Format::Conll, "Ann B-PER\nran\n");
    assert!(
        uneven.starts_with("rows, line 2: 1 fields where other lines have 2"),
        "{uneven}"
    );
    let empty = message(Format::Conll, "Ann\tB-PER\nran\t\n");
    assert!(
        empty.starts_with("rows, line 2: field 2 is empty"),
        "{empty}"
    );
    let none = message(Format::Conll, "\n-DOCSTART- O\n\n");
    assert!(none.contains("it has no words"), "{none}");
}

#[test]
fn what_cannot_be_a_list_is_left_out_and_told() {
    let rows = read(
        Format::JsonLines,
        &json!({"text": "a", "deep": [[1]], "object": {"a": 1}}).to_string(),
    );
    let message = rows.column("deep").err().unwrap().to_string();
    assert!(message.contains("a list or an object in rows"), "{message}");
}
