//! Relationships that stay behind when an entity is cloned.

use bevy_ecs::{
    component::ComponentCloneBehavior, relationship::RelationshipCloneBehaviorSpecialization,
};

/// In scope where a relationship is derived, this keeps it, and its target, out of clones.
///
/// Bevy's derive ignores `clone_behavior = Ignore` on a relationship. It calls `default_clone_behavior` of any trait in scope and prefers
/// the one with the fewest dereferences. This trait needs one less than Bevy's own. A test clones every relationship, in case a new
/// version of Bevy changes this.
pub(crate) trait Uncloned {
    fn default_clone_behavior(&self) -> ComponentCloneBehavior {
        ComponentCloneBehavior::Ignore
    }
}

impl<C> Uncloned for &&&&&&RelationshipCloneBehaviorSpecialization<C> {}
