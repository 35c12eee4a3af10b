"""The life of a company's packages, stated once: `make demo` tells it, `make acceptance` holds an account to it.

Each chapter is a method of `Story`, and goes on where the one before it ended. What it says is checked as it is told,
by boto3 and the AWS CLI; what cannot be asked in a place is said to be untold.
"""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import cfn_yaml
from botocore.exceptions import ClientError
from cloud import Cloud, Stack, StackFailed, Work
from place import TAG, Names, Place
from report import Report

TEMPLATES = Path(__file__).resolve().parent / "templates"

STRANGER = "999988887777"
BUILDS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["codeartifact:GetAuthorizationToken", "codeartifact:ReadFromRepository"],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": "sts:GetServiceBearerToken", "Resource": "*"},
    ],
}

SHARED = "platform-shared"
# What a squad adds to its template by mistake.
MISTAKE = """
  Mistake:
    Type: Custom::CodeArtifactStack
    DependsOn: Packages
    Properties:
      ServiceToken: !ImportValue { "Fn::Sub": "${FunctionStack}-ServiceToken" }
      ServiceTimeout: 330
      DomainName: !Ref DomainName
      RepositoryName: no name at all
"""


class Unexpected(Exception):
    """Something is not as this story says it is."""


class Untold(Exception):
    """What cannot be asked in a place, and why."""


class Story:
    """The story, one method a chapter."""

    def __init__(self, place: Place, names: Names, report: Report, template: Path):
        self._place, self._names = place, names
        self._report = report
        self._template = template
        self._cloud = Cloud(place, names)
        self._api = self._cloud.codeartifact
        self._domain = names.domain
        shared = {"FunctionStack": names.function, "DomainName": names.domain, "Run": names.run}
        scope, _ = place.internal
        self._readers = place.readers(names)
        self._squad = shared | {
            "RepositoryName": "team-payments-npm",
            "RepositoryDescription": "npm packages of the payments squad",
            "ExternalConnection": "public:npmjs",
            "InternalPackages": f"/npm/{scope}/*",
            "PublisherRole": names.role("payments-ci"),
            "ReaderAccounts": self._readers[0],
            "Squad": "payments",
            "CostCentre": "4711",
        }
        self._ledger = shared | {
            "RepositoryName": "team-ledger-pypi",
            "ExternalConnection": "public:pypi",
            "InternalPackages": "/pypi//ledger-client$",
            "PublisherRole": names.role("ledger-ci"),
            "ReaderAccounts": self._readers[0],
            "Squad": "ledger",
            "CostCentre": "4713",
        }
        self._tools = shared | {"TokenAccounts": ",".join(self._readers)}
        self._service_token = ""
        self._key = ""
        self._payments = Stack("", {})
        self._platform = Stack("", {})

    def deploy_the_function(self) -> None:
        self._report.chapter(
            "The platform team deploys the function",
            "Once in an account and region: every squad's template names this function.",
        )
        self._report.command("aws cloudformation package --template-file template.yaml")
        self._report.asked(f"CloudFormation: create stack {self._names.function} from template.yaml")
        stack = self._cloud.deploy_function(self._template, DomainNamePattern=self._domain)
        self._service_token = stack.outputs["ServiceToken"]
        self._report.output("ServiceToken", self._service_token)
        self._expect(
            "the ServiceToken is the function's ARN", f":function:{self._names.function}-" in self._service_token
        )

    def make_the_key(self) -> None:
        self._report.chapter(
            "The security team makes the key, and the roles of CI",
            "A domain has one key for ever, so the key has a stack of its own.",
        )
        roles = {"PaymentsRole": self._names.role("payments-ci"), "LedgerRole": self._names.role("ledger-ci")}
        self._make("ci-roles", "ci.yaml", **roles)
        stack = self._make("packages-key", "key.yaml", DomainName=self._domain)
        self._key = stack.outputs["KmsKeyArn"]
        self._report.output("KmsKeyArn", self._key)
        self._expect(
            "a domain with a key that does not exist is refused", self._refuses_the_key(self._key[:-12] + "0" * 12)
        )

    def create_a_stack(self) -> None:
        self._report.chapter(
            "The payments squad asks for a CodeArtifact stack",
            "One resource of their template: domain, proxy, repository and guard.",
        )
        self._payments = self._deploy("payments-packages", self._squad, "Create")
        outputs = self._payments.outputs
        self._show(outputs)

        domain = self._api.describe_domain(domain=self._domain)["domain"]
        self._expect("the domain is encrypted with the key", domain["encryptionKey"] == self._key)
        self._expect("Ref is the repository's ARN", outputs["PhysicalId"] == self._arn("team-payments-npm"))
        self._expect("the outputs name the domain", outputs["DomainArn"] == domain["arn"])
        self._expect(
            "… its owner and its key",
            [outputs["DomainOwner"], outputs["DomainEncryptionKey"]] == [self._place.account, self._key],
        )
        self._expect("… and npm's endpoint, not PyPI's", bool(outputs["NpmEndpoint"]) and outputs["PypiEndpoint"] == "")
        self._expect(
            "the proxy reads from npmjs",
            self._connections("team-payments-npm-upstream") == ["public:npmjs"],
        )
        self._expect(
            "the repository reads through the proxy alone",
            self._upstreams("team-payments-npm") == ["team-payments-npm-upstream"]
            and self._connections("team-payments-npm") == [],
        )
        self._expect(
            "CI may publish, the reader may read", self._statements("team-payments-npm") == ["Publish", "Read"]
        )
        tags = self._tags("team-payments-npm")
        self._expect(
            "their internal packages come from here alone",
            self._publishers(self._squad["InternalPackages"]) == ["team-payments-npm"],
        )
        self._expect("the squad's tags are there", tags["squad"] == "payments" and tags["cost-centre"] == "4711")
        self._expect(
            "so are the owner tags",
            tags["codeartifact-stack:stack-id"] == self._payments.stack_id
            and tags["codeartifact-stack:logical-id"] == "Packages",
        )

    def update_it_in_place(self) -> None:
        self._report.chapter(
            "They change the description, an upstream and who may read",
            "An Update makes the calls that the difference needs, and no others.",
        )
        self._make_by_hand(SHARED)
        self._squad.update(
            RepositoryDescription="Everything that payments builds with",
            Upstreams=SHARED,
            ReaderAccounts=",".join(self._readers),
        )
        before = self._payments.outputs
        self._payments = self._deploy("payments-packages", self._squad, "Update")
        self._expect("the outputs stay", self._payments.outputs == before)
        self._expect(
            "the description is new",
            self._repository("team-payments-npm")["description"] == "Everything that payments builds with",
        )
        self._expect(
            "the shared repository comes first, the proxy last",
            self._upstreams("team-payments-npm") == [SHARED, "team-payments-npm-upstream"],
        )
        self._expect("both readers may read", self._readers[1] in self._policy("team-payments-npm"))

    def update_it_without_a_change(self) -> None:
        self._report.chapter(
            "They ask for one more endpoint: nothing to change in AWS",
            "An Update that finds all as described writes nothing.",
        )
        self._squad.update(EndpointFormats="npm,pypi")
        self._payments = self._deploy("payments-packages", self._squad, "Update", writes=(writes := []))
        self._report.output("PypiEndpoint", self._payments.outputs["PypiEndpoint"])
        self._expect("PyPI's endpoint is there now", bool(self._payments.outputs["PypiEndpoint"]))
        self._expect("none of the function's calls was a write", not writes)

    def repair_drift(self) -> None:
        self._report.chapter(
            "Someone changes things behind CloudFormation's back",
            "Plan shows drift, and the next Update repairs it: a template stays true.",
        )
        repository = ("--domain", self._domain, "--repository", "team-payments-npm")
        self._aws("update-repository", *repository, "--description", "mine now", "--upstreams", "[]")
        self._aws("delete-repository-permissions-policy", *repository)
        self._aws(
            *(
                "disassociate-external-connection",
                "--domain",
                self._domain,
                "--repository",
                "team-payments-npm-upstream",
            ),
            *("--external-connection", "public:npmjs"),
        )
        self._aws("untag-resource", "--resource-arn", self._arn("team-payments-npm"), "--tag-keys", "squad")

        self._report.asked("Lambda: invoke the function with RequestType Plan")
        plan = self._plan()
        for step in plan["Steps"]:
            self._report.note("would", step)
        self._expect("the plan sees it all", not plan["Converged"] and len(plan["Steps"]) >= 4)
        self._expect("… and writes nothing", not self._cloud.new_writes())

        self._squad.update(Refresh="1767225600")
        self._payments = self._deploy("payments-packages", self._squad, "Update", writes=(writes := []))
        self._expect("a new Refresh, and nothing else, made the update", len(writes) == len(plan["Steps"]))
        self._expect(
            "upstreams and description are back",
            self._upstreams("team-payments-npm") == [SHARED, "team-payments-npm-upstream"]
            and self._repository("team-payments-npm")["description"] == self._squad["RepositoryDescription"],
        )
        self._expect(
            "the proxy reads from npmjs again", self._connections("team-payments-npm-upstream") == ["public:npmjs"]
        )
        self._expect("the policy is back", self._statements("team-payments-npm") == ["Publish", "Read"])
        tags = self._tags("team-payments-npm")
        self._expect("so are the tags", (tags["squad"], tags["cost-centre"]) == ("payments", "4711"))
        self._expect("a plan has nothing left to do", self._plan()["Converged"])

    def roll_a_mistake_back(self) -> None:
        self._report.chapter(
            "A deployment fails half-way, and is rolled back",
            "What was changed before the failure is as it was, what was made is gone.",
        )
        before = self._tags("team-payments-npm") | {"": self._repository("team-payments-npm")["description"]}
        mistaken = template_of("squad.yaml").replace("\nOutputs:", f"{MISTAKE}\nOutputs:")
        changed = self._squad | {"RepositoryDescription": "Never seen again", "CostCentre": "4712"}
        self._report.asked("CloudFormation: update stack payments-packages, with a mistake in it")
        said = self._fail("payments-packages", changed, mistaken)
        self._tell(self._cloud.new_work(events=4))
        self._cloud.new_writes()
        self._expect("the update is rolled back", "UPDATE_ROLLBACK_COMPLETE" in said and "RepositoryName" in said)
        after = self._tags("team-payments-npm") | {"": self._repository("team-payments-npm")["description"]}
        self._expect("description and tags are as before", after == before)
        self._expect("a plan has nothing left to do", self._plan()["Converged"])

        fresh = self._ledger | {"RepositoryName": "team-fresh-pypi", "Squad": "fresh", "InternalPackages": ""}
        self._report.asked("CloudFormation: create stack fresh-packages, with the same mistake")
        said = self._fail("fresh-packages", fresh, mistaken)
        self._tell(self._cloud.new_work(events=4))
        self._cloud.new_writes()
        self._expect("the creation is rolled back", "is ROLLBACK_COMPLETE" in said)
        self._expect("nothing of it is left", self._named("team-fresh") == [])
        self._cloud.delete(self._names.stack("fresh-packages"))

    def cancel_a_creation(self) -> None:
        self._report.chapter(
            "Someone deletes a stack that is just being created",
            "CloudFormation sends the Delete while the Create is at work.",
        )
        hasty = self._ledger | {"RepositoryName": "team-hasty-pypi", "Squad": "hasty", "InternalPackages": ""}
        name = self._names.stack("hasty-packages")
        with self._place.slowly():
            self._report.asked("CloudFormation: create stack hasty-packages")
            self._cloud.begin_to_create(name, template_of("squad.yaml"), **hasty)
            self._cloud.await_event(name, "Packages", "CREATE_IN_PROGRESS")
            self._report.asked("CloudFormation: delete stack hasty-packages")
            self._cloud.delete(name)
            self._tell(self._cloud.new_work(events=2))
        self._cloud.new_writes()
        self._expect("nothing of it is left", self._named("team-hasty") == [])
        self._expect("payments is untouched", self._plan()["Converged"])

    def adopt_and_release(self) -> None:
        self._report.chapter(
            "A repository from before becomes a stack's, and is released again",
            "Adopted is what nobody owns, and released as it was linked before.",
        )
        self._make_by_hand("team-legacy-npm", "--upstreams", f"repositoryName={SHARED}")
        legacy = self._squad | {"RepositoryName": "team-legacy-npm", "Squad": "legacy", "InternalPackages": ""}
        legacy |= {"Upstreams": "", "AdoptExisting": "true"}
        self._deploy("legacy-packages", legacy, "Create")
        self._expect(
            "it reads from npmjs now",
            self._upstreams("team-legacy-npm") == ["team-legacy-npm-upstream"]
            and self._connections("team-legacy-npm-upstream") == ["public:npmjs"],
        )
        self._expect("it has an owner", "codeartifact-stack:stack-id" in self._tags("team-legacy-npm"))
        self._delete("legacy-packages")
        self._expect("with its stack the proxy goes, and it stays", self._named("team-legacy") == ["team-legacy-npm"])
        self._expect("… reading from where it did", self._upstreams("team-legacy-npm") == [SHARED])
        self._expect("it has no owner", "codeartifact-stack:stack-id" not in self._tags("team-legacy-npm"))
        self._aws("delete-repository", "--domain", self._domain, "--repository", "team-legacy-npm")

    def add_a_second_squad(self) -> None:
        self._report.chapter(
            "The ledger squad joins the same domain",
            "Stacks share a domain, and come and go without knowing of each other.",
        )
        ledger = self._deploy("ledger-packages", self._ledger, "Create", writes=(writes := []))
        self._show(ledger.outputs)
        self._expect("the domain is shared, not created again", "CreateDomain" not in writes)
        self._expect("the ledger has its own proxy", self._connections("team-ledger-pypi-upstream") == ["public:pypi"])
        self._expect("payments is untouched", self._plan()["Converged"])

    def keep_the_namesake_out(self) -> None:
        self._report.chapter(
            "A namesake of an internal package turns up on npmjs",
            "A build must not get a stranger's package by the name of your own.",
        )
        payments_ci, ledger_ci = self._names.role("payments-ci"), self._names.role("ledger-ci")
        self._place.know_roles(payments_ci, ledger_ci)
        ours = self._ours()
        self._expect("a build does not get it", self._refused("ingest", "team-payments-npm", **ours))
        public = {"format": "npm", "package": "left-pad", "version": "1.3.0"}
        self._expect("it gets left-pad, as ever", not self._refused("ingest", "team-payments-npm", **public))
        self._expect(
            "payments' CI publishes the real one",
            not self._refused("publish", "team-payments-npm", caller=payments_ci, **ours),
        )
        self._expect("a build gets that", not self._refused("ingest", "team-payments-npm", **ours))
        self._expect(
            "the ledger's CI may not publish there",
            self._refused("publish", "team-payments-npm", caller=ledger_ci, **ours | {"version": "2.0.0"}),
        )
        self._expect(
            "payments' CI may not publish elsewhere",
            self._refused("publish", "team-ledger-pypi", caller=payments_ci, **ours | {"version": "2.0.0"}),
        )
        self._expect(
            "an administrator may not publish payments' packages elsewhere",
            self._refused("publish", SHARED, **ours | {"version": "2.0.0"}),
        )

    def refuse_a_curious_neighbour(self) -> None:
        self._report.chapter(
            "The search squad would like to read what payments publishes",
            "Whoever reads a repository reads its upstreams: so these have to agree.",
        )
        curious = self._ledger | {"RepositoryName": "team-search-npm", "Upstreams": "team-payments-npm"}
        curious |= {"Squad": "search", "InternalPackages": ""}
        self._report.asked("CloudFormation: create stack search-packages")
        said = self._fail("search-packages", curious, template_of("squad.yaml"))
        reason = next(line.strip() for line in said.splitlines() if "Upstreams:" in line)
        self._tell(self._cloud.new_work(events=2))
        self._report.note("reason", reason)
        self._expect("it is refused", "OwnershipConflict" in reason)
        self._expect(
            "… with what payments would have to say",
            "its stack has to name team-search-npm in Downstreams" in reason,
        )
        self._expect("nothing was written", not self._cloud.new_writes())
        self._cloud.delete(self._names.stack("search-packages"))
        self._expect("payments is untouched", self._plan()["Converged"])

    def let_another_account_read(self) -> None:
        self._report.chapter(
            "A build in another account is to read what payments publishes",
            "A token opens a domain, a policy a repository: other accounts need both.",
        )
        if not self._place.has_other_accounts:
            self._platform = self._deploy("platform-packages", self._tools, "Create")
            raise Untold("it takes a second account")
        reader = self._readers[0]
        self._report.asked("Lambda: invoke the function with RequestType Plan")
        self._expect(
            "the plan says that the account is let in, and gets no token", self._noted("no token", about=reader)
        )
        self._expect("it cannot log in", self._token(reader) is None)
        self._platform = self._deploy("platform-packages", self._tools, "Create")
        self._place.know(
            {
                account: {"arn": f"arn:aws:iam::{account}:role/builds", "policy": BUILDS}
                for account in (reader, STRANGER)
            }
        )
        token = self._token(reader)
        self._expect("now it can", token is not None)
        ours = self._ours()
        self._expect("… and reads", not self._refused("ingest", "team-payments-npm", token=token, **ours))
        self._expect(
            "… but does not publish",
            self._refused("publish", "team-payments-npm", token=token, **ours | {"version": "2.0.0"}),
        )
        self._expect("an account that nobody named cannot log in", self._token(STRANGER) is None)
        self._expect("the plan has nothing to say any more", not self._noted("no token", about=reader))

    def stop_a_malicious_version(self) -> None:
        self._report.chapter(
            "event-stream turns out to be malicious",
            "One property keeps a bad package out of the whole domain.",
        )
        name, version, good = self._place.bad
        stream = {"format": "npm", "package": name, "version": version}
        newer = stream | {"version": good}
        self._expect("payments has it already", not self._refused("ingest", "team-payments-npm", **stream))
        self._tools.update(BlockedPackages=f"/npm//{name}$")
        self._platform = self._deploy("platform-packages", self._tools, "Update")
        self._expect("no new version comes in", self._refused("ingest", "team-payments-npm", **newer))
        self._expect("nobody publishes one", self._refused("publish", SHARED, **stream | {"version": "9.9.9"}))
        self._report.asked("Lambda: invoke the function with RequestType Plan")
        held = self._noted("hold packages already", about=f"/npm//{name}$", stack=self._platform)
        self._expect("the plan says who holds it already", held)
        for repository in ("team-payments-npm", "team-payments-npm-upstream"):
            package = ("--format", "npm", "--package", name, "--versions", version)
            self._aws("dispose-package-versions", "--domain", self._domain, "--repository", repository, *package)
        self._expect("what was held is gone, too", self._refused("ingest", "team-payments-npm", **stream))
        self._tools.update(BlockedPackages="")
        self._platform = self._deploy("platform-packages", self._tools, "Update")
        self._expect("unblocked, a good version comes in", not self._refused("ingest", "team-payments-npm", **newer))
        self._expect("… and not the bad one", self._refused("ingest", "team-payments-npm", **stream))

    def replace_the_repository(self) -> None:
        self._report.chapter(
            "Payments renames its repository: a replacement",
            "The new one begins empty, so the old one stays if it holds packages.",
        )
        self._squad.update(RepositoryName="payments-npm")
        old = self._payments.outputs["PhysicalId"]
        self._report.asked("Lambda: invoke the function with RequestType Plan")
        notes = self._plan()["Notes"]
        for note in notes:
            self._report.note("note", note)
        self._expect(
            "the plan says what becomes of the old one", any("if it holds a package" in note for note in notes)
        )
        self._payments = self._deploy("payments-packages", self._squad, "Update")
        self._show(self._payments.outputs)
        new = self._payments.outputs["PhysicalId"]
        self._expect(
            "Ref is the new repository's ARN", (old, new) == (self._arn("team-payments-npm"), self._arn("payments-npm"))
        )
        self._expect(
            "the old pair holds packages and stays, beside all others",
            self._repositories()
            == ["payments-npm", "payments-npm-upstream", SHARED, "platform-tools", "team-ledger-pypi"]
            + ["team-ledger-pypi-upstream", "team-payments-npm", "team-payments-npm-upstream"],
        )
        self._expect(
            "it is unowned now: another stack may adopt it",
            "codeartifact-stack:stack-id" not in self._tags("team-payments-npm"),
        )
        self._expect("the guard moved along", self._publishers(self._squad["InternalPackages"]) == ["payments-npm"])

    def log_a_build_in(self) -> None:
        self._report.chapter(
            "A build logs in with the stack's outputs",
            "A pipeline needs nothing but the outputs of its stack.",
        )
        outputs = self._payments.outputs
        shown = self._aws(
            *("login", "--tool", "npm", "--dry-run"),
            *("--domain", outputs["DomainName"], "--domain-owner", outputs["DomainOwner"]),
            *("--repository", outputs["RepositoryName"]),
        )
        lines = [line for line in shown.splitlines() if line.strip()]
        for line in lines:
            head, found, _ = line.partition(":_authToken")
            self._report.note("prints", f"{head}{found} ********" if found else head)
        self._expect("npm's registry is the output NpmEndpoint", f"registry {outputs['NpmEndpoint']}" in shown)

    def delete_everything(self) -> None:
        self._report.chapter(
            "Everything goes",
            "Each stack takes what it made; the last one takes the domain.",
        )
        self._delete("payments-packages")
        self._expect(
            "the ledger's repositories, the platform's and what was kept stay",
            self._repositories()
            == [SHARED, "platform-tools", "team-ledger-pypi", "team-ledger-pypi-upstream"]
            + ["team-payments-npm", "team-payments-npm-upstream"],
        )
        self._expect(
            "the ledger's guard stays, payments' is gone", self._groups() == ["/*", self._ledger["InternalPackages"]]
        )
        for repository in ("team-payments-npm", "team-payments-npm-upstream", SHARED):
            self._aws("delete-repository", "--domain", self._domain, "--repository", repository)
        self._delete("platform-packages")
        self._delete("ledger-packages")
        self._expect("the last stack took the domain with it", self._domain not in self._domains())
        for stack in ("packages-key", "ci-roles"):
            self._cloud.delete(self._names.stack(stack))
        self._cloud.delete(self._names.function)
        self._expect("no stack is left", self._stacks() == [])

    # -- how the story is told ---------------------------------------------------------------------------------

    def reports(self) -> list[str]:
        """What Lambda itself logged about the calls of the function so far."""
        return self._cloud.reports()

    @property
    def function(self) -> str:
        """The name of the function."""
        return self._service_token.rsplit(":", 1)[-1]

    def _deploy(self, name: str, parameters: dict[str, str], request: str, writes: list | None = None) -> Stack:
        verb = "create" if request == "Create" else "update"
        self._report.asked(f"CloudFormation: {verb} stack {name}")
        stack = self._cloud.deploy(self._names.stack(name), template_of(file_of(parameters)), **parameters)
        self._tell(self._cloud.new_work())
        made = self._cloud.new_writes()
        if writes is not None:
            writes.extend(made)
        return stack

    def _make(self, name: str, file: str, **parameters: str) -> Stack:
        """Deploys a template in which the function has no part."""
        self._report.asked(f"CloudFormation: create stack {name}")
        return self._cloud.deploy(self._names.stack(name), template_of(file), **parameters)

    def _fail(self, name: str, parameters: dict[str, str], template: str) -> str:
        """The reasons that a stack gives for not being made or changed."""
        try:
            self._cloud.deploy(self._names.stack(name), template, **parameters)
        except StackFailed as refused:
            return str(refused)
        raise Unexpected(f"stack {name} did not fail")

    def _delete(self, name: str) -> None:
        self._report.asked(f"CloudFormation: delete stack {name}")
        self._cloud.delete(self._names.stack(name))
        self._tell(self._cloud.new_work())
        self._cloud.new_writes()

    def _tell(self, work: Work) -> None:
        for record in work.records:
            took = float(record["duration_ms"])
            if "step" in record:
                self._report.step(record["step"], took)
            else:
                self._report.note("answer", f"{record['outcome']} after {took:.0f} ms")
        if not any("step" not in record for record in work.records):
            raise Unexpected("the function logged no outcome for the event")

    def _noted(self, words: str, about: str, stack: Stack | None = None) -> bool:
        """Whether the plan of a stack, payments' if none is named, has a note of this."""
        notes = [note for note in self._plan(stack)["Notes"] if words in note]
        for note in notes:
            self._report.note("note", note)
        return any(about in note for note in notes)

    def _token(self, account: str) -> str | None:
        """A token for another account, if it gets one."""
        self._report.asked(f"account {account}: get-authorization-token of {self._domain}")
        theirs = self._place.client("codeartifact", account)
        try:
            answer = theirs.get_authorization_token(domain=self._domain, domainOwner=self._place.account)
        except theirs.exceptions.AccessDeniedException as refused:
            self._report.note("answer", refused.response["Error"]["Message"])
            return None
        self._report.note("answer", "a token")
        return answer["authorizationToken"]

    def _plan(self, stack: Stack | None = None) -> dict:
        parameters = self._squad if stack is None else self._tools
        template = cfn_yaml.load(TEMPLATES / file_of(parameters))
        defaults = {name: spec.get("Default") for name, spec in template["Parameters"].items()}
        given = defaults | parameters
        properties = self._resolve(template["Resources"]["Packages"]["Properties"], given, template)
        stack = stack or self._payments
        plan = self._cloud.invoke(
            self._service_token,
            {
                "RequestType": "Plan",
                "StackId": stack.stack_id,
                "LogicalResourceId": "Packages",
                "PhysicalResourceId": stack.outputs["PhysicalId"],
                "ResourceProperties": properties,
                "OldResourceProperties": properties,
            },
        )
        self._cloud.new_work()
        return plan

    def _resolve(self, value, parameters: dict, template: dict):
        """The value as CloudFormation would send it: what squad.yaml uses of its functions, and no more."""
        if isinstance(value, list):
            return [self._resolve(item, parameters, template) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": name}:
                is_list = template["Parameters"][name]["Type"] == "CommaDelimitedList"
                return parameters[name].split(",") if is_list else parameters[name]
            case {"Fn::Sub": text}:
                known = {"AWS::Partition": self._key.split(":")[1], "AWS::AccountId": self._place.account} | parameters
                for name, text_value in known.items():
                    text = text.replace(f"${{{name}}}", text_value or "")
                return text
            case {"Fn::ImportValue": {"Fn::Sub": name}}:
                return self._service_token if name.endswith("ServiceToken") else self._key
        return {key: self._resolve(item, parameters, template) for key, item in value.items()}

    def _make_by_hand(self, repository: str, *more: str) -> None:
        tags = [f"key={tag['key']},value={tag['value']}" for tag in self._hand_tags()]
        self._aws("create-repository", "--domain", self._domain, "--repository", repository, *more, "--tags", *tags)

    def _hand_tags(self) -> list[dict[str, str]]:
        """The tags of what is made by hand, as stacks put them on theirs."""
        return [{"key": TAG, "value": self._names.run}]

    def _ours(self) -> dict[str, str]:
        """Payments' internal package."""
        scope, name = self._place.internal
        return {"format": "npm", "namespace": scope, "package": name, "version": "1.0.0"}

    def _aws(self, *arguments: str) -> str:
        self._report.command(shlex.join(("aws", "codeartifact", *arguments)))
        return self._place.aws("codeartifact", *arguments)

    def _refused(self, action: str, repository: str, **package: str) -> bool:
        who = package.get("caller", "someone")
        name = "/".join(package[part] for part in ("namespace", "package") if part in package)
        name += f"@{package['version']}" if "version" in package else ""
        verb = "installs" if action == "ingest" else "publishes"
        self._report.asked(f"{who} {verb} {name}, repository {repository}")
        why = self._place.package(action, self._domain, repository, **package)
        self._report.note("answer", why or "done")
        return why is not None

    def _refuses_the_key(self, key: str) -> bool:
        try:
            self._api.create_domain(domain=self._domain, encryptionKey=key, tags=self._hand_tags())
        except ClientError:
            return True
        return False

    def _show(self, outputs: dict[str, str]) -> None:
        for name, value in outputs.items():
            if value:
                self._report.output(name, value)

    def _expect(self, text: str, holds: bool) -> None:
        if not holds:
            raise Unexpected(text)
        self._report.check(text)

    # -- what is there -----------------------------------------------------------------------------------------

    def _arn(self, repository: str) -> str:
        return self._payments.outputs["DomainArn"].replace(":domain/", ":repository/") + f"/{repository}"

    def _repository(self, name: str) -> dict:
        return self._api.describe_repository(domain=self._domain, repository=name)["repository"]

    def _upstreams(self, name: str) -> list[str]:
        return [upstream["repositoryName"] for upstream in self._repository(name)["upstreams"]]

    def _connections(self, name: str) -> list[str]:
        return [connection["externalConnectionName"] for connection in self._repository(name)["externalConnections"]]

    def _policy(self, name: str) -> str:
        return self._api.get_repository_permissions_policy(domain=self._domain, repository=name)["policy"]["document"]

    def _statements(self, name: str) -> list[str]:
        return [statement["Sid"] for statement in json.loads(self._policy(name))["Statement"]]

    def _publishers(self, group: str) -> list[str]:
        return self._api.list_allowed_repositories_for_group(
            domain=self._domain, packageGroup=group, originRestrictionType="PUBLISH"
        )["allowedRepositories"]

    def _groups(self) -> list[str]:
        return sorted(group["pattern"] for group in self._api.list_package_groups(domain=self._domain)["packageGroups"])

    def _tags(self, name: str) -> dict[str, str]:
        tags = self._api.list_tags_for_resource(resourceArn=self._arn(name))["tags"]
        return {tag["key"]: tag["value"] for tag in tags}

    def _named(self, prefix: str) -> list[str]:
        return [name for name in self._repositories() if name.startswith(prefix)]

    def _repositories(self) -> list[str]:
        found = self._api.list_repositories_in_domain(domain=self._domain)["repositories"]
        return sorted(repository["name"] for repository in found)

    def _stacks(self) -> list[str]:
        """The stacks of this run."""
        pages = self._cloud.cloudformation.get_paginator("describe_stacks").paginate()
        tag = {"Key": TAG, "Value": self._names.run}
        return [
            stack["StackName"]
            for page in pages
            for stack in page["Stacks"]
            if tag in stack.get("Tags", []) and stack["StackStatus"] != "DELETE_COMPLETE"
        ]

    def _domains(self) -> list[str]:
        pages = self._api.get_paginator("list_domains").paginate()
        return [domain["name"] for page in pages for domain in page["domains"]]


def file_of(parameters: dict[str, str]) -> str:
    """The template that takes these parameters."""
    return "platform.yaml" if "TokenAccounts" in parameters else "squad.yaml"


def template_of(file: str) -> str:
    return (TEMPLATES / file).read_text(encoding="utf-8")


CHAPTERS: list[Callable[[Story], None]] = [
    Story.deploy_the_function,
    Story.make_the_key,
    Story.create_a_stack,
    Story.update_it_in_place,
    Story.update_it_without_a_change,
    Story.repair_drift,
    Story.roll_a_mistake_back,
    Story.cancel_a_creation,
    Story.adopt_and_release,
    Story.add_a_second_squad,
    Story.keep_the_namesake_out,
    Story.refuse_a_curious_neighbour,
    Story.let_another_account_read,
    Story.stop_a_malicious_version,
    Story.replace_the_repository,
    Story.log_a_build_in,
    Story.delete_everything,
]
