#!/usr/bin/env python3
"""Holds the function against the limits and its peers, side by side in one run, and prints the table.

Every figure is a median of rounds in which all contenders take turns; the spread is from the first to the third
quartile. Ends with 1 if a target is not met.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import rig
import scale
import stacks

HERE = Path(__file__).resolve().parent
LATENCY_MS = 20
PEER = [str(rig.ROOT / ".venv/bin/python"), str(HERE / "peer/bootstrap.py")]
KINDS = ("Create", "no-op Update", "Delete")


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


class Samples:
    """What one contender took, round by round."""

    def __init__(self, unit: str, scale: float):
        self._unit, self._scale = unit, scale
        self._values: list[float] = []

    def add(self, value: float) -> None:
        self._values.append(value * self._scale)

    def median(self) -> float:
        return statistics.median(self._values)

    def __str__(self) -> str:
        low, _, high = statistics.quantiles(self._values, n=4)
        return f"{self.median():.1f} {self._unit} ({low:.1f} to {high:.1f})"


def milliseconds() -> Samples:
    return Samples("ms", 1000)


class Start:
    """How long a contender took to start: by the clock, and of a processor."""

    def __init__(self):
        self.wall, self.processor = milliseconds(), milliseconds()


def chain(calls: list[dict]) -> int:
    """How many of the calls followed one another: the most that can be picked so that no two overlap."""
    length, free_at = 0, 0.0
    for call in sorted(calls, key=lambda call: call["end_ms"]):
        if call["start_ms"] >= free_at:
            length, free_at = length + 1, call["end_ms"]
    return length


class Bench:
    """The contenders, and one method for each group of rows."""

    def __init__(self, rounds: int):
        self._rounds = rounds
        self._function, self._bare, self._default_sdk = (
            [str(rig.BUILT / name / "bootstrap")] for name in ("function", "bare", "default-sdk")
        )
        self._emulator = rig.Emulator()
        self._sink = rig.Sink()
        self.rows: list[Row] = []

    async def __aenter__(self) -> "Bench":
        await self._emulator.start()
        await self._sink.start()
        return self

    async def __aexit__(self, *_) -> None:
        await self._sink.stop()
        await self._emulator.stop()

    @asynccontextmanager
    async def _instance(self, command: list[str], event: bytes | None = None, variables: dict[str, str] | None = None):
        environment = rig.environment(self._emulator.url) | (variables or {})
        instance = rig.Instance(command, {name: value for name, value in environment.items() if value})
        try:
            await instance.start(event)
            yield instance
        finally:
            await instance.stop()

    def _add(self, figure: str, measured, against, ratio: float | None, target: str, met: bool | None) -> None:
        told = "" if ratio is None else f"{ratio:.2f}"
        self.rows.append(Row(figure, str(measured), str(against), told, target, met))
        print(" | ".join(self.rows[-1].cells()), file=sys.stderr)

    async def round_trips(self) -> None:
        """Read off the emulator's log: the longest chain of calls of which each began after the one before ended."""
        async with self._instance(self._function) as function:
            self._emulator.reset(latency_ms=100)
            stack, squad = stacks.Stack(stacks.full()), stacks.Stack(stacks.squad(1), 1)
            wanted = [
                ("Create of a full stack", stack.create(), 5),
                ("Create of a squad's stack in an existing domain", squad.create(), 4),
                ("Update with nothing to do", stack.update(), 1),
                ("Delete of a squad's stack", squad.delete(), None),
                ("Delete of a full stack", stack.delete(), 4),
            ]
            for figure, event, limit in wanted:
                (await function.deliver(self._sink, event)).succeeded()
                calls = self._emulator.log()
                trips = chain(calls)
                writes = sum(call["kind"] == "write" for call in calls)
                if limit is not None:
                    met = trips == limit and (limit > 1 or writes == 0)
                    told = f"{trips} ({len(calls)} calls, {writes} writes)"
                    self._add(f"round trips: {figure}", told, limit, trips / limit, f"{limit}", met)

    async def wall(self) -> None:
        """A stack's life at 20 ms a call, with processes that have served before."""
        taken = {name: {kind: milliseconds() for kind in KINDS} for name in ("function", "peer")}
        trips = dict(zip(KINDS, (5, 1, 4), strict=True))
        async with self._instance(self._function) as function, self._instance(PEER) as peer:
            for round_number in range(self._rounds + 1):
                for name, contender in (("function", function), ("peer", peer)):
                    self._emulator.reset(latency_ms=LATENCY_MS)
                    stack = stacks.Stack(stacks.full())
                    for kind, request in zip(KINDS, (stack.create, stack.update, stack.delete), strict=True):
                        outcome = await contender.deliver(self._sink, request())
                        if round_number > 0:
                            taken[name][kind].add(outcome.succeeded().seconds)
                    if not self._emulator.is_empty():
                        raise RuntimeError(f"{name} left something behind")
        for kind in KINDS:
            mine, limit = taken["function"][kind], trips[kind] * LATENCY_MS
            ratio = mine.median() / limit
            self._add(f"wall at 20 ms a call: {kind}", mine, f"{limit:.0f} ms", ratio, "≤ 1.15", ratio <= 1.15)
        for kind in KINDS:
            mine, other = taken["function"][kind], taken["peer"][kind]
            self._add(f"…{kind}, crhelper and boto3", mine, other, other.median() / mine.median(), "(factor)", None)

    async def cold_start(self) -> None:
        """From exec to the first poll of the Runtime API."""
        contenders = {"the smallest function": self._bare, "the SDK's default set-up": self._default_sdk}
        mine, others = Start(), {name: Start() for name in contenders}
        twice = Start()
        for _ in range(self._rounds * 4):
            await self._start(self._function, mine)
            for name, command in contenders.items():
                await self._start(command, others[name])
            await self._start(self._function, twice, SSL_CERT_FILE="")
        for name, other in others.items():
            target = 3 if name == "the smallest function" else None
            ratio = mine.wall.median() / other.wall.median()
            told, met = ("", None) if target is None else (f"≤ {target}", ratio <= target)
            self._add(f"cold start against {name}", mine.wall, other.wall, ratio, told, met)
            ratio = mine.processor.median() / other.processor.median()
            self._add("…CPU time", mine.processor, other.processor, ratio, "", None)
        ratio = twice.wall.median() / others["the smallest function"].wall.median()
        self._add("…with every root read as often as this machine keeps it", twice.wall, "", ratio, "", None)

    async def _start(self, command: list[str], taken: "Start", **variables: str) -> None:
        async with self._instance(command, variables=variables) as instance:
            taken.wall.add(instance.first_poll - instance.spawned)
            taken.processor.add(instance.cpu_seconds())

    async def first_answer(self) -> None:
        """From exec to the first answer, at no latency: a full stack's Create against an echo."""
        mine, bare = Start(), Start()
        for _ in range(self._rounds * 2):
            self._emulator.reset()
            for taken, command in ((mine, self._function), (bare, self._bare)):
                url, answered = self._sink.expect()
                event = stacks.Stack(stacks.full()).create() | {"ResponseURL": url}
                async with self._instance(command, rig.encode(event)) as instance:
                    await instance.returned()
                    taken.wall.add(time.perf_counter() - instance.spawned)
                    taken.processor.add(instance.cpu_seconds())
                if taken is mine and answered.result()[1]["Status"] != "SUCCESS":
                    raise RuntimeError(f"the first Create failed: {answered.result()[1]}")
        figure = "exec to the first answered Create, no latency"
        self._add(figure, mine.wall, bare.wall, mine.wall.median() / bare.wall.median(), "", None)
        ratio = mine.processor.median() / bare.processor.median()
        self._add("…CPU time", mine.processor, bare.processor, ratio, "", None)

    def size(self) -> None:
        """What is uploaded, as cargo lambda makes it."""
        mine, bare = (rig.BUILT / f"{name}.zip" for name in ("function", "bare"))
        mine, bare = mine.stat().st_size / 1e6, bare.stat().st_size / 1e6
        self._add("zipped artifact", f"{mine:.2f} MB", f"{bare:.2f} MB", mine / bare, "≤ 3.5 MB", mine <= 3.5)

    async def memory(self, count: int) -> None:
        """A stack's life again and again in one process."""
        self._emulator.reset()
        early = 0
        async with self._instance(self._function) as function:
            for number in range(count):
                if number % 3 == 0:
                    stack = stacks.Stack(stacks.full())
                request = (stack.create, stack.update, stack.delete)[number % 3]
                (await function.deliver(self._sink, request())).succeeded()
                if number == 99:
                    early = function.memory_kib("VmHWM")
                if number % 300 == 0:
                    self._emulator.forget()
            peak = function.memory_kib("VmHWM")
        mib, grown = peak / 1024, (peak - early) / 1024
        target = "≤ 24 MB, no growth after 100"
        # An allocator's page or two is no growth: at 10,000 events a leak of 30 bytes each would show.
        self._add(
            f"peak memory over {count} events",
            f"{mib:.1f} MB, {grown:+.2f} MB since the 100th",
            "128 MB",
            mib / 128,
            target,
            mib <= 24 and grown <= 0.3,
        )

    async def scale(self, squads: int) -> None:
        """Many squads at once against a limit on writes."""
        result = await scale.run(self._function, self._emulator, self._sink, squads)
        self._add(
            f"{squads} squads, {scale.WRITES_PER_SECOND} writes/s, {scale.AT_ONCE} at a time",
            result,
            f"{result.limit:.0f} s",
            result.seconds / result.limit,
            f"≤ {scale.TARGET}, all succeed",
            result.is_met(),
        )


def table(rows: list[Row]) -> str:
    head = ["figure", "measured (quartiles)", "limit or peer", "ratio", "target", "met"]
    lines = [head, ["---"] * len(head), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--squads", type=int, default=1_000)
    parser.add_argument(
        "--only", action="append", help="round_trips, wall, cold_start, first_answer, size, memory, scale"
    )
    given = parser.parse_args()
    async with Bench(given.rounds) as bench:
        parts: dict[str, Callable] = {
            "round_trips": bench.round_trips,
            "wall": bench.wall,
            "cold_start": bench.cold_start,
            "first_answer": bench.first_answer,
            "size": bench.size,
            "memory": lambda: bench.memory(given.events),
            "scale": lambda: bench.scale(given.squads),
        }
        for name in given.only or parts:
            under_way = parts[name]()
            if under_way is not None:
                await under_way
        print(table(bench.rows))
        return int(any(row.met is False for row in bench.rows))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
