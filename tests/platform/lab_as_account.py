#!/usr/bin/env python3
"""`acceptance/run.py` with a lab in the account's stead, by the endpoints in the environment.

What differs from an account is here: nobody has to wait for a log, package managers talk to tests/gateway, and a role's
credentials are its name, as the emulator takes them.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "acceptance"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "demo"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import run
from account import Account
from gateway import Gateway
from lab import SECRET, Lab

LOG_IN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["codeartifact:GetAuthorizationToken", "sts:GetServiceBearerToken"],
            "Resource": "*",
        }
    ],
}


class LabAsAccount(Account):
    """The lab, as far as possible as an account is."""

    poll, settle, is_aws = 0.2, 0.0, False
    _gateway: Gateway | None = None

    def function_parameters(self) -> dict[str, str]:
        return {"ResponseUrlAllowedHosts": Lab.function_parameters(self)["ResponseUrlAllowedHosts"]}

    def know_roles(self, *names: str) -> None:
        url = f"{os.environ['AWS_ENDPOINT_URL_CODEARTIFACT']}/_emulator/settings"
        principals = {name: {"arn": self._arn(name), "policy": LOG_IN} for name in names}
        request = urllib.request.Request(url, json.dumps({"principals": principals}).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def _as(self, role: str) -> boto3.Session:
        return boto3.Session(aws_access_key_id=role, aws_secret_access_key=SECRET, region_name=self.region)

    def package(self, action: str, domain: str, repository: str, **package: str) -> str | None:
        if self._gateway is None:
            self._gateway = Gateway(os.environ["AWS_ENDPOINT_URL_CODEARTIFACT"], domain).__enter__()
            # The namesake of the internal package has a higher version, as an attacker's has.
            self._have_in_public(*self.internal, "99.0.0")
        if action == "ingest" and "namespace" not in package:
            # The gateway takes in all versions that it sees, the service those alone that are asked for.
            self._have_in_public("", package["package"], package["version"])
        return super().package(action, domain, repository, **package)

    def _have_in_public(self, scope: str, name: str, version: str) -> None:
        package = self._gateway.package("npm", scope, name)
        package.files.setdefault(version, {f"{name}-{version}.tgz": b"from npmjs"})
        package.about.setdefault(version, {"name": name, "version": version})

    def _endpoint(self, domain: str, repository: str) -> str:
        told = super()._endpoint(domain, repository)
        assert told.endswith(f"/npm/{repository}/"), told
        return f"{self._gateway.url}/npm/{repository}/"


if __name__ == "__main__":
    sys.exit(run.main(open_account=LabAsAccount))
