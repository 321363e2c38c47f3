//! Installing packages of Debian and Ubuntu, where that is possible without asking anyone.

use std::fs;

use anyhow::{Result, bail};

use crate::shell::Cmd;

/// What `/etc/os-release` says of this system.
#[derive(Debug, Default, PartialEq)]
pub struct System {
    /// `debian`, `ubuntu`, `fedora`, …; empty where unknown.
    pub id: String,
    /// The systems it derives from.
    pub like: Vec<String>,
    /// The release's name, `bookworm`; empty where there is none.
    pub codename: String,
}

impl System {
    /// This machine's; unknown where it isn't Linux.
    pub fn here() -> Self {
        Self::parse(&fs::read_to_string("/etc/os-release").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .map(|value| value.trim_matches(['"', '\'']).to_owned())
                .unwrap_or_default()
        };
        Self {
            id: value("ID"),
            like: value("ID_LIKE")
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            codename: value("VERSION_CODENAME"),
        }
    }

    /// Whether it is this system or derives from it.
    pub fn is(&self, id: &str) -> bool {
        self.id == id || self.like.iter().any(|like| like == id)
    }
}

/// Runs a script of the shell as root: as it is where we are root, else through a `sudo` that asks
/// for no password.
///
/// # Errors
/// When neither is possible, or the script fails: the message holds the command to run by hand.
pub fn as_root(script: &str) -> Result<()> {
    let root = Cmd::new("id")
        .arg("-u")
        .stdout()
        .is_ok_and(|id| id.trim() == "0");
    let command = if root {
        Cmd::new("sh")
    } else if Cmd::new("sudo").args(["-n", "true"]).succeeds() {
        Cmd::new("sudo").args(["-n", "sh"])
    } else {
        bail!("this needs root: {}", by_hand(script));
    };
    command.args(["-c", script]).run()
}

/// A script as a person would run it.
pub fn by_hand(script: &str) -> String {
    format!("sudo sh -c '{}'", script.replace('\'', r"'\''"))
}

/// The script that installs packages, `options` standing before their names.
pub fn install(options: &str, packages: &[&str]) -> String {
    format!(
        "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
         --no-install-recommends {options}{}",
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn systems_are_read_as_they_write_themselves() {
        let debian = System::parse(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n",
        );
        assert_eq!(debian.codename, "bookworm");
        assert!(debian.is("debian") && !debian.is("ubuntu"));
        let mint = System::parse("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n");
        assert!(mint.is("debian") && mint.is("ubuntu") && mint.codename.is_empty());
        assert_eq!(System::parse(""), System::default());
    }

    #[test]
    fn a_script_by_hand_survives_its_own_quotes() {
        assert_eq!(by_hand("echo 'a'"), r"sudo sh -c 'echo '\''a'\'''");
    }
}
