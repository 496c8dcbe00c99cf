"""A cluster gives the results of this machine, also where one of its machines is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nndiag import sweep_lr
from nndiag.cluster import ClusterError
from nndiag.errors import ConfigError
from nndiag.parallel import most_workers, pool, using

CONFIG = Path(__file__).parents[1] / "configs" / "posts" / "logic_gate.yaml"


def slowly(number, folder):
    """The square of a number, after a while; who made it leaves its number."""
    (folder / f"{os.getppid()}-{number}").touch()
    time.sleep(0.3)
    return number**2


def die():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster():
    """The place of a scheduler with two workers, and the workers."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as found:
        found.wait_for_workers(2)
        yield found


@pytest.fixture
def place(cluster):
    return cluster.scheduler_address.replace("tcp://", "dask://")


def test_tasks_are_made_there_and_only_while_it_is_chosen(place, tmp_path):
    here = most_workers()
    with using(place):
        assert most_workers() == 2
        with pool(1) as workers:
            made = [workers.submit(slowly, number, tmp_path) for number in range(4)]
            assert [one.result() for one in made] == [0, 1, 4, 9]
    assert most_workers() == here
    makers = {path.name.partition("-")[0] for path in tmp_path.iterdir()}
    assert str(os.getpid()) not in makers
    assert len(makers) == 2


def test_an_error_and_a_death_are_told_as_here(place):
    with using(place), pool(1) as workers:
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 1, 0).result()
        with pytest.raises(Exception, match="a worker process died of its task, twice"):
            workers.submit(die).result()
        assert workers.submit(divmod, 7, 2).result() == (3, 1)


def test_what_a_lost_worker_was_making_is_made_by_the_other(cluster, place, tmp_path):
    lost = next(iter(cluster.workers.values()))
    with using(place), pool(1) as workers:
        made = [workers.submit(slowly, number, tmp_path) for number in range(8)]
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        os.kill(lost.pid, signal.SIGKILL)
        assert [one.result() for one in made] == [number**2 for number in range(8)]
        cluster.wait_for_workers(2)  # its nanny starts another


def test_a_sweep_is_the_same_there(place):
    options = {"seeds": 2, "rates": 4, "steps": 2000, "low": 1e-3, "high": 1.0, "plots": False}
    here = sweep_lr(CONFIG, **options)
    there = sweep_lr(CONFIG, **options, workers=place)
    assert {**there.to_dict(), "seconds": 0} == {**here.to_dict(), "seconds": 0}


def test_what_is_no_cluster_is_refused():
    with pytest.raises(ConfigError, match="a number from 1, or dask://HOST:PORT"), using("many"):
        pass
    pytest.importorskip("distributed")
    with pytest.raises(ClusterError, match="no scheduler answers"), using("dask://127.0.0.1:1"):
        pass


def test_workers_of_this_machine_are_counted():
    with using(3):
        assert most_workers() == 3
    with pytest.raises(ConfigError), using(0):
        pass


def test_nothing_of_dask_is_imported_before_it_is_asked_for():
    code = "import nndiag.parallel, sys; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
