#!/usr/bin/env python3
"""Compares the role in a SAM template with what the function was seen to call, both ways.

The calls come from the emulator's access logs (JSON, as GET /_emulator/log answers); those by the function's SDK
alone count. Each call needs actions on resources, and the role must grant each; and each pair of action and kind of
resource that the role grants must be needed by some call.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import cfn_yaml

# The template as it is looked at: accounts, names and keys by what they are to the function.
OWN, OTHER, DOMAIN = "OWN", "OTHER", "DOMAIN"
PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "REGION",
    "AWS::AccountId": OWN,
    "DomainNamePattern": DOMAIN,
    "RepositoryNamePattern": "*",
    "OtherDomainOwner": OTHER,
    "KmsKeyArns": f"arn:aws:kms:REGION:{OWN}:key/KEY",
}
CONDITIONS = {
    "UsesOtherDomains": True,
    "AnyKey": False,
    "HasPlatformRepositories": True,
    # What Lambda does in the role's name is none of the function's calls.
    "HasLogKey": False,
    "RunsInVpc": False,
}

ON_DOMAINS = {
    "DeleteDomain",
    "DeleteDomainPermissionsPolicy",
    "DescribeDomain",
    "GetDomainPermissionsPolicy",
    "ListRepositoriesInDomain",
    "PutDomainPermissionsPolicy",
}


class Need(NamedTuple):
    """An action on a resource, and the keys of the tags in the request."""

    action: str
    resource: str
    tags: frozenset[str] = frozenset()


class Grant(NamedTuple):
    """An action on the resources of a pattern, and the tags that must be in the request."""

    action: str
    pattern: str
    tags: frozenset[str]

    def covers(self, need: Need) -> bool:
        return self.action == need.action and fnmatchcase(need.resource, self.pattern) and self.tags <= need.tags


def resolved(value):
    """A value of the template, with the parameters of above."""
    match value:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)}", lambda name: PARAMETERS[name[1]], text)
        case {"Fn::If": [name, yes, no]}:
            return resolved(yes if CONDITIONS[name] else no)
        case {"Ref": name}:
            return PARAMETERS.get(name)
        case list():
            return [item for item in map(resolved, value) if item is not None]
        case dict():
            return {key: resolved(part) for key, part in value.items()}
        case _:
            return value


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def granted(template: Path) -> set[Grant]:
    """What the role grants on CodeArtifact and KMS."""
    grants = set()
    for policy in cfn_yaml.load(template)["Resources"]["Role"]["Properties"]["Policies"]:
        for statement in resolved(policy["PolicyDocument"]["Statement"]):
            absent = statement.get("Condition", {}).get("Null", {})
            # A tag on the resource is not in the logs: what is called for it is called for a stack's own.
            asked = [key for key, value in absent.items() if value == "false"]
            tags = frozenset(key.split("/")[1] for key in asked if key.startswith("aws:RequestTag/"))
            actions = [action for action in listed(statement["Action"]) if action.startswith(("codeartifact:", "kms:"))]
            patterns = listed(statement["Resource"]) if actions else []
            grants |= {Grant(action, pattern, tags) for action in actions for pattern in patterns}
    wide = sorted({grant.action for grant in grants if "*" in grant.action})
    if wide:
        sys.exit(f"the role names actions by pattern: {', '.join(wide)}")
    return grants


def entries(logs: list[Path]) -> Iterator[dict]:
    """The function's calls."""
    for log in logs:
        for entry in json.loads(log.read_text(encoding="utf-8")):
            agent = entry.get("user_agent") or ""
            # The tests' own hand uses the same SDK, under a name.
            if entry.get("operation") and "aws-sdk-rust" in agent and "app/" not in agent:
                yield entry


def needs(entry: dict) -> Iterator[Need]:
    """What a call needs. Source: the service authorization reference of CodeArtifact, and its user guide."""
    operation, request = entry["operation"], entry.get("request") or {}
    query, body = request.get("query") or {}, request.get("body") or {}
    owner = OTHER if query.get("domain-owner", entry.get("account")) != entry.get("account") else OWN

    def arn(kind: str) -> str:
        return f"arn:aws:codeartifact:REGION:{owner}:{kind}"

    def repository(name: str) -> str:
        return arn(f"repository/{DOMAIN}/{name}")

    if entry.get("resource_arn"):
        account, resource = entry["resource_arn"].split(":", 5)[4:]
        owner = OWN if account == entry.get("account") else OTHER
        resource = arn(re.sub(r"^([a-z-]+)/[^/]+", rf"\1/{DOMAIN}", resource))
    elif operation in ON_DOMAINS or operation == "CreateDomain":
        resource = arn(f"domain/{DOMAIN}")
    elif entry.get("package_group"):
        resource = arn(f"package-group/{DOMAIN}{entry['package_group']}")
    else:
        resource = repository(entry.get("repository"))
    tags = frozenset(tag["key"] for tag in body.get("tags") or [])
    yield Need(f"codeartifact:{operation}", resource, tags)
    if tags and operation != "TagResource":
        # The user guide wants it "to the domain and all repositories", and does not say which is looked at.
        for tagged in {resource, arn(f"domain/{DOMAIN}")}:
            yield Need("codeartifact:TagResource", tagged, tags)
    for upstream in body.get("upstreams") or []:
        yield Need("codeartifact:AssociateWithDownstreamRepository", repository(upstream["repositoryName"]))
    if operation == "CreateDomain":
        for action in ("kms:CreateGrant", "kms:DescribeKey"):
            yield Need(action, PARAMETERS["KmsKeyArns"])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("template", type=Path)
    parser.add_argument("logs", type=Path, nargs="+", help="access logs, or folders of them")
    arguments = parser.parse_args()

    paths = [sorted(path.glob("*.json")) if path.is_dir() else [path] for path in arguments.logs]
    logs = [log for path in paths for log in path if log.exists()]
    if not logs:
        sys.exit(f"no access log in {', '.join(map(str, arguments.logs))}: run the tests first")
    grants, needed = granted(arguments.template), {need for entry in entries(logs) for need in needs(entry)}
    used, missing = set(), set()
    for need in needed:
        covering = {grant for grant in grants if grant.covers(need)}
        used |= covering
        if not covering:
            missing.add(f"{need.action} on {need.resource}: called, but the role does not allow it")
    unused = {f"{grant.action} on {grant.pattern}: allowed by the role, but never called" for grant in grants - used}
    print(*sorted(missing) + sorted(unused), sep="\n")
    print(f"iam: {len(used)} passed, {len(missing) + len(unused)} failed")
    return 1 if missing or unused else 0


if __name__ == "__main__":
    sys.exit(main())
