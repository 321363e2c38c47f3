//! What several devices or machines say to each other in a training step: MPI's collective operations, of
//! which a training needs five.
//!
//! Each participant is a *rank*, counted from 0. Rank 0 leads. All ranks call the same operations in the same
//! order. [`Threads`] joins the threads of one process.

mod threads;

use std::sync::Arc;

use thiserror::Error;

pub use threads::Threads;

/// A rank that ended, and with it what all of them were doing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("rank {rank} has ended: {message}")]
pub struct CollectiveError {
    /// Which one.
    pub rank: usize,
    /// What it said, or what became of it.
    pub message: String,
}

/// One rank's end of the connection to all others.
///
/// # Errors
/// Every operation fails where a rank that it waits for has ended.
pub trait Collective: Send + Sync {
    /// Which rank this is, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// Gives all ranks what rank 0 has; what the others hand over is dropped.
    ///
    /// # Errors
    /// As the trait says.
    fn broadcast(&self, bytes: Vec<u8>) -> Result<Arc<Vec<u8>>, CollectiveError>;

    /// The same of numbers.
    ///
    /// # Errors
    /// As the trait says.
    fn broadcast_floats(&self, values: Vec<f32>) -> Result<Arc<Vec<f32>>, CollectiveError>;

    /// Brings what every rank has to rank 0, in the order of ranks; the others get nothing.
    ///
    /// # Errors
    /// As the trait says.
    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError>;

    /// Sends the n-th of this rank's pieces to rank n, and gives what all ranks have sent to this one, in the
    /// order of ranks. Each rank has as many pieces as there are ranks.
    ///
    /// # Errors
    /// As the trait says.
    fn all_to_all(&self, pieces: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>, CollectiveError>;

    /// Gives all ranks every rank's piece, in the order of ranks.
    ///
    /// # Errors
    /// As the trait says.
    fn all_gather(&self, piece: Vec<f32>) -> Result<Vec<Arc<Vec<f32>>>, CollectiveError>;

    /// Waits until all ranks have come here.
    ///
    /// # Errors
    /// As the trait says.
    fn barrier(&self) -> Result<(), CollectiveError> {
        self.gather(Vec::new())?;
        self.broadcast(Vec::new()).map(drop)
    }

    /// Ends what all ranks are doing, with a reason that each of them is told.
    fn abort(&self, message: &str);

    /// The sum over all ranks, on all of them, of numbers that each has cut into as many pieces as there are
    /// ranks. Added in the order of ranks, whatever is quicker: the same numbers give the same bits every
    /// time, in threads and across machines. A rank adds up one piece of all, so that it takes no more room
    /// than its own numbers do.
    ///
    /// # Errors
    /// As the trait says.
    fn reduce(&self, pieces: Vec<Vec<f32>>) -> Result<Vec<Arc<Vec<f32>>>, CollectiveError> {
        let mut pieces = self.all_to_all(pieces)?.into_iter();
        let mut sum = pieces.next().unwrap_or_default();
        for piece in pieces {
            add(&mut sum, &piece);
        }
        self.all_gather(sum)
    }
}

/// Adds numbers to others, one by one. Compiled here, where loops are made quick, not with whoever implements the
/// trait.
#[inline(never)]
fn add(sum: &mut [f32], values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}

/// Where to cut so many numbers into so many pieces, of about equal size: the length of each.
#[must_use]
pub fn cut(count: usize, pieces: usize) -> Vec<usize> {
    let cuts = (0..=pieces).map(|piece| count * piece / pieces.max(1));
    let cuts: Vec<usize> = cuts.collect();
    cuts.windows(2).map(|ends| ends[1] - ends[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_into_pieces_of_about_equal_size() {
        assert_eq!(cut(10, 3), [3, 3, 4]);
        assert_eq!(cut(1, 3), [0, 0, 1]);
        assert_eq!(cut(8, 1), [8]);
        for (count, pieces) in [(0, 4), (7, 7), (1000, 7)] {
            let cut = cut(count, pieces);
            assert_eq!((cut.len(), cut.iter().sum()), (pieces, count));
        }
    }
}
