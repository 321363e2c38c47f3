//! `devices`: where the replicas of a model compute.

/// Which devices a run trains on, in the order of ranks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Devices {
    /// Every real GPU.
    All,
    /// These.
    These(Vec<DevicePlace>),
}

/// One device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DevicePlace {
    /// A share of the CPU.
    Cpu,
    /// An adapter, by its number in the list of `tunesmith doctor`, from 0.
    Adapter(usize),
}

/// Devices that no machine has.
const MOST: usize = 1024;

impl Devices {
    /// Reads `all`, `0,1`, `cpu:2` or a list of such.
    ///
    /// # Errors
    /// What is wrong with it and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "give all, numbers as `tunesmith doctor` lists the adapters (0,1), or cpu:2 for two CPU \
                            workers";
        if text.trim() == "all" {
            return Ok(Self::All);
        }
        let mut places = Vec::new();
        for word in text.split(',').map(str::trim) {
            let unknown = || format!("{word:?} is no device: {FORM}");
            match (word.split_once(':'), word.parse()) {
                (Some(("cpu", count)), _) => {
                    let count: usize = count.parse().map_err(|_| unknown())?;
                    if !(1..=MOST).contains(&count) {
                        return Err(format!("{word:?}: give 1 to {MOST} CPU workers"));
                    }
                    places.extend(vec![DevicePlace::Cpu; count]);
                }
                (None, Ok(number)) => {
                    let place = DevicePlace::Adapter(number);
                    if places.contains(&place) {
                        return Err(format!("adapter {number} is named twice: name each once"));
                    }
                    places.push(place);
                }
                _ if word == "cpu" => places.push(DevicePlace::Cpu),
                _ => return Err(unknown()),
            }
        }
        Ok(Self::These(places))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let these = |text| match Devices::parse(text).unwrap() {
            Devices::These(places) => places,
            Devices::All => panic!("{text}"),
        };
        assert_eq!(Devices::parse(" all "), Ok(Devices::All));
        assert_eq!(
            these("0, 1"),
            [DevicePlace::Adapter(0), DevicePlace::Adapter(1)]
        );
        assert_eq!(these("cpu:2"), [DevicePlace::Cpu, DevicePlace::Cpu]);
        assert_eq!(these("1,cpu"), [DevicePlace::Adapter(1), DevicePlace::Cpu]);
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        for text in ["", "gpu", "0,,1", "cpu:x", "cpu:", "-1", "cuda:0", "0;1"] {
            let error = Devices::parse(text).unwrap_err();
            assert!(error.contains("is no device: give all, numbers"), "{error}");
        }
        assert_eq!(
            Devices::parse("1,0,1").unwrap_err(),
            "adapter 1 is named twice: name each once"
        );
        for text in ["cpu:0", "cpu:9999999"] {
            let error = Devices::parse(text).unwrap_err();
            assert!(error.contains("give 1 to 1024 CPU workers"), "{error}");
        }
    }
}
