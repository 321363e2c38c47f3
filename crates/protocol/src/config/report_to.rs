//! `report_to`: what a training is reported to while it goes on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::choices::{UnknownChoice, choices};

choices! {
    /// What reads a training's log.
    Integration {
        /// TensorBoard's event files.
        #[default]
        TensorBoard = "tensorboard",
        /// A table, `metrics.csv`.
        Csv = "csv",
    }
}

/// Who is told of a training's log. In JSON `"none"`, `"all"`, a name, or a list of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(type = r#""none" | "all" | "tensorboard" | "csv" | readonly ("tensorboard" | "csv")[]"#)
)]
pub struct ReportTo(pub Vec<Integration>);

impl ReportTo {
    /// What a screen offers; a file or a command may name several.
    pub const WORDS: &'static [&'static str] = &["none", "tensorboard", "csv", "all"];
}

impl FromStr for ReportTo {
    type Err = String;

    /// Reads `none`, `all`, or names with commas between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut found = Vec::new();
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match name {
                "none" => {}
                "all" => found.extend([Integration::TensorBoard, Integration::Csv]),
                name => found.push(name.parse().map_err(|_: UnknownChoice| {
                    format!(
                        "nothing is reported to {name}: use tensorboard or csv, or read the event stream \
                         (--events FILE)"
                    )
                })?),
            }
        }
        found.sort_by_key(|integration| integration.as_str());
        found.dedup();
        Ok(Self(found))
    }
}

impl Serialize for ReportTo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [] => serializer.serialize_str("none"),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ReportTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected none, all, a name, or a list of names")]
        enum Written {
            Name(String),
            Names(Vec<String>),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Name(name) => name,
            Written::Names(names) => names.join(","),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}
