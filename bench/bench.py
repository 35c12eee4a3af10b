#!/usr/bin/env python3
"""Holds the function against the limits and its peers, side by side in one run, and prints the table.

Every figure is a median of rounds in which all contenders take turns; the spread is from the first to the third
quartile. Ends with 1 if a target is not met.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import rig
import scale
import stacks
from quota import Quotas, quotas
from rows import Rows, table

HERE = Path(__file__).resolve().parent
LATENCY_MS = 20
PEER = [str(rig.ROOT / ".venv/bin/python"), str(HERE / "peer/bootstrap.py")]
SIZES_HEAD = ["memory", "", "init", "first Create", "CPU", "a later one", "CPU", "a thousand first ones"]
KINDS = ("Create", "no-op Update", "Delete")
# In MB; the last has a whole core.
SIZES = (128, 256, 512, 1769)
# In dollars, of us-east-1 on arm64: a GB of memory for a second, and a thousand requests.
# https://aws.amazon.com/lambda/pricing/
GB_SECOND, THOUSAND_REQUESTS = 0.0000133334, 0.0002


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


class Taken:
    """How long something took a contender: by the clock, and of a processor."""

    def __init__(self):
        self.wall, self.processor = milliseconds(), milliseconds()


class Life:
    """A process's start at full speed, then its first Create and a later one, under a quota."""

    def __init__(self):
        self.init = milliseconds()
        self.first, self.later = Taken(), Taken()
        # Of init and the first Create.
        self.handshakes: list[rig.Handshakes] = []

    def cells(self) -> list[str]:
        return [
            str(self.init),
            *(str(each) for kind in (self.first, self.later) for each in (kind.wall, kind.processor)),
        ]

    def usual_handshakes(self) -> rig.Handshakes:
        full, resumed = (
            statistics.median_high(getattr(each, kind) for each in self.handshakes) for kind in ("full", "resumed")
        )
        return rig.Handshakes(full, resumed)

    def cost_of_a_thousand(self, memory_mb: int) -> float:
        """In dollars, of first Creates, each with its start."""
        seconds = (self.init.median() + self.first.wall.median()) / 1000
        return 1000 * seconds * memory_mb / 1024 * GB_SECOND + THOUSAND_REQUESTS


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
        self._emulator = rig.Emulator(tls=True)
        self._sink = rig.Sink(tls=True)
        self.rows = Rows()
        self.sizes: list[list[str]] = []

    async def __aenter__(self) -> "Bench":
        await self._emulator.start()
        await self._sink.start()
        return self

    async def __aexit__(self, *_) -> None:
        await self._sink.stop()
        await self._emulator.stop()

    @asynccontextmanager
    async def _instance(self, command: list[str]):
        instance = rig.Instance(command, rig.environment(self._emulator.url))
        try:
            await instance.start()
            yield instance
        finally:
            await instance.stop()

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
                    self.rows.add(f"round trips: {figure}", told, limit, trips / limit, f"{limit}", met)

    async def wall(self) -> None:
        """A stack's life at 20 ms a call, with processes that have served before.

        The limit is what the service took itself, as its log says: a timer of 20 ms ends late.
        """
        call = milliseconds()
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
                            for made in self._emulator.log():
                                call.add((made["end_ms"] - made["start_ms"]) / 1000)
                    if not self._emulator.is_empty():
                        raise RuntimeError(f"{name} left something behind")
        for kind in KINDS:
            mine, limit = taken["function"][kind], trips[kind] * call.median()
            ratio = mine.median() / limit
            told = f"{trips[kind]} × {call.median():.1f} ms = {limit:.1f} ms"
            self.rows.add(f"wall at 20 ms a call: {kind}", mine, told, ratio, "≤ 1.15", ratio <= 1.15)
        for kind in KINDS:
            mine, other = taken["function"][kind], taken["peer"][kind]
            self.rows.add(f"…{kind}, crhelper and boto3", mine, other, other.median() / mine.median(), "(factor)", None)

    async def cold_start(self) -> None:
        """From exec to the first poll of the Runtime API."""
        contenders = {"the smallest function": self._bare, "the SDK's default set-up": self._default_sdk}
        mine, others = Taken(), {name: Taken() for name in contenders}
        for _ in range(self._rounds * 4):
            await self._start(self._function, mine)
            for name, command in contenders.items():
                await self._start(command, others[name])
        for name, other in others.items():
            target = 3 if name == "the smallest function" else None
            ratio = mine.wall.median() / other.wall.median()
            told, met = ("", None) if target is None else (f"≤ {target}", ratio <= target)
            self.rows.add(f"cold start against {name}", mine.wall, other.wall, ratio, told, met)
            ratio = mine.processor.median() / other.processor.median()
            self.rows.add("…CPU time", mine.processor, other.processor, ratio, "", None)

    async def _start(self, command: list[str], taken: Taken) -> None:
        async with self._instance(command) as instance:
            taken.wall.add(instance.first_poll - instance.spawned)
            taken.processor.add(instance.cpu_seconds())

    async def first_event(self) -> None:
        """What a user waits for: a process's first Create of a full stack, by memory size, init not counted."""
        contenders = {"function": self._function, "peer": PEER}
        found = quotas()
        for memory_mb in SIZES:
            if found is None:
                why = "not measured: no cgroup to set a quota in"
                self.rows.add(f"first Create at {memory_mb} MB", why, "", None, "", None)
                continue
            lives = {name: Life() for name in contenders}
            for _ in range(self._rounds):
                for name, command in contenders.items():
                    await self._live(command, found, memory_mb, lives[name])
            self._tell(memory_mb, lives["function"], lives["peer"])

    async def _live(self, command: list[str], found: Quotas, memory_mb: int, life: Life) -> None:
        before = self._handshakes()
        with found.share(memory_mb) as share:
            async with self._instance(command) as instance:
                life.init.add(instance.first_poll - instance.spawned)
                instance.limit(share)
                await self._create(instance, life.first)
                life.handshakes.append(self._handshakes() - before)
                await self._create(instance, life.later)

    async def _create(self, instance: rig.Instance, taken: Taken) -> None:
        self._emulator.reset(latency_ms=LATENCY_MS)
        processor = instance.cpu_seconds()
        outcome = await instance.deliver(self._sink, stacks.Stack(stacks.full()).create())
        taken.wall.add(outcome.succeeded().seconds)
        taken.processor.add(instance.cpu_seconds() - processor)

    def _handshakes(self) -> rig.Handshakes:
        return self._emulator.handshakes() + self._sink.handshakes

    def _tell(self, memory_mb: int, mine: Life, peer: Life) -> None:
        figure, is_least = f"first Create at {memory_mb} MB", memory_mb == SIZES[0]
        first, later = mine.first, mine.later

        def add(what: str, measured, against, ratio: float | None, target: str, met: bool) -> None:
            self.rows.add(what, measured, against, ratio, target if is_least else "", met if is_least else None)

        ratio = first.wall.median() / later.wall.median()
        add(f"{figure}, against a later one", first.wall, later.wall, ratio, "≤ 1.35", ratio <= 1.35)
        ratio = first.processor.median() / later.processor.median()
        add("…CPU time", first.processor, later.processor, ratio, "≤ 10 ms", first.processor.median() <= 10)
        # 10 ms were set where the peer's took 131.
        ratio = peer.first.processor.median() / first.processor.median()
        add("…CPU time, crhelper and boto3", first.processor, peer.first.processor, ratio, "≥ 13 (factor)", ratio >= 13)
        ratio = peer.first.wall.median() / first.wall.median()
        add("…crhelper and boto3", first.wall, peer.first.wall, ratio, "≥ 8 (factor)", ratio >= 8)
        shaken = mine.usual_handshakes()
        add("…TLS handshakes, init's too", shaken, peer.usual_handshakes(), None, "≤ 2 full", shaken.full <= 2)
        for name, life in (("", mine), ("crhelper and boto3", peer)):
            self.sizes.append([f"{memory_mb} MB", name, *life.cells(), f"${life.cost_of_a_thousand(memory_mb):.4f}"])

    def size(self) -> None:
        """What is uploaded, as cargo lambda makes it."""
        mine, bare = (rig.BUILT / f"{name}.zip" for name in ("function", "bare"))
        mine, bare = mine.stat().st_size / 1e6, bare.stat().st_size / 1e6
        self.rows.add("zipped artifact", f"{mine:.2f} MB", f"{bare:.2f} MB", mine / bare, "≤ 3.5 MB", mine <= 3.5)

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
        self.rows.add(
            f"peak memory over {count} events",
            f"{mib:.1f} MB, {grown:+.2f} MB since the 100th",
            "128 MB",
            mib / 128,
            target,
            mib <= 24 and grown <= 0.3,
        )

    async def scale(self) -> None:
        """Many squads at once against a limit on writes; what takes longer than minutes, `make scale` has."""
        for squads in (100, 1_000):
            (await scale.measure(self._function, squads)).tell(self.rows)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument(
        "--only", action="append", help="round_trips, wall, cold_start, first_event, size, memory, scale"
    )
    given = parser.parse_args()
    async with Bench(given.rounds) as bench:
        parts: dict[str, Callable] = {
            "round_trips": bench.round_trips,
            "wall": bench.wall,
            "cold_start": bench.cold_start,
            "first_event": bench.first_event,
            "size": bench.size,
            "memory": lambda: bench.memory(given.events),
            "scale": bench.scale,
        }
        for name in given.only or parts:
            under_way = parts[name]()
            if under_way is not None:
                await under_way
        if bench.sizes:
            print(table(SIZES_HEAD, bench.sizes), end="\n\n")
        print(bench.rows)
        return int(not bench.rows.are_met())


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
