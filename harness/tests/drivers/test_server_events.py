"""The event log is complete, in order, and never in the way."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from asgi_conformance.drivers.server import events
from asgi_conformance.drivers.server.events import EventReader, EventWriter


@contextmanager
def log() -> Iterator[tuple[EventWriter, EventReader, int]]:
    with tempfile.TemporaryFile(buffering=0) as file:
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        bell, ringer = os.pipe()
        os.set_blocking(bell, False)
        os.set_blocking(ringer, False)
        try:
            yield EventWriter(file.fileno(), ringer), EventReader(file.fileno(), bell), file.fileno()
        finally:
            os.close(bell)
            os.close(ringer)


def test_events_come_out_as_they_went_in():
    with log() as (writer, reader, _):
        writer({"event": "send", "message": {"body": b"\xff"}})
        assert reader.read() == [{"event": "send", "message": {"body": b"\xff"}, "pid": os.getpid()}]
        assert reader.read() == []
        writer({"event": "sent"})
        assert [event["event"] for event in reader.read()] == ["sent"]


def test_a_reader_that_never_reads_stops_nobody():
    with log() as (writer, reader, _):
        with pytest.raises(BlockingIOError):  # the bell's pipe is full
            while True:
                os.write(writer._bell, b"!" * 4096)
        for number in range(10_000):
            writer({"event": "send", "number": number})
        assert [event["number"] for event in reader.read()] == list(range(10_000))


def test_half_a_line_is_kept_until_the_other_half_comes():
    with log() as (writer, reader, file):
        os.write(file, b'{"event":"se')
        assert reader.read() == []
        os.write(file, b'nt"}\n')
        assert reader.read() == [{"event": "sent"}]


def test_processes_may_write_at_once():
    with log() as (writer, reader, _):
        children = []
        for child in range(3):
            pid = os.fork()
            if not pid:
                for number in range(300):
                    writer({"event": "send", "child": child, "number": number, "filler": "x" * 5000})
                os._exit(0)
            children.append(pid)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        told = reader.read()
        assert len({event["pid"] for event in told}) == 3
        for child in range(3):
            assert [event["number"] for event in told if event["child"] == child] == list(range(300))


def test_a_flood_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "CAPACITY", 1000)
    with log() as (writer, reader, file):
        for _ in range(100):
            writer({"event": "send", "filler": "x" * 100})
        assert os.fstat(file).st_size <= 1000
        assert reader.read()


def test_an_event_that_cannot_be_written_is_told_in_part():
    with log() as (writer, reader, _):
        writer({"event": "send", "call": 3, "message": {"status": 10**5000}})
        assert reader.read() == [{"event": "send", "call": 3, "pid": os.getpid(), "untold": "ValueError"}]


def test_nobody_listening_disturbs_nobody():
    with tempfile.TemporaryFile(buffering=0) as file:
        bell, ringer = os.pipe()
        os.close(bell)
        EventWriter(file.fileno(), ringer)({"event": "send"})
        os.close(ringer)
        EventWriter(file.fileno(), ringer)({"event": "send"})
        assert file.seek(0, os.SEEK_END) > 0
