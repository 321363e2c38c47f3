//! The ranks of one process, each a thread: a queue from each to each.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::{Collective, CollectiveError};

/// One rank of a process whose ranks are threads. A rank that is dropped has ended: the others are told so when
/// they next wait for it.
pub struct Threads {
    rank: usize,
    shared: Arc<Shared>,
}

struct Shared {
    size: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// What was sent and not yet taken: from rank f to rank t at `f * size + t`.
    sent: Vec<VecDeque<Message>>,
    ended: Vec<bool>,
    aborted: Option<CollectiveError>,
}

enum Message {
    Bytes(Arc<Vec<u8>>),
    Floats(Arc<Vec<f32>>),
}

impl Shared {
    fn new(size: usize) -> Self {
        Self {
            size,
            state: Mutex::new(State {
                sent: (0..size * size).map(|_| VecDeque::new()).collect(),
                ended: vec![false; size],
                aborted: None,
            }),
            changed: Condvar::new(),
        }
    }
}

impl Threads {
    /// The ranks of a group of so many, 0 first, each to be moved to its thread.
    #[must_use]
    pub fn group(size: usize) -> Vec<Self> {
        let shared = Arc::new(Shared::new(size));
        (0..size)
            .map(|rank| Self {
                rank,
                shared: Arc::clone(&shared),
            })
            .collect()
    }

    /// The only rank there is.
    #[must_use]
    pub fn alone() -> Self {
        Self {
            rank: 0,
            shared: Arc::new(Shared::new(1)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, to: usize, message: Message) {
        let place = self.rank * self.shared.size + to;
        self.state().sent[place].push_back(message);
        self.shared.changed.notify_all();
    }

    fn receive(&self, from: usize) -> Result<Message, CollectiveError> {
        let place = from * self.shared.size + self.rank;
        let mut state = self.state();
        loop {
            if let Some(error) = &state.aborted {
                return Err(error.clone());
            }
            if let Some(message) = state.sent[place].pop_front() {
                return Ok(message);
            }
            if state.ended[from] {
                return Err(CollectiveError {
                    rank: from,
                    message: "its thread is gone".to_owned(),
                });
            }
            let changed = self.shared.changed.wait(state);
            state = changed.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn receive_floats(&self, from: usize) -> Result<Arc<Vec<f32>>, CollectiveError> {
        match self.receive(from)? {
            Message::Floats(values) => Ok(values),
            Message::Bytes(_) => Err(self.out_of_step(from)),
        }
    }

    fn receive_bytes(&self, from: usize) -> Result<Arc<Vec<u8>>, CollectiveError> {
        match self.receive(from)? {
            Message::Bytes(bytes) => Ok(bytes),
            Message::Floats(_) => Err(self.out_of_step(from)),
        }
    }

    /// Two ranks that call other operations: a bug of the caller's.
    fn out_of_step(&self, from: usize) -> CollectiveError {
        CollectiveError {
            rank: from,
            message: format!("it does something else than rank {}", self.rank),
        }
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let rank = self.rank;
        (0..self.shared.size).filter(move |other| *other != rank)
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.size
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Arc<Vec<u8>>, CollectiveError> {
        if self.rank != 0 {
            return self.receive_bytes(0);
        }
        let bytes = Arc::new(bytes);
        for rank in self.others() {
            self.send(rank, Message::Bytes(Arc::clone(&bytes)));
        }
        Ok(bytes)
    }

    fn broadcast_floats(&self, values: Vec<f32>) -> Result<Arc<Vec<f32>>, CollectiveError> {
        if self.rank != 0 {
            return self.receive_floats(0);
        }
        let values = Arc::new(values);
        for rank in self.others() {
            self.send(rank, Message::Floats(Arc::clone(&values)));
        }
        Ok(values)
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        if self.rank != 0 {
            self.send(0, Message::Bytes(Arc::new(bytes)));
            return Ok(Vec::new());
        }
        let mut all = vec![bytes];
        for rank in self.others() {
            all.push(Arc::unwrap_or_clone(self.receive_bytes(rank)?));
        }
        Ok(all)
    }

    fn all_to_all(&self, pieces: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>, CollectiveError> {
        let mut own = None;
        for (rank, piece) in pieces.into_iter().enumerate().take(self.shared.size) {
            if rank == self.rank {
                own = Some(piece);
            } else {
                self.send(rank, Message::Floats(Arc::new(piece)));
            }
        }
        (0..self.shared.size)
            .map(|rank| match own.take_if(|_| rank == self.rank) {
                Some(own) => Ok(own),
                None => self.receive_floats(rank).map(Arc::unwrap_or_clone),
            })
            .collect()
    }

    fn all_gather(&self, piece: Vec<f32>) -> Result<Vec<Arc<Vec<f32>>>, CollectiveError> {
        let piece = Arc::new(piece);
        for rank in self.others() {
            self.send(rank, Message::Floats(Arc::clone(&piece)));
        }
        (0..self.shared.size)
            .map(|rank| match rank == self.rank {
                true => Ok(Arc::clone(&piece)),
                false => self.receive_floats(rank),
            })
            .collect()
    }

    fn abort(&self, message: &str) {
        let error = CollectiveError {
            rank: self.rank,
            message: message.to_owned(),
        };
        self.state().aborted.get_or_insert(error);
        self.shared.changed.notify_all();
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.state().ended[self.rank] = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::thread;

    use super::*;
    use crate::cut;

    /// Does the same on each of so many ranks.
    fn on_all<T: Send>(size: usize, work: impl Fn(Threads) -> T + Sync) -> Vec<T> {
        let ranks = Threads::group(size);
        thread::scope(|scope| {
            let threads: Vec<_> = ranks
                .into_iter()
                .map(|rank| scope.spawn(|| work(rank)))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        })
    }

    #[test]
    fn all_ranks_are_given_what_rank_0_has_and_it_what_they_have() {
        for size in [1, 2, 5] {
            let found = on_all(size, |rank| {
                let own = rank.rank() as u8;
                let told = rank.broadcast(vec![own + 7]).unwrap();
                let floats = rank.broadcast_floats(vec![f32::from(own) + 0.5]).unwrap();
                rank.barrier().unwrap();
                let gathered = rank.gather(vec![own, 3]).unwrap();
                (told.to_vec(), floats.to_vec(), gathered)
            });
            for (rank, (told, floats, gathered)) in found.into_iter().enumerate() {
                assert_eq!((told, floats), (vec![7], vec![0.5]));
                let wanted: Vec<Vec<u8>> = (0..size as u8).map(|own| vec![own, 3]).collect();
                assert_eq!(gathered, if rank == 0 { wanted } else { Vec::new() });
            }
        }
    }

    #[test]
    fn a_sum_is_added_in_the_order_of_ranks() {
        // In any other order the small ones are lost in the large one, or not.
        let values = |rank: usize| match rank {
            0 => 1.0_f32,
            1 => 1e8,
            2 => -1e8,
            _ => 0.25,
        };
        for size in [1, 2, 4] {
            let wanted = (1..size).fold(values(0), |sum, rank| sum + values(rank));
            for count in [0, 1, 3, 4, 1001] {
                let sums = on_all(size, |rank| {
                    let pieces = cut(count, size).into_iter();
                    let pieces = pieces.map(|count| vec![values(rank.rank()); count]);
                    rank.reduce(pieces.collect()).unwrap()
                });
                for sum in sums {
                    let sum: Vec<f32> = sum.iter().flat_map(|piece| piece.to_vec()).collect();
                    assert_eq!(sum, vec![wanted; count]);
                }
            }
        }
    }

    #[test]
    fn a_rank_that_ends_ends_the_others() {
        let errors = on_all(3, |rank| match rank.rank() {
            1 => None,
            _ => rank.all_gather(vec![1.0]).err(),
        });
        for rank in [0, 2] {
            let error = errors[rank].as_ref().unwrap();
            assert_eq!(error.to_string(), "rank 1 has ended: its thread is gone");
        }
        let errors = on_all(3, |rank| match rank.rank() {
            2 => {
                rank.abort("out of memory");
                None
            }
            _ => rank.barrier().err(),
        });
        for rank in [0, 1] {
            let error = errors[rank].as_ref().unwrap();
            assert_eq!(error.to_string(), "rank 2 has ended: out of memory");
        }
    }
}
