"""Sampling: batches in turn, in processes, and groups that survive the way there."""

import math

import pytest

from asgi_conformance.bench.analysis import Rules, by_group, chunk_costs, group_record
from asgi_conformance.bench.floor import Floor, WrongResponse
from asgi_conformance.bench.processes import Sampling, SamplingFailed, sample_in_processes
from asgi_conformance.bench.sampler import GroupRun, record, sample
from asgi_conformance.bench.scenarios import (
    STACKS,
    WORKLOADS,
    Group,
    Variant,
    app_groups,
    ladder_group,
    stack,
    style_groups,
)
from asgi_conformance.fixtures.throughput.stacks import build
from asgi_conformance.loading import AppRef

RAW = Group("raw", (stack("raw", "none", 0), stack("raw", "none", 0, "again"), stack("raw", "pure-asgi", 1)))


def test_a_group_survives_the_way_to_another_process():
    for group in (*style_groups(workloads=("plain", "upload")), ladder_group(), RAW):
        assert Group.from_json(group.to_json()) == group


def test_every_variant_has_its_turn_in_every_round_and_the_control_the_same_batch():
    (found,) = sample([RAW], 0.02, seed=1)
    rounds = len(found["at"])
    assert rounds > 0
    assert {len(times) for kind in ("cpu", "wall") for times in found[kind]} == {rounds}
    assert all(value > 0 for times in found["cpu"] for value in times)
    assert found["requests"][0] == found["requests"][1]


def test_the_order_is_shuffled_and_can_be_had_again():
    def order(seed):
        run, seen = GroupRun(RAW, seed=seed), []
        run.begin()
        for entry in run.entries:
            batch = entry.caller.batch

            async def noted(requests, name=entry.variant.name, batch=batch):
                seen.append(name)
                await batch(requests)

            entry.caller.batch = noted
            entry.requests = 1
        for _ in range(4):
            run.rounds(0)
        run.end()
        run.close()
        return seen

    first = order(1)
    assert first == order(1)
    assert first != order(2)
    assert len({tuple(first[start : start + 3]) for start in range(0, 12, 3)}) > 1


def test_what_takes_long_has_its_turn_in_fewer_rounds_of_which_the_first_is_one():
    slow = Group("slow", (*RAW.variants[:2], stack("fastapi", "base-http", 10)), WORKLOADS["stream"])
    run = GroupRun(slow, seed=1)
    run.begin()
    assert [entry.every for entry in run.entries[:2]] == [1, 1]
    every = run.entries[2].every
    assert every > 1
    assert math.log2(every).is_integer()
    for _ in range(3):
        run.rounds(0)
    run.end()
    run.close()
    times = record(run)["cpu"][2]
    assert times[0] is not None
    assert times[1] is None


def test_what_takes_as_long_as_the_reference_has_as_many_requests_in_a_batch():
    run = GroupRun(Group("alike", (*RAW.variants, stack("fastapi", "base-http", 10))), seed=1)
    run.begin()
    entries = run.entries
    assert entries[0].requests == entries[1].requests > entries[3].requests == 1
    entries[2].cost_ns = round(entries[0].cost_ns * 1.4)
    run._size_batches()
    run.close()
    assert entries[2].requests == entries[0].requests


def test_a_wrong_response_ends_the_measuring():
    wrong = Group("wrong", (*RAW.variants[:2], Variant("lost", AppRef(STACKS), {"framework": "starlette"})))
    lost = Group.from_json(wrong.to_json() | {"workload": dict(wrong.to_json()["workload"], path="/nowhere")})
    with pytest.raises(WrongResponse, match="status 404"):
        sample([lost], 0.01, seed=1)


@pytest.mark.sampled(9)
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=lambda workload: workload.name)
@pytest.mark.parametrize("framework", ["raw", "starlette", "fastapi"])
def test_every_workload_is_answered_by_every_framework(framework, workload):
    import asyncio

    async def look():
        floor = Floor(build(framework, "pure-asgi", 1), workload)
        await floor.batch(workload.concurrency)
        await floor.check()

    asyncio.run(look())


@pytest.mark.slow
def test_processes_give_an_estimate_for_each_variant():
    groups = style_groups(styles=("pure-asgi", "base-http"), layers=(0, 1), loops=("asyncio",))
    samples = by_group(sample_in_processes(groups, Sampling(processes=3, seconds=0.6, at_once=1)))
    records = [group_record(group, found, Rules(confidence=0.95)) for group, found in zip(groups, samples, strict=True)]
    for found in records:
        assert [one["name"] for one in found["variants"]] == ["none", "pure-asgi × 1", "base-http × 1"]
        assert found["variants"][2]["cpu"]["ratio"] > 2
        assert found["variants"][2]["cpu"]["processes"] == 3
    chunks = {one["style"]: one["us_per_layer_and_chunk"] for one in chunk_costs(groups, samples)}
    assert chunks["base-http"] > 5 * abs(chunks["pure-asgi"])


@pytest.mark.slow
def test_what_keeps_a_process_from_measuring_is_told():
    (group,) = app_groups([AppRef("nowhere_at_all:app")], [("GET", "/")], ("asyncio",), ("2.3",))
    with pytest.raises(SamplingFailed, match="there is no module 'nowhere_at_all'"):
        sample_in_processes([group], Sampling(processes=2, seconds=0.1))
