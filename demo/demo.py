#!/usr/bin/env python3
"""A CodeArtifact stack's whole life, on this machine, with parts that nobody here wrote.

ministack is CloudFormation, Lambda, KMS and IAM; template.yaml is deployed into it as it stands, and the built
binary runs as its Lambda. The emulator is CodeArtifact. Ends with 1 if anything is not as expected.
"""

import argparse
import json
import shlex
import signal
import sys
from pathlib import Path

from cloud import Cloud, Stack, StackFailed, Work, is_write
from lab import ACCOUNT, ROOT, Lab, LabError, end_on_signals
from report import Report

sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml

FOLDER = ROOT / "target/demo"
TEMPLATES = Path(__file__).resolve().parent / "templates"
DOMAIN = "kloudvin-pkgs"
SECONDS = 120

READER = "210987654321"
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

PAYMENTS = {
    "RepositoryName": "team-payments-npm",
    "RepositoryDescription": "npm packages of the payments squad",
    "ExternalConnection": "public:npmjs",
    "InternalPackages": "/npm/payments/*",
    "PublisherRole": "payments-ci",
    "ReaderAccounts": READER,
    "Squad": "payments",
    "CostCentre": "4711",
}
LEDGER = {
    "RepositoryName": "team-ledger-pypi",
    "ExternalConnection": "public:pypi",
    "InternalPackages": "/pypi//ledger-client$",
    "PublisherRole": "ledger-ci",
    "ReaderAccounts": READER,
    "Squad": "ledger",
    "CostCentre": "4713",
}
PLATFORM = {"TokenAccounts": f"{READER},345678901234"}
SHARED = "platform-shared"


class Unexpected(Exception):
    """Something is not as this demo says it is."""


class Demo:
    """The story, one method a chapter."""

    def __init__(self, lab: Lab, report: Report, binary: Path):
        self._lab = lab
        self._report = report
        self._binary = binary
        self._cloud = Cloud(lab)
        self._api = self._cloud.codeartifact
        self._service_token = ""
        self._key = ""
        self._payments = Stack("", {})
        self._platform = Stack("", {})

    def run(self) -> None:
        self.deploy_the_function()
        self.make_the_key()
        self.create_a_stack()
        self.update_it_in_place()
        self.update_it_without_a_change()
        self.repair_drift()
        self.add_a_second_squad()
        self.keep_the_namesake_out()
        self.refuse_a_curious_neighbour()
        self.let_another_account_read()
        self.stop_a_malicious_version()
        self.replace_the_repository()
        self.log_a_build_in()
        self.delete_everything()

    def deploy_the_function(self) -> None:
        self._report.chapter("The platform team deploys the function")
        self._report.command("aws cloudformation package --template-file template.yaml")
        self._report.asked("CloudFormation: create stack codeartifact-stack from template.yaml")
        stack = self._cloud.deploy_function("codeartifact-stack", self._binary, DomainNamePattern="kloudvin-*")
        self._service_token = stack.outputs["ServiceToken"]
        self._report.output("ServiceToken", self._service_token)
        self._expect("the ServiceToken is the function's ARN", ":function:codeartifact-stack-" in self._service_token)

    def make_the_key(self) -> None:
        self._report.chapter("The security team makes the key")
        self._report.asked("CloudFormation: create stack kloudvin-pkgs-key")
        stack = self._cloud.deploy("kloudvin-pkgs-key", (TEMPLATES / "key.yaml").read_text(encoding="utf-8"))
        self._key = stack.outputs["KmsKeyArn"]
        self._report.output("KmsKeyArn", self._key)
        self._lab.emulator_settings(keys={"known": [self._key]})
        self._expect("CodeArtifact knows this key, and no other", self._key.startswith("arn:aws:kms:"))

    def create_a_stack(self) -> None:
        self._report.chapter("The payments squad asks for a CodeArtifact stack")
        self._payments = self._deploy("payments-packages", PAYMENTS, "Create")
        outputs = self._payments.outputs
        self._show(outputs)

        domain = self._api.describe_domain(domain=DOMAIN)["domain"]
        self._expect("the domain is encrypted with the key", domain["encryptionKey"] == self._key)
        self._expect("Ref is the repository's ARN", outputs["PhysicalId"] == self._arn("team-payments-npm"))
        self._expect("the outputs name the domain", outputs["DomainArn"] == domain["arn"])
        self._expect(
            "… its owner and its key", [outputs["DomainOwner"], outputs["DomainEncryptionKey"]] == [ACCOUNT, self._key]
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
        self._expect("payments/* comes from here alone", self._publishers("/npm/payments/*") == ["team-payments-npm"])
        self._expect("the squad's tags are there", tags["squad"] == "payments" and tags["cost-centre"] == "4711")
        self._expect(
            "so are the owner tags",
            tags["codeartifact-stack:stack-id"] == self._payments.stack_id
            and tags["codeartifact-stack:logical-id"] == "Packages",
        )

    def update_it_in_place(self) -> None:
        self._report.chapter("They change the description, an upstream and who may read")
        self._aws("create-repository", "--domain", DOMAIN, "--repository", SHARED)
        PAYMENTS.update(
            RepositoryDescription="Everything that payments builds with",
            Upstreams=SHARED,
            ReaderAccounts="210987654321,345678901234",
        )
        before = self._payments.outputs
        self._payments = self._deploy("payments-packages", PAYMENTS, "Update")
        self._expect("the outputs stay", self._payments.outputs == before)
        self._expect(
            "the description is new",
            self._repository("team-payments-npm")["description"] == "Everything that payments builds with",
        )
        self._expect(
            "the shared repository comes first, the proxy last",
            self._upstreams("team-payments-npm") == [SHARED, "team-payments-npm-upstream"],
        )
        self._expect("both accounts may read", "345678901234" in self._policy("team-payments-npm"))

    def update_it_without_a_change(self) -> None:
        self._report.chapter("They ask for one more endpoint: nothing to change in AWS")
        PAYMENTS.update(EndpointFormats="npm,pypi")
        self._payments = self._deploy("payments-packages", PAYMENTS, "Update", calls=(calls := []))
        self._report.output("PypiEndpoint", self._payments.outputs["PypiEndpoint"])
        self._expect("PyPI's endpoint is there now", bool(self._payments.outputs["PypiEndpoint"]))
        self._expect(f"{len(calls)} calls, none of them a write", bool(calls) and not any(map(is_write, calls)))

    def repair_drift(self) -> None:
        self._report.chapter("Someone changes things behind CloudFormation's back")
        repository = ("--domain", DOMAIN, "--repository", "team-payments-npm")
        self._aws("update-repository", *repository, "--description", "mine now", "--upstreams", "[]")
        self._aws("delete-repository-permissions-policy", *repository)
        self._aws(
            *("disassociate-external-connection", "--domain", DOMAIN, "--repository", "team-payments-npm-upstream"),
            *("--external-connection", "public:npmjs"),
        )
        self._aws("untag-resource", "--resource-arn", self._arn("team-payments-npm"), "--tag-keys", "squad")

        self._report.asked("Lambda: invoke the function with RequestType Plan")
        plan = self._plan()
        for step in plan["Steps"]:
            self._report.note("would", step)
        self._expect("the plan sees it all", not plan["Converged"] and len(plan["Steps"]) >= 4)
        self._expect("… and writes nothing", not any(map(is_write, self._cloud.new_calls())))

        PAYMENTS.update(Refresh="1767225600")
        self._payments = self._deploy("payments-packages", PAYMENTS, "Update", calls=(calls := []))
        writes = [call["operation"] for call in calls if is_write(call)]
        self._expect("a new Refresh, and nothing else, made the update", len(writes) == len(plan["Steps"]))
        self._expect(
            "upstreams and description are back",
            self._upstreams("team-payments-npm") == [SHARED, "team-payments-npm-upstream"]
            and self._repository("team-payments-npm")["description"] == PAYMENTS["RepositoryDescription"],
        )
        self._expect(
            "the proxy reads from npmjs again", self._connections("team-payments-npm-upstream") == ["public:npmjs"]
        )
        self._expect("the policy is back", self._statements("team-payments-npm") == ["Publish", "Read"])
        tags = self._tags("team-payments-npm")
        self._expect("so are the tags", (tags["squad"], tags["cost-centre"]) == ("payments", "4711"))
        self._expect("a plan has nothing left to do", self._plan()["Converged"])

    def add_a_second_squad(self) -> None:
        self._report.chapter("The ledger squad joins the same domain")
        ledger = self._deploy("ledger-packages", LEDGER, "Create", calls=(calls := []))
        self._show(ledger.outputs)
        self._expect(
            "the domain is shared, not created again", "CreateDomain" not in {call["operation"] for call in calls}
        )
        self._expect("the ledger has its own proxy", self._connections("team-ledger-pypi-upstream") == ["public:pypi"])
        self._expect("payments is untouched", self._plan()["Converged"])

    def keep_the_namesake_out(self) -> None:
        self._report.chapter("Someone puts a package payments/ui on npmjs, by the name of an internal one")
        roles = {
            name: {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "policy": {"Version": "2012-10-17", "Statement": []}}
            for name in ("payments-ci", "ledger-ci")
        }
        self._lab.emulator_settings(principals=roles)
        ours = {"format": "npm", "namespace": "payments", "package": "ui"}
        self._expect("a build does not get it", self._refused("ingest", "team-payments-npm", **ours))
        public = {"format": "npm", "package": "left-pad"}
        self._expect("it gets left-pad, as ever", not self._refused("ingest", "team-payments-npm", **public))
        self._expect(
            "payments' CI publishes the real one",
            not self._refused("publish", "team-payments-npm", caller="payments-ci", **ours),
        )
        self._expect("a build gets that", not self._refused("ingest", "team-payments-npm", **ours))
        self._expect(
            "the ledger's CI may not publish there",
            self._refused("publish", "team-payments-npm", caller="ledger-ci", version="2.0.0", **ours),
        )
        self._expect(
            "payments' CI may not publish elsewhere",
            self._refused("publish", "team-ledger-pypi", caller="payments-ci", **ours),
        )
        self._expect(
            "an administrator may not publish payments' packages elsewhere either",
            self._refused("publish", SHARED, version="2.0.0", **ours),
        )

    def refuse_a_curious_neighbour(self) -> None:
        self._report.chapter("The search squad would like to read what payments publishes")
        curious = LEDGER | {"RepositoryName": "team-search-npm", "Upstreams": "team-payments-npm", "Squad": "search"}
        curious["InternalPackages"] = ""
        self._report.asked("CloudFormation: create stack search-packages")
        reason = ""
        try:
            self._cloud.deploy("search-packages", _template_of(curious), **curious)
        except StackFailed as refused:
            reason = next(line.strip() for line in str(refused).splitlines() if "Upstreams:" in line)
        self._tell(self._cloud.new_work())
        self._report.note("reason", reason)
        self._expect("it is refused", "OwnershipConflict" in reason)
        self._expect(
            "… with what payments would have to say",
            "its stack has to name team-search-npm in Downstreams" in reason,
        )
        self._expect("nothing was written", not any(map(is_write, self._cloud.new_calls())))
        self._cloud.delete("search-packages")
        self._cloud.new_work()
        self._expect("payments is untouched", self._plan()["Converged"])

    def let_another_account_read(self) -> None:
        self._report.chapter("A build in another account is to read what payments publishes")
        self._report.asked("Lambda: invoke the function with RequestType Plan")
        self._expect(
            "the plan says that the account is let in, and gets no token", self._noted("no token", about=READER)
        )
        self._expect("it cannot log in", self._token(READER) is None)
        self._platform = self._deploy("platform-packages", PLATFORM, "Create")
        self._lab.emulator_settings(
            principals={
                account: {"arn": f"arn:aws:iam::{account}:role/builds", "policy": BUILDS}
                for account in (READER, STRANGER)
            }
        )
        token = self._token(READER)
        self._expect("now it can", token is not None)
        ours = {"format": "npm", "namespace": "payments", "package": "ui"}
        self._expect("… and reads", not self._refused("ingest", "team-payments-npm", token=token, **ours))
        self._expect(
            "… but does not publish",
            self._refused("publish", "team-payments-npm", token=token, version="2.0.0", **ours),
        )
        self._expect("an account that nobody named cannot log in", self._token(STRANGER) is None)
        self._expect("the plan has nothing to say any more", not self._noted("no token", about=READER))

    def stop_a_malicious_version(self) -> None:
        self._report.chapter("event-stream turns out to be malicious")
        stream = {"format": "npm", "package": "event-stream"}
        self._expect("payments has it already", not self._refused("ingest", "team-payments-npm", **stream))
        PLATFORM.update(BlockedPackages="/npm//event-stream$")
        self._platform = self._deploy("platform-packages", PLATFORM, "Update")
        self._expect("no new version comes in", self._refused("ingest", "team-payments-npm", version="3.3.7", **stream))
        self._expect("nobody publishes one", self._refused("publish", SHARED, version="3.3.7", **stream))
        self._report.asked("Lambda: invoke the function with RequestType Plan")
        held = self._noted("hold packages already", about="/npm//event-stream$", stack=self._platform)
        self._expect("the plan says who holds it already", held)
        for repository in ("team-payments-npm", "team-payments-npm-upstream"):
            package = ("--format", "npm", "--package", "event-stream", "--versions", "1.0.0")
            self._aws("dispose-package-versions", "--domain", DOMAIN, "--repository", repository, *package)
        self._expect("what was held is gone, too", self._refused("ingest", "team-payments-npm", **stream))
        PLATFORM.update(BlockedPackages="")
        self._platform = self._deploy("platform-packages", PLATFORM, "Update")
        self._expect(
            "unblocked, a good version comes in",
            not self._refused("ingest", "team-payments-npm", version="4.0.1", **stream),
        )
        self._expect("… and not the bad one", self._refused("ingest", "team-payments-npm", **stream))

    def replace_the_repository(self) -> None:
        self._report.chapter("Payments renames its repository: a replacement")
        PAYMENTS.update(RepositoryName="payments-npm")
        old = self._payments.outputs["PhysicalId"]
        self._report.asked("Lambda: invoke the function with RequestType Plan")
        notes = self._plan()["Notes"]
        for note in notes:
            self._report.note("note", note)
        self._expect(
            "the plan says what becomes of the old one", any("if it holds a package" in note for note in notes)
        )
        self._payments = self._deploy("payments-packages", PAYMENTS, "Update")
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
        self._expect("the guard moved along", self._publishers("/npm/payments/*") == ["payments-npm"])

    def log_a_build_in(self) -> None:
        self._report.chapter("A build logs in with the stack's outputs")
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
        self._report.chapter("Everything goes")
        self._delete("payments-packages")
        self._expect(
            "the ledger's repositories, the platform's and what was kept stay",
            self._repositories()
            == [SHARED, "platform-tools", "team-ledger-pypi", "team-ledger-pypi-upstream"]
            + ["team-payments-npm", "team-payments-npm-upstream"],
        )
        self._expect("the ledger's guard stays, payments' is gone", self._groups() == ["/*", "/pypi//ledger-client$"])
        for repository in ("team-payments-npm", "team-payments-npm-upstream", SHARED):
            self._aws("delete-repository", "--domain", DOMAIN, "--repository", repository)
        self._delete("platform-packages")
        self._delete("ledger-packages")
        self._expect("the last stack took the domain with it", self._api.list_domains()["domains"] == [])
        self._cloud.delete("kloudvin-pkgs-key")
        self._cloud.delete("codeartifact-stack")
        self._expect("no stack is left", self._stacks() == [])

    # -- how the story is told ---------------------------------------------------------------------------------

    def _deploy(self, name: str, parameters: dict[str, str], request: str, calls: list | None = None) -> Stack:
        verb = "create" if request == "Create" else "update"
        self._report.asked(f"CloudFormation: {verb} stack {name}")
        stack = self._cloud.deploy(name, _template_of(parameters), **parameters)
        self._tell(self._cloud.new_work())
        made = self._cloud.new_calls()
        if calls is not None:
            calls.extend(made)
        return stack

    def _delete(self, name: str) -> None:
        self._report.asked(f"CloudFormation: delete stack {name}")
        self._cloud.delete(name)
        self._tell(self._cloud.new_work())
        self._cloud.new_calls()

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
        self._report.asked(f"account {account}: get-authorization-token of {DOMAIN}")
        theirs = self._cloud.codeartifact_of(account)
        try:
            answer = theirs.get_authorization_token(domain=DOMAIN, domainOwner=ACCOUNT)
        except theirs.exceptions.AccessDeniedException as refused:
            self._report.note("answer", refused.response["Error"]["Message"])
            return None
        self._report.note("answer", "a token")
        return answer["authorizationToken"]

    def _plan(self, stack: Stack | None = None) -> dict:
        of_platform = stack is not None
        template = cfn_yaml.load(TEMPLATES / ("platform.yaml" if of_platform else "squad.yaml"))
        defaults = {name: spec.get("Default") for name, spec in template["Parameters"].items()}
        given = defaults | (PLATFORM if of_platform else PAYMENTS)
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
                known = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT} | parameters
                for name, text_value in known.items():
                    text = text.replace(f"${{{name}}}", text_value or "")
                return text
            case {"Fn::ImportValue": name}:
                return {"codeartifact-stack-ServiceToken": self._service_token}.get(name, self._key)
        return {key: self._resolve(item, parameters, template) for key, item in value.items()}

    def _aws(self, *arguments: str) -> str:
        self._report.command(shlex.join(("aws", "codeartifact", *arguments)))
        return self._lab.aws("codeartifact", *arguments)

    def _refused(self, action: str, repository: str, **package: str) -> bool:
        who = package.get("caller", "someone")
        name = "/".join(package[part] for part in ("namespace", "package") if part in package)
        name += f"@{package['version']}" if "version" in package else ""
        verb = "installs" if action == "ingest" else "publishes"
        self._report.asked(f"{who} {verb} {name}, repository {repository}")
        why = self._lab.package(action, owner=ACCOUNT, domain=DOMAIN, repository=repository, **package)
        self._report.note("answer", why or "done")
        return why is not None

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
        return f"arn:aws:codeartifact:eu-west-1:{ACCOUNT}:repository/{DOMAIN}/{repository}"

    def _repository(self, name: str) -> dict:
        return self._api.describe_repository(domain=DOMAIN, repository=name)["repository"]

    def _upstreams(self, name: str) -> list[str]:
        return [upstream["repositoryName"] for upstream in self._repository(name)["upstreams"]]

    def _connections(self, name: str) -> list[str]:
        return [connection["externalConnectionName"] for connection in self._repository(name)["externalConnections"]]

    def _policy(self, name: str) -> str:
        return self._api.get_repository_permissions_policy(domain=DOMAIN, repository=name)["policy"]["document"]

    def _statements(self, name: str) -> list[str]:
        return [statement["Sid"] for statement in json.loads(self._policy(name))["Statement"]]

    def _publishers(self, group: str) -> list[str]:
        return self._api.list_allowed_repositories_for_group(
            domain=DOMAIN, packageGroup=group, originRestrictionType="PUBLISH"
        )["allowedRepositories"]

    def _groups(self) -> list[str]:
        return sorted(group["pattern"] for group in self._api.list_package_groups(domain=DOMAIN)["packageGroups"])

    def _tags(self, name: str) -> dict[str, str]:
        tags = self._api.list_tags_for_resource(resourceArn=self._arn(name))["tags"]
        return {tag["key"]: tag["value"] for tag in tags}

    def _repositories(self) -> list[str]:
        found = self._api.list_repositories_in_domain(domain=DOMAIN)["repositories"]
        return sorted(repository["name"] for repository in found)

    def _stacks(self) -> list[str]:
        found = self._cloud.cloudformation.describe_stacks()["Stacks"]
        return [stack["StackName"] for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"]


def _template_of(parameters: dict[str, str]) -> str:
    """The template that takes these parameters."""
    template = TEMPLATES / ("platform.yaml" if parameters is PLATFORM else "squad.yaml")
    return template.read_text(encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/debug/codeartifact-stack")
    parser.add_argument("--emulator", type=Path, default=ROOT / "target/debug/codeartifact-emulator")
    arguments = parser.parse_args()

    end_on_signals()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    report = Report()
    report.title("codeartifact-stack: CloudFormation and Lambda by ministack, CodeArtifact by the emulator")
    try:
        with Lab(FOLDER, arguments.emulator) as lab:
            Demo(lab, report, arguments.binary).run()
            _keep_calls(lab)
    except (Unexpected, StackFailed, LabError) as error:
        report.failure(str(error))
        print(f"\nThe demo failed. Logs: {FOLDER.relative_to(ROOT)}/*.log", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything that ran is stopped.", file=sys.stderr)
        return 130
    print(f"\nAll {report.checks} checks hold, in {report.elapsed():.0f} s. Nothing is left running.")
    return 0


def _keep_calls(lab: Lab) -> None:
    """Leaves the access log where tools/check_iam.py looks for the operations that were called."""
    operations = ROOT / "target/operations"
    operations.mkdir(parents=True, exist_ok=True)
    try:
        (operations / "demo.json").write_text(json.dumps(lab.emulator_log()), encoding="utf-8")
    except OSError as error:
        print(f"could not keep the access log: {error}", file=sys.stderr)


def _too_long(*_) -> None:
    raise Unexpected(f"not done after {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
