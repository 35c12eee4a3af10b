#!/usr/bin/env python3
"""A thousand squads' stacks in one shared domain, against a limit on writes that all of them share.

As Lambda would, it runs one process for each event under way. Everything must succeed, in a time near to the limit
(writes ÷ rate), and no call may be wasted but the throttled ones. Ends with 1 if that is not so.
"""

import argparse
import asyncio
import collections
import sys
import time
from dataclasses import dataclass, field

import rig
import stacks

WRITES_PER_SECOND = 100
AT_ONCE = 50
TARGET = 1.3
KINDS = ("Create", "Update", "Delete")


@dataclass
class Result:
    """What the run came to."""

    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    slowest: dict[str, float] = field(default_factory=dict)
    writes: int = 0
    throttled: int = 0
    # Calls beyond those that the same events make when each is alone, throttled ones left out.
    wasted: int = 0

    @property
    def limit(self) -> float:
        return self.writes / WRITES_PER_SECOND

    def is_met(self) -> bool:
        return not self.failed and self.wasted == 0 and self.seconds <= TARGET * self.limit

    def __str__(self) -> str:
        slowest = ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in self.slowest.items())
        return (
            f"{self.seconds:.0f} s, {len(self.failed)} failed, {self.writes} writes, {self.throttled} throttled, "
            f"{self.wasted} wasted; slowest {slowest}"
        )


def is_throttled(call: dict) -> bool:
    return call["error"] == "ThrottlingException"


def is_write(call: dict) -> bool:
    return call["kind"] == "write" and call["status"] == 200


def request(stack: stacks.Stack, kind: str) -> dict:
    if kind == "Update":
        return stack.update(RepositoryDescription="Everything that the squad builds with")
    return stack.create() if kind == "Create" else stack.delete()


async def calls_when_alone(instance: rig.Instance, emulator: rig.Emulator, sink: rig.Sink) -> int:
    """What one squad's three events ask of the service when nothing is in their way."""
    emulator.forget()
    stack = stacks.Stack(stacks.squad(0))
    for kind in KINDS:
        (await instance.deliver(sink, request(stack, kind))).succeeded()
    return len(emulator.log())


async def run(command: list[str], emulator: rig.Emulator, sink: rig.Sink, squads: int) -> Result:
    """Creates all stacks, then updates all, then deletes all; the domain belongs to a stack that is there before."""
    emulator.reset(repositories_per_domain=2 * squads + 10)
    environment = rig.environment(emulator.url)
    instances = [rig.Instance(command, environment) for _ in range(AT_ONCE)]
    platform = stacks.Stack(stacks.squad(squads + 1), squads + 1)
    try:
        await asyncio.gather(*(instance.start() for instance in instances))
        (await instances[0].deliver(sink, platform.create())).succeeded()
        alone = await calls_when_alone(instances[0], emulator, sink)
        emulator.set(writes_per_second=WRITES_PER_SECOND)
        result = Result()
        all_stacks = [stacks.Stack(stacks.squad(number), number) for number in range(1, squads + 1)]
        for kind in KINDS:
            begun = time.perf_counter()
            result.slowest[kind] = await all_at_once(instances, sink, all_stacks, kind, result.failed)
            result.seconds += time.perf_counter() - begun
        calls = emulator.log()
        result.writes = sum(map(is_write, calls))
        result.throttled = sum(map(is_throttled, calls))
        result.wasted = len(calls) - result.throttled - squads * alone
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
    slowest = 0.0

    async def work(instance: rig.Instance) -> None:
        nonlocal slowest
        while waiting:
            outcome = await instance.deliver(sink, request(waiting.popleft(), kind))
            slowest = max(slowest, outcome.seconds)
            if outcome.answer["Status"] != "SUCCESS":
                failed.append(f"{kind}: {outcome.answer['Reason']}")

    await asyncio.gather(*map(work, instances))
    return slowest


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--squads", type=int, default=1_000)
    given = parser.parse_args()
    emulator, sink = rig.Emulator(), rig.Sink()
    await emulator.start()
    await sink.start()
    try:
        result = await run([str(rig.BUILT / "function/bootstrap")], emulator, sink, given.squads)
    finally:
        await sink.stop()
        await emulator.stop()
    print(f"{given.squads} squads: {result}")
    print(f"the limit is {result.limit:.0f} s, it took {result.seconds / result.limit:.2f} of that")
    print(*result.failed[:5], sep="\n")
    return int(not result.is_met())


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
