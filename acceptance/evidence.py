"""What AWS itself tells of a run: Lambda how long the function took, CloudTrail what it called and what was denied."""

import json
import re
import time
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError


@dataclass
class Took:
    """What Lambda reports of one call, in milliseconds: the start of a process, if it took one, and the work."""

    init: float | None
    duration: float
    memory_mb: int


def took(lines: list[str]) -> list[Took]:
    """Lambda's report lines, in either of their forms. Source: "Log formats" in the Lambda developer guide."""
    return [found for found in map(_in_json, lines) if found] + [found for found in map(_in_text, lines) if found]


def _in_json(line: str) -> Took | None:
    if not line.startswith("{"):
        return None
    record = json.loads(line)
    if record.get("type") != "platform.report":
        return None
    metrics = record["record"]["metrics"]
    return Took(metrics.get("initDurationMs"), metrics["durationMs"], metrics["maxMemoryUsedMB"])


def _in_text(line: str) -> Took | None:
    found = re.search(r"^REPORT .*?\tDuration: ([\d.]+) ms\t.*Max Memory Used: (\d+) MB", line)
    if not found:
        return None
    init = re.search(r"Init Duration: ([\d.]+) ms", line)
    return Took(float(init[1]) if init else None, float(found[1]), int(found[2]))


def summary(found: list[Took]) -> str:
    """Cold and warm times in words."""
    cold = sorted(each.init + each.duration for each in found if each.init is not None)
    starts = sorted(each.init for each in found if each.init is not None)
    warm = sorted(each.duration for each in found if each.init is None)
    memory = max(each.memory_mb for each in found)
    return (
        f"{len(cold)} cold: {_middle(starts):.0f} ms to start, {_middle(cold):.0f} ms with the event; "
        f"{len(warm)} warm: {_middle(warm):.0f} ms, {warm[-1]:.0f} ms at most; {memory} MB at most"
    )


def _middle(numbers: list[float]) -> float:
    return numbers[len(numbers) // 2]


class TrailUnreadable(Exception):
    """CloudTrail cannot be asked, or does not show the run, and why."""


@dataclass
class Call:
    """A call that CloudTrail shows of the function."""

    service: str
    name: str
    error: str

    @property
    def is_denied(self) -> bool:
        return "Denied" in self.error or "Unauthorized" in self.error


def calls_of(place, function: str, since: datetime, until_seen: str) -> list[Call]:
    """The calls under the function's role, once the last of them is seen: Lambda names the role's session after it."""
    trail = place.client("cloudtrail")
    deadline = time.monotonic() + place.trail_patience
    asked = {"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": function}], "StartTime": since}
    while True:
        try:
            pages = trail.get_paginator("lookup_events").paginate(**asked)
            calls = [_call(json.loads(event["CloudTrailEvent"])) for page in pages for event in page["Events"]]
        except ClientError as error:
            raise TrailUnreadable(f"CloudTrail's events may not be read: {error.response['Error']['Code']}") from error
        if any(call.name == until_seen and not call.error for call in calls):
            return calls
        if time.monotonic() > deadline:
            raise TrailUnreadable(f"CloudTrail did not show the end of the run in {place.trail_patience:.0f} s")
        time.sleep(30)


def _call(event: dict) -> Call:
    return Call(event["eventSource"].split(".")[0], event["eventName"], event.get("errorCode", ""))
