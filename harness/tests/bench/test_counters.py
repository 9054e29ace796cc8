"""The cost vector repeats exactly, adds up, and says which layer it was."""

import asyncio

import pytest

from asgi_conformance.bench.counters import COUNTS, LOOP, CostVector, cost_vector
from asgi_conformance.bench.scenarios import WORKLOADS
from asgi_conformance.fixtures.throughput.stacks import build


def vector(framework="fastapi", style="none", layers=0, workload="plain"):
    return cost_vector(build(framework, style, layers), WORKLOADS[workload], warm_up=20)


@pytest.mark.parametrize("workload", ["plain", pytest.param("stream", marks=pytest.mark.slow)])
def test_two_applications_of_the_same_code_have_the_same_vector(workload):
    one, other = (vector(style="base-http", layers=1, workload=workload) for _ in range(2))
    assert (one.counts, one.layers, one.functions) == (other.counts, other.layers, other.functions)
    assert one.unstable == ()


def test_the_layers_and_the_loop_add_up_to_the_whole():
    found = vector(style="base-http", layers=2)
    assert found.layers[-1].name == LOOP
    for name in COUNTS:
        assert sum(layer.counts[name] for layer in found.layers) == found.counts[name]
    assert sum(found.functions.values()) == found.counts["opcodes"]


def test_a_layer_that_does_nothing_is_seen_and_the_others_are_as_before():
    without, within = vector(), vector(style="no-op", layers=1)
    added = {name: within.counts[name] - without.counts[name] for name in COUNTS}
    (layer,) = (layer for layer in within.layers if layer.name == "NothingLayer")
    assert added == layer.counts
    assert added["opcodes"] > 0
    assert added["calls"] == 1
    assert [one for one in within.layers if one is not layer] == list(without.layers)


def test_tasks_and_turns_of_the_loop_are_told_by_who_made_them():
    found = vector("starlette", "base-http", 1)
    (layer,) = (layer for layer in found.layers if layer.name == "BaseLayer")
    assert layer.counts["tasks"] == 1
    assert found.counts["iterations"] == found.layers[-1].counts["iterations"] > 0
    plain = vector("starlette")
    assert (plain.counts["tasks"], plain.counts["handles"], plain.counts["iterations"]) == (0, 0, 0)


def test_what_differs_from_request_to_request_is_named():
    requests = []

    async def app(scope, receive, send):
        requests.append(1)
        for _ in range(len(requests)):
            pass
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    assert cost_vector(app, WORKLOADS["plain"], warm_up=20).unstable == ("opcodes",)


def test_the_application_is_left_as_it_was():
    app = build("fastapi", "pure-asgi", 2)
    cost_vector(app, WORKLOADS["plain"], warm_up=20)
    layer, names = app.middleware_stack, []
    while layer is not None:
        names.append(type(layer).__name__)
        layer = getattr(layer, "app", None)
    assert "_Border" not in names


def test_a_vector_survives_json():
    found = vector("raw")
    assert CostVector.from_json(found.to_json()) == found
