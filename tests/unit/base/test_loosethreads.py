"""Threads that the end of the process does not wait for."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import CancelledError, wait

import pytest

from globstar.base.loosethreads import LooseThreads
from tests.support.loopback import wait_until


def test_jobs_are_done_in_order_and_their_results_and_faults_given() -> None:
    threads = LooseThreads(1, "t")
    done: list[int] = []
    futures = [threads.submit(done.append, number) for number in range(50)]
    failing = threads.submit(int, "x")
    wait([*futures, failing], 60)
    assert done == list(range(50))
    with pytest.raises(ValueError, match="invalid literal"):
        failing.result()
    threads.shutdown(wait=True)
    with pytest.raises(RuntimeError, match="no jobs"):
        threads.submit(int)


def test_threads_are_begun_as_they_are_needed_and_no_more_than_said() -> None:
    threads = LooseThreads(3, "t")
    for _ in range(10):
        assert threads.submit(threading.get_ident).result(60)
        wait_until(lambda: threads._idle == 1, 10, "the thread waits again")
    assert len(threads._threads) == 1, "one that is idle is used again"
    goes_on, together = threading.Event(), threading.Barrier(4)

    def waits() -> None:
        together.wait(60)
        goes_on.wait(60)

    futures = [threads.submit(waits) for _ in range(3)]
    together.wait(60)
    late = threads.submit(threading.get_ident)
    goes_on.set()
    wait([*futures, late], 60)
    assert len(threads._threads) == 3
    assert late.done()
    threads.shutdown(wait=True)


def test_what_waits_can_be_cancelled() -> None:
    threads = LooseThreads(1, "t")
    begun, goes_on = threading.Event(), threading.Event()

    def waits() -> None:
        begun.set()
        goes_on.wait(60)

    first, second = threads.submit(waits), threads.submit(int)
    begun.wait(60)
    threads.shutdown(cancel_futures=True)
    goes_on.set()
    first.result(60)
    with pytest.raises(CancelledError):
        second.result(60)
    threads.shutdown(wait=True)


def test_the_end_of_the_process_does_not_wait_for_a_job() -> None:
    program = (
        "import threading\nfrom globstar.base.loosethreads import LooseThreads\n"
        "LooseThreads(1, 't').submit(threading.Event().wait)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=90, check=False).returncode == 0
