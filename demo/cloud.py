"""CloudFormation, Lambda and CodeArtifact as a user of AWS sees them: through boto3."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.config import Config
from lab import ACCOUNT, REGION, ROOT, SECRET, Lab


class StackFailed(Exception):
    """CloudFormation did not bring a stack where it was asked to."""


@dataclass
class Stack:
    """A deployed stack: its id and outputs."""

    stack_id: str
    outputs: dict[str, str]


@dataclass
class Work:
    """What the function logged about one or more events, in order: its steps, and how each event ended."""

    records: list[dict] = field(default_factory=list)


class Cloud:
    """The clients of one lab."""

    def __init__(self, lab: Lab):
        self._lab = lab
        session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=REGION)
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=100)

        def client(name: str, url: str):
            return session.client(name, endpoint_url=url, config=config)

        self.cloudformation = client("cloudformation", lab.aws_url)
        self._lambda = client("lambda", lab.aws_url)
        self._logs = client("logs", lab.aws_url)
        self.codeartifact = client("codeartifact", lab.codeartifact_url)
        self._read_lines = 0
        self._read_calls = 0

    def codeartifact_of(self, account: str):
        """CodeArtifact as another account calls it."""
        return boto3.client(
            "codeartifact",
            endpoint_url=self._lab.codeartifact_url,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key=SECRET,
        )

    def deploy_function(self, name: str, binary: Path, **parameters: str) -> Stack:
        """Deploys template.yaml as it stands, with the built binary as the function's code."""
        package = self._stage(binary)
        packaged = package / "packaged.yaml"
        self._lab.aws("s3", "mb", f"s3://{name}-code")
        self._lab.aws(
            *("cloudformation", "package", "--template-file", str(package / "template.yaml")),
            *("--s3-bucket", f"{name}-code", "--output-template-file", str(packaged)),
        )
        return self.deploy(
            name,
            packaged.read_text(encoding="utf-8"),
            Architecture="arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64",
            ResponseUrlAllowedHosts="http://127.0.0.1:*",
            **parameters,
        )

    def deploy(self, name: str, template: str, **parameters: str) -> Stack:
        """Creates the stack, or updates it where it exists, and waits for the end of that."""
        wanted = {
            "StackName": name,
            "TemplateBody": template,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        }
        if self._status(name) is None:
            self.cloudformation.create_stack(**wanted)
            return self._wait(name, "CREATE_COMPLETE")
        self.cloudformation.update_stack(**wanted)
        return self._wait(name, "UPDATE_COMPLETE")

    def delete(self, name: str) -> None:
        stack_id = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=name)
        self._wait(stack_id, "DELETE_COMPLETE")

    def invoke(self, function: str, event: dict) -> dict:
        """Calls the function directly and returns what it returned."""
        answer = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise StackFailed(f"the function failed: {payload}")
        return payload

    def new_work(self) -> Work:
        """What the function logged since the last call of this."""
        lines = self._log_lines()
        fresh, self._read_lines = lines[self._read_lines :], len(lines)
        work = Work()
        for line in fresh:
            if not line.startswith("{"):
                continue
            record = json.loads(line)
            if "duration_ms" in record and ("step" in record or "outcome" in record):
                work.records.append(record)
        return work

    def new_calls(self) -> list[dict]:
        """The calls that the function made to CodeArtifact since the last call of this."""
        log = self._lab.emulator_log()
        fresh, self._read_calls = log[self._read_calls :], len(log)
        return [entry for entry in fresh if made_by_function(entry)]

    def _stage(self, binary: Path) -> Path:
        """The template in a folder where CodeUri (`.`) holds the built binary, as after `sam build`."""
        package = self._lab.folder / "package"
        package.mkdir(exist_ok=True)
        shutil.copy(ROOT / "template.yaml", package)
        # The template's metadata names these two, and the AWS CLI wants them to be there.
        for name in ("README.md", "LICENSE"):
            (package / name).touch()
        bootstrap = package / "bootstrap"
        shutil.copy(binary, bootstrap)
        bootstrap.chmod(0o755)
        if strip := shutil.which("strip"):
            # Debug information is most of a development build, and ministack takes the package into memory.
            subprocess.run([strip, "--strip-debug", str(bootstrap)], check=True)
        return package

    def _log_lines(self) -> list[str]:
        lines, token = [], {}
        while True:
            page = self._logs.filter_log_events(logGroupName="/aws/lambda/codeartifact-stack", **token)
            lines += [event["message"] for event in page["events"]]
            if not page.get("nextToken"):
                return lines
            token = {"nextToken": page["nextToken"]}

    def _status(self, name: str) -> str | None:
        try:
            stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except self.cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stack["StackStatus"]

    def _wait(self, name: str, wanted: str) -> Stack:
        while True:
            stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            status = stack["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(0.05)
        events = self.cloudformation.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        if status != wanted or (failed and wanted != "DELETE_COMPLETE"):
            reasons = "\n".join(
                f"      {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed
            )
            raise StackFailed(f"stack {name} is {status}, not {wanted}\n{reasons}")
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return Stack(stack["StackId"], outputs)


def made_by_function(entry: dict) -> bool:
    """Whether a call in the emulator's log came from the function, not from boto3 or the AWS CLI."""
    return "aws-sdk-rust" in (entry.get("user_agent") or "")


def is_write(entry: dict) -> bool:
    return str(entry.get("kind")).lower() == "write"
