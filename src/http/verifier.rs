//! Verifies servers by the system's TLS roots, which are read while the first connection is under way.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier as PlatformVerifier;
use tokio::sync::Notify;

use super::roots;

/// rustls' own verifier with the roots of a bundle, or the platform's; made when it is needed for the first time.
#[derive(Debug)]
pub(super) struct Verifier {
    bundle: Option<PathBuf>,
    provider: Arc<CryptoProvider>,
    made: OnceLock<Result<Arc<dyn ServerCertVerifier>, Error>>,
    greets: Notify,
}

impl Verifier {
    pub(super) fn new(bundle: Option<&Path>, provider: Arc<CryptoProvider>) -> Self {
        Self {
            bundle: bundle.map(Path::to_owned),
            provider,
            made: OnceLock::new(),
            greets: Notify::new(),
        }
    }

    /// Waits until the first server is greeted.
    pub(super) async fn greets(&self) {
        self.greets.notified().await;
    }

    /// Makes it now, if it was not made before.
    ///
    /// # Errors
    /// If the system has no roots.
    pub(super) fn make(&self) -> Result<&dyn ServerCertVerifier, Error> {
        let made = self.made.get_or_init(|| {
            let provider = Arc::clone(&self.provider);
            match self.bundle.as_deref().and_then(roots::read) {
                Some(roots) => {
                    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build();
                    Ok(verifier.map_err(|error| Error::General(error.to_string()))?)
                }
                None => Ok(Arc::new(PlatformVerifier::new(provider)?)),
            }
        });
        made.as_deref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.make()?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.make()?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.make()?.verify_tls13_signature(message, certificate, signature)
    }

    /// What a server is greeted with: it does not depend on the roots.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.greets.notify_one();
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
