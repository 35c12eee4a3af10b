"""What runs of the acceptance have left in an account, and its removal.

Only what carries the name of a run, and its tag, is touched. Nothing is remembered from the run itself, so that
whatever ended it, another process can remove what it made.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError
from place import TAG

RUN = re.compile(r"(acceptance-[0-9a-f]{8})-")
# What the other stacks import: these go last.
BASE = ("function", "packages-key", "ci-roles")
OWNER_TAG = "codeartifact-stack:stack-id"
# What CloudFormation or CodeArtifact may take at most for one thing.
PATIENCE = 900.0


def is_end_of_deletion(status: str) -> bool:
    return status in ("DELETE_COMPLETE", "DELETE_FAILED")


class Remover:
    """Removes what one run has left, or all runs have."""

    def __init__(self, place, run: str = "", say: Callable[[str], None] = print):
        self._place, self._run, self._say = place, run, say
        self._cloudformation = place.client("cloudformation")
        self._codeartifact = place.client("codeartifact")
        self._s3 = place.client("s3")

    def remove(self) -> list[str]:
        """Removes it, and looks again: a call that was cut off may have taken effect since. Returns what is left."""
        for _ in range(3):
            if not self.found():
                return []
            self._round()
        return self.found()

    def found(self) -> list[str]:
        """What there is of the runs, in words."""
        stacks = [f"stack {stack['StackName']}" for stack in self._stacks()]
        domains = [f"domain {domain['name']}" for domain in self._domains()]
        return stacks + domains + [f"bucket {name}" for name in self._buckets()]

    def _round(self) -> None:
        stacks = list(self._stacks())
        base = [stack for stack in stacks if RUN.sub("", stack["StackName"], count=1) in BASE]
        self._delete_stacks([stack for stack in stacks if stack not in base])
        for domain in list(self._domains()):
            self._delete_domain(domain["name"])
        self._delete_stacks(base)
        for bucket in list(self._buckets()):
            self._delete_bucket(bucket)

    def _is_of_a_run(self, name: str, tags: dict[str, str]) -> bool:
        run = RUN.match(name)
        is_meant = run and self._run in ("", run[1])
        return bool(is_meant) and (tags.get(TAG) == run[1] or f":stack/{run[1]}-" in tags.get(OWNER_TAG, ""))

    def _stacks(self) -> Iterator[dict]:
        for page in self._cloudformation.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
                if stack["StackStatus"] != "DELETE_COMPLETE" and self._is_of_a_run(stack["StackName"], tags):
                    yield stack

    def _domains(self) -> Iterator[dict]:
        for page in self._codeartifact.get_paginator("list_domains").paginate():
            for domain in page["domains"]:
                # Others' domains are not asked for their tags.
                if RUN.match(domain["name"]) and self._is_of_a_run(domain["name"], self._tags(domain["arn"])):
                    yield domain

    def _tags(self, arn: str) -> dict[str, str]:
        try:
            tags = self._codeartifact.list_tags_for_resource(resourceArn=arn)["tags"]
        except self._codeartifact.exceptions.ResourceNotFoundException:
            # Listed a moment ago, and deleted since.
            return {}
        return {tag["key"]: tag["value"] for tag in tags}

    def _buckets(self) -> Iterator[str]:
        # A run's bucket is tagged in a call of its own: one that was cut off before is known by its name alone.
        ending = f"-function-code-{self._place.account}"
        for bucket in self._s3.list_buckets()["Buckets"]:
            run = RUN.match(bucket["Name"])
            if run and bucket["Name"] == f"{run[1]}{ending}" and self._run in ("", run[1]):
                yield bucket["Name"]

    def _delete_stacks(self, stacks: list[dict]) -> None:
        """Deletes stacks at the same time; what of one cannot be deleted is retained, for the domain's deletion."""
        for stack in stacks:
            # A creation is cancelled by the deletion; anything else has to end before.
            self._await(stack, lambda status: status == "CREATE_IN_PROGRESS" or not status.endswith("_IN_PROGRESS"))
            self._cloudformation.delete_stack(StackName=stack["StackId"])
        # An end of before is seen until the deletion has begun.
        time.sleep(self._place.poll)
        for stack in stacks:
            if self._await(stack, is_end_of_deletion) == "DELETE_FAILED":
                self._retain_what_fails(stack)
            self._say(f"deleted the stack {stack['StackName']}")

    def _retain_what_fails(self, stack: dict) -> None:
        found = self._cloudformation.describe_stack_resources(StackName=stack["StackId"])["StackResources"]
        failed = [each for each in found if each["ResourceStatus"] == "DELETE_FAILED"]
        for each in failed:
            self._say(f"{stack['StackName']}: {each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}")
        retained = [each["LogicalResourceId"] for each in failed]
        self._cloudformation.delete_stack(StackName=stack["StackId"], RetainResources=retained)
        time.sleep(self._place.poll)
        self._await(stack, is_end_of_deletion)

    def _await(self, stack: dict, is_over: Callable[[str], bool]) -> str:
        """The stack's status, once it is one of those that are waited for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            (found,) = self._cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"]
            if is_over(found["StackStatus"]) or time.monotonic() > deadline:
                return found["StackStatus"]
            time.sleep(self._place.poll)

    def _delete_domain(self, name: str) -> None:
        pages = self._codeartifact.get_paginator("list_repositories_in_domain").paginate(domain=name)
        for repository in [each["name"] for page in pages for each in page["repositories"]]:
            # The function may be at it as well.
            with contextlib.suppress(self._codeartifact.exceptions.ResourceNotFoundException):
                self._codeartifact.delete_repository(domain=name, repository=repository)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._codeartifact.delete_domain(domain=name)
                break
            except self._codeartifact.exceptions.ConflictException:
                # Its last repository was deleted a moment ago.
                if time.monotonic() > deadline:
                    raise
                time.sleep(self._place.poll)
        self._say(f"deleted the domain {name}")

    def _delete_bucket(self, name: str) -> None:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for each in page.get("Contents", []):
                self._s3.delete_object(Bucket=name, Key=each["Key"])
        try:
            self._s3.delete_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
        self._say(f"deleted the bucket {name}")
