"""examples/sam, deployed by the SAM CLI as its README says."""

import fnmatch
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/sam"
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402

TEMPLATE = cfn_yaml.load(EXAMPLE / "template.yaml")
ACCOUNT = "arn:aws:iam::123456789012"
ENTER = ". target/lab/env\ncd examples/sam\n"


def blocks(heading: str) -> list[str]:
    """The commands that the README gives below a heading, one text for each block."""
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def test_the_readmes_commands_are_all_that_a_squad_needs(terminal):
    start, deploy, join, leave = blocks("Try it on this machine")
    assert start.split("#")[0].strip() == "make lab"

    shown = terminal.run(deploy)
    outputs = terminal.outputs("sam-packages")
    assert f"registry {outputs['NpmEndpoint']}" in shown
    check_the_key(terminal, outputs["KmsKeyArn"])
    check_who_has_access(terminal)
    check_the_builds_login(terminal, outputs)

    terminal.run(ENTER + join)
    codeartifact = terminal.client("codeartifact")
    names = {found["name"] for found in codeartifact.list_repositories()["repositories"]}
    assert names == {"payments-npm", "payments-npm-upstream", "ledger-npm", "ledger-npm-upstream"}
    groups = codeartifact.list_package_groups(domain="sam-pkgs")["packageGroups"]
    assert {group["pattern"] for group in groups} >= {"/npm/payments/*", "/npm/ledger/*"}

    stacks = [terminal.stack_id(name) for name in ("sam-packages", "sam-ledger")]
    terminal.run(ENTER + leave)
    assert {terminal.end_of(stack) for stack in stacks} == {"DELETE_COMPLETE"}
    assert codeartifact.list_domains()["domains"] == []
    key = terminal.client("kms").describe_key(KeyId=outputs["KmsKeyArn"])["KeyMetadata"]
    assert key["KeyState"] == "Enabled"


def test_a_typo_is_told_before_a_deployment(terminal, tmp_path):
    (lint,) = blocks("Before a deployment")
    terminal.run(ENTER + lint)
    text = (EXAMPLE / "template.yaml").read_text(encoding="utf-8")
    (tmp_path / "template.yaml").write_text(text.replace(" RepositoryName: !", " RepositoryNames: !"), encoding="utf-8")
    told = terminal.run(f"{ENTER} ! {lint.replace('template.yaml', str(tmp_path / 'template.yaml'))}")
    assert "RepositoryNames: there is no such property, did you mean RepositoryName?" in told


def check_the_key(terminal, key: str) -> None:
    kms = terminal.client("kms")
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    by_sid = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert by_sid.keys() == {"CreateTheDomain", "Administer"}
    create = by_sid["CreateTheDomain"]
    assert create["Principal"] == {"AWS": terminal.outputs("codeartifact-stack")["RoleArn"]}
    assert create["Condition"]["StringEquals"] == {
        "kms:CallerAccount": "123456789012",
        "kms:ViaService": "codeartifact.eu-west-1.amazonaws.com",
    }
    administer = by_sid["Administer"]
    assert administer["Principal"] == {"AWS": f"{ACCOUNT}:root"}
    assert "kms:PutKeyPolicy" in administer["Action"], "without it nobody could mend the policy"
    assert not [action for action in administer["Action"] if re.search(r"\*|crypt|Generate|CreateGrant|Sign", action)]


def test_the_role_of_the_function_asks_for_what_the_key_grants():
    key = TEMPLATE["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"][0]
    role = cfn_yaml.load(ROOT / "template.yaml")["Resources"]["Role"]["Properties"]
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    (keys,) = [statement for statement in statements if statement.get("Sid") == "DomainKeys"]
    assert key["Action"] == keys["Action"]


def check_who_has_access(terminal) -> None:
    codeartifact = terminal.client("codeartifact")
    found = codeartifact.get_repository_permissions_policy(domain="sam-pkgs", repository="payments-npm")
    policy = json.loads(found["policy"]["document"])
    build = build_project(terminal)["serviceRole"]
    assert {statement["Sid"]: statement["Principal"] for statement in policy["Statement"]} == {
        "Publish": {"AWS": build},
        "Read": {"AWS": build},
    }


def build_project(terminal) -> dict:
    (project,) = terminal.client("codebuild").batch_get_projects(names=["sam-packages"])["projects"]
    return project


def check_the_builds_login(terminal, outputs: dict[str, str]) -> None:
    """Runs what the build runs before it builds, with npm itself, and looks what npm knows then."""
    project = build_project(terminal)
    environment = {item["name"]: item["value"] for item in project["environment"]["environmentVariables"]}
    commands = yaml.safe_load(project["source"]["buildspec"])["phases"]["pre_build"]["commands"]
    terminal.run(". target/lab/env\n" + "\n".join(commands), **environment)
    npmrc = (terminal.home / ".npmrc").read_text(encoding="utf-8")
    assert f"registry={outputs['NpmEndpoint']}" in npmrc
    assert re.search(r":_authToken=\S", npmrc)


def test_the_build_can_do_no_more_than_log_in_and_log():
    statements = TEMPLATE["Resources"]["BuildPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert {statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in statements} == {
        "Token": ("codeartifact:GetAuthorizationToken", {"Fn::GetAtt": ["Packages", "DomainArn"]}),
        "Bearer": ("sts:GetServiceBearerToken", "*"),
        "Logs": (["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["BuildLogs", "Arn"]}),
    }
    bearer = statements[1]
    assert bearer["Condition"] == {"StringEquals": {"sts:AWSServiceName": "codeartifact.amazonaws.com"}}
    (trust,) = TEMPLATE["Resources"]["BuildRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"].keys() == {"aws:SourceArn"}


@pytest.mark.parametrize("environment", ["dev", "stage", "prod"])
def test_an_environment_deploys_with_the_function_of_the_same_environment(terminal, environment):
    function = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))[environment]
    deploy_the_function(terminal, function["global"]["parameters"]["stack_name"], overrides(function))
    mine = tomllib.loads((EXAMPLE / "samconfig.toml").read_text(encoding="utf-8"))[environment]
    stack = mine["deploy"]["parameters"]["stack_name"]

    terminal.run(ENTER + f"sam deploy --config-env {environment} --no-confirm-changeset")
    deployed = stack_parameters(terminal, stack)
    assert deployed["FunctionStack"] == function["global"]["parameters"]["stack_name"]
    assert deployed.items() >= overrides(mine).items()
    assert fnmatch.fnmatchcase(deployed["DomainName"], overrides(function).get("DomainNamePattern", "*"))
    assert terminal.outputs(stack)["DomainName"] == deployed["DomainName"]


def overrides(environment: dict) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in environment["deploy"]["parameters"]["parameter_overrides"])


def stack_parameters(terminal, stack: str) -> dict[str, str]:
    (found,) = terminal.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]}


def deploy_the_function(terminal, stack: str, wanted: dict[str, str]) -> None:
    """Deploys the lab's function once more, under an environment's name and with its parameters."""
    if stack == "codeartifact-stack":
        return
    parameters = stack_parameters(terminal, "codeartifact-stack") | wanted
    terminal.client("cloudformation").create_stack(
        StackName=stack,
        TemplateBody=(terminal.folder / "package/packaged.yaml").read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    assert terminal.end_of(stack) == "CREATE_COMPLETE"
