"""The pool: the same results as here, and nothing left behind, however this process ends."""

import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nndiag.errors import ConfigError, ExitCode, Location, Problem
from nndiag.parallel import WorkerDiedError, Workers, each_as_completed, most_workers

PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads Linux's processes")
PATIENCE = 60  # seconds until a test gives up; nothing depends on it but how it fails

SHARED: dict[str, int] = {}


def share(number):
    SHARED["number"] = SHARED.get("number", 0) + number


def shared():
    return SHARED["number"]


def process_id():
    return os.getpid()


def threads_of_blas():
    return [os.environ[name] for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]


def refused():
    raise ConfigError(Problem("no such thing", Location("a.yaml", 3)))


def unpicklable():
    return lambda: None


def say(word):
    print(word)  # noqa: T201
    return word


def sleep(seconds, started):
    Path(started).write_text(str(os.getpid()))
    time.sleep(seconds)


def die_once(mark):
    """End this process unless one has ended here before."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "made"


def die(code):
    os._exit(code)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def workers():
    with Workers(2) as pool:
        yield pool


def test_results_are_those_of_this_process(workers):
    data = np.random.default_rng(0).normal(size=(300, 40))
    futures = [workers.submit(np.linalg.svd, data + k, compute_uv=False) for k in range(4)]
    for k, future in enumerate(futures):
        np.testing.assert_array_equal(future.result(), np.linalg.svd(data + k, compute_uv=False))


def test_a_worker_is_another_process_and_is_used_again(workers):
    first, second = (workers.submit(process_id).result() for _ in range(2))
    assert first == second != os.getpid()


def test_what_all_tasks_need_is_there_once_in_each_process():
    with Workers(1, initializer=share, initargs=(7,)) as pool:
        assert [pool.submit(shared).result() for _ in range(2)] == [7, 7]


def test_an_initializer_that_fails_fails_each_task():
    with Workers(1, initializer=refused) as pool, pytest.raises(ConfigError):
        pool.submit(shared).result()


def test_a_worker_has_one_thread_and_no_workers_of_its_own(workers):
    assert workers.submit(threads_of_blas).result() == ["1", "1"]
    assert workers.submit(most_workers).result() == 0


def test_an_error_comes_back_with_all_that_it_says(workers):
    with pytest.raises(ConfigError) as caught:
        workers.submit(refused).result()
    assert caught.value.problems[0].location == Location("a.yaml", 3)
    assert "in refused" in caught.value.__notes__[0]  # where it was raised


def test_a_result_that_cannot_be_sent_is_an_error_and_not_the_end_of_the_worker(workers):
    with pytest.raises(Exception, match="pickle"):
        workers.submit(unpicklable).result()
    assert workers.submit(say, "on").result() == "on"


def test_a_task_that_cannot_be_sent_is_refused_at_once(workers):
    with pytest.raises((pickle.PicklingError, AttributeError)):
        workers.submit(lambda: None)


def test_what_a_task_prints_goes_to_stderr(workers, capfd):
    assert workers.submit(say, "hello").result() == "hello"
    workers.shutdown()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "hello\n")


def test_a_task_whose_process_dies_is_done_again(workers, tmp_path):
    assert workers.submit(die_once, tmp_path / "died").result() == "made"


@pytest.mark.parametrize("code", [3, 0])
def test_a_task_that_always_ends_its_process_is_an_error_that_says_how(workers, code):
    with pytest.raises(WorkerDiedError) as caught:
        workers.submit(die, code).result()
    assert caught.value.problems[0].got == f"exit code {code}"
    assert caught.value.exit_code is ExitCode.UNEXPECTED
    assert workers.submit(say, "on").result() == "on"


def test_a_task_under_way_can_be_given_up(workers, tmp_path):
    mark = tmp_path / "started"
    future = workers.submit(sleep, 10 * PATIENCE, mark)
    wait_until(lambda: mark.exists() and mark.read_text())
    assert future.cancel()
    with pytest.raises(CancelledError):
        future.result()
    workers.shutdown()  # returns, and that means that nobody sleeps


def test_a_task_that_is_made_cannot_be_given_up(workers):
    future = workers.submit(say, "on")
    future.result()
    assert not future.cancel()


def test_to_end_without_giving_up_makes_everything_first():
    pool = Workers(1)
    futures = [pool.submit(say, number) for number in range(3)]
    pool.shutdown()
    assert [future.result() for future in futures] == [0, 1, 2]
    with pytest.raises(RuntimeError):
        pool.submit(say, 3)


@PROC
def test_leaving_ends_what_is_under_way(tmp_path):
    mark = tmp_path / "started"
    with Workers(1) as pool:
        pool.submit(sleep, 10 * PATIENCE, mark)
        waiting = pool.submit(say, "never")
        wait_until(lambda: mark.exists() and mark.read_text())
    assert not alive(mark.read_text())
    assert waiting.cancelled()


HOLDER = """
import sys, time
from nndiag.parallel import Workers
from tests.test_parallel import sleep
if sys.argv[3] == "wait":
    with Workers(2) as pool:
        tasks = [pool.submit(sleep, 600, sys.argv[k]) for k in (1, 2)]
        tasks[0].result()
else:
    pool = Workers(2)
    tasks = [pool.submit(sleep, 600, sys.argv[k]) for k in (1, 2)]
    time.sleep(600 if sys.argv[3] == "sleep" else 0)
"""


def holder(marks, how):
    """A process whose two workers sleep, each with its id in a file."""
    command = [sys.executable, "-c", HOLDER, *map(str, marks), how]
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(command, env=environment, cwd=root, stderr=subprocess.DEVNULL)


def sleeping(marks):
    wait_until(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    return [mark.read_text() for mark in marks]


@PROC
@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_workers_are_gone_when_their_parent_is(tmp_path, how):
    marks = [tmp_path / "a", tmp_path / "b"]
    process = holder(marks, "wait" if how == "SIGINT" else "sleep")
    try:
        pids = sleeping(marks)
        assert all(map(alive, pids))
        process.send_signal(signal.Signals[how])
        process.wait(PATIENCE)
    finally:
        process.kill()
    wait_until(lambda: not any(map(alive, pids)))


@PROC
def test_a_program_that_forgets_its_workers_ends_all_the_same(tmp_path):
    process = holder([tmp_path / "a", tmp_path / "b"], "forget")
    try:
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()


def test_what_nobody_has_begun_is_made_here():
    begun = []
    with ThreadPoolExecutor(1) as pool:
        block = pool.submit(time.sleep, 0.2)
        calls = [(partial(begun.append, k), pool.submit(begun.append, k)) for k in range(5)]
        results = list(each_as_completed(calls, stopped=lambda: False))
        assert not block.done()  # so all were made while the only worker slept
    assert results == [None] * 5
    assert begun == [4, 3, 2, 1, 0]  # the last first: the worker's next is the first one


def test_once_it_is_stopped_the_rest_is_given_up(tmp_path):
    mark = tmp_path / "started"
    with Workers(1) as pool:
        future = pool.submit(sleep, 10 * PATIENCE, mark)
        wait_until(future.running)
        assert list(each_as_completed([(process_id, future)], stopped=mark.exists)) == []
        assert future.done()
