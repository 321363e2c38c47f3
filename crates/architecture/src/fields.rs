//! Reading a family's fields of `config.json`, each number within what a real model has: what follows
//! may multiply them without looking, in a browser with 32 bits.

use serde_json::{Map, Value};

use crate::activation::Activation;
use crate::spec::{Linear, Norm, Table};
use crate::tensors::Fresh;

/// Most rows of a vocabulary.
const MOST_WORDS: usize = 1 << 24;
/// Most of any other size.
const MOST_WIDE: usize = 1 << 17;
/// Most layers, and most heads.
const MOST_LAYERS: usize = 1 << 9;

/// The fields of a `config.json`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A whole number from 1 to `most`.
    pub(crate) fn count(&self, name: &str, default: usize, most: usize) -> Result<usize, String> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        count
            .filter(|count| (1..=most).contains(count))
            .ok_or_else(|| format!("{name} is {value}: it must be 1 to {most}"))
    }

    pub(crate) fn words(&self, default: usize) -> Result<usize, String> {
        self.count("vocab_size", default, MOST_WORDS)
    }

    pub(crate) fn layers(&self, name: &str, default: usize) -> Result<usize, String> {
        self.count(name, default, MOST_LAYERS)
    }

    /// A width that vectors of four divide.
    pub(crate) fn width(&self, name: &str, default: usize) -> Result<usize, String> {
        let width = self.count(name, default, MOST_WIDE)?;
        if width.is_multiple_of(4) {
            Ok(width)
        } else {
            Err(format!("{name} {width} must be a multiple of 4"))
        }
    }

    pub(crate) fn positions(&self, default: usize) -> Result<usize, String> {
        self.count("max_position_embeddings", default, MOST_WIDE)
    }

    /// The number of segments; 0 for none, where a family may have none.
    pub(crate) fn types(&self, default: usize) -> Result<usize, String> {
        if self.get("type_vocab_size") == Some(&Value::from(0)) && default == 0 {
            return Ok(0);
        }
        if default == 0 && self.get("type_vocab_size").is_none() {
            return Ok(0);
        }
        self.count("type_vocab_size", default, 1 << 7)
    }

    /// Hidden size and heads, which divide it.
    pub(crate) fn hidden_and_heads(
        &self,
        [hidden, heads]: [&str; 2],
        [default_hidden, default_heads]: [usize; 2],
    ) -> Result<(usize, usize), String> {
        let size = self.width(hidden, default_hidden)?;
        let count = self.layers(heads, default_heads)?;
        if size.is_multiple_of(count) {
            Ok((size, count))
        } else {
            Err(format!(
                "{hidden} {size} does not divide into {count} attention heads"
            ))
        }
    }

    /// A probability below 1.
    pub(crate) fn dropout(&self, name: &str, default: f32) -> Result<f32, String> {
        let p = self.number(name, default)?;
        if (0.0..1.0).contains(&p) {
            Ok(p)
        } else {
            Err(format!("{name} is {p}: it must lie in [0, 1)"))
        }
    }

    pub(crate) fn epsilon(&self, name: &str, default: f32) -> Result<f32, String> {
        let epsilon = self.number(name, default)?;
        if epsilon > 0.0 && epsilon < 1.0 {
            Ok(epsilon)
        } else {
            Err(format!(
                "{name} is {epsilon}: it must lie between 0 and 1 ({default:e} is usual)"
            ))
        }
    }

    /// The standard deviation of new weights.
    pub(crate) fn deviation(&self) -> Result<f32, String> {
        let deviation = self.number("initializer_range", 0.02)?;
        if (0.0..=100.0).contains(&deviation) {
            Ok(deviation)
        } else {
            Err(format!(
                "initializer_range is {deviation}: it must lie between 0 and 100 (0.02 is usual)"
            ))
        }
    }

    pub(crate) fn number(&self, name: &str, default: f32) -> Result<f32, String> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let number = value.as_f64().map(|number| number as f32);
        number.ok_or_else(|| format!("{name} is {value}: it must be a number"))
    }

    pub(crate) fn integer(&self, name: &str, default: i64) -> Result<i64, String> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        let bounded = value.as_i64().filter(|n| n.unsigned_abs() <= 1 << 24);
        bounded.ok_or_else(|| format!("{name} is {value}: it must be a whole number"))
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| format!("{name} is {value}: it must be true or false")),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_str()
                .map(Some)
                .ok_or_else(|| format!("{name} is {value}: it must be text")),
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }

    pub(crate) fn activation(&self, name: &str, default: Activation) -> Result<Activation, String> {
        let Some(text) = self.text(name)? else {
            return Ok(default);
        };
        Activation::of_name(text).ok_or_else(|| {
            format!(
                "{name} '{text}' is not supported; these are: {}",
                Activation::names()
            )
        })
    }

    /// The padding token's id, which PyTorch counts from the vocabulary's end where it is negative;
    /// none where the file says null.
    pub(crate) fn padding(&self, default: u32, words: usize) -> Result<Option<u32>, String> {
        let Some(value) = self.0.get("pad_token_id") else {
            return Ok(Some(default));
        };
        if value.is_null() {
            return Ok(None);
        }
        let wrong = || format!("pad_token_id {value} is not in the vocabulary");
        let id = value.as_i64().ok_or_else(wrong)?;
        let id = if id < 0 { id + words as i64 } else { id };
        // An id beyond the table's end pads nothing; transformers takes it all the same.
        u32::try_from(id).map(Some).map_err(|_| wrong())
    }
}

/// What all tensors of a model have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// The standard deviation of new weights.
    pub(crate) deviation: f32,
    /// Of every LayerNorm.
    pub(crate) epsilon: f32,
}

impl Style {
    pub(crate) fn fresh(&self) -> Fresh {
        Fresh::Normal {
            deviation: self.deviation,
            cutoff: None,
        }
    }

    pub(crate) fn linear(&self, name: impl Into<String>, out: usize, inner: usize) -> Linear {
        self.stacked(vec![name.into()], out, inner)
    }

    /// Several layers over one input.
    pub(crate) fn stacked(&self, names: Vec<String>, out: usize, inner: usize) -> Linear {
        Linear {
            names,
            out,
            inner,
            has_bias: true,
            kernel: None,
            fresh: self.fresh(),
        }
    }

    pub(crate) fn norm(&self, name: impl Into<String>, size: usize) -> Norm {
        Norm {
            name: name.into(),
            size,
            epsilon: self.epsilon,
            has_bias: true,
        }
    }

    pub(crate) fn table(&self, name: impl Into<String>, rows: usize, width: usize) -> Table {
        Table {
            name: name.into(),
            rows,
            width,
            padding: None,
            fresh: self.fresh(),
        }
    }
}
