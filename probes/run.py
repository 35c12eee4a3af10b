#!/usr/bin/env python3
"""Asks CodeArtifact what nothing says, and writes the answers beside the emulator's, as docs/evidence/REGION-DATE.md.

The credentials and the region are those of the environment; --account must name their account. Each probe makes a
domain and a KMS key of its own, and some make roles, with the tag `codeartifact-stack-probe`, and removes them. A key
goes 7 days later, and costs about 0.25 USD until then. --sweep removes what an interrupted run has left.
"""

import argparse
import datetime
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import botocore

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "acceptance"))
from probes import PROBES, Bench, Probe, remove_role

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = Path(__file__).resolve().parent / "emulator.json"
PREFIX = "probe-"
TAG = "codeartifact-stack-probe"


def main(open_bench: Callable[..., Bench] = Bench) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", required=True, help="the account in which this may make and delete things")
    parser.add_argument("--only", action="append", help="the name of a probe")
    parser.add_argument("--tries", type=int, default=20, help="how often what takes time is tried (20)")
    parser.add_argument("--output", type=Path, help="where the answers go; else docs/evidence/REGION-DATE.md")
    parser.add_argument("--sweep", action="store_true", help="only remove what an interrupted run has left")
    arguments = parser.parse_args()

    session = boto3.Session()
    account = session.client("sts").get_caller_identity()["Account"]
    if account != arguments.account:
        print(f"these credentials are of account {account}, not {arguments.account}: nothing was done", file=sys.stderr)
        return 1
    if arguments.sweep:
        sweep(session)
        return 0
    chosen = [probe for probe in PROBES if not arguments.only or probe.name in arguments.only]
    answers = {probe.name: answer(bench(session, arguments.tries, open_bench), probe) for probe in chosen}
    today = datetime.datetime.now(datetime.UTC).date()
    output = arguments.output or ROOT / f"docs/evidence/{session.region_name}-{today}.md"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page(answers, session.region_name, str(today), account), encoding="utf-8")
    print(output)
    return 0


def bench(session, tries: int, open_bench: Callable[..., Bench] = Bench, domain: str = "") -> Bench:
    name = domain or f"{PREFIX}{secrets.token_hex(4)}"
    return open_bench(session, name, [{"key": TAG, "value": "true"}], tries)


def answer(asked: Bench, probe: Probe) -> str:
    print(f"{probe.name} …", file=sys.stderr, flush=True)
    try:
        with asked as made:
            return probe.ask(made)
    except botocore.exceptions.BotoCoreError as error:
        return f"could not be asked: {type(error).__name__}"
    except botocore.exceptions.ClientError as error:
        return f"could not be asked: {error.operation_name} {error.response['Error']['Code']}"


def sweep(session) -> None:
    """Removes the domains, the keys and the roles that carry the probes' tag."""
    codeartifact, kms = session.client("codeartifact"), session.client("kms")
    for found in codeartifact.list_domains()["domains"]:
        tags = codeartifact.list_tags_for_resource(resourceArn=found["arn"])["tags"]
        if found["name"].startswith(PREFIX) and TAG in {tag["key"] for tag in tags}:
            made = bench(session, 1, domain=found["name"])
            made.codeartifact, made.kms = codeartifact, kms
            made.remove()
            print(f"deleted the domain {found['name']}")
    for page_of_keys in kms.get_paginator("list_keys").paginate():
        for key in page_of_keys["Keys"]:
            if is_ours(kms, key["KeyId"]):
                kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
                print(f"the key {key['KeyId']} goes in 7 days")
    iam = session.client("iam")
    for page_of_roles in iam.get_paginator("list_roles").paginate():
        for role in [each["RoleName"] for each in page_of_roles["Roles"] if each["RoleName"].startswith(PREFIX)]:
            if TAG in {tag["Key"] for tag in iam.list_role_tags(RoleName=role)["Tags"]}:
                remove_role(iam, role)
                print(f"deleted the role {role}")


def is_ours(kms, key: str) -> bool:
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    if metadata.get("KeyManager", "CUSTOMER") != "CUSTOMER" or metadata["KeyState"] == "PendingDeletion":
        return False
    return TAG in {tag["TagKey"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]}


def page(answers: dict[str, str], region: str, today: str, account: str) -> str:
    """What the service said beside what the emulator says, without the account's number."""
    emulator = json.loads(EMULATOR.read_text(encoding="utf-8"))
    versions = f"boto3 {boto3.__version__}, botocore {botocore.__version__}"
    lines = [f"# {region}, {today}", "", f"By `probes/run.py`, {versions}.", ""]
    lines += ["| probe | question | the service | the emulator |", "| --- | --- | --- | --- |"]
    for probe in PROBES:
        if probe.name in answers:
            said = answers[probe.name].replace(account, "ACCOUNT").replace("|", "\\|")
            lines.append(f"| `{probe.name}` | {probe.question} | {said} | {emulator.get(probe.name, 'not asked')} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    os.environ.setdefault("AWS_PAGER", "")
    sys.exit(main())
