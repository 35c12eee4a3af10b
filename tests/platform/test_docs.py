"""The pages that a user reads hold what they say."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_picture_was_drawn_from_its_source():
    digest = hashlib.sha256((ROOT / "docs/how-it-works.dot").read_bytes()).hexdigest()
    drawn = (ROOT / "docs/how-it-works.svg").read_text(encoding="utf-8")
    assert f"how-it-works.dot sha256:{digest}" in drawn, "the source has changed: run make picture"
