"""`make lab` and a terminal beside it, as the READMEs of examples/ tell their reader to open them."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

# A shell lets its background jobs ignore SIGINT, and they their children: here they are to be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[2]

# Nothing looks for newer versions of itself, and nobody waits for a slow poll.
QUIET = {"SAM_CLI_POLL_DELAY": "1", "npm_config_update_notifier": "false"}


class Terminal:
    """Runs what a reader would type after `. target/lab/env`, with a home of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.home = folder / "home"
        wanted = r"^export (AWS_\w+)=(\S*)$"
        exports = re.findall(wanted, (folder / "env").read_text(encoding="utf-8"), re.MULTILINE)
        self._exports = {name: "".join(shlex.split(value)) for name, value in exports}

    def run(self, script: str, **environment: str) -> str:
        """What the script prints. It starts in the root of the checkout, and ends at its first failure."""
        script = script.replace("target/lab", shlex.quote(str(self.folder)))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=os.environ | QUIET | {"HOME": str(self.home)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def client(self, service: str, account: str = ""):
        """boto3's client of a service in the lab, in the lab's account or another one."""
        url = self._exports["AWS_ENDPOINT_URL_CODEARTIFACT" if service == "codeartifact" else "AWS_ENDPOINT_URL"]
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=self._exports["AWS_REGION"],
            aws_access_key_id=account or self._exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._exports["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def emulator_url(self) -> str:
        """Where CodeArtifact's emulator is."""
        return self._exports["AWS_ENDPOINT_URL_CODEARTIFACT"]

    def emulator(self, control: str, body: object) -> None:
        """Posts to one of the controls of CodeArtifact's emulator."""
        url = f"{self.emulator_url}/_emulator/{control}"
        request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def stack_id(self, stack: str) -> str:
        """The id by which a stack is still found when it is deleted."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return found["StackId"]

    def end_of(self, stack: str) -> str:
        """Waits until nothing is in progress any more and returns the stack's status."""
        while True:
            (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                return found["StackStatus"]
            time.sleep(0.2)

    def outputs(self, stack: str) -> dict[str, str]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("lab") / "lab"
    lab = subprocess.Popen(
        [sys.executable, "-u", str(ROOT / "demo/serve.py"), "--folder", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert lab.stdout is not None
    try:
        printed = ""
        while "next " not in printed:
            line = lab.stdout.readline()
            assert line, f"make lab ended: {printed}"
            printed += line
        yield Terminal(folder)
    finally:
        lab.send_signal(signal.SIGINT)
        lab.communicate(timeout=30)
    assert lab.returncode == 0
