"""docs/incident.md, followed in a lab: its template is deployed, and each of its commands is run."""

import json
import re
import subprocess
import urllib.error
from pathlib import Path

import pytest
from pages import ROOT, blocks

PAGE = blocks("docs/incident.md")
COMMANDS = {block.heading: block.text for block in PAGE if block.language == "sh"}
(TEMPLATE,) = [block.text for block in PAGE if block.language == "yaml"]
HOW_TO = {block.file: block.text for block in blocks("docs/how-to.md") if block.file}
SQUAD = "team-payments"
STREAM = {"domain": "kloudvin-pkgs", "format": "npm", "package": "event-stream"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("incident")
    (folder / "platform-packages.yaml").write_text(TEMPLATE, encoding="utf-8")
    return folder


def test_the_template_is_clean(folder):
    rules = ["--append-rules", ROOT / "cfnlint", "--"]
    subprocess.run([ROOT / ".venv/bin/cfn-lint", *rules, folder / "platform-packages.yaml"], check=True)


def test_the_template_is_that_of_the_how_tos_with_a_parameter():
    """So whoever deploys it takes nothing away from the squads."""
    without = re.sub(r"^Parameters:\n  Blocked: .*\n|^ +BlockedPackages: .*\n", "", TEMPLATE, flags=re.MULTILINE)
    assert without != TEMPLATE
    assert without == HOW_TO["platform-packages.yaml"]


def why_not(terminal, repository: str, action: str = "ingest", **package: str) -> str | None:
    """Why a package manager does not get a package, if it does not."""
    try:
        terminal.emulator(action, STREAM | {"repository": repository} | package)
    except urllib.error.HTTPError as refused:
        return json.load(refused)["message"]
    return None


def test_the_page_can_be_followed_in_an_incident(terminal, folder):
    run = lambda command: terminal.run(f". target/lab/env\ncd '{folder}'\n{command}")  # noqa: E731
    (folder / "packages-key.yaml").write_text(HOW_TO["packages-key.yaml"], encoding="utf-8")
    run("aws cloudformation deploy --stack-name packages-key --template-file packages-key.yaml")
    run(COMMANDS["An incident"])
    assert "Repository" in terminal.outputs("platform-packages")
    codeartifact = terminal.client("codeartifact")
    upstreams = [{"repositoryName": "team-platform"}]
    codeartifact.create_repository(domain="kloudvin-pkgs", repository=SQUAD, upstreams=upstreams)
    codeartifact.create_repository(domain="kloudvin-pkgs", repository="other", upstreams=upstreams)
    assert why_not(terminal, SQUAD, version="3.3.6") is None
    assert why_not(terminal, SQUAD, version="3.3.5") is None

    run(COMMANDS["Block"])
    assert "BLOCK" in why_not(terminal, SQUAD, version="3.3.7")
    assert "BLOCK" in why_not(terminal, "other", version="3.3.6")
    assert "BLOCK" in why_not(terminal, "other", "publish", version="9.0.0")
    assert why_not(terminal, SQUAD, package="left-pad") is None
    assert why_not(terminal, SQUAD, version="3.3.6") is None, "what is held is served on"

    printed = run(COMMANDS["Find what is there"])
    assert re.findall(r"^(\S+ \d\S+)$", printed, re.MULTILINE) == [
        f"{holder} {version}" for holder in (SQUAD, "team-platform-upstream-npmjs") for version in ("3.3.5", "3.3.6")
    ]
    # The good version is taken out of the list.
    held = folder / "held.txt"
    held.write_text("".join(line for line in held.read_text().splitlines(keepends=True) if "3.3.5" not in line))
    run(COMMANDS["Dispose of it"])
    assert "disposed" in why_not(terminal, SQUAD, version="3.3.6")
    assert why_not(terminal, SQUAD, version="3.3.5") is None

    run(COMMANDS["Unblock"])
    assert why_not(terminal, SQUAD, version="3.3.7") is None
    assert "disposed" in why_not(terminal, SQUAD, version="3.3.6")
    assert {
        group["pattern"] for group in codeartifact.list_package_groups(domain="kloudvin-pkgs")["packageGroups"]
    } <= {"/*"}
