"""The gate: what grew, which layer it was, and when nothing can be said."""

import json

import pytest

from asgi_conformance.bench.counters import CostVector, cost_vector
from asgi_conformance.bench.gate import Baseline, NoBaseline, judge, python_version, read, save, told
from asgi_conformance.bench.scenarios import WORKLOADS
from asgi_conformance.fixtures.throughput.stacks import build


def vector(style="none", layers=0):
    return cost_vector(build("raw", style, layers), WORKLOADS["plain"], warm_up=20)


def judged(before, after, **options):
    return judge({"it": after}, Baseline({"it": before}, python_version(), {}), {}, **options)


def test_identical_code_passes():
    found = judged(vector("pure-asgi", 1), vector("pure-asgi", 1))
    assert (found.compared, found.regressions, found.improvements, told(found)) == (1, (), (), [])


def test_one_more_layer_that_does_nothing_is_a_regression_and_is_named():
    found = judged(vector(), vector("no-op", 1))
    (change,) = found.regressions
    assert change.grown.keys() == {"opcodes", "calls"}
    assert change.layers[0].startswith("layer NothingLayer is new: +")
    assert change.functions[0].startswith("asgi_conformance.fixtures.throughput.stacks:NothingLayer.__call__: +")
    assert any("NothingLayer" in line for line in told(found))


def test_one_layer_less_is_an_improvement_and_no_regression():
    found = judged(vector("no-op", 2), vector("no-op", 1))
    assert not found.regressions
    assert found.improvements[0].layers[0].startswith("layer NothingLayer is gone: -")


def test_growth_within_the_tolerance_passes():
    assert not judged(vector(), vector("no-op", 1), tolerance=0.5).regressions


def test_what_the_baseline_has_and_the_run_has_not_is_missing():
    one = vector()
    found = judge({"it": one}, Baseline({"it": one, "other": one}, python_version(), {}), {})
    assert found.missing == ("other",)


def test_what_is_not_the_same_each_time_is_not_compared():
    one = vector()
    shaky = CostVector(one.counts | {"opcodes": 10**6}, one.layers, one.functions, 0, ("opcodes",))
    found = judged(one, shaky)
    assert not found.regressions
    assert found.unstable == ("it: opcodes",)


def test_other_versions_of_libraries_are_noted():
    one = vector()
    found = judge({"it": one}, Baseline({"it": one}, python_version(), {"fastapi": "1"}), {"fastapi": "2"})
    assert found.notes == ("other versions than the baseline's: fastapi 1 became 2",)


def test_a_baseline_is_read_as_it_was_saved(tmp_path):
    one = vector()
    save(tmp_path / "base.json", {"it": one}, {"fastapi": "1"})
    found = read(tmp_path / "base.json")
    assert (found.vectors, found.versions) == ({"it": one}, {"fastapi": "1"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "--save"),
        ("nonsense", "not JSON"),
        ("[]", "not a baseline"),
        (json.dumps({"schema": 1, "vectors": {}, "python": "CPython 2.7"}), "different interpreters"),
        (json.dumps({"schema": 1, "vectors": {"it": {}}, "python": python_version()}), "damaged"),
    ],
)
def test_what_is_no_baseline_is_told_in_plain_words(tmp_path, text, words):
    path = tmp_path / "base.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NoBaseline, match=words):
        read(path)
