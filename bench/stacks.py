"""What CloudFormation asks of a stack, built from events/create.json."""

import copy
import json

from rig import ACCOUNT, REGION, ROOT

_SAMPLE = json.loads((ROOT / "events/create.json").read_text(encoding="utf-8"))


def squad(number: int = 0) -> dict:
    """A stack in a domain: one public proxy, the primary that names it, a repository policy."""
    properties = copy.deepcopy(_SAMPLE["ResourceProperties"])
    return properties | {"RepositoryName": f"team-{number}-npm"}


def full() -> dict:
    """A stack with one of everything: as a squad's, and the domain with its policy."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": ["codeartifact:GetAuthorizationToken", "codeartifact:DescribeDomain"],
        "Resource": "*",
    }
    return squad() | {"DomainPolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


class Stack:
    """One resource's requests, one after another."""

    def __init__(self, properties: dict, number: int = 0):
        self.properties = properties
        self._serial = 0
        self._common = {name: _SAMPLE[name] for name in ("ServiceToken", "LogicalResourceId", "ResourceType")}
        self._common["StackId"] = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/squad-{number}/{number:036x}"
        domain, repository = properties["DomainName"], properties["RepositoryName"]
        self._id = f"arn:aws:codeartifact:{REGION}:{ACCOUNT}:repository/{domain}/{repository}"

    def create(self) -> dict:
        return self._request("Create")

    def update(self, **changes) -> dict:
        """Without changes: as a change elsewhere in the template may cause it."""
        old, self.properties = self.properties, self.properties | changes
        return self._request("Update", PhysicalResourceId=self._id, OldResourceProperties=old)

    def delete(self) -> dict:
        return self._request("Delete", PhysicalResourceId=self._id)

    def _request(self, kind: str, **fields) -> dict:
        self._serial += 1
        request = {"RequestType": kind, "RequestId": f"request-{self._serial}", "ResourceProperties": self.properties}
        return self._common | request | fields
