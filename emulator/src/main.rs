//! `codeartifact-emulator`: the emulator as a process of its own.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use codeartifact_emulator::{Emulator, Identity, Options};
use lexopt::prelude::*;
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
A strict emulator of the AWS CodeArtifact wire protocol, on 127.0.0.1 only.

Prints its URL when it is ready; ends on SIGINT or SIGTERM.

Usage: codeartifact-emulator [OPTION]…

  --port N                 port to listen on (0: a free one)
  --account N              account of callers whose access key id is no account (123456789012)
  --region NAME            region to serve (us-east-1)
  --secret TEXT            verify signatures against this secret access key
  --tls FOLDER             speak TLS, and put the certificate to trust into FOLDER/root.pem, and the server's own
                           with its key into FOLDER/server.pem, for other servers on this machine
  --seed N                 seed of the faults that fire with a probability (0)
  --latency-ms N           every call waits this long
  --reads-per-second N     throttle reads above this rate, per account
  --writes-per-second N    throttle writes above this rate, per account
  --page-size N            cut lists to pages of this size
  --settings JSON          any of the settings, as PUT /_emulator/settings takes them
  -h, --help               print this
";

type Failure = Box<dyn std::error::Error>;

/// Reads the options; nothing where help was asked for.
fn options() -> Result<Option<Options>, Failure> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        let settings = &mut options.settings;
        match argument {
            Long("port") => options.port = parser.value()?.parse()?,
            Long("account") => options.account = parser.value()?.parse()?,
            Long("region") => options.region = parser.value()?.parse()?,
            Long("secret") => options.secret = Some(parser.value()?.parse()?),
            Long("tls") => options.tls = Some(identity(Path::new(&parser.value()?))?),
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("latency-ms") => settings.latency_ms = parser.value()?.parse()?,
            Long("reads-per-second") => settings.reads_per_second = Some(parser.value()?.parse()?),
            Long("writes-per-second") => settings.writes_per_second = Some(parser.value()?.parse()?),
            Long("page-size") => settings.page_size = Some(parser.value()?.parse()?),
            Long("settings") => *settings = serde_json::from_str(&parser.value()?.parse::<String>()?)?,
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some(options))
}

/// A new identity, and what others need of it in a folder.
fn identity(folder: &Path) -> Result<Identity, Failure> {
    let identity = Identity::generate()?;
    fs::write(folder.join("root.pem"), &identity.root)?;
    fs::write(folder.join("server.pem"), identity.chain.clone() + &identity.key)?;
    Ok(identity)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut stdout = std::io::stdout();
    let Some(options) = options()? else {
        stdout.write_all(HELP.as_bytes())?;
        return Ok(());
    };
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let emulator = Emulator::start(options).await?;
    writeln!(stdout, "{}", emulator.url())?;
    stdout.flush()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
