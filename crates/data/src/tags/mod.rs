//! Tags of tokens (named entities, parts of speech): from columns of words and tags, or of texts and
//! spans, to a class for each token that a model sees, and back from its logits to entities.

mod align;
mod columns;
mod decode;
mod encoder;

pub use align::{IGNORED, Span};
pub use columns::TagColumns;
pub use decode::{Aggregation, Entity, entities};
pub use encoder::TagEncoder;
