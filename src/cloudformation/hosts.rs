//! Where answers may be sent: a `ResponseURL` comes in an event, and an event may come from anyone.

use std::fmt;

use url::Url;

/// The patterns a host must match if none are given.
pub const DEFAULT_PATTERNS: &str = "*.amazonaws.com,*.amazonaws.com.cn";

/// The hosts that may be answered.
#[derive(Clone, Debug)]
pub struct AllowedHosts(Vec<Pattern>);

/// One pattern: `[http://]HOST[:PORT]`, where HOST may begin with `*.` and PORT may be `*`.
#[derive(Clone, Debug)]
struct Pattern {
    scheme: &'static str,
    host: Host,
    port: Port,
}

#[derive(Clone, Debug)]
enum Host {
    Exactly(String),
    /// Any name below this one.
    Below(String),
}

#[derive(Clone, Copy, Debug)]
enum Port {
    Default,
    Exactly(u16),
    Any,
}

/// A pattern that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "RESPONSE_URL_ALLOWED_HOSTS has the pattern {pattern:?}, which {why}; a pattern is [http://]HOST[:PORT], \
     where HOST may begin with *. and PORT may be *, such as *.amazonaws.com or http://127.0.0.1:*"
)]
pub struct BadPattern {
    pattern: String,
    why: &'static str,
}

/// Why a URL may not be written to. The URL itself is never told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusedUrl {
    Unreadable,
    Scheme,
    UserInfo,
    Host,
}

impl fmt::Display for RefusedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable => "it is not a URL, or has characters in it that must be escaped",
            Self::Scheme => "it is not an https URL",
            Self::UserInfo => "it has a user name or password in it",
            Self::Host => "its host matches none of the patterns in RESPONSE_URL_ALLOWED_HOSTS",
        })
    }
}

impl AllowedHosts {
    /// Reads comma-separated patterns.
    ///
    /// # Errors
    /// The first pattern that cannot be understood, or that there is none.
    pub fn parse(patterns: &str) -> Result<Self, BadPattern> {
        let texts: Vec<&str> = patterns
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .collect();
        if texts.is_empty() {
            return Err(BadPattern {
                pattern: patterns.to_owned(),
                why: "names no host",
            });
        }
        texts
            .into_iter()
            .map(Pattern::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The URL, if it may be written to.
    pub(crate) fn check(&self, url: &str) -> Result<Url, RefusedUrl> {
        let is_written_out = url.bytes().all(|byte| byte.is_ascii_graphic());
        let url = Url::parse(url).map_err(|_| RefusedUrl::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RefusedUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RefusedUrl::UserInfo);
        }
        let is_allowed = self.0.iter().any(|pattern| pattern.matches(&url));
        match url.scheme() {
            // The URL library would leave out what is not, or write it otherwise: then it is another URL.
            _ if is_allowed && !is_written_out => Err(RefusedUrl::Unreadable),
            _ if is_allowed => Ok(url),
            "http" if self.0.iter().all(|pattern| pattern.scheme == "https") => Err(RefusedUrl::Scheme),
            _ => Err(RefusedUrl::Host),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, BadPattern> {
        let bad = |why| BadPattern {
            pattern: text.to_owned(),
            why,
        };
        let (scheme, rest) = text
            .strip_prefix("http://")
            .map_or(("https", text), |rest| ("http", rest));
        let rest = if scheme == "https" {
            rest.strip_prefix("https://").unwrap_or(rest)
        } else {
            rest
        };
        let (host, port) = split_port(rest);
        let port = match port {
            None => Port::Default,
            Some("*") => Port::Any,
            Some(number) => number
                .parse()
                .map(Port::Exactly)
                .map_err(|_| bad("has a port that is no number"))?,
        };
        let (name, host_of): (&str, fn(String) -> Host) = match host.strip_prefix("*.") {
            Some(name) => (name, Host::Below),
            None => (host, Host::Exactly),
        };
        if name.contains('*') {
            return Err(bad("has a * elsewhere than at the beginning, before a dot"));
        }
        let is_address = name.starts_with('[');
        if !is_address && name.split('.').any(|label| label.is_empty() || label.starts_with('-')) {
            return Err(bad("has a host with an empty part, or one that begins with -"));
        }
        if name.chars().any(|char| char.is_whitespace() || char.is_control()) {
            return Err(bad("has white space in it"));
        }
        // The URL library's own reading of a host, so that both sides are written alike.
        let read = Url::parse(&format!("{scheme}://{name}/")).map_err(|_| bad("has no host that could be one"))?;
        let is_just_host =
            read.path() == "/" && read.query().is_none() && read.fragment().is_none() && read.port().is_none();
        match read.host_str() {
            Some(name) if is_just_host && read.username().is_empty() && !name.is_empty() => Ok(Self {
                scheme,
                host: host_of(name.to_owned()),
                port,
            }),
            _ => Err(bad("has more in it than a host and a port")),
        }
    }

    fn matches(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let matches_host = match &self.host {
            Host::Exactly(name) => host == name,
            Host::Below(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        };
        let matches_port = match self.port {
            // `Url` takes a scheme's own port for none.
            Port::Default => url.port().is_none(),
            Port::Exactly(port) => url.port_or_known_default() == Some(port),
            Port::Any => true,
        };
        url.scheme() == self.scheme && matches_host && matches_port
    }
}

/// The host, and the port if one follows it; the colons in an IPv6 address are the host's own.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &str, url: &str) -> Result<(), RefusedUrl> {
        AllowedHosts::parse(patterns).expect("patterns").check(url).map(|_| ())
    }

    #[test]
    fn look_alikes_of_amazons_hosts_are_refused() {
        for good in [
            "https://cloudformation-custom-resource-response-euc1.s3.eu-central-1.amazonaws.com/arn%3Aaws?X-Amz-Signature=x",
            "https://cloudformation-custom-resource-response-cnn1.s3.cn-north-1.amazonaws.com.cn/x",
            "https://BUCKET.S3.AMAZONAWS.COM/x",
            "https://bucket.s3.amazonaws.com:443/x",
        ] {
            assert_eq!(check(DEFAULT_PATTERNS, good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("https://amazonaws.com.evil.example/x", RefusedUrl::Host),
            ("https://evilamazonaws.com/x", RefusedUrl::Host),
            ("https://amazonaws.com/x", RefusedUrl::Host),
            ("https://.amazonaws.com/x", RefusedUrl::Host),
            ("https://s3.amazonaws.com./x", RefusedUrl::Host),
            ("https://s3.amazonaws.com@evil.example/x", RefusedUrl::UserInfo),
            ("https://user:secret@s3.amazonaws.com/x", RefusedUrl::UserInfo),
            ("https://evil.example/s3.amazonaws.com", RefusedUrl::Host),
            ("https://evil.example?s3.amazonaws.com", RefusedUrl::Host),
            ("https://evil.example#s3.amazonaws.com", RefusedUrl::Host),
            ("https://evil.example\\.s3.amazonaws.com/x", RefusedUrl::Host),
            ("https://s3.amazonaws.com:8443/x", RefusedUrl::Host),
            ("https://127.0.0.1/x", RefusedUrl::Host),
            ("https://[::1]/x", RefusedUrl::Host),
            ("https://s3.xn--bcher-kva.example/x", RefusedUrl::Host),
            ("https://s3.amazоnaws.com/x", RefusedUrl::Host),
            ("http://s3.amazonaws.com/x", RefusedUrl::Scheme),
            ("ftp://s3.amazonaws.com/x", RefusedUrl::Scheme),
            ("file:///etc/passwd", RefusedUrl::Scheme),
            ("//s3.amazonaws.com/x", RefusedUrl::Unreadable),
            ("s3.amazonaws.com/x", RefusedUrl::Unreadable),
            ("", RefusedUrl::Unreadable),
        ] {
            assert_eq!(check(DEFAULT_PATTERNS, bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn plain_http_and_other_ports_are_taken_only_where_a_pattern_says_so() {
        assert_eq!(check("http://127.0.0.1:*", "http://127.0.0.1:4566/x"), Ok(()));
        assert_eq!(
            check("http://127.0.0.1:*", "https://127.0.0.1:4566/x"),
            Err(RefusedUrl::Host)
        );
        assert_eq!(
            check("http://127.0.0.1:*", "http://localhost:4566/x"),
            Err(RefusedUrl::Host)
        );
        assert_eq!(check("http://127.0.0.1:8080", "http://127.0.0.1:8080/x"), Ok(()));
        assert_eq!(
            check("http://127.0.0.1:8080", "http://127.0.0.1:8081/x"),
            Err(RefusedUrl::Host)
        );
        assert_eq!(check("http://[::1]:*", "http://[::1]:4566/x"), Ok(()));
        assert_eq!(
            check(" a.example , b.example:9443 ", "https://b.example:9443/x"),
            Ok(())
        );
        assert_eq!(check("a.example:443", "https://a.example/x"), Ok(()));
    }

    #[test]
    fn a_pattern_that_cannot_be_understood_is_refused_at_the_start() {
        for bad in [
            "",
            " , ",
            "*",
            "*amazonaws.com",
            "a.*.com",
            "a.example/path",
            "a.example:x",
            "a b",
            "user@a.example",
            "http://",
        ] {
            assert!(AllowedHosts::parse(bad).is_err(), "{bad:?}");
        }
    }
}
