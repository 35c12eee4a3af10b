//! Where package managers find a repository, and the token they get in with.

use serde_json::{Value, json};

use super::Context;
use crate::error::ServiceError;
use crate::model::Input;

pub(crate) fn get(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, repository) = ctx.repository(input, "GetRepositoryEndpoint")?;
    let region = &ctx.place.region;
    let host = format!("{}-{}", domain.name, domain.owner);
    let host = match input.optional("endpointType") {
        // Only the IPv4 name has the part `.d.`, only the other ends in `on.aws`.
        Some("dualstack") => format!("{host}.codeartifact.{region}.on.aws"),
        _ => format!("{host}.d.codeartifact.{region}.{}", ctx.place.dns_suffix()),
    };
    let endpoint = format!("https://{host}/{}/{}/", input.text("format"), repository.name);
    Ok(json!({ "repositoryEndpoint": endpoint }))
}

pub(crate) fn authorization_token(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    ctx.domain(input, "GetAuthorizationToken")?;
    let seconds = input.integer("durationSeconds").unwrap_or(43_200);
    if (1..900).contains(&seconds) {
        return Err(ServiceError::invalid(
            "durationSeconds must be 0 or between 900 and 43200",
        ));
    }
    // 0 means the caller's own session; the emulator gives every session twelve hours.
    let seconds = if seconds == 0 { 43_200 } else { seconds };
    let seconds = u32::try_from(seconds).unwrap_or(43_200);
    let token = format!("emulated.{}", ctx.fresh_token());
    Ok(json!({ "authorizationToken": token, "expiration": (ctx.now() + f64::from(seconds)).floor() }))
}
