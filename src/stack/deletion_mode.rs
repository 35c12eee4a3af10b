//! `DeletionMode`: what becomes of a stack's repositories.

use super::choice_type;

choice_type! {
    /// What happens to the repositories of a stack that is deleted or replaced.
    #[derive(Default)]
    pub(crate) DeletionMode,
    /// They are deleted.
    Delete = "Delete",
    /// They are deleted if the primary repository holds no package and no neighbour's repository has them as an upstream.
    #[default]
    RetainIfNotEmpty = "RetainIfNotEmpty",
    /// They stay, without an owner.
    Retain = "Retain",
}
