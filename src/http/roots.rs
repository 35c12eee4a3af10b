//! The system's TLS roots from one bundle, which is how Amazon Linux keeps them.
//!
//! The platform's verifier takes some forty steps for each byte of it, which was most of a start.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use base64_simd::forgiving_decode_to_vec;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The roots of a bundle; none if there is no such file, or if it is not plainly one certificate after another.
pub(super) fn read(bundle: &Path) -> Option<RootCertStore> {
    let roots = roots_in(BufReader::new(File::open(bundle).ok()?)).ok()?;
    Some(roots).filter(|roots| !roots.is_empty())
}

/// Each certificate is done with before the next is read: memory that is touched for the first time is half of a start.
fn roots_in(mut pem: impl BufRead) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    while let Some(certificate) = next_certificate(&mut pem)? {
        // Some systems have roots that no verifier here understands.
        roots.add_parsable_certificates([certificate]);
    }
    Ok(roots)
}

/// The next certificate of a PEM file, whatever is before it. Its lines are joined first: white space that is found by the
/// decoder takes five times as many steps.
///
/// # Errors
/// If it is cut off, or if what is in it is not Base64 and nothing else.
fn next_certificate(pem: &mut impl BufRead) -> io::Result<Option<CertificateDer<'static>>> {
    let (mut line, mut joined, mut is_inside) = (Vec::new(), Vec::new(), false);
    while pem.read_until(b'\n', &mut line)? > 0 {
        match line.trim_ascii() {
            END if is_inside => {
                let decoded = forgiving_decode_to_vec(&joined).map_err(|_| ErrorKind::InvalidData)?;
                return Ok(Some(decoded.into()));
            }
            encoded if is_inside => joined.extend_from_slice(encoded),
            BEGIN => is_inside = true,
            _ => {}
        }
        line.clear();
    }
    if is_inside {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::iter;

    use codeartifact_emulator::Identity;

    use super::*;

    fn of(pem: &str) -> Option<Vec<Vec<u8>>> {
        let mut pem = pem.as_bytes();
        let found = iter::from_fn(|| next_certificate(&mut pem).transpose());
        found.map(|certificate| Some(certificate.ok()?.to_vec())).collect()
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

        assert_eq!(roots_in(bundle.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn a_bundle_without_roots_is_none() {
        assert!(read(Path::new("no/such/file")).is_none());
        assert!(read(Path::new("Cargo.toml")).is_none());
    }
}
