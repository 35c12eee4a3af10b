"""`make lab` and a terminal beside it, as the READMEs of examples/ tell their reader to open them."""

import contextlib
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

sys.path.insert(0, str(Path(__file__).parent))
from pages import Block  # noqa: E402

# Nothing looks for newer versions of itself, and nobody waits for a slow poll.
QUIET = {
    "SAM_CLI_POLL_DELAY": "1",
    "npm_config_update_notifier": "false",
    "PYTHONPATH": str(ROOT / "tests/platform/quick"),
}
# What build servers set, by which tools tell that nobody is there: Yarn then changes no lock, pnpm asks nothing.
OF_A_BUILD = re.compile(
    r"CI|CI_\w+|CONTINUOUS_INTEGRATION|BUILD_\w+|RUN_ID|TF_BUILD|TEAMCITY_VERSION|JENKINS_\w+"
    r"|(ACTIONS|BITBUCKET|BUILDKITE|CIRCLE|CODEBUILD|DRONE|GITEA|GITHUB|GITLAB|RUNNER|TRAVIS)(_\w+)?|CIRCLECI"
)
# What a shell prints when a block is done.
DONE = "== that was the block =="


def at_a_desk() -> dict[str, str]:
    """The machine's environment as a reader has it, wherever the tests run."""
    return {name: value for name, value in os.environ.items() if not OF_A_BUILD.fullmatch(name)} | QUIET


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
            env=at_a_desk() | {"HOME": str(self.home)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    @contextlib.contextmanager
    def shell(self, folder: Path) -> "Iterator[Shell]":
        """A shell that is open for as long as a page is followed, in a folder of the reader's."""
        shell = Shell(folder, self.home)
        try:
            shell.run(f". {shlex.quote(str(self.folder / 'env'))}")
            yield shell
        finally:
            shell.close()

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


class Shell:
    """A reader's shell: what one block of a page sets is there for the next. A command that fails ends it."""

    def __init__(self, folder: Path, home: Path):
        self.folder = folder
        self._process = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=folder,
            env=at_a_desk() | {"HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, block: str) -> str:
        """What the block prints."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{block}\n\necho '{DONE}'\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.endswith(f"{DONE}\n"):
                return "".join([*printed, line.removesuffix(f"{DONE}\n")])
            printed.append(line)
        raise AssertionError(f"{block}\nended with {self._process.wait()}:\n{''.join(printed)}")

    def follow(self, block: Block) -> str:
        """Does what a page tells: runs commands, puts what has a name into its file."""
        if block.language == "sh":
            return self.run(block.text)
        (self.folder / block.file).write_text(block.text, encoding="utf-8")
        return ""

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


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
