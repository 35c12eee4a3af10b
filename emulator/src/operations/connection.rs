//! External connections.

use serde_json::{Value, json};

use super::{Context, repository};
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::options::{SameConnection, SecondConnection};
use crate::state::{CONNECTIONS, Connection, Repository};

pub(crate) fn associate(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let connection = find(input)?;
    let (_, target) = ctx.repository(input)?;
    refuse_second(ctx, target, connection)?;
    if !target.upstreams.is_empty() {
        let message = "A repository can have upstream repositories or an external connection, not both";
        return Err(ServiceError::validation("OTHER", message));
    }
    ctx.change(input)?;
    ctx.repository_mut(input)?.connections.push(connection);
    let (domain, target) = ctx.repository(input)?;
    Ok(json!({ "repository": repository::description(ctx, domain, target) }))
}

fn find(input: &Input) -> Result<&'static Connection, ServiceError> {
    let name = input.text("externalConnection");
    let known = CONNECTIONS.iter().find(|connection| connection.name == name);
    known.ok_or_else(|| ServiceError::invalid(format!("'{name}' is not an external connection")))
}

fn refuse_second(ctx: &Context<'_>, target: &Repository, wanted: &Connection) -> Result<(), ServiceError> {
    let subject = Subject::repository(&target.arn);
    match target.connections.first() {
        None => Ok(()),
        Some(present) if **present == *wanted => {
            let message = format!("The repository is connected to '{}' already", wanted.name);
            Err(match ctx.settings.same_connection {
                SameConnection::Conflict => ServiceError::conflict(message, subject),
                SameConnection::Validation => ServiceError::validation("OTHER", message),
            })
        }
        Some(_) => {
            // The wording users report (awsdocs/aws-cloudformation-user-guide#1127).
            let message = "ExternalConnections for repositories are currently limited to 1";
            Err(match ctx.settings.second_connection {
                SecondConnection::Validation => ServiceError::validation("OTHER", message),
                SecondConnection::Quota => ServiceError::quota(message, subject),
                SecondConnection::Conflict => ServiceError::conflict(message, subject),
            })
        }
    }
}

pub(crate) fn disassociate(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let connection = find(input)?;
    let (_, target) = ctx.repository(input)?;
    if !target.connections.contains(&connection) {
        let message = format!("The repository is not connected to '{}'", connection.name);
        return Err(ServiceError::not_found(message, Subject::repository(&target.arn)));
    }
    ctx.change(input)?;
    ctx.repository_mut(input)?
        .connections
        .retain(|present| *present != connection);
    let (domain, target) = ctx.repository(input)?;
    Ok(json!({ "repository": repository::description(ctx, domain, target) }))
}
