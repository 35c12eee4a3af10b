#!/usr/bin/env python3
"""Lives the demo's story in the local lab or in your own AWS account, and removes all that it made, however it ends.

In an account it deploys a release (--dist) with CloudFormation, makes stacks, a KMS key, two IAM roles, a bucket and a
CodeArtifact domain of its own, all named acceptance-XXXXXXXX-… and tagged `run`, and checks what AWS does. --sweep
removes what runs have left that were killed.
"""

import argparse
import datetime
import secrets
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import botocore
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "demo"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import release
from account import Account
from cloud import stage
from lab import ROOT, Lab, LabError
from leftovers import Remover
from place import Names
from report import Report
from story import Story

FOLDER = ROOT / "target/acceptance"
COST = "less than 1 USD: a KMS key (1 USD a month) for the time of the run, and some hundred calls"
TIME = "10 to 40 minutes, most of which CloudTrail takes to show its events"


class Run:
    """One run, as the tests see it."""

    def __init__(self, place, names: Names, story: Story):
        self.place, self.names, self.story = place, names, story
        self.began = datetime.datetime.now(datetime.UTC)
        self.outcomes: dict[str, str] = {}
        self.notes: dict[str, str] = {}

    def note(self, what: str, said: str) -> None:
        """Keeps what is worth knowing beside that a test passed."""
        self.notes[what] = said

    def pytest_configure(self, config) -> None:
        config.acceptance = self

    def pytest_runtest_logreport(self, report) -> None:
        name = report.nodeid.split("::")[-1].removeprefix("test_")
        if report.skipped:
            self.outcomes[name] = f"not told: {report.longrepr[-1].removeprefix('Skipped: ')}"
        elif report.failed:
            said = getattr(getattr(report.longrepr, "reprcrash", None), "message", report.longreprtext)
            self.outcomes[name] = f"failed: {said.splitlines()[0]}"
        elif report.when == "call":
            self.outcomes[name] = "passed"


def main(argv: list[str] | None = None, open_account: Callable[[boto3.Session], Account] = Account) -> int:
    arguments = parsed(argv)
    if arguments.target == "lab":
        return in_the_lab(arguments)
    place = the_account(arguments, open_account)
    if place is None:
        return 1
    if arguments.sweep:
        return swept(Remover(place))
    run = f"acceptance-{secrets.token_hex(4)}"
    if not is_confirmed(place, run, arguments):
        print("Nothing was done.", file=sys.stderr)
        return 1
    return in_an_account(place, Names.of_run(run), arguments)


def parsed(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=["lab", "account"], required=True)
    parser.add_argument("--account", default="", help="the account in which this may make and delete things")
    parser.add_argument("--region", default="", help="its region")
    parser.add_argument("--yes", action="store_true", help="do not ask again")
    parser.add_argument("--sweep", action="store_true", help="only remove what runs have left")
    parser.add_argument("--dist", type=Path, default=ROOT / "target/dist", help="the release's files (target/dist)")
    parser.add_argument(
        "--output", type=Path, help="where the result goes; else docs/evidence/acceptance-REGION-DATE.md"
    )
    parser.add_argument("--binary", type=Path, default=ROOT / "target/debug/codeartifact-stack", help="for the lab")
    parser.add_argument(
        "--emulator", type=Path, default=ROOT / "target/debug/codeartifact-emulator", help="for the lab"
    )
    return parser.parse_args(argv)


def the_account(arguments: argparse.Namespace, open_account) -> Account | None:
    """The account of the credentials, if it is the one that was named."""
    if not arguments.account or not arguments.region:
        print("Say in which account and region: make acceptance ACCOUNT=123456789012 REGION=eu-west-1", file=sys.stderr)
        return None
    place = open_account(boto3.Session(region_name=arguments.region))
    if place.account != arguments.account:
        said = f"these credentials are of account {place.account}, not {arguments.account}: nothing was done"
        print(said, file=sys.stderr)
        return None
    return place


def is_confirmed(place: Account, run: str, arguments: argparse.Namespace) -> bool:
    print(f"account   {place.account}\nregion    {place.region}\nnames     {run}-…, tagged run={run}")
    print(f"cost      {COST}\ntime      {TIME}")
    print("Everything it makes is removed at the end; make acceptance-sweep removes what a killed run has left.")
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        print("Nobody is there to confirm this: say YES=1 to go on without being asked.", file=sys.stderr)
        return False
    return input("Type the account's number to go on: ").strip() == place.account


def in_the_lab(arguments: argparse.Namespace) -> int:
    names = Names.of_run(f"acceptance-{secrets.token_hex(4)}")
    interrupt_on_signals()
    try:
        with Lab(FOLDER / "lab", arguments.emulator) as lab:
            code = lived(lab, names, stage(lab.folder, arguments.binary), FOLDER)
            lab.keep_calls("acceptance")
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def in_an_account(place: Account, names: Names, arguments: argparse.Namespace) -> int:
    today = datetime.datetime.now(datetime.UTC).date()
    output = arguments.output or ROOT / f"docs/evidence/acceptance-{place.region}-{today}.md"
    folder = FOLDER / names.run
    template = unpacked(arguments.dist, folder / "release")
    if template is None:
        print(f"{arguments.dist} has no template-ARCH.yaml: make dist puts a release together there", file=sys.stderr)
        return 1
    interrupt_on_signals()
    try:
        code = lived(place, names, template, folder, output)
    finally:
        be_patient_on_signals()
        shutil.rmtree(folder / "release", ignore_errors=True)
        left = swept(Remover(place, names.run))
    return code or left


def unpacked(dist: Path, folder: Path) -> Path | None:
    """A copy of the release to work in, and its template."""
    templates = sorted(dist.glob("template-*.yaml"))
    if not templates:
        return None
    shutil.copytree(dist, folder, dirs_exist_ok=True)
    return folder / templates[0].name


def lived(place, names: Names, template: Path, folder: Path, output: Path | None = None) -> int:
    """Runs the tests, with the story in a file beside the logs, and writes down what came of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "story.txt").open("w", encoding="utf-8") as told:
        run = Run(place, names, Story(place, names, Report(told), template))
        options = ["-c", str(ROOT / "acceptance/pytest.ini"), "--rootdir", str(ROOT), "-v", "-x", "--no-header"]
        code = int(pytest.main([*options, str(ROOT / "acceptance/test_story.py")], plugins=[run]))
    print(f"The story as it was told: {folder / 'story.txt'}")
    if output and code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page(run), encoding="utf-8")
        print(f"The result, without the account's number: {output}")
    return code


def page(run: Run) -> str:
    """The result, without the account's number."""
    versions = f"codeartifact-stack {release.version()}, boto3 {boto3.__version__}, botocore {botocore.__version__}"
    lines = [f"# Acceptance in {run.place.region}, {run.began.date()}", "", f"By `make acceptance`, {versions}.", ""]
    lines += ["| chapter | |", "| --- | --- |"]
    for name, said in (run.outcomes | run.notes).items():
        lines.append(f"| {name.replace('_', ' ')} | {said.replace('|', ' ')} |".replace(run.place.account, "ACCOUNT"))
    return "\n".join([*lines, ""])


def swept(remover: Remover) -> int:
    """Removes what is left; 1 if something could not be removed."""
    left = remover.remove()
    for thing in left:
        print(f"still there: {thing}", file=sys.stderr)
    print("Some things are left: try make acceptance-sweep." if left else "Nothing is left.")
    return 1 if left else 0


def interrupt_on_signals() -> None:
    """Makes a polite kill end the run as Ctrl-C does."""

    def stop(*_):
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def be_patient_on_signals() -> None:
    """Lets nothing polite end the removal."""

    def say(*_):
        print("\nRemoving what was made; this takes some minutes.", file=sys.stderr)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, say)


if __name__ == "__main__":
    sys.exit(main())
