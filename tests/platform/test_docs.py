"""The pages that a user reads hold what they say."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_picture_was_drawn_from_its_source():
    digest = hashlib.sha256((ROOT / "docs/how-it-works.dot").read_bytes()).hexdigest()
    drawn = (ROOT / "docs/how-it-works.svg").read_text(encoding="utf-8")
    assert f"how-it-works.dot sha256:{digest}" in drawn, "the source has changed: run make picture"


def what_the_function_says() -> str:
    """The sources, with each text that is broken over lines in one piece."""
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.rs"))]
    return re.sub(r"\\\n\s*", "", "\n".join(sources))


def quoted_reasons() -> list[str]:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)


def test_there_are_reasons_to_look_up():
    assert len(quoted_reasons()) > 30


@pytest.mark.parametrize("reason", quoted_reasons())
def test_the_function_says_what_troubleshooting_quotes(reason):
    pattern = ".{1,40}".join(re.escape(part) for part in reason.split("…")).removesuffix(".{1,40}")
    assert re.search(pattern, what_the_function_says()), "no text of the function is like this"
