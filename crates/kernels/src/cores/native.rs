//! Natively: rayon's threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

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

    /// `f` of each item, in their order. Where these are all cores, each takes an item at a time and does it by
    /// itself: they wait for one another once for many items, not once for each product.
    pub(crate) fn map<T: Sync, R: Send>(&self, items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
        if self.0.is_some() || items.len() < 2 {
            return self.install_all(items, &f);
        }
        let next = AtomicUsize::new(0);
        let mut found: Vec<(usize, R)> = rayon::broadcast(|core| {
            let take = || {
                let mut found = Vec::new();
                while let Some((place, item)) = {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    items.get(place).map(|item| (place, item))
                } {
                    found.push((place, f(item)));
                }
                found
            };
            match single(core.index()) {
                Some(pool) => pool.install(take),
                None => take(),
            }
        })
        .into_iter()
        .flatten()
        .collect();
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, value)| value).collect()
    }

    fn install_all<T: Sync, R: Send>(&self, items: &[T], f: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
        self.install(|| items.iter().map(f).collect())
    }
}

/// The pool of one thread that belongs to a core, so that what runs there sees no other; none where the system
/// starts no more threads.
fn single(core: usize) -> Option<&'static ThreadPool> {
    static POOLS: OnceLock<Vec<ThreadPool>> = OnceLock::new();
    let build = |_| ThreadPoolBuilder::new().num_threads(1).build().ok();
    let pools = POOLS.get_or_init(|| {
        (0..rayon::current_num_threads())
            .filter_map(build)
            .collect()
    });
    pools.get(core)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn items_stay_in_order_and_each_has_one_core() {
        let items: Vec<usize> = (0..100).collect();
        let found = Cores::all().map(&items, |item| (item * 2, rayon::current_num_threads()));
        let doubled: Vec<(usize, usize)> = items.iter().map(|item| (item * 2, 1)).collect();
        assert_eq!(found, doubled);
        let share = Cores::shares(1).unwrap().remove(0);
        assert_eq!(share.map(&items, |item| *item), items);
    }

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
