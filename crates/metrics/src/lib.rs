//! The metrics that a fine-tuned classifier is judged by, equal to what `evaluate.load` gives for every
//! GLUE task and for the usual metrics by name, and those for a person's own labels.
//!
//! They are pure functions of integers and `f64` on the host: no tensors, no hash maps and no
//! operation that IEEE 754 leaves open, so every target gives the same bits.
//!
//! ```
//! let mut metric = tunesmith_metrics::load("glue", Some("mrpc"))?;
//! metric.add_batch_classes(&[1, 0, 1, 1], &[1, 0, 0, 1])?; // predictions, references
//! let scores = metric.compute()?;
//! assert_eq!(scores.get("accuracy"), Some(0.75));
//! assert_eq!(scores.get("f1"), Some(0.8));
//! # Ok::<(), tunesmith_metrics::MetricError>(())
//! ```

mod classes;
mod correlation;
mod entities;
mod error;
mod load;
mod measures;
mod metric;
mod multi_label;
mod probabilities;
mod report;
mod scores;
mod task;
mod tokens;

pub use classes::{ClassCounts, confusion_matrix};
pub use correlation::{mean_absolute_error, mean_squared_error, pearson, r2, spearman};
pub use entities::{Chunk, EntityCounts, Reading, Scheme};
pub use error::{MetricError, Side};
pub use load::load;
pub use measures::{ALIASES, MEASURES, Measure};
pub use metric::{Average, Metric};
pub use multi_label::{DEFAULT_THRESHOLD, MultiLabelCounts, above_thresholds, best_thresholds};
pub use report::LabelScores;
pub use scores::Scores;
pub use task::GlueTask;
pub use tokens::are_entities;
