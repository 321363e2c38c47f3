//! The types that pandas would give the columns of a table of text: `int64`, `float64`, `bool` or
//! `string` by all of their values; an empty field is missing; integers with missing values become
//! floats. One habit of pandas is left out: in a column of strings, words such as `null` or `NA`
//! stay the words they are.

use super::{ReadOptions, Source};
use crate::{DataError, Dtype, Feature, Features, Value};

/// What pandas reads as a missing number.
const MISSING: [&str; 18] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "None", "NaN", "n/a", "nan", "null",
];

/// The types that the values seen so far leave open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    int: bool,
    float: bool,
    /// Numbers with a decimal comma, which only files have that don't separate by commas.
    comma: bool,
    bool: bool,
    missing: bool,
    any: bool,
}

impl Guess {
    const OPEN: Self = Self {
        int: true,
        float: true,
        comma: false,
        bool: true,
        missing: false,
        any: false,
    };

    /// A value that may be written to mean a number.
    pub(super) fn observe(&mut self, text: &str) {
        if is_missing(text) {
            self.missing = true;
            return;
        }
        self.any = true;
        self.int = self.int && int(text).is_some();
        self.float = self.float && float(text).is_some();
        self.comma = self.comma && comma_float(text).is_some();
        self.bool = self.bool && boolean(text).is_some();
    }

    /// A value that is known to be text.
    pub(super) fn observe_text(&mut self, text: &str) {
        if text.is_empty() {
            self.missing = true;
            return;
        }
        *self = Self {
            any: true,
            int: false,
            float: false,
            comma: false,
            bool: false,
            ..*self
        };
    }

    fn dtype(self) -> Dtype {
        match self {
            Self { any: false, .. } => Dtype::Float64,
            Self {
                int: true,
                missing: false,
                ..
            } => Dtype::Int64,
            Self { float: true, .. } | Self { comma: true, .. } => Dtype::Float64,
            Self {
                bool: true,
                missing: false,
                ..
            } => Dtype::Bool,
            _ => Dtype::String,
        }
    }
}

fn is_missing(text: &str) -> bool {
    text.is_empty() || MISSING.contains(&text)
}

fn int(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

fn float(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// `1,5`, as Excel writes it in half of the world.
fn comma_float(text: &str) -> Option<f64> {
    if text.contains('.') {
        return None;
    }
    float(&text.replacen(',', ".", 1))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "True" | "TRUE" | "true" => Some(true),
        "False" | "FALSE" | "false" => Some(false),
        _ => None,
    }
}

/// A field as a value of its column's type; one that doesn't fit stays text, which the column refuses.
pub(super) fn typed<'a>(text: &'a str, feature: &Feature) -> Value<'a> {
    let Some(dtype) = feature.dtype() else {
        // No such file has lists.
        return Value::Str(text);
    };
    match dtype {
        _ if text.is_empty() => Value::Null,
        Dtype::String => Value::Str(text),
        _ if is_missing(text) => Value::Null,
        Dtype::Bool => boolean(text).map_or(Value::Str(text), Value::Bool),
        Dtype::Int64 => int(text).map_or(Value::Str(text), Value::Int),
        _ => float(text)
            .or_else(|| comma_float(text))
            .map_or(Value::Str(text), Value::Float),
    }
}

/// The columns of the tables of a split, as far as they have been looked at.
#[derive(Default)]
pub(super) struct Guesses {
    header: Vec<String>,
    guesses: Vec<Guess>,
}

impl Guesses {
    pub(super) fn is_empty(&self) -> bool {
        self.header.is_empty()
    }

    /// The guesses for a further file with that header, in its order.
    pub(super) fn columns(
        &mut self,
        source: &Source,
        header: &[String],
        decimal_comma: bool,
        options: &ReadOptions,
    ) -> Result<&mut [Guess], DataError> {
        options.check(header)?;
        if self.header.is_empty() {
            self.header = header.to_vec();
            let open = Guess {
                comma: decimal_comma,
                ..Guess::OPEN
            };
            self.guesses = vec![open; header.len()];
        } else if self.header != header {
            return Err(DataError::Mismatch(format!(
                "{} has the columns {}, but the files before it have {}: the files of a split must have the same header",
                source.name(),
                header.join(", "),
                self.header.join(", ")
            )));
        }
        for guess in &mut self.guesses {
            guess.comma &= decimal_comma;
        }
        Ok(&mut self.guesses)
    }

    pub(super) fn features(self, options: &ReadOptions) -> Result<Features, DataError> {
        Features::new(
            self.header
                .into_iter()
                .zip(self.guesses)
                .filter(|(name, _)| options.wants(name))
                .map(|(name, guess)| (name, Feature::Value(guess.dtype()))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtype(values: &[&str]) -> Dtype {
        let mut guess = Guess::OPEN;
        values.iter().for_each(|value| guess.observe(value));
        guess.dtype()
    }

    #[test]
    fn types_are_those_of_pandas() {
        assert_eq!(dtype(&["1", "-2", " 3"]), Dtype::Int64);
        assert_eq!(dtype(&["1", "", "3"]), Dtype::Float64);
        assert_eq!(dtype(&["1", "2.5", "1e5"]), Dtype::Float64);
        assert_eq!(dtype(&["True", "false"]), Dtype::Bool);
        assert_eq!(dtype(&["True", ""]), Dtype::String);
        assert_eq!(dtype(&["1", "one"]), Dtype::String);
        assert_eq!(dtype(&["", "NA"]), Dtype::Float64);
        assert_eq!(dtype(&[]), Dtype::Float64);
    }

    #[test]
    fn a_decimal_comma_is_a_number_where_commas_do_not_separate() {
        let with = |values: &[&str], comma| {
            let mut guess = Guess {
                comma,
                ..Guess::OPEN
            };
            values.iter().for_each(|value| guess.observe(value));
            guess.dtype()
        };
        assert_eq!(with(&["1,5", "2", ""], true), Dtype::Float64);
        assert_eq!(with(&["1,5", "2"], false), Dtype::String);
        assert_eq!(with(&["1,5", "2.5"], true), Dtype::String);
        assert_eq!(with(&["1,500,000"], true), Dtype::String);
        let float = Feature::Value(Dtype::Float64);
        assert_eq!(typed("-1,5", &float), Value::Float(-1.5));
    }

    #[test]
    fn words_for_missing_stay_in_text() {
        let [string, float] = [Dtype::String, Dtype::Float64].map(Feature::Value);
        assert_eq!(typed("null", &string), Value::Str("null"));
        assert_eq!(typed("", &string), Value::Null);
        assert_eq!(typed("null", &float), Value::Null);
    }
}
