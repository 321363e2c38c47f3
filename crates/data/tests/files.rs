//! Files as strangers have them: other separators, encodings, archives, JSON of every shape, parquet of every
//! codec, workbooks.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;

use common::{gzip, zip};
use tunesmith_data::{
    DataError, Dataset, DatasetDict, Format, LoadDataset, LoadEvent, load_dataset,
};

fn parse(format: Format, bytes: impl Into<Vec<u8>>) -> Result<Dataset, DataError> {
    Dataset::from_bytes("input", format, bytes.into())
}

fn csv(bytes: impl Into<Vec<u8>>) -> Dataset {
    parse(Format::Csv, bytes).unwrap()
}

fn json(bytes: impl Into<Vec<u8>>) -> Dataset {
    parse(Format::JsonLines, bytes).unwrap()
}

fn message<T>(result: Result<T, DataError>) -> String {
    result.err().unwrap().to_string()
}

/// The rows as JSON, one after the other.
fn rows(data: &Dataset) -> String {
    let rows: Vec<String> = data.rows().map(|row| row.to_string()).collect();
    rows.join(" ")
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(name).to_str().unwrap().to_owned()
}

/// The data at a path, and what was said of it.
fn load(path: &str) -> (DatasetDict, Vec<String>) {
    let mut warnings = Vec::new();
    let data = LoadDataset::new(path)
        .load_with(&mut |event| {
            if let LoadEvent::Warning(warning) = event {
                warnings.push(warning);
            }
        })
        .unwrap();
    (data, warnings)
}

const TWO: &str = r#"{"text": "a", "label": 1} {"text": "b", "label": 0}"#;

#[test]
fn a_quote_left_open_is_told_with_its_line() {
    let text = message(parse(
        Format::Csv,
        "label,text\n0,first\n1,\"open\n0,third\n1,fourth\n",
    ));
    assert!(
        text.starts_with("input, line 3: a quote (\") at the beginning of a field is never closed"),
        "{text}"
    );
    // Closed by the next one, which begins a field of its own.
    let text = message(parse(
        Format::Csv,
        "label,text\n0,\"open\n1,second\n0,\"third\"\n1,x\n",
    ));
    assert!(
        text.starts_with("input, line 2: a quote") && text.contains("on line 4 only"),
        "{text}"
    );
    assert_eq!(
        rows(&csv(
            "text,label\n\"two\nlines, \"\"quoted\"\"\",1\n5\" tall,0\n"
        )),
        r#"{"text": "two\nlines, \"quoted\"", "label": 1} {"text": "5\" tall", "label": 0}"#
    );
}

#[test]
fn lines_of_every_kind() {
    assert_eq!(
        rows(&csv("\u{feff}text,label\r\n\r\na,1\r\n  \r\nb,0\r\n\r\n")),
        TWO
    );
    assert_eq!(rows(&csv("text,label\ra,1\rb,0")), TWO);
    assert_eq!(
        rows(&csv("text,label\n\"a\0b\",1\n")),
        r#"{"text": "a\u0000b", "label": 1}"#
    );
    assert_eq!(csv("text,label").num_rows(), 0);
    for (text, found) in [
        ("text,label\na,1\nb\n", "1 fields"),
        ("text,label\na,1\nb,2,3\n", "3 fields"),
    ] {
        assert!(message(parse(Format::Csv, text)).starts_with(&format!("input, line 3: {found}")));
    }
    for empty in ["", "\n\n", "\u{feff}"] {
        assert!(message(parse(Format::Csv, empty)).contains("the file is empty"));
    }
}

#[test]
fn tabs_are_quoted_where_the_file_shows_it() {
    let tsv = |text: &str| rows(&parse(Format::Tsv, text).unwrap());
    // As pandas writes it: a doubled quote, a tab, a line's end.
    assert_eq!(
        tsv("text\tlabel\n\"He said \"\"hi\"\", then left\"\t1\nplain\t0\n"),
        r#"{"text": "He said \"hi\", then left", "label": 1} {"text": "plain", "label": 0}"#
    );
    assert_eq!(
        tsv("text\tlabel\n\"a\tb\"\t1\n\"c\nd\"\t0\n"),
        r#"{"text": "a\tb", "label": 1} {"text": "c\nd", "label": 0}"#
    );
    assert_eq!(tsv("\"text\"\t\"label\"\n\"a\"\t1\nb\t0\n"), TWO);
    assert_eq!(tsv("text\tlabel\n\"a\"\t1\n\"b\"\t0\n"), TWO);
    // As benchmarks write it: a quote is a quote, also one whose partner stands lines below.
    assert_eq!(
        tsv("text\tlabel\n\"Open\t1\nand closed\"\t0\n\"whole\"\t1\n"),
        r#"{"text": "\"Open", "label": 1} {"text": "and closed\"", "label": 0} {"text": "\"whole\"", "label": 1}"#
    );
    assert_eq!(
        tsv("text\tlabel\n\"Yes,\" he said\t1\n"),
        r#"{"text": "\"Yes,\" he said", "label": 1}"#
    );
}

#[test]
fn separators_are_found() {
    for (separator, format) in [
        (",", Format::Csv),
        (";", Format::Csv),
        ("\t", Format::Csv),
        ("|", Format::Csv),
        (",", Format::Tsv),
    ] {
        let text = format!("text{separator}label\na{separator}1\nb{separator}0\n");
        assert_eq!(rows(&parse(format, text).unwrap()), TWO, "{separator:?}");
    }
    assert_eq!(rows(&csv("sep=;\r\ntext;label\r\na;1\r\nb;0\r\n")), TWO);
    let text = message(parse(Format::Csv, "sep=;\ntext;label\na;1;2\n"));
    assert!(text.starts_with("input, line 3: 3 fields"), "{text}");
    assert_eq!(
        rows(&csv("text;score\n\"a; b\";1,5\nc, d;2\n")),
        r#"{"text": "a; b", "score": 1.5} {"text": "c, d", "score": 2.0}"#
    );
}

#[test]
fn columns_of_one_name_get_names_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dup.csv");
    std::fs::write(&path, "text,text,label,text.1,text\na,b,1,c,d\n").unwrap();
    let (data, warnings) = load(path.to_str().unwrap());
    assert_eq!(
        rows(data.get("train").unwrap()),
        r#"{"text": "a", "text.2": "b", "label": 1, "text.1": "c", "text.3": "d"}"#
    );
    assert!(
        warnings[0].contains("several columns are called \"text\""),
        "{warnings:?}"
    );
    assert_eq!(
        csv("text,text,label\na,b,1\n").column_names(),
        ["text", "text.1", "label"]
    );
    let text = message(parse(
        Format::JsonLines,
        "{\"a\": 1}\n{\"a\": 1, \"a\": 2}\n",
    ));
    assert!(
        text.starts_with("input, line 2: the key \"a\" is there twice"),
        "{text}"
    );
    let wide = vec!["a"; 50_000].join(",");
    assert_eq!(csv(wide).column_names().len(), 50_000);
}

#[test]
fn encodings_are_recognised_and_told() {
    let text = "text,label\nnaïve – “so”,1\n日本,0\n😀,1\n";
    let with = |bytes: Vec<u8>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, bytes).unwrap();
        let (data, warnings) = load(path.to_str().unwrap());
        (rows(data.get("train").unwrap()), warnings.join(" "))
    };
    let utf_8 = with(text.into());
    assert_eq!(utf_8.1, "");
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2], mark: &str| {
        let text = format!("{mark}{text}");
        text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>()
    };
    for mark in ["\u{feff}", ""] {
        for bytes in [
            utf_16(u16::to_le_bytes, mark),
            utf_16(u16::to_be_bytes, mark),
        ] {
            let (found, warning) = with(bytes);
            assert_eq!(found, utf_8.0);
            assert!(
                warning.contains("rows.csv is not in UTF-8; it is read as UTF-16"),
                "{warning}"
            );
        }
    }
    let (found, warning) = with(b"text,label\ncaf\xe9 \x96 \x93so\x94 \x80,1\n".to_vec());
    assert_eq!(found, r#"{"text": "café – “so” €", "label": 1}"#);
    assert!(warning.contains("it is read as Windows-1252"), "{warning}");
    // Through a boundary of the pieces that a file is read in.
    let long = format!("text,label\n{},1\n", "é€".repeat(200_000));
    assert!(rows(&csv(long.as_str())).contains(&"é€".repeat(200_000)));
}

#[test]
fn bytes_that_are_no_text_are_told() {
    // Damaged UTF-8, and Cyrillic of one byte a letter.
    let text = message(parse(
        Format::Csv,
        b"text,label\nna\xc3\xafve \xe6\x97\xa5\nb\xe6,0\n",
    ));
    assert!(
        text.starts_with("input, line 3: byte 1 of the line is not UTF-8"),
        "{text}"
    );
    let text = message(parse(
        Format::Csv,
        b"text,label\n\xcf\xf0\xe8\xe2\xe5\xf2,1\n",
    ));
    assert!(
        text.starts_with("input, line 2: byte 0 of the line is not UTF-8"),
        "{text}"
    );
    let text = message(parse(Format::Csv, b"\xff\xfe\0\0t\0\0\0"));
    assert!(text.contains("UTF-32"), "{text}");
    for (bytes, says) in [
        (
            &b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..],
            "save it as .xlsx or as CSV",
        ),
        (b"BZh91AY", "unpack it first"),
        (b"%PDF-1.7", "a PDF"),
    ] {
        let text = message(parse(Format::Csv, bytes));
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn json_of_every_shape() {
    for text in [
        "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}",
        "[{\"text\": \"a\", \"label\": 1}, {\"text\": \"b\", \"label\": 0}]",
        "\u{feff}\n[\n  {\n    \"text\": \"a\",\n    \"label\": 1\n  },\n  {\"text\": \"b\", \"label\": 0}\n]\n",
        "{\"data\": [{\"text\": \"a\", \"label\": 1}, {\"text\": \"b\", \"label\": 0}]}",
        "{\n \"version\": \"1.0\",\n \"data\": [\n  {\"text\": \"a\", \"label\": 1},\n  {\"text\": \"b\", \"label\": 0}\n ]\n}\n",
    ] {
        assert_eq!(rows(&json(text)), TWO, "{text}");
    }
    assert_eq!(
        rows(&json("[\"a\", \"b\"]")),
        r#"{"text": "a"} {"text": "b"}"#
    );
    assert_eq!(rows(&json("{\n \"text\": \"a\"\n}")), r#"{"text": "a"}"#);
    assert_eq!(json("[]").num_rows(), 0);
    let text = message(parse(
        Format::JsonLines,
        "{\"train\": [{\"a\": 1}], \"test\": [{\"a\": 1}]}",
    ));
    assert!(
        text.contains("several lists of rows (train, test)"),
        "{text}"
    );
    let text = message(parse(
        Format::JsonLines,
        "{\"text\": {\"0\": \"a\"}, \"label\": {\"0\": 1}}",
    ));
    assert!(text.contains("orient=\"records\""), "{text}");
    let text = message(parse(Format::JsonLines, "[\n {\"a\": 1},\n {\"a\": }\n]"));
    assert!(
        text.starts_with("input, line 3: not valid JSON (expected value"),
        "{text}"
    );
    let text = message(parse(Format::JsonLines, "[{\"a\": 1}, {\"a\": 2}"));
    assert!(text.contains("not valid JSON (EOF"), "{text}");
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    assert!(message(parse(Format::JsonLines, deep)).contains("not valid JSON"));
}

#[test]
fn keys_may_be_late_missing_nested_or_mixed() {
    assert_eq!(
        rows(&json(
            "{\"text\": \"a\"}\n{\"note\": \"late\", \"text\": \"b\"}\n{}\n"
        )),
        r#"{"text": "a", "note": null} {"text": "b", "note": "late"} {"text": null, "note": null}"#
    );
    let nested = "{\"tags\": [1, {\"x\": []}], \"text\": \"a\", \"who\": {\"n\": 1}}\n{\"text\": \"b\", \"tags\": null}\n";
    let data = json(nested);
    assert_eq!(rows(&data), r#"{"text": "a"} {"text": "b"}"#);
    let text = message(data.column("tags").map(|_| ()));
    assert!(
        text.starts_with("column \"tags\" is a list or an object in input: only text, numbers"),
        "{text}"
    );
    assert_eq!(
        rows(&json(
            "{\"a\": 12, \"b\": true}\n{\"a\": \"one\", \"b\": 2}\n{\"a\": 1.5, \"b\": null}\n"
        )),
        r#"{"a": "12", "b": "true"} {"a": "one", "b": "2"} {"a": "1.5", "b": null}"#
    );
}

#[test]
fn wide_json_takes_time_in_proportion() {
    let row = |keys: usize| {
        let pairs: Vec<String> = (0..keys).map(|i| format!("\"key {i}\": {i}")).collect();
        format!("{{{}}}\n", pairs.join(", ")).repeat(3)
    };
    let start = std::time::Instant::now();
    let data = json(row(200_000));
    assert_eq!(data.column_names().len(), 200_000);
    assert!(data.column("key 199999").is_ok());
    // Quadratic, it would be forty thousand million comparisons.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    let apart: String = (0..20_000).map(|i| format!("{{\"{i}\": {i}}}\n")).collect();
    assert!(message(parse(Format::JsonLines, apart)).contains("20000 different keys"));
}

#[test]
fn packed_files_are_known_by_their_content() {
    let plain = b"text,label\na,1\nb,0\n";
    let lines = b"{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0}\n";
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("rows.csv.gz", gzip(plain)),
        ("rows.jsonl.gz", gzip(lines)),
        ("rows.csv", gzip(&gzip(plain))),
        ("rows.csv.zip", zip(&[("anything", plain)])),
        (
            "rows.zip",
            zip(&[
                ("__MACOSX/rows.csv", b"?"),
                ("README.md", b"# Rows"),
                ("in/rows.csv", plain),
            ]),
        ),
        (
            "parts.zip",
            zip(&[
                ("b.csv", b"text,label\nb,0\n"),
                ("a.csv", b"text,label\na,1\n"),
            ]),
        ),
        ("deep.zip", zip(&[("rows.jsonl.gz", &gzip(lines))])),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (data, _) = load(path.to_str().unwrap());
        assert_eq!(rows(data.get("train").unwrap()), TWO, "{name}");
    }
    let (data, _) = load(&fixture("rows.csv.zst"));
    assert_eq!(rows(data.get("train").unwrap()), TWO);
    let parquet = std::fs::read(fixture("zstd.parquet")).unwrap();
    assert_eq!(parse(Format::Csv, gzip(&parquet)).unwrap().num_rows(), 4);
}

#[test]
fn the_splits_of_a_zip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.zip");
    let members: [(&str, &[u8]); 2] = [
        ("set/train.csv", b"text,label\na,1\n"),
        ("set/test.csv", b"text,label\nb,0\n"),
    ];
    std::fs::write(&path, zip(&members)).unwrap();
    let (data, _) = load(path.to_str().unwrap());
    assert_eq!(data.names(), ["train", "test"]);
    let text = message(LoadDataset::files([("train", &path)]).load());
    assert!(text.contains("several splits (test, train)"), "{text}");
}

#[test]
fn damaged_archives_are_told_with_their_names() {
    let bytes = gzip("text,label\nsome words,1\n".repeat(100).as_bytes());
    let member = zip(&[("rows.csv", &b"text,label\na,1\n".repeat(9))]);
    let mut wrong_sum = bytes.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    for bad in [
        bytes[..bytes.len() / 2].to_vec(),
        wrong_sum,
        member[..member.len() / 2].to_vec(),
    ] {
        let text = message(parse(Format::Csv, bad));
        assert!(
            text.starts_with("input: the ") && text.contains("damaged or cut short"),
            "{text}"
        );
    }
    let mut flipped = member;
    flipped[45] ^= 1;
    let text = message(parse(Format::Csv, flipped));
    assert!(
        text.contains("input/rows.csv: the packed data is damaged"),
        "{text}"
    );
    let bomb = gzip(&vec![b'a'; 300 << 20]);
    let text = message(parse(Format::Csv, bomb));
    assert!(text.contains("unpacks to more than"), "{text}");
}

#[test]
fn parquet_of_every_codec() {
    let whole = load(&fixture("none.parquet")).0;
    let expected = rows(whole.get("train").unwrap());
    assert!(expected.contains("日本語 text again and"), "{expected}");
    for codec in ["snappy", "gzip", "brotli", "zstd", "zstd_v2", "lz4"] {
        let (data, _) = load(&fixture(&format!("{codec}.parquet")));
        assert_eq!(rows(data.get("train").unwrap()), expected, "{codec}");
        let bytes = std::fs::read(fixture(&format!("{codec}.parquet"))).unwrap();
        for position in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[position] ^= 0x55;
            // An error or other values; never a panic.
            let _ = parse(Format::Parquet, bad);
        }
    }
}

#[test]
fn parquet_columns_of_any_type_and_name() {
    let (data, warnings) = load(&fixture("types.parquet"));
    let data = data.get("train").unwrap();
    assert_eq!(data.column_names(), ["tags", "text", "label"]);
    let shown: Vec<String> = data.rows().map(|row| row.to_string()).collect();
    assert_eq!(
        shown[2],
        r#"{"tags": null, "text": "日本語 text", "label": 1}"#
    );
    assert!(
        shown[3].starts_with(r#"{"tags": ["b", "c"], "#),
        "{}",
        shown[3]
    );
    assert!(
        warnings[0].contains("left out") && warnings[0].contains("who (Struct("),
        "{warnings:?}"
    );
    for column in ["who", "map", "when", "day", "price", "nothing", "bytes"] {
        let text = message(data.column(column).map(|_| ()));
        assert!(
            text.starts_with(&format!("column {column:?} is ")),
            "{text}"
        );
        let named = LoadDataset::new(fixture("types.parquet"))
            .columns([column])
            .load();
        assert!(message(named).contains("choose another column"));
    }
    let (data, warnings) = load(&fixture("names.parquet"));
    assert_eq!(
        data.get("train").unwrap().row(1).unwrap().to_string(),
        r#"{"a.b": "Rain again — naïve", "text": "Rain again — naïve", "label": 0, "text.1": "second"}"#
    );
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("several columns are called \"text\"")),
        "{warnings:?}"
    );
    let only = LoadDataset::new(fixture("names.parquet"))
        .columns(["label", "a.b"])
        .load()
        .unwrap();
    assert_eq!(only.get("train").unwrap().column_names(), ["a.b", "label"]);
}

#[test]
fn folders_of_packed_files_and_json() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("train.csv.gz"),
        gzip(b"text,label\na,1\nb,0\n"),
    )
    .unwrap();
    std::fs::write(folder.path().join("TEST.CSV"), "text,label\nb,0\n").unwrap();
    let data = load_dataset(folder.path().to_str().unwrap(), None).unwrap();
    assert_eq!(data.names(), ["train", "test"]);
    assert_eq!(rows(data.get("train").unwrap()), TWO);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("train.json", "[{\"text\": \"a\"}]"),
        ("test.json", "{\"text\": \"b\"}\n"),
        ("config.json", "{}"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let data = load_dataset(folder.path().to_str().unwrap(), None).unwrap();
    assert_eq!(data.names(), ["train", "test"]);
}

/// A workbook of two sheets, the first of them empty.
fn workbook() -> Vec<u8> {
    const MAIN: &str = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let book = format!(
        "<workbook {MAIN} xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">\
         <sheets><sheet name=\"Notes\" sheetId=\"1\" r:id=\"rId1\"/><sheet name=\"A &amp; B\" sheetId=\"2\" r:id=\"rId2\"/></sheets></workbook>"
    );
    let relations = "<Relationships><Relationship Id=\"rId1\" Target=\"worksheets/sheet1.xml\"/>\
         <Relationship Id=\"rId2\" Target=\"/xl/worksheets/sheet2.xml\"/></Relationships>";
    let strings = format!(
        "<sst {MAIN}><si><t>text</t></si><si><t>label</t></si><si><r><t>ri</t></r><r><t>ch &amp; 日本</t></r>\
         <rPh sb=\"0\" eb=\"1\"><t>にほん</t></rPh></si><si><t xml:space=\"preserve\">12</t></si></sst>"
    );
    let styles = format!(
        "<styleSheet {MAIN}><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/></numFmts>\
         <cellStyleXfs><xf numFmtId=\"0\"/></cellStyleXfs>\
         <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>"
    );
    let empty = format!("<worksheet {MAIN}><sheetData/></worksheet>");
    let sheet = format!(
        "<worksheet {MAIN}><sheetData>\
         <row r=\"2\"><c r=\"B2\" t=\"s\"><v>0</v></c><c r=\"C2\" t=\"s\"><v>1</v></c><c r=\"D2\" t=\"inlineStr\"><is><t>when</t></is></c><c r=\"E2\" t=\"str\"><v>ok</v></c></row>\
         <row r=\"3\"><c r=\"A3\" s=\"1\"/></row>\
         <row r=\"4\"><c r=\"B4\" t=\"s\"><v>2</v></c><c r=\"C4\"><v>1</v></c><c r=\"D4\" s=\"1\"><v>45351</v></c><c r=\"E4\" t=\"b\"><v>1</v></c></row>\
         <row r=\"5\"><c r=\"B5\" t=\"s\"><v>3</v></c><c r=\"C5\"><f>1-1</f><v>0.0</v></c><c r=\"D5\" t=\"e\"><v>#N/A</v></c><c r=\"E5\" t=\"b\"><v>0</v></c></row>\
         </sheetData></worksheet>"
    );
    zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
        ("xl/worksheets/sheet1.xml", empty.as_bytes()),
        ("xl/worksheets/sheet2.xml", sheet.as_bytes()),
    ])
}

#[test]
fn the_first_sheet_with_rows_of_a_workbook() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.xlsx");
    std::fs::write(&path, workbook()).unwrap();
    let (data, warnings) = load(path.to_str().unwrap());
    let data = data.get("train").unwrap();
    // The column without a name is not there, since nothing is in it.
    assert_eq!(
        rows(data),
        r#"{"text": "rich & 日本", "label": 1, "when": "2024-02-29", "ok": true} {"text": "12", "label": 0, "when": null, "ok": false}"#
    );
    assert!(
        warnings[0].contains("of its 2 sheets, \"A & B\" is read"),
        "{warnings:?}"
    );
    // Whatever its name says.
    assert_eq!(rows(&csv(workbook())), rows(data));
    let whole = workbook();
    for length in (0..whole.len()).step_by(97) {
        assert!(parse(Format::Sheet, &whole[..length]).is_err(), "{length}");
    }
    let text = message(parse(Format::Sheet, "text,label\n"));
    assert!(text.contains("not a workbook"), "{text}");
}
