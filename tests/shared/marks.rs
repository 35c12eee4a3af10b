//! The tags that say whose a thing is.

use std::collections::BTreeMap;

use super::cloudformation::Stack;

pub(crate) const STACK_ID: &str = "codeartifact-stack:stack-id";
pub(crate) const LOGICAL_ID: &str = "codeartifact-stack:logical-id";
pub(crate) const ADOPTED: &str = "codeartifact-stack:adopted";
pub(crate) const POLICY_REPOSITORY: &str = "codeartifact-stack:policy-repository";
pub(crate) const FORMER_LINKS: &str = "codeartifact-stack:former-links";
pub(crate) const LINKED: &str = "codeartifact-stack:linked";
pub(crate) const DOWNSTREAMS: &str = "codeartifact-stack:downstreams";
pub(crate) const FORMER_RESTRICTIONS: &str = "codeartifact-stack:former-restrictions";

/// Whether the tags are this stack's.
pub(crate) fn owned_by(tags: &BTreeMap<String, String>, stack: &Stack) -> bool {
    tags.get(STACK_ID) == Some(&stack.stack_id) && tags.get(LOGICAL_ID) == Some(&stack.logical_id)
}

/// Whether any reserved tag is among these, beside the consent to neighbours, which stays on what is released.
pub(crate) fn marked(tags: &BTreeMap<String, String>) -> bool {
    tags.keys()
        .any(|key| key.starts_with("codeartifact-stack:") && key != DOWNSTREAMS)
}
