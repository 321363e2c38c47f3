//! What a person can do about an error, in the terms of where they are: natively the environment's
//! variables, in a browser the network and what the page was given.

#[cfg(not(target_arch = "wasm32"))]
mod words {
    pub const ENDPOINT: &str = "HF_ENDPOINT";
    pub const TOKEN: &str = "HF_TOKEN";
    pub const CONNECT: &str = "Check the network, the proxy and HF_ENDPOINT, then run again";
    pub const CHECK_ENDPOINT: &str = "Check HF_ENDPOINT";
    pub const GO_ONLINE: &str = "Run once with the network and without HF_HUB_OFFLINE";
    pub const OTHER_CACHE: &str = ", or point HF_HOME at a cache that has it";
    pub const OFFLINE: &str = "HF_HUB_OFFLINE is set";
    pub const SET_TOKEN: &str = "set HF_TOKEN to a token";
    pub const CHECK_TOKEN: &str = "Check that HF_TOKEN is valid";
    pub const MORE_REQUESTS: &str = "A token in HF_TOKEN raises the limit";
    pub const FREE_SPACE: &str = "Free some space, or point HF_HOME at another disk,";
    pub const CHECK_CACHE: &str = "Check its permissions, or set HF_HOME";
}

#[cfg(target_arch = "wasm32")]
mod words {
    pub const ENDPOINT: &str = "the hub's address";
    pub const TOKEN: &str = "the token";
    pub const CONNECT: &str = "Check the network, and whether an extension, a proxy or the hub's \
         own rules keep this page from that address, then try again";
    pub const CHECK_ENDPOINT: &str = "Check the hub's address";
    pub const GO_ONLINE: &str = "Try once with the network";
    pub const OTHER_CACHE: &str = "";
    pub const OFFLINE: &str = "the page was told to stay offline";
    pub const SET_TOKEN: &str = "give a token";
    pub const CHECK_TOKEN: &str = "Check that the token is valid";
    pub const MORE_REQUESTS: &str = "With a token the limit is higher";
    pub const FREE_SPACE: &str = "Remove models or runs that this page keeps, or free some space";
    pub const CHECK_CACHE: &str = "Close other tabs of this page, then reload it";
}

pub(crate) use words::*;
