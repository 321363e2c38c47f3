//! The names that a model's tensors have in a checkpoint: today's, or those of older versions, of wrappers
//! around the model, and of encoders saved alone.

use crate::families::Family;

/// Finds the names under which a checkpoint keeps a model's tensors.
#[derive(Debug, Clone)]
pub struct StoredNames {
    family: &'static Family,
    /// What stands before every name, from a wrapper around the model that was saved.
    wrapper: String,
}

impl StoredNames {
    /// For a checkpoint with tensors of these names.
    pub fn new<'a>(mut names: impl Iterator<Item = &'a str>, family: &'static Family) -> Self {
        // Every family has a word table, and calls it so.
        const WORDS: [&str; 2] = [
            "embeddings.word_embeddings.weight",
            "embeddings.tok_embeddings.weight",
        ];
        let before = names.find_map(|name| WORDS.iter().find_map(|words| name.strip_suffix(words)));
        let before = before.unwrap_or_default();
        // DataParallel's `module.`, sentence-transformers' `0.auto_model.`.
        let wrapper = before.strip_suffix(family.prefix).unwrap_or(before);
        Self {
            family,
            wrapper: wrapper.to_owned(),
        }
    }

    /// The name of the tensor that is called `name` today, where `is_stored` says that there is one.
    pub fn find(&self, name: &str, is_stored: impl Fn(&str) -> bool) -> Option<String> {
        let bare = name.strip_prefix(self.family.prefix).unwrap_or(name);
        let spellings = [name.to_owned(), bare.to_owned(), old(name), old(bare)];
        spellings
            .into_iter()
            .map(|spelling| format!("{}{spelling}", self.wrapper))
            .find(|spelling| is_stored(spelling))
    }
}

/// How old checkpoints call LayerNorm's weight and bias.
fn old(name: &str) -> String {
    name.replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta")
}
