#!/usr/bin/env python3
"""`probes/run.py` in a lab, by the endpoints in the environment. Who a role is, and packages, the emulator is told."""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "probes"))
import run

from probes import Bench

EMULATOR = os.environ["AWS_ENDPOINT_URL_CODEARTIFACT"]


class BenchInLab(Bench):
    """A role's access key is its name, and package managers are the emulator's controls."""

    def as_role(self, role: str, document: str):
        settings = {"principals": {role: {"arn": self.arn_of(role), "policy": json.loads(document)}}}
        ask("PUT", "settings", settings)
        session = boto3.Session(role, os.environ["AWS_SECRET_ACCESS_KEY"], None, self.session.region_name)
        return session.client("codeartifact")

    def publish(self, repository: str, name: str, version: str) -> str | None:
        return self._package("publish", repository, name, version)

    def install(self, repository: str, name: str, version: str) -> str | None:
        return self._package("ingest", repository, name, version)

    def _package(self, control: str, repository: str, name: str, version: str) -> str | None:
        package = {"format": "npm", "package": name, "version": version}
        return ask("POST", control, {"domain": self.domain, "repository": repository} | package)


def ask(method: str, control: str, body: dict) -> str | None:
    """Why the emulator refused it, if it did."""
    url = f"{EMULATOR}/_emulator/{control}"
    try:
        urllib.request.urlopen(
            urllib.request.Request(url, json.dumps(body).encode(), method=method), timeout=10
        ).close()
    except urllib.error.HTTPError as refused:
        return f"{refused.code} {json.load(refused)['message']}"
    return None


if __name__ == "__main__":
    sys.exit(run.main(open_bench=BenchInLab))
