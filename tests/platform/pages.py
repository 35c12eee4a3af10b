"""The pages that a user reads, as what is in them: blocks of a language, in order, each with its heading."""

import re
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Block:
    """A fenced block: the heading above it, which one it is below that, and the file that it is to be put into."""

    heading: str
    number: int
    language: str
    text: str
    file: str = ""


def blocks(page: str) -> list[Block]:
    """The blocks of a page. A template names its file in its first line, JSON in the text before it."""
    found: list[Block] = []
    heading, prose, language, body = "", "", None, []
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        fence = re.match(r" *```(\w*)$", line)
        if fence and language is None:
            language, body = fence[1], []
        elif fence:
            number = sum(block.heading == heading for block in found)
            text = textwrap.dedent("\n".join([*body, ""]))
            found.append(Block(heading, number, language, text, file_of(language, text, prose)))
            language = None
        elif language is not None:
            body.append(line)
        elif line.startswith("#"):
            heading, prose = line.lstrip("# "), ""
        else:
            prose += line
    return found


def file_of(language: str, text: str, prose: str) -> str:
    if language == "yaml":
        named = re.match(r"# (\S+\.yaml)\n", text)
        return named[1] if named else ""
    named = re.findall(r"`([\w.-]+\.json)`", prose) if language == "json" else []
    return named[-1] if named else ""


def pages() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()
