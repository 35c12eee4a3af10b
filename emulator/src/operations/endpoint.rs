//! Where package managers find a repository, and the token they get in with.

use serde_json::{Value, json};

use super::Context;
use crate::error::ServiceError;
use crate::model::Input;
use crate::state::{DomainKey, Token};

pub(crate) fn get(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, repository) = ctx.repository(input)?;
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
    let domain = ctx.domain_key(input);
    let seconds = input.integer("durationSeconds").unwrap_or(LONGEST);
    let (token, expiration) = ctx.issue_token(domain, seconds)?;
    Ok(json!({ "authorizationToken": token, "expiration": expiration }))
}

/// The longest a token lasts, in seconds.
pub(crate) const LONGEST: i64 = 43_200;

impl Context<'_> {
    /// A token for a domain that is the caller's from now on, and when it expires.
    pub(crate) fn issue_token(&mut self, domain: DomainKey, seconds: i64) -> Result<(String, u64), ServiceError> {
        self.find_domain(&domain)?;
        if (1..900).contains(&seconds) {
            return Err(ServiceError::invalid(
                "durationSeconds must be 0 or between 900 and 43200",
            ));
        }
        // 0 means the caller's own session; the emulator gives every session twelve hours.
        let seconds = u64::try_from(if seconds == 0 { LONGEST } else { seconds }).unwrap_or_default();
        // A token fits into a URL as it is. Source: the user guide, "Configure pip without the login command".
        let text = format!("emulated.{}", self.fresh_token().replace(['/', '+', '='], "-"));
        let expiration = self.now_ms / 1000 + seconds;
        let token = Token {
            caller: self.caller.clone(),
            domain,
            expiration,
        };
        self.world.tokens.insert(text.clone(), token);
        Ok((text, expiration))
    }
}
