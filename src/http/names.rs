//! Names of hosts: looked up once for all the connections of a burst, not once for each.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use tokio::time::Instant;

/// How long addresses are kept: S3 tells resolvers to keep its own as long.
const KEPT: Duration = Duration::from_secs(5);

/// What was looked up lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<Mutex<HashMap<String, Found>>>);

#[derive(Clone, Debug)]
struct Found {
    addresses: Vec<SocketAddr>,
    at: Instant,
}

impl Names {
    /// The addresses of a host, without a port.
    pub(super) async fn look_up(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        if let Some(addresses) = self.known(host) {
            return Ok(addresses);
        }
        let addresses: Vec<_> = lookup_host((host, 0)).await?.collect();
        let found = Found {
            addresses: addresses.clone(),
            at: Instant::now(),
        };
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(host.to_owned(), found);
        Ok(addresses)
    }

    fn known(&self, host: &str) -> Option<Vec<SocketAddr>> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|_, found| found.at.elapsed() < KEPT);
        names.get(host).map(|found| found.addresses.clone())
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let addresses = names.look_up(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
