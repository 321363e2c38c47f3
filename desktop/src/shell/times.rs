//! How long frames take, written down for whoever asks with `--times`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// Writes `first-frame MS`, then `idle MS` or `training MS` a frame.
pub struct Times {
    begun: Instant,
    file: Option<File>,
    first: bool,
    was_training: bool,
}

impl Times {
    /// Times that count from `begun`; kept nowhere where there is no path.
    pub fn new(begun: Instant, path: Option<PathBuf>) -> Self {
        let file = path.and_then(|path| match File::create(&path) {
            Ok(file) => Some(file),
            Err(error) => {
                eprintln!("can't write {}: {error}", path.display());
                None
            }
        });
        Self {
            begun,
            file,
            first: true,
            was_training: false,
        }
    }

    /// A frame is about to be shown; `last` is what the former one took, in seconds, waiting for the
    /// screen left out.
    pub fn drawn(&mut self, last: Option<f32>, training: bool) {
        let Some(file) = &mut self.file else {
            return;
        };
        let mut line = |text: String| {
            // A log that can't be written measures nothing, and disturbs nobody.
            let _ = writeln!(file, "{text}");
        };
        match last {
            Some(seconds) if self.first => {
                self.first = false;
                // The first frame is on the screen when the second is drawn.
                let took = self.begun.elapsed().as_secs_f32() * 1e3;
                line(format!(
                    "first-frame {took:.1} (drawn in {:.1})",
                    seconds * 1e3
                ));
            }
            Some(seconds) => {
                let what = if self.was_training {
                    "training"
                } else {
                    "idle"
                };
                line(format!("{what} {:.2}", seconds * 1e3));
            }
            None => {
                let took = self.begun.elapsed().as_secs_f32() * 1e3;
                line(format!("first-ui {took:.1}"));
            }
        }
        self.was_training = training;
    }
}
