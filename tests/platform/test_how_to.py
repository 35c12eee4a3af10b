"""docs/how-to.md, told from top to bottom in a lab: each file is deployed, each command is run."""

import json
import re
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")
DOMAIN = "kloudvin-pkgs"
SOON = {"Delay": 0.1, "MaxAttempts": 600}
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402


def blocks(language: str) -> list[tuple[str, str]]:
    """The page's blocks of a language, each with the heading that it stands below."""
    sections = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return [
        (heading, block)
        for heading, text in sections
        for block in re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


TEMPLATES = {re.match(r"# (\S+)\.yaml\n", block)[1]: block for _, block in blocks("yaml")}
COMMANDS = dict(blocks("sh"))
((_, GUEST_POLICY),) = blocks("json")


def test_each_template_is_clean(tmp_path):
    for name, template in TEMPLATES.items():
        (tmp_path / f"{name}.yaml").write_text(template, encoding="utf-8")
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
    assert asked["Repositories"] | asked["Tags"] <= allowed["GuestRepositories"]
    assert asked["OtherDomainsAtCreation"] == allowed["OwnerTagsAtCreation"]


def deploy(terminal, name: str) -> dict[str, str]:
    cloudformation = terminal.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=TEMPLATES[name])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=SOON)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def delete(terminal, name: str) -> None:
    cloudformation = terminal.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=SOON)


def move_the_archive(terminal, folder: Path) -> None:
    """A repository that was kept is another logical id's, and in the end goes with it."""
    codeartifact = terminal.client("codeartifact")
    archive = {"domain": DOMAIN, "repository": "team-archive"}
    deploy(terminal, "moved-packages")
    arn = codeartifact.describe_repository(**archive)["repository"]["arn"]
    terminal.run(run_in(folder, COMMANDS["Move a repository to another stack or logical id"]))
    tags = {each["key"]: each["value"] for each in codeartifact.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags["codeartifact-stack:logical-id"] == "Archive"
    assert "codeartifact-stack:adopted" not in tags
    delete(terminal, "moved-packages")
    assert "team-archive" not in repositories(terminal, DOMAIN)


def repair_drift(terminal, folder: Path) -> None:
    deploy(terminal, "checkout-packages")
    (folder / "checkout-packages.yaml").write_text(TEMPLATES["checkout-packages"], encoding="utf-8")
    printed = terminal.run(run_in(folder, COMMANDS["Repair drift"]))
    assert printed.rindex("Managed by CloudFormation") > printed.index("mine now")
    delete(terminal, "checkout-packages")


def let_another_account_in(terminal) -> None:
    deploy(terminal, "open-packages")
    theirs = {"domain": "open-pkgs", "domainOwner": "123456789012"}
    reader = terminal.client("codeartifact", account="444455556666")
    assert reader.get_authorization_token(**theirs)["authorizationToken"]
    found = reader.describe_repository(repository="team-open", **theirs)
    assert found["repository"]["name"] == "team-open"
    stranger = terminal.client("codeartifact", account="777788889999")
    with pytest.raises(stranger.exceptions.AccessDeniedException):
        stranger.get_authorization_token(**theirs)
    delete(terminal, "open-packages")


def rename_payments(terminal, folder: Path) -> None:
    """As the page says: the new repository reads the old one's packages, and can publish them too."""
    ui = {"domain": DOMAIN, "format": "npm", "namespace": "payments", "package": "ui"}
    terminal.emulator("publish", ui | {"repository": "team-payments"})
    renamed = TEMPLATES["payments-packages"].replace("RepositoryName: team-payments", "RepositoryName: team-payments-2")
    renamed = renamed.replace("Upstreams: [platform-shared]", "Upstreams: [team-payments, platform-shared]")
    cloudformation, codeartifact = terminal.client("cloudformation"), terminal.client("codeartifact")
    cloudformation.update_stack(StackName="payments-packages", TemplateBody=renamed)
    assert terminal.end_of("payments-packages") == "UPDATE_COMPLETE"

    new = ui | {"repository": "team-payments-2"}
    terminal.emulator("ingest", new)
    with pytest.raises(urllib.error.HTTPError):
        terminal.emulator("publish", new | {"version": "2.0.0"})
    terminal.run(run_in(folder, COMMANDS["Rename a repository"]))
    terminal.emulator("publish", new | {"version": "2.0.0"})
    for repository in ("team-payments-2", "team-payments"):
        codeartifact.delete_repository(domain=DOMAIN, repository=repository)


def refused_deletion(terminal, name: str) -> str:
    """The Reason for which a stack cannot be deleted."""
    cloudformation = terminal.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    assert terminal.end_of(name) == "DELETE_FAILED"
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"] == "DELETE_FAILED"]
    return next(event["ResourceStatusReason"] for event in failed if event["LogicalResourceId"] == "Packages")


def upstreams(terminal, repository: str) -> list[str]:
    found = terminal.client("codeartifact").describe_repository(domain=DOMAIN, repository=repository)
    return [upstream["repositoryName"] for upstream in found["repository"]["upstreams"]]


def repositories(terminal, domain: str, **owner: str) -> list[str]:
    found = terminal.client("codeartifact").list_repositories_in_domain(domain=domain, **owner)
    return sorted(repository["name"] for repository in found["repositories"])


def test_the_page_can_be_followed_from_top_to_bottom(terminal, tmp_path):
    codeartifact = terminal.client("codeartifact")
    deploy(terminal, "packages-key")

    endpoints = deploy(terminal, "platform-packages")
    assert [re.search(r"\.com/(\w+)/platform-shared/$", url)[1] for url in endpoints.values()] == [
        "npm",
        "pypi",
        "maven",
    ]
    registries = [f"platform-shared-upstream-{registry}" for registry in ("npmjs", "pypi", "maven-central")]
    assert upstreams(terminal, "platform-shared") == registries

    assert "/npm/team-payments/" in deploy(terminal, "payments-packages")["Npm"]
    assert upstreams(terminal, "team-payments") == ["platform-shared"]

    groups = deploy(terminal, "ledger-packages")["PackageGroups"].split(",")
    assert len(groups) == 2

    terminal.run(run_in(tmp_path, COMMANDS["Adopt what exists"]))
    deploy(terminal, "legacy-packages")
    assert upstreams(terminal, "team-legacy") == ["platform-shared"]

    deploy(terminal, "archive-packages")
    assert "team-archive" in terminal.run(run_in(tmp_path, COMMANDS["Keep packages when a stack goes"]))

    move_the_archive(terminal, tmp_path)
    repair_drift(terminal, tmp_path)
    let_another_account_in(terminal)

    open_the_other_account(terminal)
    deploy(terminal, "guest-packages")
    other = {"domain": "group-pkgs", "domainOwner": "210987654321"}
    assert repositories(terminal, **other) == ["team-guest", "team-guest-upstream"]

    deploy(terminal, "vault-packages")
    assert "explicit deny" in refused_deletion(terminal, "vault-packages")
    assert repositories(terminal, "vault-pkgs") == ["team-vault"]
    terminal.run(run_in(tmp_path, COMMANDS["Protect a domain from deletion"]))
    assert "vault-pkgs" not in {each["name"] for each in codeartifact.list_domains()["domains"]}

    rename_payments(terminal, tmp_path)

    command = COMMANDS["See what would change"]
    printed = terminal.run(run_in(tmp_path, command))
    promised = json.loads(command.split("# ")[-1])
    assert json.loads((tmp_path / "answer.json").read_text()) == promised
    assert "team-search" in printed

    for name in ("guest-packages", "legacy-packages", "ledger-packages", "payments-packages", "platform-packages"):
        delete(terminal, name)
    assert repositories(terminal, **other) == []
    assert repositories(terminal, DOMAIN) == ["team-legacy"]
    patterns = {group["pattern"] for group in codeartifact.list_package_groups(domain=DOMAIN)["packageGroups"]}
    assert patterns <= {"/*"}


def run_in(folder: Path, command: str) -> str:
    return f". target/lab/env\ncd '{folder}'\n{command}"


def open_the_other_account(terminal) -> None:
    """What the account of the domain group-pkgs does: it makes the domain, and lets guests in as the page says."""
    key = "arn:aws:kms:eu-west-1:210987654321:key/7c9a1f5e-2b64-4d0c-9c55-1f0e8d3b6a72"
    theirs = terminal.client("codeartifact", account="210987654321")
    theirs.create_domain(domain="group-pkgs", encryptionKey=key)
    theirs.put_domain_permissions_policy(domain="group-pkgs", policyDocument=GUEST_POLICY)
