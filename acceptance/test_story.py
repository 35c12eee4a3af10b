"""The demo's story (`demo/story.py`), held to a place: the lab, or an account of AWS. `run.py` runs this.

The order is that of the story. What a place cannot be asked is skipped, with the reason.
"""

import evidence
import pytest
from story import CHAPTERS, Untold

NOT_IN_THE_LAB = "the lab is not AWS: it has no sandbox to start, and no CloudTrail"


@pytest.fixture(scope="session")
def run(pytestconfig):
    return pytestconfig.acceptance


def tell(run, chapter) -> None:
    try:
        chapter(run.story)
    except Untold as untold:
        pytest.skip(str(untold))


@pytest.mark.parametrize("chapter", CHAPTERS[:-1], ids=lambda chapter: chapter.__name__)
def test_story(run, chapter):
    tell(run, chapter)


def test_lambda_tells_what_a_cold_and_a_warm_call_took(run):
    took = evidence.took(run.story.reports())
    assert took, "no report of Lambda's is in the function's log"
    if not run.place.is_aws:
        pytest.skip(NOT_IN_THE_LAB)
    assert any(each.init is not None for each in took), "no call was cold, not even the first"
    assert any(each.init is None for each in took), "no call was warm"
    run.note("cold and warm", evidence.summary(took))


@pytest.mark.parametrize("chapter", CHAPTERS[-1:], ids=lambda chapter: chapter.__name__)
def test_end_of_story(run, chapter):
    tell(run, chapter)


def test_no_call_of_the_function_was_outside_its_role(run):
    if not run.place.is_aws:
        pytest.skip(NOT_IN_THE_LAB)
    try:
        calls = evidence.calls_of(run.place, run.story.function, run.began, until_seen="DeleteDomain")
    except evidence.TrailUnreadable as why:
        pytest.skip(str(why))
    run.note("calls in CloudTrail", f"{len(calls)}, none of them denied")
    assert [call for call in calls if call.is_denied] == []
