"""examples/cdk and examples/cdk-python, synthesized and deployed by the CDK CLI as their READMEs say."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/cdk"
IN_PYTHON = ROOT / "examples/cdk-python"
INSTALL = "npm ci\nnpm install --no-save ../../target/cdk/dist/*.tgz\n"
ENTER = ". target/lab/env\ncd examples/cdk\n"
# What the Provider framework answers where a Create failed, whatever the function said.
FAILED_ID = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"


@pytest.fixture(scope="module")
def build() -> str:
    """The option with which the app bundles the build for this machine, which the tests' package has in it."""
    return f"-c architecture={os.uname().machine.replace('aarch64', 'arm64')}"


def blocks(heading: str, example: Path = EXAMPLE) -> list[str]:
    readme = (example / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def bootstrapped(terminal) -> str:
    """The lab after the first commands of the README; what comes after them."""
    start, commands, _ = blocks("Try it on this machine")
    assert start.split("#")[0].strip() == "make lab"
    bootstrap, rest = re.split(r"^(?=npx cdk deploy)", commands, flags=re.MULTILINE)
    # make has done this already: these tests need it too.
    assert INSTALL in bootstrap
    terminal.run(bootstrap.replace(INSTALL, ""))
    return rest


def check_with_the_linter(folder: Path, count: int = 4) -> None:
    templates = sorted(map(str, folder.glob("*.template.json")))
    assert len(templates) == count
    # W4001: the interface of template.yaml names parameters that have a value here.
    # W3005: CDK's own Provider depends on a role that it refers to.
    options = ["--ignore-checks", "W4001", "W3005", "--append-rules", ROOT / "cfnlint"]
    command = [ROOT / ".venv/bin/cfn-lint", *options, "--", *templates]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_the_readmes_commands_are_all_that_a_newcomer_needs(terminal, bootstrapped):
    deploy, destroy = re.split(r"^(?=npx cdk destroy)", bootstrapped, flags=re.MULTILINE)
    terminal.run(ENTER + deploy)
    check_with_the_linter(EXAMPLE / "cdk.out")

    codeartifact = terminal.client("codeartifact")
    (domain,) = codeartifact.list_domains()["domains"]
    assert domain["name"] == "kloudvin-pkgs"
    assert {found["name"] for found in codeartifact.list_repositories()["repositories"]} == {
        *("team-payments", "team-payments-upstream", "team-ledger", "team-ledger-upstream", "team-search"),
        *("team-search-upstream-npmjs", "team-search-upstream-maven-central"),
    }
    assert terminal.outputs("ledger-packages")["PypiEndpoint"].endswith("/pypi/team-ledger/")
    assert terminal.outputs("search-packages")["MavenEndpoint"].endswith("/maven/team-search/")
    payments = codeartifact.get_repository_permissions_policy(domain="kloudvin-pkgs", repository="team-payments")
    assert "210987654321" in payments["policy"]["document"]

    terminal.run(ENTER + destroy)
    assert codeartifact.list_domains()["domains"] == []


@pytest.mark.usefixtures("bootstrapped")
def test_an_app_in_python_is_deployed_by_its_readmes_commands(terminal, tmp_path):
    _, commands = blocks("Try it on this machine", IN_PYTHON)
    # make and the other example's test have done these already.
    for done in ("cd examples/cdk && npm ci && cd ../cdk-python\n", "cdk bootstrap aws://123456789012/eu-west-1\n"):
        assert done in commands
        commands = commands.replace(done, "cd examples/cdk-python\n" if "cdk-python" in done else "")
    deploy, destroy = commands.split("cdk destroy")
    # jsii unpacks CDK once for a machine, into the home that it is told.
    cache = str(ROOT / "target/cache/jsii")
    terminal.run(f"{deploy.strip()} --output {tmp_path}", JSII_RUNTIME_PACKAGE_CACHE_ROOT=cache)
    check_with_the_linter(tmp_path, 1)

    codeartifact = terminal.client("codeartifact")
    assert {found["name"] for found in codeartifact.list_repositories()["repositories"]} == {
        *("team-risk", "team-risk-upstream-pypi", "team-risk-upstream-npmjs"),
    }
    assert terminal.outputs("risk-packages")["PypiEndpoint"].endswith("/pypi/team-risk/")
    policy = codeartifact.get_repository_permissions_policy(domain="kloudvin-risk", repository="team-risk")
    assert "210987654321" in policy["policy"]["document"]

    stack = terminal.stack_id("risk-packages")
    assert destroy.strip() == "--force"
    terminal.client("cloudformation").delete_stack(StackName=stack)
    assert terminal.end_of(stack) == "DELETE_COMPLETE"
    assert codeartifact.list_domains()["domains"] == []


def test_a_bundled_function_gives_the_linter_nothing_to_say(terminal, build, tmp_path):
    terminal.run(ENTER + f"npx cdk synth --quiet --output {tmp_path} -c function=bundled {build}")
    check_with_the_linter(tmp_path)


@pytest.mark.usefixtures("bootstrapped")
def test_the_function_works_behind_cdks_provider(terminal, build, tmp_path):
    (command,) = blocks("Where the function comes from")
    command = command.replace("--all", "packages-platform payments-packages")
    command = command.strip() + f" {build} --output {tmp_path}"
    terminal.run(ENTER + command)
    check_with_the_linter(tmp_path)
    outputs = terminal.outputs("payments-packages")
    assert outputs["RepositoryArn"].endswith(":repository/kloudvin-pkgs/team-payments")
    assert outputs["NpmEndpoint"].endswith("/npm/team-payments/")
    assert outputs["InternalPackageGroups"]

    check_what_a_failed_create_leaves(terminal, (tmp_path / "ledger-packages.template.json").read_text("utf-8"))
    payments = terminal.stack_id("payments-packages")
    terminal.client("cloudformation").delete_stack(StackName=payments)
    assert terminal.end_of(payments) == "DELETE_COMPLETE"
    assert terminal.client("codeartifact").list_domains()["domains"] == []


def check_what_a_failed_create_leaves(terminal, template: str) -> None:
    """The framework drops the Delete of a failed Create. A direct call takes its place."""
    cloudformation, codeartifact = terminal.client("cloudformation"), terminal.client("codeartifact")
    terminal.emulator("faults", {"operation": "PutRepositoryPermissionsPolicy", "effect": "access-denied", "times": 1})
    stack = cloudformation.create_stack(
        StackName="ledger-packages",
        TemplateBody=template,
        Parameters=[{"ParameterKey": "BootstrapVersion", "ParameterValue": "/cdk-bootstrap/hnb659fds/version"}],
        Capabilities=["CAPABILITY_IAM"],
    )["StackId"]
    assert terminal.end_of(stack) == "ROLLBACK_COMPLETE"
    names = {found["name"] for found in codeartifact.list_repositories(repositoryPrefix="team-ledger")["repositories"]}
    assert names == {"team-ledger", "team-ledger-upstream"}

    (logical_id,) = [name for name, made in json.loads(template)["Resources"].items() if "Custom::" in made["Type"]]
    delete = {
        "RequestType": "Delete",
        "StackId": stack,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": FAILED_ID,
        "ResourceProperties": {"DomainName": "kloudvin-pkgs", "RepositoryName": "team-ledger"},
    }
    function = terminal.outputs("packages-platform")["ServiceToken"]
    answer = terminal.client("lambda").invoke(FunctionName=function, Payload=json.dumps(delete).encode())
    assert json.load(answer["Payload"])["PhysicalResourceId"] == FAILED_ID
    assert codeartifact.list_repositories(repositoryPrefix="team-ledger")["repositories"] == []
