//! Running other programs: every command is printed before it runs, and a failure names it.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};

/// A program to run, with its arguments and environment.
pub struct Cmd(Command);

impl Cmd {
    /// The program by its name or path, without arguments yet.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        // No job asks anything, so that a command that would (sudo, apt) fails instead of waiting.
        command.stdin(Stdio::null());
        Self(command)
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.0.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Takes the variables of these names away from the environment.
    pub fn without(mut self, removed: impl Fn(&str) -> bool) -> Self {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(&removed) {
                self.0.env_remove(name);
            }
        }
        self
    }

    /// Runs in this folder.
    pub fn dir(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Runs it on this terminal.
    ///
    /// # Errors
    /// When it can't be started or ends with an error; the message holds the command.
    pub fn run(mut self) -> Result<()> {
        eprintln!("$ {self}");
        let status = self
            .0
            .status()
            .with_context(|| format!("can't start `{self}`"))?;
        self.check(status)
    }

    /// Starts it on this terminal and goes on.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(mut self) -> Result<Child> {
        eprintln!("$ {self}");
        self.0
            .spawn()
            .with_context(|| format!("can't start `{self}`"))
    }

    /// Runs it on this terminal, with each line of its output shown and given to `each`.
    ///
    /// # Errors
    /// When it can't be started; how it ended is the caller's to judge.
    pub fn lines(mut self, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
        eprintln!("$ {self}");
        let mut child = self
            .0
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start `{self}`"))?;
        if let Some(output) = child.stdout.take() {
            // A program may print bytes that are no UTF-8: shown as they are best, never an error.
            for line in BufReader::new(output).split(b'\n') {
                let line = line.with_context(|| format!("reading what `{self}` prints"))?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                each(&line);
            }
        }
        Ok(child.wait()?)
    }

    /// Runs it silently and gives what it printed.
    ///
    /// # Errors
    /// When it can't be started or ends with an error; the message holds the command and its stderr.
    pub fn stdout(mut self) -> Result<String> {
        let output = self
            .0
            .output()
            .with_context(|| format!("can't start `{self}`"))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!("`{self}` failed ({}): {}", output.status, why.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it with its output kept, whatever it ends with.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn output(mut self) -> Result<Output> {
        eprintln!("$ {self}");
        self.0
            .output()
            .with_context(|| format!("can't start `{self}`"))
    }

    /// Whether it can be started and ends without an error; silent.
    pub fn succeeds(self) -> bool {
        self.stdout().is_ok()
    }

    fn check(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("`{self}` failed ({status})");
        }
        Ok(())
    }
}

/// As it could be typed into a shell.
impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.0.get_envs() {
            // What is taken away is of no use to a person who repeats the command.
            if let Some(value) = value {
                write!(
                    f,
                    "{}={} ",
                    name.to_string_lossy(),
                    quoted(&value.to_string_lossy())
                )?;
            }
        }
        write!(f, "{}", quoted(&self.0.get_program().to_string_lossy()))?;
        for argument in self.0.get_args() {
            write!(f, " {}", quoted(&argument.to_string_lossy()))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_command_reads_as_it_is_typed() {
        let command = Cmd::new("tunesmith")
            .env("HF_HOME", "/a b")
            .args(["predict", "--text", "It's on."]);
        assert_eq!(
            command.to_string(),
            r"HF_HOME='/a b' tunesmith predict --text 'It'\''s on.'"
        );
    }

    #[test]
    fn a_failure_names_the_command() {
        let cargo = env!("CARGO");
        let message = Cmd::new(cargo)
            .arg("no-such-subcommand")
            .run()
            .unwrap_err()
            .to_string();
        assert!(message.contains("no-such-subcommand"), "{message}");
        let message = Cmd::new("no-such-program-anywhere")
            .stdout()
            .unwrap_err()
            .to_string();
        assert!(message.contains("no-such-program-anywhere"), "{message}");
        assert!(!Cmd::new(cargo).arg("no-such-subcommand").succeeds());
    }

    #[test]
    fn lines_reach_the_reader() {
        let mut seen = Vec::new();
        let status = Cmd::new(env!("CARGO"))
            .arg("--version")
            .lines(|line| seen.push(line.to_owned()))
            .unwrap();
        assert!(status.success());
        assert!(seen[0].starts_with("cargo "), "{seen:?}");
    }
}
