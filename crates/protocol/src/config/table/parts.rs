//! Which parts of a model are trained, and how fast each.

use super::ArgumentKind::{Flag, Number, Text};
use super::{ArgumentGroup, argument};

/// The arguments of that.
pub(super) const PARTS: ArgumentGroup = ArgumentGroup {
    group: "Parts that are trained",
    items: &[
        argument(
            "train_head_only",
            Flag,
            "false",
            "Train the head alone (with BERT's pooler), and leave all of the encoder as it is: the least time and memory.",
        ),
        argument(
            "freeze_embeddings",
            Flag,
            "false",
            "Leave the embeddings as they are: words, positions (relative ones too) and segments.",
        ),
        argument(
            "freeze_layers",
            Text,
            "",
            "Leave these layers as they are, counted from 0: 0-5, or 0,1,3-5.",
        ),
        argument(
            "llrd",
            Number,
            "1",
            "Layer-wise learning rate decay: each layer trains at the rate of the one above it times this, the embeddings slowest; 0.9 is usual. 1 turns it off.",
        ),
    ],
};
