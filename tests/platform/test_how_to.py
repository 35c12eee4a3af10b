"""docs/how-to.md, followed from top to bottom in a lab: each file is deployed, each command is run."""

import json
import re
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest
from pages import ROOT, blocks

PAGE = blocks("docs/how-to.md")
TEMPLATES = {block.file: block.text for block in PAGE if block.language == "yaml"}
(GUEST_POLICY,) = [block.text for block in PAGE if block.file == "guests.json"]
DOMAIN = "kloudvin-pkgs"
GROUP = {"domain": "group-pkgs", "domainOwner": "210987654321"}
UI = {"domain": DOMAIN, "format": "generic", "namespace": "payments", "package": "ui"}
# What cannot be done here: the emulator does not copy packages.
NOT_RUN = [("Rename a repository", 2)]
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402


def test_each_template_is_clean(tmp_path):
    for name, template in TEMPLATES.items():
        (tmp_path / name).write_text(template, encoding="utf-8")
    subprocess.run(
        [ROOT / ".venv/bin/cfn-lint", "--append-rules", ROOT / "cfnlint", "--", *tmp_path.iterdir()], check=True
    )


def test_the_guests_policy_allows_what_the_function_asks_for():
    policy = json.loads(GUEST_POLICY)["Statement"]
    allowed = {statement["Sid"]: set(statement["Action"]) for statement in policy}
    role = cfn_yaml.load(ROOT / "template.yaml")["Resources"]["Role"]["Properties"]
    statements = [
        statement.get("Fn::If", ["", statement])[1] for statement in role["Policies"][0]["PolicyDocument"]["Statement"]
    ]
    asked = {statement["Sid"]: set(statement["Action"]) for statement in statements}
    assert asked["OtherDomains"] <= allowed["Domain"]
    assert asked["Repositories"] <= allowed["GuestRepositories"] | allowed["GuestAccess"]
    assert asked["OtherDomainsAtCreation"] == allowed["OwnerTagsAtCreation"]


def test_what_access_allows_is_what_the_function_writes():
    source = (ROOT / "src/properties/access.rs").read_text(encoding="utf-8")
    written = set(re.findall(r'"(codeartifact:\w+)"', source.split("#[cfg(test)]")[0]))
    rows = [row.split(" | ") for row in (ROOT / "docs/how-to.md").read_text(encoding="utf-8").splitlines()]
    told = {
        action
        for row in rows
        if len(row) == 3 and row[0] in ("| a token", "| log in, read", "| look around", "| publish")
        for action in re.findall(r"`(codeartifact:\w+)`", row[1])
    }
    assert told == written


def upstreams(terminal, repository: str) -> list[str]:
    found = terminal.client("codeartifact").describe_repository(domain=DOMAIN, repository=repository)
    return [upstream["repositoryName"] for upstream in found["repository"]["upstreams"]]


def repositories(terminal, domain: str, **owner: str) -> list[str]:
    found = terminal.client("codeartifact").list_repositories_in_domain(domain=domain, **owner)
    return sorted(repository["name"] for repository in found["repositories"])


def answer(shell) -> dict:
    return json.loads((shell.folder / "answer.json").read_text(encoding="utf-8"))


class Looks:
    """What is true once a block is followed: a method for a heading, told which of its blocks it was."""

    def __init__(self, terminal, shell):
        self.terminal, self.shell = terminal, shell

    def look(self, heading: str, number: int, printed: str) -> None:
        getattr(self, heading.lower().replace(" ", "_").replace("'", ""), lambda *_: None)(number, printed)

    def have_several_registries_in_one_repository(self, _, printed):
        registries = [f"team-platform-upstream-{registry}" for registry in ("npmjs", "pypi", "maven-central")]
        assert upstreams(self.terminal, "team-platform") == registries
        outputs = self.terminal.outputs("platform-packages")
        for format in ("npm", "pypi", "maven"):
            assert outputs[f"{format.capitalize()}Endpoint"].endswith(f"/{format}/team-platform/")

    def share_a_domain(self, number, _):
        if number == 1:
            assert "/npm/team-payments/" in self.terminal.outputs("payments-packages")["NpmEndpoint"]
            assert upstreams(self.terminal, "team-payments") == ["team-platform"]
            cloudformation = self.terminal.client("cloudformation")
            with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
                cloudformation.delete_stack(StackName="platform-packages")

    def let_a_build_in(self, _, printed):
        assert self.terminal.outputs("payments-packages")["NpmEndpoint"] in printed

    def let_another_account_in(self, *_):
        theirs = {"domain": "open-pkgs", "domainOwner": "123456789012"}
        reader = self.terminal.client("codeartifact", account="444455556666")
        assert reader.get_authorization_token(**theirs)["authorizationToken"]
        assert reader.describe_repository(repository="team-open", **theirs)["repository"]["name"] == "team-open"
        stranger = self.terminal.client("codeartifact", account="777788889999")
        with pytest.raises(stranger.exceptions.AccessDeniedException):
            stranger.get_authorization_token(**theirs)

    def repair_drift(self, number, printed):
        if number == 1:
            assert printed.rindex("Managed by CloudFormation") > printed.index("mine now")

    def move_a_repository_to_another_stack_or_logical_id(self, number, _):
        if number == 1:
            arn = f"arn:aws:codeartifact:eu-west-1:123456789012:repository/{DOMAIN}/team-archive"
            found = self.terminal.client("codeartifact").list_tags_for_resource(resourceArn=arn)["tags"]
            tags = {each["key"]: each["value"] for each in found}
            assert tags["codeartifact-stack:logical-id"] == "Archive"
            assert "codeartifact-stack:adopted" not in tags

    def protect_internal_packages(self, *_):
        assert len(self.terminal.outputs("ledger-packages")["PackageGroups"].split(",")) == 2

    def see_what_would_change(self, number, printed):
        if number == 0:
            assert '"Converged": true' in printed
            self.no_plan_is_shown_of_what_is_not_there()
            assert answer(self.shell)["Steps"] == [
                "UpdateRepository team-payments",
                "DeleteRepositoryPermissionsPolicy team-payments",
            ]
        else:
            (promised,) = re.findall(r"# (\[.*\])", PAGE_TEXT)
            assert answer(self.shell)["Steps"] == json.loads(promised)
            assert "this is a plan for" in str(answer(self.shell)["Notes"])

    def no_plan_is_shown_of_what_is_not_there(self):
        before = (self.shell.folder / "answer.json").read_text(encoding="utf-8")
        said = self.shell.run("! plan payments-packages Nothing")
        assert "no such resource in payments-packages: Nothing" in said
        assert "Steps" not in said
        said = self.shell.run("! plan no-packages Packages")
        assert "does not exist" in said
        assert "Steps" not in said
        (self.shell.folder / "answer.json").write_text(before, encoding="utf-8")

    def find_and_repair_drift(self, number, printed):
        if number == 1:
            assert answer(self.shell)["Steps"] == ["UpdateRepository team-payments"]
        if number == 2:
            assert answer(self.shell)["Converged"]

    def adopt_what_exists(self, number, _):
        if number == 1:
            assert upstreams(self.terminal, "team-legacy") == ["team-platform"]

    def keep_packages_when_a_stack_goes(self, number, printed):
        if number == 1:
            assert "team-archive" in printed

    def rename_a_repository(self, number, printed):
        new = UI | {"repository": "team-payments-2"}
        if number == 0:
            assert "if it holds a package" in printed
            assert upstreams(self.terminal, "team-payments-2") == ["team-payments", "team-platform"]
            self.terminal.emulator("ingest", new)
            with pytest.raises(urllib.error.HTTPError):
                self.terminal.emulator("publish", new | {"version": "2.0.0"})
        if number == 1:
            self.terminal.emulator("publish", new | {"version": "2.0.0"})
        if number == 3:
            assert upstreams(self.terminal, "team-payments-2") == ["team-platform"]
            assert "team-payments" not in repositories(self.terminal, DOMAIN)

    def protect_a_domain_from_deletion(self, number, _):
        if number == 0:
            assert "explicit deny" in refused_deletion(self.terminal, "vault-packages")
            assert repositories(self.terminal, "vault-pkgs") == ["team-vault"]
        elif number == 1:
            domains = self.terminal.client("codeartifact").list_domains()["domains"]
            assert "vault-pkgs" not in {each["name"] for each in domains}

    def use_another_accounts_domain(self, number, _):
        if number == 3:
            assert repositories(self.terminal, **GROUP) == ["group-shared", "team-guest", "team-guest-upstream"]

    def take_it_all_down(self, number, _):
        theirs = self.terminal.client("codeartifact", account=GROUP["domainOwner"])
        if number == 0:
            shared = [f"team-platform-upstream-{registry}" for registry in ("maven-central", "npmjs", "pypi")]
            kept = ["team-legacy", "team-payments-2", "team-platform", *shared]
            assert repositories(self.terminal, DOMAIN) == kept
            assert repositories(self.terminal, **GROUP) == ["group-shared"]
            groups = self.terminal.client("codeartifact").list_package_groups(domain=DOMAIN)["packageGroups"]
            assert {group["pattern"] for group in groups} <= {"/*"}
        elif number == 1:
            assert self.terminal.client("codeartifact").list_domains()["domains"] == []
        else:
            assert theirs.list_domains()["domains"] == []


PAGE_TEXT = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")


def refused_deletion(terminal, name: str) -> str:
    """The Reason for which a stack cannot be deleted."""
    cloudformation = terminal.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    assert terminal.end_of(name) == "DELETE_FAILED"
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"] == "DELETE_FAILED"]
    return next(event["ResourceStatusReason"] for event in failed if event["LogicalResourceId"] == "Packages")


def test_the_page_can_be_followed_from_top_to_bottom(terminal, tmp_path):
    with terminal.shell(tmp_path) as shell:
        looks = Looks(terminal, shell)
        for block in PAGE:
            if (block.heading, block.number) in NOT_RUN:
                continue
            printed = shell.follow(block)
            if block.language == "yaml":
                printed = shell.run(f"deploy {Path(block.file).stem}")
            looks.look(block.heading, block.number, printed)
