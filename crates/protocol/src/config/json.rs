//! One JSON file of arguments, read so that a person learns of every mistake in it by name. serde
//! alone can't: with flattened groups it neither rejects unknown keys nor says which key has the
//! wrong type, so the keys are looked at here, one by one.

use serde_json::{Map, Value};
use strsim::levenshtein;

use super::fixed::{self, Fixed};
use super::{ConfigError, Problem, RunConfig};

/// Older spellings that still work, with a warning, and what they are called now.
pub const OLD_SPELLINGS: &[(&str, &str)] = &[
    ("evaluation_strategy", "eval_strategy"),
    ("warmup_ratio", "warmup_steps"),
    ("per_gpu_train_batch_size", "per_device_train_batch_size"),
    ("per_gpu_eval_batch_size", "per_device_eval_batch_size"),
];

/// Arguments that say in another way what one of ours says: with this value, the other argument has that one. Any other
/// value says nothing.
const SAME: &[(&str, bool, &str, &str)] = &[
    ("use_cpu", true, "device", "\"cpu\""),
    ("no_cuda", true, "device", "\"cpu\""),
    ("do_regression", true, "problem_type", "\"regression\""),
    (
        "activation_checkpointing",
        true,
        "gradient_checkpointing",
        "true",
    ),
];

impl RunConfig {
    /// Reads one JSON object of arguments; what it doesn't name has its default. Gives the
    /// configuration and warnings about older spellings. Run [`RunConfig::validate`] on the result,
    /// after arguments from elsewhere are merged in.
    ///
    /// # Errors
    /// When the text is not an object, with line and column; and for every key that is unknown (with
    /// the nearest known one), given twice or of a wrong type, or has a value that only transformers has.
    pub fn from_json(text: &str) -> Result<(Self, Vec<String>), ConfigError> {
        let map: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| ConfigError::Json(error.to_string()))?;
        Self::from_map(map)
    }

    /// The same for an object already read, so that a shell can lay its own arguments over a file's
    /// before either is checked.
    ///
    /// # Errors
    /// As [`RunConfig::from_json`].
    pub fn from_map(given: Map<String, Value>) -> Result<(Self, Vec<String>), ConfigError> {
        let known = Self::keys();
        let mut accepted = Map::new();
        let mut warnings = Vec::new();
        let mut problems = Vec::new();
        let mut same_as = Vec::new();

        for (key, value) in &given {
            let dashless = key.trim_start_matches("--").replace('-', "_");
            if let Some(fixed) = Fixed::named(&dashless) {
                let problem = fixed.problem(value);
                problems.extend(problem.map(|message| Problem::new(dashless, message)));
                continue;
            }
            if let Some(same) = SAME.iter().find(|same| same.0 == dashless) {
                match value {
                    Value::Null => {}
                    Value::Bool(given) if *given != same.1 => {}
                    Value::Bool(_) => same_as.push(same),
                    _ => problems.push(Problem::new(dashless, "expected true or false")),
                }
                continue;
            }
            let old = OLD_SPELLINGS.iter().find(|(old, _)| *old == dashless);
            let name = old.map_or(dashless.as_str(), |(_, current)| *current);
            if let Some((old, current)) = old {
                // transformers writes both spellings into a file, the old one empty.
                if value.is_null() || value.as_f64() == Some(0.0) {
                    continue;
                }
                warnings.push(format!("{old} is an older spelling: use {current}"));
            }
            if !known.iter().any(|known| known == name) {
                problems.push(Problem::new(name, unknown(name, &known)));
            } else if value.is_null() {
                // transformers writes an empty value so, and ours has its default.
            } else if accepted.contains_key(name) {
                problems.push(Problem::new(name, "given twice: keep one of the spellings"));
            } else {
                accepted.insert(name.to_owned(), value.clone());
            }
        }

        for (name, _, ours, value) in same_as {
            let value: Value = serde_json::from_str(value).unwrap_or_default();
            match accepted.get(*ours) {
                Some(given) if *given != value => {
                    let message =
                        format!("says {ours} {value}, and {ours} is {given}: keep one of the two");
                    problems.push(Problem::new(*name, message));
                }
                _ => drop(accepted.insert((*ours).to_owned(), value)),
            }
        }
        for (key, value) in &accepted {
            let alone = Map::from_iter([(key.clone(), value.clone())]);
            if let Err(error) = serde_json::from_value::<Self>(Value::Object(alone)) {
                problems.push(Problem::new(key, error.to_string()));
            }
        }
        if !problems.is_empty() {
            return Err(ConfigError::Problems(problems));
        }
        let config = serde_json::from_value(Value::Object(accepted))
            .map_err(|error| ConfigError::Json(error.to_string()))?;
        Ok((config, warnings))
    }

    /// The name of every argument, in order.
    #[must_use]
    pub fn keys() -> Vec<String> {
        match serde_json::to_value(Self::default()) {
            Ok(Value::Object(map)) => map.into_iter().map(|(key, _)| key).collect(),
            _ => Vec::new(),
        }
    }
}

fn unknown(key: &str, known: &[String]) -> String {
    let nearest = known
        .iter()
        .map(String::as_str)
        .chain(fixed::names().map(|name| -> &str { name }))
        .chain(SAME.iter().map(|same| same.0))
        .map(|known| (levenshtein(key, known), known))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, nearest)) if distance <= (key.len() / 3).max(2) => {
            format!("there is no such argument; did you mean {nearest}?")
        }
        _ => "there is no such argument; remove it".to_owned(),
    }
}
