//! What is remembered from one start to the next.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where to compute.
    pub device: DevicePick,
    /// Light or dark.
    pub theme: Theme,
    /// How strongly curves are smoothed, 0 to 0.99, as TensorBoard has it.
    pub smoothing: f64,
    /// Where the data comes from.
    pub data: Option<Source>,
    /// Whether a tenth of the training rows is set aside where there is no validation split.
    pub set_aside: bool,
    /// Where the model comes from.
    pub model: Option<Source>,
    /// What was entered, by argument: JSON text, since the store that keeps it has no such values.
    pub entered: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            device: DevicePick::Auto,
            theme: Theme::System,
            smoothing: 0.9,
            data: None,
            set_aside: true,
            model: None,
            entered: String::new(),
        }
    }
}

impl Settings {
    /// The arguments that were entered.
    pub(crate) fn entered(&self) -> Map<String, Value> {
        serde_json::from_str(&self.entered).unwrap_or_default()
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Where to compute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DevicePick {
    /// A real GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// Every real GPU, each with its share of a step.
    AllGpus,
    /// The CPU itself.
    Cpu,
    /// This adapter.
    Adapter {
        /// Its name.
        name: String,
        /// `vulkan`, `metal`, `dx12`.
        backend: String,
        /// Whether it computes on the CPU.
        software: bool,
    },
}

impl DevicePick {
    /// The argument `device` for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Auto | Self::AllGpus => "auto",
            Self::Cpu => "cpu",
            Self::Adapter { software: true, .. } => "software-gpu",
            Self::Adapter { .. } => "gpu",
        }
    }

    /// The argument `devices` of a training for it, where it is several.
    #[must_use]
    pub fn devices(&self) -> Option<&'static str> {
        matches!(self, Self::AllGpus).then_some("all")
    }
}

/// Where data or a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// What comes with the program: of data the sentences by topic.
    Builtin,
    /// The pairs of sentences that come with the program.
    Pairs,
    /// Files: of data the one to train on and the one to measure on, of a model its folder.
    Files(String, Option<String>),
    /// The hub: an id, and a configuration of data or a revision of a model.
    Hub(String, Option<String>),
}

impl Source {
    /// What a person calls it.
    #[must_use]
    pub fn title(&self, builtin: &str) -> String {
        match self {
            Self::Builtin => builtin.to_owned(),
            Self::Pairs => "Built-in pairs".to_owned(),
            Self::Files(path, _) => crate::format::base_name(path).to_owned(),
            Self::Hub(id, Some(part)) => format!("{id}/{part}"),
            Self::Hub(id, None) => id.clone(),
        }
    }
}
