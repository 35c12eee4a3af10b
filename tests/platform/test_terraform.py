"""terraform/: what the modules say, read by a parser of HCL, as neither Terraform nor OpenTofu is at hand."""

import json
import re
import sys
from pathlib import Path

import hcl2
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "cfnlint"), str(ROOT / "tools")]
import cfn_yaml  # noqa: E402
import codeartifact_stack as rule  # noqa: E402

MODULES = [ROOT / "terraform", ROOT / "terraform/function"]
PAGE = (ROOT / "docs/migrate-from-terraform.md").read_text(encoding="utf-8")
# What the module that the page is about takes and gives.
INPUTS = {
    *("domain_name", "kms_key_arn", "repository_name", "repository_description", "external_connection", "upstreams"),
    *("domain_policy_document", "repository_policy_document", "tags"),
}
OUTPUTS = {
    *("domain_name", "domain_arn", "domain_owner", "repository_name", "repository_arn", "upstream_repository_name"),
}


def unquoted(value):
    """What hcl2 gives, without the quotes of its strings and what it says about places."""
    if isinstance(value, dict):
        return {unquoted(name): unquoted(member) for name, member in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [unquoted(item) for item in value]
    return value.strip('"') if isinstance(value, str) else value


def module(folder: Path) -> dict:
    """All files of a module, block by block: {"variable": {"tags": {…}}, …}."""
    blocks = {}
    for file in sorted(folder.glob("*.tf")):
        for kind, found in unquoted(hcl2.loads(file.read_text(encoding="utf-8"))).items():
            for block in found:
                blocks.setdefault(kind, {}).update(block)
    return blocks


def rendered(values: dict) -> dict:
    """The properties of the template that the module makes of these values of its variables."""
    stated = module(ROOT / "terraform")["locals"]["stated"]
    names = {name: re.fullmatch(r"\$\{var\.(\w+)\}", value)[1] for name, value in stated.items()}
    return {name: values[variable] for name, variable in names.items() if variable in values}


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_a_module_uses_what_it_declares_and_nothing_else(folder):
    parsed = module(folder)
    text = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.tf"))
    assert set(re.findall(r"\bvar\.(\w+)", text)) == parsed["variable"].keys()
    assert all(block["description"] for kind in ("variable", "output") for block in parsed[kind].values())


def test_the_modules_names_are_those_that_users_know():
    parsed = module(ROOT / "terraform")
    assert parsed["variable"].keys() == INPUTS | {"service_token", "stack_name", "properties"}
    assert parsed["output"].keys() == OUTPUTS | {"outputs"}
    for name in sorted(OUTPUTS):
        wanted = "".join(part.capitalize() for part in name.split("_"))
        assert parsed["output"][name]["value"] == f'${{aws_cloudformation_stack.packages.outputs["{wanted}"]}}'


def test_the_page_maps_every_input_and_every_output():
    inputs, outputs = (re.search(rf"^## {part}\n(.*?)^## ", PAGE, re.M | re.S)[1] for part in ("Inputs", "Outputs"))
    assert {name for name in INPUTS if f"`{name}`" not in inputs} == set()
    assert {name for name in OUTPUTS if f"`{name}`" not in outputs} == set()


def test_its_outputs_are_all_that_the_reference_has():
    reference = (ROOT / "docs/reference.md").read_text(encoding="utf-8").split("\n## Outputs\n")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in reference.splitlines() if row.startswith("| `")]
    assert set(module(ROOT / "terraform")["locals"]["outputs"]) == set(re.findall(r"`(\w+)`", "".join(rows)))


def test_its_inputs_become_properties_that_the_schema_knows():
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'
    )
    properties = rendered(
        {
            "domain_name": "kloudvin-pkgs",
            "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd",
            "repository_name": "team-payments",
            "repository_description": "Packages of the payments team",
            "external_connection": "public:npmjs",
            "upstreams": ["shared"],
            "domain_policy_document": policy,
            "repository_policy_document": policy,
            "tags": {"team": "payments"},
        }
    )
    assert len(properties) == len(INPUTS)
    assert list(rule.problems(properties)) == []
    assert [problem.message for problem in rule.problems(rendered({"domain_name": "Pkgs"}))] != []


def test_the_function_module_finds_the_zip_in_a_released_template():
    locals_ = module(ROOT / "terraform/function")["locals"]
    assert "CodeUri: (" in locals_["zip"]
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert len(re.findall(r"CodeUri: (\S+)", template)) == 1
    outputs = cfn_yaml.load(ROOT / "template.yaml")["Outputs"]
    assert "ServiceToken" in outputs
    # A template in a call may have so many bytes.
    assert len(template.encode()) < 51_200


def test_the_stack_that_it_makes_is_deployed(terminal):
    key = terminal.client("kms").create_key()["KeyMetadata"]["Arn"]
    values = {"domain_name": "terraformed", "kms_key_arn": key, "repository_name": "team-tf", "upstreams": None}
    stated = {name: value for name, value in rendered(values).items() if value is not None}
    token = terminal.outputs("codeartifact-stack")["ServiceToken"]
    packages = {
        "Type": "Custom::CodeArtifactStack",
        "Properties": {"ServiceToken": token, "ServiceTimeout": 330} | stated,
    }
    outputs = module(ROOT / "terraform")["locals"]["outputs"]
    template = {
        "Resources": {"Packages": packages},
        "Outputs": {name: {"Value": {"Fn::GetAtt": ["Packages", name]}} for name in outputs},
    }
    cloudformation = terminal.client("cloudformation")
    stack = cloudformation.create_stack(StackName="codeartifact-team-tf", TemplateBody=json.dumps(template))["StackId"]
    assert terminal.end_of(stack) == "CREATE_COMPLETE"
    assert terminal.outputs("codeartifact-team-tf")["RepositoryArn"].endswith(":repository/terraformed/team-tf")
    cloudformation.delete_stack(StackName=stack)
    assert terminal.end_of(stack) == "DELETE_COMPLETE"
