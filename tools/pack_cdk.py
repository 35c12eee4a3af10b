#!/usr/bin/env python3
"""Packs the constructs of packages/cdk, compiled in target/cdk/, for npm and PyPI into target/cdk/dist/.

The builds of the function go into both: those given as ARCH=ZIP, or this machine's debug build, for tests.
"""

import argparse
import platform
import shutil
import subprocess
import zipfile
from pathlib import Path

import release

ROOT = release.ROOT
PACKAGE = ROOT / "target/cdk"
DIST = PACKAGE / "dist"


def debug_build() -> tuple[str, Path]:
    """This machine's debug build as the zip that Lambda would run, without what only a debugger reads."""
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    folder = PACKAGE / "debug"
    folder.mkdir(exist_ok=True)
    bootstrap = folder / "bootstrap"
    subprocess.run(
        ["strip", "--strip-debug", "-o", bootstrap, ROOT / "target/debug/codeartifact-stack"],
        check=True,
    )
    with zipfile.ZipFile(folder / "bootstrap.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(bootstrap, "bootstrap")
    return architecture, folder / "bootstrap.zip"


def fill_assets(zips: dict[str, Path]) -> None:
    """What `CodeArtifactFunction` deploys."""
    assets = PACKAGE / "assets"
    shutil.rmtree(assets, ignore_errors=True)
    assets.mkdir()
    shutil.copyfile(ROOT / "template.yaml", assets / "template.yaml")
    for architecture, built in zips.items():
        release.check_zip(built, architecture)
        shutil.copyfile(built, assets / f"{architecture}.zip")


def pack() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", DIST], cwd=PACKAGE, check=True, stdout=subprocess.DEVNULL
    )
    source = PACKAGE / "python"
    shutil.rmtree(source, ignore_errors=True)
    # Only the code: its own build installs what no lock file names.
    pacmak = ["npx", "jsii-pacmak", "--code-only", "--target", "python", "--outdir", PACKAGE]
    subprocess.run(pacmak, cwd=PACKAGE, check=True)
    wheel = ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    subprocess.run([ROOT / ".venv/cdk/bin/python", *wheel, "--wheel-dir", DIST, source], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zips", nargs="*", type=release.architecture_and_zip, metavar="ARCH=ZIP")
    zips = dict(parser.parse_args().zips) or dict([debug_build()])
    fill_assets(zips)
    pack()


if __name__ == "__main__":
    main()
