//! Many damaged copies of a few files, each read once.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crate::{Kind, Meter, Mutator};

/// How long one file may take.
const LONGEST: Duration = Duration::from_secs(10);

/// How much memory, beyond what was in use before.
const MOST_BYTES: usize = 2 << 30;

/// How many copies are read where nothing says how many.
const COPIES: u64 = 300;

/// One trial at a time: time and memory are those of the process.
static ONE: Mutex<()> = Mutex::new(());
static RUNNING: AtomicBool = AtomicBool::new(false);
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A trial of what reads files of a kind.
pub struct Trial<'a> {
    /// Names the trial, and the files it leaves where it fails.
    pub name: &'a str,
    /// What the files are.
    pub kind: Kind,
    /// Good files, of which damaged copies are made.
    pub files: &'a [Vec<u8>],
    /// Whether a panic that the reader catches and turns into an error is one. It ends a browser's worker.
    pub caught_panics_fail: bool,
    /// For what is slow to read: so many times fewer copies are read than of other files.
    pub one_in: u64,
}

impl Trial<'_> {
    /// Has `read` read every file as it is, which must be `Ok`, and then the damaged copies:
    /// `TUNESMITH_MUTANTS` of them, 300 unless it is set.
    ///
    /// # Panics
    /// Where a copy made `read` panic, take ten seconds or two gigabytes; the message says where the
    /// copy was written.
    pub fn run<T, E: std::fmt::Display>(&self, read: impl Fn(&[u8]) -> Result<T, E>) {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        take_notes_of_panics();
        for (number, file) in self.files.iter().enumerate() {
            if let Err(error) = read(file) {
                panic!("{}: the whole file {number} is refused: {error}", self.name);
            }
        }
        let copies = std::env::var("TUNESMITH_MUTANTS")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(COPIES)
            / self.one_in;
        let (mut failed, mut taken, mut refused) = (Vec::new(), 0, 0);
        let watch = Watch::start(self.name);
        for seed in 0..copies {
            let file = &self.files[(seed % self.files.len() as u64) as usize];
            let copy = Mutator::new(seed).mutate(self.kind, file);
            let start = Instant::now();
            watch.begin(seed, &copy);
            Meter::limit(MOST_BYTES);
            RUNNING.store(true, Ordering::SeqCst);
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&copy).is_ok()));
            RUNNING.store(false, Ordering::SeqCst);
            let too_much = Meter::unlimited();
            watch.end();
            let panics =
                std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
            let why = match &outcome {
                Err(_) => Some(format!("panics: {}", panics.join("; then "))),
                Ok(_) if too_much => Some("takes more than 2 GB".to_owned()),
                Ok(_) if start.elapsed() > LONGEST => Some("takes more than 10 s".to_owned()),
                Ok(_) if self.caught_panics_fail && !panics.is_empty() => Some(format!(
                    "panics, though it is caught: {}",
                    panics.join("; then ")
                )),
                Ok(true) => {
                    taken += 1;
                    None
                }
                Ok(false) => {
                    refused += 1;
                    None
                }
            };
            if let Some(why) = why {
                failed.push(format!("{} {why}", kept(self.name, seed, &copy).display()));
            }
        }
        watch.stop();
        println!(
            "{}: {copies} damaged files, {refused} refused, {taken} taken, {} failed",
            self.name,
            failed.len()
        );
        assert!(
            failed.is_empty(),
            "{}: {} of {copies} damaged files failed:\n{}",
            self.name,
            failed.len(),
            failed[..failed.len().min(20)].join("\n")
        );
    }

    /// Has `read` read every beginning of every file (of a large one 2,000 of them), the whole one left
    /// out. It must refuse each; where the format can't tell (the end of a line of text), `whole` says so
    /// of what was read.
    ///
    /// # Panics
    /// Where a beginning is read as if it were whole, or makes `read` panic.
    pub fn cut<T, E: std::fmt::Display>(
        &self,
        read: impl Fn(&[u8]) -> Result<T, E>,
        whole: impl Fn(&[u8], T) -> bool,
    ) {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        take_notes_of_panics();
        for (number, file) in self.files.iter().enumerate() {
            for end in (0..file.len()).step_by(file.len().div_ceil(2000).max(1)) {
                RUNNING.store(true, Ordering::SeqCst);
                let outcome = catch_unwind(AssertUnwindSafe(|| read(&file[..end])));
                RUNNING.store(false, Ordering::SeqCst);
                let panics =
                    std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
                let name = self.name;
                match outcome {
                    Err(_) => panic!("{name}: file {number} cut at {end} panics: {panics:?}"),
                    Ok(Ok(value)) => assert!(
                        whole(&file[..end], value),
                        "{name}: file {number}, cut at {end} of {}, is taken for a whole one",
                        file.len()
                    ),
                    Ok(Err(_)) => assert!(
                        panics.is_empty() || !self.caught_panics_fail,
                        "{name}: file {number} cut at {end} panics, though it is caught: {panics:?}"
                    ),
                }
            }
        }
    }
}

/// Where a damaged file is kept for whoever looks for the fault.
fn kept(name: &str, seed: u64, copy: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join("tunesmith-damaged");
    let path = folder.join(format!("{}-{seed}", name.replace(['/', ' '], "-")));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, copy));
    if let Err(error) = written {
        eprintln!("can't keep {}: {error}", path.display());
    }
    path
}

/// Every panic of a trial is noted, a caught one too.
fn take_notes_of_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if RUNNING.load(Ordering::SeqCst) {
                let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                panics.push(info.to_string().replace('\n', " "));
            } else {
                before(info);
            }
        }));
    });
}

/// Ends the process where a file takes too long: nothing else ends a loop.
struct Watch {
    /// The number of the file being read, plus 1; 0 between two; the largest at the end.
    reading: Arc<AtomicU64>,
    copy: Arc<Mutex<Vec<u8>>>,
}

impl Watch {
    fn start(name: &str) -> Self {
        let watch = Self {
            reading: Arc::default(),
            copy: Arc::default(),
        };
        let (reading, copy, name) = (watch.reading.clone(), watch.copy.clone(), name.to_owned());
        std::thread::spawn(move || {
            let (mut last, mut since) = (0, Instant::now());
            loop {
                std::thread::sleep(Duration::from_millis(100));
                let now = reading.load(Ordering::SeqCst);
                if now == u64::MAX {
                    return;
                }
                if now == 0 || now != last {
                    (last, since) = (now, Instant::now());
                } else if since.elapsed() > 2 * LONGEST {
                    let copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
                    let path = kept(&name, now - 1, &copy);
                    eprintln!("{name}: {} is still being read after 20 s", path.display());
                    std::process::abort();
                }
            }
        });
        watch
    }

    fn begin(&self, seed: u64, copy: &[u8]) {
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = copy.to_vec();
        self.reading.store(seed + 1, Ordering::SeqCst);
    }

    fn end(&self) {
        self.reading.store(0, Ordering::SeqCst);
    }

    fn stop(&self) {
        self.reading.store(u64::MAX, Ordering::SeqCst);
    }
}
