//! The system's TLS roots from one bundle, which is how Amazon Linux keeps them.
//!
//! The platform's verifier takes some forty steps for each byte of it, which was most of a start.

use std::fs;
use std::path::Path;

use base64_simd::forgiving_decode_to_vec;
use memchr::memchr;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The roots of a bundle; none if there is no such file, or if it is not plainly one certificate after another.
pub(super) fn read(bundle: &Path) -> Option<RootCertStore> {
    roots_in(&fs::read(bundle).ok()?)
}

fn roots_in(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Some systems have roots that no verifier here understands.
    roots.add_parsable_certificates(certificates(pem)?);
    Some(roots).filter(|roots| !roots.is_empty())
}

/// The certificates of a PEM file, whatever is between them: none if what is in one is not Base64 and nothing else.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let mut found = Vec::new();
    let mut rest = pem;
    // No hyphen is in Base64.
    while let Some(hyphen) = memchr(b'-', rest) {
        rest = &rest[hyphen..];
        let Some(after) = rest.strip_prefix(BEGIN) else {
            rest = &rest[1..];
            continue;
        };
        let (encoded, ended) = after.split_at(memchr(b'-', after)?);
        rest = ended.strip_prefix(END)?;
        found.push(decoded(encoded)?.into());
    }
    Some(found)
}

/// The lines are joined first: white space that is found by the decoder takes five times as many steps.
fn decoded(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut joined = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(end) = memchr(b'\n', rest) {
        joined.extend_from_slice(rest[..end].trim_ascii());
        rest = &rest[end + 1..];
    }
    joined.extend_from_slice(rest.trim_ascii());
    forgiving_decode_to_vec(&joined).ok()
}

#[cfg(test)]
mod tests {
    use codeartifact_emulator::Identity;

    use super::*;

    fn of(pem: &str) -> Option<Vec<Vec<u8>>> {
        let found = certificates(pem.as_bytes())?;
        Some(found.iter().map(|certificate| certificate.to_vec()).collect())
    }

    #[test]
    fn the_certificates_of_a_bundle_are_found_whatever_is_between_them() {
        let bundle = "# AC RAIZ FNMT-RCM\r\n-----BEGIN CERTIFICATE-----\r\nb25l\r\nLXR3bw==\r\n-----END CERTIFICATE-----\r\n\
            -----BEGIN TRUSTED CERTIFICATE-----\nb25l\n-----END TRUSTED CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\ndGhyZWU=\n-----END CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\nZm91c\ng==\n-----END CERTIFICATE-----";

        let expected = [&b"one-two"[..], b"three", b"four"];
        assert_eq!(of(bundle), Some(expected.map(<[u8]>::to_vec).to_vec()));
        assert_eq!(of(""), Some(vec![]));
    }

    #[test]
    fn a_bundle_that_is_cut_off_or_no_base64_is_left_to_the_platforms_verifier() {
        for broken in [
            "-----BEGIN CERTIFICATE-----\nb25l\n",
            "-----BEGIN CERTIFICATE-----\nb25l\n-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nb2*5\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(of(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_root_that_cannot_be_understood_is_passed_over() {
        let root = Identity::generate().expect("an identity").root;
        let bundle = format!("-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n{root}");

        assert_eq!(roots_in(bundle.as_bytes()).map(|roots| roots.len()), Some(1));
    }

    #[test]
    fn a_bundle_without_roots_is_none() {
        assert!(read(Path::new("no/such/file")).is_none());
        assert!(read(Path::new("Cargo.toml")).is_none());
    }
}
