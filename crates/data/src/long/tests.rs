//! The ids of a text are those of its pieces, for every kind of tokenizer and texts in ten scripts.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use serde_json::{Value as Json, json};

use super::Cutter;
use crate::Tokenizer;

const SCRIPTS: [&str; 10] = [
    "aeiou THE it's we'll rock'n roll don't café naïve ﬁne Ǆ",
    "Река поднялась на два метра ЗА ночь ё й",
    "Το ποτάμι ΑΝΕΒΗΚΕ δύο μέτρα ς ά ᾳ",
    "河水一夜之间上涨了两米 没有船 龍",
    "川が一晩で二メートル上がった ｶﾞ ガ",
    "강이 밤새 이 미터 올랐다 각",
    "ارتفع النهر مترين ﷺ ﱞ ﹰ لا",
    "הנהר עלה שני מטרים שׁ ן",
    "नदी रात भर में दो मीटर बढ़ गई क्ष",
    "แม่น้ำสูงขึ้น สองเมตร ที่",
];

const BETWEEN: [&str; 22] = [
    " ", " ", " ", " ", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u{a0}", "\u{3000}",
    "\u{2028}", "\u{200b}", "\u{85}", ". ", ", ", "。", "，", "! ", "",
];

const ODD: [&str; 24] = [
    "'s",
    "'",
    "''",
    "``",
    "1",
    "2024",
    "½",
    "٣",
    "-",
    "—",
    "▁",
    "▁x",
    "e\u{301}",
    "\u{301}",
    "\u{93c}",
    "👩‍👩‍👧",
    "🇩🇪",
    "<mask>",
    " <mask> ",
    "[MASK]",
    "</s>",
    "<extra>",
    "¯",
    "\u{d4e}",
];

/// SplitMix64.
struct Draws(u64);

impl Draws {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % count as u64) as usize
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// Some words, most of them of one script.
    fn text(&mut self) -> String {
        let script = self.one_of(&SCRIPTS);
        let mut text = String::new();
        for _ in 0..40 {
            let words: Vec<&str> = match self.below(6) {
                0 => self.one_of(&SCRIPTS).split(' ').collect(),
                1 => ODD.to_vec(),
                _ => script.split(' ').collect(),
            };
            text.push_str(self.one_of(&words));
            text.push_str(self.one_of(&BETWEEN));
        }
        text
    }
}

fn kinds() -> Vec<(String, Json)> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/tokenizer_files");
    let mut kinds: Vec<(String, Json)> = Vec::new();
    for folder in std::fs::read_dir(goldens).unwrap() {
        let folder = folder.unwrap().path();
        let bytes = Tokenizer::converted(&folder).unwrap().unwrap();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        kinds.push((name, serde_json::from_slice(&bytes).unwrap()));
    }
    let of = |name: &str| {
        kinds
            .iter()
            .find(|(kind, _)| kind == name)
            .unwrap()
            .1
            .clone()
    };
    let (mut modern, mut nfkc, mut rstrip) = (of("roberta"), of("xlm_roberta"), of("roberta"));
    // ModernBERT's: runs of spaces are tokens, and its normalizer puts marks on letters.
    modern["normalizer"] = json!({"type": "NFC"});
    let next = modern["model"]["vocab"].as_object().unwrap().len() + 10;
    let added = modern["added_tokens"].as_array_mut().unwrap();
    for (id, content) in (next..).zip(["  ", "   ", "\n\n", "|||IP_ADDRESS|||"]) {
        let token = json!({
            "id": id, "content": content, "normalized": true, "special": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        });
        added.push(token);
    }
    kinds.push(("modernbert".to_owned(), modern));
    // Without a table of characters, as newer checkpoints have it.
    nfkc["normalizer"] = json!({"type": "Sequence", "normalizers": [
        {"type": "Nmt"}, {"type": "NFKC"},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        {"type": "Lowercase"},
    ]});
    for scheme in ["always", "first", "never"] {
        let mut kind = nfkc.clone();
        kind["pre_tokenizer"] = json!({
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true,
        });
        kinds.push((format!("metaspace {scheme}"), kind));
    }
    let tokens = rstrip["added_tokens"].as_array_mut().unwrap();
    let mask = tokens.iter_mut().find(|token| token["content"] == "<mask>");
    mask.unwrap()["rstrip"] = json!(true);
    kinds.push(("rstrip".to_owned(), rstrip));
    kinds
}

#[test]
fn the_pieces_have_the_ids_of_the_whole() {
    let kinds = kinds();
    assert!(kinds.len() >= 19, "{}", kinds.len());
    for (kind, json) in &kinds {
        let tokenizer = tokenizers::Tokenizer::from_bytes(json.to_string()).unwrap();
        let ids = |text: &str| {
            tokenizer
                .encode_fast(text, false)
                .unwrap()
                .get_ids()
                .to_vec()
        };
        let cutter = Cutter::of(&tokenizer);
        let mut draws = Draws(7);
        let (mut texts, mut pieces_of_all) = (0, 0);
        for _ in 0..300 {
            let text = draws.text();
            let pieces = cutter.pieces_of(&text, 24);
            assert_eq!(pieces.concat(), text);
            (texts, pieces_of_all) = (texts + 1, pieces_of_all + pieces.len());
            let of_pieces: Vec<Vec<u32>> = pieces.iter().map(|piece| ids(piece)).collect();
            assert_eq!(of_pieces.concat(), ids(&text), "{kind}: {pieces:?}");
        }
        assert!(pieces_of_all > 3 * texts, "{kind}: {pieces_of_all} pieces");
    }
}

#[test]
fn nothing_is_cut_where_that_could_change_the_ids() {
    let roberta = || {
        let kinds = kinds();
        kinds
            .into_iter()
            .find(|(kind, _)| kind == "roberta")
            .unwrap()
            .1
    };
    let text = "The river rose two metres, 河水一夜之间上涨了两米, 没有船. ".repeat(4);
    let pieces = |json: Json| {
        let tokenizer = tokenizers::Tokenizer::from_bytes(json.to_string()).unwrap();
        Cutter::of(&tokenizer).pieces_of(&text, 24).len()
    };
    assert!(pieces(roberta()) > 8);
    let byte_level = roberta()["pre_tokenizer"].clone();
    let isolated = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    for (part, changed) in [
        (
            "normalizer",
            json!({"type": "Strip", "strip_left": true, "strip_right": true}),
        ),
        (
            "normalizer",
            json!({"type": "Replace", "pattern": {"String": " "}, "content": ""}),
        ),
        (
            "normalizer",
            json!({"type": "Replace", "pattern": {"Regex": "r .*"}, "content": "x"}),
        ),
        ("normalizer", json!({"type": "Prepend", "prepend": "x"})),
        ("pre_tokenizer", isolated("r r")),
        (
            "pre_tokenizer",
            json!({"type": "Sequence", "pretokenizers": [isolated("r r"), byte_level]}),
        ),
        (
            "pre_tokenizer",
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}),
        ),
        ("pre_tokenizer", Json::Null),
    ] {
        let mut json = roberta();
        json[part] = changed.clone();
        assert_eq!(pieces(json), 1, "{changed}");
    }
    let mut json = roberta();
    json["added_tokens"][0]["content"] = json!("river rose");
    assert_eq!(pieces(json), 1);
    let mut json = roberta();
    json["model"]["dropout"] = json!(0.1);
    assert_eq!(pieces(json), 1);
}
