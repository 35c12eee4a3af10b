//! The log: JSON lines, the fields of an event's span on each line about it.

use std::panic;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, error};
use tracing_subscriber::filter::{FilterFn, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// `info`, except as the directives say otherwise.
fn levels(directives: &str) -> Targets {
    format!("info,{directives}")
        .trim_end_matches(',')
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO))
}

/// Starts the log, with the level that `directives` (the value of `RUST_LOG`) set, `info` if they set none.
///
/// Other crates' lines below a warning are never written: at TRACE they hold raw events, with presigned URLs in
/// them, and signed requests.
pub fn init(directives: &str) {
    let lines = json_subscriber::fmt::layer()
        .with_current_span(false)
        .with_span_list(false)
        .flatten_event(true)
        .flatten_current_span_on_top_level(true);
    let keeps_secrets = FilterFn::new(|line: &Metadata| {
        let target = line.target();
        // The runtime says again of each failure what the event's own line has said.
        let is_repetition = target.starts_with("lambda_runtime::layers");
        target.starts_with(env!("CARGO_CRATE_NAME")) || *line.level() <= LevelFilter::WARN && !is_repetition
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(levels(directives)).with_filter(keeps_secrets))
        .init();
    // The message of a panic may hold anything it was given: the place is enough.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "panic");
    }));
}
