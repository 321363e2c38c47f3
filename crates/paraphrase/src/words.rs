//! The committed word lists: invented people, places and firms, and spans of time.
//!
//! One value a line; ` / ` separates the ways of writing it.

use crate::value::split_surfaces;

macro_rules! lists {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../words/", $name, ".txt")))),*]
    };
}

const LISTS: &[(&str, &str)] = lists![
    "airline", "city", "country", "county", "hours", "last", "men", "month", "months", "nick",
    "river", "stem", "storm", "street", "title", "trade", "vote", "weekday", "weeks", "women",
    "years",
];

/// Lists whose values are names, for telling events apart.
const NAMES: [&str; 8] = [
    "airline", "city", "country", "county", "river", "storm", "street", "title",
];

/// The list's own name, where there is such a list.
#[must_use]
pub fn list_name(name: &str) -> Option<&'static str> {
    LISTS
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == name)
}

/// Whether a list holds names.
#[must_use]
pub fn is_names(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The values of a list, each with its surfaces; empty for an unknown name.
#[must_use]
pub fn list(name: &str) -> Vec<Vec<String>> {
    let text = LISTS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, text)| text);
    text.lines()
        .filter(|line| !line.is_empty())
        .map(split_surfaces)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_surface_means_two_things() {
        for (name, _) in LISTS {
            let surfaces: Vec<String> = list(name).into_iter().flatten().collect();
            let distinct: BTreeSet<&String> = surfaces.iter().collect();
            assert_eq!(
                surfaces.len(),
                distinct.len(),
                "words/{name}.txt repeats itself"
            );
            assert!(surfaces.len() >= 7, "words/{name}.txt is nearly empty");
        }
    }
}
