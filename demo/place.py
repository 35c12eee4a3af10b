"""Where the story can be told: what it needs of a place, and what it calls its things there."""

import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# The tag of everything that the story makes: its value is the run.
TAG = "run"


@dataclass(frozen=True)
class Names:
    """The names in an account: those of a made-up company, or with a prefix that no other run has."""

    run: str
    domain: str
    function: str
    prefix: str = ""

    @staticmethod
    def of_run(run: str) -> "Names":
        return Names(run, f"{run}-pkgs", f"{run}-function", f"{run}-")

    def stack(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def role(self, name: str) -> str:
        """A role of the account: IAM's names are an account's, not a domain's."""
        return f"{self.prefix}{name}"


COMPANY = Names("demo", "kloudvin-pkgs", "codeartifact-stack")


class CommandFailed(Exception):
    """The AWS CLI did not do what it was asked to."""


def run_aws(*arguments: str, environment: dict[str, str]) -> str:
    """Runs the AWS CLI that is installed beside this Python, and returns what it printed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("aws"), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailed(f"aws {' '.join(arguments)}: exit {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


class Place(Protocol):
    """An account with CloudFormation, Lambda and CodeArtifact: the local lab, or one of AWS."""

    account: str
    region: str
    # Seconds between two looks at a stack, and without a new line until the function's log is taken for complete.
    poll: float
    settle: float
    # An internal package of payments by a name that a public registry has as well: scope and name.
    internal: tuple[str, str]
    # The public package that is let in and then blocked: its name, a version, the next one.
    bad: tuple[str, str, str]
    # Whether one may act as any account.
    has_other_accounts: bool
    # Whether Lambda starts sandboxes, and CloudTrail writes down what is called.
    is_aws: bool

    def client(self, service: str):
        """boto3's client of a service."""

    def readers(self, names: Names) -> tuple[str, str]:
        """Whom payments lets read, at first and later too."""

    def aws(self, *arguments: str) -> str:
        """What the AWS CLI prints."""

    def know_roles(self, *names: str) -> None:
        """Lets `package` act as these roles of the account."""

    def package(self, action: str, domain: str, repository: str, **package: str) -> str | None:
        """What a package manager does: install (`ingest`) or `publish`. Says why it was refused, if it was."""

    def slowly(self) -> AbstractContextManager:
        """Makes the function's work take long enough to be cancelled, where that can be done."""

    def function_parameters(self) -> dict[str, str]:
        """Parameters of template.yaml that this place needs."""

    def writes(self, skip: int) -> list[str] | None:
        """The writes of the function but the first ones, by operation; nothing where only its log tells."""
