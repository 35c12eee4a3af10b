//! CodeArtifact as a test sees it: the emulator's calls and contents, and a hand that changes
//! things behind the function's back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_codeartifact::config::{AppName, BehaviorVersion, Credentials, Region};
use aws_sdk_codeartifact::types::{PackageGroupAllowedRepository, Tag, UpstreamRepository};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use codeartifact_emulator::{
    Denial, Emulator, Fault, Kind, LogEntry, Options, PackageRequest, Principal, Refusal, Seed, SeedPackage, Settings,
};
use codeartifact_stack::Http;
use serde_json::{Value, json};

use super::lag;
use super::place::{ACCOUNT, REGION};
use super::sample::DOMAIN;

/// How this hand's own calls are told from the function's.
const STRANGER: &str = "stranger";

/// The emulated service and a client of its own.
pub(crate) struct Aws {
    pub(crate) emulator: Arc<Emulator>,
    client: Client,
    http: SharedHttpClient,
    /// Whether the function's calls are kept for the comparison with its role.
    keeps_calls: bool,
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.keep_calls();
    }
}

/// A domain as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Domain {
    pub(crate) key: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) policy: Option<Value>,
}

/// A repository as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Repository {
    pub(crate) description: String,
    pub(crate) upstreams: Vec<String>,
    /// Whether every upstream leads to the repository there is now under that name.
    pub(crate) linked: bool,
    pub(crate) connections: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) policy: Option<Value>,
}

/// A package group as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) arn: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// By origin, `BLOCK`, or `ALLOW_SPECIFIC_REPOSITORIES/one/two`.
    pub(crate) restrictions: BTreeMap<String, String>,
}

/// The tags that are not the function's own marks.
fn user_tags(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .filter(|(key, _)| !key.starts_with("codeartifact-stack:"))
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

impl Domain {
    pub(crate) fn user_tags(&self) -> Value {
        user_tags(&self.tags)
    }
}

impl Group {
    pub(crate) fn user_tags(&self) -> Value {
        user_tags(&self.tags)
    }

    fn read(state: &Value) -> Self {
        let restriction = |(origin, restriction): (&String, &Value)| {
            let allowed = restriction["allowedRepositories"].as_array().unwrap();
            let parts = std::iter::once(&restriction["mode"]).chain(allowed);
            (origin.clone(), parts.map(text).collect::<Vec<_>>().join("/"))
        };
        Self {
            arn: text(&state["arn"]),
            tags: serde_json::from_value(state["tags"].clone()).unwrap(),
            restrictions: state["restrictions"]
                .as_object()
                .unwrap()
                .iter()
                .map(restriction)
                .collect(),
        }
    }
}

impl Repository {
    pub(crate) fn user_tags(&self) -> Value {
        user_tags(&self.tags)
    }
}

/// The service in the account and the region that the function runs in.
pub(crate) fn options() -> Options {
    Options {
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        ..Options::default()
    }
}

/// A client of this account's root in this region.
pub(crate) fn client_of(account: &str, region: &str, url: &str, http: SharedHttpClient) -> Client {
    Client::from_conf(
        aws_sdk_codeartifact::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(url)
            .http_client(http)
            .region(Region::new(region.to_owned()))
            .app_name(AppName::new(STRANGER).unwrap())
            // The SDK's budget of retries is the process's: what one test uses up, another would miss.
            .retry_partition(
                RetryPartition::custom(STRANGER)
                    .token_bucket(TokenBucket::unlimited())
                    .build(),
            )
            // The emulator takes a key id of twelve digits for that account's root.
            .credentials_provider(Credentials::new(account, "stranger", None, None, "test"))
            .build(),
    )
}

impl Aws {
    /// The service on a socket.
    pub(crate) async fn start(options: Options) -> Self {
        let region = options.region.clone();
        let emulator = Emulator::start(options).await.unwrap();
        let http = lag::patient(Http::set_up(None).unwrap().for_sdk());
        let mut aws = Self::over(Arc::new(emulator), &region, http);
        aws.keeps_calls = true;
        aws
    }

    /// The service as this HTTP client reaches it.
    pub(crate) fn over(emulator: Arc<Emulator>, region: &str, http: SharedHttpClient) -> Self {
        let client = client_of(ACCOUNT, region, &emulator.url(), http.clone());
        Self {
            emulator,
            client,
            http,
            keeps_calls: false,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.emulator.url()
    }

    // What was asked.

    /// The function's calls, in the order of arrival.
    pub(crate) fn log(&self) -> Vec<LogEntry> {
        let mut log = self.emulator.log();
        let app = format!("app/{STRANGER}");
        log.retain(|entry| !entry.user_agent.as_deref().is_some_and(|agent| agent.contains(&app)));
        log
    }

    pub(crate) fn forget_calls(&self) {
        self.keep_calls();
        self.emulator.clear_log();
    }

    /// Leaves the function's calls in the folder that `ACCESS_LOGS` names, where it does: `make test` compares the
    /// role with what was called in all tests together.
    fn keep_calls(&self) {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let Some(folder) = env::var_os("ACCESS_LOGS").filter(|_| self.keeps_calls) else {
            return;
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = Path::new(&folder).join(format!("wire-{}-{number}.json", process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(file, json!(self.log()).to_string()).unwrap();
    }

    /// Every call: the operation and what it is about.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.log().iter().map(call).collect()
    }

    /// Every call that may change something, the refused ones too.
    pub(crate) fn writes(&self) -> Vec<String> {
        // What is not seen yet is asked for again, or found to be there.
        let is_early = |entry: &LogEntry| lag::from_environment().is_some() && matches!(entry.status, Some(404 | 409));
        let is_write = |entry: &&LogEntry| entry.kind == Some(Kind::Write) && !is_early(entry);
        self.log().iter().filter(is_write).map(call).collect()
    }

    /// Those that are about package groups.
    pub(crate) fn group_writes(&self) -> Vec<String> {
        let mut writes = self.writes();
        writes.retain(|write| write.contains("PackageGroup") || write.contains("package-group"));
        writes
    }

    /// What was sent with each call of an operation: `{"query": {…}, "body": …}`.
    pub(crate) fn requests(&self, operation: &str) -> Vec<Value> {
        self.log()
            .into_iter()
            .filter(|entry| entry.operation.as_deref() == Some(operation))
            .map(|entry| entry.request)
            .collect()
    }

    // Faults.

    pub(crate) fn inject(&self, fault: Fault) {
        self.emulator.inject(fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.emulator.clear_faults();
    }

    /// The calls that a fault struck, in the order of arrival.
    pub(crate) fn struck(&self) -> Vec<LogEntry> {
        let mut log = self.log();
        log.retain(|entry| entry.fault.is_some());
        log
    }

    /// Waits until a call is held.
    pub(crate) async fn held(&self) {
        self.held_calls(1).await;
    }

    /// Waits until so many calls are held.
    pub(crate) async fn held_calls(&self, count: usize) {
        let held = self.emulator.wait_held(count, Duration::from_secs(30)).await;
        assert!(held.is_some(), "no call was held: {:?}", self.calls());
    }

    /// Lets held calls go on.
    pub(crate) fn release(&self) {
        self.emulator.release();
    }

    // What is there.

    /// Everything, without what differs each time it is made (times, revisions).
    pub(crate) fn everything(&self) -> Value {
        let mut state = self.emulator.state();
        for domain in state["domains"].as_array_mut().unwrap() {
            settle(domain);
            for group in domain["packageGroups"].as_array_mut().unwrap() {
                group.as_object_mut().unwrap().remove("createdTime");
            }
            for repository in domain["repositories"].as_array_mut().unwrap() {
                settle(repository);
                // A link that was made anew is told by a moment, which is never the same.
                if let Some(tags) = repository["tags"].as_object_mut() {
                    tags.remove("codeartifact-stack:linked");
                }
            }
        }
        state
    }

    fn state_of(&self, domain: &str) -> Option<Value> {
        let state = self.emulator.state();
        let domains = state["domains"].as_array().unwrap();
        domains.iter().find(|one| one["name"] == domain).cloned()
    }

    pub(crate) fn domains(&self) -> Vec<String> {
        names(&self.emulator.state()["domains"])
    }

    pub(crate) fn domains_of(&self, account: &str) -> Vec<String> {
        let state = self.emulator.state();
        let domains = state["domains"].as_array().unwrap();
        let theirs: Vec<Value> = domains.iter().filter(|one| one["owner"] == account).cloned().collect();
        names(&json!(theirs))
    }

    /// The names of a domain's repositories; none where there is no such domain.
    pub(crate) fn repositories(&self, domain: &str) -> Vec<String> {
        self.state_of(domain)
            .map(|domain| names(&domain["repositories"]))
            .unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn domain(&self, name: &str) -> Domain {
        let state = self
            .state_of(name)
            .unwrap_or_else(|| panic!("there is no domain {name}"));
        Domain {
            key: text(&state["encryptionKey"]),
            tags: serde_json::from_value(state["tags"].clone()).unwrap(),
            policy: policy(&state),
        }
    }

    #[track_caller]
    pub(crate) fn repository(&self, domain: &str, name: &str) -> Repository {
        let there = self
            .state_of(domain)
            .unwrap_or_else(|| panic!("there is no domain {domain}"));
        let repositories = there["repositories"].as_array().unwrap();
        let state = repositories
            .iter()
            .find(|one| one["name"] == name)
            .unwrap_or_else(|| panic!("there is no repository {name}"));
        let upstreams = state["upstreams"].as_array().unwrap();
        Repository {
            description: text(&state["description"]),
            upstreams: names(&state["upstreams"]),
            linked: upstreams.iter().all(|upstream| upstream["linked"] == true),
            connections: serde_json::from_value(state["externalConnections"].clone()).unwrap(),
            tags: serde_json::from_value(state["tags"].clone()).unwrap(),
            policy: policy(state),
        }
    }

    /// A domain's package groups by pattern, without the root.
    pub(crate) fn groups(&self, domain: &str) -> BTreeMap<String, Group> {
        let state = self.state_of(domain).unwrap_or_else(|| json!({"packageGroups": []}));
        let groups = state["packageGroups"].as_array().unwrap().iter();
        groups
            .map(|group| (text(&group["pattern"]), Group::read(group)))
            .filter(|(pattern, _)| pattern != "/*")
            .collect()
    }

    #[track_caller]
    pub(crate) fn group(&self, domain: &str, pattern: &str) -> Group {
        self.groups(domain)
            .remove(pattern)
            .unwrap_or_else(|| panic!("there is no package group {pattern}"))
    }

    // What package managers do.

    /// Asks a repository for a package, as `npm install` does: where it comes from, or why it does not.
    pub(crate) fn install(&self, repository: &str, path: &str) -> Result<String, Refusal> {
        self.install_as(ACCOUNT, repository, path)
    }

    pub(crate) fn install_as(&self, principal: &str, repository: &str, path: &str) -> Result<String, Refusal> {
        let answer = self.emulator.ingest(&package(principal, repository, path))?;
        Ok(text(&answer["source"]))
    }

    /// Publishes a package as a principal's `npm publish` does.
    pub(crate) fn publish_as(&self, principal: &str, repository: &str, path: &str) -> Result<(), Refusal> {
        self.emulator.publish(&package(principal, repository, path)).map(drop)
    }

    /// A role of this account without any right of its own, by a name that `publish_as` takes.
    pub(crate) fn add_role(&self, name: &str) {
        let principal = Principal {
            arn: format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
            policy: Some(json!({"Version": "2012-10-17", "Statement": []})),
            organization: None,
        };
        self.set(|settings| drop(settings.principals.insert(name.to_owned(), principal)));
    }

    /// Denies an operation on everything, until [`Self::allow`].
    pub(crate) fn deny(&self, operation: &str) {
        self.set(|settings| settings.denied.push(Denial::of(operation)));
    }

    /// The same on what has an ARN like this.
    pub(crate) fn deny_on(&self, operation: &str, resource: &str) {
        self.set(|settings| settings.denied.push(Denial::of(operation).on(resource)));
    }

    /// Ends all denials.
    pub(crate) fn allow(&self) {
        self.set(|settings| settings.denied.clear());
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.emulator.settings();
        change(&mut settings);
        self.emulator.set(settings);
    }

    /// A client of whoever calls with this key id.
    pub(crate) fn client_as(&self, key_id: &str) -> Client {
        let http = Http::set_up(None).unwrap().for_sdk();
        client_of(key_id, REGION, &self.url(), http)
    }

    // Behind the function's back.

    pub(crate) async fn create_domain(&self, name: &str, key: &str) {
        self.client
            .create_domain()
            .domain(name)
            .encryption_key(key)
            .send()
            .await
            .unwrap();
    }

    /// A domain of another account that lets anyone do anything with it.
    pub(crate) async fn create_foreign_domain(&self, account: &str, name: &str, key: &str) {
        let theirs = client_of(account, REGION, &self.url(), lag::patient(self.http.clone()));
        let open = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
                "Action": "codeartifact:*",
                "Resource": "*",
            }],
        });
        theirs
            .create_domain()
            .domain(name)
            .encryption_key(key)
            .send()
            .await
            .unwrap();
        let put = theirs.put_domain_permissions_policy().domain(name);
        put.policy_document(open.to_string()).send().await.unwrap();
    }

    pub(crate) async fn delete_domain(&self, name: &str) {
        self.client.delete_domain().domain(name).send().await.unwrap();
    }

    pub(crate) async fn put_domain_policy(&self, domain: &str, policy: &Value) {
        let put = self.client.put_domain_permissions_policy().domain(domain);
        put.policy_document(policy.to_string()).send().await.unwrap();
    }

    pub(crate) async fn delete_domain_policy(&self, domain: &str) {
        self.client
            .delete_domain_permissions_policy()
            .domain(domain)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn create_repository(&self, domain: &str, name: &str) {
        self.client
            .create_repository()
            .domain(domain)
            .repository(name)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn delete_repository(&self, domain: &str, name: &str) {
        self.client
            .delete_repository()
            .domain(domain)
            .repository(name)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn describe_repository_as(&self, domain: &str, name: &str, text: &str) {
        let update = self.client.update_repository().domain(domain).repository(name);
        update.description(text).send().await.unwrap();
    }

    pub(crate) async fn link(&self, domain: &str, name: &str, upstreams: &[&str]) {
        let upstream = |name: &&str| UpstreamRepository::builder().repository_name(*name).build().unwrap();
        let update = self.client.update_repository().domain(domain).repository(name);
        let upstreams = upstreams.iter().map(upstream).collect();
        update.set_upstreams(Some(upstreams)).send().await.unwrap();
    }

    pub(crate) async fn connect(&self, domain: &str, name: &str, connection: &str) {
        let connect = self
            .client
            .associate_external_connection()
            .domain(domain)
            .repository(name);
        connect.external_connection(connection).send().await.unwrap();
    }

    pub(crate) async fn disconnect(&self, domain: &str, name: &str, connection: &str) {
        let disconnect = self
            .client
            .disassociate_external_connection()
            .domain(domain)
            .repository(name);
        disconnect.external_connection(connection).send().await.unwrap();
    }

    pub(crate) async fn put_repository_policy(&self, domain: &str, name: &str, policy: &Value) {
        let put = self
            .client
            .put_repository_permissions_policy()
            .domain(domain)
            .repository(name);
        put.policy_document(policy.to_string()).send().await.unwrap();
    }

    pub(crate) async fn delete_repository_policy(&self, domain: &str, name: &str) {
        let delete = self.client.delete_repository_permissions_policy();
        delete.domain(domain).repository(name).send().await.unwrap();
    }

    pub(crate) async fn create_group(&self, domain: &str, pattern: &str) {
        let create = self.client.create_package_group().domain(domain);
        create.package_group(pattern).send().await.unwrap();
    }

    pub(crate) async fn delete_group(&self, domain: &str, pattern: &str) {
        let delete = self.client.delete_package_group().domain(domain);
        delete.package_group(pattern).send().await.unwrap();
    }

    /// Sets what a group allows from one origin, `BLOCK`, or `ALLOW_SPECIFIC_REPOSITORIES/one/two`.
    pub(crate) async fn restrict(&self, domain: &str, pattern: &str, origin: &str, allowed: &str) {
        let mut parts = allowed.split('/');
        let update = self.client.update_package_group_origin_configuration();
        let update = update.domain(domain).package_group(pattern);
        let mut update = update.restrictions(origin.into(), parts.next().unwrap().into());
        for name in parts {
            let allowed = PackageGroupAllowedRepository::builder().repository_name(name);
            update = update.add_allowed_repositories(allowed.origin_restriction_type(origin.into()).build());
        }
        update.send().await.unwrap();
    }

    /// Takes a repository off the list of those that may be published to.
    pub(crate) async fn forbid_publishing(&self, domain: &str, pattern: &str, name: &str) {
        let update = self.client.update_package_group_origin_configuration();
        let forbidden = PackageGroupAllowedRepository::builder()
            .repository_name(name)
            .origin_restriction_type("PUBLISH".into());
        let update = update.domain(domain).package_group(pattern);
        update
            .remove_allowed_repositories(forbidden.build())
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn tag(&self, arn: &str, tags: &[(&str, &str)]) {
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build().unwrap();
        let call = self.client.tag_resource().resource_arn(arn);
        call.set_tags(Some(tags.iter().map(tag).collect()))
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn untag(&self, arn: &str, keys: &[&str]) {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let call = self.client.untag_resource().resource_arn(arn);
        call.set_tag_keys(Some(keys)).send().await.unwrap();
    }

    /// A package group's ARN, as the service gives it.
    pub(crate) fn group_arn(&self, domain: &str, pattern: &str) -> String {
        let there = self.state_of(domain).unwrap();
        let groups = there["packageGroups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["pattern"] == pattern).unwrap();
        text(&group["arn"])
    }

    pub(crate) async fn endpoint(&self, domain: &str, name: &str, format: &str) -> String {
        let get = self.client.get_repository_endpoint().domain(domain).repository(name);
        let got = get.format(format.into()).send().await.unwrap();
        got.repository_endpoint().unwrap_or_default().to_owned()
    }

    /// Looks for everything that there is, as someone does who waits until it is seen.
    pub(crate) async fn look_around(&self) {
        let state = self.emulator.state();
        for domain in state["domains"].as_array().unwrap() {
            let (name, arn) = (text(&domain["name"]), text(&domain["arn"]));
            let _ = self.client.describe_domain().domain(&name).send().await;
            let _ = self.client.get_domain_permissions_policy().domain(&name).send().await;
            let _ = self.client.list_repositories_in_domain().domain(&name).send().await;
            let _ = self.client.list_tags_for_resource().resource_arn(arn).send().await;
            for repository in domain["repositories"].as_array().unwrap() {
                let (of, arn) = (text(&repository["name"]), text(&repository["arn"]));
                let _ = self
                    .client
                    .describe_repository()
                    .domain(&name)
                    .repository(&of)
                    .send()
                    .await;
                let policy = self.client.get_repository_permissions_policy().domain(&name);
                let _ = policy.repository(&of).send().await;
                let _ = self.client.list_packages().domain(&name).repository(&of).send().await;
                let _ = self.client.list_tags_for_resource().resource_arn(arn).send().await;
            }
            for group in domain["packageGroups"].as_array().unwrap() {
                let (pattern, arn) = (text(&group["pattern"]), text(&group["arn"]));
                let describe = self.client.describe_package_group().domain(&name);
                let _ = describe.package_group(pattern).send().await;
                let _ = self.client.list_tags_for_resource().resource_arn(arn).send().await;
            }
        }
    }

    /// Puts a package into a repository.
    pub(crate) fn publish(&self, domain: &str, repository: &str) {
        let package = SeedPackage {
            format: "npm".to_owned(),
            namespace: String::new(),
            package: "left-pad".to_owned(),
            versions: vec!["1.0.0".to_owned()],
        };
        let seed = Seed {
            owner: None,
            domain: domain.to_owned(),
            repository: repository.to_owned(),
            packages: vec![package],
        };
        self.emulator.seed_packages(&seed).unwrap();
    }
}

/// A request about the package at a path, `/npm/payments/ui`, in the sample's domain.
fn package(principal: &str, repository: &str, path: &str) -> PackageRequest {
    let parts: Vec<&str> = path.split('/').collect();
    let [_, format, namespace, name] = parts[..] else {
        panic!("{path} is no package's path");
    };
    PackageRequest {
        caller: Some(principal.to_owned()),
        owner: Some(ACCOUNT.to_owned()),
        domain: DOMAIN.to_owned(),
        repository: repository.to_owned(),
        format: format.to_owned(),
        namespace: namespace.to_owned(),
        package: name.to_owned(),
        ..PackageRequest::default()
    }
}

fn call(entry: &LogEntry) -> String {
    let operation = entry.operation.as_deref().unwrap_or("?");
    let about = [
        &entry.resource_arn,
        &entry.package_group,
        &entry.repository,
        &entry.domain,
    ];
    let about = about.into_iter().flatten().next().map_or("", String::as_str);
    format!("{operation} {about}")
}

fn settle(value: &mut Value) {
    let map = value.as_object_mut().unwrap();
    map.remove("createdTime");
    map.remove("incarnation");
    let policy = policy_of(map.get("policy"));
    map.insert("policy".to_owned(), json!(policy));
}

fn policy(state: &Value) -> Option<Value> {
    policy_of(state.get("policy"))
}

fn policy_of(policy: Option<&Value>) -> Option<Value> {
    policy
        .filter(|policy| !policy.is_null())
        .map(|policy| policy["parsed"].clone())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| text(&one["name"])).collect()
}
