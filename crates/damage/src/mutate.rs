//! Damage: bits and ranges of bytes, numbers at their limits, and JSON by its structure.

use serde_json::{Map, Value, json};

/// What a file is, as far as its damage goes. Any is also damaged as plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes of any format.
    Bytes,
    /// Lines of text: CSV, YAML.
    Text,
    /// One JSON value.
    Json,
    /// A JSON value a line.
    JsonLines,
    /// safetensors: the length of a JSON header, the header, bytes.
    Safetensors,
}

/// A source of damage, the same for the same seed.
pub struct Mutator(u64);

const WHOLE: [i64; 14] = [
    -1,
    0,
    1,
    2,
    127,
    255,
    65_536,
    100_000_000,
    i32::MAX as i64,
    1 << 31,
    u32::MAX as i64,
    1 << 32,
    1 << 53,
    i64::MAX,
];

impl Mutator {
    /// A source of damage.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A copy of `file` with one to four kinds of damage.
    pub fn mutate(&mut self, kind: Kind, file: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        for _ in 0..=self.below(4) {
            file = match (kind, self.below(4)) {
                (Kind::Bytes, _) | (_, 0) => self.bytes(file),
                (Kind::Text, _) | (_, 1) => self.text(file),
                (Kind::Json, _) => self.json(file),
                (Kind::JsonLines, _) => self.line(file),
                (Kind::Safetensors, _) => self.header(file),
            };
        }
        file
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = self.pick(&[1, 4, 16, 256, length]);
        start..(start + self.below(most + 1)).min(length)
    }

    fn bytes(&mut self, mut file: Vec<u8>) -> Vec<u8> {
        let range = self.range(file.len());
        match self.below(9) {
            0 => {
                for _ in 0..=self.below(8) {
                    let (at, bit) = (self.below(file.len()), self.below(8));
                    if let Some(byte) = file.get_mut(at) {
                        *byte ^= 1 << bit;
                    }
                }
            }
            1 => drop(file.drain(range)),
            2 => {
                let copied = file[range].to_vec();
                let at = self.below(file.len() + 1);
                file.splice(at..at, copied);
            }
            3 => {
                let copied = file[range].to_vec();
                let at = self.below(file.len().saturating_sub(copied.len()) + 1);
                file[at..at + copied.len()].copy_from_slice(&copied);
            }
            4 => file.truncate(range.start),
            5 => {
                let byte = self.pick(&[0, 0xFF, b' ', b'"', b'\n', 0x80]);
                file[range].fill(byte);
            }
            6 => {
                let made: Vec<u8> = (0..self.below(40)).map(|_| self.next() as u8).collect();
                file.splice(range, made);
            }
            7 => {
                let number = self.pick(&WHOLE).to_le_bytes();
                let width = self.pick(&[1, 2, 4, 8]);
                if range.start + width <= file.len() {
                    file[range.start..range.start + width].copy_from_slice(&number[..width]);
                }
            }
            _ => {
                let last = self.below(12);
                let end = file.len();
                if let Some(tail) = file.get_mut(end.saturating_sub(last)..) {
                    tail.reverse();
                }
            }
        }
        file
    }

    /// Numbers, words and lines of a text.
    fn text(&mut self, file: Vec<u8>) -> Vec<u8> {
        let Ok(text) = String::from_utf8(file) else {
            return Vec::new();
        };
        match self.below(5) {
            0 | 1 => {
                let starts: Vec<usize> = text
                    .match_indices(|c: char| c.is_ascii_digit())
                    .map(|(at, _)| at)
                    .filter(|at| !text[..*at].ends_with(|c: char| c.is_ascii_digit()))
                    .collect();
                if starts.is_empty() {
                    return text.into_bytes();
                }
                let start = self.pick(&starts);
                let rest = text[start..].trim_start_matches(|c: char| c.is_ascii_digit());
                let number = match self.below(5) {
                    0 => "1e308".to_owned(),
                    1 => "9".repeat(1 + self.below(60)),
                    2 => "-0.5".to_owned(),
                    _ => self.pick(&WHOLE).to_string(),
                };
                format!("{}{number}{rest}", &text[..start]).into_bytes()
            }
            2 => {
                let mut lines: Vec<&str> = text.split('\n').collect();
                let (a, b) = (self.below(lines.len()), self.below(lines.len()));
                match self.below(3) {
                    0 => lines.swap(a, b),
                    1 => drop(lines.remove(a)),
                    _ => lines.insert(b, lines[a]),
                }
                lines.join("\n").into_bytes()
            }
            3 => {
                let mut at = self.below(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                let depth = self.pick(&[3, 60, 200, 5000]);
                let made = match self.below(7) {
                    0 => "[".repeat(depth),
                    1 => "{\"a\":".repeat(depth),
                    2 => "- ".repeat(depth),
                    3 => "\"".to_owned(),
                    4 => "*".repeat(depth),
                    5 => "\u{301}\u{200d}\u{fffd}".to_owned(),
                    _ => "a".repeat(depth),
                };
                format!("{}{made}{}", &text[..at], &text[at..]).into_bytes()
            }
            _ => {
                // A key twice, or a value in place of another.
                let words: Vec<&str> = text.split('"').collect();
                let (a, b) = (self.below(words.len()), self.below(words.len()));
                let mut changed = words.clone();
                changed[a] = words[b];
                changed.join("\"").into_bytes()
            }
        }
    }

    fn json(&mut self, file: Vec<u8>) -> Vec<u8> {
        let Ok(mut value) = serde_json::from_slice::<Value>(&file) else {
            return self.bytes(file);
        };
        self.value(&mut value);
        serde_json::to_vec(&value).unwrap_or(file)
    }

    fn line(&mut self, file: Vec<u8>) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = file.split(|byte| *byte == b'\n').map(Vec::from).collect();
        let at = self.below(lines.len());
        lines[at] = self.json(std::mem::take(&mut lines[at]));
        lines.join(&b'\n')
    }

    fn header(&mut self, file: Vec<u8>) -> Vec<u8> {
        let Some((length, rest)) = file.split_first_chunk::<8>() else {
            return self.bytes(file);
        };
        let Some((header, data)) = usize::try_from(u64::from_le_bytes(*length))
            .ok()
            .and_then(|length| rest.split_at_checked(length))
        else {
            return self.bytes(file);
        };
        let header = self.json(header.to_vec());
        let length = match self.below(6) {
            0 => self.pick(&WHOLE) as u64,
            _ => header.len() as u64,
        };
        [&length.to_le_bytes(), header.as_slice(), data].concat()
    }

    /// Walks down to some value and damages it.
    fn value(&mut self, value: &mut Value) {
        let deeper = self.below(8) > 0;
        match value {
            Value::Object(map) if deeper && !map.is_empty() => {
                let at = self.below(map.len());
                if let Some((_, below)) = map.iter_mut().nth(at) {
                    return self.value(below);
                }
            }
            Value::Array(list) if deeper && !list.is_empty() => {
                let at = self.below(list.len());
                return self.value(&mut list[at]);
            }
            _ => {}
        }
        match (self.below(3), value) {
            (0, Value::Object(map)) => self.object(map),
            (0, Value::Array(list)) => self.list(list),
            (_, value) => *value = self.other(value),
        }
    }

    fn object(&mut self, map: &mut Map<String, Value>) {
        let keys: Vec<String> = map.keys().cloned().collect();
        if keys.is_empty() {
            return;
        }
        let (a, b) = (self.below(keys.len()), self.below(keys.len()));
        let Some(taken) = map.remove(&keys[a]) else {
            return;
        };
        match self.below(4) {
            0 => {}
            1 => drop(map.insert(format!("{}x", keys[a]), taken)),
            2 => drop(map.insert(keys[b].clone(), taken)),
            _ => {
                if let Some(other) = map.insert(keys[b].clone(), taken) {
                    map.insert(keys[a].clone(), other);
                }
            }
        }
    }

    fn list(&mut self, list: &mut Vec<Value>) {
        if list.is_empty() {
            return list.push(Value::Null);
        }
        let (a, b) = (self.below(list.len()), self.below(list.len()));
        match self.below(4) {
            0 => drop(list.remove(a)),
            1 => list.swap(a, b),
            2 => {
                let copied = vec![list[a].clone(); self.pick(&[1, 2, 40])];
                list.splice(b..b, copied);
            }
            _ => list.truncate(a),
        }
    }

    fn other(&mut self, was: &Value) -> Value {
        match (self.below(12), was) {
            (0, _) => Value::Null,
            (1, _) => self.pick(&[true, false]).into(),
            (2, _) => "".into(),
            (3, _) => "x".repeat(self.pick(&[1, 300, 5000])).into(),
            (4, _) => json!([]),
            (5, _) => json!({}),
            (6, _) => {
                let depth = self.pick(&[2, 40, 120]);
                (0..depth).fold(was.clone(), |inner, _| json!([inner]))
            }
            (7, _) => self.pick(&[1e308, -1e308, 0.5, 1e-320, 3.5e38]).into(),
            (8 | 9, Value::String(text)) => {
                let text =
                    String::from_utf8_lossy(&self.bytes(text.clone().into_bytes())).into_owned();
                text.into()
            }
            (10, Value::Bool(value)) => (!value).into(),
            _ => self.pick(&WHOLE).into(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn damage_is_of_many_kinds_and_comes_again() {
        let file = br#"{"a": [1, 2, {"b": "text"}], "c": 3.5}"#;
        let made = |seed| Mutator::new(seed).mutate(Kind::Json, file);
        let all: std::collections::BTreeSet<_> = (0..500).map(made).collect();
        assert!(all.len() > 300, "{}", all.len());
        assert_eq!(made(7), made(7));
        let json = all
            .iter()
            .filter(|file| serde_json::from_slice::<Value>(file).is_ok());
        assert!(json.count() > 100);
        for kind in [Kind::Bytes, Kind::Text, Kind::JsonLines, Kind::Safetensors] {
            for file in [&b""[..], b"x", b"\n\n", &[0xFF; 40]] {
                for seed in 0..200 {
                    Mutator::new(seed).mutate(kind, file);
                }
            }
        }
    }
}
