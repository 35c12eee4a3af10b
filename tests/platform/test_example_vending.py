"""examples/vending, followed as its README says, and what it does where a service fails."""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/vending"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
PLATFORM, ORGANIZATION = "123456789012", "o-a1b2c3d4e5"
ENTER = ". target/lab/env\ncd examples/vending\n"
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402

STATES = cfn_yaml.load(EXAMPLE / "template.yaml")["Resources"]["Vending"]["Properties"]["Definition"]["States"]
CALLS = {name: state for name, state in STATES.items() if "lambda:invoke" in str(state.get("Resource"))}
TYPES = set(re.findall(r'=> "(\w+)"', (ROOT / "src/failure.rs").read_text(encoding="utf-8")))


def commands(heading: str) -> list[str]:
    """The commands that the README gives below a heading, one text for each block."""
    (section,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", README, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def printed(terminal) -> str:
    """What the README's first commands print: they deploy the state machine and serve an account."""
    start, deploy, _, _ = commands("Try it on this machine")
    assert start.split("#")[0].strip() == "make lab"
    return terminal.run(deploy)


@pytest.fixture
def vending(terminal, printed):
    """A terminal beside the deployed state machine."""
    return terminal


def calls(terminal) -> list[dict]:
    """The function's calls to CodeArtifact so far."""
    url = terminal.client("codeartifact").meta.endpoint_url
    with urllib.request.urlopen(f"{url}/_emulator/log", timeout=10) as answer:
        log = json.load(answer)
    return [entry for entry in log if "aws-sdk-rust" in (entry.get("user_agent") or "")]


def control(terminal, method: str, name: str, body: object = None) -> None:
    url = terminal.client("codeartifact").meta.endpoint_url
    data = None if body is None else json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/_emulator/{name}", data, method=method), timeout=10).close()


def repositories(terminal) -> dict[str, dict]:
    codeartifact = terminal.client("codeartifact")
    if not codeartifact.list_domains()["domains"]:
        return {}
    found = codeartifact.list_repositories_in_domain(domain="vended-pkgs")["repositories"]
    tags = {each["name"]: codeartifact.list_tags_for_resource(resourceArn=each["arn"])["tags"] for each in found}
    return {name: {tag["key"]: tag["value"] for tag in each} for name, each in tags.items()}


def vended(terminal) -> set[str]:
    """The repositories of the accounts: all but the platform's."""
    return {name for name in repositories(terminal) if not name.startswith("platform-shared")}


def let_in(terminal, *members: str, **policies: object) -> None:
    """Says which accounts are the organization's, and what their own IAM policies allow: without one all."""
    control(
        terminal,
        "PUT",
        "settings",
        {
            "principals": {
                account: {
                    "arn": f"arn:aws:iam::{account}:role/build",
                    "organization": ORGANIZATION if account in members else None,
                    "policy": policies.get(f"of_{account}"),
                }
                for account in {*members, *(name.removeprefix("of_") for name in policies)}
            }
        },
    )


def package(terminal, action: str, **request: object) -> str | None:
    """What a package manager does (`ingest`, `publish`). Says why it was refused, if it was."""
    try:
        control(terminal, "POST", action, {"domain": "vended-pkgs", "owner": PLATFORM, "format": "npm", **request})
    except urllib.error.HTTPError as refused:
        return json.load(refused)["message"]
    return None


def start(terminal, request: dict) -> str:
    states = terminal.client("stepfunctions")
    machine = terminal.outputs("package-vending")["StateMachineArn"]
    return states.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"]


def wait(terminal, execution: str) -> dict:
    states = terminal.client("stepfunctions")
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.05)
    return found


def request(**fields: str) -> dict:
    """The request of payments, its custom fields changed; one without a value is taken out."""
    payload = json.loads((EXAMPLE / "requests/payments.json").read_text(encoding="utf-8"))
    wanted = json.loads(payload["account_request"]["custom_fields"]) | fields
    payload["account_request"]["custom_fields"] = json.dumps({name: value for name, value in wanted.items() if value})
    return payload


def vend(terminal, payload: dict) -> dict:
    ended = wait(terminal, start(terminal, payload))
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    return json.loads(ended["output"])


def test_an_account_gets_its_packages_and_a_second_run_has_nothing_to_do(vending, printed):
    first, second, planned = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert first["Summary"].startswith("Account 444455556666 (payments): repository payments-npm in domain vended-pkgs")
    assert first["Steps"][0].startswith("CreateRepository payments-npm")
    assert first["Data"]["NpmEndpoint"].endswith("/npm/payments-npm/")
    assert second["Summary"].endswith("Nothing had to be changed.")
    assert second["PhysicalResourceId"] == first["PhysicalResourceId"]
    assert "UpdateRepository payments-npm" in planned["Steps"]

    assert vended(vending) == {"payments-npm", "payments-npm-upstream-npmjs"}, "the plan changed something"
    tags = repositories(vending)
    wanted = {"squad": "payments", "cost-centre": "4711", "account": "444455556666"}
    assert tags["payments-npm"].items() >= wanted.items()
    assert tags["payments-npm"]["codeartifact-stack:stack-id"] == "aft/444455556666"

    policy = vending.client("codeartifact").get_repository_permissions_policy(
        domain="vended-pkgs", repository="payments-npm"
    )
    principals = {
        statement["Sid"]: str(statement["Principal"])
        for statement in json.loads(policy["policy"]["document"])["Statement"]
    }
    assert principals.keys() == {"Publish", "Read"}
    assert all("444455556666" in who for who in principals.values())


def test_a_run_that_changes_nothing_makes_no_write(vending):
    vend(vending, request())
    before = len(calls(vending))
    vend(vending, request())
    fresh = calls(vending)[before:]
    assert fresh
    assert [entry["operation"] for entry in fresh if str(entry["kind"]).lower() == "write"] == []


def test_what_is_taken_out_of_a_request_goes_and_a_new_name_replaces_the_repository(vending):
    output = vend(
        vending, request(codeartifact_registries="public:npmjs, public:pypi", codeartifact_readers="111122223333")
    )
    assert "CreateRepository payments-npm-upstream-pypi" in output["Steps"]
    vend(vending, request())
    assert vended(vending) == {"payments-npm", "payments-npm-upstream-npmjs"}

    output = vend(vending, request(codeartifact_repository="payments"))
    assert output["PhysicalResourceId"].endswith("/vended-pkgs/payments")
    assert vended(vending) == {"payments", "payments-upstream-npmjs"}
    vend(vending, request())
    assert vended(vending) == {"payments-npm", "payments-npm-upstream-npmjs"}


def consumers_policy(terminal, account: str) -> dict:
    """What consumer.yaml allows the builds of an account, deployed there."""
    name = "package-consumer"
    consumer = (EXAMPLE / "consumer.yaml").read_text(encoding="utf-8")
    given = {"DomainOwner": PLATFORM, "RepositoryName": "payments-npm", "MayPublish": "true"}
    create(terminal, name, consumer, account, **given)
    iam = terminal.client("iam", account=account)
    (policy,) = iam.list_policies(Scope="Local")["Policies"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    delete(terminal, name, account)
    return version["Document"]


def without(policy: dict, sid: str) -> dict:
    kept = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
    assert len(kept) < len(policy["Statement"])
    return policy | {"Statement": kept}


def token(terminal, account: str) -> str:
    codeartifact = terminal.client("codeartifact", account=account)
    return codeartifact.get_authorization_token(domain="vended-pkgs", domainOwner=PLATFORM)["authorizationToken"]


def test_the_vended_account_logs_in_publishes_and_reads_and_no_other_does(vending):
    ours, beside, outside = "444455556666", "777788889999", "999988887777"
    codeartifact = vending.client("codeartifact")
    builds = consumers_policy(vending, ours)
    let_in(vending, ours, beside, **{f"of_{ours}": builds, f"of_{beside}": builds, f"of_{outside}": builds})
    ui = {"repository": "payments-npm", "namespace": "payments", "package": "ui"}

    bearer = token(vending, ours)
    assert package(vending, "publish", token=bearer, **ui) is None
    assert package(vending, "ingest", token=bearer, **ui) is None
    # A token of the organization opens the domain, not its repositories.
    bearer = token(vending, beside)
    assert "PublishPackageVersion" in package(vending, "publish", token=bearer, version="2.0.0", **ui)
    assert "ReadFromRepository" in package(vending, "ingest", token=bearer, **ui)
    with pytest.raises(codeartifact.exceptions.ClientError, match="GetAuthorizationToken"):
        token(vending, outside)
    assert "PublishPackageVersion" in package(vending, "publish", caller=outside, version="2.0.0", **ui)
    assert "ReadFromRepository" in package(vending, "ingest", caller=outside, **ui)
    # Each part of the account's own policy is needed.
    for sid, missing in (("Token", "GetAuthorizationToken"), ("BearerToken", "GetServiceBearerToken")):
        let_in(vending, ours, **{f"of_{ours}": without(builds, sid)})
        with pytest.raises(codeartifact.exceptions.ClientError, match=missing):
            token(vending, ours)
    for sid, action, missing in (("Read", "ingest", "ReadFromRepository"), ("Publish", "publish", "PublishPackage")):
        let_in(vending, ours, **{f"of_{ours}": without(builds, sid)})
        assert missing in package(vending, action, token=token(vending, ours), version="3.0.0", **ui)

    let_in(vending)
    codeartifact.delete_package(
        domain="vended-pkgs", repository="payments-npm", format="npm", namespace="payments", package="ui"
    )


def test_a_stored_record_does_not_say_whose_a_repository_is(vending):
    record = {
        "StackId": "aft/444455556666",
        "LogicalResourceId": "Packages",
        "PhysicalResourceId": f"arn:aws:codeartifact:eu-west-1:{PLATFORM}:repository/vended-pkgs/payments-npm",
        "ResourceProperties": {
            "DomainName": "vended-pkgs",
            "RepositoryName": "payments-npm",
            "DeletionMode": "Delete",
        },
    }
    name = "/package-vending/777788889999"
    vending.client("ssm").put_parameter(Name=name, Type="String", Value=json.dumps(record))
    leaves = json.loads((EXAMPLE / "requests/payments-leaves.json").read_text(encoding="utf-8"))
    leaves["account_info"]["account"]["id"] = "777788889999"
    assert vend(vending, leaves)["Summary"].endswith("payments-npm is owned by another, and was left alone.")
    assert vended(vending) == {"payments-npm", "payments-npm-upstream-npmjs"}


def test_a_mistaken_request_ends_with_what_is_wrong_and_what_to_do(vending):
    _, _, mistaken, _ = commands("Try it on this machine")
    shown = vending.run(ENTER + mistaken.strip() + " && exit 1 || true")
    assert shown.startswith("Account 777788889999 (ledger) could not be served. Plan: InvalidProperties. 2 problems")
    for said in ("RepositoryName", "ledger npm", "ExternalConnection", "npmjs", "What to do: correct custom_fields"):
        assert said in shown
    ledger = json.loads((EXAMPLE / "requests/ledger-mistaken.json").read_text(encoding="utf-8"))
    ended = wait(vending, start(vending, ledger))
    assert (ended["status"], ended["error"]) == ("FAILED", "InvalidProperties")


def test_the_repository_of_another_account_is_not_taken(vending):
    ledger = json.loads((EXAMPLE / "requests/ledger-mistaken.json").read_text(encoding="utf-8"))
    ledger["account_request"]["custom_fields"] = {"codeartifact_repository": "payments-npm"}
    ended = wait(vending, start(vending, ledger))
    assert ended["error"] == "OwnershipConflict"
    assert "aft/444455556666" in ended["cause"]


def test_a_conflict_is_retried_until_the_others_are_done(vending):
    control(vending, "POST", "faults", {"operation": "UpdateRepository", "effect": "conflict"})
    execution = start(vending, request(codeartifact_registries="public:npmjs,public:pypi"))
    states = vending.client("stepfunctions")
    failed = []
    while not failed:
        events = states.get_execution_history(executionArn=execution)["events"]
        failed = [event["taskFailedEventDetails"] for event in events if event["type"] == "TaskFailed"]
        assert failed or states.describe_execution(executionArn=execution)["status"] == "RUNNING"
        time.sleep(0.05)
    control(vending, "DELETE", "faults")
    assert {detail["error"] for detail in failed} == {"Conflict"}
    ended = wait(vending, execution)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    vend(vending, request())


def test_the_account_leaves_and_what_is_the_platforms_stays(vending):
    (leave,) = commands("Try it on this machine")[-1:]
    shown = json.loads(vending.run(ENTER + leave))
    assert shown["Summary"].startswith(
        "Account 444455556666 (payments) has left. Its repository payments-npm was deleted."
    )
    assert repositories(vending).keys() == {"platform-shared", "platform-shared-upstream"}
    assert vending.client("ssm").get_parameters(Names=["/package-vending/444455556666"])["Parameters"] == []
    again = json.loads((EXAMPLE / "requests/payments-leaves.json").read_text(encoding="utf-8"))
    assert (
        vend(vending, again)["Summary"] == "Account 444455556666 (payments) asks for no packages: nothing was changed."
    )


def test_an_account_that_leaves_packages_behind_is_told_so(vending):
    stays = request(codeartifact_repository="kept-npm", codeartifact_registries="")
    leaves = json.loads((EXAMPLE / "requests/payments-leaves.json").read_text(encoding="utf-8"))
    for payload in (stays, leaves):
        payload["account_info"]["account"]["id"] = "888899990000"
    vend(vending, stays)
    package = {"format": "npm", "namespace": "kept", "package": "ui"}
    vending.emulator("publish", {"domain": "vended-pkgs", "repository": "kept-npm"} | package)
    assert vend(vending, leaves)["Summary"].endswith("kept-npm was kept, unowned.")
    vending.client("codeartifact").delete_repository(domain="vended-pkgs", repository="kept-npm")


def test_the_stacks_that_a_stackset_rolls_out_give_an_account_its_repository(vending):
    """ministack has no StackSets: their two stacks are made in the vended account one after the other."""
    terminal = vending
    let_in(terminal, "444455556666")
    # The emulator does not know policy variables.
    platform = (
        (EXAMPLE / "platform.yaml").read_text(encoding="utf-8").replace("${aws:PrincipalAccount}", "444455556666")
    )
    update(terminal, "vending-platform", platform, AccountsMakeRepositories="true")

    function = terminal.client("cloudformation").get_template(
        StackName="codeartifact-stack", TemplateStage="Processed"
    )["TemplateBody"]
    assert "Transform" not in function
    let_the_account_read(terminal, function["Resources"]["Function"]["Properties"]["Code"], "444455556666")
    (ours,) = terminal.client("cloudformation").describe_stacks(StackName="codeartifact-stack")["Stacks"]
    given = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in ours["Parameters"]}
    parameters = given | stackset_parameters("Functions", Architecture=given["Architecture"])
    create(terminal, "StackSet-codeartifact-stack-1", function, "444455556666", **parameters)
    squad = (EXAMPLE / "squad.yaml").read_text(encoding="utf-8")
    name = "StackSet-codeartifact-packages-1"
    outputs = create(terminal, name, squad, "444455556666", **stackset_parameters("Packages"))

    assert "/npm/account-444455556666/" in outputs["NpmEndpoint"]
    codeartifact = terminal.client("codeartifact")
    made = codeartifact.describe_repository(domain="vended-pkgs", repository="account-444455556666")["repository"]
    assert made["administratorAccount"] == "444455556666"
    assert made["upstreams"] == [{"repositoryName": "platform-shared"}]

    place = {"domain": "vended-pkgs", "domainOwner": PLATFORM}
    stranger = terminal.client("codeartifact", account="777788889999")
    with pytest.raises(stranger.exceptions.AccessDeniedException):
        stranger.create_repository(repository="account-777788889999", **place)
    guest = terminal.client("codeartifact", account="444455556666")
    with pytest.raises(guest.exceptions.AccessDeniedException):
        guest.delete_repository(repository="platform-shared", **place)

    delete(terminal, name, "444455556666")
    assert repositories(terminal).keys() == {"platform-shared", "platform-shared-upstream"}


def let_the_account_read(terminal, code: dict[str, str], account: str) -> None:
    """ministack lets no account read another one's bucket: a copy stands for the right."""
    package = terminal.client("s3").get_object(Bucket=code["S3Bucket"], Key=code["S3Key"])["Body"].read()
    theirs = terminal.client("s3", account=account)
    code["S3Bucket"] += "-copy"
    theirs.create_bucket(Bucket=code["S3Bucket"], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    theirs.put_object(Bucket=code["S3Bucket"], Key=code["S3Key"], Body=package)


def stackset_parameters(name: str, **known: str) -> dict[str, str]:
    """What stackset.yaml gives to the stacks of a set, in the lab's account and region."""
    template = cfn_yaml.load(EXAMPLE / "stackset.yaml")
    known |= {"AWS::AccountId": PLATFORM, "DomainName": template["Parameters"]["DomainName"]["Default"]}
    stated = template["Resources"][name]["Properties"]["Parameters"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stated}
    return {key: known[value["Ref"]] if isinstance(value, dict) else value for key, value in values.items()}


def create(terminal, name: str, template: object, account: str = "", **parameters: str) -> dict[str, str]:
    cloudformation = terminal.client("cloudformation", account=account)
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template if isinstance(template, str) else json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def update(terminal, name: str, template: str, **parameters: str) -> None:
    cloudformation = terminal.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} | parameters
    cloudformation.update_stack(
        StackName=name,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    assert terminal.end_of(name) == "UPDATE_COMPLETE"


def delete(terminal, name: str, account: str) -> None:
    cloudformation = terminal.client("cloudformation", account=account)
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def test_every_call_retries_what_passes_by_itself_and_catches_the_rest():
    assert CALLS.keys() == {"Plan", "Apply", "Remove the replaced one", "Remove", "Look what is left"}
    for name, state in CALLS.items():
        assert state["Retry"] == CALLS["Plan"]["Retry"], name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
    retried = set(CALLS["Plan"]["Retry"][0]["ErrorEquals"])
    assert retried == {"Throttled", "Conflict", "ServiceUnavailable", "DeadlineExceeded"}
    told = set(re.findall(r"'([A-Z]\w+)': '", STATES["Say what is wrong"]["Cause"]))
    # The other three are faults of the function, or of answers to a URL, of which a direct call has none.
    assert told == TYPES - {"InternalError", "ResponseUrlRefused", "ResponseNotDelivered"}
