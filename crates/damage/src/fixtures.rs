//! Good files of each kind, small, made here: what tests damage, and the seeds that fuzzing begins with.

use serde_json::{Map, Value, json};

/// `tokenizer.json` of the four models and of every kind of part.
#[must_use]
pub fn tokenizers() -> Vec<Vec<u8>> {
    let special = |token: &str, id: u32| json!({"id": token, "ids": [id], "tokens": [token]});
    let piece = |token: &str, kind: u32| json!({"SpecialToken": {"id": token, "type_id": kind}});
    let text = |name: &str, kind: u32| json!({"Sequence": {"id": name, "type_id": kind}});
    let template = |begin: &str, end: &str| {
        json!({
            "type": "TemplateProcessing",
            "single": [piece(begin, 0), text("A", 0), piece(end, 0)],
            "pair": [piece(begin, 0), text("A", 0), piece(end, 0), text("B", 1), piece(end, 1)],
            "special_tokens": {begin: special(begin, 2), end: special(end, 3)},
        })
    };
    let added = |id: u32, content: &str, lstrip: bool, rstrip: bool, normalized: bool| {
        json!({"id": id, "content": content, "single_word": normalized, "lstrip": lstrip,
            "rstrip": rstrip, "normalized": normalized, "special": !normalized})
    };
    let special_tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let vocab = |pieces: &[&str]| -> Map<String, Value> {
        let all = special_tokens.iter().chain(pieces).enumerate();
        all.map(|(id, piece)| ((*piece).to_owned(), id.into()))
            .collect()
    };
    let added_special: Vec<Value> = special_tokens
        .iter()
        .enumerate()
        .map(|(id, token)| added(id as u32, token, *token == "[MASK]", false, false))
        .collect();

    let word_piece = json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": 8,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": added_special,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": template("[CLS]", "[SEP]"),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab(&["the", "rain", "##s", "##ing", "cafe", "a", "b", "##b", "."])},
    });

    let byte_level = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [added(1, "<unk>", false, true, false), added(11, "<mask>", true, false, false)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            {"type": "Strip", "strip_left": true, "strip_right": false}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}| ?\\p{L}+|\\s+(?!\\S)|\\s+"},
                "behavior": "Isolated", "invert": false},
            {"type": "Digits", "individual_digits": true},
            {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}]},
        "post_processor": {"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
            {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": true,
                "add_prefix_space": true}]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {"<s>": 0, "<unk>": 1, "</s>": 2, "a": 3, "b": 4, "c": 5, "Ġ": 6, "ab": 7,
                "abc": 8, "Ġa": 9, "Ġab": 10},
            "merges": [["a", "b"], ["ab", "c"], ["Ġ", "ab"], ["Ġ", "a"]]},
    });

    let piece_of = |text: &str, score: f64| json!([text, score]);
    let unigram = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [added(0, "<unk>", false, false, false), added(7, "<mask>", true, true, false)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": charsmap()},
            {"type": "Nmt"}, {"type": "NFKC"}, {"type": "Lowercase"},
            {"type": "Replace", "pattern": {"String": "``"}, "content": "\""},
            {"type": "Prepend", "prepend": "▁"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}]},
        "post_processor": template("[CLS]", "[SEP]"),
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [piece_of("<unk>", 0.0),
            piece_of("▁", -1.0), piece_of("▁a", -2.0), piece_of("b", -2.5), piece_of("ab", -3.0),
            piece_of("▁rain", -4.0), piece_of("<0x41>", -9.0)]},
    });

    let word_level = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [added(4, "[MASK]", true, false, false), added(9, "two words", false, true, true),
            added(10, "A", false, false, true)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"},
            {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"},
            {"type": "Punctuation", "behavior": "MergedWithPrevious"}, {"type": "UnicodeScripts"},
            {"type": "CharDelimiterSplit", "delimiter": "_"}, {"type": "FixedLength", "length": 5}]},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "_"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": vocab(&["a", "b", "rain", "cafe"])},
    });
    [word_piece, byte_level, unigram, word_level]
        .iter()
        .map(|json| json.to_string().into_bytes())
        .collect()
}

/// A table of characters in the format of SentencePiece, in base64: `a` becomes `b`.
fn charsmap() -> String {
    let mut units = vec![0_u32; 768];
    // The root's children lie at 256 ^ byte, the leaf of `a` at 512.
    units[0] = 256 << 10;
    let at = 256 ^ u32::from(b'a');
    units[at as usize] = ((at ^ 512) << 10) | (1 << 8) | u32::from(b'a');
    let mut bytes = (units.len() as u32 * 4).to_le_bytes().to_vec();
    bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    bytes.extend(b"b\0");
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// Texts that a tokenizer is tried with: spaces, special tokens, scripts, bytes, nothing.
pub const TEXTS: [&str; 8] = [
    "The rains, rain aab cafe!",
    "",
    "  two  words [MASK]  _ <mask>   a[SEP]",
    "Caf\u{e9} cafe\u{301} \u{ac00}\u{1112}\u{1161}\u{11ab} \u{fdfa} \u{130}",
    "\u{4e2d}\u{6587}\u{6d4b}\u{8bd5} \u{3053}\u{3093} \u{627}\u{644}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{fffd}\u{0}\u{7f}\t\r\n",
    "abcabcabc 1234567 ``quoted'' __a__",
    "\u{301}\u{301} \u{feff}x",
];

/// `config.json` of a small BERT.
#[must_use]
pub fn configs() -> Vec<Vec<u8>> {
    let config = json!({
        "architectures": ["BertForSequenceClassification"], "model_type": "bert",
        "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 16, "type_vocab_size": 2,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "classifier_dropout": null, "layer_norm_eps": 1e-12, "initializer_range": 0.02,
        "pad_token_id": 0, "position_embedding_type": "absolute", "use_cache": true,
        "id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1},
        "problem_type": "single_label_classification", "torch_dtype": "float32",
    });
    vec![config.to_string().into_bytes()]
}

/// `trainer_state.json` and `training_args.json` of a checkpoint.
#[must_use]
pub fn checkpoints() -> Vec<Vec<u8>> {
    let state = json!({
        "best_global_step": 4, "best_metric": 0.7, "best_model_checkpoint": "out/checkpoint-4", "epoch": 0.5,
        "eval_steps": 2, "global_step": 4, "is_local_process_zero": true, "is_world_process_zero": true,
        "log_history": [
            {"epoch": 0.25, "grad_norm": 1.5, "learning_rate": 5e-5, "loss": 0.69, "step": 2},
            {"epoch": 0.5, "eval_accuracy": 0.7, "eval_loss": 0.6, "step": 4},
        ],
        "logging_steps": 2, "max_steps": 8, "num_input_tokens_seen": 0, "num_train_epochs": 1,
        "save_steps": 4, "total_flos": 12345.0, "train_batch_size": 8,
    });
    let arguments = json!({
        "output_dir": "out", "per_device_train_batch_size": 8, "gradient_accumulation_steps": 2,
        "num_train_epochs": 1.0, "max_steps": 8, "learning_rate": 5e-5, "lr_scheduler_type": "cosine",
        "lr_scheduler_kwargs": {"num_cycles": 0.5}, "warmup_steps": 0.1, "weight_decay": 0.01,
        "save_steps": 4, "eval_strategy": "steps", "eval_steps": 2, "resume_from_checkpoint": true,
    });
    [state, arguments]
        .map(|file| file.to_string().into_bytes())
        .to_vec()
}

/// The README.md of data sets.
#[must_use]
pub fn cards() -> Vec<Vec<u8>> {
    let plain = "---\nlicense: mit\ndataset_info:\n- config_name: pairs\n  features:\n  - name: text\n    \
        dtype: string\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': no\n          \
        '1': yes\nconfigs:\n- config_name: pairs\n  default: true\n  data_files:\n  - split: train\n    \
        path: train*.csv\n  - split: test\n    path: [\"**/test.csv\", '*e*t*.csv']\n---\n# Pairs\n";
    let single = "---\ndataset_info:\n  features:\n  - {name: text, dtype: string}\n  splits:\n  - {name: train, \
        num_bytes: 100, num_examples: 2}\nconfigs:\n- config_name: default\n  data_files: '*.csv'\n\
        anchors: &a [x, y]\nagain: *a\nfolded: >\n  two\n  lines\n---\n";
    vec![plain.into(), single.into()]
}

/// CSV with a quoted line break, an empty field and numbers.
#[must_use]
pub fn csv() -> Vec<Vec<u8>> {
    vec![
        "text,label,score\n\"a, b\",1,0.5\n\"two\nlines \"\"quoted\"\"\",0,-1e3\n,1,\nCaf\u{e9},0,7\n".into(),
        "text\tlabel\nfirst \"one\"\t0\nsecond\t1\n".into(),
    ]
}

/// JSON Lines with every kind of value.
#[must_use]
pub fn json_lines() -> Vec<Vec<u8>> {
    let lines = [
        json!({"text": "a", "label": 1, "score": 0.5, "good": true}),
        json!({"text": "caf\u{e9} \"b\"\n", "label": 0, "score": -3, "good": false}),
        json!({"text": null, "label": 1, "score": 1e10, "good": null}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    vec![text.into_bytes()]
}

/// A safetensors file of `f32` tensors; the value of each element is its place times `scale`.
#[must_use]
pub fn safetensors(tensors: &[(&str, &[usize])], scale: f32) -> Vec<u8> {
    let mut header = Map::from_iter([("__metadata__".to_owned(), json!({"format": "pt"}))]);
    let (mut end, mut data) = (0, Vec::new());
    for (name, shape) in tensors {
        let count = shape.iter().product::<usize>();
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [end, end + 4 * count]});
        header.insert((*name).to_owned(), entry);
        end += 4 * count;
        data.extend((0..count).flat_map(|place| (place as f32 * scale).to_le_bytes()));
    }
    let header = Value::Object(header).to_string();
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        &data,
    ]
    .concat()
}

/// The answers of the hub that are read: a commit, a list of files, a search.
#[must_use]
pub fn hub_answers() -> Vec<Vec<u8>> {
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let answers = [
        json!({"_id": "1", "id": "owner/tiny", "sha": sha, "private": false, "siblings": []}),
        json!([
            {"type": "directory", "oid": sha, "size": 0, "path": "onnx"},
            {"type": "file", "oid": sha, "size": 2, "path": "config.json"},
            {"type": "file", "oid": sha, "size": 134, "path": "model.safetensors",
                "lfs": {"oid": "ab".repeat(32), "size": 5, "pointerSize": 134}, "xetHash": "ee"}
        ]),
        json!([{"id": "owner/tiny", "downloads": 17}, {"id": "owner/other", "downloads": null}]),
    ];
    answers
        .iter()
        .map(|answer| answer.to_string().into_bytes())
        .collect()
}

/// Journals of the browser's volume: all kinds of changes, one that was begun anew, and one whose last line
/// is torn.
#[must_use]
pub fn journals() -> Vec<Vec<u8>> {
    let changes = concat!(
        r#"{"folder":"/runs"}"#,
        "\n",
        r#"{"folder":"/runs/.tmp-1"}"#,
        "\n",
        r#"{"file":["/runs/.tmp-1/model.safetensors",0]}"#,
        "\n",
        r#"{"file":["/runs/log",1]}"#,
        "\n",
        r#"{"rename":["/runs/.tmp-1","/runs/checkpoint-1"]}"#,
        "\n",
        r#"{"remove":"/runs/log"}"#,
        "\n",
    );
    let complete = "\"complete\"\n";
    vec![
        changes.as_bytes().to_vec(),
        format!("{{\"begin\":1}}\n{complete}{changes}").into_bytes(),
        format!("{{\"begin\":7}}\n{changes}{complete}{{\"file\":[\"/runs/a").into_bytes(),
    ]
}
