"""The parts that the demo runs on: ministack and the emulator, on 127.0.0.1, gone when the demo ends.

Everything they and the AWS CLI write goes into one folder below target/.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
from botocore.config import Config
from place import Names, run_aws

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-west-1"
# ministack and the emulator take a 12-digit access key for the caller's account.
ACCOUNT = "123456789012"
# What ministack gives to the functions that it runs; the emulator checks every signature against it.
SECRET = "test"
AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_PAGER": "",
    "NO_PROXY": "127.0.0.1,localhost",
}


class LabError(Exception):
    """A part of the lab did not do what the demo needs of it."""


class Lab:
    """A context manager: inside it ministack and the emulator run. It is a place for the story (`place.py`)."""

    account, region = ACCOUNT, REGION
    poll, settle = 0.05, 0.0
    internal = ("payments", "ui")
    bad = ("event-stream", "3.3.6", "4.0.1")
    has_other_accounts, is_aws = True, False

    def __init__(self, folder: Path, emulator: Path):
        self.folder = folder
        self._emulator = emulator
        self._processes: list[subprocess.Popen] = []
        self.codeartifact_url = ""
        self.aws_url = ""

    def __enter__(self) -> "Lab":
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("home", "tmp", "state"):
            (self.folder / name).mkdir(parents=True)
        try:
            self.codeartifact_url = self._start_emulator()
            self.aws_url = self._start_ministack()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._stop()

    def environment(self) -> dict[str, str]:
        """What the parts and the AWS CLI get: nothing of the user's AWS configuration, no home of theirs."""
        return {
            "PATH": os.pathsep.join([str(ROOT / ".venv/bin"), os.environ.get("PATH", os.defpath)]),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **AWS_ENVIRONMENT,
            **{name: os.environ[name] for name in ("COVERAGE_FILE", "LLVM_PROFILE_FILE") if name in os.environ},
        }

    def client_environment(self) -> dict[str, str]:
        """What a client of AWS needs to talk to the lab."""
        return AWS_ENVIRONMENT | {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ENDPOINT_URL_CODEARTIFACT": self.codeartifact_url,
        }

    def client(self, service: str, account: str = ACCOUNT):
        """boto3's client of a service, as an account calls it."""
        return boto3.client(
            service,
            endpoint_url=self.codeartifact_url if service == "codeartifact" else self.aws_url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=100),
        )

    def readers(self, _names: Names) -> tuple[str, str]:
        """Two other accounts."""
        return "210987654321", "345678901234"

    def function_parameters(self) -> dict[str, str]:
        """What template.yaml has to know to run here."""
        return {
            "Architecture": "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64",
            "ResponseUrlAllowedHosts": "http://127.0.0.1:*",
        }

    def aws(self, *arguments: str) -> str:
        """Runs the AWS CLI against the lab and returns what it printed."""
        return run_aws(*arguments, environment=self.environment() | self.client_environment())

    def emulator_log(self) -> list[dict]:
        """Every call that CodeArtifact got, in the order of arrival."""
        with urllib.request.urlopen(f"{self.codeartifact_url}/_emulator/log", timeout=10) as answer:
            return json.load(answer)

    def keep_calls(self, name: str) -> None:
        """Leaves the access log where tools/check_iam.py looks for the operations that were called."""
        operations = ROOT / "target/operations"
        operations.mkdir(parents=True, exist_ok=True)
        try:
            (operations / f"{name}.json").write_text(json.dumps(self.emulator_log()), encoding="utf-8")
        except OSError as error:
            print(f"could not keep the access log: {error}", file=sys.stderr)

    def emulator_settings(self, **settings) -> None:
        """Changes how the emulator behaves."""
        request = urllib.request.Request(
            f"{self.codeartifact_url}/_emulator/settings",
            data=json.dumps(settings).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        urllib.request.urlopen(request, timeout=10).close()

    def writes(self, skip: int) -> list[str]:
        """The writes of the function but the first ones, not those of boto3 and the AWS CLI."""
        theirs = [call for call in self.emulator_log() if "aws-sdk-rust" in (call.get("user_agent") or "")]
        writes = [call["operation"] for call in theirs if str(call["kind"]).lower() == "write"]
        return writes[skip:]

    def emulator_fault(self, fault: dict) -> None:
        """Lets a call fail."""
        url = f"{self.codeartifact_url}/_emulator/faults"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(fault).encode()), timeout=10).close()

    @contextlib.contextmanager
    def slowly(self) -> Iterator[None]:
        """Every call of CodeArtifact takes a while."""
        self.emulator_settings(latency_ms=300)
        try:
            yield
        finally:
            self.emulator_settings(latency_ms=0)

    def know_roles(self, *names: str) -> None:
        """Lets `package` act as these roles, which have no rights of their own."""
        nothing = {"Version": "2012-10-17", "Statement": []}
        self.know({name: {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "policy": nothing} for name in names})

    def know(self, principals: dict[str, dict]) -> None:
        """Tells the emulator who is behind these access key ids."""
        self.emulator_settings(principals=principals)

    def package(self, action: str, domain: str, repository: str, **package: str) -> str | None:
        """What a package manager does: install (`ingest`) or `publish`. Says why it was refused, if it was."""
        request = {"owner": ACCOUNT, "domain": domain, "repository": repository} | package
        call = urllib.request.Request(
            f"{self.codeartifact_url}/_emulator/{action}",
            data=json.dumps(request).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            urllib.request.urlopen(call, timeout=10).close()
        except urllib.error.HTTPError as refused:
            return json.load(refused)["message"]
        return None

    def _start_emulator(self) -> str:
        if not self._emulator.is_file():
            raise LabError(f"{self._emulator} is not built: run make demo, which builds it")
        process = self._spawn(
            "codeartifact-emulator",
            [str(self._emulator), "--port", "0", "--region", REGION, "--secret", SECRET],
            self.environment(),
            stdout=subprocess.PIPE,
        )
        line = process.stdout.readline().strip() if process.stdout else ""
        url = next((word for word in line.split() if word.startswith("http://")), "")
        if not url:
            raise LabError(f"the emulator did not print its URL; see {self.folder / 'codeartifact-emulator.log'}")
        return url.rstrip("/")

    def _start_ministack(self) -> str:
        engine = [str(ROOT / ".venv/ministack/bin/python"), str(ROOT / "demo/engine.py")]
        port = _free_port()
        environment = self.environment() | {
            # Functions in JavaScript run by the node that is pinned here, where it is installed.
            "PATH": os.pathsep.join([str(ROOT / ".venv/node/bin"), os.environ.get("PATH", os.defpath)]),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # The host of the ResponseURLs that it gives out.
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "STATE_DIR": str(self.folder / "state"),
            "S3_DATA_DIR": str(self.folder / "state/s3"),
            # A state machine that waits or tries again does so in a tenth of the time.
            "SFN_WAIT_SCALE": "0.1",
            # Its MQTT listener would bind to every address.
            "IOT_MTLS_ENABLED": "0",
            # It hands its own environment to the functions that it runs. AWS_ENDPOINT_URL must stay unset:
            # it would send all of a function's calls back here, CodeArtifact's too.
            "AWS_ENDPOINT_URL_CODEARTIFACT": self.codeartifact_url,
        }
        for credential in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.pop(credential)
        process = self._spawn("ministack", engine, environment)
        url = f"http://127.0.0.1:{port}"
        self._await("ministack", process, f"{url}/_ministack/health")
        return url

    def _spawn(self, name: str, command: list[str], environment: dict[str, str], stdout=None) -> subprocess.Popen:
        log = self.folder / f"{name}.log"
        with log.open("ab") as sink:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout or sink,
                stderr=sink,
                text=True,
                # A group of its own, so that whatever it starts can be ended with it.
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _await(self, name: str, process: subprocess.Popen, url: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
                return
            time.sleep(0.05)
        raise LabError(f"{name} did not come up; see {self.folder / name}.log")

    def _stop(self) -> None:
        """Ends every process group, politely first. A second interrupt must not leave one behind."""
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM})
        try:
            for process in reversed(self._processes):
                _signal_group(process.pid, signal.SIGTERM)
            for process in reversed(self._processes):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=5)
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()
                if process.stdout:
                    process.stdout.close()
            self._processes.clear()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def end_on_signals() -> None:
    """Makes a polite kill end the program as Ctrl-C does, through every `finally`."""

    def stop(number, _frame):
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
