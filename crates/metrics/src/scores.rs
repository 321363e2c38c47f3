//! A metric's result: evaluate's dict, in its order.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Metric values by evaluate's names, in its order.
///
/// Serializes to one JSON object, `{"accuracy":0.75,"f1":0.8}`. JSON has no NaN, which a correlation
/// with a constant is: it is written as the string `"nan"`, since `null` would read as "not computed"
/// and Python's bare `NaN` is not JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores(pub(crate) Vec<(&'static str, f64)>);

impl Scores {
    /// The value of this name, if the metric has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.0.iter().copied()
    }
}

impl Serialize for Scores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            if value.is_nan() {
                map.serialize_entry(name, "nan")?;
            } else {
                map.serialize_entry(name, &value)?;
            }
        }
        map.end()
    }
}
