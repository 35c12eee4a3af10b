//! The attacks of SECURITY.md's table, each driven as its attacker: squads with templates of their own in one domain, at the
//! built function, whose role the emulator enforces.

use aws_sdk_codeartifact::types::Tag;
use codeartifact_emulator::{Options, Principal};
use serde_json::{Value, json};

use crate::shared::{aws, place};
use crate::support::lambda::KEY_ID;
use crate::support::marks::{ADOPTED, DOWNSTREAMS, LOGICAL_ID, STACK_ID, owned_by};
use crate::support::sample::{DOMAIN, KEY, PROXY, REPOSITORY, REPOSITORY_ARN, domain_policy, minimal, with};
use crate::support::{Stack, World, contains};

const SECURITY: &str = include_str!("../../SECURITY.md");
const ROLE: &str = include_str!("../../emulator/tests/emulator/role.json");
const FUNCTION_ROLE: &str = "arn:aws:iam::123456789012:role/platform/codeartifact-stack-Role-1A2B3C";
/// Whom the attacker lets in: a role of another account.
const ACCOMPLICE: &str = "444455556666";
const PRIVATE: &str = "/npm/payments/ledger";

// Where it is deployed.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limits {
    Defaults,
    /// Those that SECURITY.md recommends for a shared domain.
    Recommended,
}

/// The parameters in the block that is there to be copied.
fn recommended() -> Vec<(String, String)> {
    let section = SECURITY.split("### Recommended for a shared domain").nth(1).unwrap();
    let block = section.split("```").nth(1).unwrap();
    let words = block.split_whitespace().filter_map(|word| word.split_once('='));
    let parameters = words.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()));
    parameters.collect()
}

fn parameter(name: &str) -> String {
    let (_, value) = recommended().into_iter().find(|(it, _)| it == name).unwrap();
    value
}

/// What a parameter is called in the environment.
fn variable(parameter: &str) -> String {
    let mut name = String::new();
    for letter in parameter.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// The template's role, resolved with the parameters.
fn role(limits: Limits) -> Value {
    let here = ROLE.replace("us-east-1", place::REGION);
    let text = match limits {
        Limits::Defaults => here.replace("/team-*", "/*"),
        Limits::Recommended => here.replace("/team-*", &format!("/{}", parameter("DomainNamePattern"))),
    };
    let mut role: Value = serde_json::from_str(&text).unwrap();
    if limits == Limits::Recommended {
        let statements = role["Statement"].as_array_mut().unwrap();
        let statement = statements
            .iter_mut()
            .find(|it| it["Sid"] == "RepositoriesOfThePattern")
            .unwrap();
        let every = statement["Resource"][0]
            .as_str()
            .unwrap()
            .trim_end_matches('*')
            .to_owned();
        statement["Resource"] = json!(every + &parameter("RepositoryNamePattern"));
    }
    role
}

async fn deployed(limits: Limits) -> World {
    let mut options: Options = aws::options();
    let function = Principal {
        arn: FUNCTION_ROLE.to_owned(),
        policy: Some(role(limits)),
        organization: None,
    };
    options.settings.principals.insert(KEY_ID.to_owned(), function);
    let variables: Vec<(String, String)> = match limits {
        Limits::Defaults => Vec::new(),
        Limits::Recommended => recommended()
            .into_iter()
            .map(|(name, value)| (variable(&name), value))
            .collect(),
    };
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    World::with(options, &variables).await
}

/// What a squad asks for within the recommended limits.
fn squad(name: &str, changes: &Value) -> Value {
    let base = json!({"RepositoryName": name, "Tags": {"team": name}});
    with(with(minimal(), &base), changes)
}

/// The domain with the neighbour in it: payments, which has a private package, a proxy and a guard.
async fn shared(limits: Limits) -> (World, Stack) {
    let world = deployed(limits).await;
    let mut payments = world.stack("payments");
    let theirs = json!({"ExternalConnection": "public:npmjs", "InternalPackages": ["/npm/payments/*"]});
    payments.create(squad(REPOSITORY, &theirs)).await.succeeded();
    world.aws.publish_as(place::ACCOUNT, REPOSITORY, PRIVATE).unwrap();
    (world, payments)
}

/// Everything of the neighbour's: what no attack may change.
fn theirs(world: &World) -> String {
    let (primary, proxy) = (
        world.aws.repository(DOMAIN, REPOSITORY),
        world.aws.repository(DOMAIN, PROXY),
    );
    let policy = world.aws.domain(DOMAIN).policy;
    format!(
        "{primary:#?} {proxy:#?} {:#?} {policy:?}",
        world.aws.group(DOMAIN, "/npm/payments/*")
    )
}

/// Every attempt of an attacker fails for these words, and the neighbour's things stay as they were.
async fn refused(world: &World, attempts: &[Value], words: &[&str]) {
    let before = theirs(world);
    for attempt in attempts {
        let reason = world.stack("billing").create(attempt.clone()).await.failed();
        contains(&reason, words);
        assert_eq!(theirs(world), before, "{attempt}");
    }
}

fn reads(world: &World, principal: &str, repository: &str) -> bool {
    world.aws.install_as(principal, repository, PRIVATE).is_ok()
}

fn everything_to(account: &str) -> Value {
    let mut policy = domain_policy(account);
    policy["Statement"][0]["Principal"] = json!({"AWS": format!("arn:aws:iam::{account}:root")});
    policy["Statement"][0]["Action"] = json!("codeartifact:*");
    policy
}

// The author of a template.

#[tokio::test]
async fn a_template_links_no_neighbour_that_does_not_let_it_in() {
    for limits in [Limits::Defaults, Limits::Recommended] {
        let (world, _) = shared(limits).await;
        let attempts = [REPOSITORY, PROXY].map(|name| squad("team-billing", &json!({"Upstreams": [name]})));
        refused(&world, &attempts, &["Downstreams", "[OwnershipConflict]"]).await;
    }
}

#[tokio::test]
async fn whoever_is_let_in_can_hand_on_what_it_reads() {
    let (world, mut payments) = shared(Limits::Recommended).await;
    let consent = with(payments.properties(), &json!({"Downstreams": ["team-billing"]}));
    payments.update(consent).await.succeeded();
    let (mut billing, mut search) = (world.stack("billing"), world.stack("search"));

    let handed_on = json!({"Upstreams": [REPOSITORY], "Downstreams": ["*"]});
    billing.create(squad("team-billing", &handed_on)).await.succeeded();
    let linked = squad("team-search", &json!({"Upstreams": ["team-billing"]}));
    search.create(linked).await.succeeded();

    assert!(reads(&world, place::ACCOUNT, "team-search"));
}

/// The attacker linked a repository of its own, `team-search`; its name is the neighbour's by now.
async fn with_a_dead_link(limits: Limits, more: &Value) -> (World, Stack) {
    let (world, _) = shared(limits).await;
    let (mut decoy, mut billing) = (world.stack("decoy"), world.stack("billing"));
    let open = json!({"Downstreams": ["team-billing"], "DeletionMode": "Delete"});
    decoy.create(squad("team-search", &open)).await.succeeded();
    let linked = with(json!({"Upstreams": ["team-search"]}), more);
    billing.create(squad("team-billing", &linked)).await.succeeded();
    decoy.delete().await.succeeded();
    let mut search = world.stack("search");
    search.create(squad("team-search", &json!({}))).await.succeeded();
    world
        .aws
        .publish_as(place::ACCOUNT, "team-search", "/npm/search/secret")
        .unwrap();
    (world, billing)
}

fn reads_the_successor(world: &World) -> bool {
    let read = world.aws.install("team-billing", "/npm/search/secret");
    read.is_ok_and(|source| source.contains("team-search"))
}

#[tokio::test]
async fn a_dead_link_to_a_name_that_a_neighbour_took_over_is_not_made_anew() {
    let proxied = json!({"ExternalConnection": "public:npmjs"});
    let (world, mut billing) = with_a_dead_link(Limits::Recommended, &proxied).await;
    assert!(!reads_the_successor(&world));

    // Whatever makes the function send the upstreams again: other links, and a proxy that is lost, or is taken back.
    let others = json!({"Upstreams": ["team-search"], "ExternalConnection": ["public:npmjs"]});
    let reason = billing.update(squad("team-billing", &others)).await.failed();
    contains(&reason, &["team-search", "Downstreams"]);
    let proxy = format!("{REPOSITORY_ARN}/").replace("team-payments-npm/", "team-billing-upstream");
    world.aws.untag(&proxy, &[STACK_ID]).await;
    contains(&billing.update_unchanged().await.answer.failed(), &["team-search"]);
    world.aws.delete_repository(DOMAIN, "team-billing-upstream").await;
    contains(&billing.update_unchanged().await.answer.failed(), &["team-search"]);
    let described = json!({"RepositoryDescription": "changed"});
    let described = with(billing.properties(), &described);
    contains(&billing.update(described).await.answer.failed(), &["team-search"]);

    assert!(!reads_the_successor(&world));
}

#[tokio::test]
async fn a_released_repository_is_not_linked_to_a_name_that_a_neighbour_took_over() {
    let proxied = json!({"ExternalConnection": "public:npmjs"});
    let (world, mut billing) = with_a_dead_link(Limits::Defaults, &proxied).await;
    // Its own rights let the attacker take the tags off; then the function takes the repository back, and releases it.
    let primary = format!("{REPOSITORY_ARN}/").replace("team-payments-npm/", "team-billing");
    world.aws.untag(&primary, &[STACK_ID, LOGICAL_ID]).await;
    billing.update_unchanged().await.succeeded();
    assert!(world.aws.repository(DOMAIN, "team-billing").tags.contains_key(ADOPTED));

    billing.delete().await.succeeded();

    assert!(world.aws.repositories(DOMAIN).contains(&"team-billing".to_owned()));
    assert!(!reads_the_successor(&world));
}

#[tokio::test]
async fn what_an_adoption_puts_back_is_not_linked_to_a_name_that_a_neighbour_took_over() {
    let (world, _) = shared(Limits::Defaults).await;
    for name in ["team-search", "team-billing"] {
        world.aws.create_repository(DOMAIN, name).await;
    }
    world.aws.link(DOMAIN, "team-billing", &["team-search"]).await;
    let mut billing = world.stack("billing");
    let adopts = json!({"AdoptExisting": true});
    billing.create(squad("team-billing", &adopts)).await.succeeded();
    world.aws.delete_repository(DOMAIN, "team-search").await;
    let mut search = world.stack("search");
    search.create(squad("team-search", &json!({}))).await.succeeded();
    world
        .aws
        .publish_as(place::ACCOUNT, "team-search", "/npm/search/secret")
        .unwrap();

    billing.delete().await.succeeded();

    assert!(world.aws.repositories(DOMAIN).contains(&"team-billing".to_owned()));
    assert!(!reads_the_successor(&world));
}

#[tokio::test]
async fn a_template_takes_the_domains_policy_at_the_defaults_and_not_under_the_limits() {
    let takes = squad(
        "team-billing",
        &json!({"DomainPolicyDocument": everything_to(ACCOMPLICE)}),
    );

    let (world, _) = shared(Limits::Defaults).await;
    assert!(!reads(&world, ACCOMPLICE, REPOSITORY));
    world.stack("billing").create(takes.clone()).await.succeeded();
    assert!(
        reads(&world, ACCOMPLICE, REPOSITORY),
        "a domain's policy reaches everything in it"
    );

    let (world, _) = shared(Limits::Recommended).await;
    refused(&world, &[takes], &["DomainPolicyDocument", "PlatformRepositories"]).await;
    assert!(!reads(&world, ACCOMPLICE, REPOSITORY));
}

#[tokio::test]
async fn a_template_takes_no_domain_policy_that_another_stack_owns() {
    let (world, mut payments) = shared(Limits::Defaults).await;
    let theirs = with(
        payments.properties(),
        &json!({"DomainAccess": {"Principals": ["555566667777"]}}),
    );
    payments.update(theirs).await.succeeded();
    let takes = json!({"DomainPolicyDocument": everything_to(ACCOMPLICE), "AdoptExisting": true});
    refused(&world, &[squad("team-billing", &takes)], &["is owned by the stack"]).await;
}

#[tokio::test]
async fn a_template_opens_no_hole_in_a_neighbours_guard() {
    for limits in [Limits::Defaults, Limits::Recommended] {
        let (world, _) = shared(limits).await;
        let holes = ["/npm/payments/ledger$", "/npm/payments/l~", "/npm/payments/*"];
        let attempts = holes.map(|hole| squad("team-billing", &json!({"InternalPackages": [hole]})));
        refused(&world, &attempts, &["/npm/payments/*", "[OwnershipConflict]"]).await;
        assert!(world.aws.publish_as(place::ACCOUNT, "team-billing", PRIVATE).is_err());
    }
}

#[tokio::test]
async fn a_group_made_by_hand_is_no_way_into_a_neighbours_guard() {
    let (world, _) = shared(Limits::Defaults).await;
    world.aws.create_group(DOMAIN, "/npm/payments/ledger~").await;
    let inside = json!({"InternalPackages": ["/npm/payments/ledger-ui$"]});
    let adopted = json!({"InternalPackages": ["/npm/payments/ledger~"], "AdoptExisting": true});
    let attempts = [inside, adopted].map(|hole| squad("team-billing", &hole));
    refused(&world, &attempts, &["/npm/payments/*", "[OwnershipConflict]"]).await;
}

#[tokio::test]
async fn a_template_blocks_packages_for_everyone_at_the_defaults_and_not_under_the_limits() {
    let blocks = squad("team-billing", &json!({"BlockedPackages": ["/npm//react$"]}));

    let (world, _) = shared(Limits::Defaults).await;
    assert!(world.aws.install(REPOSITORY, "/npm//preact").is_ok());
    world.stack("billing").create(blocks.clone()).await.succeeded();
    assert!(world.aws.install(REPOSITORY, "/npm//react").is_err());

    let (world, _) = shared(Limits::Recommended).await;
    refused(&world, &[blocks], &["BlockedPackages", "PlatformRepositories"]).await;
}

#[tokio::test]
async fn what_nobody_has_claimed_is_the_first_ones() {
    let (world, mut payments) = shared(Limits::Recommended).await;
    let mut billing = world.stack("billing");
    let claims = json!({"InternalPackages": ["/npm/search/*", "/npm//react~", "/maven/com~"], "Downstreams": ["*"]});
    billing.create(squad("team-shared", &claims)).await.succeeded();

    // Names of packages: nobody gets them from a registry any more.
    assert!(world.aws.install(REPOSITORY, "/npm//react-dom").is_err());
    for (late, by) in [
        ("/npm/search/*", "/npm/search/*"),
        ("/maven/com.kloudvin~", "/maven/com~"),
    ] {
        let late = squad("team-search", &json!({"InternalPackages": [late]}));
        contains(
            &world.stack("search").create(late).await.failed(),
            &[by, "[OwnershipConflict]"],
        );
    }
    // Repositories, which a neighbour may name before they are there.
    let late = squad("team-shared", &json!({}));
    contains(&world.stack("search").create(late).await.failed(), &["is owned by"]);
    let trusts = with(payments.properties(), &json!({"Upstreams": ["team-shared"]}));
    payments.update(trusts).await.succeeded();
}

#[tokio::test]
async fn a_template_adopts_what_a_neighbour_left_at_the_defaults_and_not_under_the_limits() {
    let adopts = squad(
        REPOSITORY,
        &json!({"AdoptExisting": true, "Access": {"Readers": [ACCOMPLICE]}}),
    );
    for limits in [Limits::Defaults, Limits::Recommended] {
        let (world, mut payments) = shared(limits).await;
        payments.delete().await.succeeded();
        let attempt = world.stack("billing").create(adopts.clone()).await;
        if limits == Limits::Defaults {
            attempt.succeeded();
            assert!(reads(&world, ACCOMPLICE, REPOSITORY));
        } else {
            contains(&attempt.failed(), &["AdoptExisting", "PlatformRepositories"]);
            assert!(!reads(&world, ACCOMPLICE, REPOSITORY));
        }
    }
}

#[tokio::test]
async fn a_template_deletes_nothing_of_a_neighbours_whatever_names_it_takes() {
    for limits in [Limits::Defaults, Limits::Recommended] {
        let (world, _) = shared(limits).await;
        world
            .stack("odd")
            .create(squad("team-odd-upstream", &json!({})))
            .await
            .succeeded();
        let attempts = [
            squad(PROXY, &json!({})),
            squad("team-odd", &json!({"ExternalConnection": "public:npmjs"})),
            squad(REPOSITORY, &json!({"DeletionMode": "Delete"})),
        ];
        refused(&world, &attempts, &["is owned by"]).await;

        let (before, mut billing) = (theirs(&world), world.stack("billing"));
        billing
            .create(squad("team-odd", &json!({"DeletionMode": "Delete"})))
            .await
            .succeeded();
        for name in [REPOSITORY, PROXY] {
            let renamed = squad(name, &json!({"DeletionMode": "Delete"}));
            contains(&billing.update(renamed).await.failed(), &["is owned by"]);
        }
        billing.delete().await.succeeded();
        assert_eq!(theirs(&world), before);
        assert!(world.aws.repositories(DOMAIN).contains(&"team-odd-upstream".to_owned()));
    }
}

#[tokio::test]
async fn a_template_lets_outsiders_into_its_own_repository_alone_and_under_the_limits_nobody() {
    let opens = squad("team-billing", &json!({"Access": {"Readers": [ACCOMPLICE]}}));
    for limits in [Limits::Defaults, Limits::Recommended] {
        let (world, _) = shared(limits).await;
        world.stack("billing").create(opens.clone()).await.succeeded();
        world
            .aws
            .publish_as(place::ACCOUNT, "team-billing", "/npm/billing/ui")
            .unwrap();
        let is_let_in = world
            .aws
            .install_as(ACCOMPLICE, "team-billing", "/npm/billing/ui")
            .is_ok();
        assert_eq!(is_let_in, limits == Limits::Defaults);
        assert!(!reads(&world, ACCOMPLICE, REPOSITORY));
    }
}

#[tokio::test]
async fn a_template_reads_from_any_registry_at_the_defaults_and_from_the_allowed_under_the_limits() {
    let reads = squad("team-billing", &json!({"ExternalConnection": "public:crates-io"}));

    let (world, _) = shared(Limits::Defaults).await;
    world.stack("billing").create(reads.clone()).await.succeeded();

    let (world, _) = shared(Limits::Recommended).await;
    refused(&world, &[reads], &["ExternalConnection", "AllowedConnections"]).await;
}

#[tokio::test]
async fn the_platforms_rights_are_of_a_name_so_the_platform_has_to_be_the_first_to_take_it() {
    let platform = parameter("PlatformRepositories");
    let takes = squad(
        &platform,
        &json!({"DomainPolicyDocument": everything_to(place::ACCOUNT)}),
    );

    let (world, _) = shared(Limits::Recommended).await;
    world
        .stack("platform")
        .create(squad(&platform, &json!({})))
        .await
        .succeeded();
    refused(&world, std::slice::from_ref(&takes), &["is owned by"]).await;

    let (world, _) = shared(Limits::Recommended).await;
    world.stack("billing").create(takes).await.succeeded();
}

/// Without the rollback the refused properties are those before.
#[tokio::test]
async fn a_refused_update_that_is_sent_again_without_a_rollback_passes_the_limits_and_not_the_role() {
    let (world, _) = shared(Limits::Recommended).await;
    let mut billing = world.stack("billing");
    billing.create(squad("team-billing", &json!({}))).await.succeeded();
    let owner = [&*billing.stack_id, &*billing.logical_id];
    let again = |properties: &Value| direct("Update", owner, billing.id(), properties, properties);

    let beyond = squad("team-billing", &json!({"ExternalConnection": "public:crates-io"}));
    let refused = billing.deliver(&billing.update_event(&beyond)).await;
    contains(&refused.answer().failed(), &["AllowedConnections"]);
    world.invoke(&again(&beyond)).await.returned();

    let (kind, message) = world.invoke(&again(&squad("elsewhere", &json!({})))).await.failed();
    assert_eq!(kind, "AccessDenied", "{message}");
}

#[tokio::test]
async fn a_squad_has_all_that_it_needs_under_the_limits() {
    let (world, mut payments) = shared(Limits::Recommended).await;
    payments
        .update(with(payments.properties(), &json!({"Downstreams": ["team-billing"]})))
        .await
        .succeeded();
    let mut billing = world.stack("billing");
    let wants = json!({
        "Upstreams": [REPOSITORY], "ExternalConnection": "public:npmjs", "InternalPackages": ["/npm/billing/*"],
        "Access": {"Publishers": [place::ACCOUNT]}, "DeletionMode": "Delete",
    });
    billing.create(squad("team-billing", &wants)).await.succeeded();
    assert!(reads(&world, place::ACCOUNT, "team-billing"));
    billing.delete().await.succeeded();
    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
}

// Whoever may call the function.

fn direct(kind: &str, owner: [&str; 2], id: &str, properties: &Value, old: &Value) -> Value {
    let [stack_id, logical_id] = owner;
    json!({
        "RequestType": kind, "StackId": stack_id, "LogicalResourceId": logical_id, "PhysicalResourceId": id,
        "ResourceProperties": properties, "OldResourceProperties": old,
    })
}

#[tokio::test]
async fn a_direct_caller_that_forges_the_owner_has_what_the_owner_has() {
    for limits in [Limits::Defaults, Limits::Recommended] {
        let (world, payments) = shared(limits).await;
        let owner = [&*payments.stack_id, &*payments.logical_id];
        let properties = with(payments.properties(), &json!({"DeletionMode": "Delete"}));
        let event = direct("Delete", owner, payments.id(), &properties, &Value::Null);
        world.invoke(&event).await.returned();
        assert_eq!(world.aws.repositories(DOMAIN), [""; 0]);
    }
}

#[tokio::test]
async fn a_direct_caller_with_an_owner_of_its_own_changes_nothing_of_a_neighbours() {
    let (world, payments) = shared(Limits::Defaults).await;
    let (before, own) = (theirs(&world), ["mine", "Packages"]);
    let (properties, mine) = (payments.properties(), squad("team-billing", &json!({})));
    let takes = with(
        mine.clone(),
        &json!({"AdoptExisting": true, "RepositoryName": REPOSITORY}),
    );

    let delete = direct("Delete", own, payments.id(), &properties, &Value::Null);
    world.invoke(&delete).await.returned();
    let unfinished = format!("{}#unfinished", payments.id());
    let delete = direct("Delete", own, &unfinished, &properties, &Value::Null);
    world.invoke(&delete).await.returned();
    for (id, asked, old) in [
        (payments.id(), &properties, &properties),
        (payments.id(), &takes, &properties),
        (payments.id(), &mine, &properties),
        ("made-up", &takes, &mine),
    ] {
        let ended = world.invoke(&direct("Update", own, id, asked, old)).await;
        // One that asks for a repository of its own gets it, and leaves the one that it claims to replace.
        assert_eq!(
            asked == &mine,
            !matches!(ended, crate::support::Ended::Failed { .. }),
            "{ended:?}"
        );
    }

    assert_eq!(theirs(&world), before);
    assert!(owned_by(&world.aws.repository(DOMAIN, REPOSITORY).tags, &payments));
}

#[tokio::test]
async fn a_direct_caller_that_forges_what_was_there_passes_the_limits_and_not_the_role() {
    let (world, _) = shared(Limits::Recommended).await;
    let owner = ["mine", "Packages"];
    let arn = |name: &str| format!("{REPOSITORY_ARN}/").replace("team-payments-npm/", name);

    let beyond = squad("team-billing", &json!({"ExternalConnection": "public:crates-io"}));
    let event = direct("Update", owner, &arn("team-billing"), &beyond, &beyond);
    world.invoke(&event).await.returned();
    let beyond = squad("elsewhere", &json!({}));
    let event = direct("Update", owner, &arn("elsewhere"), &beyond, &beyond);
    let (kind, message) = world.invoke(&event).await.failed();

    assert_eq!(kind, "AccessDenied", "{message}");
    assert!(!world.aws.repositories(DOMAIN).contains(&"elsewhere".to_owned()));
}

// Whoever may tag.

fn tags(stack: &Stack) -> Vec<(&'static str, &str)> {
    vec![(STACK_ID, &stack.stack_id), (LOGICAL_ID, &stack.logical_id)]
}

#[tokio::test]
async fn a_tagger_makes_a_neighbours_repository_its_own() {
    for limits in [Limits::Defaults, Limits::Recommended] {
        let (world, _) = shared(limits).await;
        let mut billing = world.stack("billing");
        billing.create(squad("team-billing", &json!({}))).await.succeeded();

        world.aws.tag(REPOSITORY_ARN, &tags(&billing)).await;
        let takes = squad(REPOSITORY, &json!({"DeletionMode": "Delete"}));
        billing.update(takes).await.succeeded();
        billing.delete().await.succeeded();

        assert!(!world.aws.repositories(DOMAIN).contains(&REPOSITORY.to_owned()));
    }
}

#[tokio::test]
async fn a_tagger_lets_itself_in() {
    let (world, _) = shared(Limits::Recommended).await;
    world.aws.tag(REPOSITORY_ARN, &[(DOWNSTREAMS, "team-billing")]).await;
    let linked = squad("team-billing", &json!({"Upstreams": [REPOSITORY]}));
    world.stack("billing").create(linked).await.succeeded();
    assert!(reads(&world, place::ACCOUNT, "team-billing"));
}

/// The service control policy of SECURITY.md, with this account for the one in it.
fn service_control_policy() -> Value {
    let block = SECURITY
        .split("```json")
        .find(|block| block.contains("\"OwnerTags"))
        .unwrap();
    let text = block
        .split("```")
        .next()
        .unwrap()
        .replace("111122223333", place::ACCOUNT);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn the_service_control_policy_keeps_the_reserved_tags_to_the_function() {
    let (world, _) = shared(Limits::Recommended).await;
    let allow = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let bounded = |arn: &str, allowed: Value| Principal {
        arn: arn.to_owned(),
        policy: Some(json!([allowed, service_control_policy()])),
        organization: None,
    };
    world.aws.set(|settings| {
        let tagger = bounded("arn:aws:iam::123456789012:role/squad-admin", allow.clone());
        settings.principals.insert("TAGGER".to_owned(), tagger);
        let function = bounded(FUNCTION_ROLE, role(Limits::Recommended));
        settings.principals.insert(KEY_ID.to_owned(), function);
    });
    let tagger = world.aws.client_as("TAGGER");
    let tag = |key: &str| Tag::builder().key(key).value("@all").build().unwrap();
    let create = |name: &str| tagger.create_repository().domain(DOMAIN).repository(name);
    let set = |key: &str| tagger.tag_resource().resource_arn(REPOSITORY_ARN).tags(tag(key));
    let take = |key: &str| tagger.untag_resource().resource_arn(REPOSITORY_ARN).tag_keys(key);

    set("unit").send().await.unwrap();
    create("team-hand").send().await.unwrap();
    assert!(set(DOWNSTREAMS).send().await.is_err());
    assert!(take(STACK_ID).send().await.is_err());
    assert!(create("team-forged").tags(tag(STACK_ID)).send().await.is_err());
    let group = tagger
        .create_package_group()
        .domain(DOMAIN)
        .package_group("/npm/forged/*");
    assert!(group.tags(tag(STACK_ID)).send().await.is_err());
    let domain = tagger.create_domain().domain("forged").encryption_key(KEY);
    assert!(domain.tags(tag(STACK_ID)).send().await.is_err());

    let mut billing = world.stack("billing");
    let guarded = json!({"InternalPackages": ["/npm/billing/*"], "ExternalConnection": "public:npmjs"});
    billing.create(squad("team-billing", &guarded)).await.succeeded();
    billing.delete().await.succeeded();
}
