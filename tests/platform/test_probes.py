"""The probes run as they would in an account, with the lab in its place, and the emulator's answers are kept."""

import json
import os
import re

import pytest
from pages import ROOT

FILE = ROOT / "probes/emulator.json"
ENTER = ". target/lab/env\n"


@pytest.fixture(scope="module")
def evidence(terminal, tmp_path_factory) -> str:
    output = tmp_path_factory.mktemp("evidence") / "lab.md"
    terminal.run(f"{ENTER}python tests/platform/probes_in_lab.py --account 123456789012 --tries 2 --output {output}")
    return output.read_text(encoding="utf-8")


def rows(evidence: str) -> dict[str, tuple[str, str]]:
    found = re.findall(r"^\| `(\w+)` \| .* \| (.*) \| (.*) \|$", evidence, re.MULTILINE)
    return {name: (service, emulator) for name, service, emulator in found}


def test_the_lab_answers_what_the_kept_answers_say(evidence):
    answered = rows(evidence)
    assert len(answered) > 10
    answers = {name: service for name, (service, _) in answered.items()}
    if "WRITE_EMULATOR" in os.environ:
        FILE.write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert answers == json.loads(FILE.read_text(encoding="utf-8")), "WRITE_EMULATOR=1 writes it anew"


def test_no_account_number_is_in_the_evidence(evidence):
    assert not re.search(r"\d{12}", evidence)


def test_a_run_leaves_nothing(terminal, evidence):
    assert evidence
    assert terminal.client("codeartifact").list_domains()["domains"] == []
    kms = terminal.client("kms")
    for key in kms.list_keys()["Keys"]:
        assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert probe_roles(terminal) == []


def probe_roles(terminal) -> list[str]:
    roles = terminal.client("iam").list_roles()["Roles"]
    return [role["RoleName"] for role in roles if role["RoleName"].startswith("probe-")]


def test_what_an_interrupted_run_left_is_swept(terminal):
    tags = [{"key": "codeartifact-stack-probe", "value": "true"}]
    kms, codeartifact = terminal.client("kms"), terminal.client("codeartifact")
    key = kms.create_key(Tags=[{"TagKey": tags[0]["key"], "TagValue": "true"}])["KeyMetadata"]
    others = kms.create_key()["KeyMetadata"]
    for name, domain_tags in [("probe-left", tags), ("probe-others", [])]:
        # The lab shows a new key to the emulator within a moment.
        create = f"aws codeartifact create-domain --domain {name} --encryption-key {key['Arn']}"
        terminal.run(f"{ENTER}until {create}; do sleep 1; done")
        arn = codeartifact.describe_domain(domain=name)["domain"]["arn"]
        codeartifact.tag_resource(resourceArn=arn, tags=domain_tags or [{"key": "a", "value": "b"}])
    codeartifact.create_repository(domain="probe-left", repository="left")
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    trust = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    policy, trusted = (json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (deny, trust))
    iam = terminal.client("iam")
    for name, role_tags in [("probe-left-0", [{"Key": tags[0]["key"], "Value": "true"}]), ("probe-others-0", [])]:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, Tags=role_tags)
        iam.put_role_policy(RoleName=name, PolicyName="asked", PolicyDocument=policy)

    terminal.run(f"{ENTER}python probes/run.py --account 123456789012 --sweep")

    assert [found["name"] for found in codeartifact.list_domains()["domains"]] == ["probe-others"]
    state = {each: kms.describe_key(KeyId=each)["KeyMetadata"]["KeyState"] for each in (key["KeyId"], others["KeyId"])}
    assert state == {key["KeyId"]: "PendingDeletion", others["KeyId"]: "Enabled"}
    assert probe_roles(terminal) == ["probe-others-0"]


def test_another_account_is_left_alone(terminal):
    said = terminal.run(f"{ENTER}! python probes/run.py --account 210987654321")
    assert "nothing was done" in said


def test_the_emulators_settings_name_probes_that_are_there():
    options = (ROOT / "emulator/src/options.rs").read_text(encoding="utf-8")
    named = set(re.findall(r"probes? +(?:///)? *`(\w+)`", re.sub(r"\n *///", "", options)))
    assert len(named) > 4
    assert named <= set(json.loads(FILE.read_text(encoding="utf-8")))
