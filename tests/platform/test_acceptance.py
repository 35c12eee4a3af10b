"""`make acceptance`, as it would run in an account: with a lab in its stead. However it ends, nothing is left.

That the same story holds in the lab itself is test_demo.py's.
"""

import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "demo"))
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "acceptance"))
import evidence  # noqa: E402
import release  # noqa: E402
import run as acceptance  # noqa: E402
from lab import ACCOUNT, REGION, Lab  # noqa: E402

EMULATOR = Path(os.environ.get("CODEARTIFACT_EMULATOR", ROOT / "target/debug/codeartifact-emulator"))
BINARY = Path(os.environ.get("CODEARTIFACT_STACK", ROOT / "target/debug/codeartifact-stack"))
SCRIPT = ROOT / "tests/platform/lab_as_account.py"
# Things of others, whose names look as if they were of a run: a domain without its tag, a stack with another one.
THEIRS = "acceptance-0badcafe-theirs"


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """A release with a build that runs."""
    folder = tmp_path_factory.mktemp("release")
    subprocess.run(["strip", "--strip-debug", "-o", folder / "bootstrap", BINARY], check=True)
    with zipfile.ZipFile(folder / "bootstrap.zip", "w") as archive:
        archive.write(folder / "bootstrap", "bootstrap")
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    (folder / f"codeartifact-stack-{architecture}.cdx.json").write_text("{}")
    release.assemble(ROOT, folder / "dist", folder, {architecture: folder / "bootstrap.zip"})
    return folder / "dist"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("acceptance") / "lab", EMULATOR) as lab:
        key = lab.client("kms").create_key(Description="theirs")["KeyMetadata"]["Arn"]
        lab.aws("s3", "mb", "s3://acceptance-theirs")
        template = "Resources:\n  Nothing:\n    Type: AWS::CloudFormation::WaitConditionHandle\n"
        cloudformation = lab.client("cloudformation")
        tags = [{"Key": "run", "Value": "theirs"}]
        cloudformation.create_stack(StackName=THEIRS, TemplateBody=template, Tags=tags)
        for _ in range(50):
            # The lab shows a new key to the emulator within a moment.
            if lab_takes(lab, key):
                break
            time.sleep(0.1)
        yield lab


def lab_takes(lab: Lab, key: str) -> bool:
    codeartifact = lab.client("codeartifact")
    try:
        codeartifact.create_domain(domain=THEIRS, encryptionKey=key)
    except codeartifact.exceptions.ValidationException:
        return False
    return True


def start(lab: Lab, *arguments: str, account: str = ACCOUNT) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-u", str(SCRIPT), "--target=account", "--account", account, "--region", REGION, *arguments],
        env=lab.environment() | lab.client_environment() | {"AWS_ACCESS_KEY_ID": ACCOUNT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen) -> tuple[int, str]:
    output, _ = process.communicate(timeout=240)
    print(output)
    return process.returncode, output


def what_is_there(lab: Lab) -> dict[str, list[str]]:
    """Everything in the lab that costs or can be in someone's way."""
    stacks = lab.client("cloudformation").describe_stacks()["Stacks"]
    kms = lab.client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    return {
        "stacks": [stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"],
        "domains": [domain["name"] for domain in lab.client("codeartifact").list_domains()["domains"]],
        "buckets": [bucket["Name"] for bucket in lab.client("s3").list_buckets()["Buckets"]],
        "roles": [role["RoleName"] for role in lab.client("iam").list_roles()["Roles"]],
        "functions": [each["FunctionName"] for each in lab.client("lambda").list_functions()["Functions"]],
        "logs": [group["logGroupName"] for group in lab.client("logs").describe_log_groups()["logGroups"]],
        "keys": [key["Description"] for key in keys if key["KeyState"] != "PendingDeletion"],
        "queues": lab.client("sqs").list_queues().get("QueueUrls", []),
    }


def test_the_whole_story_holds_and_nothing_is_left(lab, dist, tmp_path):
    before = what_is_there(lab)
    output = tmp_path / "result.md"
    code, said = finish(start(lab, "--yes", "--dist", str(dist), "--output", str(output)))
    assert code == 0
    assert what_is_there(lab) == before
    # Untold is what needs a second account, a sandbox's start and CloudTrail; the lab has none of these as an account.
    assert "= 16 passed, 3 skipped in" in said
    result = output.read_text(encoding="utf-8")
    assert "| story[repair drift] | passed |" in result
    assert "not told: it takes a second account" in result
    assert ACCOUNT not in result


def in_the_middle(lab: Lab, dist: Path) -> subprocess.Popen:
    """A run that is just creating its first stack with packages in it."""
    lab.emulator_settings(latency_ms=300)
    seen = len(lab.emulator_log())
    process = start(lab, "--yes", "--dist", str(dist))
    deadline = time.monotonic() + 120
    while not any(call["operation"] == "CreateRepository" for call in lab.emulator_log()[seen:]):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    there = what_is_there(lab)
    assert len(there["stacks"]) == 5 and len(there["domains"]) == 2 and there["functions"] and there["roles"]
    lab.emulator_settings(latency_ms=0)
    return process


def test_an_interrupted_run_leaves_nothing(lab, dist):
    before = what_is_there(lab)
    process = in_the_middle(lab, dist)
    process.send_signal(signal.SIGINT)
    # Neither a second Ctrl-C nor a polite kill ends the removal.
    for number in (signal.SIGINT, signal.SIGTERM):
        time.sleep(1)
        process.send_signal(number)
    code, said = finish(process)
    assert code != 0
    assert "Nothing is left." in said
    assert what_is_there(lab) == before


def test_what_a_killed_run_has_left_is_swept_and_nothing_else(lab, dist):
    before = what_is_there(lab)
    process = in_the_middle(lab, dist)
    process.kill()
    finish(process)
    assert what_is_there(lab) != before
    # Nor does it need the function to delete what its stacks have.
    denied = {"operation": "DeleteRepository", "effect": "access-denied", "times": 1}
    lab.emulator_fault(denied)
    code, said = finish(start(lab, "--sweep"))
    assert code == 0
    assert "AccessDenied" in said
    assert "Nothing is left." in said
    assert what_is_there(lab) == before


def test_nothing_is_done_unconfirmed_or_in_another_account(lab, dist):
    before = what_is_there(lab)
    code, said = finish(start(lab, "--dist", str(dist)))
    assert code == 1
    for told in (f"account   {ACCOUNT}", f"region    {REGION}", "less than 1 USD", "Nothing was done."):
        assert told in said
    code, said = finish(start(lab, "--yes", "--dist", str(dist), account="210987654321"))
    assert code == 1
    assert "nothing was done" in said
    assert what_is_there(lab) == before


def test_a_failure_is_written_down_as_evidence_without_the_accounts_number():
    crash = SimpleNamespace(message=f"Unexpected: {ACCOUNT} | has none\nand more")
    failed = {"skipped": False, "failed": True, "when": "call", "longrepr": SimpleNamespace(reprcrash=crash)}
    run = acceptance.Run(SimpleNamespace(account=ACCOUNT, region=REGION), None, None)
    run.pytest_runtest_logreport(SimpleNamespace(nodeid="t::test_story[make_the_key]", longreprtext="", **failed))
    assert "| story[make the key] | failed: Unexpected: ACCOUNT   has none |" in acceptance.page(run)


def test_lambdas_reports_are_read_in_both_of_their_forms():
    lines = [
        "REPORT RequestId: 8f5\tDuration: 12.34 ms\tBilled Duration: 45 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 25 MB\tInit Duration: 32.10 ms\t",
        '{"time": "2026-11-26T10:00:00.000Z", "type": "platform.report", "record": {"requestId": "8f5", "metrics": '
        '{"durationMs": 7.5, "billedDurationMs": 8, "memorySizeMB": 128, "maxMemoryUsedMB": 27}, "status": "success"}}',
        '{"step": "CreateDomain", "duration_ms": 4}',
        "START RequestId: 8f5 Version: $LATEST",
    ]
    took = evidence.took(lines)
    assert took == [evidence.Took(None, 7.5, 27), evidence.Took(32.1, 12.34, 25)]
    assert (
        evidence.summary(took)
        == "1 cold: 32 ms to start, 44 ms with the event; 1 warm: 8 ms, 8 ms at most; 27 MB at most"
    )


def a_call(name: str, **more: str) -> dict:
    """An event of CloudTrail, as LookupEvents hands it out."""
    event = {"eventSource": "codeartifact.amazonaws.com", "eventName": name} | more
    return {"EventId": name, "CloudTrailEvent": json.dumps(event)}


class Trail:
    """A place of which CloudTrail shows this, page by page."""

    trail_patience = 0.0

    def __init__(self, *pages: list[dict], error: str = ""):
        self.trail = boto3.client("cloudtrail", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
        stubber = Stubber(self.trail)
        if error:
            stubber.add_client_error("lookup_events", error)
        for number, events in enumerate(pages, 1):
            more = {"NextToken": str(number)} if number < len(pages) else {}
            stubber.add_response("lookup_events", {"Events": events} | more)
        stubber.activate()

    def client(self, service: str):
        assert service == "cloudtrail"
        return self.trail


def calls_of(place: Trail) -> list[evidence.Call]:
    since = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
    return evidence.calls_of(place, "function", since, until_seen="DeleteDomain")


def test_a_denied_call_is_found_in_cloudtrail_on_every_page():
    denied = a_call("ListDomains", errorCode="AccessDenied")
    missing = a_call("DescribeDomain", errorCode="ResourceNotFoundException")
    calls = calls_of(Trail([a_call("DeleteDomain"), missing], [denied]))
    assert [call.name for call in calls] == ["DeleteDomain", "DescribeDomain", "ListDomains"]
    assert [call.name for call in calls if call.is_denied] == ["ListDomains"]


def test_a_trail_that_cannot_be_read_or_lags_is_no_proof():
    with pytest.raises(evidence.TrailUnreadable, match="AccessDeniedException"):
        calls_of(Trail(error="AccessDeniedException"))
    with pytest.raises(evidence.TrailUnreadable, match="did not show the end"):
        calls_of(Trail([a_call("CreateDomain"), a_call("DeleteDomain", errorCode="ConflictException")]))
