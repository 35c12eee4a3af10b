//! Histories: what happens to a few stacks in two domains, as data. What a step means is decided when its turn
//! comes, so that a history keeps its sense when steps are left out of it.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::shared::lag::KINDS;

/// What happens, one after the other, in a service with these habits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct History {
    pub(super) habits: Habits,
    pub(super) steps: Vec<Step>,
}

/// What the service does in more than one way, and whether strangers were there first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Habits {
    /// So many Deletes of an emptied domain are still refused.
    pub(super) not_empty_lag: u32,
    /// A new domain is not active for so many looks.
    pub(super) pending: u32,
    /// Lists come in pages of so many.
    pub(super) page: Option<usize>,
    /// An upstream cannot be deleted while it is linked.
    pub(super) upstreams_are_held: bool,
    /// The first domain is a stranger's, and has repositories to link to.
    pub(super) furnished: bool,
    /// What is seen late.
    pub(super) late: Late,
}

/// What is seen late, by its number among the kinds of lag, and how late.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Late {
    pub(super) kinds: Vec<usize>,
    /// Not before so many seconds.
    pub(super) seconds: u64,
    /// Not to so many looks.
    pub(super) looks: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Step {
    /// CloudFormation asks for one thing and sees it through, its rollback and clean-up included.
    Ask(Ask),
    /// Two stacks at the same time.
    Together(Ask, Ask, Option<Held>),
    /// A Create that is cancelled while it waits at a call.
    Cancel(usize, Box<Shape>, u8),
    /// Someone changes something.
    Foreign(Foreign),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) stack: usize,
    pub(super) what: What,
    #[serde(default)]
    pub(super) trouble: Option<Trouble>,
    /// The same request comes twice.
    #[serde(default)]
    pub(super) twice: Option<Twice>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum What {
    /// Create, or Update where the stack is there.
    Deploy(Box<Shape>),
    /// The properties it has with one thing changed; nothing where the stack is not there.
    Change(Change),
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Twice {
    InSequence,
    AtOnce,
}

/// What goes wrong while a request is worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Trouble {
    /// Something that passes: the work must come to the same end.
    Passing { effect: Passing, after: u8 },
    /// Something that stays until the answer, or `through` what follows from it.
    Lasting {
        effect: Lasting,
        on: Option<usize>,
        after: u8,
        #[serde(default)]
        through: bool,
    },
    /// The process dies at a call, before or after its effect, and Lambda delivers again.
    Killed { after: u8, effect: Side },
    /// Someone changes something while a call is under way.
    Meanwhile(Held, Foreign),
    /// A right is missing, on everything or on what has one of a few names.
    Denied {
        operation: usize,
        about: Option<usize>,
        lasts: Lasts,
    },
    /// IAM does not know those whom policies name, for so many seconds or for good.
    Unknown(Option<u64>),
}

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Lasts {
    /// Until the answer.
    Event,
    /// Until the next answer too: a rollback runs with the rights that made the attempt fail.
    Rollback,
    /// Until all is done that follows from it.
    Step,
}

/// A call that waits for what else happens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) after: u8,
    pub(super) side: Side,
    /// Only writes wait.
    #[serde(default)]
    pub(super) on: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Side {
    Before,
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Passing {
    Throttle,
    Internal,
    ResetBefore,
    ResetAfter,
    KeyNotVisible,
    NotEmptyYet,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Lasting {
    AccessDenied,
    Quota,
    Throttle,
    Internal,
    ResetBefore,
    ResetAfter,
    DeniedOnce,
}

/// The writes, by which a fault may be aimed.
pub(super) const WRITES: [&str; 15] = [
    "CreateDomain",
    "CreateRepository",
    "AssociateExternalConnection",
    "UpdateRepository",
    "PutRepositoryPermissionsPolicy",
    "PutDomainPermissionsPolicy",
    "TagResource",
    "UntagResource",
    "DeleteRepository",
    "DisassociateExternalConnection",
    "DeleteDomainPermissionsPolicy",
    "DeleteRepositoryPermissionsPolicy",
    "DeleteDomain",
    "CreatePackageGroup",
    "UpdatePackageGroupOriginConfiguration",
];

/// What a missing right may be to, beside the writes.
pub(super) const READS: [&str; 10] = [
    "DescribeDomain",
    "DescribeRepository",
    "ListTagsForResource",
    "ListRepositoriesInDomain",
    "ListPackages",
    "GetDomainPermissionsPolicy",
    "GetRepositoryPermissionsPolicy",
    "GetRepositoryEndpoint",
    "DescribePackageGroup",
    "ListAllowedRepositoriesForGroup",
];

/// What a missing right may be on, by a part of its name.
pub(super) const ABOUT: [&str; 7] = [
    "alpha",
    "beta",
    "-upstream",
    "tools",
    "domain/",
    "other-pkgs",
    "payments",
];

/// Properties, each by a choice among a few.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Shape {
    pub(super) domain: u8,
    pub(super) repository: u8,
    pub(super) description: u8,
    pub(super) connection: Connection,
    pub(super) upstreams: Vec<u8>,
    pub(super) repository_policy: u8,
    pub(super) domain_policy: u8,
    pub(super) tags: u8,
    pub(super) formats: bool,
    pub(super) adopt: bool,
    pub(super) mode: u8,
    pub(super) internal: Vec<u8>,
    pub(super) spoilt: Option<Spoilt>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Connection {
    #[default]
    None,
    One(u8),
    List(Vec<u8>),
}

impl Shape {
    pub(super) fn is_named_as(&self, other: &Self) -> bool {
        (self.domain, self.repository) == (other.domain, other.repository)
    }
}

/// What is wrong with properties.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Spoilt {
    Unknown,
    NoKey,
    OwnProxyUpstream,
    OtherKey,
    MissingUpstream,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Change {
    Nothing,
    Domain(u8),
    Repository(u8),
    Description(u8),
    Connection(Connection),
    Upstreams(Vec<u8>),
    RepositoryPolicy(u8),
    DomainPolicy(u8),
    Tags(u8),
    Formats(bool),
    Adopt(bool),
    Mode(u8),
    Internal(Vec<u8>),
    Spoilt(Option<Spoilt>),
}

impl Change {
    pub(super) fn on(&self, shape: &Shape) -> Shape {
        let mut shape = Shape {
            spoilt: None,
            ..shape.clone()
        };
        match self.clone() {
            Self::Nothing => {}
            Self::Domain(to) => shape.domain = to,
            Self::Repository(to) => shape.repository = to,
            Self::Description(to) => shape.description = to,
            Self::Connection(to) => shape.connection = to,
            Self::Upstreams(to) => shape.upstreams = to,
            Self::RepositoryPolicy(to) => shape.repository_policy = to,
            Self::DomainPolicy(to) => shape.domain_policy = to,
            Self::Tags(to) => shape.tags = to,
            Self::Formats(to) => shape.formats = to,
            Self::Adopt(to) => shape.adopt = to,
            Self::Mode(to) => shape.mode = to,
            Self::Internal(to) => shape.internal = to,
            Self::Spoilt(to) => shape.spoilt = to,
        }
        shape
    }
}

/// What someone else does. A number chooses among what is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Foreign {
    MakeDomain(u8),
    MakeRepository {
        domain: u8,
        name: u8,
    },
    DeleteRepository(usize),
    RecreateRepository(usize),
    Describe(usize),
    /// Leaves out so many of its upstreams, from the first.
    Unlink(usize, usize),
    Reverse(usize),
    Disconnect(usize),
    PutRepositoryPolicy(usize),
    DeleteRepositoryPolicy(usize),
    PutDomainPolicy(usize),
    DeleteDomainPolicy(usize),
    Tag(usize),
    ChangeTag(usize),
    TagDomain(usize),
    /// Takes away the owner's tags, or half of them.
    Strip(usize, Half),
    Seize(usize),
    StripDomain(usize),
    StripMark(usize),
    Publish(usize),
    ChangeGroup(usize),
    StripGroup(usize),
    DeleteGroup(usize),
    MakeGroup {
        domain: usize,
        pattern: u8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Half {
    Both,
    StackId,
    LogicalId,
}

pub(super) const STACKS: usize = 3;

pub(super) fn histories() -> impl Strategy<Value = History> {
    (habits(), prop::collection::vec(step(), 1..14)).prop_map(|(mut habits, steps)| {
        // What is denied or not answered is no look: what is seen only after so many looks would never be seen, as no
        // service has it.
        if habits.late.looks > 0 && steps.iter().any(Step::hides_looks) {
            habits.late.seconds = u64::from(std::mem::take(&mut habits.late.looks));
        }
        History { habits, steps }
    })
}

impl Step {
    /// Whether looks are denied in it, or not answered.
    fn hides_looks(&self) -> bool {
        let Self::Ask(ask) = self else {
            return false;
        };
        match ask.trouble {
            Some(Trouble::Denied { operation, .. }) => operation >= WRITES.len(),
            Some(Trouble::Lasting {
                effect: Lasting::AccessDenied | Lasting::Throttle | Lasting::Internal | Lasting::ResetBefore,
                on,
                ..
            }) => on.is_none(),
            _ => false,
        }
    }
}

fn habits() -> impl Strategy<Value = Habits> {
    (
        prop_oneof![4 => Just(0), 1 => 1..3_u32],
        prop_oneof![6 => Just(0), 1 => 1..3_u32],
        prop_oneof![4 => Just(None), 1 => (1..4_usize).prop_map(Some)],
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.4),
        late(),
    )
        .prop_map(
            |(not_empty_lag, pending, page, upstreams_are_held, furnished, late)| Habits {
                not_empty_lag,
                pending,
                page,
                upstreams_are_held,
                furnished,
                late,
            },
        )
}

fn late() -> impl Strategy<Value = Late> {
    let kinds = prop_oneof![
        1 => Just((0..KINDS.len()).collect::<Vec<_>>()),
        2 => prop::collection::vec(0..KINDS.len(), 1..4),
    ];
    let how_late = prop_oneof![
        3 => prop_oneof![Just(1_u64), Just(2), Just(6)].prop_map(|seconds| (seconds, 0)),
        1 => (1..4_u32).prop_map(|looks| (0, looks)),
    ];
    prop_oneof![
        3 => Just(Late::default()),
        2 => (kinds, how_late).prop_map(|(kinds, (seconds, looks))| Late { kinds, seconds, looks }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => ask(true).prop_map(Step::Ask),
        15 => (ask(false), ask(false), prop::option::weighted(0.7, held()))
            .prop_map(|(one, other, held)| Step::Together(one, other, held)),
        1 => (0..STACKS, shape(), 0..30_u8).prop_map(|(stack, shape, after)| Step::Cancel(stack, Box::new(shape), after)),
        35 => foreign().prop_map(Step::Foreign),
    ]
}

fn ask(alone: bool) -> impl Strategy<Value = Ask> {
    let trouble = if alone {
        prop_oneof![5 => Just(None), 4 => trouble().prop_map(Some)].boxed()
    } else {
        Just(None).boxed()
    };
    let twice = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Twice::InSequence)),
        1 => Just(Some(Twice::AtOnce)),
    ];
    (0..STACKS, what(), trouble, twice).prop_map(|(stack, what, trouble, twice)| Ask {
        stack,
        what,
        // Two deliveries share what goes wrong: which of them it strikes is nobody's to say.
        twice: twice.filter(|_| {
            !matches!(
                trouble,
                Some(
                    Trouble::Lasting { .. } | Trouble::Meanwhile(..) | Trouble::Denied { .. } | Trouble::Unknown(None)
                )
            )
        }),
        trouble,
    })
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        5 => shape().prop_map(|shape| What::Deploy(Box::new(shape))),
        5 => change().prop_map(What::Change),
        2 => Just(What::Delete),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Before), Just(Side::After)]
}

fn held() -> impl Strategy<Value = Held> {
    (0..25_u8, side(), prop::option::of(0..WRITES.len())).prop_map(|(after, side, on)| Held {
        after: if on.is_some() { after % 4 } else { after },
        side,
        on,
    })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let passing = prop_oneof![
        1 => Just(Passing::Throttle),
        1 => Just(Passing::Internal),
        1 => Just(Passing::ResetBefore),
        2 => Just(Passing::ResetAfter),
        1 => Just(Passing::KeyNotVisible),
        1 => Just(Passing::NotEmptyYet),
    ];
    let lasting = prop_oneof![
        1 => Just(Lasting::AccessDenied),
        1 => Just(Lasting::Quota),
        1 => Just(Lasting::Throttle),
        1 => Just(Lasting::Internal),
        1 => Just(Lasting::ResetBefore),
        1 => Just(Lasting::ResetAfter),
        2 => Just(Lasting::DeniedOnce),
    ];
    prop_oneof![
        3 => (passing, 0..40_u8).prop_map(|(effect, after)| Trouble::Passing { effect, after }),
        4 => (lasting, prop::option::weighted(0.7, 0..WRITES.len()), 0..30_u8, prop::bool::weighted(0.3)).prop_map(
            |(effect, on, after, through)| {
                let after = if on.is_some() { after % 3 } else { after };
                Trouble::Lasting { effect, on, after, through }
            }
        ),
        2 => (0..40_u8, side()).prop_map(|(after, effect)| Trouble::Killed { after, effect }),
        2 => (held(), foreign()).prop_map(|(held, foreign)| Trouble::Meanwhile(held, foreign)),
        4 => denied(),
        1 => prop_oneof![3 => (1..25_u64).prop_map(Some), 1 => Just(None)].prop_map(Trouble::Unknown),
    ]
}

fn denied() -> impl Strategy<Value = Trouble> {
    let about = prop::option::weighted(0.6, 0..ABOUT.len());
    let lasts = prop_oneof![Just(Lasts::Event), Just(Lasts::Rollback), Just(Lasts::Step)];
    (0..WRITES.len() + READS.len(), about, lasts).prop_map(|(operation, about, lasts)| Trouble::Denied {
        operation,
        about,
        lasts,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let places = (
        prop_oneof![4 => Just(0_u8), 1 => Just(1)],
        prop_oneof![9 => Just(0_u8), 2 => 1..3_u8, 1 => Just(3)],
        0..3_u8,
    );
    let links = (
        connection(),
        prop_oneof![4 => Just(vec![]), 1 => prop::collection::vec(0..2_u8, 1..3)],
    );
    let policies = (
        prop_oneof![2 => Just(0_u8), 3 => 1..4_u8],
        prop_oneof![3 => Just(0_u8), 2 => 1..3_u8],
        0..3_u8,
    );
    let flags = (
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop_oneof![4 => Just(0_u8), 1 => 1..3_u8],
    );
    let internal = prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(0..2_u8, 1..3)];
    let rest = (internal, prop::option::weighted(0.05, spoilt()));
    (places, links, policies, flags, rest).prop_map(|(places, links, policies, flags, rest)| Shape {
        domain: places.0,
        repository: places.1,
        description: places.2,
        connection: links.0,
        upstreams: links.1,
        repository_policy: policies.0,
        domain_policy: policies.1,
        tags: policies.2,
        formats: flags.0,
        adopt: flags.1,
        mode: flags.2,
        internal: rest.0,
        spoilt: rest.1,
    })
}

fn spoilt() -> impl Strategy<Value = Spoilt> {
    prop_oneof![
        1 => Just(Spoilt::Unknown),
        1 => Just(Spoilt::NoKey),
        1 => Just(Spoilt::OwnProxyUpstream),
        1 => Just(Spoilt::OtherKey),
        3 => Just(Spoilt::MissingUpstream),
    ]
}

fn connection() -> impl Strategy<Value = Connection> {
    prop_oneof![
        2 => Just(Connection::None),
        3 => (0..2_u8).prop_map(Connection::One),
        2 => prop::collection::vec(0..3_u8, 1..3).prop_map(Connection::List),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Nothing),
        1 => (0..2_u8).prop_map(Change::Domain),
        3 => prop_oneof![3 => 0..3_u8, 1 => Just(3)].prop_map(Change::Repository),
        1 => (0..3_u8).prop_map(Change::Description),
        3 => connection().prop_map(Change::Connection),
        1 => prop::collection::vec(0..2_u8, 0..3).prop_map(Change::Upstreams),
        2 => (0..4_u8).prop_map(Change::RepositoryPolicy),
        2 => (0..3_u8).prop_map(Change::DomainPolicy),
        2 => (0..3_u8).prop_map(Change::Tags),
        1 => any::<bool>().prop_map(Change::Formats),
        1 => any::<bool>().prop_map(Change::Adopt),
        1 => (0..3_u8).prop_map(Change::Mode),
        1 => prop::collection::vec(0..2_u8, 0..3).prop_map(Change::Internal),
        1 => spoilt().prop_map(|spoilt| Change::Spoilt(Some(spoilt))),
    ]
}

fn foreign() -> impl Strategy<Value = Foreign> {
    let nth = 0..12_usize;
    prop_oneof![
        1 => (0..2_u8).prop_map(Foreign::MakeDomain),
        3 => (prop_oneof![4 => Just(0_u8), 1 => Just(1)], 0..8_u8)
            .prop_map(|(domain, name)| Foreign::MakeRepository { domain, name }),
        2 => nth.clone().prop_map(Foreign::DeleteRepository),
        2 => nth.clone().prop_map(Foreign::RecreateRepository),
        1 => nth.clone().prop_map(Foreign::Describe),
        1 => (nth.clone(), 0..3_usize).prop_map(|(nth, kept)| Foreign::Unlink(nth, kept)),
        1 => nth.clone().prop_map(Foreign::Reverse),
        1 => nth.clone().prop_map(Foreign::Disconnect),
        1 => nth.clone().prop_map(Foreign::PutRepositoryPolicy),
        1 => nth.clone().prop_map(Foreign::DeleteRepositoryPolicy),
        1 => nth.clone().prop_map(Foreign::PutDomainPolicy),
        1 => nth.clone().prop_map(Foreign::DeleteDomainPolicy),
        1 => nth.clone().prop_map(Foreign::Tag),
        1 => nth.clone().prop_map(Foreign::ChangeTag),
        1 => nth.clone().prop_map(Foreign::TagDomain),
        2 => (nth.clone(), prop_oneof![Just(Half::Both), Just(Half::StackId), Just(Half::LogicalId)])
            .prop_map(|(nth, half)| Foreign::Strip(nth, half)),
        1 => nth.clone().prop_map(Foreign::Seize),
        1 => nth.clone().prop_map(Foreign::StripDomain),
        1 => nth.clone().prop_map(Foreign::StripMark),
        2 => nth.clone().prop_map(Foreign::Publish),
        1 => nth.clone().prop_map(Foreign::ChangeGroup),
        1 => nth.clone().prop_map(Foreign::StripGroup),
        1 => nth.prop_map(Foreign::DeleteGroup),
        1 => (0..2_usize, 0..2_u8).prop_map(|(domain, pattern)| Foreign::MakeGroup { domain, pattern }),
    ]
}
