//! Regular expressions of a `tokenizer.json`, as far as they can do harm: those that grow to
//! gigabytes when they are compiled, and those whose matches are no ranges of the text.

use tokenizers::utils::SysRegex;

/// The longest in use have about 500.
const MOST_BYTES: usize = 16_384;

/// Of one repetition, and of all repetitions of a pattern multiplied.
const MOST_TIMES: u64 = 1000;
const MOST_TIMES_TOGETHER: u64 = 1_000_000;

/// Checks a pattern before it is compiled.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    let refused = |what: &str| {
        let start: String = pattern.chars().take(60).collect();
        Err(format!(
            "its pattern {start:?} {what}: that is not supported"
        ))
    };
    if pattern.len() > MOST_BYTES {
        return refused(&format!("has {} bytes", pattern.len()));
    }
    let mut together: u64 = 1;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            // `\K` lets a match end before it begins; `\g` calls a group, its own too.
            '\\' => match rest.chars().next() {
                Some('K' | 'g') => return refused("has \\K or \\g"),
                Some(escaped) => {
                    rest = &rest[escaped.len_utf8()..];
                    // `\p{L}`, `\x{10FFFF}`: what is in the braces is no repetition.
                    if "pPxuUk".contains(escaped) && rest.starts_with('{') {
                        rest = rest.split_once('}').map_or("", |(_, rest)| rest);
                    }
                }
                None => {}
            },
            '(' if calls_a_group(rest) => return refused("calls itself or a group"),
            '{' => {
                let Some((inside, _)) = rest.split_once('}') else {
                    continue;
                };
                let numbers = inside.split(',').filter(|number| !number.trim().is_empty());
                let Some(numbers) = numbers
                    .map(|number| number.trim().parse().ok())
                    .collect::<Option<Vec<u64>>>()
                else {
                    continue;
                };
                let most = numbers.into_iter().max().unwrap_or(0).max(1);
                together = together.saturating_mul(most);
                if most > MOST_TIMES || together > MOST_TIMES_TOGETHER {
                    return refused("repeats too many times");
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `(?R)`, `(?1)`, `(?-1)`, `(?&name)`, `(?P>name)`, what follows the bracket.
fn calls_a_group(rest: &str) -> bool {
    let Some(kind) = rest.strip_prefix('?') else {
        return false;
    };
    let number = kind.trim_start_matches(['-', '+']);
    number.starts_with(|c: char| c.is_ascii_digit())
        || ["R", "&", "P>"].iter().any(|call| kind.starts_with(call))
}

/// Whether a pattern can be found where there is nothing: between two characters.
pub(super) fn can_be_empty(pattern: &str) -> bool {
    if let Ok(parsed) = regex_syntax::parse(pattern) {
        return parsed.properties().minimum_len() == Some(0);
    }
    // Of a kind (look-around, back references) that only tries can tell of.
    let Ok(regex) = SysRegex::new(pattern) else {
        return true;
    };
    ["a", "A", "1", " ", ".", "\n", "é", "中", "ab c"]
        .iter()
        .any(|text| regex.find_iter(text).any(|(start, end)| start >= end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn patterns_in_use_pass() {
        for pattern in [
            // GPT-2's, GPT-4's and T5's.
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s*[\r\n]|\s+(?!\S)|\s+",
            r" {2,}",
            r"[\x{4e00}-\x{9fff}]{1,4}",
        ] {
            check(pattern).unwrap();
        }
    }

    #[test]
    fn patterns_that_do_harm_do_not() {
        for pattern in [
            r"(?=ab\K)",
            r"(a(?R)?b)",
            r"(?<x>a\g<x>)",
            r"(a)\1{4294967295}",
            r"((a{999}){999}){999}",
        ] {
            check(pattern).unwrap_err();
        }
        check(&"a".repeat(MOST_BYTES + 1)).unwrap_err();
    }

    #[test]
    fn what_is_found_in_nothing_is_known() {
        for (pattern, empty) in [
            ("a*", true),
            ("^", true),
            (r"\b", true),
            ("(?=a)", true),
            (" +", false),
            (r"a(?!b)", false),
            ("", true),
        ] {
            assert_eq!(can_be_empty(pattern), empty, "{pattern}");
        }
    }
}
