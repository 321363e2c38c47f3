//! Writes the committed data set, examples and tiny model again: `generate-paraphrase [ROOT]`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let repository = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = std::env::args_os()
        .nth(1)
        .map_or_else(repository, PathBuf::from);
    match tunesmith_paraphrase::write_all(&root) {
        Ok(files) => {
            let mut out = std::io::stdout().lock();
            for file in files {
                // A closed pipe takes nothing from the files, which are written by now.
                let _ = writeln!(
                    out,
                    "{:>8} bytes  {}",
                    file.bytes.len(),
                    file.path.display()
                );
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
