//! Natively: rayon's threads.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Threads of one's own; those that the whole process shares where there are none.
#[derive(Debug, Clone)]
pub(crate) struct Cores(Option<Arc<ThreadPool>>);

impl Cores {
    /// All of them.
    pub(crate) fn all() -> Self {
        Self(None)
    }

    /// As many shares of this machine's cores, each of at least one thread.
    pub(crate) fn shares(count: usize) -> Result<Vec<Self>, ThreadPoolBuildError> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        (0..count)
            .map(|share| {
                // The first ones have what is left over.
                let threads = cores / count + usize::from(share < cores % count);
                let pool = ThreadPoolBuilder::new().num_threads(threads.max(1));
                Ok(Self(Some(Arc::new(pool.build()?))))
            })
            .collect()
    }

    /// Does `work` on them.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_cores_are_shared_out() {
        let all = std::thread::available_parallelism().unwrap().get();
        for count in [1, 2, all, all + 1] {
            let shares = Cores::shares(count).unwrap();
            let threads: Vec<usize> = shares
                .iter()
                .map(|share| share.install(rayon::current_num_threads))
                .collect();
            assert_eq!(threads.len(), count);
            assert_eq!(threads.iter().sum::<usize>(), all.max(count), "{threads:?}");
        }
    }
}
