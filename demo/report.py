"""What the demo prints: one numbered chapter per event, in 80 columns, in colour on a terminal only."""

import os
import re
import sys
import time


class Report:
    """A timeline on standard output."""

    WIDTH = 80
    # Where what a line says begins, behind its label.
    INDENT = 12
    # What a step took, at the end of its line.
    DURATION = 9

    def __init__(self, out=sys.stdout):
        self._out = out
        self._started = time.monotonic()
        self._chapter = 0
        self.checks = 0
        self._coloured = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        unicode = (out.encoding or "").lower().startswith("utf")
        self._tick, self._cross, self._rule = ("✓", "✗", "─") if unicode else ("ok", "FAILED", "-")

    def title(self, text: str) -> None:
        self._print(self._paint("1", text))

    def chapter(self, text: str, why: str) -> None:
        """Begins a chapter: what happens in it, and why that matters."""
        self._chapter += 1
        clock = f"at {self.elapsed():.0f} s"
        head = f"{self._chapter:2}  {text} "
        rule = self._rule * max(2, self.WIDTH - len(head) - len(clock) - 1)
        self._print()
        self._print(f"{self._paint('1', head)}{self._paint('2', f'{rule} {clock}')}")
        self._print(f"    {self._paint('3', why)}")

    def asked(self, text: str) -> None:
        self._line("asked", text, "36")

    def command(self, text: str) -> None:
        self._line("run", f"$ {text}", "35")

    def step(self, text: str, milliseconds: float) -> None:
        took = f"{milliseconds:.0f} ms"
        width = self.WIDTH - self.INDENT - self.DURATION
        *before, last = wrapped(text, width)
        self._lines("step", [*before, f"{last:<{width}}{took:>{self.DURATION}}"], "33")

    def note(self, label: str, text: str) -> None:
        self._line(label, text, "2")

    def output(self, name: str, value: str) -> None:
        """A stack's output; a value that is too long for that begins a line of its own."""
        line = f"{name:<24}{value}"
        fits = len(line) <= self.WIDTH - self.INDENT
        self._line("output", line if fits else name, "34")
        for line in [] if fits else wrapped(value, self.WIDTH - 4):
            self._print(f"    {line}")

    def check(self, text: str) -> None:
        self.checks += 1
        self._print(f"    {self._paint('32', self._tick)} {text}")

    def failure(self, text: str) -> None:
        self._print(f"    {self._paint('1;31', self._cross)} {text}")

    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def _line(self, label: str, text: str, colour: str) -> None:
        width = self.WIDTH - self.INDENT
        self._lines(label, [text] if len(text) <= width else wrapped(text, width), colour)

    def _lines(self, label: str, lines: list[str], colour: str) -> None:
        first, *others = lines
        self._print(f"    {self._paint(colour, f'{label:<{self.INDENT - 5}}')} {first}")
        for line in others:
            self._print(f"{'':{self.INDENT}}{line}")

    def _paint(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._coloured else text

    def _print(self, text: str = "") -> None:
        print(text.rstrip(), file=self._out, flush=True)


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines; a word that is too long for one, such as an ARN, is broken behind a colon or a slash."""
    lines = [""]
    for word in text.split():
        parts = [word] if len(word) <= width else re.split(r"(?<=[^:/][:/])(?=\w)", word)
        parts = [part[at : at + width] for part in parts for at in range(0, len(part), width)]
        for space, part in zip([" ", *[""] * len(parts)], parts, strict=False):
            longer = f"{lines[-1]}{space}{part}" if lines[-1] else part
            if len(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(part)
    return lines
