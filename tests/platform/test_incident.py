"""docs/incident.md, followed in a lab: its template is deployed, and each of its commands is run."""

import json
import re
import subprocess
import urllib.error
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/incident.md").read_text(encoding="utf-8")
COMMANDS = dict(re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
(TEMPLATE,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SQUAD = "team-payments"
STREAM = {"domain": "kloudvin-pkgs", "format": "npm", "package": "event-stream"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("incident")
    (folder / "platform-packages.yaml").write_text(TEMPLATE, encoding="utf-8")
    return folder


def test_the_template_is_clean(folder):
    subprocess.run([ROOT / ".venv/bin/cfn-lint", folder / "platform-packages.yaml"], check=True)


def why_not(terminal, repository: str, action: str = "ingest", **package: str) -> str | None:
    """Why a package manager does not get a package, if it does not."""
    try:
        terminal.emulator(action, STREAM | {"repository": repository} | package)
    except urllib.error.HTTPError as refused:
        return json.load(refused)["message"]
    return None


def test_the_page_can_be_followed_in_an_incident(terminal, folder):
    run = lambda command: terminal.run(f". target/lab/env\ncd '{folder}'\n{command}")  # noqa: E731
    run(
        "key=$(aws kms create-key --query KeyMetadata.Arn --output text)\n"
        "aws cloudformation deploy --stack-name platform-packages --template-file platform-packages.yaml "
        '--parameter-overrides "KmsKeyArn=$key"'
    )
    codeartifact = terminal.client("codeartifact")
    upstreams = [{"repositoryName": "platform-shared"}]
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
        f"{holder} {version}" for holder in ("platform-shared-upstream-npmjs", SQUAD) for version in ("3.3.5", "3.3.6")
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
