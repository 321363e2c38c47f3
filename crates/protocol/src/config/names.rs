//! Arguments' names in messages, which are written for the command.

use super::RunConfig;

/// A message as a screen shows it: arguments have no dashes there. Other words keep theirs, such as the names of
/// files.
#[must_use]
pub fn without_dashes(message: &str) -> String {
    let arguments = RunConfig::keys();
    let mut parts = message.split("--");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let word = &part[..end.unwrap_or(part.len())];
        let begins = !plain.ends_with(|c: char| c.is_alphanumeric() || "-_./\\".contains(c));
        if !(begins && arguments.iter().any(|name| name == word)) {
            plain.push_str("--");
        }
        plain.push_str(part);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lose_their_dashes_and_nothing_else_does() {
        for (message, shown) in [
            (
                "add --overwrite_output_dir, or name another --output_dir",
                "add overwrite_output_dir, or name another output_dir",
            ),
            ("(--seed 3)", "(seed 3)"),
            ("a--b.csv has no column --x", "a--b.csv has no column --x"),
            ("runs/--seed/a--seed", "runs/--seed/a--seed"),
            ("all -- or nothing --", "all -- or nothing --"),
        ] {
            assert_eq!(without_dashes(message), shown);
        }
    }
}
