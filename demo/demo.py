#!/usr/bin/env python3
"""Walks through create, update, drift, failure, adoption, rename and delete, on this machine.

ministack is CloudFormation, Lambda, KMS and IAM, with what engine.py adds; template.yaml is deployed into it as it
stands, and the built binary runs as its Lambda. The emulator is CodeArtifact. Ends with 1 if anything is not as
expected.
"""

import argparse
import signal
import sys
from pathlib import Path

from cloud import StackFailed, stage
from lab import ROOT, Lab, LabError, end_on_signals
from place import COMPANY, CommandFailed
from report import Report

sys.path.insert(0, str(ROOT / "tools"))
from story import CHAPTERS, Story, Unexpected

FOLDER = ROOT / "target/demo"
SECONDS = 180


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/debug/codeartifact-stack")
    parser.add_argument("--emulator", type=Path, default=ROOT / "target/debug/codeartifact-emulator")
    arguments = parser.parse_args()

    end_on_signals()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    report = Report()
    report.title("CloudFormation, Lambda and KMS by ministack, CodeArtifact by the emulator")
    try:
        with Lab(FOLDER, arguments.emulator) as lab:
            story = Story(lab, COMPANY, report, stage(FOLDER, arguments.binary))
            for chapter in CHAPTERS:
                chapter(story)
            lab.keep_calls("demo")
    except (Unexpected, StackFailed, CommandFailed, LabError) as error:
        report.failure(str(error))
        print(f"\nThe demo failed. Logs: {FOLDER.relative_to(ROOT)}/*.log", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything that ran is stopped.", file=sys.stderr)
        return 130
    print(f"\nAll {report.checks} checks hold, in {report.elapsed():.0f} s. Nothing is left running.")
    return 0


def _too_long(*_) -> None:
    raise Unexpected(f"not done after {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
