"""examples/drift: what its README says is run, and stacks that have drifted are found, repaired and told of."""

import io
import json
import re
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/drift"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
SQUAD = (EXAMPLE / "squad.yaml").read_text(encoding="utf-8")
ACCOUNT = "123456789012"
SQUADS = [f"squad-{number}" for number in range(1, 10)]  # payments is the tenth
LEGACY = SQUADS[-1]
DRIFTED = SQUADS[:3]

# Stands for the integrations with CloudFormation and CodeArtifact, which ministack's Step Functions lack: the same
# call, and its answer with the names that Step Functions gives them.
INTEGRATIONS = """
import os, boto3

def named(value):
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: named(each) for name, each in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [named(each) for each in value]
    return value if isinstance(value, (str, int, bool)) else str(value)

def handler(event, context):
    service, operation = event["Call"].split(":")
    client = boto3.client(service, endpoint_url=os.environ[service], region_name="eu-west-1",
                          aws_access_key_id=os.environ["account"], aws_secret_access_key="test")
    model = client.meta.service_model.operation_model(operation[0].upper() + operation[1:])
    members = {name.lower(): name for name in (model.input_shape.members if model.input_shape else {})}
    arguments = {members[name.lower()]: value for name, value in event["Arguments"].items()}
    if operation == "listRepositories":
        arguments["maxResults"] = 7
    method = "".join("_" + letter.lower() if letter.isupper() else letter for letter in operation)
    return named(getattr(client, method)(**arguments))
"""


def commands(heading: str) -> list[str]:
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def lab(terminal):
    """A terminal in whose lab the README was followed."""
    start, tried = commands("Try it on this machine")
    assert start.split("#")[0].strip() == "make lab"
    assert '"description": "Managed by CloudFormation"' in terminal.run(tried)
    return terminal


@pytest.fixture(scope="module")
def machine(lab) -> str:
    """The deployed state machine, its calls to CloudFormation and CodeArtifact sent through a function."""
    arn = lab.outputs("packages-drift")["StateMachineArn"]
    states = lab.client("stepfunctions")
    definition = json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])
    send_through(definition, integrations(lab))
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    return arn


def integrations(lab) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", INTEGRATIONS)
    endpoints = {name: lab.client(name).meta.endpoint_url for name in ("cloudformation", "codeartifact")}
    made = lab.client("lambda").create_function(
        FunctionName="integrations",
        Runtime="python3.12",
        Handler="index.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Timeout=60,
        Environment={"Variables": endpoints | {"account": ACCOUNT}},
        Code={"ZipFile": code.getvalue()},
    )
    return made["FunctionArn"]


def send_through(part: object, function: str) -> None:
    """Rewrites each such task, wherever it is in the definition."""
    if isinstance(part, list):
        for each in part:
            send_through(each, function)
    if not isinstance(part, dict):
        return
    found = re.fullmatch(r"arn:aws:states:::aws-sdk:((cloudformation|codeartifact):\w+)", str(part.get("Resource")))
    if found:
        part["Resource"] = function
        part["Arguments"] = {"Call": found[1], "Arguments": part["Arguments"]}
    for each in part.values():
        send_through(each, function)


def run(lab, machine: str) -> dict:
    states = lab.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.2)
    assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
    return json.loads(found["output"])


def deploy_squads(lab) -> None:
    cloudformation = lab.client("cloudformation")
    (payments,) = cloudformation.describe_stacks(StackName="drift-payments")["Stacks"]
    key = next(each["ParameterValue"] for each in payments["Parameters"] if each["ParameterKey"] == "KmsKeyArn")
    for squad in SQUADS:
        without = re.sub(r".*Refresh.*\n", "", SQUAD) if squad == LEGACY else SQUAD
        cloudformation.create_stack(
            StackName=squad,
            TemplateBody=without,
            Parameters=[
                {"ParameterKey": "Squad", "ParameterValue": squad},
                {"ParameterKey": "KmsKeyArn", "ParameterValue": key},
            ],
        )
    assert {lab.end_of(squad) for squad in SQUADS} == {"CREATE_COMPLETE"}


def drift(codeartifact) -> dict[str, dict]:
    """Changes behind three stacks; what is there before."""
    here = {"domain": "drift-pkgs"}
    before = {squad: seen(codeartifact, squad) for squad in DRIFTED}
    codeartifact.update_repository(repository=f"team-{DRIFTED[0]}", description="mine now", **here)
    codeartifact.delete_repository_permissions_policy(repository=f"team-{DRIFTED[1]}", **here)
    proxy = f"team-{DRIFTED[2]}-upstream"
    codeartifact.disassociate_external_connection(repository=proxy, externalConnection="public:npmjs", **here)
    arn = codeartifact.describe_repository(repository=proxy, **here)["repository"]["arn"]
    codeartifact.untag_resource(resourceArn=arn, tagKeys=["squad"])
    assert all(seen(codeartifact, squad) != before[squad] for squad in before)
    return before


def seen(codeartifact, squad: str) -> dict:
    here = {"domain": "drift-pkgs"}
    names = [f"team-{squad}", f"team-{squad}-upstream"]
    found = {name: codeartifact.describe_repository(repository=name, **here)["repository"] for name in names}
    tags = {
        name: sorted(each["key"] for each in codeartifact.list_tags_for_resource(resourceArn=it["arn"])["tags"])
        for name, it in found.items()
    }
    try:
        codeartifact.get_repository_permissions_policy(repository=names[0], **here)
        has_policy = True
    except codeartifact.exceptions.ResourceNotFoundException:
        has_policy = False
    return {"repositories": found, "tags": tags, "policy": has_policy}


def messages(lab, queue: str, about: str) -> list[str]:
    """What the topic told the queue of something since the last look."""
    sqs = lab.client("sqs")
    found = []
    deadline = time.monotonic() + 10
    while not found and time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            text = json.loads(message["Body"])["Message"]
            found += [text] if about in text else []
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def queue(lab) -> str:
    sqs = lab.client("sqs")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = lab.outputs("packages-drift")["TopicArn"]
    lab.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def test_three_of_ten_stacks_that_have_drifted_are_repaired_and_told_of(lab, machine, queue):
    deploy_squads(lab)
    codeartifact = lab.client("codeartifact")
    before = drift(codeartifact)

    report = run(lab, machine)

    assert report["Refreshed"] == 9
    repaired = {each["Stack"]: each["Repaired"] for each in report["Drifted"]}
    assert repaired.keys() == set(DRIFTED)
    assert repaired[DRIFTED[0]] == [f"UpdateRepository team-{DRIFTED[0]}"]
    assert repaired[DRIFTED[1]] == [f"PutRepositoryPermissionsPolicy team-{DRIFTED[1]}"]
    assert sorted(repaired[DRIFTED[2]]) == [
        f"AssociateExternalConnection team-{DRIFTED[2]}-upstream public:npmjs",
        f"TagResource team-{DRIFTED[2]}-upstream",
    ]
    assert report["Failed"] == []
    assert report["Left"] == [{"Stack": LEGACY, "Why": "it has no parameter Refresh"}]
    assert {squad: seen(codeartifact, squad) for squad in before} == before

    (told,) = messages(lab, queue, "Refreshed")
    assert told.startswith("Refreshed: 9 stacks. Had drifted, and are repaired: 3.\n")
    assert f"* {DRIFTED[0]}: UpdateRepository team-{DRIFTED[0]}\n" in told
    assert f"* not refreshed: {LEGACY}: it has no parameter Refresh" in told

    again = run(lab, machine)
    assert (again["Refreshed"], again["Drifted"], again["Failed"]) == (9, [], [])


def test_a_stack_that_cannot_be_updated_is_told_and_fails_no_other(lab, machine):
    lab.emulator("faults", {"operation": "DescribeDomain", "effect": "access-denied", "times": 1})
    report = run(lab, machine)
    assert report["Refreshed"] == 8
    (failed,) = report["Failed"]
    assert "UPDATE_ROLLBACK_COMPLETE" in failed["Why"]
    assert run(lab, machine)["Refreshed"] == 9


def event(name: str, issuer: str | None, **detail: object) -> dict:
    """An event as EventBridge gets it from CloudTrail."""
    who = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/jo", "accountId": ACCOUNT}
    if issuer:
        who = {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{issuer}/session",
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": issuer}},
        }
    return {
        "id": "1",
        "account": ACCOUNT,
        "source": "aws.codeartifact",
        "time": "2026-01-01T00:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": "codeartifact.amazonaws.com",
            "eventName": name,
            "eventTime": "2026-01-01T00:00:00Z",
            "eventID": "5a3c",
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "192.0.2.1",
            "requestParameters": {"domain": "drift-pkgs", "repository": "team-payments"},
            "userIdentity": who,
        }
        | detail,
    }


def test_the_rule_takes_changes_that_did_not_come_from_the_function(lab):
    events = lab.client("events")
    (rule,) = [each for each in events.list_rules()["Rules"] if "codeartifact" in each.get("EventPattern", "")]
    role = lab.outputs("codeartifact-stack")["RoleArn"]

    def takes(told: dict) -> bool:
        return events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(told))["Result"]

    for name in ("UpdateRepository", "UntagResource", "DeletePackageGroup", "PutDomainPermissionsPolicy"):
        assert takes(event(name, None))
        assert takes(event(name, f"arn:aws:iam::{ACCOUNT}:role/admin"))
        assert not takes(event(name, role))
        assert not takes(event(name, None, errorCode="AccessDenied"))
    for name in ("ListPackages", "GetAuthorizationToken", "PublishPackageVersion"):
        assert not takes(event(name, None))


def test_a_change_is_told_in_words(lab, queue):
    """ministack takes no event of aws.codeartifact from outside: a rule of another source has the same target."""
    events = lab.client("events")
    (rule,) = [each for each in events.list_rules()["Rules"] if "codeartifact" in each.get("EventPattern", "")]
    targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    events.put_rule(Name="same", EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule="same", Targets=targets)
    detail = event("UpdateRepository", None)["detail"]
    events.put_events(Entries=[{"Source": "test", "DetailType": "test", "Detail": json.dumps(detail)}])

    (told,) = messages(lab, queue, "What:")
    for said in ("What: UpdateRepository", "team-payments", "user/jo", "192.0.2.1", "5a3c"):
        assert said in told
