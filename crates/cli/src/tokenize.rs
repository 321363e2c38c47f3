//! `tunesmith tokenize`: what a model sees of a text.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tunesmith::data::{Encoding, TokenizeOptions, Tokenizer, Truncation};

use crate::{lines, output};

/// Show the tokens of a text or a pair of texts, or tokenize a file of them.
#[derive(Args)]
pub struct TokenizeArgs {
    /// A folder with tokenizer.json and, for the model's limit, config.json.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The text, or the first of a pair.
    #[arg(long, required_unless_present = "input", allow_hyphen_values = true)]
    text: Option<String>,
    /// The second text.
    #[arg(long = "text-pair", requires = "text", allow_hyphen_values = true)]
    text_pair: Option<String>,
    /// JSON Lines of {"text": …, "text_pair": …}; - is standard input. The output is JSON Lines.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    input: Option<PathBuf>,
    /// Maximum number of tokens, special tokens included. Default: the model's limit.
    #[arg(long = "max-length", value_name = "N")]
    max_length: Option<usize>,
    /// Which text to cut: longest_first, only_first, only_second or do_not_truncate.
    #[arg(long, default_value = "longest_first")]
    truncation: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    text: String,
    #[serde(default)]
    text_pair: Option<String>,
}

/// What a model takes; the field's names are transformers'.
#[derive(Serialize)]
struct ModelInputs {
    input_ids: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type_ids: Option<Vec<u32>>,
    attention_mask: Vec<u32>,
}

/// Prints the tokens.
///
/// # Errors
/// When there is no tokenizer, or a text can't be tokenized as asked.
pub fn run(args: &TokenizeArgs) -> Result<()> {
    let tokenizer = Tokenizer::from_file(&args.model)?;
    let model = Model::of(&args.model)?;
    let options = TokenizeOptions {
        max_length: args.max_length.or(model.limit(&tokenizer)),
        truncation: args.truncation.parse::<Truncation>()?,
        ..TokenizeOptions::default()
    };
    if let Some(text) = &args.text {
        let encoding = tokenizer.encode(text, args.text_pair.as_deref(), &options)?;
        return output::line(table(&encoding, model.takes_type_ids));
    }
    let input = args.input.as_deref().context("give --text or --input")?;
    let shape = r#"{"text": "…", "text_pair": "…"}"#;
    lines::read(input, shape, |_, Texts { text, text_pair }| {
        let encoding = tokenizer.encode(&text, text_pair.as_deref(), &options)?;
        let inputs = ModelInputs {
            input_ids: encoding.input_ids,
            token_type_ids: model.takes_type_ids.then_some(encoding.token_type_ids),
            attention_mask: encoding.attention_mask,
        };
        output::line(serde_json::to_string(&inputs)?)
    })
}

fn table(encoding: &Encoding, types: bool) -> String {
    let mut rows = vec![vec!["token".to_owned(), "input_ids".to_owned()]];
    if types {
        rows[0].push("token_type_ids".to_owned());
    }
    rows[0].push("attention_mask".to_owned());
    for (i, token) in encoding.tokens.iter().enumerate() {
        let mut row = vec![token.clone(), encoding.input_ids[i].to_string()];
        if types {
            row.push(encoding.token_type_ids[i].to_string());
        }
        row.push(encoding.attention_mask[i].to_string());
        rows.push(row);
    }
    format!("{}\n{} tokens", output::table(&rows), encoding.tokens.len())
}

/// What the files beside the tokenizer say of the model.
struct Model {
    takes_type_ids: bool,
    positions: Option<usize>,
}

impl Model {
    /// A folder without `config.json` is a tokenizer alone, whose type ids are shown.
    fn of(dir: &Path) -> Result<Self> {
        let config = json(&dir.join("config.json"))?;
        let tokenizer = json(&dir.join("tokenizer_config.json"))?;
        // The tokenizer says it best; models with a single type, such as RoBERTa, take none.
        let named = tokenizer.get("model_input_names").and_then(Value::as_array);
        let many_types = config
            .get("type_vocab_size")
            .and_then(Value::as_u64)
            .is_none_or(|n| n > 1);
        let with_types = config
            .get("model_type")
            .is_none_or(|kind| kind != "distilbert");
        Ok(Self {
            takes_type_ids: named.map_or(many_types && with_types, |names| {
                names.iter().any(|name| name == "token_type_ids")
            }),
            positions: config
                .get("max_position_embeddings")
                .and_then(Value::as_u64)
                .and_then(|positions| usize::try_from(positions).ok()),
        })
    }

    fn limit(&self, tokenizer: &Tokenizer) -> Option<usize> {
        match (tokenizer.model_max_length(), self.positions) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

fn json(path: &Path) -> Result<Value> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{} is not valid JSON", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(error).with_context(|| format!("can't read {}", path.display())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(config: &str, tokenizer_config: &str) -> Model {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        std::fs::write(dir.path().join("tokenizer_config.json"), tokenizer_config).unwrap();
        Model::of(dir.path()).unwrap()
    }

    #[test]
    fn type_ids_are_for_models_that_take_them() {
        let bert = r#"{"model_type": "bert", "type_vocab_size": 2}"#;
        assert!(of(bert, "{}").takes_type_ids);
        assert!(!of(r#"{"model_type": "roberta", "type_vocab_size": 1}"#, "{}").takes_type_ids);
        assert!(!of(r#"{"model_type": "distilbert"}"#, "{}").takes_type_ids);
        let without = r#"{"model_input_names": ["input_ids", "attention_mask"]}"#;
        assert!(!of(bert, without).takes_type_ids);
    }
}
