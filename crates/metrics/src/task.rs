//! GLUE's tasks by the names that `evaluate.load("glue", task)` takes.

use std::fmt;
use std::str::FromStr;

use crate::MetricError;

/// A task of the GLUE benchmark, or HANS, which evaluate scores with it. `ax` is not among them:
/// its labels are not published, and evaluate has no metric for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GlueTask {
    /// Linguistic acceptability.
    Cola,
    /// Sentiment of film reviews.
    Sst2,
    /// Paraphrases in news.
    Mrpc,
    /// Duplicate questions.
    Qqp,
    /// Similarity of sentences, a score from 0 to 5.
    Stsb,
    /// Natural language inference.
    Mnli,
    /// MNLI's validation and test splits from the genres of its training split.
    MnliMatched,
    /// The same from other genres.
    MnliMismatched,
    /// Whether a sentence answers a question.
    Qnli,
    /// Textual entailment.
    Rte,
    /// Pronouns.
    Wnli,
    /// MNLI's heuristics put to the test.
    Hans,
}

impl GlueTask {
    /// All tasks, in GLUE's order, HANS last.
    pub const ALL: [Self; 12] = [
        Self::Cola,
        Self::Sst2,
        Self::Mrpc,
        Self::Qqp,
        Self::Stsb,
        Self::Mnli,
        Self::MnliMatched,
        Self::MnliMismatched,
        Self::Qnli,
        Self::Rte,
        Self::Wnli,
        Self::Hans,
    ];

    /// evaluate's name for the task.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cola => "cola",
            Self::Sst2 => "sst2",
            Self::Mrpc => "mrpc",
            Self::Qqp => "qqp",
            Self::Stsb => "stsb",
            Self::Mnli => "mnli",
            Self::MnliMatched => "mnli_matched",
            Self::MnliMismatched => "mnli_mismatched",
            Self::Qnli => "qnli",
            Self::Rte => "rte",
            Self::Wnli => "wnli",
            Self::Hans => "hans",
        }
    }

    /// How many labels the task has; 1 is a score, as transformers' `num_labels` has it.
    #[must_use]
    pub const fn num_labels(self) -> usize {
        match self {
            Self::Stsb => 1,
            Self::Mnli | Self::MnliMatched | Self::MnliMismatched => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for GlueTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GlueTask {
    type Err = MetricError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|task| task.as_str() == name)
            .ok_or_else(|| MetricError::UnknownTask {
                name: name.to_owned(),
                known: Self::ALL.map(Self::as_str).join(", "),
            })
    }
}
