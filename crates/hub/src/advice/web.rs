//! In a browser.

pub(crate) const ENDPOINT: &str = "the hub's address";
pub(crate) const TOKEN: &str = "the token";
pub(crate) const CONNECT: &str = "Check the network, and whether an extension, a proxy or the hub's \
     own rules keep this page from that address, then try again";
pub(crate) const CHECK_ENDPOINT: &str = "Check the hub's address";
pub(crate) const GO_ONLINE: &str = "Try once with the network";
pub(crate) const OTHER_CACHE: &str = "";
pub(crate) const OFFLINE: &str = "the page was told to stay offline";
pub(crate) const SET_TOKEN: &str = "give a token";
pub(crate) const CHECK_TOKEN: &str = "Check that the token is valid";
pub(crate) const MORE_REQUESTS: &str = "With a token the limit is higher";
pub(crate) const FREE_SPACE: &str =
    "Remove models or runs that this page keeps, or free some space";
pub(crate) const CHECK_CACHE: &str = "Close other tabs of this page, then reload it";
