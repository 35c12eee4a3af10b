#!/usr/bin/env python3
"""Thousands of squads' stacks in one shared domain, against a limit on writes that all of them share.

As Lambda would, it runs one process for each event under way. Everything must succeed, in a time near to the limit. The
limit of a phase is writes ÷ rate, or if that is more, what as many events take one after another as a process gets, all
waits for lag included. Ends with 1 if that is not so. Calls that were wasted are told, besides the throttled ones.
"""

import argparse
import asyncio
import collections
import contextlib
import itertools
import sys
import time
from dataclasses import dataclass, field

import rig
import stacks
from rows import Rows

WRITES_PER_SECOND = 100
AT_ONCE = 50
# Squads, and how long what is read lags behind what was written, in ms.
RUNS = ((100, 0), (1_000, 0), (5_000, 0), (1_000, 2_000))
PROGRESS_SECONDS = 15
# So many squads, one after another, tell what their events take when each is alone.
ALONE = 5
KINDS = ("Create", "Update", "Delete")
# What lags behind writes if something does: all that an event reads.
LAGS = ("repository", "repository_changes", "tags", "creation_tags", "policy", "deleted_repository", "lists")


def target(squads: int) -> float:
    """How many times the limit it may take. Of few squads the last pauses of each phase weigh more."""
    return 1.2 if squads >= 1_000 else 1.25


@dataclass
class Result:
    """What the run came to."""

    squads: int
    lag_ms: int
    seconds: float = 0.0
    limit: float = 0.0
    failed: list[str] = field(default_factory=list)
    slowest: dict[str, float] = field(default_factory=dict)
    writes: int = 0
    throttled: int = 0
    # Calls beyond those that the same events make when each is alone, throttled ones left out.
    wasted: int = 0

    @property
    def target(self) -> float:
        return target(self.squads)

    @property
    def ratio(self) -> float:
        return self.seconds / self.limit

    def is_met(self) -> bool:
        return not self.failed and self.ratio <= self.target

    def name(self) -> str:
        lag = f", lag of {self.lag_ms / 1000:g} s" if self.lag_ms else ""
        return f"{self.squads} squads, {WRITES_PER_SECOND} writes/s, {AT_ONCE} at a time{lag}"

    def tell(self, rows: Rows) -> None:
        limit, target = f"{self.limit:.0f} s", f"≤ {self.target}, all succeed"
        rows.add(self.name(), self, limit, self.ratio, target, self.is_met())

    def __str__(self) -> str:
        slowest = ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in self.slowest.items())
        # What is late is looked for again: how often, the pauses decide.
        wasted = "" if self.lag_ms else f", {self.wasted} wasted"
        return (
            f"{self.seconds:.0f} s, {len(self.failed)} failed, {self.writes} writes, {self.throttled} throttled"
            f"{wasted}; slowest {slowest}"
        )


def is_throttled(call: dict) -> bool:
    return call["error"] == "ThrottlingException"


def is_write(call: dict) -> bool:
    return call["kind"] == "write" and call["status"] == 200


def request(stack: stacks.Stack, kind: str) -> dict:
    if kind == "Update":
        return stack.update(RepositoryDescription="Everything that the squad builds with")
    return stack.create() if kind == "Create" else stack.delete()


@dataclass
class Alone:
    """What one squad's events take when nothing is in their way, on average."""

    calls: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))


async def alone(instance: rig.Instance, emulator: rig.Emulator, sink: rig.Sink) -> Alone:
    emulator.forget()
    taken = Alone()
    # With lag one is no measure: the pauses between looks are longer or shorter by chance.
    for number in range(-ALONE, 0):
        stack = stacks.Stack(stacks.squad(number))
        for kind in KINDS:
            outcome = await instance.deliver(sink, request(stack, kind))
            taken.seconds[kind] += outcome.succeeded().seconds / ALONE
    taken.calls = len(emulator.log()) // ALONE
    return taken


async def run(command: list[str], emulator: rig.Emulator, sink: rig.Sink, squads: int, lag_ms: int) -> Result:
    """Creates all stacks, then updates all, then deletes all; the domain belongs to a stack that is there before."""
    result = Result(squads, lag_ms)
    lag = {what: {"reads": 0, "ms": lag_ms} for what in LAGS}
    emulator.reset(repositories_per_domain=2 * squads + 10, visibility=lag)
    environment = rig.environment(emulator.url)
    instances = [rig.Instance(command, environment) for _ in range(AT_ONCE)]
    platform = stacks.Stack(stacks.squad(squads + 1), squads + 1)
    try:
        await asyncio.gather(*(instance.start() for instance in instances))
        (await instances[0].deliver(sink, platform.create())).succeeded()
        one = await alone(instances[0], emulator, sink)
        emulator.set(writes_per_second=WRITES_PER_SECOND)
        all_stacks = [stacks.Stack(stacks.squad(number), number) for number in range(1, squads + 1)]
        for kind in KINDS:
            begun = time.perf_counter()
            result.slowest[kind] = await all_at_once(instances, sink, all_stacks, kind, result.failed)
            result.seconds += time.perf_counter() - begun
            calls = emulator.log()
            writes = sum(map(is_write, calls))
            result.limit += max(writes / WRITES_PER_SECOND, one.seconds[kind] * squads / AT_ONCE)
            result.writes += writes
            throttled = sum(map(is_throttled, calls))
            result.throttled += throttled
            result.wasted += len(calls) - throttled
        result.wasted -= squads * one.calls
        emulator.set(writes_per_second=None)
        (await instances[0].deliver(sink, platform.delete())).succeeded()
        if not emulator.is_empty():
            result.failed.append("something was left behind")
        return result
    finally:
        await asyncio.gather(*(instance.stop() for instance in instances))


async def all_at_once(
    instances: list[rig.Instance], sink: rig.Sink, waiting_stacks: list[stacks.Stack], kind: str, failed: list[str]
) -> float:
    """One event for each stack, as many at once as there are instances; gives the time of the slowest."""
    waiting = collections.deque(waiting_stacks)
    slowest, done = 0.0, 0

    async def work(instance: rig.Instance) -> None:
        nonlocal slowest, done
        while waiting:
            outcome = await instance.deliver(sink, request(waiting.popleft(), kind))
            slowest, done = max(slowest, outcome.seconds), done + 1
            if outcome.answer["Status"] != "SUCCESS":
                failed.append(f"{kind}: {outcome.answer['Reason']}")

    async def tell() -> None:
        for passed in itertools.count(PROGRESS_SECONDS, PROGRESS_SECONDS):
            await asyncio.sleep(PROGRESS_SECONDS)
            print(f"  {kind}: {done} of {len(waiting_stacks)} after {passed} s, {len(failed)} failed", file=sys.stderr)

    telling = asyncio.create_task(tell())
    try:
        await asyncio.gather(*map(work, instances))
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
    return slowest


async def measure(command: list[str], squads: int, lag_ms: int = 0) -> Result:
    """With a service and a place for answers of its own, which spend no time on TLS."""
    emulator, sink = rig.Emulator(), rig.Sink()
    await emulator.start()
    await sink.start()
    try:
        return await run(command, emulator, sink, squads, lag_ms)
    finally:
        await sink.stop()
        await emulator.stop()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--squads", type=int, help="one run alone, of so many")
    parser.add_argument("--lag-ms", type=int, default=0, help="how long reads lag behind writes in that run")
    given = parser.parse_args()
    rows = Rows()
    for squads, lag_ms in RUNS if given.squads is None else [(given.squads, given.lag_ms)]:
        result = await measure([str(rig.BUILT / "function/bootstrap")], squads, lag_ms)
        result.tell(rows)
        for why in result.failed[:5]:
            print(why, file=sys.stderr)
    print(rows)
    return int(not rows.are_met())


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
