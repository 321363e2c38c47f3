//! Patterns for the paths of data files, as dataset cards have them.

/// One element of a pattern.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Char(char),
    /// `?`
    Any,
    /// `[0-9]`, `[!a]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `*`
    Star,
    /// `**`
    Deep,
    /// `**/`, which no folder matches too
    Folders,
}

/// A pattern: `*` stands for anything but `/`, `**` for anything, `?` for one character but `/`, `[0-9]` for one
/// of these. Matching takes time in proportion to the pattern's length times the path's, whatever it is made of.
pub(crate) struct Glob {
    parts: Vec<Part>,
    /// Characters that a path has at least.
    shortest: usize,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = pattern.strip_prefix("./").unwrap_or(pattern);
        while let Some(c) = rest.chars().next() {
            let (part, length) = if rest.starts_with("**/") {
                (Part::Folders, 3)
            } else if rest.starts_with("**") {
                (Part::Deep, 2)
            } else if c == '*' {
                (Part::Star, 1)
            } else if c == '?' {
                (Part::Any, 1)
            } else if let Some((class, length)) = class(rest) {
                (class, length)
            } else {
                (Part::Char(c), c.len_utf8())
            };
            rest = &rest[length..];
            // Two in a row match what one does.
            let is_wild = matches!(part, Part::Star | Part::Deep | Part::Folders);
            if !(is_wild && parts.last() == Some(&part)) {
                parts.push(part);
            }
        }
        let is_one = |part: &&Part| !matches!(part, Part::Star | Part::Deep | Part::Folders);
        Self {
            shortest: parts.iter().filter(is_one).count(),
            parts,
        }
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        if path.len() < self.shortest {
            return false;
        }
        // Which beginnings of the path the parts so far match, by their lengths.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            let mut next = vec![false; path.len() + 1];
            match part {
                Part::Star | Part::Deep => {
                    let mut open = false;
                    for at in 0..=path.len() {
                        let crossed = at > 0 && path[at - 1] == '/' && *part == Part::Star;
                        open = reached[at] || (open && !crossed);
                        next[at] = open;
                    }
                }
                Part::Folders => {
                    let mut open = false;
                    for at in 0..=path.len() {
                        open |= reached[at];
                        next[at] = reached[at] || (open && at > 0 && path[at - 1] == '/');
                    }
                }
                one => {
                    for (at, c) in path.iter().enumerate() {
                        next[at + 1] = reached[at] && one.accepts(*c);
                    }
                }
            }
            if !next.contains(&true) {
                return false;
            }
            reached = next;
        }
        reached[path.len()]
    }
}

impl Part {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::Any => c != '/',
            Self::Class { negated, ranges } => {
                let inside = ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                c != '/' && inside != *negated
            }
            Self::Star | Self::Deep | Self::Folders => false,
        }
    }
}

/// A class at the beginning of `text`, and its length; `None` where the bracket is only a bracket.
fn class(text: &str) -> Option<(Part, usize)> {
    let inner = text.strip_prefix('[')?;
    let end = inner.char_indices().skip(1).find(|(_, c)| *c == ']')?.0;
    let (body, negated) = match inner[..end].strip_prefix(['!', '^']) {
        Some(body) if !body.is_empty() => (body, true),
        _ => (&inner[..end], false),
    };
    let chars: Vec<char> = body.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if let [from, '-', to, ..] = chars[at..] {
            ranges.push((from, to));
            at += 3;
        } else {
            ranges.push((chars[at], chars[at]));
            at += 1;
        }
    }
    Some((Part::Class { negated, ranges }, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).matches(path)
    }

    #[test]
    fn patterns_match_paths() {
        assert!(glob("mrpc/train-*", "mrpc/train-00000-of-00001.parquet"));
        assert!(!glob("mrpc/*", "mrpc/deep/train.parquet"));
        assert!(glob("**/train.*", "a/b/train.csv"));
        assert!(glob("**/train.*", "train.csv"));
        assert!(!glob("**/train.*", "retrain.csv"));
        assert!(glob("data/**", "data/a/b.csv"));
        assert!(!glob("train.csv", "train.csv.gz"));
        assert!(glob("data/train-[0-9][0-9].cs?", "data/train-07.csv"));
        assert!(!glob("[!t]*.csv", "train.csv"));
        assert!(glob("a[", "a["));
        assert!(glob("./*.csv", "é.csv"));
    }

    #[test]
    fn patterns_made_to_take_for_ever_do_not() {
        let path = format!("{}/b.csv", "a".repeat(200));
        assert!(!glob(&format!("{}c", "*a".repeat(60)), &path));
        assert!(glob(&format!("{}b.csv", "**/".repeat(100_000)), &path));
        assert!(!glob(&"*a".repeat(100_000), &path));
        assert!(!glob(&"[a-z]*".repeat(100_000), &path));
    }
}
