"""A share of a core, as Lambda gives it by memory: MEMORY/1769 of one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

# The memory, in MB, at which a function has a whole core.
WHOLE_CORE_MB = 1769
# Lambda's own is not published. 20 ms is what was seen there.
PERIOD_US = 20_000


class Quota:
    """A cgroup of version 1 or 2, whose processes share so much of a core."""

    def __init__(self, folder: Path, version: int):
        self._folder = folder
        self._version = version

    def set(self, memory_mb: int) -> None:
        quota = round(PERIOD_US * memory_mb / WHOLE_CORE_MB)
        if self._version == 2:
            self._write("cpu.max", f"{quota} {PERIOD_US}")
        else:
            self._write("cpu.cfs_period_us", PERIOD_US)
            self._write("cpu.cfs_quota_us", quota)

    def admit(self, process: int) -> None:
        """Puts a process into it, with all its threads."""
        self._write("cgroup.procs", process)

    def _write(self, name: str, value: object) -> None:
        (self._folder / name).write_text(str(value))


class Quotas:
    """Where cgroups of a version are made."""

    def __init__(self, root: Path, version: int):
        self._root = root
        self._version = version

    @contextlib.contextmanager
    def share(self, memory_mb: int) -> Iterator[Quota]:
        """One of its own for a process, as Lambda has it: the next one does not pay for what this one overdrew."""
        folder = self._root / f"codeartifact-stack-bench-{os.getpid()}"
        folder.mkdir()
        try:
            quota = Quota(folder, self._version)
            quota.set(memory_mb)
            yield quota
        finally:
            folder.rmdir()


def quotas() -> Quotas | None:
    """Nothing where this machine or user may not set one."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, root, kind, options, *_ = line.split()
        if kind == "cgroup" and "cpu" in options.split(","):
            version = 1
        elif kind == "cgroup2" and "cpu" in (Path(root) / "cgroup.controllers").read_text().split():
            version = 2
        else:
            continue
        found = Quotas(Path(root), version)
        with contextlib.suppress(OSError), found.share(WHOLE_CORE_MB):
            return found
    return None
