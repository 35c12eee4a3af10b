//! What a package group allows: for each kind of origin a mode, and the repositories that the mode names.

use std::collections::{BTreeMap, BTreeSet};

use super::{RepositoryName, is_tag_value};

/// Where a package version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    ExternalUpstream,
    InternalUpstream,
    Publish,
}

impl Origin {
    pub(crate) const ALL: [Self; 3] = [Self::ExternalUpstream, Self::InternalUpstream, Self::Publish];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ExternalUpstream => "EXTERNAL_UPSTREAM",
            Self::InternalUpstream => "INTERNAL_UPSTREAM",
            Self::Publish => "PUBLISH",
        }
    }
}

/// The mode under which an origin allows the repositories it names, and no other.
pub(crate) const ALLOW_SPECIFIC: &str = "ALLOW_SPECIFIC_REPOSITORIES";

/// Changes to lists that one call takes. Source: the official `AWS::CodeArtifact::PackageGroup` handler.
const MOST_CHANGES: usize = 100;

/// The mode of an origin, and the repositories it names if the mode allows specific ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) mode: String,
    pub(crate) repositories: BTreeSet<String>,
}

/// What a package group allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restrictions(pub(crate) BTreeMap<Origin, Allowed>);

/// What one call changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OriginChange {
    pub(crate) modes: BTreeMap<Origin, String>,
    pub(crate) add: BTreeSet<(Origin, String)>,
    pub(crate) remove: BTreeSet<(Origin, String)>,
}

impl Restrictions {
    /// The guard: publishing into the primary alone, nothing from a public registry.
    pub(crate) fn guarding(primary: &RepositoryName) -> Self {
        let allowed = |mode: &str, repositories| Allowed {
            mode: mode.to_owned(),
            repositories,
        };
        let publishers = BTreeSet::from([primary.to_string()]);
        Self(BTreeMap::from([
            (Origin::Publish, allowed(ALLOW_SPECIFIC, publishers)),
            (Origin::ExternalUpstream, allowed("BLOCK", BTreeSet::new())),
            (Origin::InternalUpstream, allowed("ALLOW", BTreeSet::new())),
        ]))
    }

    /// The block: nothing is published, nor read from anywhere that has it not yet.
    pub(crate) fn blocking() -> Self {
        let blocked = || Allowed {
            mode: "BLOCK".to_owned(),
            repositories: BTreeSet::new(),
        };
        Self(Origin::ALL.into_iter().map(|origin| (origin, blocked())).collect())
    }

    /// The repositories that may be published to.
    pub(crate) fn publishers(&self) -> impl Iterator<Item = &str> {
        let publishers = self.0.get(&Origin::Publish).map(|allowed| &allowed.repositories);
        publishers.into_iter().flatten().map(String::as_str)
    }

    /// All repositories that are named.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = &str> {
        let named = self.0.values().flat_map(|allowed| &allowed.repositories);
        named.map(String::as_str)
    }

    /// The same without the repositories that are gone and not on the list `now`: they can't be put on it any more.
    pub(crate) fn without_gone(mut self, now: &Self, is_there: impl Fn(&str) -> bool) -> Self {
        for (origin, allowed) in &mut self.0 {
            let listed = now.0.get(origin).map(|it| &it.repositories);
            let is_listed = |name: &String| listed.is_some_and(|listed| listed.contains(name));
            allowed.repositories.retain(|name| is_there(name) || is_listed(name));
        }
        self
    }

    /// The calls that bring a group from these restrictions to others.
    pub(crate) fn changes_to(&self, wanted: &Self) -> Vec<OriginChange> {
        let (mut modes, mut changes) = (BTreeMap::new(), Vec::new());
        for (&origin, allowed) in &wanted.0 {
            let none = BTreeSet::new();
            let (mode, named) = self
                .0
                .get(&origin)
                .map_or(("", &none), |it| (it.mode.as_str(), &it.repositories));
            if mode != allowed.mode {
                modes.insert(origin, allowed.mode.clone());
            }
            // Only this mode has a list: with another one the list goes by itself (user guide, "Package group
            // origin controls"), and the service refuses to change it.
            if allowed.mode == ALLOW_SPECIFIC {
                let added = allowed.repositories.difference(named);
                let removed = named.difference(&allowed.repositories);
                changes.extend(added.map(|name| (ListChange::Add, origin, name.clone())));
                changes.extend(removed.map(|name| (ListChange::Remove, origin, name.clone())));
            }
        }
        // The first call sets the modes, so that no list is changed before there is one.
        let mut calls = vec![OriginChange {
            modes,
            ..OriginChange::default()
        }];
        for (index, part) in changes.chunks(MOST_CHANGES).enumerate() {
            if index > 0 {
                calls.push(OriginChange::default());
            }
            for (change, origin, name) in part {
                let list = match change {
                    ListChange::Add => &mut calls[index].add,
                    ListChange::Remove => &mut calls[index].remove,
                };
                list.insert((*origin, name.clone()));
            }
        }
        calls.retain(|call| *call != OriginChange::default());
        calls
    }

    /// The restrictions as a tag's value can hold them, `PUBLISH=BLOCK …` with specific repositories after slashes;
    /// nothing if they name too many.
    pub(crate) fn to_tag(&self) -> Option<String> {
        let one = |(origin, allowed): (&Origin, &Allowed)| {
            let named = allowed.repositories.iter().map(|name| format!("/{name}"));
            format!("{}={}{}", origin.as_str(), allowed.mode, named.collect::<String>())
        };
        let text = self.0.iter().map(one).collect::<Vec<_>>().join(" ");
        is_tag_value(&text).then_some(text)
    }

    /// Reads what [`Self::to_tag`] wrote.
    pub(crate) fn from_tag(text: &str) -> Option<Self> {
        let one = |part: &str| {
            let (origin, allowed) = part.split_once('=')?;
            let origin = Origin::ALL.into_iter().find(|known| known.as_str() == origin)?;
            let mut parts = allowed.split('/').map(str::to_owned);
            let mode = parts.next()?;
            let repositories = parts.collect();
            Some((origin, Allowed { mode, repositories }))
        };
        text.split(' ').map(one).collect::<Option<_>>().map(Self)
    }
}

enum ListChange {
    Add,
    Remove,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restrictions(text: &str) -> Restrictions {
        Restrictions::from_tag(text).expect("restrictions")
    }

    fn guard() -> Restrictions {
        Restrictions::guarding(&"team-npm".parse().expect("a name"))
    }

    #[test]
    fn what_a_tag_holds_is_read_back() {
        for text in [
            "EXTERNAL_UPSTREAM=BLOCK INTERNAL_UPSTREAM=ALLOW PUBLISH=ALLOW_SPECIFIC_REPOSITORIES/team-npm",
            "EXTERNAL_UPSTREAM=INHERIT INTERNAL_UPSTREAM=INHERIT PUBLISH=INHERIT",
            "INTERNAL_UPSTREAM=ALLOW_SPECIFIC_REPOSITORIES/a.b/c_d PUBLISH=ALLOW_SPECIFIC_REPOSITORIES",
        ] {
            assert_eq!(restrictions(text).to_tag().as_deref(), Some(text));
        }
        assert_eq!(Restrictions::from_tag("nonsense"), None);
    }

    #[test]
    fn what_does_not_fit_in_a_tags_value_is_not_written() {
        let mut many = guard();
        let publish = many.0.get_mut(&Origin::Publish).expect("publish");
        publish.repositories = (0..4).map(|n| format!("{n}{}", "r".repeat(60))).collect();
        assert_eq!(many.to_tag(), None);
    }

    #[test]
    fn nothing_is_changed_where_nothing_differs() {
        assert_eq!(guard().changes_to(&guard()), []);
    }

    #[test]
    fn a_list_is_changed_only_under_the_mode_that_has_one() {
        let open = restrictions(
            "EXTERNAL_UPSTREAM=ALLOW_SPECIFIC_REPOSITORIES/a/b INTERNAL_UPSTREAM=INHERIT \
             PUBLISH=ALLOW_SPECIFIC_REPOSITORIES/other",
        );
        let name = |name: &str| (Origin::Publish, name.to_owned());
        assert_eq!(
            open.changes_to(&guard()),
            [OriginChange {
                modes: BTreeMap::from([
                    (Origin::ExternalUpstream, "BLOCK".to_owned()),
                    (Origin::InternalUpstream, "ALLOW".to_owned()),
                ]),
                add: BTreeSet::from([name("team-npm")]),
                remove: BTreeSet::from([name("other")]),
            }]
        );
    }

    #[test]
    fn a_call_changes_at_most_a_hundred_entries_and_the_first_sets_the_modes() {
        let mut crowded = guard();
        let publish = crowded.0.get_mut(&Origin::Publish).expect("publish");
        publish.repositories = (0..250).map(|n| format!("r{n}")).collect();
        crowded.0.get_mut(&Origin::InternalUpstream).expect("internal").mode = "BLOCK".to_owned();

        let calls = crowded.changes_to(&guard());

        let sizes: Vec<(usize, usize)> = calls
            .iter()
            .map(|call| (call.modes.len(), call.add.len() + call.remove.len()))
            .collect();
        assert_eq!(sizes, [(1, 100), (0, 100), (0, 51)]);
    }
}
