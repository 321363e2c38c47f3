//! Layers by their numbers, as a person writes them: `0-5`, or `0,1,3-5`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that no model's layer has.
const MOST: usize = 1000;

/// Numbers of layers, counted from 0. In JSON a text, a number, or a list of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Layers(pub BTreeSet<usize>);

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "`{text}` names no layers: give numbers from 0 and ranges of them, such as 0-5 or 0,1,3-5"
            )
        };
        let number = |text: &str| {
            let number: Option<usize> = text.trim().parse().ok();
            number.filter(|number| *number < MOST).ok_or_else(wrong)
        };
        let mut layers = BTreeSet::new();
        for part in text.split(',') {
            match part.split_once('-') {
                None => {
                    layers.insert(number(part)?);
                }
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    if first > last {
                        return Err(wrong());
                    }
                    layers.extend(first..=last);
                }
            }
        }
        Ok(Self(layers))
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for layer in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *layer => *last = *layer,
                _ => ranges.push((*layer, *layer)),
            }
        }
        for (place, (first, last)) in ranges.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Layers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected layers such as 0-5, or a list of numbers"
        )]
        enum Written {
            One(usize),
            List(Vec<usize>),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::One(layer) => layer.to_string(),
            Written::List(layers) => {
                let layers: Vec<String> = layers.iter().map(usize::to_string).collect();
                layers.join(",")
            }
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_numbers_are_read_and_written() {
        for (text, layers, written) in [
            ("0-5", vec![0, 1, 2, 3, 4, 5], "0-5"),
            ("0,1,3-5", vec![0, 1, 3, 4, 5], "0-1,3-5"),
            (" 7 , 2 ", vec![2, 7], "2,7"),
        ] {
            let read: Layers = text.parse().unwrap();
            assert_eq!(read.0.iter().copied().collect::<Vec<_>>(), layers);
            assert_eq!(read.to_string(), written);
            let json = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<Layers>(&json).unwrap(), read);
        }
        let list: Layers = serde_json::from_str("[3, 1]").unwrap();
        assert_eq!(list.to_string(), "1,3");
        assert_eq!(
            serde_json::from_str::<Layers>("4").unwrap().to_string(),
            "4"
        );
        for text in ["", "5-3", "a", "1-", "-1", "0-99999999999", "1;2"] {
            let message = text.parse::<Layers>().unwrap_err();
            assert!(message.contains("0,1,3-5"), "{message}");
        }
    }
}
