"""The alarms and the dashboard of template.yaml: there if asked for, and docs/operations.md says what to do."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"
STACK = "codeartifact-stack"
sys.path.insert(0, str(ROOT / "tools"))
import cfn_yaml  # noqa: E402

RESOURCES = cfn_yaml.load(ROOT / "template.yaml")["Resources"]


def told() -> set[str]:
    """The alarms that the page has a line for."""
    (section,) = re.findall(r"^## Alarms\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    return set(rows[2:])


@pytest.fixture(scope="module")
def watched(terminal):
    """A lab whose function has a topic for alarms, and a namespace for metrics."""
    assert alarms(terminal) == {}
    assert terminal.client("cloudwatch").list_dashboards()["DashboardEntries"] == []
    update(terminal, AlarmTopicArn=TOPIC, MetricsNamespace="Packages/Stacks")
    yield terminal
    update(terminal, AlarmTopicArn="", MetricsNamespace="")
    assert alarms(terminal) == {}


def update(terminal, **given: str) -> None:
    cloudformation = terminal.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    known = [each["ParameterKey"] for each in stack["Parameters"] if each["ParameterKey"] not in given]
    cloudformation.update_stack(
        StackName=STACK,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in known]
        + [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    assert terminal.end_of(STACK) == "UPDATE_COMPLETE"


def alarms(terminal) -> dict[str, dict]:
    found = terminal.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix(f"{STACK}: "): alarm for alarm in found}


def test_each_alarm_goes_to_the_topic_and_has_a_line_in_the_page(watched):
    found = alarms(watched)
    assert found.keys() == told()
    function = watched.outputs(STACK)["ServiceToken"].split(":")[-1]
    queue = watched.outputs(STACK)["FailedEventsUrl"].split("/")[-1]
    watches = {
        name: (alarm["MetricName"], *(each["Value"] for each in alarm.get("Dimensions", [])))
        for name, alarm in found.items()
    }
    assert watches == {
        "events failed after every retry": ("ApproximateNumberOfMessagesVisible", queue),
        "invocations failed": ("Errors", function),
        "invocations were throttled": ("Throttles", function),
        "an event is near its timeout": ("Duration", function),
        "answers were not delivered": ("Undelivered",),
    }
    assert all(alarm["AlarmActions"] == [TOPIC] for alarm in found.values())


def test_an_event_is_near_its_timeout_before_the_function_gives_up(watched):
    alarm = alarms(watched)["an event is near its timeout"]
    assert alarm["Threshold"] < (RESOURCES["Function"]["Properties"]["Timeout"] - 8) * 1000


def test_answers_that_were_not_delivered_are_counted_by_their_types(watched):
    filters = watched.client("logs").describe_metric_filters(logGroupName=f"/aws/lambda/{STACK}")["metricFilters"]
    (counted,) = filters
    types = set(re.findall(r'error_type = "(\w+)"', counted["filterPattern"]))
    known = set(re.findall(r'=> "(\w+)"', (ROOT / "src/failure.rs").read_text(encoding="utf-8")))
    assert types == {name for name in known if name.startswith("Response")}
    (metric,) = counted["metricTransformations"]
    alarm = alarms(watched)["answers were not delivered"]
    assert (metric["metricNamespace"], metric["metricName"]) == (alarm["Namespace"], alarm["MetricName"])


def test_the_dashboard_shows_the_metrics_that_the_function_writes(watched):
    cloudwatch = watched.client("cloudwatch")
    (entry,) = cloudwatch.list_dashboards()["DashboardEntries"]
    board = json.loads(cloudwatch.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"])
    shown = set(re.findall(r'\{Packages/Stacks,RequestType,Outcome\} MetricName=\\+"(\w+)\\+"', json.dumps(board)))
    written = set(re.findall(r'metric\("(\w+)", ', (ROOT / "src/metrics.rs").read_text(encoding="utf-8")))
    assert shown == written
    assert not re.search(r"\$\{", json.dumps(board))
