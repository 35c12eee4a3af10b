"""A release: one version everywhere, and a folder that can be deployed as it is."""

import hashlib
import json
import os
import platform
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402
import release  # noqa: E402

BINARY = Path(os.environ.get("CODEARTIFACT_STACK", ROOT / "target/debug/codeartifact-stack"))


@pytest.fixture
def tree(tmp_path):
    """A checkout that is ready for the release of 1.2.3."""
    (tmp_path / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n')
    (tmp_path / "template.yaml").write_text("Metadata:\n    SemanticVersion: 1.2.3\n")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [1.2.3] - 2026-11-30\n\n* More.\n\n## [1.2.2] - 2026-11-01\n"
    )
    (tmp_path / "README.md").write_text("*Version 1.2.3, never yet run in an AWS account.*\n")
    (tmp_path / "tests/fixtures/events/v1.2.3").mkdir(parents=True)
    (tmp_path / "packages/cdk").mkdir(parents=True)
    for lock in ("package.json", "package-lock.json"):
        (tmp_path / "packages/cdk" / lock).write_text('{"version": "1.2.3"}')
    return tmp_path


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_tree_that_agrees_can_be_released(tree):
    release.check(tree, "v1.2.3")
    assert release.newest_changes(tree) == ("1.2.3", "2026-11-30", "* More.")


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("Cargo.toml", "1.2.3", "1.2.4"),
        ("Cargo.toml", "1.2.3", "1.2"),
        ("template.yaml", "1.2.3", "1.2.4"),
        ("template.yaml", "SemanticVersion", "Version"),
        ("packages/cdk/package.json", "1.2.3", "1.2.4"),
        ("packages/cdk/package-lock.json", "1.2.3", "1.2.4"),
        ("CHANGELOG.md", "[1.2.3]", "[1.2.4]"),
        ("CHANGELOG.md", "## ", ""),
        ("README.md", "1.2.3", "1.2.4"),
    ],
)
def test_a_version_that_differs_is_found_without_a_tag(tree, file, before, after):
    change(tree / file, before, after)
    with pytest.raises(release.Unfit, match=file):
        release.check(tree, None)


@pytest.mark.parametrize(("before", "after"), [("2026-11-30", "unreleased"), ("* More.", "")])
def test_an_unfinished_changelog_is_found_with_a_tag_only(tree, before, after):
    change(tree / "CHANGELOG.md", before, after)
    release.check(tree, None)
    with pytest.raises(release.Unfit, match="CHANGELOG"):
        release.check(tree, "v1.2.3")


def test_a_front_page_that_knows_of_no_release_is_found_with_a_tag_only(tree):
    change(tree / "README.md", "never", "not released yet, and never")
    release.check(tree, None)
    with pytest.raises(release.Unfit, match="README"):
        release.check(tree, "v1.2.3")


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2.4", "v1.2.3-rc1"])
def test_a_tag_of_another_version_is_refused(tree, tag):
    with pytest.raises(release.Unfit, match="the tag"):
        release.check(tree, tag)


def test_a_release_without_its_events_is_refused(tree):
    (tree / "tests/fixtures/events/v1.2.3").rmdir()
    with pytest.raises(release.Unfit, match="events"):
        release.check(tree, "v1.2.3")


def a_zip(path: Path, machine: int, name: str = "bootstrap", mode: int = 0o755, more: bytes = b"") -> Path:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + more)
    return path


def some_sboms(folder: Path) -> Path:
    folder.mkdir()
    for architecture in release.MACHINES:
        (folder / f"codeartifact-stack-{architecture}.cdx.json").write_text("{}")
    return folder


@pytest.fixture
def dist(tmp_path):
    """What is released, with zips that hold a header only."""
    zips = {"arm64": a_zip(tmp_path / "a.zip", 0xB7), "x86_64": a_zip(tmp_path / "x.zip", 0x3E)}
    release.assemble(ROOT, tmp_path / "dist", some_sboms(tmp_path / "sbom"), zips)
    return tmp_path / "dist"


def test_every_file_is_in_the_checksums(dist):
    listed = dict(line.split("  ")[::-1] for line in (dist / "SHA256SUMS").read_text().splitlines())
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in dist.iterdir()}
    assert listed == {name: digest for name, digest in files.items() if name != "SHA256SUMS"}


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_released_template_differs_in_its_code_alone(dist, architecture):
    source = cfn_yaml.load(ROOT / "template.yaml")
    released = cfn_yaml.load(dist / f"template-{architecture}.yaml")
    function, parameter = released["Resources"]["Function"], released["Parameters"]["Architecture"]
    assert (dist / function["Properties"].pop("CodeUri")).is_file()
    assert (parameter.pop("Default"), parameter.pop("AllowedValues")) == (architecture, [architecture])
    del source["Resources"]["Function"]["Metadata"]
    del source["Resources"]["Function"]["Properties"]["CodeUri"]
    del source["Parameters"]["Architecture"]["Default"]
    del source["Parameters"]["Architecture"]["AllowedValues"]
    assert released == source


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_each_architecture_has_its_bill_of_materials(dist, architecture):
    assert len(list(dist.glob(f"codeartifact-stack-*-{architecture}.cdx.json"))) == 1


def test_what_the_metadata_names_is_in_the_release(dist):
    metadata = cfn_yaml.load(dist / "template-arm64.yaml")["Metadata"]["AWS::ServerlessRepo::Application"]
    assert (dist / metadata["LicenseUrl"]).is_file()
    assert (dist / metadata["ReadmeUrl"]).is_file()


def test_the_released_templates_are_clean(dist):
    subprocess.run([ROOT / ".venv/bin/cfn-lint", *dist.glob("template-*.yaml")], check=True)


def test_the_metadata_is_what_the_serverless_application_repository_takes():
    metadata = cfn_yaml.load(ROOT / "template.yaml")["Metadata"]["AWS::ServerlessRepo::Application"]
    # Source: the API's reference, CreateApplication.
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", metadata["Name"])
    assert re.fullmatch(r"(?=.{1,127}$)[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", metadata["Author"])
    assert 1 <= len(metadata["Description"]) <= 256
    assert len(metadata["Labels"]) <= 10
    assert all(re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", label) for label in metadata["Labels"])
    assert (metadata["SpdxLicenseId"], metadata["SemanticVersion"]) == ("Apache-2.0", release.version())


def a_release(tmp_path) -> str:
    """A release with a build that runs, in dist/; its architecture."""
    built, bootstrap = tmp_path / "bootstrap.zip", tmp_path / "bootstrap"
    subprocess.run(["strip", "--strip-debug", "-o", bootstrap, BINARY], check=True)
    with zipfile.ZipFile(built, "w") as archive:
        archive.write(bootstrap, "bootstrap")
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    release.assemble(ROOT, tmp_path / "dist", some_sboms(tmp_path / "sbom"), {architecture: built})
    return architecture


def test_a_release_is_deployed_by_its_url(terminal, tmp_path):
    architecture = a_release(tmp_path)
    release.host(ROOT, tmp_path / "dist", tmp_path / "hosted", "releases-eu-west-1")
    s3, cloudformation = terminal.client("s3"), terminal.client("cloudformation")
    s3.create_bucket(Bucket="releases-eu-west-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    files = [path for path in (tmp_path / "hosted").rglob("*") if path.is_file()]
    for path in files:
        s3.upload_file(str(path), "releases-eu-west-1", str(path.relative_to(tmp_path / "hosted")))
    assert len(files) == 2
    # ministack reads a bucket in the path alone.
    folder = f"s3.eu-west-1.amazonaws.com/releases-eu-west-1/codeartifact-stack/{release.version()}"
    stack = cloudformation.create_stack(
        StackName="hosted",
        TemplateURL=f"https://{folder}/template-{architecture}.yaml",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )["StackId"]
    assert terminal.end_of(stack) == "CREATE_COMPLETE"
    check_a_plan(terminal, "hosted")


def test_a_release_is_deployed_by_the_readmes_commands(terminal, tmp_path):
    architecture = a_release(tmp_path)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.search(r"\*\*From a release\*\*.*?^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[1]
    commands = commands.replace("template-arm64", f"template-{architecture}").replace(
        " codeartifact-stack ", " released "
    )
    terminal.run(f". target/lab/env\ncd '{tmp_path}/dist'\n{commands}")

    check_a_plan(terminal, "released")


def test_a_packaged_release_is_what_the_serverless_application_repository_takes(terminal, tmp_path):
    architecture = a_release(tmp_path)
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    command = re.search(r"`(sam package [^`]*)`", contributing)[1].replace("template-arm64", f"template-{architecture}")
    terminal.run(f". target/lab/env\ncd '{tmp_path}/dist'\n{command}")
    packaged = tmp_path / "dist/packaged.yaml"
    template = cfn_yaml.load(packaged)
    metadata = template["Metadata"]["AWS::ServerlessRepo::Application"]
    # Everything is in a bucket, by a URL that `sam publish` hands on.
    assert all(metadata[name].startswith("s3://") for name in ("LicenseUrl", "ReadmeUrl"))
    assert template["Resources"]["Function"]["Properties"]["CodeUri"].startswith("s3://")
    # Source: the API's reference, CreateApplication: at most 5 MB of each text. CloudFormation: 1 MB of template.
    assert all((tmp_path / "dist" / name).stat().st_size < 5_000_000 for name in ("LICENSE", "README.md"))
    assert packaged.stat().st_size < 1_000_000


def check_a_plan(terminal, stack: str) -> None:
    event = (ROOT / "events/direct-plan.json").read_bytes()
    token = terminal.outputs(stack)["ServiceToken"]
    answer = terminal.client("lambda").invoke(FunctionName=token, Payload=event)
    assert json.load(answer["Payload"])["Steps"][0] == "CreateDomain kloudvin-pkgs"


@pytest.mark.parametrize(
    "wrong",
    [{"machine": 0x3E}, {"machine": 0xB7, "name": "main"}, {"machine": 0xB7, "mode": 0o644}],
    ids=["another machine", "no bootstrap", "not executable"],
)
def test_a_zip_that_lambda_would_not_run_is_refused(tmp_path, wrong):
    with pytest.raises(release.Unfit):
        release.check_zip(a_zip(tmp_path / "wrong.zip", **wrong), "arm64")


@pytest.mark.parametrize(("needs", "fits"), [("2.2.5", True), ("2.34", True), ("2.35", False), ("2.100", False)])
def test_a_program_that_needs_a_newer_c_library_than_lambdas_is_refused(tmp_path, needs, fits):
    path = a_zip(tmp_path / "built.zip", 0x3E, more=f"\0GLIBC_2.17\0GLIBC_{needs}\0".encode())
    done = subprocess.run([sys.executable, ROOT / "tools/release.py", "fits", f"x86_64={path}"], check=False)
    assert (done.returncode == 0) == fits


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "wrong.zip").write_bytes(b"no zip")
    with pytest.raises(release.Unfit):
        release.check_zip(tmp_path / "wrong.zip", "arm64")
