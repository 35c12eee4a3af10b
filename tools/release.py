#!/usr/bin/env python3
"""What a release consists of, and whether its version is the same everywhere. Needs nothing but Python."""

import argparse
import hashlib
import io
import json
import re
import shutil
import struct
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "codeartifact-stack"
# The machine field of an ELF header.
MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
# What the template's metadata names: `sam deploy` wants both to be there.
COMPANIONS = ("LICENSE", "README.md")
# The rule for cfn-lint, and the schema that it reads.
RULES = ("cfnlint/codeartifact_stack.py", "schema/properties.json")
VERSION = re.compile(r"\d+\.\d+\.\d+")
HEADING = re.compile(r"(?m)^## \[(?P<version>[^]]+)\](?: - (?P<date>\S+))?$")


class Unfit(Exception):
    """Something is not fit to be released."""


def version(root: Path = ROOT) -> str:
    """The version, from the one place where it is set."""
    cargo = tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))
    return cargo["workspace"]["package"]["version"]


def check(root: Path, tag: str | None) -> None:
    """Fails where the version is not the same everywhere, or with a tag, where it is not ready for a release."""
    wanted = version(root)
    if not VERSION.fullmatch(wanted):
        raise Unfit(f"Cargo.toml: {wanted} is not of the form X.Y.Z")
    template = (root / "template.yaml").read_text(encoding="utf-8")
    published = re.findall(r"(?m)^ +SemanticVersion: (\S+)$", template)
    if published != [wanted]:
        raise Unfit(f"template.yaml: SemanticVersion is {published}, but Cargo.toml has {wanted}")
    for lock in ("packages/cdk/package.json", "packages/cdk/package-lock.json"):
        constructs = json.loads((root / lock).read_text(encoding="utf-8"))["version"]
        if constructs != wanted:
            raise Unfit(f"{lock}: the version is {constructs}, but Cargo.toml has {wanted}")
    newest, date, notes = newest_changes(root)
    if newest != wanted:
        raise Unfit(f"CHANGELOG.md: the newest version is {newest}, but Cargo.toml has {wanted}")
    if tag is None:
        return
    if tag != f"v{wanted}":
        raise Unfit(f"the tag is {tag}, but Cargo.toml has {wanted}: a release of it is tagged v{wanted}")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        raise Unfit(f"CHANGELOG.md: {wanted} has no date, but {date!r}")
    if not notes:
        raise Unfit(f"CHANGELOG.md: nothing is said of {wanted}")
    # Requests of a released version arrive for ever: later versions are tested with its events.
    if not (root / "tests/fixtures/events" / tag).is_dir():
        raise Unfit(f"tests/fixtures/events/{tag}: the events of this version are not kept there")


def newest_changes(root: Path) -> tuple[str, str, str]:
    """The newest version of CHANGELOG.md, its date, and what is said of it."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = list(HEADING.finditer(text))
    if not headings:
        raise Unfit("CHANGELOG.md: there is no heading of the form ## [X.Y.Z] - DATE")
    end = headings[1].start() if len(headings) > 1 else len(text)
    return headings[0]["version"], headings[0]["date"] or "", text[headings[0].end() : end].strip()


def assemble(root: Path, output: Path, sboms: Path, zips: dict[str, Path]) -> None:
    """Puts everything that a release has into one folder, from which it can be deployed as it is."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    number = version(root)
    template = (root / "template.yaml").read_text(encoding="utf-8")
    for architecture, built in zips.items():
        check_zip(built, architecture)
        package = f"{NAME}-{number}-{architecture}.zip"
        shutil.copyfile(built, output / package)
        shutil.copyfile(sboms / f"{NAME}-{architecture}.cdx.json", output / f"{NAME}-{number}-{architecture}.cdx.json")
        (output / f"template-{architecture}.yaml").write_text(
            released_template(template, architecture, package), encoding="utf-8"
        )
    pack_rules(root, output / f"{NAME}-{number}-cfnlint.zip")
    for companion in COMPANIONS:
        shutil.copyfile(root / companion, output / companion)
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(output.iterdir())]
    (output / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def pack_rules(root: Path, output: Path) -> None:
    """Packs the folder that cfn-lint takes as --append-rules; the same files make the same zip."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for rule in RULES:
            path = root / rule
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)


def host(root: Path, dist: Path, output: Path, bucket: str) -> None:
    """What a bucket of a region holds, for --template-url: each version has keys of its own."""
    prefix = f"{NAME}/{version(root)}"
    folder = output / prefix
    shutil.rmtree(output, ignore_errors=True)
    folder.mkdir(parents=True)
    for template in dist.glob("template-*.yaml"):
        text = template.read_text(encoding="utf-8")
        (package,) = re.findall(r"(?m)^      CodeUri: (\S+)$", text)
        shutil.copyfile(dist / package, folder / package)
        hosted = text.replace(f"CodeUri: {package}\n", f"CodeUri: s3://{bucket}/{prefix}/{package}\n")
        (folder / template.name).write_text(hosted, encoding="utf-8")


def released_template(template: str, architecture: str, package: str) -> str:
    """template.yaml for people who do not build: the code is the zip beside it, and of one architecture."""
    changes = {
        "    Default: arm64\n    AllowedValues: [arm64, x86_64]\n": (
            f"    Default: {architecture}\n    AllowedValues: [{architecture}]\n"
        ),
        "      CodeUri: .\n": f"      CodeUri: {package}\n",
        "    Metadata:\n"
        "      BuildMethod: rust-cargolambda\n"
        "      BuildProperties:\n"
        "        Binary: codeartifact-stack\n": "",
    }
    for before, after in changes.items():
        if template.count(before) != 1:
            raise Unfit(f"template.yaml: this should stand there once, so that a release can change it:\n{before}")
        template = template.replace(before, after)
    return template


def check_zip(path: Path, architecture: str) -> None:
    """Fails where the zip is not what Lambda runs on this architecture."""
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            bootstrap = archive.getinfo("bootstrap")
            header = archive.read(bootstrap)[:20]
    except (zipfile.BadZipFile, KeyError) as error:
        raise Unfit(f"{path} is no zip with a bootstrap in it: {error}") from error
    if not (bootstrap.external_attr >> 16) & 0o111:
        raise Unfit(f"{path}: bootstrap is not executable")
    if header[:4] != b"\x7fELF" or struct.unpack_from("<H", header, 18)[0] != MACHINES[architecture]:
        raise Unfit(f"{path}: bootstrap is no program for {architecture}")


def architecture_and_zip(argument: str) -> tuple[str, Path]:
    architecture, _, path = argument.partition("=")
    if architecture not in MACHINES or not path:
        raise argparse.ArgumentTypeError(f"{argument} is not of the form ARCH=ZIP, with ARCH one of {list(MACHINES)}")
    return architecture, Path(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checked = commands.add_parser("check", help="is the version the same everywhere?")
    checked.add_argument("tag", nargs="?", help="the tag of a release: then it must be ready for one")
    commands.add_parser("notes", help="print what CHANGELOG.md says of the version")
    assembled = commands.add_parser("assemble", help="put a release together in target/dist/")
    assembled.add_argument("--output", type=Path, default=ROOT / "target/dist")
    assembled.add_argument("--sboms", type=Path, required=True, help="the folder that tools/sbom.sh writes")
    assembled.add_argument("zips", nargs="+", type=architecture_and_zip, metavar="ARCH=ZIP")
    hosted = commands.add_parser("host", help="write what a bucket holds for --template-url to target/hosted/")
    hosted.add_argument("--dist", type=Path, default=ROOT / "target/dist")
    hosted.add_argument("bucket")
    arguments = parser.parse_args()
    try:
        if arguments.command == "check":
            check(ROOT, arguments.tag)
        elif arguments.command == "notes":
            print(newest_changes(ROOT)[2])
        elif arguments.command == "host":
            host(ROOT, arguments.dist, ROOT / "target/hosted", arguments.bucket)
        else:
            assemble(ROOT, arguments.output, arguments.sboms, dict(arguments.zips))
            print("\n".join(sorted(str(file) for file in arguments.output.iterdir())))
    except Unfit as unfit:
        print(unfit, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
