"""The AWS CLI, as a user would run it, against the emulator: a real client that nobody here wrote."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

AWS = Path(sys.executable).parent / "aws"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/6a1b0c7e-0000-4000-8000-000000000001"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Publish",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::444455556666:role/ci"},
            "Action": ["codeartifact:PublishPackageVersion", "codeartifact:PutPackageMetadata"],
            "Resource": "*",
        }
    ],
}

Cli = Callable[..., dict]


class Refused(Exception):
    """The CLI ended with an error, whose text this holds."""


@pytest.fixture
def url(start_emulator: Callable) -> str:
    """An emulator that checks the CLI's signatures."""
    return start_emulator("--region", "eu-central-1", "--secret", "secret").url


@pytest.fixture
def run(url: str, tmp_path: Path) -> Callable[..., str]:
    """Run `aws codeartifact …` and return what it prints."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_CODEARTIFACT": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }

    def call(*arguments: str, account: str | None = None) -> str:
        who = {"AWS_ACCESS_KEY_ID": account} if account else {}
        done = subprocess.run(
            [AWS, "codeartifact", *arguments],
            env=environment | who,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    return call


@pytest.fixture
def cli(run: Callable[..., str]) -> Cli:
    """Run `aws codeartifact …` and return the JSON it prints."""
    return lambda *arguments, **options: json.loads(run(*arguments, **options) or "{}")


def test_a_domain_lives_and_dies(cli: Cli) -> None:
    created = cli("create-domain", "--domain", "kloudvin-pkgs", "--encryption-key", KEY, "--tags", "key=team,value=a")
    arn = "arn:aws:codeartifact:eu-central-1:123456789012:domain/kloudvin-pkgs"
    assert created["domain"]["arn"] == arn
    described = cli("describe-domain", "--domain", "kloudvin-pkgs", "--domain-owner", "123456789012")
    assert described == created
    assert described["domain"]["encryptionKey"] == KEY
    assert [one["name"] for one in cli("list-domains")["domains"]] == ["kloudvin-pkgs"]
    cli("tag-resource", "--resource-arn", arn, "--tags", "key=cost,value=1", "key=team,value=b")
    cli("untag-resource", "--resource-arn", arn, "--tag-keys", "cost")
    assert cli("list-tags-for-resource", "--resource-arn", arn) == {"tags": [{"key": "team", "value": "b"}]}
    stored = cli("put-domain-permissions-policy", "--domain", "kloudvin-pkgs", "--policy-document", json.dumps(POLICY))
    revision = stored["policy"]["revision"]
    assert cli("get-domain-permissions-policy", "--domain", "kloudvin-pkgs") == stored
    with pytest.raises(Refused, match="ConflictException"):
        cli("delete-domain-permissions-policy", "--domain", "kloudvin-pkgs", "--policy-revision", "stale")
    cli("delete-domain-permissions-policy", "--domain", "kloudvin-pkgs", "--policy-revision", revision)
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        cli("get-domain-permissions-policy", "--domain", "kloudvin-pkgs")
    cli("delete-domain", "--domain", "kloudvin-pkgs")
    with pytest.raises(Refused, match="Domain 'kloudvin-pkgs' owned by account '123456789012' does not exist"):
        cli("describe-domain", "--domain", "kloudvin-pkgs")


def test_a_repository_lives_and_dies(cli: Cli) -> None:
    where = ("--domain", "kloudvin-pkgs", "--repository")
    cli("create-domain", "--domain", "kloudvin-pkgs", "--encryption-key", KEY)
    cli("create-repository", *where, "team-npm-upstream", "--description", "Public proxy")
    connection = ("--external-connection", "public:npmjs")
    connected = cli("associate-external-connection", *where, "team-npm-upstream", *connection)
    assert connected["repository"]["externalConnections"][0]["packageFormat"] == "npm"
    upstream = ("--upstreams", "repositoryName=team-npm-upstream")
    created = cli("create-repository", *where, "team-npm", *upstream, "--tags", "key=team,value=payments")
    assert cli("describe-repository", *where, "team-npm") == created
    updated = cli("update-repository", *where, "team-npm", "--description", "Payments")
    assert updated["repository"]["description"] == "Payments"
    assert updated["repository"]["upstreams"] == [{"repositoryName": "team-npm-upstream"}]
    document = json.dumps(POLICY)
    stored = cli("put-repository-permissions-policy", *where, "team-npm", "--policy-document", document)
    assert cli("get-repository-permissions-policy", *where, "team-npm") == stored
    cli("delete-repository-permissions-policy", *where, "team-npm")
    listed = cli("list-repositories-in-domain", "--domain", "kloudvin-pkgs", "--page-size", "1")
    assert [one["name"] for one in listed["repositories"]] == ["team-npm", "team-npm-upstream"]
    assert len(cli("list-repositories", "--repository-prefix", "team-npm-")["repositories"]) == 1
    with pytest.raises(Refused, match="must contain 0 repositories"):
        cli("delete-domain", "--domain", "kloudvin-pkgs")
    cli("update-repository", *where, "team-npm", "--upstreams")
    cli("disassociate-external-connection", *where, "team-npm-upstream", *connection)
    cli("delete-repository", *where, "team-npm")
    cli("delete-repository", *where, "team-npm-upstream")
    cli("delete-domain", "--domain", "kloudvin-pkgs")
    assert cli("list-domains") == {"domains": []}


def test_package_managers_are_told_where_to_go(cli: Cli, run: Callable[..., str]) -> None:
    where = ("--domain", "kloudvin-pkgs", "--repository", "team-npm")
    cli("create-domain", "--domain", "kloudvin-pkgs")
    cli("create-repository", *where)
    host = "kloudvin-pkgs-123456789012.d.codeartifact.eu-central-1.amazonaws.com"
    for name in ("npm", "pypi", "maven", "nuget", "generic", "ruby", "swift", "cargo"):
        endpoint = cli("get-repository-endpoint", *where, "--format", name)
        assert endpoint == {"repositoryEndpoint": f"https://{host}/{name}/team-npm/"}
    token = cli("get-authorization-token", "--domain", "kloudvin-pkgs", "--duration-seconds", "900")
    assert token["authorizationToken"]
    commands = run("login", "--tool", "npm", *where, "--dry-run")
    assert f"config set registry https://{host}/npm/team-npm/" in commands
    commands = run("login", "--tool", "pip", *where, "--dry-run")
    assert f"@{host}/pypi/team-npm/simple/" in commands


def test_package_groups_guard_internal_names(cli: Cli) -> None:
    domain = ("--domain", "kloudvin-pkgs")
    group = (*domain, "--package-group", "/npm/payments/*")
    cli("create-domain", *domain)
    cli("create-repository", *domain, "--repository", "team-npm")
    created = cli("create-package-group", *group, "--description", "internal", "--contact-info", "us")
    arn = "arn:aws:codeartifact:eu-central-1:123456789012:package-group/kloudvin-pkgs/npm/payments/%2a"
    assert created["packageGroup"]["arn"] == arn
    assert created["packageGroup"]["parent"]["pattern"] == "/*"
    cli("tag-resource", "--resource-arn", arn, "--tags", "key=a,value=b")
    assert cli("list-tags-for-resource", "--resource-arn", arn)["tags"] == [{"key": "a", "value": "b"}]
    updated = cli(
        "update-package-group-origin-configuration",
        *group,
        "--restrictions",
        "PUBLISH=ALLOW_SPECIFIC_REPOSITORIES,EXTERNAL_UPSTREAM=BLOCK,INTERNAL_UPSTREAM=ALLOW",
        "--add-allowed-repositories",
        "repositoryName=team-npm,originRestrictionType=PUBLISH",
    )
    assert updated["allowedRepositoryUpdates"] == {"PUBLISH": {"ADDED": ["team-npm"]}}
    allowed = cli("list-allowed-repositories-for-group", *group, "--origin-restriction-type", "PUBLISH")
    assert allowed == {"allowedRepositories": ["team-npm"]}
    cli("update-package-group", *group, "--description", "ours")
    assert cli("describe-package-group", *group)["packageGroup"]["description"] == "ours"
    found = cli(
        "get-associated-package-group", *domain, "--format", "npm", "--namespace", "payments", "--package", "ui"
    )
    assert (found["packageGroup"]["pattern"], found["associationType"]) == ("/npm/payments/*", "STRONG")
    groups = cli("list-package-groups", *domain)["packageGroups"]
    assert [one["pattern"] for one in groups] == ["/*", "/npm/payments/*"]
    children = cli("list-sub-package-groups", *domain, "--package-group", "/*")["packageGroups"]
    assert [one["pattern"] for one in children] == ["/npm/payments/*"]
    cli("delete-package-group", *group)
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        cli("describe-package-group", *group)
    with pytest.raises(Refused, match="ValidationException"):
        cli("delete-package-group", *domain, "--package-group", "/*")


def test_a_generic_package_is_published_and_listed(cli: Cli, tmp_path: Path) -> None:
    where = ("--domain", "kloudvin-pkgs", "--repository", "team")
    cli("create-domain", "--domain", "kloudvin-pkgs")
    cli("create-repository", *where)
    package = ("--format", "generic", "--namespace", "ours", "--package", "tool")
    asset = tmp_path / "tool.tgz"
    asset.write_text("abc")
    published = cli(
        "publish-package-version",
        *where,
        *package,
        "--package-version",
        "1.0.0",
        "--asset-name",
        "tool.tgz",
        "--asset-content",
        str(asset),
        "--asset-sha256",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )
    assert published["status"] == "Published"
    listed = cli("list-packages", *where)["packages"]
    assert [(one["namespace"], one["package"]) for one in listed] == [("ours", "tool")]
    versions = cli("list-package-versions", *where, *package)["versions"]
    assert [one["version"] for one in versions] == ["1.0.0"]
    cli("delete-package", *where, *package)
    assert cli("list-packages", *where) == {"packages": []}


def test_another_account_needs_leave(cli: Cli) -> None:
    cli("create-domain", "--domain", "kloudvin-pkgs")
    describe = ("describe-domain", "--domain", "kloudvin-pkgs", "--domain-owner", "123456789012")
    with pytest.raises(Refused, match="AccessDeniedException"):
        cli(*describe, account="444455556666")
    statement = POLICY["Statement"][0] | {
        "Principal": {"AWS": "444455556666"},
        "Action": "codeartifact:DescribeDomain",
    }
    document = json.dumps(POLICY | {"Statement": [statement]})
    cli("put-domain-permissions-policy", "--domain", "kloudvin-pkgs", "--policy-document", document)
    assert cli(*describe, account="444455556666")["domain"]["owner"] == "123456789012"


def test_a_wrong_secret_is_refused(run: Callable[..., str], url: str) -> None:
    environment = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wrong", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [AWS, "--endpoint-url", url, "--region", "eu-central-1", "codeartifact", "list-domains"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "InvalidSignatureException" in done.stderr
    assert run("list-domains")
