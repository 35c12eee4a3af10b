"""What template.yaml promises beyond what the linters know."""

import json
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402
import check_iam  # noqa: E402

TEMPLATE = cfn_yaml.load(ROOT / "template.yaml")


def test_no_arn_names_a_partition():
    assert "arn:aws:" not in (ROOT / "template.yaml").read_text(encoding="utf-8")


def test_the_function_has_no_more_time_than_cloudformation_waits():
    function = TEMPLATE["Resources"]["Function"]["Properties"]
    assert function["Timeout"] + function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] <= 3600


def test_by_default_answers_go_where_cloudformation_takes_them_in_the_stacks_own_region_alone():
    environment = TEMPLATE["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    condition, given, (text, names) = flattened(environment["RESPONSE_URL_ALLOWED_HOSTS"]["Fn::If"])
    assert (condition, given) == ("HasResponseHosts", {"Ref": "ResponseUrlAllowedHosts"})
    assert names == {"Bucket": "cloudformation-custom-resource-response-euwest1"}
    bucket = names["Bucket"]
    place = {"Bucket": bucket, "AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com"}
    hosts = re.sub(r"\$\{([^}]+)}", lambda name: place[name[1]], text).split(",")
    assert hosts == [
        f"{bucket}.s3.eu-west-1.amazonaws.com",
        f"{bucket}.s3-eu-west-1.amazonaws.com",
        f"{bucket}.s3.amazonaws.com",
    ]


def flattened(value):
    """The value with what CloudFormation makes of Join, Split and Sub's names, in eu-west-1."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return separator.join(flattened(parts))
        case {"Fn::Split": [separator, text]}:
            return flattened(text).split(separator)
        case {"Fn::Sub": [text, names]}:
            return text, flattened(names)
        case {"Ref": "AWS::Region"}:
            return "eu-west-1"
        case list():
            return [flattened(item) for item in value]
        case dict():
            return {name: flattened(item) for name, item in value.items()}
        case _:
            return value


def test_nothing_is_deleted_that_carries_no_owner_tag():
    statements = TEMPLATE["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    things = {"codeartifact:DeleteDomain", "codeartifact:DeletePackageGroup", "codeartifact:DeleteRepository"}
    deleting = [statement for statement in statements if things & set(statement.get("Action", []))]
    assert {action for statement in deleting for action in statement["Action"]} >= things
    for statement in deleting:
        assert statement["Condition"] == {"Null": {"aws:ResourceTag/codeartifact-stack:stack-id": "false"}}


def test_with_a_key_of_its_own_the_log_and_the_failed_events_are_encrypted_with_it():
    queue = TEMPLATE["Resources"]["FailedEvents"]["Properties"]
    log = TEMPLATE["Resources"]["LogGroup"]["Properties"]
    wanted = {"Fn::If": ["HasLogKey", {"Ref": "LogKmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    assert queue["KmsMasterKeyId"] == log["KmsKeyId"] == wanted


def test_every_create_needs_the_owner_tag():
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


def call(operation: str, **more) -> dict:
    """A call as it stands in the emulator's access log."""
    request = {"query": {"domain": "pkgs", "repository": "team"}, "body": more.pop("body", {})}
    return {
        "operation": operation,
        "user_agent": "aws-sdk-rust/1.3",
        "account": "123456789012",
        "repository": "team",
        "request": request,
    } | more


def test_the_role_check_finds_what_is_missing_and_what_is_too_much(tmp_path):
    unmarked = [{"key": "team", "value": "payments"}]
    theirs = call("DescribeRepository")
    theirs["request"]["query"]["domain-owner"] = "999999999999"
    stranger = call("DisposePackageVersions", user_agent="aws-sdk-rust/1.3 app/stranger")
    by_hand = call("GetAuthorizationToken", user_agent="aws-cli/2")
    create = call("CreateRepository", body={"tags": unmarked, "upstreams": [{"repositoryName": "proxy"}]})
    log = [call("ListDomains"), theirs, create, stranger, by_hand]
    (tmp_path / "log.json").write_text(json.dumps(log))
    checked = run_check(str(tmp_path))
    assert checked.returncode == 1
    own, other = (f"arn:aws:codeartifact:REGION:{account}:repository/DOMAIN/" for account in ("OWN", "OTHER"))
    missing = re.findall(r"^codeartifact:(\w+) on (\S+): called, but", checked.stdout, re.MULTILINE)
    assert missing == [("CreateRepository", f"{own}team"), ("ListDomains", f"{own}team")]
    unused = re.findall(r"^codeartifact:(\w+) on (\S+): allowed by the role, but", checked.stdout, re.MULTILINE)
    assert ("DescribeRepository", f"{own}*") in unused
    assert ("DescribeRepository", f"{other}*") not in unused
    assert ("AssociateWithDownstreamRepository", f"{own}*") not in unused
    assert ("AssociateWithDownstreamRepository", f"{other}*") in unused
    assert "DisposePackageVersions" not in checked.stdout
    assert "GetAuthorizationToken" not in checked.stdout


def test_parameters_narrow_the_role_to_domains_and_keys():
    statements = TEMPLATE["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    for statement in statements:
        text = json.dumps(statement["Fn::If"][1] if "Fn::If" in statement else statement)
        arns = re.findall(r"arn:\$\{AWS::Partition\}:codeartifact:[^\"]+", text)
        assert all("/${DomainNamePattern}" in arn for arn in arns)
        assert arns or '"Resource": "*"' in text or '{"Ref": "KmsKeyArns"}' in text


def test_the_role_check_asks_for_tags_at_a_creation_on_the_domain_too(tmp_path):
    query = {"domain": "pkgs", "domain-owner": "999999999999"}
    for key, unallowed in (("codeartifact-stack:stack-id", set()), ("team", {"OTHER:domain/DOMAIN"})):
        create = call("CreateRepository", body={"tags": [{"key": key, "value": "x"}]})
        create["request"]["query"] = query
        (tmp_path / "log.json").write_text(json.dumps([create]))
        missing = re.findall(r"TagResource on \S+:REGION:(\S+): called, but", run_check(str(tmp_path)).stdout)
        assert set(missing) == unallowed


def test_the_emulators_tests_try_this_very_role():
    place = {
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": "123456789012",
        "DomainNamePattern": "team-*",
        "RepositoryNamePattern": "*",
    }
    conditions = {"UsesOtherDomains": False, "AnyKey": True, "HasPlatformRepositories": True}
    with (
        mock.patch.object(check_iam, "PARAMETERS", place),
        mock.patch.object(check_iam, "CONDITIONS", conditions),
    ):
        role = TEMPLATE["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]
        resolved = check_iam.resolved(role)
    assert resolved == json.loads((ROOT / "emulator/tests/emulator/role.json").read_text(encoding="utf-8"))


def test_the_role_check_needs_a_log(tmp_path):
    assert run_check(str(tmp_path)).returncode == 1
