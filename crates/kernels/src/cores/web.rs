//! In a browser: the one of the worker.

/// The worker's core.
#[derive(Debug, Clone)]
pub(crate) struct Cores;

impl Cores {
    /// It.
    pub(crate) fn all() -> Self {
        Self
    }

    /// There is one core to share, on which all take turns.
    pub(crate) fn shares(count: usize) -> Result<Vec<Self>, std::convert::Infallible> {
        Ok(vec![Self; count])
    }

    /// Does `work` on it.
    pub(crate) fn install<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// `f` of each item, in their order.
    pub(crate) fn map<T, R>(&self, items: &[T], f: impl Fn(&T) -> R) -> Vec<R> {
        items.iter().map(f).collect()
    }
}
