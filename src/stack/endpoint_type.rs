//! `EndpointType`: how clients reach a repository.

use super::choice_type;

choice_type! {
    /// Which kind of endpoint the outputs give.
    #[derive(Default)]
    pub(crate) EndpointType,
    /// Over IPv4 alone.
    #[default]
    Ipv4 = "ipv4",
    /// Over IPv4 and IPv6.
    DualStack = "dualstack",
}
