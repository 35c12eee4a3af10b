"""The lab does what AWS does where ministack alone would not: what is learnt in it holds in an account."""

import io
import re
import time
import zipfile

import pytest

ROLLED_BACK = "ROLLBACK_COMPLETE"
TEMPLATE = """
Resources:
  Packages:
    Type: Custom::CodeArtifactStack
    Properties:
      ServiceToken: !ImportValue codeartifact-stack-ServiceToken
      ServiceTimeout: 330
      DomainName: {domain}
      KmsKeyArn: {key}
      RepositoryName: {repository}
      Access: { Readers: ["210987654321"] }
"""


def template(key: str, repository: str, domain: str = "") -> str:
    """A stack with a repository in a domain of the same name, or of another."""
    filled = {"key": key, "repository": repository, "domain": f"{domain or repository}-pkgs"}
    return re.sub(r"\{(\w+)\}", lambda field: filled[field[1]], TEMPLATE)


@pytest.fixture(scope="module")
def key(terminal) -> str:
    return terminal.client("kms").create_key()["KeyMetadata"]["Arn"]


def create(terminal, name: str, template: str, **how: str) -> str:
    terminal.client("cloudformation").create_stack(StackName=name, TemplateBody=template, **how)
    return terminal.end_of(name)


def update(terminal, name: str, template: str) -> str:
    terminal.client("cloudformation").update_stack(StackName=name, TemplateBody=template)
    return terminal.end_of(name)


def delete(terminal, name: str) -> str:
    stack = terminal.stack_id(name)
    terminal.client("cloudformation").delete_stack(StackName=name)
    return terminal.end_of(stack)


def fail_the_policy(terminal) -> None:
    """The next policy cannot be put: what was made before is there by then."""
    terminal.emulator("faults", {"operation": "PutRepositoryPermissionsPolicy", "effect": "access-denied", "times": 1})


def events(terminal, stack: str) -> list[tuple[str, str]]:
    found = terminal.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [
        (event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(found)
        if is_packages(event)
    ]


def repositories(terminal) -> list[str]:
    return sorted(found["name"] for found in terminal.client("codeartifact").list_repositories()["repositories"])


def test_a_failed_create_is_deleted_in_the_rollback(terminal, key):
    fail_the_policy(terminal)
    assert create(terminal, "failed", template(key, "failed")) == ROLLED_BACK
    statuses = [status for status, _ in events(terminal, "failed")]
    assert statuses == ["CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert repositories(terminal) == []
    assert terminal.client("codeartifact").list_domains()["domains"] == []


def test_a_failed_create_that_is_not_rolled_back_is_deleted_with_its_stack(terminal, key):
    fail_the_policy(terminal)
    assert create(terminal, "kept", template(key, "kept"), OnFailure="DO_NOTHING") == "CREATE_FAILED"
    assert repositories(terminal) == ["kept"]
    assert delete(terminal, "kept") == "DELETE_COMPLETE"
    assert repositories(terminal) == []


def test_a_failed_replacement_is_deleted_and_the_old_repository_stays(terminal, key):
    assert create(terminal, "renamed", template(key, "before", "renamed")) == "CREATE_COMPLETE"
    fail_the_policy(terminal)
    assert update(terminal, "renamed", template(key, "after", "renamed")) == "UPDATE_ROLLBACK_COMPLETE"
    assert repositories(terminal) == ["before"]
    assert delete(terminal, "renamed") == "DELETE_COMPLETE"
    assert repositories(terminal) == []


def test_a_failed_update_in_place_deletes_nothing(terminal, key):
    first = template(key, "same")
    assert create(terminal, "same", first) == "CREATE_COMPLETE"
    fail_the_policy(terminal)
    assert update(terminal, "same", first.replace("210987654321", "345678901234")) == "UPDATE_ROLLBACK_COMPLETE"
    assert repositories(terminal) == ["same"]
    assert delete(terminal, "same") == "DELETE_COMPLETE"


def test_a_creation_is_cancelled_by_the_deletion_of_its_stack(terminal, key):
    cloudformation = terminal.client("cloudformation")
    slow = {"operation": "CreateRepository", "effect": {"delay": {"ms": 1500}}, "times": 1}
    terminal.emulator("faults", slow)
    cloudformation.create_stack(StackName="hasty", TemplateBody=template(key, "hasty"))
    stack = terminal.stack_id("hasty")
    while not events(terminal, stack):
        time.sleep(0.1)
    cloudformation.delete_stack(StackName=stack)
    assert terminal.end_of(stack) == "DELETE_COMPLETE"
    # What is being created has no id yet: CloudFormation makes one up for its Delete.
    found = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    (deleted,) = [event for event in found if event["ResourceStatus"] == "DELETE_COMPLETE" and is_packages(event)]
    assert re.fullmatch(r"hasty-Packages-[0-9A-F]{12}", deleted["PhysicalResourceId"])
    assert "CREATE_COMPLETE" not in [event["ResourceStatus"] for event in found]
    assert repositories(terminal) == []


def is_packages(event: dict) -> bool:
    return event["LogicalResourceId"] == "Packages"


def test_the_log_that_a_reason_names_is_there(terminal, key):
    fail_the_policy(terminal)
    create(terminal, "logged", template(key, "logged"))
    (reason,) = [reason for status, reason in events(terminal, "logged") if status == "CREATE_FAILED"]
    group, stream = re.search(r"See log group (\S+), log stream (\S+)$", reason).groups()
    lines = terminal.client("logs").get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert any("PutRepositoryPermissionsPolicy logged" in line["message"] for line in lines)


# The last line comes as late as it does on a busy machine.
BOOTSTRAP = """#!/usr/bin/env python3
import os, time, urllib.request
invocation = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    event = urllib.request.urlopen(f"{invocation}/next")
    print("the first line", flush=True)
    answer = f"{invocation}/{event.headers['Lambda-Runtime-Aws-Request-Id']}/response"
    urllib.request.urlopen(answer, b"{}").close()
    time.sleep(0.02)
    print("the last line", flush=True)
"""


def test_the_log_of_a_call_has_its_last_line(terminal):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, BOOTSTRAP)
    functions = terminal.client("lambda")
    functions.create_function(
        FunctionName="late",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role="arn:aws:iam::123456789012:role/late",
        Code={"ZipFile": code.getvalue()},
    )
    functions.invoke(FunctionName="late")
    functions.delete_function(FunctionName="late")
    logged = terminal.client("logs").filter_log_events(logGroupName="/aws/lambda/late")["events"]
    lines = [event["message"].strip() for event in logged if "line" in event["message"]]
    assert lines == ["the first line", "the last line"]


def test_a_key_that_does_not_exist_is_refused(terminal, key):
    codeartifact = terminal.client("codeartifact")
    with pytest.raises(codeartifact.exceptions.ValidationException, match="KMS key not found"):
        codeartifact.create_domain(domain="keyless-pkgs", encryptionKey=key[:-12] + "000000000000")


def test_a_domain_whose_key_is_disabled_is_locked_until_it_is_enabled(terminal, key):
    kms, codeartifact = terminal.client("kms"), terminal.client("codeartifact")
    assert create(terminal, "locked", template(key, "locked")) == "CREATE_COMPLETE"

    kms.disable_key(KeyId=key)
    time.sleep(1)
    with pytest.raises(codeartifact.exceptions.ValidationException):
        codeartifact.describe_repository(domain="locked-pkgs", repository="locked")
    kms.enable_key(KeyId=key)
    time.sleep(1)

    assert delete(terminal, "locked") == "DELETE_COMPLETE"


EXPORTING = """
Resources:
  Topic:
    Type: AWS::SNS::Topic
Outputs:
  Name:
    Value: {value}
    Export: {{ Name: a-name }}
"""
IMPORTING = """
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !ImportValue a-name
"""
WITHOUT = EXPORTING.split("Outputs")[0]


@pytest.mark.parametrize(("change", "done"), [(WITHOUT, "deleted"), (EXPORTING.format(value="new"), "updated")])
def test_an_update_that_takes_an_imported_export_away_or_changes_it_is_rolled_back(terminal, change, done):
    exporting, importing = f"exports-{done}", f"imports-{done}"
    named = EXPORTING.replace("a-name", exporting).format(value="old")
    assert create(terminal, exporting, named) == "CREATE_COMPLETE"
    assert create(terminal, importing, IMPORTING.replace("a-name", exporting)) == "CREATE_COMPLETE"

    assert update(terminal, exporting, change.replace("a-name", exporting)) == "UPDATE_ROLLBACK_COMPLETE"
    told = terminal.client("cloudformation").describe_stack_events(StackName=exporting)["StackEvents"]
    assert f"Export {exporting} cannot be {done} as it is in use by {importing}" in str(told)
    assert terminal.outputs(exporting) == {"Name": "old"}

    assert delete(terminal, importing) == "DELETE_COMPLETE"
    assert update(terminal, exporting, change.replace("a-name", exporting)) == "UPDATE_COMPLETE"
