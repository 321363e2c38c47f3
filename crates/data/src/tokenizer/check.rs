//! What a `tokenizer.json` must hold before the crate `tokenizers` may read it.
//!
//! That crate believes its files: a template that names an unknown token, a merge that is too long, a
//! table of characters that points outside of itself or a chunk length of 0 make it panic, some only
//! when the first text comes. A browser's worker can't catch a panic, so what would panic is found here.
//! Each check names the place in `tokenizers` 0.23 that it stands for; look through them when that
//! version changes. `cargo xtask fuzz` tries them with many damaged files.

use serde_json::{Map, Value as Json};
use tokenizers::Normalizer;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::tokenizer::NormalizedString;

use super::charsmap;
use super::pattern;

/// Ids index an embedding: this many rows are more than any model has.
const MOST_IDS: u64 = 1 << 24;

/// Real files are 8 deep. Deeper ones are tried twice a level by serde's untagged enums.
const MOST_DEPTH: usize = 24;

/// Words longer than this are unknown words in every vocabulary; the search for pieces is quadratic.
const MOST_WORD_CHARS: u64 = 2000;

/// A unigram vocabulary becomes a tree with a node a byte, which is dropped recursively.
const MOST_PIECE_BYTES: usize = 512;
const MOST_VOCAB_BYTES: usize = 6_000_000;

/// Special tokens and sequences of a template; BERT's have five.
const MOST_PIECES: usize = 64;

/// Normalizers or pre-tokenizers in a row.
const MOST_STEPS: usize = 256;

/// How many times longer the normalizers together may make a text.
const MOST_GROWTH: usize = 4096;

/// Parses and checks a `tokenizer.json`; what it gives can be handed to `tokenizers`. The decoder is
/// taken out and given beside it, unchecked: only who decodes needs it.
pub(super) fn parse(bytes: &[u8]) -> Result<(Json, Json), String> {
    let mut json: Json = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            format!(
                "it is cut short: it ends after {} bytes, in the middle. Download or copy it again",
                bytes.len()
            )
        } else {
            format!("it is not valid JSON ({error}). Download or copy it again")
        }
    })?;
    let Json::Object(root) = &mut json else {
        return Err(
            "it is not a JSON object. It must be the tokenizer.json of a fast tokenizer".into(),
        );
    };
    let decoder = root.insert("decoder".to_owned(), Json::Null);
    if depth(root) > MOST_DEPTH {
        return Err(format!("it is nested more than {MOST_DEPTH} deep"));
    }
    let part = |name: &str| root.get(name).unwrap_or(&Json::Null);
    if let Json::Object(model) = part("model") {
        check_model(model)?;
    }
    let normalizer = check_normalizer(part("normalizer"))?;
    check_pre_tokenizer(part("pre_tokenizer"))?;
    check_post_processor(part("post_processor"))?;
    if let Json::Array(tokens) = part("added_tokens") {
        check_added_tokens(tokens, normalizer.as_ref())?;
    }
    Ok((json, decoder.unwrap_or_default()))
}

fn depth(root: &Map<String, Json>) -> usize {
    let mut deepest = 0;
    let mut open: Vec<(&Json, usize)> = root.values().map(|value| (value, 2)).collect();
    while let Some((value, depth)) = open.pop() {
        deepest = deepest.max(depth);
        match value {
            Json::Array(list) => open.extend(list.iter().map(|value| (value, depth + 1))),
            Json::Object(map) => open.extend(map.values().map(|value| (value, depth + 1))),
            _ => {}
        }
    }
    deepest
}

/// By what is there and not by `type`, which old files lack.
fn check_model(model: &Map<String, Json>) -> Result<(), String> {
    let limit = model.get("max_input_chars_per_word").and_then(Json::as_u64);
    if let Some(limit) = limit.filter(|limit| *limit > MOST_WORD_CHARS) {
        return Err(format!(
            "max_input_chars_per_word is {limit}: at most {MOST_WORD_CHARS} is supported (100 is usual)"
        ));
    }
    match model.get("vocab") {
        Some(Json::Object(vocab)) => {
            let wrong = |id: &&Json| id.as_u64().is_none_or(|id| id >= MOST_IDS);
            if let Some((token, id)) = vocab.iter().find(|(_, id)| wrong(id)) {
                return Err(format!(
                    "the token {token:?} has the id {id}: ids are whole numbers below {MOST_IDS}"
                ));
            }
            if let Some(Json::Array(merges)) = model.get("merges") {
                check_merges(merges, vocab, model)?;
            }
        }
        Some(Json::Array(pieces)) => check_pieces(pieces)?,
        _ => {}
    }
    Ok(())
}

/// `models/bpe/model.rs`, `BpeBuilder::build`: slices by lengths that it does not check.
fn check_merges(
    merges: &[Json],
    vocab: &Map<String, Json>,
    model: &Map<String, Json>,
) -> Result<(), String> {
    let prefix = model.get("continuing_subword_prefix");
    let prefix = prefix.and_then(Json::as_str).unwrap_or_default();
    for (number, merge) in merges.iter().enumerate() {
        let (first, second) = match merge {
            Json::String(line) if line.starts_with("#version") => continue,
            Json::String(line) => match line.split_once(' ') {
                Some(pair) => pair,
                None => return Err(format!("merge {number} is {line:?}, not two pieces")),
            },
            Json::Array(pair) => match pair.as_slice() {
                [Json::String(first), Json::String(second)] => (first.as_str(), second.as_str()),
                _ => return Err(format!("merge {number} is {merge}, not two pieces")),
            },
            _ => return Err(format!("merge {number} is {merge}, not two pieces")),
        };
        let merged = second
            .get(prefix.len()..)
            .map(|rest| format!("{first}{rest}"));
        let known = |piece: &str| vocab.contains_key(piece);
        if !known(first) || !known(second) || !merged.as_deref().is_some_and(known) {
            return Err(format!(
                "merge {number}, of {first:?} and {second:?}: a piece of it or the two together are \
                 not in the vocabulary"
            ));
        }
    }
    Ok(())
}

/// `models/unigram/trie.rs`.
fn check_pieces(pieces: &[Json]) -> Result<(), String> {
    if pieces.len() as u64 >= MOST_IDS {
        return Err(format!("the vocabulary has {} pieces", pieces.len()));
    }
    let mut total = 0;
    for (id, piece) in pieces.iter().enumerate() {
        let Some(text) = piece.get(0).and_then(Json::as_str) else {
            return Err(format!(
                "piece {id} of the vocabulary is {piece}, not a text and a score"
            ));
        };
        total += text.len();
        if text.len() > MOST_PIECE_BYTES {
            return Err(format!(
                "piece {id} of the vocabulary has {} bytes: at most {MOST_PIECE_BYTES} are supported",
                text.len()
            ));
        }
    }
    if total > MOST_VOCAB_BYTES {
        return Err(format!(
            "the vocabulary has {total} bytes of text: at most {MOST_VOCAB_BYTES} are supported"
        ));
    }
    Ok(())
}

/// Normalizers and pre-tokenizers, before they are built: patterns are compiled then, and a damaged
/// table of characters is a panic (`normalizers/mod.rs`, "Precompiled").
fn check_steps(steps: &Json) -> Result<(), String> {
    let (mut patterns, mut count) = (0, 0);
    let mut open = vec![steps];
    while let Some(value) = open.pop() {
        match value {
            Json::Array(list) => open.extend(list),
            Json::Object(map) => {
                count += 1;
                match map.get("type") {
                    None => {}
                    Some(Json::String(kind)) if kind == "Precompiled" => {
                        let table = map.get("precompiled_charsmap").and_then(Json::as_str);
                        charsmap::check(table.unwrap_or_default())?;
                    }
                    Some(Json::String(_)) => {}
                    Some(other) => return Err(format!("a part has the type {other}, not a name")),
                }
                if let Some(Json::String(text)) = map.get("Regex") {
                    patterns += 1;
                    pattern::check(text)?;
                }
                open.extend(map.values());
            }
            _ => {}
        }
    }
    // An object of a pattern in a step, a step in a list.
    if patterns > MOST_STEPS / 4 || count > 2 * MOST_STEPS {
        return Err(format!(
            "it has {count} normalizers or pre-tokenizers, {patterns} with a pattern"
        ));
    }
    Ok(())
}

fn check_normalizer(json: &Json) -> Result<Option<NormalizerWrapper>, String> {
    check_steps(json)?;
    let normalizer: Option<NormalizerWrapper> =
        serde_json::from_value(json.clone()).map_err(|error| format!("its normalizer: {error}"))?;
    if let Some(normalizer) = &normalizer {
        let mut growth = 1;
        check_growth(normalizer, &mut growth)?;
    }
    Ok(normalizer)
}

/// `tokenizer/normalizer.rs`: a character that is put before the first has no place in the original,
/// and what is next changed then reads past the end.
fn check_growth(normalizer: &NormalizerWrapper, growth: &mut usize) -> Result<(), String> {
    let times = match normalizer {
        NormalizerWrapper::Sequence(list) => {
            return list
                .as_ref()
                .iter()
                .try_for_each(|normalizer| check_growth(normalizer, growth));
        }
        NormalizerWrapper::Prepend(step) => {
            if step.prepend.is_empty() {
                return Err("a normalizer of the type Prepend prepends nothing".to_owned());
            }
            1 + step.prepend.chars().count()
        }
        NormalizerWrapper::Replace(step) => {
            let content = step.content.chars().count();
            let json = serde_json::to_value(step).map_err(|error| error.to_string())?;
            let replaced = &json["pattern"];
            let empty = match (&replaced["String"], &replaced["Regex"]) {
                (Json::String(text), _) => text.is_empty(),
                (_, Json::String(text)) => pattern::can_be_empty(text),
                _ => true,
            };
            if empty && content > 0 {
                return Err(format!(
                    "a normalizer of the type Replace has the pattern {replaced}, which is found \
                     between any two characters: that is not supported"
                ));
            }
            content.max(1)
        }
        NormalizerWrapper::Precompiled(_) => charsmap::MOST_CHARS,
        NormalizerWrapper::ByteLevel(_) => 4,
        _ => 1,
    };
    *growth = growth.saturating_mul(times);
    if *growth > MOST_GROWTH {
        return Err(format!(
            "its normalizers make a text more than {MOST_GROWTH} times as long"
        ));
    }
    Ok(())
}

fn check_pre_tokenizer(json: &Json) -> Result<(), String> {
    check_steps(json)?;
    let built: Option<PreTokenizerWrapper> = serde_json::from_value(json.clone())
        .map_err(|error| format!("its pre_tokenizer: {error}"))?;
    built.as_ref().map_or(Ok(()), check_lengths)
}

/// `pre_tokenizers/fixed_length.rs`: chunks of 0 characters.
fn check_lengths(pre_tokenizer: &PreTokenizerWrapper) -> Result<(), String> {
    match pre_tokenizer {
        PreTokenizerWrapper::Sequence(list) => list.as_ref().iter().try_for_each(check_lengths),
        PreTokenizerWrapper::FixedLength(step) if step.length == 0 => {
            Err("a pre_tokenizer of the type FixedLength has the length 0".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_post_processor(json: &Json) -> Result<(), String> {
    let built: Option<PostProcessorWrapper> = serde_json::from_value(json.clone())
        .map_err(|error| format!("its post_processor: {error}"))?;
    let mut templates = 0;
    match built {
        Some(processor) => check_processor(&processor, &mut templates),
        None => Ok(()),
    }
}

fn check_processor(processor: &PostProcessorWrapper, templates: &mut usize) -> Result<(), String> {
    let ids = match processor {
        PostProcessorWrapper::Bert(step) => [step.cls.1, step.sep.1],
        PostProcessorWrapper::Roberta(step) => [step.get_cls_copy().1, step.get_sep_copy().1],
        PostProcessorWrapper::Template(template) => {
            *templates += 1;
            // `processors/template.rs`: "todo!()" for more than two sequences, which a template gives.
            if *templates > 1 {
                return Err("its post_processor has two templates".to_owned());
            }
            return check_template(template);
        }
        PostProcessorWrapper::Sequence(list) => {
            let list = list.as_ref();
            if list.len() > MOST_STEPS {
                return Err(format!("its post_processor has {} steps", list.len()));
            }
            return list
                .iter()
                .try_for_each(|processor| check_processor(processor, templates));
        }
        PostProcessorWrapper::ByteLevel(_) => return Ok(()),
    };
    ids.iter().try_for_each(|id| check_id(u64::from(*id)))
}

fn check_id(id: u64) -> Result<(), String> {
    if id < MOST_IDS {
        return Ok(());
    }
    Err(format!(
        "its post_processor adds a token of the id {id}: ids are below {MOST_IDS}"
    ))
}

/// `processors/template.rs`: looks sequences and tokens up without asking whether they are there.
fn check_template(template: &TemplateProcessing) -> Result<(), String> {
    let json = serde_json::to_value(template).map_err(|error| error.to_string())?;
    let tokens = json["special_tokens"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let list = |json: &Json| json.as_array().cloned().unwrap_or_default();
    for (name, token) in &tokens {
        let (ids, texts) = (list(&token["ids"]), list(&token["tokens"]));
        if ids.len() != texts.len() || ids.len() > MOST_PIECES {
            return Err(format!(
                "its post_processor's token {name:?} has {} ids and {} texts",
                ids.len(),
                texts.len()
            ));
        }
        ids.iter()
            .try_for_each(|id| check_id(id.as_u64().unwrap_or(MOST_IDS)))?;
    }
    for (name, sequences) in [("single", ["A"].as_slice()), ("pair", &["A", "B"])] {
        let pieces = list(&json[name]);
        if pieces.len() > MOST_PIECES {
            return Err(format!(
                "its post_processor's template {name:?} has {} pieces: at most {MOST_PIECES} are supported",
                pieces.len()
            ));
        }
        for piece in &pieces {
            let (kind, content) = match piece.as_object().and_then(|piece| piece.iter().next()) {
                Some((kind, content)) => (kind.as_str(), content),
                None => continue,
            };
            let id = content["id"].as_str().unwrap_or_default();
            let known = match kind {
                "Sequence" => sequences.contains(&id),
                _ => tokens.contains_key(id),
            };
            if !known {
                return Err(format!(
                    "its post_processor's template {name:?} names {id:?}, which is not there"
                ));
            }
            // Types are kept in a byte.
            if content["type_id"]
                .as_u64()
                .is_none_or(|type_id| type_id > 127)
            {
                return Err(format!(
                    "its post_processor's template {name:?} has a type_id of {}: at most 127 is supported",
                    content["type_id"]
                ));
            }
        }
    }
    Ok(())
}

/// `tokenizer/added_vocabulary.rs`: a token that takes the spaces before it and is all spaces itself ends
/// before it begins where the token before it took them; an empty one is found everywhere.
fn check_added_tokens(
    tokens: &[Json],
    normalizer: Option<&NormalizerWrapper>,
) -> Result<(), String> {
    let is = |token: &Json, field: &str| token.get(field) == Some(&Json::Bool(true));
    let takes_spaces_after = tokens.iter().any(|token| is(token, "rstrip"));
    for token in tokens {
        let Some(content) = token.get("content").and_then(Json::as_str) else {
            continue;
        };
        let mut found = content.to_owned();
        if let (true, Some(normalizer)) = (is(token, "normalized"), normalizer) {
            let mut text = NormalizedString::from(content);
            normalizer
                .normalize(&mut text)
                .map_err(|error| format!("its added token {content:?}: {error}"))?;
            found = text.get().to_owned();
        }
        if found.is_empty() && !content.is_empty() {
            return Err(format!(
                "its added token {content:?} is nothing once it is normalized"
            ));
        }
        if takes_spaces_after && is(token, "lstrip") && found.chars().all(char::is_whitespace) {
            return Err(format!(
                "its added token {content:?} is all spaces and takes the spaces before it, as another \
                 takes those after it: that is not supported"
            ));
        }
    }
    Ok(())
}
