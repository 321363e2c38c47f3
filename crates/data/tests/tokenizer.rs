//! Tokenization equals transformers' on assorted pairs, at every length, and honours the options.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;

use common::{compare_cases, golden, to, tokenizer, word_tokenizer, word_tokenizer_json};
use tunesmith_data::{Encoding, PaddingSide, TokenizeOptions, Tokenizer, Truncation};

#[test]
fn assorted_pairs_equal_transformers() {
    let golden = golden("tokenization.json");
    let cases = golden["cases"].as_array().unwrap();
    let compared = compare_cases(cases, &tokenizer());
    assert!(cases.len() > 100 && compared > 700, "{compared}");
}

#[test]
fn minilm_says_what_it_needs() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.model_max_length(), Some(512));
    assert_eq!(tokenizer.vocab_size(), 30522);
    assert_eq!(tokenizer.num_ids(), 30522);
    assert_eq!(tokenizer.pad_token(), Some("[PAD]"));
    assert_eq!(tokenizer.pad_token_id(), Some(0));
    assert_eq!(tokenizer.padding_side(), PaddingSide::Right);
}

const WORDS: [&str; 6] = ["a", "b", "c", "x", "y", "z"];

fn tokens(encoding: &Encoding) -> String {
    encoding.tokens.join(" ")
}

#[test]
fn truncation_takes_from_where_it_is_told() {
    let json = word_tokenizer_json(&WORDS);
    let right = br#"{"truncation_side": "right"}"#;
    let tokenizer = Tokenizer::from_bytes(json.as_bytes(), Some(right)).unwrap();
    let encode = |truncation, max_length| {
        let options = TokenizeOptions {
            truncation,
            ..to(max_length)
        };
        tokenizer
            .encode("a b c", Some("x y"), &options)
            .map(|encoding| tokens(&encoding))
    };
    assert_eq!(
        encode(Truncation::LongestFirst, 7).unwrap(),
        "[CLS] a b [SEP] x y [SEP]"
    );
    assert_eq!(
        encode(Truncation::OnlyFirst, 6).unwrap(),
        "[CLS] a [SEP] x y [SEP]"
    );
    assert_eq!(
        encode(Truncation::OnlySecond, 7).unwrap(),
        "[CLS] a b c [SEP] x [SEP]"
    );
    assert_eq!(
        encode(Truncation::DoNotTruncate, 4).unwrap(),
        "[CLS] a b c [SEP] x y [SEP]"
    );
    let message = encode(Truncation::OnlySecond, 6).unwrap_err().to_string();
    assert!(
        message.contains("cannot be cut to 6 tokens by only_second"),
        "{message}"
    );
    let message = encode(Truncation::LongestFirst, 2).unwrap_err().to_string();
    assert_eq!(
        message,
        "max_length 2 is too short: the special tokens alone are 3"
    );
    assert_eq!(
        "only_first".parse::<Truncation>().unwrap(),
        Truncation::OnlyFirst
    );
    assert!(
        "longest"
            .parse::<Truncation>()
            .unwrap_err()
            .to_string()
            .contains("longest_first")
    );
}

#[test]
fn what_is_cut_off_costs_nothing() {
    let tokenizer = word_tokenizer(&WORDS);
    // A hundred thousand pieces of each would be put together in ten thousand million pairs.
    let long = "a b ".repeat(50_000);
    let encoding = tokenizer.encode(&long, Some(&long), &to(5)).unwrap();
    assert_eq!(tokens(&encoding), "[CLS] b [SEP] b [SEP]");
}

/// A text of 50 MB took 7 GB; what would is told, and what needs not doesn't.
#[test]
fn texts_that_would_take_gigabytes_are_refused() {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/tokenizer_files");
    let kept = |text: &str, kind: &str, max_length| {
        let options = TokenizeOptions {
            truncation: if max_length == usize::MAX {
                Truncation::DoNotTruncate
            } else {
                Truncation::LongestFirst
            },
            ..to(max_length)
        };
        let tokenizer = Tokenizer::from_file(goldens.join(kind)).unwrap();
        let encoding = tokenizer.encode(text, None, &options);
        encoding.map(|encoding| encoding.input_ids)
    };
    let (words, word) = ("to be ".repeat(850_000), "x".repeat(5_100_000));
    for kind in [
        "bert",
        "roberta",
        "roberta_prefix",
        "xlm_roberta",
        "deberta_v3",
    ] {
        assert_eq!(
            kept(&words, kind, 64).unwrap(),
            kept(&words[..1000], kind, 64).unwrap(),
            "{kind}"
        );
        let message = kept(&words, kind, usize::MAX).unwrap_err().to_string();
        assert!(message.contains("more than 2000000 tokens"), "{message}");
        // BERT's words of more than a hundred letters are unknown.
        if kind != "bert" {
            let message = kept(&word, kind, 64).unwrap_err().to_string();
            assert!(message.contains("5 MB without a space"), "{message}");
        }
    }
    let tokenizer = Tokenizer::from_file(goldens.join("roberta")).unwrap();
    tokenizer.encode_with_offsets(&word, &to(64)).unwrap_err();
    tokenizer.encode_words(&[&word], &to(64)).unwrap_err();
}

#[test]
fn saved_truncation_and_padding_are_reset_but_their_sides_stay() {
    // The made-up tokenizer.json saves a truncation to 4 and a padding to 9, both on the left.
    let tokenizer = word_tokenizer(&WORDS);
    let options = TokenizeOptions::default();
    assert_eq!(
        tokens(&tokenizer.encode("a b c x y z", None, &options).unwrap()),
        "[CLS] a b c x y z [SEP]"
    );
    assert_eq!(tokenizer.padding_side(), PaddingSide::Left);
    assert_eq!(
        (tokenizer.pad_token_id(), tokenizer.pad_token_type_id()),
        (Some(0), 1)
    );
    assert_eq!(
        tokens(&tokenizer.encode("a b c", None, &to(4)).unwrap()),
        "[CLS] b c [SEP]"
    );
    let bare = TokenizeOptions {
        add_special_tokens: false,
        ..options
    };
    let pair = tokenizer.encode("a", Some("x ?"), &bare).unwrap();
    assert_eq!(tokens(&pair), "a x [UNK]");
    assert_eq!(pair.token_type_ids, [0, 1, 1]);
    assert_eq!(tokenizer.num_ids(), 10);
    let config = br#"{"padding_side": "right", "model_max_length": 1000000000000000019884624838656,
        "pad_token": {"content": "z"}}"#;
    let json = word_tokenizer_json(&WORDS);
    let tokenizer = Tokenizer::from_bytes(json.as_bytes(), Some(config)).unwrap();
    assert_eq!(tokenizer.padding_side(), PaddingSide::Right);
    assert_eq!(tokenizer.model_max_length(), None);
    assert_eq!(tokenizer.pad_token_id(), Some(9));
}

#[test]
fn what_is_no_tokenizer_is_refused() {
    let error = |bytes: &[u8]| {
        Tokenizer::from_bytes(bytes, None)
            .err()
            .unwrap()
            .to_string()
    };
    assert!(
        error(b"{}").starts_with("tokenizer.json: damaged or not supported: "),
        "{}",
        error(b"{}")
    );
    let json = word_tokenizer_json(&WORDS);
    let cut = error(&json.as_bytes()[..json.len() / 2]);
    assert!(
        cut.contains("it is cut short: it ends after") && cut.contains("Download or copy it again"),
        "{cut}"
    );
    let folder = tempfile::tempdir().unwrap();
    let message = Tokenizer::from_file(folder.path())
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("cannot read") && message.contains("tokenizer.json"),
        "{message}"
    );
    let json = word_tokenizer_json(&WORDS);
    let message = Tokenizer::from_bytes(json.as_bytes(), Some(b"{"))
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.starts_with("tokenizer_config.json beside"),
        "{message}"
    );
}
