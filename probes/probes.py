"""What CodeArtifact does where nothing says it: a probe for each question, asked of whatever the clients lead to.

A probe gets a `Bench`, makes what it needs through it, and returns a short text: the answer. It has no account number,
request id or name made up for the run in it, so that two runs can be compared.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import boto3
import npm
from botocore.exceptions import ClientError

# A deletion or creation that is not seen in this time is said to be unseen.
PATIENCE = 60.0
TRIES = 20


@dataclass(frozen=True)
class Probe:
    """A question, and how it is asked."""

    name: str
    question: str
    ask: Callable[["Bench"], str]


PROBES: list[Probe] = []


def probe(question: str) -> Callable:
    def add(ask: Callable[["Bench"], str]) -> Callable:
        PROBES.append(Probe(ask.__name__, question, ask))
        return ask

    return add


@dataclass
class Bench:
    """The clients, a domain and roles of the probe's own. What it makes is tagged, and gone when it ends."""

    session: boto3.Session
    domain: str
    tags: list[dict[str, str]]
    tries: int = TRIES
    keys: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)

    def client(self, service: str):
        return self.session.client(service)

    def __enter__(self) -> "Bench":
        self.codeartifact = self.client("codeartifact")
        self.kms = self.client("kms")
        self.iam = self.client("iam")
        kms_tags = [{"TagKey": tag["key"], "TagValue": tag["value"]} for tag in self.tags]
        key = self.kms.create_key(Description=f"For {self.domain}", Tags=kms_tags)["KeyMetadata"]["Arn"]
        self.keys.append(key)
        until(lambda: self._make_domain(key))
        return self

    def __exit__(self, *_) -> None:
        self.remove()

    def _make_domain(self, key: str) -> bool:
        try:
            self.codeartifact.create_domain(domain=self.domain, encryptionKey=key, tags=self.tags)
        except ClientError as error:
            if "key" in str(error).lower():
                return False
            raise
        return True

    def repository(self, name: str, **more) -> dict:
        return self.codeartifact.create_repository(domain=self.domain, repository=name, tags=self.tags, **more)[
            "repository"
        ]

    def described(self, name: str) -> dict | None:
        try:
            return self.codeartifact.describe_repository(domain=self.domain, repository=name)["repository"]
        except self.codeartifact.exceptions.ResourceNotFoundException:
            return None

    @property
    def account(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]

    def role(self) -> str:
        """A new role that the account may assume, with no rights; its name."""
        name = f"{self.domain}-{len(self.roles)}"
        partition = self.session.get_partition_for_region(self.session.region_name)
        account = {"AWS": f"arn:{partition}:iam::{self.account}:root"}
        trust = {"Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole"}
        tags = [{"Key": tag["key"], "Value": tag["value"]} for tag in self.tags]
        # Remembered first: what is made, and the answer lost, is removed too.
        self.roles.append(name)
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy_of(trust), Tags=tags)
        return name

    def arn_of(self, role: str) -> str:
        return self.iam.get_role(RoleName=role)["Role"]["Arn"]

    def acting(self, *statements: dict):
        """CodeArtifact as a role calls it that may do this and describe the domain, once IAM lets it."""
        role = self.role()
        may_look = {"Effect": "Allow", "Action": "codeartifact:DescribeDomain", "Resource": "*"}
        document = policy_of(may_look, *statements)
        self.iam.put_role_policy(RoleName=role, PolicyName="asked", PolicyDocument=document)
        acting = self.as_role(role, document)
        until(lambda: refusal(acting.describe_domain, domain=self.domain) == "taken")
        return acting

    def as_role(self, role: str, _document: str):
        assume, arn = self.client("sts").assume_role, self.arn_of(role)
        until(lambda: refusal(assume, RoleArn=arn, RoleSessionName="probe") == "taken")
        given = assume(RoleArn=arn, RoleSessionName="probe")["Credentials"]
        session = boto3.Session(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], self.session.region_name
        )
        return session.client("codeartifact")

    def publish(self, repository: str, name: str, version: str) -> str | None:
        """Publishes a package of npm; says why it was refused, if it was."""
        return npm.publish(*self._login(repository), name, version)

    def install(self, repository: str, name: str, version: str) -> str | None:
        """Fetches a package of npm; says why it was refused, if it was."""
        return npm.install(*self._login(repository), name, version)

    def _login(self, repository: str) -> tuple[str, str]:
        at = {"domain": self.domain, "repository": repository, "format": "npm"}
        token = self.codeartifact.get_authorization_token(domain=self.domain, durationSeconds=900)
        return self.codeartifact.get_repository_endpoint(**at)["repositoryEndpoint"], token["authorizationToken"]

    def remove(self) -> None:
        """Everything of this bench, whatever state it is in."""
        found = [each["name"] for each in self.codeartifact.list_domains()["domains"]]
        if self.domain in found:
            for repository in self.codeartifact.list_repositories_in_domain(domain=self.domain)["repositories"]:
                self.codeartifact.delete_repository(domain=self.domain, repository=repository["name"])
            until(self._domain_is_deleted)
        for key in self.keys:
            self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.keys.clear()
        for role in self.roles:
            remove_role(self.iam, role)
        self.roles.clear()

    def _domain_is_deleted(self) -> bool:
        try:
            self.codeartifact.delete_domain(domain=self.domain)
        except self.codeartifact.exceptions.ConflictException:
            return False
        return True


def policy_of(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def remove_role(iam, role: str) -> None:
    """Removes a role with its policies, if it is there."""
    try:
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=policy)
        iam.delete_role(RoleName=role)
    except iam.exceptions.NoSuchEntityException:
        return


def until(is_done: Callable[[], bool], patience: float = PATIENCE) -> float | None:
    """The seconds until it is done; nothing if that takes too long."""
    started = time.monotonic()
    while time.monotonic() - started < patience:
        if is_done():
            return time.monotonic() - started
        time.sleep(0.1)
    return None


def refusal(call: Callable, *arguments, **named) -> str:
    """`taken`, or the status and the code of the error, and its reason if it has one."""
    try:
        call(*arguments, **named)
    except ClientError as error:
        said = error.response
        status = said["ResponseMetadata"]["HTTPStatusCode"]
        reason = said.get("reason") or said["Error"].get("reason")
        return f"{status} {said['Error']['Code']}" + (f", reason {reason}" if reason else "")
    return "taken"


def slowest(bench: Bench, name: str, tries: Callable[[int], float | None]) -> str:
    """How long something took in the worst of the tries, coarsely, so that two runs can be compared."""
    took = [tries(nth) for nth in range(bench.tries)]
    if None in took:
        return f"{name} not seen after {PATIENCE:.0f} s in {took.count(None)} of {bench.tries} tries"
    late = [seconds for seconds in took if seconds > 2]
    if not late:
        return f"{name} seen within 2 s, always"
    return f"{name} seen within 2 s but for {len(late)} of {bench.tries} tries, {max(late):.0f} s at most"


@probe("What does a policy get that names a principal that does not exist?")
def unknown_principal(bench: Bench) -> str:
    bench.repository("asked")
    return lets_in(bench, f"arn:aws:iam::{bench.account}:role/there-is-no-such-role-{bench.domain}")


def lets_in(bench: Bench, principal: str) -> str:
    """What a policy gets that lets a principal read."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "codeartifact:ReadFromRepository",
        "Resource": "*",
    }
    put = bench.codeartifact.put_repository_permissions_policy
    return refusal(put, domain=bench.domain, repository="asked", policyDocument=policy_of(statement))


@probe("How soon may a policy name a role that was just made, and what does it get before?")
def new_principal(bench: Bench) -> str:
    bench.repository("asked")
    refused: list[str] = []

    def is_taken(arn: str) -> bool:
        answer = lets_in(bench, arn)
        refused.extend([answer] if answer != "taken" else [])
        return answer == "taken"

    def tries(_nth: int) -> float | None:
        arn = bench.arn_of(bench.role())
        return until(lambda: is_taken(arn))

    said = slowest(bench, "a new role", tries)
    return f"{said}; before: {', '.join(sorted(set(refused)))}" if refused else said


@probe("Which ARN must TagResource be allowed on for a repository that is created with tags?")
def creation_tags_on(bench: Bench) -> str:
    domain = bench.codeartifact.describe_domain(domain=bench.domain)["domain"]["arn"]
    repository = domain.replace(":domain/", ":repository/")

    def asked(name: str, *tagged: str, **more) -> str:
        rights = [("codeartifact:CreateRepository", ["*"]), ("codeartifact:TagResource", list(tagged))]
        statements = [{"Effect": "Allow", "Action": what, "Resource": on} for what, on in rights if on]
        create = bench.acting(*statements).create_repository
        return refusal(create, domain=bench.domain, repository=name, **more)

    answers = {
        "without tags": asked("untagged"),
        "allowed on the domain alone": asked("by-domain", domain, tags=bench.tags),
        "on the new repository alone": asked("by-repository", f"{repository}/by-repository", tags=bench.tags),
        "on both": asked("by-both", domain, f"{repository}/by-both", tags=bench.tags),
    }
    return "; ".join(f"{how} {answer}" for how, answer in answers.items())


@probe("What does the same external connection get, the second time?")
def same_connection_twice(bench: Bench) -> str:
    bench.repository("proxy")
    connect = bench.codeartifact.associate_external_connection
    named = {"domain": bench.domain, "repository": "proxy", "externalConnection": "public:npmjs"}
    connect(**named)
    return refusal(connect, **named)


@probe("What does a second, other external connection get?")
def second_connection(bench: Bench) -> str:
    bench.repository("proxy")
    connect = bench.codeartifact.associate_external_connection
    connect(domain=bench.domain, repository="proxy", externalConnection="public:npmjs")
    return refusal(connect, domain=bench.domain, repository="proxy", externalConnection="public:pypi")


@probe("May two repositories be upstreams of each other?")
def cycle_of_upstreams(bench: Bench) -> str:
    bench.repository("one")
    bench.repository("two", upstreams=[{"repositoryName": "one"}])
    update = bench.codeartifact.update_repository
    return refusal(update, domain=bench.domain, repository="one", upstreams=[{"repositoryName": "two"}])


@probe("May a repository be deleted that is an upstream, and what does the other show then?")
def deleted_upstream(bench: Bench) -> str:
    bench.repository("upstream")
    bench.repository("reader", upstreams=[{"repositoryName": "upstream"}])
    deleted = refusal(bench.codeartifact.delete_repository, domain=bench.domain, repository="upstream")
    shown = bench.described("reader")["upstreams"]
    return f"{deleted}; the reader shows {len(shown)} upstream" + ("" if len(shown) == 1 else "s")


@probe("Does a repository read from an upstream that was deleted and made again, and after UpdateRepository names it?")
def recreated_upstream(bench: Bench) -> str:
    def is_made() -> bool:
        try:
            bench.repository("upstream")
        except bench.codeartifact.exceptions.ConflictException:
            return False
        return True

    def is_read() -> bool:
        return bench.install("reader", "probe-asked", "1.0.0") is None

    named = [{"repositoryName": "upstream"}]
    bench.repository("upstream")
    bench.repository("reader", upstreams=named)
    bench.codeartifact.delete_repository(domain=bench.domain, repository="upstream")
    until(is_made)
    refused = bench.publish("upstream", "probe-asked", "1.0.0")
    if refused is not None:
        return f"could not be asked: publish {refused.split()[0]}"
    # What is published takes a moment to be seen, where there is a link.
    before = until(is_read, patience=bench.tries / 2)
    bench.codeartifact.update_repository(domain=bench.domain, repository="reader", upstreams=named)
    after = until(is_read)
    said = {True: "not read", False: "read"}
    return f"{said[before is None]}; after UpdateRepository {said[after is None]}"


@probe("Is the name of a repository free right after its deletion?")
def name_reused_at_once(bench: Bench) -> str:
    def again(nth: int) -> float | None:
        bench.repository(f"again-{nth}")
        bench.codeartifact.delete_repository(domain=bench.domain, repository=f"again-{nth}")
        return until(lambda: made(nth))

    def made(nth: int) -> bool:
        try:
            bench.repository(f"again-{nth}")
        except bench.codeartifact.exceptions.ConflictException:
            return False
        return True

    return slowest(bench, "a free name", again)


@probe("How soon is a new repository seen?")
def new_repository_seen(bench: Bench) -> str:
    def tries(nth: int) -> float | None:
        bench.repository(f"new-{nth}")
        return until(lambda: bench.described(f"new-{nth}") is not None)

    return slowest(bench, "a new repository", tries)


@probe("How soon is a new repository in the domain's list?")
def new_repository_listed(bench: Bench) -> str:
    def is_listed(name: str) -> bool:
        found = bench.codeartifact.list_repositories_in_domain(domain=bench.domain, repositoryPrefix=name)
        return [each["name"] for each in found["repositories"]] == [name]

    def tries(nth: int) -> float | None:
        bench.repository(f"listed-{nth:02}")
        return until(lambda: is_listed(f"listed-{nth:02}"))

    return slowest(bench, "a new repository", tries)


@probe("How soon is a repository not seen any more once it is deleted?")
def deleted_repository_unseen(bench: Bench) -> str:
    def tries(nth: int) -> float | None:
        bench.repository(f"gone-{nth}")
        bench.codeartifact.delete_repository(domain=bench.domain, repository=f"gone-{nth}")
        return until(lambda: bench.described(f"gone-{nth}") is None)

    return slowest(bench, "a deletion", tries)


@probe("How soon is a new tag seen?")
def new_tag_seen(bench: Bench) -> str:
    arn = bench.repository("tagged")["arn"]

    def value() -> dict[str, str]:
        tags = bench.codeartifact.list_tags_for_resource(resourceArn=arn)["tags"]
        return {tag["key"]: tag["value"] for tag in tags}

    def tries(nth: int) -> float | None:
        bench.codeartifact.tag_resource(resourceArn=arn, tags=[{"key": "nth", "value": str(nth)}])
        return until(lambda: value().get("nth") == str(nth))

    return slowest(bench, "a new tag", tries)


@probe("How soon is a new package group seen?")
def new_package_group_seen(bench: Bench) -> str:
    def is_seen(pattern: str) -> bool:
        try:
            bench.codeartifact.describe_package_group(domain=bench.domain, packageGroup=pattern)
        except bench.codeartifact.exceptions.ResourceNotFoundException:
            return False
        return True

    def tries(nth: int) -> float | None:
        pattern = f"/npm/probe-{nth}/*"
        bench.codeartifact.create_package_group(domain=bench.domain, packageGroup=pattern, tags=bench.tags)
        return until(lambda: is_seen(pattern))

    return slowest(bench, "a new package group", tries)


@probe("Which characters may a tag's value have beside letters, digits and + - = . _ : / @ and spaces?")
def tag_characters(bench: Bench) -> str:
    arn = bench.repository("tagged")["arn"]
    tag = bench.codeartifact.tag_resource
    asked = {character: refusal(tag, resourceArn=arn, tags=[{"key": "k", "value": character}]) for character in "*#,é€"}
    return "; ".join(f"{character} {answer}" for character, answer in asked.items())


@probe("Can a domain be deleted, with a repository in it, once its key is disabled?")
def delete_domain_with_a_lost_key(bench: Bench) -> str:
    bench.repository("locked")
    bench.kms.disable_key(KeyId=bench.keys[-1])
    describe = bench.codeartifact.describe_repository
    locked = until(lambda: refusal(describe, domain=bench.domain, repository="locked") != "taken")
    said = "nothing is locked" if locked is None else refusal(describe, domain=bench.domain, repository="locked")
    deleted = refusal(bench.codeartifact.delete_domain, domain=bench.domain)
    if deleted != "taken":
        bench.kms.enable_key(KeyId=bench.keys[-1])
        until(lambda: refusal(describe, domain=bench.domain, repository="locked") == "taken")
    return f"DescribeRepository {said}; DeleteDomain {deleted}"


@probe("Which versions of HTTP does the endpoint offer?")
def endpoints_alpn(bench: Bench) -> str:
    url = urlsplit(bench.codeartifact.meta.endpoint_url)
    if url.scheme != "https":
        return "no TLS"
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = http.client.HTTPSConnection(url.hostname, url.port or 443, context=context, timeout=10)
    connection.connect()
    return connection.sock.selected_alpn_protocol() or "no ALPN"
