//! The desktop app, built and opened.

use anyhow::Result;

use crate::project::Project;
use crate::shell::Cmd;

/// Builds the app and runs it with these arguments.
///
/// # Errors
/// When it doesn't build, or ends with an error.
pub fn run(project: &Project, arguments: &[String]) -> Result<()> {
    Cmd::new(project.desktop()?).args(arguments).run()
}
