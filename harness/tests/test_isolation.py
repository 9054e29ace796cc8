"""Work in a child leaves no trace in the parent, whatever it does."""

import os
import signal
import time

import pytest

from asgi_conformance.isolation import ChildEnded, in_child

SHARED: list[int] = []


def test_the_result_comes_back_and_changes_do_not():
    def work():
        SHARED.append(1)
        return len(SHARED), os.getpid()

    for _ in range(3):
        length, pid = in_child(work, within=10)
        assert length == 1
        assert pid != os.getpid()
    assert SHARED == []


def test_a_large_result_comes_back_whole():
    assert len(in_child(lambda: b"x" * 5_000_000, within=10)) == 5_000_000


def test_what_it_raises_is_raised_here():
    with pytest.raises(LookupError, match="nothing here"):
        in_child(lambda: (_ for _ in ()).throw(LookupError("nothing here")), within=10)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: os._exit(9), "exit code 9"),
        (lambda: os.kill(os.getpid(), signal.SIGUSR1), "SIGUSR1"),
        (lambda: time.sleep(60), "did not come back within 0.3 s"),
    ],
)
def test_a_child_that_ends_or_hangs_is_told(work, words):
    with pytest.raises(ChildEnded, match=words):
        in_child(work, within=0.3)


def test_the_child_is_not_left_waiting_to_be_reaped():
    child = in_child(os.getpid, within=10)
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
