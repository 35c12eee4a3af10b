"""What the demo prints: one numbered chapter per event, in colour on a terminal only."""

import os
import sys
import time


class Report:
    """A timeline on standard output. `width` is where the durations end."""

    WIDTH = 92

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

    def chapter(self, text: str) -> None:
        self._chapter += 1
        clock = f"{time.monotonic() - self._started:6.1f} s"
        head = f"{self._chapter:2}  {text} "
        rule = self._rule * max(2, self.WIDTH - len(head) - len(clock) - 1)
        self._print()
        self._print(f"{self._paint('1', head)}{self._paint('2', f'{rule} {clock}')}")

    def asked(self, text: str) -> None:
        self._line("asked", text, "36")

    def command(self, text: str) -> None:
        self._line("run", f"$ {text}", "35")

    def step(self, text: str, milliseconds: float | None) -> None:
        took = "" if milliseconds is None else f"{milliseconds:.0f} ms"
        self._line("step", f"{text:<{self.WIDTH - 14 - 10}}{took:>10}".rstrip(), "33")

    def note(self, label: str, text: str) -> None:
        self._line(label, text, "2")

    def output(self, name: str, value: str) -> None:
        self._line("output", f"{name:<24}{value}", "34")

    def check(self, text: str) -> None:
        self.checks += 1
        self._print(f"    {self._paint('32', self._tick)} {text}")

    def failure(self, text: str) -> None:
        self._print(f"    {self._paint('1;31', self._cross)} {text}")

    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def _line(self, label: str, text: str, colour: str) -> None:
        self._print(f"    {self._paint(colour, f'{label:<9}')} {text}")

    def _paint(self, colour: str, text: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._coloured else text

    def _print(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)
