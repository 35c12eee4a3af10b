#!/usr/bin/env python3
"""The demo's parts, up until Ctrl-C: a local AWS with the function deployed in it, for the commands of examples/."""

import argparse
import contextlib
import shlex
import signal
import sys
from pathlib import Path

from cloud import Cloud, StackFailed, stage
from lab import ACCOUNT, ROOT, Lab, LabError, end_on_signals
from place import COMPANY, CommandFailed


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "target/lab", help="where everything it writes goes")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/debug/codeartifact-stack")
    parser.add_argument("--emulator", type=Path, default=ROOT / "target/debug/codeartifact-emulator")
    arguments = parser.parse_args()

    end_on_signals()
    try:
        with Lab(arguments.folder.resolve(), arguments.emulator) as lab:
            stack = Cloud(lab, COMPANY).deploy_function(stage(lab.folder, arguments.binary))
            script = lab.folder / "env"
            script.write_text(exports(lab), encoding="utf-8")
            print(f"AWS           {lab.aws_url}\nCodeArtifact  {lab.codeartifact_url}")
            print(f"ServiceToken  {stack.outputs['ServiceToken']}")
            print(f"account       {ACCOUNT}: here an account is the access key id; give another to act in another")
            print(
                "roles         not enforced: DomainNamePattern, KmsKeyArns, OtherDomainOwner, RolePath have no effect"
            )
            print(f"next          . {script}   (in another terminal; Ctrl-C here ends it all)", flush=True)
            signal.pause()
    except (StackFailed, CommandFailed, LabError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def exports(lab: Lab) -> str:
    """A shell script, after which `aws`, `sam` and `cdk` talk to the lab."""
    paths = [".venv/bin", ".venv/sam/bin", ".venv/node/bin"]
    lines = [f'export PATH={shlex.quote(":".join(str(ROOT / path) for path in paths))}:"$PATH"']
    lines += [f"export {name}={shlex.quote(value)}" for name, value in lab.client_environment().items()]
    lines += ["export SAM_CLI_TELEMETRY=0", "unset AWS_PROFILE AWS_SESSION_TOKEN"]
    # Version 1 of the AWS CLI gives SQS an endpoint of its own, whatever AWS_ENDPOINT_URL says.
    lines += ['aws() { if [ "$1" = sqs ]; then set -- --endpoint-url "$AWS_ENDPOINT_URL" "$@"; fi; command aws "$@"; }']
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
