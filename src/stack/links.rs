//! What a repository is linked to: an external connection, or upstreams, never both.

use super::{RepositoryName, is_tag_value};

/// What an adopted repository was linked to before, so that it can be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FormerLinks {
    pub(crate) connection: Option<String>,
    pub(crate) upstreams: Vec<RepositoryName>,
}

const CONNECTION: &str = "EXTERNAL=";
const UPSTREAMS: &str = "UPSTREAMS=";

impl FormerLinks {
    /// The links as a tag's value can hold them; nothing if they do not fit.
    pub(crate) fn to_tag(&self) -> Option<String> {
        let names: Vec<&str> = self.upstreams.iter().map(RepositoryName::as_str).collect();
        let text = self.connection.as_ref().map_or_else(
            || format!("{UPSTREAMS}{}", names.join("/")),
            |connection| format!("{CONNECTION}{connection}"),
        );
        is_tag_value(&text).then_some(text)
    }

    /// Reads what [`Self::to_tag`] wrote.
    pub(crate) fn from_tag(text: &str) -> Option<Self> {
        if let Some(connection) = text.strip_prefix(CONNECTION) {
            return Some(Self {
                connection: Some(connection.to_owned()),
                upstreams: Vec::new(),
            });
        }
        let names = text.strip_prefix(UPSTREAMS)?.split('/').filter(|name| !name.is_empty());
        Some(Self {
            connection: None,
            upstreams: names.map(|name| name.parse().ok()).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tag_holds_is_read_back() {
        for text in ["EXTERNAL=public:npmjs", "UPSTREAMS=a.b/c_d", "UPSTREAMS="] {
            let links = FormerLinks::from_tag(text).expect("links");
            assert_eq!(links.to_tag().as_deref(), Some(text));
        }
        assert_eq!(FormerLinks::from_tag("nonsense"), None);
    }

    #[test]
    fn more_upstreams_than_fit_in_a_tag_are_not_written() {
        let name = |n: u8| format!("{}{n}", "r".repeat(60)).parse().expect("a name");
        let links = FormerLinks {
            connection: None,
            upstreams: (0..9).map(name).collect(),
        };
        assert_eq!(links.to_tag(), None);
    }
}
