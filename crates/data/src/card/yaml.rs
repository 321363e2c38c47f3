//! YAML of strangers: a few kilobytes of it can stand for gigabytes (a list of a list of the same list,
//! by aliases), and libyaml looks at every open bracket at every word.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_norway::{Mapping, Value};

/// The longest cards, of data sets with hundreds of configurations, have a few hundred kilobytes.
const MOST_BYTES: usize = 4 << 20;

/// Open brackets.
const MOST_DEPTH: usize = 200;

/// Values, each use of an alias counted.
const MOST_VALUES: usize = 1 << 20;

/// The value of a text; `None` where it is not YAML, or too much of it.
pub(super) fn parse(text: &str) -> Option<Value> {
    if text.len() > MOST_BYTES || depth(text) > MOST_DEPTH {
        return None;
    }
    let left = Cell::new(MOST_VALUES);
    Counted(&left)
        .deserialize(serde_norway::Deserializer::from_str(text))
        .ok()
}

/// How many brackets are open at once at most. Those in quotes count: they are few.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// Builds a [`Value`] as long as some are left.
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.0.get().checked_sub(1) {
            Some(left) => self.0.set(left),
            None => return Err(D::Error::custom("too many values")),
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.deserialize(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = from.next_element_seed(Counted(self.0))? {
            list.push(value);
        }
        Ok(Value::Sequence(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Mapping::new();
        while let Some(key) = from.next_key_seed(Counted(self.0))? {
            let value = from.next_value_seed(Counted(self.0))?;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key twice"));
            }
        }
        Ok(Value::Mapping(map))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn values_are_those_of_the_library() {
        let text =
            "a: 1\nb: [x, 2.5, true, null, ~, -3]\nc: {d: &e \"q\", f: *e}\n1: >\n  two\n  lines\n";
        assert_eq!(
            parse(text).unwrap(),
            serde_norway::from_str::<Value>(text).unwrap()
        );
        assert!(parse("a: [").is_none());
        assert!(parse("a: 1\na: 2\n").is_none());
    }

    #[test]
    fn a_short_text_that_stands_for_gigabytes_is_given_up_at_once() {
        let mut bomb = format!("a: &a [{}]\n", ["x"; 500].join(","));
        for (name, below) in [("b", "a"), ("c", "b"), ("d", "c")] {
            let uses = vec![format!("*{below}"); 400].join(",");
            bomb += &format!("{name}: &{name} [{uses}]\n");
        }
        let start = Instant::now();
        for text in [
            bomb,
            "[".repeat(1_000_000),
            format!("a: {}", "{a: ".repeat(500_000)),
            "- ".repeat(1_000_000),
            "? ".repeat(1_000_000),
            "a:\n ".repeat(100_000),
        ] {
            assert!(parse(&text).is_none());
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
    }
}
