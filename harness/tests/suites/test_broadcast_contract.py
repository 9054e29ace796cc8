"""The contract of a broadcast under random schedules: members join, speak, stall, read again, die and leave.

Whatever the schedule, each message reaches once everybody who was a member when it was said and stays healthy, and
no healthy member loses its connection because of another one. The documented managers break that, and Hypothesis
has to find out; their hardened siblings have to hold.
"""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from asgi_conformance import catalogue
from asgi_conformance.clock import VirtualLoop
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.loading import load
from asgi_conformance.probe import Probe
from asgi_conformance.suites.websocket.members import Member, join
from asgi_conformance.transcript import Transcript

PATTERNS = catalogue.load_patterns()
DOCUMENTED = [
    "websocket.chat",
    "websocket.manager-minimal",
    "websocket.manager-inline-remove",
    "websocket.manager-personal",
]
HARDENED = [f"{name}.hardened" for name in DOCUMENTED]

MOST = 6  # members at a time
DELIVERED_WITHIN = 60.0


class BrokenContract(AssertionError):
    """A member did not get what it was owed; the text says who and what."""


@dataclass(eq=False)
class Seat:
    """A member, and what the room owes to it."""

    member: Member
    healthy: bool = True  # it is connected and has read everything in time, from its arrival to now
    stalled: bool = False
    connected: bool = True
    owed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


class Room(RuleBasedStateMachine):
    """One room of one application, on a clock of its own."""

    pattern = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        target = PATTERNS[self.pattern]
        driver = InProcess(load(target.app), raise_app_exceptions=False)
        route = next(route for route in target.routes if "websocket.broadcast" in route.capabilities)
        self.probe = Probe(driver, route, Transcript(self.loop.time))
        self.seats: list[Seat] = []
        self.messages = 0
        self.do(self.probe.start())

    def do(self, what):
        return self.loop.run_until_complete(what)

    def teardown(self) -> None:
        try:
            self.do(asyncio.sleep(DELIVERED_WITHIN))
            self.everybody_has_what_is_owed()
        finally:
            for seat in self.seats:
                seat.member.read()
                seat.member.leave()
            self.do(self.probe.stop())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def seat(self, number: int, of: list[Seat]) -> Seat:
        return of[number % len(of)]

    def connected(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.connected]

    def reading(self) -> list[Seat]:
        return [seat for seat in self.connected() if not seat.stalled]

    @precondition(lambda self: len(self.connected()) < MOST)
    @rule()
    def join(self) -> None:
        number = len(self.seats)
        self.seats.append(Seat(self.do(join(self.probe, f"member {number}", number))))

    @precondition(lambda self: self.reading())
    @rule(number=st.integers(0, MOST))
    def say(self, number: int) -> None:
        speaker = self.seat(number, self.reading())
        self.messages += 1
        text = f"message-{self.messages}."
        speaker.said.append(text)
        for seat in self.connected():
            seat.owed.append(text)
        speaker.member.say(text)

    @precondition(lambda self: self.reading())
    @rule(number=st.integers(0, MOST))
    def stall(self, number: int) -> None:
        seat = self.seat(number, self.reading())
        seat.healthy, seat.stalled = False, True
        seat.member.stall()

    @precondition(lambda self: any(seat.stalled for seat in self.connected()))
    @rule(number=st.integers(0, MOST))
    def read_again(self, number: int) -> None:
        seat = self.seat(number, [seat for seat in self.connected() if seat.stalled])
        seat.stalled = False
        seat.member.read()

    @precondition(lambda self: self.connected())
    @rule(number=st.integers(0, MOST))
    def leave(self, number: int) -> None:
        seat = self.seat(number, self.connected())
        seat.healthy, seat.connected = False, False
        seat.member.leave()

    @precondition(lambda self: self.connected())
    @rule(number=st.integers(0, MOST))
    def die(self, number: int) -> None:
        seat = self.seat(number, self.connected())
        seat.healthy, seat.connected = False, False
        seat.member.die()

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @invariant()
    def healthy_members_stay_connected(self) -> None:
        for seat in self.seats:
            if seat.healthy and seat.member.call.done:
                raise BrokenContract(f"{seat.member.name} lost its connection: {seat.member.call.ended()}")

    @invariant()
    def nobody_is_told_twice(self) -> None:
        for seat in self.seats:
            for text in seat.owed:
                if text not in seat.said and seat.member.heard(text) > 1:
                    raise BrokenContract(f"{seat.member.name} was told {text} more than once")

    def everybody_has_what_is_owed(self) -> None:
        for seat in self.seats:
            missing = [text for text in seat.owed if seat.healthy and not seat.member.heard(text)]
            if missing:
                raise BrokenContract(f"{seat.member.name} was not told {', '.join(missing)}")


def judge(pattern: str, schedules: int) -> None:
    machine = type(f"Room of {pattern}", (Room,), {"pattern": pattern})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=schedules,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("pattern", HARDENED)
def test_hardened_manager_keeps_the_contract(pattern: str, pytestconfig: pytest.Config) -> None:
    """A hundred schedules in CI, some of them every day."""
    judge(pattern, 100 if pytestconfig.option.full else 5)


@pytest.mark.parametrize("pattern", DOCUMENTED)
def test_documented_manager_breaks_the_contract(pattern: str) -> None:
    with pytest.raises(BrokenContract):
        judge(pattern, 100)
