//! The proxies: a repository for each registry of public packages, named after the primary repository.

use std::collections::BTreeSet;

use super::{ExternalConnection, RepositoryName};

/// A registry of public packages and the repository that connects to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// The proxy repository's name.
    pub(crate) name: RepositoryName,
    /// The registry behind it.
    pub(crate) connection: ExternalConnection,
}

/// `ExternalConnection`: whether it is one or a list decides the proxies' names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Connections {
    /// None.
    #[default]
    None,
    /// One, given as a string.
    One(ExternalConnection),
    /// Given as a list.
    List(Vec<ExternalConnection>),
}

impl Connections {
    pub(crate) fn all(&self) -> &[ExternalConnection] {
        match self {
            Self::None => &[],
            Self::One(connection) => std::slice::from_ref(connection),
            Self::List(connections) => connections,
        }
    }

    /// Each connection once, which is all that a stack can have had.
    pub(crate) fn distinct(self) -> Self {
        match self {
            Self::None | Self::One(_) => self,
            Self::List(connections) => {
                let mut seen = BTreeSet::new();
                Self::List(
                    connections
                        .into_iter()
                        .filter(|connection| seen.insert(*connection))
                        .collect(),
                )
            }
        }
    }

    /// The names of the proxies of a primary repository; too long ones are left out.
    pub(crate) fn proxies(&self, primary: &RepositoryName) -> Vec<Proxy> {
        let name = |connection: ExternalConnection| match self {
            Self::List(_) => proxy_name(primary, Some(connection)),
            Self::None | Self::One(_) => proxy_name(primary, None),
        };
        self.all()
            .iter()
            .filter_map(|&connection| {
                Some(Proxy {
                    name: name(connection).parse().ok()?,
                    connection,
                })
            })
            .collect()
    }
}

/// What follows the primary's name in that of each proxy.
const INFIX: &str = "-upstream";

fn proxy_name(primary: &RepositoryName, connection: Option<ExternalConnection>) -> String {
    connection.map_or_else(
        || format!("{primary}{INFIX}"),
        |connection| format!("{primary}{INFIX}-{}", connection.short_name()),
    )
}

impl RepositoryName {
    /// Whether a proxy of this primary repository could have the name.
    pub(crate) fn is_proxy_of(&self, primary: &Self) -> bool {
        is_proxy_name(self.as_str(), primary)
    }

    /// Whether the stack of this primary repository could have one of that name: the primary itself, or a proxy of it.
    pub(crate) fn has_as_own(&self, name: &str) -> bool {
        self.as_str() == name || is_proxy_name(name, self)
    }
}

fn is_proxy_name(name: &str, primary: &RepositoryName) -> bool {
    let form = name
        .strip_prefix(primary.as_str())
        .and_then(|rest| rest.strip_prefix(INFIX));
    form.is_some_and(|form| {
        let mut connections = ExternalConnection::ALL.into_iter();
        form.is_empty() || connections.any(|it| form.strip_prefix('-') == Some(it.short_name()))
    })
}
