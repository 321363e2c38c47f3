//! The cache of tokenized columns: used again where nothing changed, made again where it must be.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};

use common::word_tokenizer;
use tunesmith_data::{
    DataError, Dataset, Format, Label, TokenizeArgs, TokenizeProgress, TokenizedDataset,
    tokenize_dataset,
};

const WORDS: [&str; 4] = ["red", "green", "blue", "sky"];

fn rows(count: usize) -> Dataset {
    let mut csv = "first,second,label\n".to_owned();
    for i in 0..count {
        let first = vec![WORDS[i % 4]; 1 + i % 7].join(" ");
        csv.push_str(&format!("{first},{} sky,{}\n", WORDS[i % 3], i % 2));
    }
    Dataset::from_bytes("rows.csv", Format::Csv, csv.into_bytes()).unwrap()
}

fn args(cache: Option<&Path>) -> TokenizeArgs {
    TokenizeArgs {
        text_pair_column: Some("second".to_owned()),
        label_column: Some("label".to_owned()),
        cache_dir: cache.map(Path::to_path_buf),
        ..TokenizeArgs::new("first")
    }
}

fn run(dataset: &Dataset, args: &TokenizeArgs) -> (TokenizedDataset, Vec<TokenizeProgress>) {
    let mut seen = Vec::new();
    let tokenizer = word_tokenizer(&WORDS);
    let tokenized = tokenize_dataset(dataset, &tokenizer, args, &mut |p| seen.push(p)).unwrap();
    (tokenized, seen)
}

fn cache_files(cache: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(cache.join("tokenized"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "arrow"))
        .collect();
    files.sort();
    files
}

#[test]
fn a_second_run_maps_the_first_ones_file() {
    let cache = tempfile::tempdir().unwrap();
    let dataset = rows(10_000);
    let (first, seen) = run(&dataset, &args(Some(cache.path())));
    assert!(!first.is_cached());
    assert_eq!(
        seen.iter().map(|p| p.rows).collect::<Vec<_>>(),
        [4096, 8192, 10_000]
    );
    let (second, seen) = run(&dataset, &args(Some(cache.path())));
    assert!(second.is_cached());
    assert_eq!(
        seen,
        [TokenizeProgress {
            rows: 10_000,
            total: 10_000,
            from_cache: true
        }]
    );
    let (memory, _) = run(&dataset, &args(None));
    assert_eq!(first.digest(), second.digest());
    assert_eq!(first.digest(), memory.digest());
    assert_eq!(second.len(), 10_000);
    // Row 5000 lies in the second chunk: "red" three times, then "blue sky".
    let example = second.example(5000);
    assert_eq!(example.input_ids, [2, 4, 4, 4, 3, 6, 7, 3]);
    assert_eq!(example.token_type_ids, Some(&[0, 0, 0, 0, 0, 1, 1, 1][..]));
    assert_eq!(example.label, Label::Class(0));
    assert_eq!(second.lengths()[5000], 8);
    assert_eq!(cache_files(cache.path()).len(), 1);
}

#[test]
fn whatever_changes_the_result_changes_the_file() {
    let cache = tempfile::tempdir().unwrap();
    let dataset = rows(20);
    let base = args(Some(cache.path()));
    run(&dataset, &base);
    let mut other = base.clone();
    other.options.max_length = Some(5);
    assert!(!run(&dataset, &other).0.is_cached());
    other.options = base.options.clone();
    other.token_type_ids = false;
    let (without, _) = run(&dataset, &other);
    assert!(!without.is_cached());
    assert_eq!(without.example(0).token_type_ids, None);
    other.token_type_ids = true;
    other.text_pair_column = None;
    assert!(!run(&dataset, &other).0.is_cached());
    assert!(!run(&dataset.shuffle(1), &base).0.is_cached());
    assert!(!run(&rows(21), &base).0.is_cached());
    let more_words = word_tokenizer(&["red", "green", "sky", "blue"]);
    assert!(
        !tokenize_dataset(&dataset, &more_words, &base, &mut |_| {})
            .unwrap()
            .is_cached()
    );
    assert_eq!(cache_files(cache.path()).len(), 7);
    // The same rows by another way are the same request.
    let all: Vec<usize> = (0..20).collect();
    let renamed = dataset.rename_column("first", "begin").unwrap();
    let mut renamed_args = base.clone();
    renamed_args.text_column = "begin".to_owned();
    assert!(run(&renamed, &renamed_args).0.is_cached());
    assert_eq!(
        run(&dataset.select(&all).unwrap(), &base).0.digest(),
        run(&dataset, &base).0.digest()
    );
}

#[test]
fn a_damaged_file_is_made_again() {
    let cache = tempfile::tempdir().unwrap();
    let dataset = rows(500);
    let (whole, _) = run(&dataset, &args(Some(cache.path())));
    let digest = whole.digest();
    drop(whole);
    let path = cache_files(cache.path()).remove(0);
    let good = std::fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [&good[..good.len() / 2], &[][..], &flipped] {
        std::fs::write(&path, bad).unwrap();
        let (again, _) = run(&dataset, &args(Some(cache.path())));
        assert!(!again.is_cached());
        assert_eq!(again.digest(), digest);
        assert_eq!(std::fs::read(&path).unwrap(), good);
    }
}

#[test]
fn labels_come_in_every_kind() {
    let csv = "t,class,score,none\nred,1,0.5,-1\nblue,0,2,-1\n";
    let dataset = Dataset::from_bytes("a.csv", Format::Csv, csv.into()).unwrap();
    for (column, wanted) in [
        ("class", Label::Class(1)),
        ("score", Label::Regression(0.5)),
        ("none", Label::None),
    ] {
        let mut args = TokenizeArgs::new("t");
        args.label_column = Some(column.to_owned());
        let (rows, _) = run(&dataset, &args);
        assert_eq!(rows.example(0).label, wanted, "{column}");
    }
    let (unlabelled, _) = run(&dataset, &TokenizeArgs::new("t"));
    assert_eq!(unlabelled.example(1).label, Label::None);
    assert_eq!(unlabelled.example(1).input_ids, [2, 6, 3]);
}

#[test]
fn bad_rows_are_named() {
    let csv = "t,n,label\nred,1,yes\n,2,no\n";
    let dataset = Dataset::from_bytes("a.csv", Format::Csv, csv.into()).unwrap();
    let error = |change: &dyn Fn(&mut TokenizeArgs)| -> String {
        let mut args = TokenizeArgs::new("t");
        change(&mut args);
        let tokenizer = word_tokenizer(&WORDS);
        tokenize_dataset(&dataset, &tokenizer, &args, &mut |_| {})
            .err()
            .map(|error: DataError| error.to_string())
            .unwrap()
    };
    let message = error(&|_| {});
    assert!(
        message.starts_with("row 1, column \"t\": null, but a text is needed"),
        "{message}"
    );
    let message = error(&|args| args.text_column = "n".to_owned());
    assert!(
        message.starts_with("column \"n\" is Value('int64'): a column of text"),
        "{message}"
    );
    let message = error(&|args| args.text_pair_column = Some("tt".to_owned()));
    assert!(
        message.contains("there is no column \"tt\"; the columns are t, n, label"),
        "{message}"
    );
    let message = error(&|args| args.label_column = Some("label".to_owned()));
    assert!(message.contains("class_encode_column"), "{message}");
}
