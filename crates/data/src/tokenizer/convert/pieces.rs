//! A model of sentencepiece as the Unigram tokenizer that transformers makes of it, whether its scores
//! were trained as those of Unigram or are the ranks of BPE.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::added::{Added, BERT, ROBERTA, template};
use super::family::Family;
use super::flag;
use super::sentencepiece::{Model, Piece};
use crate::tokenizer_config::Beside;

/// A tokenizer of XLM-RoBERTa's, CamemBERT's, ALBERT's or DeBERTa's class.
pub(super) fn unigram(family: &Family, bytes: &[u8], beside: &Beside) -> Result<Json, String> {
    let model = Model::read(bytes)?;
    let vocab = vocabulary(*family, &model.pieces, beside);
    let unknown = unknown(*family, &vocab, &model, beside);
    if unknown >= vocab.len() as u64 {
        return Err(format!(
            "it has {} pieces, and {unknown} would be the unknown one",
            vocab.len()
        ));
    }
    let prefix = flag(beside, "add_prefix_space", true)?;
    let normalizer = normalizer(*family, &model, beside)?;
    let pre_tokenizer = pre_tokenizer(*family, prefix, beside)?;
    // Of two alike the later, as tokenizers finds it.
    let ids: BTreeMap<String, u64> = (0..)
        .zip(&vocab)
        .map(|(id, (piece, _))| (piece.clone(), id))
        .collect();
    let added = Added::of(*family, beside, ids, &model.pieces);
    let token = |key: &str| family.token(key, beside);
    let post_processor = match family {
        Family::Albert => {
            // Under these names, whatever the tokens are.
            let (cls, sep) = (added.id(&token("cls_token")), added.id(&token("sep_token")));
            template(BERT.0, BERT.1, &[("[CLS]", cls), ("[SEP]", sep)])
        }
        Family::DebertaV2 => {
            let (cls, sep) = (token("cls_token"), token("sep_token"));
            let tokens = [
                (cls.as_str(), added.id(&cls)),
                (sep.as_str(), added.id(&sep)),
            ];
            template(BERT.0, BERT.1, &tokens)
        }
        _ => {
            let (bos, eos) = (token("bos_token"), token("eos_token"));
            let tokens = [
                (bos.as_str(), added.id(&bos)),
                (eos.as_str(), added.id(&eos)),
            ];
            template(ROBERTA.0, ROBERTA.1, &tokens)
        }
    };
    let vocab: Vec<Json> = vocab
        .iter()
        .map(|(piece, score)| json!([piece, score]))
        .collect();
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added.json(),
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": metaspace(*family, prefix),
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": false},
    }))
}

/// The pieces in the order of ids: fairseq's models begin otherwise than their sentencepiece model, and
/// end with a mask.
fn vocabulary(family: Family, pieces: &[Piece], beside: &Beside) -> Vec<(String, f64)> {
    let token = |key: &str| (family.token(key, beside), 0.0);
    let own = pieces.iter();
    let own = own.map(|piece| (piece.text.clone(), f64::from(piece.score)));
    match family {
        Family::XlmRoberta => [token("bos_token"), token("pad_token")]
            .into_iter()
            .chain([token("eos_token"), token("unk_token")])
            .chain(own.skip(3))
            .chain([token("mask_token")])
            .collect(),
        Family::Camembert => [("<s>NOTUSED".to_owned(), 0.0), token("pad_token")]
            .into_iter()
            .chain([("</s>NOTUSED".to_owned(), 0.0), token("unk_token")])
            .chain([("<unk>NOTUSED".to_owned(), -100.0)])
            .chain(own.skip(1))
            .chain([token("mask_token")])
            .collect(),
        _ => own.collect(),
    }
}

fn unknown(family: Family, vocab: &[(String, f64)], model: &Model, beside: &Beside) -> u64 {
    let token = family.token("unk_token", beside);
    let place = |is: &dyn Fn(&(String, f64)) -> bool| vocab.iter().position(is).map(|at| at as u64);
    match family {
        Family::Albert => 1,
        Family::DebertaV2 => {
            place(&|(piece, score)| *piece == token && *score == 0.0).unwrap_or(model.unknown)
        }
        Family::Camembert => place(&|(piece, _)| *piece == token).unwrap_or(0),
        _ => 3,
    }
}

fn normalizer(family: Family, model: &Model, beside: &Beside) -> Result<Json, String> {
    let table = (!model.charsmap.is_empty()).then(
        || json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(&model.charsmap)}),
    );
    let replace =
        |pattern: Json, text: &str| json!({"type": "Replace", "pattern": pattern, "content": text});
    let mut steps = Vec::new();
    match family {
        Family::Albert => {
            steps.push(replace(json!({"String": "``"}), "\""));
            steps.push(replace(json!({"String": "''"}), "\""));
            if !flag(beside, "keep_accents", false)? {
                steps.push(json!({"type": "NFKD"}));
                steps.push(json!({"type": "StripAccents"}));
            }
            if flag(beside, "do_lower_case", true)? {
                steps.push(json!({"type": "Lowercase"}));
            }
            steps.extend(table);
        }
        // Without the model's table, as transformers 5 has it.
        Family::DebertaV2 => {
            if flag(beside, "do_lower_case", false)? {
                steps.push(json!({"type": "Lowercase"}));
            }
            steps.push(replace(json!({"Regex": "\\s{2,}|[\\n\\r\\t]"}), " "));
            steps.push(json!({"type": "NFC"}));
            steps.push(json!({"type": "Strip", "strip_left": false, "strip_right": true}));
        }
        _ => return Ok(table.unwrap_or(Json::Null)),
    }
    Ok(json!({"type": "Sequence", "normalizers": steps}))
}

fn pre_tokenizer(family: Family, prefix: bool, beside: &Beside) -> Result<Json, String> {
    let mut steps = Vec::new();
    if family != Family::DebertaV2 {
        steps.push(json!({"type": "WhitespaceSplit"}));
    } else if flag(beside, "split_by_punct", false)? {
        steps.push(json!({"type": "Punctuation", "behavior": "Isolated"}));
    }
    steps.push(metaspace(family, prefix));
    Ok(json!({"type": "Sequence", "pretokenizers": steps}))
}

fn metaspace(family: Family, prefix: bool) -> Json {
    let scheme = match (prefix, family) {
        (true, _) => "always",
        (false, Family::DebertaV2) => "first",
        (false, _) => "never",
    };
    json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true})
}
