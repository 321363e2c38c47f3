//! A BERT small enough to be committed, for trying things out where the Hub can't be reached.
//!
//! It's untrained. The folder is what transformers' `save_pretrained` would write.

mod tokenizer;
mod weights;

use std::path::Path;

use serde_json::{Value, json};

use crate::error::Error;
use crate::files::File;

pub use tokenizer::MAX_VOCABULARY;

/// The folder of the model, from the root of the repository.
pub const FOLDER: &str = "data/tiny";

/// Width of a token's vector.
const HIDDEN_SIZE: usize = 64;

/// Width inside the feed-forward block.
const INTERMEDIATE_SIZE: usize = 256;

/// How many encoder layers there are.
const NUM_HIDDEN_LAYERS: usize = 2;

/// How many heads a layer has.
const NUM_ATTENTION_HEADS: usize = 2;

/// The longest input, in tokens.
const MAX_POSITION_EMBEDDINGS: usize = 128;

/// First sentence and second sentence.
const TYPE_VOCAB_SIZE: usize = 2;

/// Standard deviation of the random weights, BERT's own.
const INITIALIZER_RANGE: f64 = 0.02;

const CARD: &str = include_str!("card.md");

/// Generates the model's folder, with a vocabulary of the words of `sentences`.
///
/// # Errors
/// [`Error::Words`] or [`Error::Weights`].
pub fn files(sentences: &[String]) -> Result<Vec<File>, Error> {
    let vocabulary = tokenizer::vocabulary(sentences)?;
    let weights = weights::Weights::draw(vocabulary.len());
    let card = CARD
        .replace("{{vocabulary}}", &vocabulary.len().to_string())
        .replace("{{parameters}}", &weights.parameters().to_string());
    let file = |name: &str, bytes: Vec<u8>| File {
        path: Path::new(FOLDER).join(name),
        bytes,
    };
    Ok(vec![
        file("README.md", card.into_bytes()),
        file("config.json", json_file(&config(vocabulary.len()))),
        file("model.safetensors", weights.safetensors()?),
        file(
            "tokenizer.json",
            json_file(&tokenizer::tokenizer(&vocabulary)),
        ),
        file("tokenizer_config.json", json_file(&tokenizer::config())),
        file("vocab.txt", (vocabulary.join("\n") + "\n").into_bytes()),
    ])
}

fn json_file(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

fn config(vocab_size: usize) -> Value {
    json!({
        "architectures": ["BertModel"],
        "attention_probs_dropout_prob": 0.1,
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": HIDDEN_SIZE,
        "initializer_range": INITIALIZER_RANGE,
        "intermediate_size": INTERMEDIATE_SIZE,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": MAX_POSITION_EMBEDDINGS,
        "model_type": "bert",
        "num_attention_heads": NUM_ATTENTION_HEADS,
        "num_hidden_layers": NUM_HIDDEN_LAYERS,
        "pad_token_id": tokenizer::PAD_TOKEN_ID,
        "type_vocab_size": TYPE_VOCAB_SIZE,
        "vocab_size": vocab_size,
    })
}
