//! Facts: what a slot can hold, and the different ways of writing each value.
//!
//! A value has one identity and several surfaces ("25 percent", "25%", "a quarter"). Two
//! sentences agree on a fact when the identities agree, however differently they put it.

use std::collections::BTreeMap;

use crate::rng::Rng;
use crate::words;

/// What kind of fact a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One of two outcomes, written out by each form as `{slot?first|second}`.
    Either,
    /// One of a few values, each with its surfaces.
    Choice(Vec<Vec<String>>),
    /// A whole percentage within bounds.
    Percent(u32, u32),
    /// An amount of dollars within bounds, two significant digits.
    Money(u64, u64),
    /// A number of people or things; large ones are rounded, dozens may be called so.
    Count(u32, u32),
    /// A plain number, for ages and measurements.
    Number(u32, u32),
    /// A football score, the winner's goals first.
    Score,
    /// A person; `he`, `him` and `his` are attributes.
    Person,
    /// A company, with or without `Inc.`.
    Company,
    /// A sports team, by its full name or its city.
    Team,
    /// A university, in both word orders.
    University,
    /// A word list.
    List(&'static str),
}

/// One drawn fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Equal identities mean the same fact.
    pub id: String,
    /// Surfaces by attribute; the empty attribute holds all of them.
    surfaces: BTreeMap<&'static str, Vec<String>>,
}

impl Value {
    fn new(id: impl Into<String>, surfaces: Vec<String>) -> Self {
        Self {
            id: id.into(),
            surfaces: BTreeMap::from([("", surfaces)]),
        }
    }

    fn with(mut self, attribute: &'static str, surfaces: Vec<String>) -> Self {
        self.surfaces.insert(attribute, surfaces);
        self
    }

    /// The surfaces for an attribute (`""` for any), empty where the value lacks it.
    #[must_use]
    pub fn surfaces(&self, attribute: &str) -> &[String] {
        self.surfaces.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// The outcome of an [`Kind::Either`] slot, 0 or 1.
    #[must_use]
    pub fn outcome(&self) -> usize {
        usize::from(self.id == "1")
    }
}

impl Kind {
    /// Reads `percent 4 75`, `one of a / b | c`, `person`, or the name of a word list.
    ///
    /// # Errors
    /// A message naming the kind and what would be accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(choices) = text.strip_prefix("one of ") {
            return Ok(Self::Choice(
                choices.split('|').map(split_surfaces).collect(),
            ));
        }
        let mut parts = text.split_whitespace();
        let name = parts.next().unwrap_or_default();
        let bounds: Vec<u64> = parts.filter_map(|part| part.parse().ok()).collect();
        let small = |i: usize| bounds.get(i).and_then(|&n| u32::try_from(n).ok());
        match (name, bounds.as_slice()) {
            ("either", []) => Ok(Self::Either),
            ("score", []) => Ok(Self::Score),
            ("person", []) => Ok(Self::Person),
            ("company", []) => Ok(Self::Company),
            ("team", []) => Ok(Self::Team),
            ("university", []) => Ok(Self::University),
            ("money", &[low, high]) if low < high => Ok(Self::Money(low, high)),
            (_, &[_, _]) => match (name, small(0), small(1)) {
                ("percent", Some(low), Some(high)) if low < high => Ok(Self::Percent(low, high)),
                ("count", Some(low), Some(high)) if low < high => Ok(Self::Count(low, high)),
                ("number", Some(low), Some(high)) if low < high => Ok(Self::Number(low, high)),
                _ => Err(format!(
                    "`{text}` is no kind with a lower and an upper bound"
                )),
            },
            (_, []) => words::list_name(name)
                .map(Self::List)
                .ok_or_else(|| format!("`{name}` is neither a kind nor a list under words/")),
            _ => Err(format!(
                "`{text}`: give a kind and, for numbers, two bounds"
            )),
        }
    }

    /// Whether a value of this kind has an attribute (`{slot.attribute}`).
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        match attribute {
            "" => *self != Self::Either,
            "num" => matches!(
                self,
                Self::Percent(..) | Self::Money(..) | Self::Count(..) | Self::Number(..)
            ),
            "digits" => matches!(self, Self::Number(..)),
            "he" | "him" | "his" => *self == Self::Person,
            _ => false,
        }
    }

    /// Names of people and places: what makes one event different from another of its kind.
    #[must_use]
    pub fn is_name(&self) -> bool {
        match self {
            Self::Person | Self::Company | Self::Team | Self::University => true,
            Self::List(name) => words::is_names(name),
            _ => false,
        }
    }

    /// How often an edit picks a slot of this kind, relative to the others.
    #[must_use]
    pub fn weight(&self) -> u32 {
        match self {
            Self::Either => 8,
            Self::List("weekday" | "month") => 2,
            Self::List("vote" | "hours" | "weeks" | "months" | "years") => 3,
            Self::Percent(..) | Self::Money(..) | Self::Count(..) => 4,
            Self::Number(..) | Self::Score => 3,
            Self::Choice(..) => 5,
            _ => 4,
        }
    }

    /// Draws a value.
    #[must_use]
    pub fn draw(&self, rng: &mut Rng) -> Value {
        match self {
            Self::Either => Value::new(rng.below(2).to_string(), Vec::new()),
            Self::Choice(choices) => choice(rng, choices),
            Self::Percent(low, high) => percent(rng, *low, *high),
            Self::Money(low, high) => money(two_digits(log_between(rng, *low, *high))),
            Self::Count(low, high) => count(log_between(rng, u64::from(*low), u64::from(*high))),
            Self::Number(low, high) => number(u64::from(low + rng.below(high - low + 1))),
            Self::Score => {
                let lost = rng.below(4);
                let won = lost + 1 + rng.below(3);
                Value::new(
                    format!("{won}-{lost}"),
                    vec![format!("{won}-{lost}"), format!("{won} to {lost}")],
                )
            }
            Self::Person => person(rng),
            Self::Company => {
                let stem = word(rng, "stem");
                let name = format!("{stem} {}", word(rng, "trade"));
                let full = format!("{name} Inc.");
                Value::new(stem, vec![name.clone(), name, full])
            }
            Self::Team => {
                let city = word(rng, "city");
                let full = format!("the {city} {}", word(rng, "nick"));
                Value::new(city.clone(), vec![full, city])
            }
            Self::University => {
                let city = word(rng, "city");
                let names = vec![
                    format!("{city} University"),
                    format!("the University of {city}"),
                ];
                Value::new(city, names)
            }
            Self::List(name) => choice(rng, &words::list(name)),
        }
    }
}

/// Splits `a / b` into its surfaces.
#[must_use]
pub fn split_surfaces(text: &str) -> Vec<String> {
    text.split(" / ")
        .map(|part| part.trim().to_owned())
        .collect()
}

fn choice(rng: &mut Rng, choices: &[Vec<String>]) -> Value {
    let surfaces = rng.pick(choices).cloned().unwrap_or_default();
    let id = surfaces.first().cloned().unwrap_or_default();
    Value::new(id, surfaces)
}

fn word(rng: &mut Rng, list: &str) -> String {
    choice(rng, &words::list(list)).id
}

fn person(rng: &mut Rng) -> Value {
    let (list, he, him, his) = if rng.chance(50) {
        ("women", "she", "her", "her")
    } else {
        ("men", "he", "him", "his")
    };
    let first = word(rng, list);
    let last = word(rng, "last");
    Value::new(last.clone(), vec![format!("{first} {last}")])
        .with("he", vec![he.to_owned()])
        .with("him", vec![him.to_owned()])
        .with("his", vec![his.to_owned()])
}

fn percent(rng: &mut Rng, low: u32, high: u32) -> Value {
    const FRACTIONS: [(u32, &str); 7] = [
        (10, "a tenth"),
        (20, "a fifth"),
        (25, "a quarter"),
        (33, "a third"),
        (50, "half"),
        (67, "two thirds"),
        (75, "three quarters"),
    ];
    let within: Vec<(u32, &str)> = FRACTIONS
        .into_iter()
        .filter(|(n, _)| (low..=high).contains(n))
        .collect();
    // Half of the figures have a name of their own, so that the rewording is seen often.
    let named = if rng.chance(50) {
        rng.pick(&within).copied()
    } else {
        None
    };
    let n = named.map_or_else(|| low + rng.below(high - low + 1), |(n, _)| n);
    let plain = vec![format!("{n} percent"), format!("{n}%")];
    let mut all = plain.clone();
    if let Some((_, fraction)) = FRACTIONS.into_iter().find(|(m, _)| *m == n) {
        all.push(fraction.to_owned());
    }
    Value::new(n.to_string(), all).with("num", plain)
}

fn money(dollars: u64) -> Value {
    let (amount, unit) = match dollars {
        0..1_000_000 => (group(dollars), ""),
        1_000_000..1_000_000_000 => (tenths(dollars, 1_000_000), " million"),
        _ => (tenths(dollars, 1_000_000_000), " billion"),
    };
    let sign = format!("${amount}{unit}");
    let mut all = vec![
        sign.clone(),
        sign.clone(),
        format!("{amount}{unit} dollars"),
    ];
    if dollars == 500_000_000 {
        all.push("half a billion dollars".to_owned());
    }
    Value::new(dollars.to_string(), all).with("num", vec![sign])
}

/// `n / unit` with one decimal where it isn't whole.
fn tenths(n: u64, unit: u64) -> String {
    let (whole, tenth) = (n / unit, n % unit / (unit / 10));
    if tenth == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{tenth}")
    }
}

fn count(n: u64) -> Value {
    let n = if n < 100 { n } else { two_digits(n) };
    let value = number(n);
    let mut all = value.surfaces("").to_vec();
    match n {
        12 => all.push("a dozen".to_owned()),
        24 => all.push("two dozen".to_owned()),
        36 => all.push("three dozen".to_owned()),
        200..1000 if n % 100 == 0 => all.push(format!("{} hundred", spelled(n / 100))),
        2000..10_000 if n % 1000 == 0 => all.push(format!("{} thousand", spelled(n / 1000))),
        _ => {}
    }
    let plain = value.surfaces("num").to_vec();
    Value::new(n.to_string(), all).with("num", plain)
}

fn number(n: u64) -> Value {
    let digits = group(n);
    let mut all = vec![digits.clone()];
    if (2..=20).contains(&n) {
        all.push(spelled(n).to_owned());
    }
    let plain = if n < 10 {
        spelled(n).to_owned()
    } else {
        digits.clone()
    };
    Value::new(n.to_string(), all)
        .with("num", vec![plain])
        .with("digits", vec![digits])
}

fn spelled(n: u64) -> &'static str {
    const NAMES: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    usize::try_from(n)
        .ok()
        .and_then(|n| NAMES.get(n))
        .copied()
        .unwrap_or("many")
}

/// Digits in groups of three.
fn group(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Rounds down to two significant digits.
fn two_digits(n: u64) -> u64 {
    let mut unit = 1;
    while n / unit >= 100 {
        unit *= 10;
    }
    n / unit * unit
}

/// Small and large magnitudes equally often: a power of two first, then within it.
fn log_between(rng: &mut Rng, low: u64, high: u64) -> u64 {
    let bits = |n: u64| 64 - n.max(1).leading_zeros();
    let exponent = bits(low) - 1 + rng.below(bits(high) - bits(low) + 1);
    let (from, to) = (low.max(1 << exponent), high.min((2 << exponent) - 1));
    from + rng.next_u64() % (to.saturating_sub(from) + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn figures_have_their_everyday_names() {
        assert_eq!(count(24).surfaces(""), ["24", "two dozen"]);
        assert_eq!(count(3000).surfaces(""), ["3,000", "three thousand"]);
        assert_eq!(money(1_500_000).surfaces("num"), ["$1.5 million"]);
        assert_eq!(money(45_000).surfaces("num"), ["$45,000"]);
        assert_eq!(two_digits(98_765), 98_000);
        assert_eq!(group(1_234_567), "1,234,567");
    }

    #[test]
    fn draws_stay_within_bounds() {
        let mut rng = Rng::new(3, "bounds", 0);
        for _ in 0..500 {
            let n = log_between(&mut rng, 80, 9000);
            assert!((80..=9000).contains(&n));
            let n: u32 = Kind::Percent(4, 75).draw(&mut rng).id.parse().unwrap();
            assert!((4..=75).contains(&n));
        }
    }

    #[test]
    fn unknown_kinds_are_named() {
        assert!(Kind::parse("planet").unwrap_err().contains("planet"));
        assert!(Kind::parse("percent 9").is_err());
        assert!(Kind::parse("percent 9 4").is_err());
    }
}
