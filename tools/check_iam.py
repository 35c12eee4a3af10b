#!/usr/bin/env python3
"""Compares the role in a SAM template with the operations that the function was seen to call, both ways.

The operations come from the emulator's access logs (JSON, as GET /_emulator/log answers), of which only the calls
by the function's SDK count, or from text files with one operation a line. Fails when something was called that the
role does not allow, and when the role allows something that was never called, unless it is named with --unseen; a
name there that was called by now fails too.
"""

import argparse
import json
import sys
from pathlib import Path

import cfn_yaml

# What the service checks beside the operation's own name.
ALSO = {
    "CreateDomain": {
        "tags": ["codeartifact:TagResource"],
        "encryptionKey": ["kms:CreateGrant", "kms:DescribeKey"],
    },
    "CreatePackageGroup": {"tags": ["codeartifact:TagResource"]},
    "CreateRepository": {
        "tags": ["codeartifact:TagResource"],
        "upstreams": ["codeartifact:AssociateWithDownstreamRepository"],
    },
    "UpdateRepository": {"upstreams": ["codeartifact:AssociateWithDownstreamRepository"]},
}


def granted(template: Path) -> set[str]:
    """The actions that the role allows on CodeArtifact and KMS."""
    role = cfn_yaml.load(template)["Resources"]["Role"]["Properties"]
    actions: set[str] = set()
    for policy in role["Policies"]:
        for statement in map(unconditional, policy["PolicyDocument"]["Statement"]):
            listed = statement["Action"]
            actions.update([listed] if isinstance(listed, str) else listed)
    wide = sorted(action for action in actions if "*" in action)
    if wide:
        sys.exit(f"the role names actions by pattern: {', '.join(wide)}")
    return {action for action in actions if action.startswith(("codeartifact:", "kms:"))}


def unconditional(statement: dict) -> dict:
    """The statement itself where a parameter switches it on."""
    return statement["Fn::If"][1] if "Fn::If" in statement else statement


def called(logs: list[Path]) -> set[str]:
    """The actions that the function's calls need."""
    actions: set[str] = set()
    for log in logs:
        for operation, members in calls(log):
            actions.add(f"codeartifact:{operation}")
            for member, more in ALSO.get(operation, {}).items():
                if member in members:
                    actions.update(more)
    return actions


def calls(log: Path):
    """Each call in a file, as the operation and the members of its body that are not empty.

    A text file has one call a line: the operation, then those members. A JSON file is an access log.
    """
    text = log.read_text(encoding="utf-8")
    if log.suffix == ".txt":
        for line in text.splitlines():
            operation, *members = line.split()
            yield operation, members
        return
    for entry in json.loads(text):
        agent = entry.get("user_agent") or ""
        # The tests' own hand uses the same SDK, under a name.
        if entry.get("operation") and "aws-sdk-rust" in agent and "app/" not in agent:
            body = (entry.get("request") or {}).get("body") or {}
            yield entry["operation"], [member for member, value in body.items() if value]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("template", type=Path)
    parser.add_argument("logs", type=Path, nargs="+", help="access logs, or folders of them")
    parser.add_argument(
        "--unseen", action="append", default=[], metavar="ACTION", help="allowed though no test calls it"
    )
    arguments = parser.parse_args()

    logs = [
        log
        for path in arguments.logs
        for log in (sorted([*path.glob("*.json"), *path.glob("*.txt")]) if path.is_dir() else [path])
        if log.exists()
    ]
    if not logs:
        sys.exit(f"no access log in {', '.join(map(str, arguments.logs))}: run the tests first")
    allowed, needed, unseen = granted(arguments.template), called(logs), set(arguments.unseen)
    problems = {
        "called, but the role does not allow it": needed - allowed,
        "allowed by the role, but never called": allowed - needed - unseen,
        "named as --unseen, but called": unseen & needed,
        "named as --unseen, but not in the role": unseen - allowed,
    }
    for problem, actions in problems.items():
        for action in sorted(actions):
            print(f"{action}: {problem}")
    failed = sum(map(len, problems.values()))
    print(f"iam: {len(allowed & needed)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
