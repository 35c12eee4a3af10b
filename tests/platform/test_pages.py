"""The pages beside the how-tos, followed in one lab; and that no command of any page is left out unnoticed."""

import json
import re
import textwrap
from pathlib import Path

import pytest
from pages import ROOT, Block, blocks, pages

DOMAIN = "kloudvin-pkgs"
# The pages that another test follows, each as a whole.
FOLLOWED = {
    "docs/clients.md": "test_clients.py",
    "docs/how-to.md": "test_how_to.py",
    "docs/incident.md": "test_incident.py",
    "examples/cdk-python/README.md": "test_example_cdk.py",
    "examples/cdk/README.md": "test_example_cdk.py",
    "examples/drift/README.md": "test_example_drift.py",
    "examples/sam/README.md": "test_example_sam.py",
    "examples/vending/README.md": "test_example_vending.py",
}
# What is not run as it is written, and why.
NOT_RUN = {
    ("CONTRIBUTING.md", "Checks", 0): "these are the checks",
    ("README.md", "Quick start", 0): "the demo has a test of its own, and this is one of all",
    ("README.md", "Deploying", 0): "test_release.py deploys what make dist puts together",
    ("README.md", "Deploying", 1): "builds for minutes; CI does",
    ("README.md", "Running it locally", 0): "test_watch.py",
    ("SECURITY.md", "Recommended for a shared domain", 0): "asks questions; test_recommended.py holds what it sets",
    ("SECURITY.md", "Who called", 2): "needs CloudTrail and its log",
    ("docs/acceptance.md", "Running it", 0): "test_acceptance.py runs what this target runs",
    ("docs/acceptance.md", "What it makes, and how that goes", 0): "the same",
    ("docs/acceptance.md", "In the lab", 0): "test_demo.py tells the same story in the same lab",
    ("docs/reference.md", "Properties", 1): "tests/cfnlint lints every template so",
    ("packages/cdk/README.md", "CDK constructs for codeartifact-stack", 0): "not published yet",
    ("docs/migrate-from-terraform.md", "Adopting", 1): "needs Terraform",
    ("docs/migrate-from-terraform.md", "Adopting", 2): "adopts what Terraform made",
    ("emulator/README.md", "codeartifact-emulator", 0): "every lab starts it",
    ("probes/README.md", "Probes", 0): "test_probes.py runs what this target runs",
    ("probes/README.md", "Probes", 1): "the same",
}
HERE = ["docs/guard.md", "docs/operations.md", "docs/troubleshooting.md"]
UI = {"domain": DOMAIN, "format": "npm", "namespace": "payments", "package": "ui"}


def commands(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == "sh"]


@pytest.mark.parametrize("page", pages())
def test_each_command_is_run_by_a_test_or_not_run_for_a_reason(page):
    if page in FOLLOWED or page in HERE:
        return
    for block in commands(page):
        assert (page, block.heading, block.number) in NOT_RUN, block.text


def test_what_is_not_run_is_there():
    there = {(page, block.heading, block.number) for page in pages() for block in commands(page)}
    assert set(NOT_RUN) <= there


def front_page() -> str:
    """The template of README.md."""
    (snippet,) = [block.text for block in blocks("README.md") if block.language == "yaml"]
    return "Resources:\n" + textwrap.indent(snippet, "  ")


def test_a_reader_is_at_a_desk_wherever_the_tests_run(terminal, monkeypatch):
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILD_NUMBER", "CIRCLECI"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("A_READERS_OWN", "true")
    assert re.findall(r"^(\w+)=true$", terminal.run("env"), re.MULTILINE) == ["A_READERS_OWN"]


@pytest.fixture(scope="module")
def shell(terminal, tmp_path_factory):
    """A shell beside the stack of the front page, in whose proxy a namesake of an internal package is from before."""
    folder = tmp_path_factory.mktemp("pages")
    (key,) = [block for block in blocks("docs/how-to.md") if block.file == "packages-key.yaml"]
    (deploy,) = [block for block in blocks("docs/how-to.md") if block.heading == "How-tos"]
    with terminal.shell(folder) as shell:
        shell.follow(deploy)
        shell.follow(key)
        shell.run("deploy packages-key")
        without_guard = re.sub(r" *InternalPackages: .*\n", "", front_page())
        put(folder, without_guard)
        shell.run("deploy payments-packages")
        terminal.emulator("ingest", UI | {"repository": "team-payments"})
        put(folder, front_page())
        shell.run("deploy payments-packages")
        yield shell


def put(folder: Path, template: str) -> None:
    (folder / "payments-packages.yaml").write_text(template, encoding="utf-8")


def follow(shell, page: str, heading: str) -> list[str]:
    """What each of the commands below a heading prints."""
    found = [shell.follow(block) for block in commands(page) if block.heading == heading]
    assert found, heading
    return found


def test_the_guard_can_be_verified_and_what_came_in_before_removed(terminal, shell):
    (removed,) = follow(shell, "docs/guard.md", "What it does not protect")
    assert '"package": "ui"' in removed
    left = terminal.client("codeartifact").list_packages(domain=DOMAIN, repository="team-payments-upstream")
    assert left["packages"] == []

    (shown,) = follow(shell, "docs/guard.md", "How to verify it")
    for text in ("ALLOW_SPECIFIC_REPOSITORIES", "BLOCK", "team-payments", '"pattern": "/npm/payments/*"'):
        assert text in shown


def test_a_failure_is_found_in_the_log_by_its_outcome(shell):
    wrong = front_page().replace("public:npmjs", "public:none")
    (shell.folder / "mistaken-packages.yaml").write_text(wrong, encoding="utf-8")
    shell.run("! deploy mistaken-packages")
    _, found = follow(shell, "docs/troubleshooting.md", "Troubleshooting")
    (line,) = found.splitlines()
    assert line.split("\t")[2:4] == ["Packages", "InvalidProperties"]
    assert "public:none" in line
    (reason,) = shell.run("why mistaken-packages").splitlines()
    assert "\tPackages\t" in reason and "public:none" in reason


def test_the_log_of_one_stack_tells_what_was_done_for_it(shell):
    (found,) = follow(shell, "docs/operations.md", "The log of one stack")
    assert "CreateRepository team-payments\n" in found
    assert "SUCCESS" in found
    assert "mistaken" not in found


def test_the_log_of_a_stack_that_is_gone_is_found_too(terminal, shell):
    (block,) = [block for block in commands("docs/operations.md") if block.heading == "The log of one stack"]
    for _ in range(2):
        (shell.folder / "gone-packages.yaml").write_text(front_page().replace("payments", "gone"), encoding="utf-8")
        shell.run("deploy gone-packages")
        stack = terminal.stack_id("gone-packages")
        terminal.client("cloudformation").delete_stack(StackName=stack)
        assert terminal.end_of(stack) == "DELETE_COMPLETE"
        found = shell.run(block.text.replace("payments-packages", "gone-packages"))
        assert found.count("SUCCESS") == 2, "a Create and a Delete, and not those of the stack before"


def test_one_parameter_is_changed_and_the_others_stay(terminal, shell):
    def parameters() -> dict[str, str]:
        (stack,) = terminal.client("cloudformation").describe_stacks(StackName="codeartifact-stack")["Stacks"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}

    before = parameters()
    follow(shell, "docs/operations.md", "Upgrading")
    assert parameters() == before | {"LogRetentionDays": "30"}


def test_who_imports_the_function_is_found(shell):
    (importers,) = follow(shell, "docs/operations.md", "Uninstalling, or replacing the function")
    assert "payments-packages" in importers


def test_a_stack_moves_to_another_function_with_all_that_it_has(terminal, shell):
    """The three updates that docs/operations.md tells. The function is the same here, which makes no difference."""
    retained = front_page().replace("    Properties:", "    DeletionPolicy: Retain\n    Properties:", 1)
    without = "Resources:\n  Nothing:\n    Type: AWS::CloudFormation::WaitConditionHandle\n"
    tags = owner_tags(terminal)
    for template in (retained, without, front_page()):
        put(shell.folder, template)
        shell.run("deploy payments-packages")
        assert owner_tags(terminal) == tags
    found = terminal.client("cloudformation").describe_stack_resources(StackName="payments-packages")["StackResources"]
    assert {each["LogicalResourceId"] for each in found} == {"Packages"}


def owner_tags(terminal) -> dict[str, str]:
    arn = f"arn:aws:codeartifact:eu-west-1:123456789012:repository/{DOMAIN}/team-payments"
    tags = terminal.client("codeartifact").list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["key"]: tag["value"] for tag in tags if tag["key"].endswith("-id")}


def test_a_queue_without_failed_events_replays_and_discards_nothing(shell):
    seen, replayed, discarded = [shell.follow(block) for block in failed_events()]
    assert (seen, replayed, discarded) == ("", "", "")


def failed_events() -> list[Block]:
    return [block for block in commands("docs/operations.md") if block.heading == "Failed events"]


def test_a_failed_event_is_looked_at_replayed_and_discarded(terminal, shell):
    queue = terminal.outputs("codeartifact-stack")["FailedEventsUrl"]
    event = {
        "RequestType": "Delete",
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/lost/1",
        "LogicalResourceId": "Packages",
        "PhysicalResourceId": "codeartifact-stack:not-created",
        "ResourceProperties": {"DomainName": DOMAIN},
    }
    failed = {
        "timestamp": "2026-11-23T09:00:00.000Z",
        "requestPayload": event,
        "responsePayload": {"errorType": "ResponseNotDelivered"},
    }
    sqs = terminal.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(failed))

    seen, replayed, _ = follow(shell, "docs/operations.md", "Failed events")

    assert "Delete\tarn:aws:cloudformation:eu-west-1:123456789012:stack/lost/1\tPackages\tResponseNotDelivered" in seen
    assert '"StatusCode": 202' in replayed
    count = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert count["ApproximateNumberOfMessages"] == "0"
    assert count["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_the_rights_name_every_type_that_the_template_makes():
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for kind in set(re.findall(r"^    Type: (AWS::\S+)$", template, re.MULTILINE)):
        assert f"`{kind.replace('Serverless', 'Lambda')}`" in page, kind
