//! Where the function is deployed, as far as it can tell.

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:codeartifact-stack";
pub(crate) const LOG_GROUP: &str = "/aws/lambda/codeartifact-stack";
pub(crate) const LOG_STREAM: &str = "2026/11/23/[$LATEST]c0de4a7f1fac7000";
