"""What template.yaml promises beyond what the linters know."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402

TEMPLATE = cfn_yaml.load(ROOT / "template.yaml")


def test_no_arn_names_a_partition():
    assert "arn:aws:" not in (ROOT / "template.yaml").read_text(encoding="utf-8")


def test_the_function_has_no_more_time_than_cloudformation_waits():
    function = TEMPLATE["Resources"]["Function"]["Properties"]
    assert function["Timeout"] + function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] <= 3600


def test_every_create_needs_the_owners_mark():
    statements = TEMPLATE["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    wide = [statement for statement in statements if statement.get("Resource") == "*"]
    assert [statement["Sid"] for statement in wide] == ["CreateMarked"]
    assert wide[0]["Condition"] == {"Null": {"aws:RequestTag/codeartifact-stack:stack-id": "false"}}


def test_keys_are_used_through_codeartifact_alone():
    statements = TEMPLATE["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (keys,) = [statement for statement in statements if statement.get("Sid") == "DomainKeys"]
    assert list(keys["Condition"]["StringEquals"]) == ["kms:ViaService"]


def test_the_reference_has_every_parameter_with_its_default():
    reference = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    section = reference.split("\n## Parameters of template.yaml\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    stated = {name: cells[1] for cells in rows for name in re.findall("`([A-Za-z]+)`", cells[0])}
    assert stated.keys() == TEMPLATE["Parameters"].keys()
    defaults = {name: re.findall("^`(.*)`", cell) for name, cell in stated.items()}
    for name, default in defaults.items():
        assert default in ([], [str(TEMPLATE["Parameters"][name]["Default"])]), name


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("*.json")), ids=lambda path: path.stem)
def test_an_example_event_answers_to_this_machine_only(path):
    urls = re.findall(r'ResponseURL\\?": \\?"([^"\\]+)', path.read_text(encoding="utf-8"))
    assert all(url.startswith("http://127.0.0.1:9001/") for url in urls)
    assert bool(urls) != path.stem.startswith("direct")


def run_check(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools/check_iam.py"), str(ROOT / "template.yaml"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_role_check_finds_what_is_missing_and_what_is_too_much(tmp_path):
    log = tmp_path / "log.json"
    call = {"operation": "ListDomains", "user_agent": "aws-sdk-rust/1.3", "request": {}}
    stranger = call | {"operation": "DisposePackageVersions", "user_agent": "aws-sdk-rust/1.3 app/stranger"}
    by_hand = {"operation": "GetAuthorizationToken", "user_agent": "aws-cli/2", "request": {}}
    log.write_text(json.dumps([call, stranger, by_hand]))
    (tmp_path / "more.txt").write_text("CreateRepository tags upstreams\n")
    checked = run_check(str(tmp_path), "--unseen", "codeartifact:ListPackages")
    assert checked.returncode == 1
    assert "codeartifact:ListDomains: called, but the role does not allow it" in checked.stdout
    assert "codeartifact:DescribeDomain: allowed by the role, but never called" in checked.stdout
    assert "ListPackages" not in checked.stdout
    assert "DisposePackageVersions" not in checked.stdout
    assert "AssociateWithDownstreamRepository" not in checked.stdout
    assert "GetAuthorizationToken" not in checked.stdout


def test_the_role_check_needs_a_log(tmp_path):
    assert run_check(str(tmp_path)).returncode == 1
