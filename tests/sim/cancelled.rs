//! A Create that is cancelled: its Delete comes with an id that CloudFormation made up, perhaps while it is still at work.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::shared::lag;
use crate::shared::marks::marked;
use crate::shared::sample::{DOMAIN, KEY, PROXY, REPOSITORY, domain_policy, full, minimal, neighbour, with};
use crate::shared::{Effect, Fault, contains, same};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_delete_with_a_made_up_id_takes_the_identity_from_the_properties() {
    let (world, stack) = World::with_stack(full()).await;

    let event = stack.cancellation(&full());
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_made_up_id_with_properties_that_are_otherwise_wrong_still_finds_what_is_ours() {
    let (world, stack) = World::with_stack(full()).await;
    let spoilt = with(
        full(),
        &json!({"Upstreams": {"not": "a list"}, "KmsKeyArn": "nonsense", "Tags": 7, "Colour": "red"}),
    );

    let event = stack.cancellation(&spoilt);
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_made_up_id_gives_no_right_to_what_another_owner_has() {
    let world = World::start();
    let mut owner = world.stack("payments");
    owner.create(full()).await.succeeded();
    let other = world.stack("cancelled");
    let before = world.aws.everything();

    let event = other.cancellation(&full());
    other.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_overtakes_a_create_is_answered_with_success() {
    // The Delete of the cancelled Create is done before the Create has made anything.
    let world = World::start();
    let stack = world.stack("payments");
    let event = stack.cancellation(&full());

    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_create_cancelled_in_flight_and_its_delete_are_both_answered_and_leave_nothing() {
    let cases = [
        "PutDomainPermissionsPolicy",
        "CreateRepository",
        "AssociateExternalConnection",
        "PutRepositoryPermissionsPolicy",
    ];
    for operation in cases {
        let world = World::start();
        let stack = world.stack("payments");

        let held = Fault::new(Effect::HoldBefore).on(operation);
        stack.cancelled_at(&world.aws, &full(), held).await;

        assert_eq!(world.aws.domains(), [""; 0], "{operation} was under way");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_cancelled_in_a_shared_domain_leaves_it_as_it_was() {
    let cases = [
        ("PutDomainPermissionsPolicy", Effect::HoldBefore),
        ("PutDomainPermissionsPolicy", Effect::HoldAfter),
        ("TagResource", Effect::HoldBefore),
        ("TagResource", Effect::HoldAfter),
        ("PutRepositoryPermissionsPolicy", Effect::HoldBefore),
    ];
    for (operation, effect) in cases {
        leaves_a_shared_domain_as_it_was(operation, effect).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_cancelled_when_a_repository_was_made_leaves_a_shared_domain_as_it_was() {
    leaves_a_shared_domain_as_it_was("CreateRepository", Effect::HoldAfter).await;
}

async fn leaves_a_shared_domain_as_it_was(operation: &str, effect: Effect) {
    let world = World::start();
    let mut neighbours = world.stack("neighbours");
    neighbours.create(neighbour()).await.succeeded();
    let before = world.aws.everything();
    let stack = world.stack("payments");

    let held = Fault::new(effect.clone()).on(operation);
    stack.cancelled_at(&world.aws, &full(), held).await;

    same(&world.aws.everything(), &before, &format!("{operation} {effect:?}"));
}

#[tokio::test(start_paused = true)]
async fn a_create_cancelled_in_flight_leaves_no_group_in_a_shared_domain() {
    for operation in ["CreatePackageGroup", "UpdatePackageGroupOriginConfiguration"] {
        let world = World::start();
        world.aws.create_domain(DOMAIN, KEY).await;
        world.aws.create_repository(DOMAIN, "theirs").await;
        let before = world.aws.everything();
        let stack = world.stack("payments");

        let held = Fault::new(Effect::HoldBefore).on(operation);
        stack
            .cancelled_at(
                &world.aws,
                &with(full(), &json!({"InternalPackages": ["/npm/payments/*"]})),
                held,
            )
            .await;

        same(&world.aws.everything(), &before, operation);
    }
}

// A Create that adopts.

const GROUP: &str = "/npm/payments/*";

/// What was there before a stack that adopts it.
#[derive(Clone, Copy, Debug)]
enum ByHand {
    Primary,
    Proxy,
    Group,
    Everything,
}

impl ByHand {
    const ALL: [Self; 4] = [Self::Primary, Self::Proxy, Self::Group, Self::Everything];

    async fn world(self) -> World {
        let world = World::start();
        let aws = &world.aws;
        aws.create_domain(DOMAIN, KEY).await;
        aws.create_repository(DOMAIN, "base").await;
        if matches!(self, Self::Primary | Self::Everything) {
            aws.create_repository(DOMAIN, REPOSITORY).await;
            aws.link(DOMAIN, REPOSITORY, &["base"]).await;
        }
        if matches!(self, Self::Proxy | Self::Everything) {
            aws.create_repository(DOMAIN, PROXY).await;
            aws.connect(DOMAIN, PROXY, "public:pypi").await;
        }
        if matches!(self, Self::Group | Self::Everything) {
            aws.create_group(DOMAIN, GROUP).await;
            let allowed = "ALLOW_SPECIFIC_REPOSITORIES/base";
            aws.restrict(DOMAIN, GROUP, "PUBLISH", allowed).await;
        }
        lag::passes().await;
        world
    }

    fn properties(self) -> Value {
        let adopting = with(minimal(), &json!({"AdoptExisting": true}));
        match self {
            Self::Primary => adopting,
            Self::Proxy => with(adopting, &json!({"ExternalConnection": "public:npmjs"})),
            Self::Group => with(adopting, &json!({"InternalPackages": [GROUP]})),
            Self::Everything => with(
                adopting,
                &json!({
                    "ExternalConnection": "public:npmjs",
                    "InternalPackages": [GROUP],
                    "DomainPolicyDocument": domain_policy("111111111111"),
                }),
            ),
        }
    }

    /// The writes of its Create that change what is adopted, or come before that.
    fn writes(self) -> &'static [&'static str] {
        match self {
            Self::Primary => &["TagResource", "UpdateRepository"],
            Self::Proxy => &[
                "TagResource",
                "CreateRepository",
                "DisassociateExternalConnection",
                "AssociateExternalConnection",
            ],
            Self::Group => &["TagResource", "UpdatePackageGroupOriginConfiguration"],
            Self::Everything => &[
                "TagResource",
                "PutDomainPermissionsPolicy",
                "UpdatePackageGroupOriginConfiguration",
                "DisassociateExternalConnection",
                "AssociateExternalConnection",
                "UpdateRepository",
            ],
        }
    }
}

/// What an adoption can undo: the links of each repository, what each group allows, the policy, and no owner tags.
fn undone(world: &World) -> Value {
    let repositories = world.aws.repositories(DOMAIN).into_iter().map(|name| {
        let it = world.aws.repository(DOMAIN, &name);
        json!([name, it.upstreams, it.linked, it.connections, marked(&it.tags)])
    });
    let groups = world.aws.groups(DOMAIN).into_iter();
    let groups = groups.map(|(pattern, it)| json!([pattern, it.restrictions, it.tags]));
    let domain = world.aws.domain(DOMAIN);
    json!({
        "repositories": repositories.collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
        "policy": domain.policy,
        "tags": domain.tags,
    })
}

#[tokio::test(start_paused = true)]
async fn an_adoption_is_undone_whose_delete_is_over_before_it_goes_on() {
    for by_hand in ByHand::ALL {
        for operation in by_hand.writes() {
            // A claim that takes effect only then is open.
            let is_claim = *operation == "TagResource";
            let before_it = (!is_claim).then_some(Effect::HoldBefore);
            for effect in before_it.into_iter().chain([Effect::HoldAfter]) {
                let world = by_hand.world().await;
                let before = undone(&world);
                let stack = world.stack("payments");

                let held = Fault::new(effect.clone()).on(operation);
                stack.cancelled_at(&world.aws, &by_hand.properties(), held).await;

                same(&undone(&world), &before, &format!("{by_hand:?} {operation} {effect:?}"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_adoption_is_undone_that_changes_while_its_delete_looks_on() {
    for by_hand in ByHand::ALL {
        for operation in by_hand.writes() {
            for ms in [1_000, 4_000, 8_000] {
                let world = by_hand.world().await;
                let before = undone(&world);
                let stack = world.stack("payments");
                let properties = by_hand.properties();
                let (create, cancellation) = (stack.create_event(&properties), stack.cancellation(&properties));
                world
                    .aws
                    .inject(Fault::new(Effect::Delay { ms }).on(operation).times(1));

                let (created, deleted) = tokio::join!(stack.deliver(&create), async {
                    sleep(Duration::from_millis(600)).await;
                    stack.deliver(&cancellation).await
                });

                deleted.answer().succeeded();
                created.answer();
                same(
                    &undone(&world),
                    &before,
                    &format!("{by_hand:?} {operation} {ms} ms late"),
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_loses_the_tags_of_what_it_adopted_does_not_adopt_it_again() {
    // The Delete has read the upstreams when the Create changes them, and takes the tags off after that.
    let world = ByHand::Primary.world().await;
    let before = undone(&world);
    let stack = world.stack("payments");
    let properties = ByHand::Primary.properties();
    let (create, cancellation) = (stack.create_event(&properties), stack.cancellation(&properties));
    for operation in ["UpdateRepository", "UntagResource"] {
        world.aws.inject(Fault::new(Effect::HoldBefore).on(operation).times(1));
    }

    let (created, deleted, ()) = tokio::join!(
        stack.deliver(&create),
        async {
            world.aws.held().await;
            stack.deliver(&cancellation).await
        },
        async {
            world.aws.held_calls(2).await;
            world.aws.release();
        }
    );

    deleted.answer().succeeded();
    contains(
        &created.answer().failed(),
        &["Cancelled", "lost its owner tags while this request was at work on it"],
    );
    same(&undone(&world), &before, "after both");
}
