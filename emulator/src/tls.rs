//! TLS: certificates of its own making, and a count of the handshakes, full and resumed.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::Ticketer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{HandshakeKind, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Who a server on this machine claims to be, and who vouches for it, as PEM.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The certificate that a client has to trust.
    pub root: String,
    /// The server's certificate, for `localhost` and 127.0.0.1, and that of the authority between it and the root.
    pub chain: String,
    /// The server's private key.
    pub key: String,
}

/// The handshakes that came to their end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Handshakes {
    /// With certificates.
    pub full: u64,
    /// Of sessions that were known.
    pub resumed: u64,
}

impl Identity {
    /// A new one, with a chain of RSA keys as the service's endpoints have it: what it costs a client is theirs.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn generate() -> io::Result<Self> {
        Self::signed().map_err(io::Error::other)
    }

    fn signed() -> Result<Self, rcgen::Error> {
        let root = CertifiedIssuer::self_signed(authority("root")?, key_pair()?)?;
        let between = CertifiedIssuer::signed_by(authority("between")?, key_pair()?, &root)?;
        let key = key_pair()?;
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let own = CertificateParams::new(names)?.signed_by(&key, &between)?;
        Ok(Self {
            root: root.pem(),
            chain: own.pem() + &between.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn key_pair() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
}

fn authority(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = format!("codeartifact-emulator {name}");
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

impl Handshakes {
    /// Counts the one of a connection.
    pub(crate) fn count(&mut self, stream: &TlsStream<TcpStream>) {
        match stream.get_ref().1.handshake_kind() {
            Some(HandshakeKind::Resumed) => self.resumed += 1,
            _ => self.full += 1,
        }
    }
}

/// Accepts connections over TLS.
#[derive(Clone)]
pub(crate) struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// With tickets that any server of the service's could take, as a fleet gives them: not kept in memory.
    pub(crate) fn new(identity: &Identity) -> io::Result<Self> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(identity.chain.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(io::Error::other)?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain.map_err(io::Error::other)?, key);
        let mut config = config.map_err(io::Error::other)?;
        config.ticketer = Ticketer::new().map_err(io::Error::other)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}
