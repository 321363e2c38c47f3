//! Natively.

pub(crate) const ENDPOINT: &str = "HF_ENDPOINT";
pub(crate) const TOKEN: &str = "HF_TOKEN";
pub(crate) const CONNECT: &str = "Check the network, the proxy and HF_ENDPOINT, then run again";
pub(crate) const CHECK_ENDPOINT: &str = "Check HF_ENDPOINT";
pub(crate) const GO_ONLINE: &str = "Run once with the network and without HF_HUB_OFFLINE";
pub(crate) const OTHER_CACHE: &str = ", or point HF_HOME at a cache that has it";
pub(crate) const OFFLINE: &str = "HF_HUB_OFFLINE is set";
pub(crate) const SET_TOKEN: &str = "set HF_TOKEN to a token";
pub(crate) const CHECK_TOKEN: &str = "Check that HF_TOKEN is valid";
pub(crate) const MORE_REQUESTS: &str = "A token in HF_TOKEN raises the limit";
pub(crate) const FREE_SPACE: &str = "Free some space, or point HF_HOME at another disk,";
pub(crate) const CHECK_CACHE: &str = "Check its permissions, or set HF_HOME";
