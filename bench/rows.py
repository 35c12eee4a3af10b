"""The rows of a table, and how they are printed."""

import sys
from dataclasses import dataclass

HEAD = ["figure", "measured (quartiles)", "limit or peer", "ratio", "target", "met"]


@dataclass
class Row:
    """One line of the table."""

    figure: str
    measured: str
    against: str
    ratio: str
    target: str
    met: bool | None

    def cells(self) -> list[str]:
        met = {True: "yes", False: "NO", None: ""}[self.met]
        return [self.figure, self.measured, self.against, self.ratio, self.target, met]


class Rows:
    """All lines, each also told as soon as it is there."""

    def __init__(self):
        self._rows: list[Row] = []

    def add(self, figure: str, measured, against, ratio: float | None, target: str, met: bool | None) -> None:
        told = "" if ratio is None else f"{ratio:.2f}"
        self._rows.append(Row(figure, str(measured), str(against), told, target, met))
        print(" | ".join(self._rows[-1].cells()), file=sys.stderr)

    def are_met(self) -> bool:
        return all(row.met is not False for row in self._rows)

    def __str__(self) -> str:
        return table(HEAD, [row.cells() for row in self._rows])


def table(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])
