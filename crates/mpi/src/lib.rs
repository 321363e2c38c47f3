//! The ranks of a training as processes, on one machine or on several, over MPI: what every cluster has to start
//! processes on its machines and to move data between them by the fastest way there is.
//!
//! **One binary for everybody.** Nothing of MPI is needed to build. A process that an MPI launcher has started
//! loads the launcher's library when it starts; any other process never looks for one. Handles and constants of MPI
//! differ between implementations, and there are three sets of them, each in a file of `abi/`: the standard ABI of
//! MPI 5.0, Open MPI's, MPICH's.
//!
//! **Sums have one order.** MPI's own reductions add up in whatever order is quick. Here MPI only moves bytes;
//! [`Collective::reduce`] does the adding, so ranks on two machines give the bits that two threads give.
//!
//! **Every operation begins with a meeting:** each rank tells all others what it's about to do and how much it
//! sends, by a collective operation that doesn't block. So a rank that waits, for a slower one or while rank 0
//! saves, sleeps, where MPI would keep a core busy. And if one rank leaves, all are told that, and which one it was.

mod abi;
mod error;
mod find;
mod launcher;
mod system;

use std::env;
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tunesmith_collective::{Collective, CollectiveError};

use abi::{Calls, Failure};
pub use error::MpiError;
use launcher::Launcher;

/// The variable that names the library's file, where another one than the launcher's own is to be used; with the
/// value `none`, processes started together work each for itself.
pub const LIBRARY_VARIABLE: &str = "TUNESMITH_MPI_LIB";

/// The variables that tell a rank's place on its machine: Open MPI's, MPICH's, MVAPICH's, Slurm's.
const LOCAL_RANKS: [&str; 4] = [
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MPI_LOCALRANKID",
    "MV2_COMM_WORLD_LOCAL_RANK",
    "SLURM_LOCALID",
];

/// Bytes that one message of MPI has at most. Its counts are C's `int`, and not every transport below it can carry
/// 2 GiB.
const PART: usize = 1 << 30;

/// MPI can be initialized once in the life of a process.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// This process as one of the ranks that a launcher of MPI has started.
///
/// Made once, early in `main`, by the thread that drops it at the end; in between any thread may call it, and
/// further threads wait. Dropping it leaves the group. The last operation of all ranks must be the same: a rank
/// that leaves while others go on ends them with an error that names it, as [`Collective`] says.
pub struct Mpi {
    calls: Box<dyn Calls>,
    rank: usize,
    size: usize,
    library: String,
    part: usize,
    /// Held during an operation; why this rank can't take part in another, if so.
    ended: Mutex<Option<CollectiveError>>,
}

/// What has started this process together with others, if it's to work with them.
fn launcher() -> Result<Option<Launcher>, MpiError> {
    if env::var_os(LIBRARY_VARIABLE).is_some_and(|file| file == "none") {
        return Ok(None);
    }
    let launcher = Launcher::find(|name| env::var(name).ok())?;
    Ok(launcher.filter(|launcher| launcher.size != Some(1)))
}

/// What a rank is about to do, as it tells the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
enum Operation {
    Leave = 1,
    Barrier,
    Broadcast,
    BroadcastFloats,
    Gather,
    AllToAll,
    AllGather,
}

/// How much each rank sends to each other in an operation, as all of them know after a meeting.
struct Amounts {
    /// Of each rank, its operation and its amounts for every rank.
    words: Vec<u64>,
    size: usize,
}

impl Amounts {
    fn operation(&self, rank: usize) -> u64 {
        self.words[rank * (self.size + 1)]
    }

    fn of(&self, from: usize, to: usize) -> usize {
        self.words[from * (self.size + 1) + 1 + to] as usize
    }

    fn largest(&self) -> usize {
        let all = (0..self.size).flat_map(|from| (0..self.size).map(move |to| (from, to)));
        all.map(|(from, to)| self.of(from, to)).max().unwrap_or(0)
    }
}

impl Mpi {
    /// Joins the ranks that were started together with this process; `None` where it was started alone, or its
    /// launcher was told to start one.
    ///
    /// It waits for all ranks. The variables of the environment by which launchers are known: `OMPI_COMM_WORLD_SIZE`
    /// (Open MPI), `PMI_SIZE` or `PMI_RANK` (MPICH, Intel MPI, MVAPICH, `srun --mpi=pmi2`), `PMIX_RANK` (`srun
    /// --mpi=pmix`, PRRTE). [`LIBRARY_VARIABLE`] changes which library is taken.
    ///
    /// # Errors
    /// Where a launcher has started it, but its MPI can't be loaded, doesn't know the other ranks, or can't be used
    /// by more than one thread; where Slurm has started several without MPI; or when called again.
    pub fn from_environment() -> Result<Option<Self>, MpiError> {
        let Some(launcher) = launcher()? else {
            return Ok(None);
        };
        if INITIALIZED.swap(true, Ordering::SeqCst) {
            return Err(MpiError::Again);
        }
        let found = find::library(&launcher)?;
        let failed = |failure: Failure| MpiError::Call {
            library: found.name.clone(),
            failure: failure.to_string(),
        };
        if !found.calls.init().map_err(failed)? {
            return Err(MpiError::NoThreads {
                library: found.name.clone(),
            });
        }
        let rank = found.calls.rank().map_err(failed)?;
        let size = found.calls.size().map_err(failed)?;
        if let Some(started) = launcher.size.filter(|started| *started != size) {
            return Err(MpiError::OtherLauncher {
                library: found.name,
                launcher: launcher.name,
                started,
                size,
            });
        }
        system::joined(rank);
        Ok(Some(Self {
            calls: found.calls,
            rank,
            size,
            library: found.name,
            part: PART,
            ended: Mutex::new(None),
        }))
    }

    /// This rank's place among those of its machine, from 0; its rank where the launcher doesn't tell.
    #[must_use]
    pub fn local_rank(&self) -> usize {
        let local = LOCAL_RANKS.iter().find_map(|name| env::var(name).ok());
        local
            .and_then(|place| place.trim().parse().ok())
            .unwrap_or(self.rank)
    }

    /// The library that was loaded: its file and what it calls itself.
    #[must_use]
    pub fn library(&self) -> &str {
        &self.library
    }

    /// The same with messages of at most so many bytes, 1 GiB otherwise; on all ranks alike.
    #[must_use]
    pub fn with_parts_of(mut self, bytes: usize) -> Self {
        self.part = bytes.clamp(1, PART);
        self
    }

    /// Meets all ranks and then does what is to be done. If that fails, so does all that comes after it: the
    /// ranks are out of step.
    fn together<T>(
        &self,
        operation: Operation,
        amounts: impl Iterator<Item = usize>,
        work: impl FnOnce(&Amounts) -> Result<T, Failure>,
    ) -> Result<T, CollectiveError> {
        let Ok(mut ended) = self.ended.lock() else {
            return Err(self.error(self.rank, "it has panicked within an operation"));
        };
        if let Some(error) = &*ended {
            return Err(error.clone());
        }
        let met = self.meet(operation, amounts);
        let done = met.and_then(|amounts| work(&amounts).map_err(|failure| self.failed(&failure)));
        if let Err(error) = &done {
            *ended = Some(error.clone());
        }
        done
    }

    /// Tells all ranks what this one is about to do and how much it sends to each, and waits until all have told
    /// theirs.
    fn meet(
        &self,
        operation: Operation,
        amounts: impl Iterator<Item = usize>,
    ) -> Result<Amounts, CollectiveError> {
        let amounts = amounts.chain(iter::repeat(0)).take(self.size);
        let own = iter::once(operation as u64)
            .chain(amounts.map(|amount| amount as u64))
            .collect();
        let words = self
            .calls
            .all_gather(own, self.size, &mut patience())
            .map_err(|failure| self.failed(&failure))?;
        let amounts = Amounts {
            words,
            size: self.size,
        };
        let who = |is: &dyn Fn(u64) -> bool| (0..self.size).find(|r| is(amounts.operation(*r)));
        let Some(other) = who(&|other| other != operation as u64) else {
            return Ok(amounts);
        };
        Err(match who(&|other| other == Operation::Leave as u64) {
            Some(left) => self.error(left, "its process has left the run"),
            None => {
                let message = format!("it does something else than rank {}", self.rank);
                self.error(other, &message)
            }
        })
    }

    fn error(&self, rank: usize, message: &str) -> CollectiveError {
        CollectiveError {
            rank,
            message: message.to_owned(),
        }
    }

    /// MPI can't do what was asked. It doesn't say which rank is to blame; this one can't go on.
    fn failed(&self, failure: &Failure) -> CollectiveError {
        let message =
            format!("{failure} (has another rank ended? see what the launcher says of it)");
        self.error(self.rank, &message)
    }

    /// Sends numbers to one rank while others come from another. So many parts on all ranks, since each part is a
    /// message that its receiver waits for.
    fn exchange(
        &self,
        parts: usize,
        (to, sent): (usize, &[f32]),
        (from, received): (usize, &mut [f32]),
    ) -> Result<(), Failure> {
        let mut sent = bytes(sent).chunks(self.part);
        let mut received = bytes_mut(received).chunks_mut(self.part);
        for _ in 0..parts {
            let sent = sent.next().unwrap_or_default();
            let received = received.next().unwrap_or_default();
            self.calls.exchange((to, sent), (from, received))?;
        }
        Ok(())
    }

    fn parts(&self, amounts: &Amounts) -> usize {
        (amounts.largest() * size_of::<f32>()).div_ceil(self.part)
    }

    /// The rank so many places further on, in a circle.
    fn after(&self, places: usize) -> usize {
        (self.rank + places) % self.size
    }

    /// The rank so many places before, in a circle.
    fn before(&self, places: usize) -> usize {
        (self.rank + self.size - places) % self.size
    }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn broadcast(&self, mut bytes: Vec<u8>) -> Result<Arc<Vec<u8>>, CollectiveError> {
        let amount = iter::repeat(bytes.len());
        self.together(Operation::Broadcast, amount, |amounts| {
            bytes.resize(amounts.of(0, self.rank), 0);
            let mut parts = bytes.chunks_mut(self.part);
            parts.try_for_each(|part| self.calls.broadcast(part))?;
            Ok(Arc::new(bytes))
        })
    }

    fn broadcast_floats(&self, mut values: Vec<f32>) -> Result<Arc<Vec<f32>>, CollectiveError> {
        let amount = iter::repeat(values.len());
        self.together(Operation::BroadcastFloats, amount, |amounts| {
            values.resize(amounts.of(0, self.rank), 0.0);
            let mut parts = bytes_mut(&mut values).chunks_mut(self.part);
            parts.try_for_each(|part| self.calls.broadcast(part))?;
            Ok(Arc::new(values))
        })
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        let amount = iter::once(bytes.len());
        self.together(Operation::Gather, amount, |amounts| {
            if self.rank != 0 {
                let mut parts = bytes.chunks(self.part);
                parts.try_for_each(|part| self.calls.send(part, 0))?;
                return Ok(Vec::new());
            }
            let mut all = vec![bytes];
            for rank in 1..self.size {
                let mut received = vec![0; amounts.of(rank, 0)];
                let mut parts = received.chunks_mut(self.part);
                parts.try_for_each(|part| self.calls.receive(part, rank))?;
                all.push(received);
            }
            Ok(all)
        })
    }

    // Piece by piece, each of them gone as soon as it is sent, and none copied: MPI's own operation would want all
    // that is sent in one place, and all that comes in another.
    fn all_to_all(&self, mut pieces: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>, CollectiveError> {
        pieces.resize(self.size, Vec::new());
        let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
        self.together(Operation::AllToAll, lengths.into_iter(), |amounts| {
            let mut all = vec![Vec::new(); self.size];
            all[self.rank] = std::mem::take(&mut pieces[self.rank]);
            for places in 1..self.size {
                let (to, from) = (self.after(places), self.before(places));
                let sent = std::mem::take(&mut pieces[to]);
                all[from] = vec![0.0; amounts.of(from, self.rank)];
                self.exchange(self.parts(amounts), (to, &sent), (from, &mut all[from]))?;
            }
            Ok(all)
        })
    }

    // In a ring, in which a piece goes from one machine to the next once, however many ranks each has.
    fn all_gather(&self, piece: Vec<f32>) -> Result<Vec<Arc<Vec<f32>>>, CollectiveError> {
        let amount = iter::once(piece.len());
        self.together(Operation::AllGather, amount, |amounts| {
            let mut all = vec![Vec::new(); self.size];
            all[self.rank] = piece;
            for places in 1..self.size {
                let (passed_on, comes) = (self.before(places - 1), self.before(places));
                let mut received = vec![0.0; amounts.of(comes, 0)];
                self.exchange(
                    self.parts(amounts),
                    (self.after(1), &all[passed_on]),
                    (self.before(1), &mut received),
                )?;
                all[comes] = received;
            }
            Ok(all.into_iter().map(Arc::new).collect())
        })
    }

    fn barrier(&self) -> Result<(), CollectiveError> {
        self.together(Operation::Barrier, iter::empty(), |_| Ok(()))
    }

    /// Ends this process, and by the launcher all others. The reason is printed, with this rank's number; the
    /// launcher shows it to who has started the run.
    fn abort(&self, message: &str) {
        eprintln!("rank {} has ended: {message}", self.rank);
        std::thread::sleep(system::HEARD);
        // Where another thread is in an operation, MPI may not be called: that this process ends unannounced tells
        // the launcher as much.
        if let Ok(_turn) = self.ended.try_lock() {
            self.calls.abort();
        }
        system::exit_at_once();
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // MPI ends properly where all ranks end together. Otherwise they end by themselves, each with its error,
        // and who waited here for the others would wait forever.
        let left = self.together(Operation::Leave, iter::empty(), |_| self.calls.finalize());
        // There is nobody left who could be told of an error.
        drop(left);
        system::left();
    }
}

/// What to do between two looks at whether all have come: at first only let others run, since ranks that compute
/// the same come at the same time; then sleep.
fn patience() -> impl FnMut() {
    const AWAKE: Duration = Duration::from_millis(1);
    const NAP: Duration = Duration::from_micros(50);
    let since = Instant::now();
    move || match since.elapsed() < AWAKE {
        true => std::thread::yield_now(),
        false => std::thread::sleep(NAP),
    }
}

fn bytes(values: &[f32]) -> &[u8] {
    // SAFETY: a float is bytes without gaps, of a stricter alignment, in the same place for the same time.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

fn bytes_mut(values: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above; any four bytes are a float, and nobody else sees them while they are borrowed.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}
