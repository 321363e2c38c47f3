//! How `tokenizer_config.json` overrules `tokenizer.json`: as transformers 5 does, whose BERT
//! tokenizers take nothing but the vocabulary from `tokenizer.json` and build the rest anew from the
//! configuration and its defaults. So `do_lower_case` is true unless it says otherwise, whatever the
//! normalizer of `tokenizer.json` does. Other classes (`PreTrainedTokenizerFast`) keep it as it is.
//!
//! All is done on the JSON, so that a `tokenizer.json` which agrees is left as its bytes are.

use serde_json::{Map, Value as Json, json};

use crate::DataError;

/// The tokenizers of transformers that are BERT's.
const BERT_CLASSES: [&str; 4] = [
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MobileBertTokenizer",
];

/// Model types whose tokenizer is BERT's where no file names a class.
const BERT_MODELS: [&str; 4] = ["bert", "distilbert", "electra", "mobilebert"];

/// The special tokens that a configuration names, with BERT's own names of them.
const SPECIAL: [(&str, &str); 5] = [
    ("unk_token", "[UNK]"),
    ("sep_token", "[SEP]"),
    ("pad_token", "[PAD]"),
    ("cls_token", "[CLS]"),
    ("mask_token", "[MASK]"),
];

/// The files that stand beside a `tokenizer.json`; null where one is not there.
#[derive(Default)]
pub(crate) struct Beside {
    /// `tokenizer_config.json`.
    pub(crate) tokenizer_config: Json,
    /// `config.json`, the model's.
    pub(crate) model_config: Json,
    /// `special_tokens_map.json`, of older checkpoints.
    pub(crate) special_tokens_map: Json,
    /// `added_tokens.json`, of older checkpoints.
    pub(crate) added_tokens: Json,
}

impl Beside {
    /// Whether the model's inputs are named, and type ids are among them.
    pub(crate) fn gives_token_types(&self) -> Option<bool> {
        let names = self.tokenizer_config.get("model_input_names")?.as_array()?;
        Some(names.iter().any(|name| name == "token_type_ids"))
    }

    /// The text of a special token that a file names.
    pub(crate) fn special<'a>(&'a self, key: &str) -> Option<&'a str> {
        let named = |file: &'a Json| file.get(key).and_then(token_text);
        named(&self.tokenizer_config).or_else(|| named(&self.special_tokens_map))
    }

    fn is_bert(&self) -> bool {
        let config = &self.tokenizer_config;
        let class = config.get("tokenizer_class").and_then(Json::as_str);
        let class = class.or_else(|| self.model_config.get("tokenizer_class")?.as_str());
        match class {
            Some(class) => BERT_CLASSES.contains(&class.trim_end_matches("Fast")),
            None => {
                let kind = self.model_config.get("model_type").and_then(Json::as_str);
                kind.is_some_and(|kind| BERT_MODELS.contains(&kind))
            }
        }
    }

    /// What `tokenizer.json` becomes; `None` where it stays as it is.
    ///
    /// Fails for a setting that is not of its type.
    pub(crate) fn applied_to(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, DataError> {
        // What is not JSON is told by the reader of the tokenizer.
        let Ok(mut tokenizer) = serde_json::from_slice::<Json>(bytes) else {
            return Ok(None);
        };
        let before = tokenizer.clone();
        if self.is_bert() && is_word_piece(&tokenizer) {
            self.rebuild(&mut tokenizer)?;
        }
        self.add_tokens(&mut tokenizer);
        if tokenizer == before {
            return Ok(None);
        }
        Ok(Some(tokenizer.to_string().into_bytes()))
    }

    fn rebuild(&self, tokenizer: &mut Json) -> Result<(), DataError> {
        let strip_accents = match self.tokenizer_config.get("strip_accents") {
            None | Some(Json::Null) => Json::Null,
            Some(_) => Json::from(self.flag("strip_accents", false)?),
        };
        tokenizer["normalizer"] = json!({
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": self.flag("tokenize_chinese_chars", true)?,
            "strip_accents": strip_accents,
            "lowercase": self.flag("do_lower_case", true)?,
        });
        tokenizer["pre_tokenizer"] = json!({"type": "BertPreTokenizer"});
        let name = |key: &str, usual: &str| self.special(key).unwrap_or(usual).to_owned();
        let known = |token: &str| token_id(tokenizer, token);
        let (cls, sep) = (name("cls_token", "[CLS]"), name("sep_token", "[SEP]"));
        let ids = (known(&cls), known(&sep));
        let unknown = name("unk_token", "[UNK]");
        if known(&unknown).is_some() {
            tokenizer["model"]["unk_token"] = Json::from(unknown);
        }
        if let (Some(cls_id), Some(sep_id)) = ids {
            let (cls, sep) = ((cls.as_str(), cls_id), (sep.as_str(), sep_id));
            if !is_template(&tokenizer["post_processor"], cls, sep) {
                tokenizer["post_processor"] = template(cls, sep);
            }
        }
        Ok(())
    }

    fn flag(&self, key: &str, usual: bool) -> Result<bool, DataError> {
        match self.tokenizer_config.get(key) {
            None => Ok(usual),
            Some(value) => value.as_bool().ok_or_else(|| DataError::Tokenizer {
                place: "tokenizer_config.json".to_owned(),
                reason: format!("{key} is {value}: write true or false"),
            }),
        }
    }

    /// Adds the tokens that other files name and `tokenizer.json` does not have yet.
    fn add_tokens(&self, tokenizer: &mut Json) {
        let mut wanted: Vec<Json> = Vec::new();
        let numbered = |tokens: Option<&Json>| -> Vec<(u64, Json)> {
            let tokens = tokens.and_then(Json::as_object).into_iter().flatten();
            let mut tokens: Vec<(u64, Json)> = tokens
                .filter_map(|(id, token)| Some((id.parse().ok()?, token.clone())))
                .collect();
            tokens.sort_by_key(|(id, _)| *id);
            tokens
        };
        let decoder = numbered(self.tokenizer_config.get("added_tokens_decoder"));
        wanted.extend(decoder.into_iter().map(|(_, token)| token));
        if self.is_bert() && is_word_piece(tokenizer) {
            for (key, usual) in SPECIAL {
                let token = self.special(key).unwrap_or(usual);
                // A name that nothing else knows is not made a token of.
                if token_id(tokenizer, token).is_some() {
                    wanted.push(special(token));
                }
            }
        }
        for key in ["additional_special_tokens", "extra_special_tokens"] {
            let tokens = self.tokenizer_config.get(key).and_then(Json::as_array);
            let texts = tokens.into_iter().flatten().filter_map(token_text);
            wanted.extend(texts.map(special));
        }
        // Its ids are values: in order of them.
        let older = self.added_tokens.as_object().into_iter().flatten();
        let mut older: Vec<(u64, &String)> = older
            .filter_map(|(token, id)| Some((id.as_u64()?, token)))
            .collect();
        older.sort();
        wanted.extend(older.into_iter().map(|(_, token)| added(token, false)));

        let Some(there) = tokenizer["added_tokens"].as_array() else {
            return;
        };
        let mut all = there.clone();
        for token in wanted {
            let Some(text) = token_text(&token).map(str::to_owned) else {
                continue;
            };
            if all.iter().any(|old| token_text(old) == Some(text.as_str())) {
                continue;
            }
            // The reader gives a new token the next id; it wants one to be written.
            let id = token_id(tokenizer, &text).unwrap_or_else(|| next_id(tokenizer, &all));
            let mut entry = added(&text, false);
            for (key, value) in token.as_object().into_iter().flatten() {
                if entry[key.as_str()].is_boolean() && value.is_boolean() {
                    entry[key.as_str()] = value.clone();
                }
            }
            entry["id"] = Json::from(id);
            all.push(entry);
        }
        tokenizer["added_tokens"] = Json::Array(all);
    }
}

/// Older files leave the type of the model out.
fn is_word_piece(tokenizer: &Json) -> bool {
    let model = &tokenizer["model"];
    match model["type"].as_str() {
        Some(kind) => kind == "WordPiece",
        None => model["continuing_subword_prefix"].is_string() && model["vocab"].is_object(),
    }
}

/// An added token as `tokenizer.json` writes it; its id is put in later.
fn added(text: &str, special: bool) -> Json {
    json!({
        "id": 0, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": !special, "special": special,
    })
}

fn special(text: &str) -> Json {
    added(text, true)
}

fn token_id(tokenizer: &Json, token: &str) -> Option<u64> {
    let vocabulary = tokenizer["model"]["vocab"].as_object();
    let id = vocabulary.and_then(|vocabulary| vocabulary.get(token)?.as_u64());
    id.or_else(|| {
        let added = tokenizer["added_tokens"].as_array()?.iter();
        let mut same = added.filter(|added| token_text(added) == Some(token));
        same.next()?.get("id")?.as_u64()
    })
}

fn next_id(tokenizer: &Json, added: &[Json]) -> u64 {
    let vocabulary = tokenizer["model"]["vocab"].as_object();
    let size = vocabulary.map_or(0, Map::len) as u64;
    let ids = added.iter().filter_map(|token| token.get("id")?.as_u64());
    ids.map(|id| id.saturating_add(1)).fold(size, u64::max)
}

/// BERT's post-processor: `[CLS] A [SEP]`, or `[CLS] A [SEP] B [SEP]` with B of type 1.
fn template(cls: (&str, u64), sep: (&str, u64)) -> Json {
    let token = |token: &str, kind: u32| json!({"SpecialToken": {"id": token, "type_id": kind}});
    let text = |name: &str, kind: u32| json!({"Sequence": {"id": name, "type_id": kind}});
    let entry = |(token, id): (&str, u64)| json!({"id": token, "ids": [id], "tokens": [token]});
    let mut special = Map::new();
    special.insert(cls.0.to_owned(), entry(cls));
    special.insert(sep.0.to_owned(), entry(sep));
    json!({
        "type": "TemplateProcessing",
        "single": [token(cls.0, 0), text("A", 0), token(sep.0, 0)],
        "pair": [token(cls.0, 0), text("A", 0), token(sep.0, 0), text("B", 1), token(sep.0, 1)],
        "special_tokens": special,
    })
}

/// Whether a post-processor does that already, in either of its two forms.
fn is_template(processor: &Json, cls: (&str, u64), sep: (&str, u64)) -> bool {
    let pair = |(token, id): (&str, u64)| json!([token, id]);
    *processor == template(cls, sep)
        || (processor["type"] == "BertProcessing"
            && processor["cls"] == pair(cls)
            && processor["sep"] == pair(sep))
}

/// Special tokens are written as text or as an object with their `content`.
pub(crate) fn token_text(token: &Json) -> Option<&str> {
    token
        .as_str()
        .or_else(|| token.get("content").and_then(Json::as_str))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{TokenizeOptions, Tokenizer};

    /// Words in two cases, so that a tokenizer's case shows.
    fn tokenizer_json() -> Json {
        let words = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cafe", "Cafe", "café", "tea", "-", "水",
            "##火", "水火",
        ];
        let vocab: Map<String, Json> = (0_u32..)
            .zip(words)
            .map(|(id, word)| (word.to_owned(), Json::from(id)))
            .collect();
        json!({
            "version": "1.0", "truncation": null, "padding": null, "decoder": null,
            "added_tokens": [],
            "normalizer": {"type": "BertNormalizer", "clean_text": true,
                "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "model": {"type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]",
                "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
        })
    }

    fn beside(config: Json) -> Beside {
        Beside {
            tokenizer_config: config,
            ..Beside::default()
        }
    }

    fn tokens(tokenizer: &Json, config: Json, text: &str) -> String {
        let (tokenizer, config) = (tokenizer.to_string(), config.to_string());
        let tokenizer =
            Tokenizer::from_bytes(tokenizer.as_bytes(), Some(config.as_bytes())).unwrap();
        let options = TokenizeOptions::default();
        tokenizer
            .encode(text, None, &options)
            .unwrap()
            .tokens
            .join(" ")
    }

    // What AutoTokenizer of transformers 5.23 gave for each.
    #[test]
    fn the_configuration_overrules_the_normalizer() {
        let tokenizer = tokenizer_json();
        let bert = |more: Json| {
            let mut config = json!({"tokenizer_class": "BertTokenizer"});
            for (key, value) in more.as_object().unwrap() {
                config[key.as_str()] = value.clone();
            }
            tokens(&tokenizer, config, "Cafe café 水火")
        };
        assert_eq!(bert(json!({})), "[CLS] cafe cafe 水 [UNK] [SEP]");
        assert_eq!(
            bert(json!({"do_lower_case": false})),
            "[CLS] Cafe café 水 [UNK] [SEP]"
        );
        assert_eq!(
            bert(json!({"do_lower_case": false, "strip_accents": true})),
            "[CLS] Cafe cafe 水 [UNK] [SEP]"
        );
        assert_eq!(
            bert(json!({"strip_accents": false})),
            "[CLS] cafe café 水 [UNK] [SEP]"
        );
        assert_eq!(
            bert(json!({"tokenize_chinese_chars": false})),
            "[CLS] cafe cafe 水火 [SEP]"
        );
        assert_eq!(
            bert(json!({"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false})),
            "[CLS] cafe cafe 水 [UNK] [SEP]"
        );
        assert_eq!(
            bert(json!({"cls_token": "[MASK]", "unk_token": "tea"})),
            "[MASK] cafe cafe 水 tea [SEP]"
        );
    }

    #[test]
    fn the_configurations_defaults_overrule_too() {
        let mut cased = tokenizer_json();
        cased["normalizer"]["lowercase"] = json!(false);
        let config = json!({"tokenizer_class": "BertTokenizerFast"});
        assert_eq!(tokens(&cased, config, "Cafe"), "[CLS] cafe [SEP]");
        assert_eq!(tokens(&cased, json!({}), "Cafe"), "[CLS] Cafe [SEP]");
        cased["normalizer"] = Json::Null;
        let config = json!({"tokenizer_class": "BertTokenizer"});
        assert_eq!(tokens(&cased, config, "Cafe"), "[CLS] cafe [SEP]");
    }

    #[test]
    fn the_models_type_stands_for_the_class() {
        let mut cased = tokenizer_json();
        cased["normalizer"]["lowercase"] = json!(false);
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, json: Json| {
            std::fs::write(dir.path().join(name), json.to_string()).unwrap();
        };
        let shown = || {
            let tokenizer = Tokenizer::from_file(dir.path()).unwrap();
            let options = TokenizeOptions::default();
            tokenizer
                .encode("Cafe <x>", None, &options)
                .unwrap()
                .tokens
                .join(" ")
        };
        write("tokenizer.json", cased);
        assert_eq!(shown(), "[CLS] Cafe [UNK] [UNK] [UNK] [SEP]");
        write("config.json", json!({"model_type": "bert"}));
        assert_eq!(shown(), "[CLS] cafe [UNK] [UNK] [UNK] [SEP]");
        write("tokenizer_config.json", json!({"do_lower_case": false}));
        write("added_tokens.json", json!({"<x>": 13}));
        assert_eq!(shown(), "[CLS] Cafe <x> [SEP]");
    }

    #[test]
    fn tokens_are_added() {
        let tokenizer = tokenizer_json();
        let token = |text: &str| json!({"content": text, "normalized": true, "special": false});
        let config = json!({
            "tokenizer_class": "BertTokenizer",
            "added_tokens_decoder": {"13": token("cafe tea"), "0": {"content": "[PAD]"}},
            "additional_special_tokens": ["<e>"],
        });
        assert_eq!(
            tokens(&tokenizer, config, "cafe tea <e> tea [SEP]"),
            "[CLS] cafe tea <e> tea [SEP] [SEP]"
        );
    }

    #[test]
    fn a_tokenizer_that_agrees_stays_as_its_bytes_are() {
        let mut tokenizer = tokenizer_json();
        let special = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"];
        let ids = [1, 3, 0, 2, 4];
        tokenizer["added_tokens"] = special
            .into_iter()
            .zip(ids)
            .map(|(token, id)| {
                let mut added = super::special(token);
                added["id"] = json!(id);
                added
            })
            .collect();
        let config = json!({"tokenizer_class": "BertTokenizer", "do_lower_case": true});
        let bytes = tokenizer.to_string();
        assert!(
            beside(config)
                .applied_to(bytes.as_bytes())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_setting_of_another_type_is_told() {
        let tokenizer = tokenizer_json().to_string();
        let config = json!({"tokenizer_class": "BertTokenizer", "do_lower_case": "no"});
        let message = beside(config)
            .applied_to(tokenizer.as_bytes())
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "tokenizer_config.json: do_lower_case is \"no\": write true or false"
        );
    }
}
