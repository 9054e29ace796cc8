"""JUnit XML that other tools can count."""

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from asgi_conformance.reports import junit
from asgi_conformance.reports.run import Run
from asgi_conformance.verdict import Entry, Outcome, Verdict


def test_the_text_is_as_it_was(mixed: Run, golden: Callable[[str, str], None]) -> None:
    golden("mixed.junit.xml", junit.render(mixed))


@pytest.mark.parametrize("name", ["mixed", "conformant", "catalogue"])
def test_the_numbers_are_those_of_the_elements(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    root = ET.fromstring(junit.render(run))
    for element in (root, *root):
        assert int(element.get("tests", "")) == len(element.findall(".//testcase"))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(attribute, "")) == len(element.findall(f".//{tag}"))
    assert len(root.findall(".//testcase")) == len(run.verdicts)
    assert {suite.get("name") for suite in root} == {f"{v.target} ({v.driver})" for v in run.verdicts}


def test_each_status_has_its_element(mixed: Run) -> None:
    cases = ET.fromstring(junit.render(mixed)).findall(".//testcase")
    told = {(case.get("name"), child.tag) for case in cases for child in case if child.tag != "properties"}
    assert told == {
        ("sse.event.blank-line [GET /events]", "failure"),
        ("lifespan.shutdown.bounded", "failure"),  # stale
        ("lifespan.shutdown.bounded", "skipped"),  # known
        ("middleware.request-id.on-errors [GET /items/{id}]", "system-out"),
        ("websocket.close.code", "skipped"),
        ("websocket.close.code", "error"),
    }


def test_level_and_clause_are_properties(mixed: Run) -> None:
    case = next(ET.fromstring(junit.render(mixed)).iterfind(".//testcase[@name='sse.event.blank-line [GET /events]']"))
    properties = {one.get("name"): one.get("value") for one in case.findall("properties/property")}
    assert properties["level"] == "MUST"
    assert str(properties["clause"]).startswith("https://html.spec.whatwg.org/")


def test_anything_can_be_said_in_xml(verdict: Callable[..., Verdict]) -> None:
    hostile = "\x00\x1b[31m \ud800 ]]> </failure> & \uffff <!-- \r\n"
    one = verdict(
        "a.b.c",
        Outcome.FAILED,
        target=hostile,
        route=hostile,
        expected=hostile,
        observed=hostile,
        transcript=(Entry(0.0, hostile, hostile),),
    )
    root = ET.fromstring(junit.render(Run({"date": hostile}, (one,))).encode())
    failure = root.find(".//failure")
    assert failure is not None
    assert r"\x00\x1b[31m \ud800 ]]> </failure> & \uffff <!-- \r" in str(failure.text)
