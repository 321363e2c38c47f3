//! The tokens that are found in a text before it is split, and which of them are new to the vocabulary.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::family::Family;
use super::sentencepiece::Piece;
use crate::tokenizer_config::{Beside, token_text};

/// The added tokens of a tokenizer, as `tokenizer.json` lists them.
pub(super) struct Added {
    tokens: Vec<Json>,
    ids: BTreeMap<String, u64>,
    next: u64,
}

impl Added {
    /// Those that the configuration lists with ids; the special ones; those of a user.
    pub(super) fn of(
        family: Family,
        beside: &Beside,
        vocabulary: BTreeMap<String, u64>,
        pieces: &[Piece],
    ) -> Self {
        let mut added = Self {
            tokens: Vec::new(),
            next: vocabulary.values().max().map_or(0, |id| id + 1),
            ids: vocabulary,
        };
        let config = &beside.tokenizer_config;
        let decoder = config.get("added_tokens_decoder").and_then(Json::as_object);
        let mut listed: Vec<(u64, &Json)> = decoder
            .into_iter()
            .flatten()
            .filter_map(|(id, token)| Some((id.parse().ok()?, token)))
            .collect();
        listed.sort_by_key(|(id, _)| *id);
        let named = family.special().iter();
        let named: Vec<String> = named.map(|(key, _)| family.token(key, beside)).collect();
        for (_, token) in listed {
            let is_named =
                token_text(token).is_some_and(|text| named.iter().any(|name| name == text));
            added.put(token, is_named);
        }
        for ((key, _), name) in family.special().iter().zip(&named) {
            let file = [config, &beside.special_tokens_map]
                .into_iter()
                .find_map(|file| file.get(*key).filter(|token| token.is_object()));
            match file {
                Some(token) => added.put(token, true),
                None => {
                    let strips = *key == "mask_token" && family.mask_strips();
                    added.put(&json!({"content": name, "lstrip": strips}), true);
                }
            }
        }
        let lists = ["extra_special_tokens", "additional_special_tokens"];
        let lists = lists.into_iter().map(|key| config.get(key)?.as_array());
        match lists.flatten().find(|list| !list.is_empty()) {
            Some(list) => {
                for token in list {
                    added.put(token, token.is_string());
                }
            }
            // Control characters and a user's own pieces.
            None => {
                for piece in pieces.iter().filter(|piece| piece.is_added()) {
                    let token = json!({
                        "content": piece.text, "normalized": false, "special": piece.is_control(),
                    });
                    added.put(&token, false);
                }
            }
        }
        // Of older checkpoints; its ids are values.
        let older = beside.added_tokens.as_object().into_iter().flatten();
        let mut older: Vec<(u64, &String)> = older
            .filter_map(|(token, id)| Some((id.as_u64()?, token)))
            .collect();
        older.sort();
        for (_, token) in older {
            added.put(
                &json!({"content": token, "normalized": true, "special": false}),
                false,
            );
        }
        added
    }

    fn put(&mut self, token: &Json, special: bool) {
        let Some(text) = token_text(token).filter(|text| !text.is_empty()) else {
            return;
        };
        if self.tokens.iter().any(|old| token_text(old) == Some(text)) {
            return;
        }
        let id = *self.ids.entry(text.to_owned()).or_insert_with(|| {
            self.next += 1;
            self.next - 1
        });
        let is = |key: &str| token.get(key).and_then(Json::as_bool);
        let special = special || is("special").unwrap_or(false);
        self.tokens.push(json!({
            "id": id,
            "content": text,
            "single_word": is("single_word").unwrap_or(false),
            "lstrip": is("lstrip").unwrap_or(false),
            "rstrip": is("rstrip").unwrap_or(false),
            "normalized": is("normalized").unwrap_or(!special),
            "special": special,
        }));
    }

    /// The id of a token of the vocabulary, or of one that was added.
    pub(super) fn id(&self, token: &str) -> u64 {
        self.ids.get(token).copied().unwrap_or_default()
    }

    /// `added_tokens`, in the order of ids.
    pub(super) fn json(mut self) -> Json {
        self.tokens.sort_by_key(|token| token["id"].as_u64());
        Json::Array(self.tokens)
    }
}

/// What stands around one text and around two, with the types of each: `[CLS]:0 $A:0 [SEP]:0`.
pub(super) fn template(single: &str, pair: &str, tokens: &[(&str, u64)]) -> Json {
    let steps = |text: &str| -> Vec<Json> {
        let steps = text.split(' ').filter_map(|step| {
            let (name, kind) = step.rsplit_once(':')?;
            let kind: u32 = kind.parse().ok()?;
            Some(match name.strip_prefix('$') {
                Some(sequence) => json!({"Sequence": {"id": sequence, "type_id": kind}}),
                None => {
                    let token = tokens.get(name.parse::<usize>().ok()?)?.0;
                    json!({"SpecialToken": {"id": token, "type_id": kind}})
                }
            })
        });
        steps.collect()
    };
    let special = tokens.iter().map(|(token, id)| {
        (
            (*token).to_owned(),
            json!({"id": token, "ids": [id], "tokens": [token]}),
        )
    });
    json!({
        "type": "TemplateProcessing",
        "single": steps(single),
        "pair": steps(pair),
        "special_tokens": special.collect::<serde_json::Map<_, _>>(),
    })
}

/// Where each token's place in `tokens` is its number: `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`.
pub(super) const BERT: (&str, &str) = ("0:0 $A:0 1:0", "0:0 $A:0 1:0 $B:1 1:1");

/// `<s> A </s>`, `<s> A </s> </s> B </s>`.
pub(super) const ROBERTA: (&str, &str) = ("0:0 $A:0 1:0", "0:0 $A:0 1:0 1:0 $B:0 1:0");
