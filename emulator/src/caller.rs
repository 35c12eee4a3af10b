//! Who calls: the signature's shape, its scope, and the principal behind the access key.

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use sha2::{Digest, Sha256};

use crate::arn::Place;
use crate::error::ServiceError;
use crate::model::read_query;
use crate::options::{Options, Principal, Settings};

/// The principal behind a call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) principal: Principal,
}

impl Caller {
    /// The principal an access key id stands for: a configured one, the root of the account
    /// whose number it is, or the root of the default account.
    pub(crate) fn of(access_key: &str, options: &Options, settings: &Settings, place: &Place) -> Self {
        if let Some(principal) = settings.principals.get(access_key) {
            let account = principal.arn.split(':').nth(4).unwrap_or_default().to_owned();
            return Self {
                account,
                principal: principal.clone(),
            };
        }
        let is_account = access_key.len() == 12 && access_key.bytes().all(|byte| byte.is_ascii_digit());
        let account = if is_account { access_key } else { &options.account };
        Self {
            account: account.to_owned(),
            principal: Principal {
                arn: format!("arn:{}:iam::{account}:root", place.partition()),
                policy: None,
                organization: None,
            },
        }
    }
}

/// A parsed `Authorization` header.
pub(crate) struct Signature<'a> {
    pub(crate) access_key: &'a str,
    scope: &'a str,
    date: &'a str,
    region: &'a str,
    signed: Vec<&'a str>,
    proof: &'a str,
}

fn incomplete(what: &str) -> ServiceError {
    ServiceError::new(403, "IncompleteSignatureException", what)
}

fn invalid(what: impl Into<String>) -> ServiceError {
    ServiceError::new(403, "InvalidSignatureException", what)
}

impl<'a> Signature<'a> {
    /// Reads the header and holds it to the Signature Version 4 form and to this service and
    /// region.
    pub(crate) fn read(headers: &'a HeaderMap, place: &Place) -> Result<Self, ServiceError> {
        let header = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| {
                ServiceError::new(
                    403,
                    "MissingAuthenticationTokenException",
                    "Missing Authentication Token",
                )
            })?;
        let signature = Self::parse(header)?;
        signature.check_scope(place)?;
        signature.check_headers(headers)?;
        Ok(signature)
    }

    fn parse(header: &'a str) -> Result<Self, ServiceError> {
        let rest = header
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or_else(|| incomplete("Authorization header must use AWS4-HMAC-SHA256"))?;
        let part = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter")))
        };
        let (access_key, scope) = part("Credential")?
            .split_once('/')
            .ok_or_else(|| incomplete("Credential must have a scope"))?;
        let fields: Vec<&str> = scope.split('/').collect();
        let [date, region, service, "aws4_request"] = fields[..] else {
            return Err(incomplete("Credential must have exactly 5 slash-delimited elements"));
        };
        let proof = part("Signature")?;
        if proof.len() != 64 || !proof.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid("The request signature does not have the form of one"));
        }
        if service != "codeartifact" {
            return Err(invalid(
                "Credential should be scoped to correct service: 'codeartifact'.",
            ));
        }
        let signed = part("SignedHeaders")?.split(';').collect();
        Ok(Self {
            access_key,
            scope,
            date,
            region,
            signed,
            proof,
        })
    }

    fn check_scope(&self, place: &Place) -> Result<(), ServiceError> {
        if self.access_key.is_empty() {
            return Err(incomplete("Credential must name an access key"));
        }
        if self.region != place.region {
            return Err(invalid(format!(
                "Credential should be scoped to a valid region: '{}'.",
                place.region
            )));
        }
        Ok(())
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), ServiceError> {
        let date = headers
            .get("x-amz-date")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| incomplete("Authorization header requires existence of a 'X-Amz-Date' header"))?;
        let bytes = date.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' || !date.starts_with(self.date) {
            return Err(invalid("Date in Credential scope does not match the one in X-Amz-Date"));
        }
        let must_sign = ["host", "x-amz-date", "x-amz-security-token"];
        for name in must_sign
            .iter()
            .filter(|name| **name == "host" || headers.contains_key(**name))
        {
            if !self.signed.contains(name) {
                return Err(invalid(format!("'{name}' must be a signed header")));
            }
        }
        Ok(())
    }

    /// Computes the signature anew from a known secret and compares.
    pub(crate) fn verify(&self, request: &Signed<'_>, secret: &str) -> Result<(), ServiceError> {
        let canonical = request.canonical(&self.signed);
        let date = request.header("x-amz-date");
        let hashed = hex(&Sha256::digest(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{}\n{hashed}", self.scope);
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in self.scope.split('/') {
            key = mac(&key, part);
        }
        if hex(&mac(&key, &to_sign)) == self.proof {
            Ok(())
        } else {
            Err(invalid(
                "The request signature we calculated does not match the signature you provided.",
            ))
        }
    }
}

/// The parts of a request that a signature covers.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Signed<'_> {
    fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name);
        let texts = values.iter().filter_map(|value| value.to_str().ok());
        texts
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(",")
    }

    fn canonical(&self, signed: &[&str]) -> String {
        let mut query: Vec<(String, String)> = read_query(self.query)
            .into_iter()
            .map(|(name, value)| (encode(&name), encode(&value)))
            .collect();
        // By name first: `domain` comes before `domain-owner`, though `-` comes before `=`.
        query.sort_unstable();
        let query: Vec<String> = query
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let lines: Vec<String> = signed
            .iter()
            .map(|name| format!("{name}:{}", self.header(name)))
            .collect();
        let headers = lines.join("\n");
        let hash = match self.header("x-amz-content-sha256") {
            hash if hash.is_empty() => hex(&Sha256::digest(self.body)),
            hash => hash,
        };
        format!(
            "{}\n{}\n{}\n{headers}\n\n{}\n{hash}",
            self.method,
            self.path,
            query.join("&"),
            signed.join(";")
        )
    }
}

/// Percent-encodes all but what RFC 3986 leaves unreserved, as Signature Version 4 wants it.
fn encode(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    percent_encoding::utf8_percent_encode(text, RESERVED).to_string()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes a key of any length, so the error can't occur.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Bytes in small hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
