"""An account of AWS, by the credentials in the environment, as a place for the story (`demo/place.py`)."""

import contextlib
import os
from collections.abc import Iterator

import boto3
import npm
from botocore.config import Config
from place import Names, run_aws


class Account:
    """One account and region. What package managers do is done over npm's protocol, at the repository's endpoint."""

    # New lines of a log take some seconds to be seen.
    poll, settle = 3.0, 8.0
    # Names that npmjs has: a scope with a package, and an unscoped package with two versions.
    internal = ("types", "node")
    bad = ("event-stream", "3.3.4", "4.0.1")
    has_other_accounts, is_aws = False, True

    # How long CloudTrail is given to show what was called; it says that it takes about 5 minutes, and up to 15.
    trail_patience = 1200.0

    def __init__(self, session: boto3.Session):
        self._session = session
        self.account: str = session.client("sts").get_caller_identity()["Account"]
        self.region: str = session.region_name
        self._partition = session.get_partition_for_region(self.region)

    def readers(self, names: Names) -> tuple[str, str]:
        """Nobody but the account itself, and a role of the story: whom a policy names must exist."""
        return self.account, self._arn(names.role("ledger-ci"))

    def _arn(self, role: str) -> str:
        return f"arn:{self._partition}:iam::{self.account}:role/{role}"

    def client(self, service: str):
        # CloudTrail takes two questions a second.
        config = Config(retries={"mode": "standard", "total_max_attempts": 8})
        return self._session.client(service, config=config)

    def aws(self, *arguments: str) -> str:
        environment = os.environ | {"AWS_PAGER": "", "AWS_DEFAULT_REGION": self.region}
        return run_aws(*arguments, environment=environment)

    def know_roles(self, *_: str) -> None:
        """IAM knows them."""

    def package(self, action: str, domain: str, repository: str, **package: str) -> str | None:
        name = package["package"]
        if scope := package.get("namespace"):
            name = f"@{scope}/{name}"
        act = npm.install if action == "ingest" else npm.publish
        token = package.get("token") or self._token(domain, package.get("caller"))
        return act(self._endpoint(domain, repository), token, name, package["version"])

    def _endpoint(self, domain: str, repository: str) -> str:
        asked = {"domain": domain, "repository": repository, "format": "npm"}
        return self.client("codeartifact").get_repository_endpoint(**asked)["repositoryEndpoint"]

    def _token(self, domain: str, role: str | None) -> str:
        session = self._as(role) if role else self._session
        asked = {"domain": domain, "domainOwner": self.account, "durationSeconds": 900}
        return session.client("codeartifact").get_authorization_token(**asked)["authorizationToken"]

    def _as(self, role: str) -> boto3.Session:
        asked = {"RoleArn": self._arn(role), "RoleSessionName": "acceptance"}
        given = self.client("sts").assume_role(**asked)["Credentials"]
        return boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self.region,
        )

    @contextlib.contextmanager
    def slowly(self) -> Iterator[None]:
        """A service's pace is its own: a Create may be done before its Delete is sent, which must end the same way."""
        yield

    def function_parameters(self) -> dict[str, str]:
        """What a release's template does not know by itself: nothing."""
        return {}

    def writes(self, skip: int) -> None:
        """Nobody counts along at once: CloudTrail does, minutes later."""
