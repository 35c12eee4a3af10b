"""CloudFormation, Lambda and CodeArtifact as a user of AWS sees them: through boto3."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab import ROOT
from place import TAG, Names, Place


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

    @property
    def outcomes(self) -> list[dict]:
        return [record for record in self.records if "step" not in record]


class Cloud:
    """The clients of one place."""

    def __init__(self, place: Place, names: Names):
        self._place, self._names = place, names
        self.cloudformation = place.client("cloudformation")
        self._lambda = place.client("lambda")
        self._logs = place.client("logs")
        self.codeartifact = place.client("codeartifact")
        self._log_group = f"/aws/lambda/{names.function}"
        self._read_lines: set[tuple] = set()
        self._told: list[str] = []
        self._read_writes = 0

    def deploy_function(self, template: Path, **parameters: str) -> Stack:
        """Deploys the function's template, with its code beside it, as whoever has a release does."""
        name, packaged = self._names.function, template.with_name("packaged.yaml")
        bucket = f"{name}-code-{self._place.account}"
        self._place.aws("s3", "mb", f"s3://{bucket}")
        self._place.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": self.tags})
        self._place.aws(
            *("cloudformation", "package", "--template-file", str(template)),
            *("--s3-bucket", bucket, "--output-template-file", str(packaged)),
        )
        parameters = self._place.function_parameters() | parameters
        return self.deploy(name, packaged.read_text(encoding="utf-8"), **parameters)

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags of a stack, which CloudFormation puts on what is in it."""
        return [{"Key": TAG, "Value": self._names.run}]

    def deploy(self, name: str, template: str, **parameters: str) -> Stack:
        """Creates the stack, or updates it where it exists, and waits for the end of that."""
        if self.status(name) is None:
            self.begin_to_create(name, template, **parameters)
            return self.wait(name, "CREATE_COMPLETE")
        self.cloudformation.update_stack(**self._wanted(name, template, parameters))
        return self.wait(name, "UPDATE_COMPLETE")

    def begin_to_create(self, name: str, template: str, **parameters: str) -> None:
        self.cloudformation.create_stack(**self._wanted(name, template, parameters))

    def _wanted(self, name: str, template: str, parameters: dict[str, str]) -> dict:
        return {
            "StackName": name,
            "TemplateBody": template,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Tags": self.tags,
        }

    def delete(self, name: str) -> None:
        stack_id = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=name)
        self.wait(stack_id, "DELETE_COMPLETE")

    def await_event(self, name: str, resource: str, status: str) -> None:
        """Waits until a resource of a stack has this status."""
        while (resource, status) not in {(e["LogicalResourceId"], e["ResourceStatus"]) for e in self._events(name)}:
            time.sleep(self._place.poll)

    def invoke(self, function: str, event: dict) -> dict:
        """Calls the function directly and returns what it returned."""
        answer = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise StackFailed(f"the function failed: {payload}")
        return payload

    def new_work(self, events: int = 1) -> Work:
        """What the function logged since the last call of this: of so many events at least, which it waits for."""
        work, deadline = Work(), time.monotonic() + 60
        while True:
            fresh = self._new_records()
            work.records += fresh
            is_told = len(work.outcomes) >= events and not (fresh and self._place.settle)
            if is_told or time.monotonic() > deadline:
                break
            time.sleep(self._place.settle or self._place.poll)
        self._told += [record["step"].split()[0] for record in work.records if "step" in record]
        return work

    def new_writes(self) -> list[str]:
        """The operations by which the function wrote to CodeArtifact since the last call of this."""
        told, self._told = self._told, []
        seen = self._place.writes(self._read_writes)
        if seen is None:
            return told
        self._read_writes += len(seen)
        return seen

    def reports(self) -> list[str]:
        """What Lambda itself logged about each call of the function."""
        return [message for _, message in self._log_events() if "REPORT" in message or "platform.report" in message]

    def _new_records(self) -> list[dict]:
        records = []
        for event, line in self._log_events():
            if event in self._read_lines:
                continue
            self._read_lines.add(event)
            record = json.loads(line) if line.startswith("{") else {}
            if "duration_ms" in record and ("step" in record or "outcome" in record):
                records.append(record)
        return records

    def _log_events(self) -> list[tuple[tuple, str]]:
        """Each line of the function's log, with what tells it from others: ministack gives it no id."""
        pages = self._logs.get_paginator("filter_log_events").paginate(logGroupName=self._log_group)
        events = [event for page in pages for event in page["events"]]
        return [((e.get("logStreamName"), e["timestamp"], e["message"]), e["message"]) for e in events]

    def status(self, name: str) -> str | None:
        try:
            stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except self.cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stack["StackStatus"]

    def _events(self, name: str) -> list[dict]:
        """The events of a stack, newest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]]

    def wait(self, name: str, wanted: str) -> Stack:
        """Waits until nothing is in progress, which has to be with this status."""
        while True:
            stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            status = stack["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(self._place.poll)
        if status != wanted:
            failed = [event for event in self._events(stack["StackId"]) if event["ResourceStatus"].endswith("_FAILED")]
            reasons = "\n".join(
                f"      {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed
            )
            raise StackFailed(f"stack {name} is {status}, not {wanted}\n{reasons}")
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return Stack(stack["StackId"], outputs)


def stage(folder: Path, binary: Path) -> Path:
    """The template in a folder where CodeUri (`.`) holds the built binary, as after `sam build`."""
    package = folder / "package"
    package.mkdir(exist_ok=True)
    template = Path(shutil.copy(ROOT / "template.yaml", package))
    # The template's metadata names these two, and the AWS CLI wants them to be there.
    for name in ("README.md", "LICENSE"):
        (package / name).touch()
    bootstrap = package / "bootstrap"
    shutil.copy(binary, bootstrap)
    bootstrap.chmod(0o755)
    if strip := shutil.which("strip"):
        # Debug information is most of a development build, and ministack takes the package into memory.
        subprocess.run([strip, "--strip-debug", str(bootstrap)], check=True)
    return template
