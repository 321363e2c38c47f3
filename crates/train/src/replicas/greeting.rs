//! What processes tell each other before they train together.

use serde::{Deserialize, Serialize};
use tunesmith_kernels::ComputeDevice;
use tunesmith_protocol::{DeviceInfo, RunConfig};

use crate::device_info;

/// What a rank of another process says of itself before the first step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Greeting {
    version: String,
    arguments: serde_json::Map<String, serde_json::Value>,
    pub(crate) device: DeviceInfo,
}

impl Greeting {
    /// Arguments that may be others on each rank.
    const OWN: [&str; 2] = ["device", "devices"];

    /// This process, which was started with these arguments.
    #[must_use]
    pub fn new(config: &RunConfig, device: &ComputeDevice) -> Self {
        let mut arguments = match serde_json::to_value(config) {
            Ok(serde_json::Value::Object(arguments)) => arguments,
            _ => serde_json::Map::new(),
        };
        arguments.retain(|name, _| !Self::OWN.contains(&name.as_str()));
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            arguments,
            device: device_info(device),
        }
    }

    /// What of the other would make it another training.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.version != other.version {
            return Some(format!(
                "it is Tunesmith {}, and rank 0 is Tunesmith {}: install the same version everywhere",
                other.version, self.version
            ));
        }
        let names = self.arguments.keys().chain(other.arguments.keys());
        let mut changed: Vec<&str> = names
            .filter(|name| self.arguments.get(*name) != other.arguments.get(*name))
            .map(String::as_str)
            .collect();
        changed.sort_unstable();
        changed.dedup();
        match changed.is_empty() {
            true => None,
            false => Some(format!(
                "it was started with another {}: start all ranks with the same arguments (device and devices may differ)",
                changed.join(", ")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_make_it_another_training_is_told() {
        let cpu = ComputeDevice::cpu("test");
        let mut config = RunConfig::default();
        let first = Greeting::new(&config, &cpu);
        config.training.devices = Some("cpu:2".to_owned());
        assert_eq!(first.difference(&Greeting::new(&config, &cpu)), None);
        config.training.learning_rate = 1.0;
        config.training.seed = 7;
        let other = Greeting::new(&config, &cpu);
        let told = first.difference(&other).unwrap_or_default();
        assert!(told.contains("another learning_rate, seed:"), "{told}");
        let older = Greeting {
            version: "0.0.1".to_owned(),
            ..other
        };
        let told = first.difference(&older).unwrap_or_default();
        assert!(told.contains("it is Tunesmith 0.0.1"), "{told}");
    }
}
