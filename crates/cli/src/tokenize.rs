//! `tunesmith tokenize`: what a model sees of a text.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use tunesmith::data::{Encoding, TokenizeOptions, Tokenizer, Truncation};
use tunesmith::model::AutoConfig;

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
    let model = Model::of(&args.model, &tokenizer)?;
    let options = TokenizeOptions {
        max_length: args.max_length.or(model.limit),
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

/// What the model's configuration adds to the tokenizer's.
struct Model {
    takes_type_ids: bool,
    limit: Option<usize>,
}

impl Model {
    /// A folder without `config.json` is a tokenizer alone, whose type ids are shown.
    fn of(dir: &Path, tokenizer: &Tokenizer) -> Result<Self> {
        let config = match dir.join("config.json").exists() {
            true => Some(AutoConfig::from_pretrained(dir)?),
            false => None,
        };
        let spec = config.as_ref().map(|config| config.spec());
        let positions = spec.map(|spec| spec.longest);
        Ok(Self {
            takes_type_ids: tokenizer
                .gives_token_types()
                .unwrap_or_else(|| spec.is_none_or(|spec| spec.takes_token_types())),
            limit: match (tokenizer.model_max_length(), positions) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TOKENIZER: &[u8] = br#"{"version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": null, "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;

    fn of(config: Option<&str>, tokenizer_config: &str) -> Model {
        let dir = tempfile::tempdir().unwrap();
        if let Some(config) = config {
            std::fs::write(dir.path().join("config.json"), config).unwrap();
        }
        let tokenizer_config = Some(tokenizer_config.as_bytes());
        let tokenizer = Tokenizer::from_bytes(TOKENIZER, tokenizer_config).unwrap();
        Model::of(dir.path(), &tokenizer).unwrap()
    }

    #[test]
    fn type_ids_are_for_models_that_take_them() {
        let bert = r#"{"model_type": "bert", "vocab_size": 40, "hidden_size": 8,
            "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
            "max_position_embeddings": 16}"#;
        let distilbert = r#"{"model_type": "distilbert", "vocab_size": 40, "dim": 8, "n_layers": 2,
            "n_heads": 2, "hidden_dim": 16, "max_position_embeddings": 16}"#;
        assert!(of(Some(bert), "{}").takes_type_ids);
        assert!(!of(Some(distilbert), "{}").takes_type_ids);
        assert!(of(None, "{}").takes_type_ids);
        let without = r#"{"model_input_names": ["input_ids", "attention_mask"]}"#;
        assert!(!of(Some(bert), without).takes_type_ids);
    }

    #[test]
    fn the_lower_limit_holds() {
        let bert = r#"{"model_type": "bert", "vocab_size": 40, "hidden_size": 8,
            "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
            "max_position_embeddings": 16}"#;
        assert_eq!(
            of(Some(bert), r#"{"model_max_length": 512}"#).limit,
            Some(16)
        );
        assert_eq!(
            of(Some(bert), r#"{"model_max_length": 12}"#).limit,
            Some(12)
        );
        assert_eq!(of(None, r#"{"model_max_length": 12}"#).limit, Some(12));
    }
}
