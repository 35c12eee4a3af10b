"""The pages that a user reads hold what they say."""

import re
import subprocess
import textwrap
from pathlib import Path

import pytest
from pages import blocks

ROOT = Path(__file__).resolve().parents[2]


def what_the_function_says() -> str:
    """The sources, with each text that is broken over lines in one piece."""
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.rs"))]
    return re.sub(r"\\\n\s*", "", "\n".join(sources))


def quoted_reasons() -> list[str]:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    return [reason for row in rows for reason in row.split("`, `")]


def test_there_are_reasons_to_look_up():
    assert len(quoted_reasons()) > 30


@pytest.mark.parametrize("reason", quoted_reasons())
def test_the_function_says_what_troubleshooting_quotes(reason):
    pattern = ".{1,40}".join(re.escape(part) for part in reason.split("…")).removesuffix(".{1,40}")
    assert re.search(pattern, what_the_function_says()), "no text of the function is like this"


def test_each_quoted_reason_has_its_type():
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    types = set(re.findall(r'=> "(\w+)"', (ROOT / "src/failure.rs").read_text(encoding="utf-8")))
    tables = re.findall(r"^\| the (?:Reason|error) says \| type \| .*\n\|.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = [row.split(" | ") for table in tables for row in table.splitlines()]
    assert len(rows) > 40
    for row in rows:
        assert len(row) == 4, row
        assert row[1] == "none" or set(re.findall(r"`(\w+)`", row[1])) <= types, row
        assert row[1] == "none" or "`" in row[1], row
    assert "| the Reason says | why" not in page


def test_the_front_page_has_each_type_of_error():
    page = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## When it fails\n")[1].split("\n## ")[0]
    told = re.findall(r"`(\w+)`", "".join(row.split(" | ")[0] for row in page.splitlines() if row.startswith("| `")))
    named = re.findall(r'=> "(\w+)"', (ROOT / "src/failure.rs").read_text(encoding="utf-8"))
    assert sorted(told) == sorted(named)


def threats() -> list[list[str]]:
    """The rows of the threat model, without its head."""
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    width = next(len(row) for row in rows if row[-1] == "shown by")
    return [row for row in rows if len(row) == width and row[-1] != "shown by" and set(row[0]) != {"-"}]


def test_the_threat_model_speaks_of_each_attacker():
    whom = "\n".join(row[0] for row in threats())
    for attacker in (
        "author of a template",
        "direct caller",
        "tagger",
        "neighbour with IAM rights",
        "reader of the queue",
    ):
        assert attacker in whom


@pytest.mark.parametrize("row", threats(), ids=lambda row: f"{row[0]} {row[1]}"[:60])
def test_each_attack_of_the_threat_model_is_shown_by_a_test_that_exists(row):
    named = re.findall("`([a-z0-9_]+)`", row[-1])
    assert named or row[-1] == "not exercised"
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*/*.rs"))
    assert [name for name in named if f"async fn {name}()" not in tests] == []


def pages() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split()]


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the page's headings."""
    prose = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_somewhere(page):
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_each_file_that_a_contributor_is_sent_to_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    files = {path for path in re.findall(r"`([\w.-]+/[\w./-]*)`", text) if "vX.Y.Z" not in path}
    assert len(files) > 10
    rooms = {f"{room.name}/" for room in (ROOT / "src").iterdir() if room.is_dir()}
    assert [path for path in sorted(files - rooms) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_each_target_of_make_is_there(page):
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shell = [block.text for block in blocks(str(page.relative_to(ROOT))) if block.language == "sh"]
    commands = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")) + "\n".join(shell).splitlines()
    asked = {target for command in commands for target in re.findall(r"^make ([a-z0-9-]+)", command)}
    assert asked <= targets


def test_what_was_exercised_names_the_release_that_is_pinned():
    pinned = re.search(r"^ministack==(\S+)$", (ROOT / "tools/ministack.in").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"ministack {pinned[1]}" in (ROOT / "README.md").read_text(encoding="utf-8")


def exercised() -> str:
    """The front page's section on it."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    return page.split("\n## What was exercised, and what was not\n")[1].split("\n### ")[0]


def test_what_was_exercised_is_shown_by_tests_that_are_there():
    rows = [line.strip("| ").split(" | ") for line in exercised().splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 3
    for row in rows:
        named = re.findall("`([^`]+)`", row[2])
        assert named, row
        assert [name for name in named if not (ROOT / name).exists()] == []


def evidence(kind: str) -> list[str]:
    """What accounts have said: the files that `make acceptance` or `make probes` wrote."""
    listed = subprocess.run(["git", "ls-files", "docs/evidence"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [name for name in listed.stdout.split() if name.endswith(".md")]
    # A run that failed shows nothing but where it did.
    found = [name for name in found if "| failed: " not in (ROOT / name).read_text(encoding="utf-8")]
    return [name for name in found if Path(name).name.startswith("acceptance-") == (kind == "acceptance")]


def test_an_account_is_said_to_be_exercised_exactly_if_there_is_evidence():
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    no_account = ["never yet run in an AWS account", "Not exercised: a real AWS account"]
    pages = {"docs/acceptance.md": "acceptance", "probes/README.md": "probes"}
    shown = evidence("acceptance")
    assert [text in front for text in no_account] == [not shown] * 2
    for page, kind in pages.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        assert ("No account has been asked yet" in text) == (not evidence(kind)), page
    for name in [*shown, *evidence("probes")]:
        assert f"({name})" in exercised(), f"{name} is no link of README.md's list"
        assert not re.search(r"\b\d{12}\b", (ROOT / name).read_text(encoding="utf-8")), name


def test_the_template_on_the_front_page_is_clean(tmp_path):
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    template = tmp_path / "template.yaml"
    template.write_text("Resources:\n" + textwrap.indent(snippet, "  "), encoding="utf-8")
    subprocess.run([ROOT / ".venv/bin/cfn-lint", "--append-rules", ROOT / "cfnlint", "--", template], check=True)
