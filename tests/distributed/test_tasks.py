"""Tasks on a Ray cluster whose workers and nodes are lost, and whose nodes differ."""

import os
import signal
import time
from collections import Counter
from contextlib import closing

import pytest

from framework.distributed import tasks
from framework.distributed.cluster import list_nodes
from framework.distributed.connection import open_cluster
from framework.distributed.tasks import TaskPool, WorkersLostError
from framework.errors import RunError
from framework.utils.environment import THREADS_VARIABLE, count_threads
from tests.helpers.ray_nodes import NODE, wait_until_gone

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cluster(ray_nodes):
    with open_cluster(ray_nodes.address) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(tasks, "POLL_SECONDS", 0.2)


def run_all(pool):
    """Wait for all tasks; gives them by their key."""
    finished = {}
    while pool:
        if (task := pool.wait()) is not None:
            finished[task.key] = task
    return finished


def test_results_come_with_the_name_of_their_node(cluster):
    def add(first, second):
        return first + second, os.environ[THREADS_VARIABLE]

    lost = cluster.lost
    with closing(TaskPool(cluster, add, max_retries=0)) as pool:
        for number in range(3):
            pool.submit(number, number, 10)
        finished = run_all(pool)
    threads = str(count_threads())
    assert {key: task.result() for key, task in finished.items()} == {
        number: (number + 10, threads) for number in range(3)
    }
    assert {task.node for task in finished.values()} < {n.name for n in cluster.find_nodes()} | {""}
    assert cluster.lost == lost


def test_what_a_task_raises_is_raised_by_its_result(cluster):
    def divide(number):
        if number == 0:
            raise RunError("0 divides nothing")
        return 1 / number

    with closing(TaskPool(cluster, divide, max_retries=3)) as pool:
        pool.submit(0, 0)
        pool.submit(2, 2)
        finished = run_all(pool)
    with pytest.raises(RunError) as caught:
        finished[0].result()
    assert str(caught.value) == "0 divides nothing"
    assert finished[2].result() == 0.5


def test_a_lost_worker_costs_its_task_and_nothing_else(cluster, tmp_path, caplog):
    def compute(number):
        attempts = tmp_path / f"{number}"
        with attempts.open("a") as file:
            file.write("x")
        if number == 1 and attempts.read_text() == "x":
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    lost = cluster.lost
    with closing(TaskPool(cluster, compute, max_retries=3)) as pool:
        for number in range(3):
            pool.submit(number, number)
        finished = run_all(pool)
    assert {key: task.result() for key, task in finished.items()} == {0: 0, 1: 1, 2: 2}
    assert [(tmp_path / f"{number}").read_text() for number in range(3)] == ["x", "xx", "x"]
    assert cluster.lost == lost + 1
    assert "! Lost 1 worker of the Ray cluster: " in caplog.text


def test_a_task_whose_workers_are_all_lost_fails_and_others_do_not(cluster):
    def compute(number):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    lost = cluster.lost
    with closing(TaskPool(cluster, compute, max_retries=1)) as pool:
        for number in range(3):
            pool.submit(number, number)
        finished = run_all(pool)
    with pytest.raises(WorkersLostError, match=r"^Lost 2 workers of the Ray cluster$"):
        finished[1].result()
    assert (finished[0].result(), finished[2].result()) == (0, 2)
    assert cluster.lost == lost + 2


def test_a_task_whose_workers_are_killed_for_memory_fails(ray_nodes, cluster, monkeypatch):
    full = {"RAY_memory_usage_threshold": "0.01", "RAY_memory_monitor_refresh_ms": "100"}
    node = ray_nodes.add_node(**NODE, env_vars=full)
    # Not the cluster's own: what asks this node for its versions may be killed for memory, too.
    nodes = [each for each in list_nodes() if each.id == node.node_id]
    monkeypatch.setattr(cluster, "find_nodes", lambda: nodes)
    with closing(TaskPool(cluster, time.sleep, max_retries=3)) as pool:
        pool.submit(0, 600)
        task = run_all(pool)[0]
    ray_nodes.remove_node(node)
    wait_until_gone(node)
    with pytest.raises(WorkersLostError, match=r"^Lost 4 workers of the Ray cluster$"):
        task.result()


def test_a_task_fails_whose_nodes_have_all_left(cluster, tmp_path, monkeypatch):
    def compute():
        (tmp_path / "started").touch()
        time.sleep(600)

    lost = cluster.lost
    with closing(TaskPool(cluster, compute, max_retries=0)) as pool:
        pool.submit(0)
        while not (tmp_path / "started").exists():
            assert pool.wait() is None
        pool.wait()  # That the task has started.
        monkeypatch.setattr(cluster, "find_nodes", list)
        task = run_all(pool)[0]
    with pytest.raises(WorkersLostError, match=r"^Lost 1 worker of the Ray cluster$"):
        task.result()
    assert cluster.lost == lost + 1


def test_a_node_that_joins_takes_the_tasks_of_the_last_one(ray_nodes, cluster, tmp_path, caplog):
    import ray

    def compute():
        with (tmp_path / "nodes").open("a") as file:
            file.write(f"{ray.get_runtime_context().get_node_id()}\n")
        while len((tmp_path / "nodes").read_text().split()) == 1:
            time.sleep(0.1)

    lost = cluster.lost
    with closing(TaskPool(cluster, compute, max_retries=3)) as pool:
        pool.submit(0)
        while not (tmp_path / "nodes").exists():
            assert pool.wait() is None
        pool.wait()  # That the task has started.
        (first,) = (tmp_path / "nodes").read_text().split()
        node = next(node for node in ray_nodes.list_all_nodes() if node.node_id == first)
        ray_nodes.remove_node(node, allow_graceful=False)
        wait_until_gone(node)
        pool.wait()
        assert not pool.has_room()
        assert "No node of the Ray cluster can compute now: waiting for one." in caplog.text
        joined = ray_nodes.add_node(**NODE)
        run_all(pool)[0].result()
    assert (tmp_path / "nodes").read_text().split() == [first, joined.node_id]
    assert cluster.lost == lost + 1


def test_a_lost_node_does_not_hold_up_the_others(ray_nodes, cluster, tmp_path):
    import ray

    def compute(number):
        node_id = ray.get_runtime_context().get_node_id()
        if number == 0 and not marker.exists():
            marker.write_text(node_id)
            time.sleep(600)

    ray_nodes.add_node(**NODE)
    marker = tmp_path / "node"
    lost, ended = cluster.lost, []
    with closing(TaskPool(cluster, compute, max_retries=3)) as pool:
        waiting = list(range(20, -1, -1))
        node = None
        while waiting or pool:
            while waiting and pool.has_room(tasks_per_slot=2):
                number = waiting.pop()
                pool.submit(number, number)
            if node is None and marker.exists() and (node_id := marker.read_text()):
                nodes = {each.node_id: each for each in ray_nodes.list_all_nodes()}
                node = nodes[node_id]
                ray_nodes.remove_node(node, allow_graceful=False)
            if (task := pool.wait()) is not None:
                task.result()
                ended.append(task.key)
    wait_until_gone(node)
    assert sorted(ended) == list(range(21))
    assert cluster.lost == lost + 1
    assert 0 in ended[-2:], "the lost node had two tasks; all others ended before"


def test_a_task_takes_a_slot_of_a_node_that_has_such(ray_nodes, cluster, monkeypatch):
    import ray

    def find_place():
        context = ray.get_runtime_context()
        return context.get_node_id(), context.get_assigned_resources()["CPU"]

    monkeypatch.setattr(tasks, "count_threads", lambda: 2)
    larger = ray_nodes.add_node(**{**NODE, "num_cpus": 3})
    (smaller,) = (node.id for node in cluster.find_nodes() if node.cores == 1)
    with closing(TaskPool(cluster, find_place, max_retries=0)) as pool:
        number = 0
        while pool.has_room(tasks_per_slot=4):
            pool.submit(number)
            number += 1
        places = [task.result() for task in run_all(pool).values()]
    ray_nodes.remove_node(larger)
    wait_until_gone(larger)
    assert number == 4 * 3
    expected = [(larger.node_id, 2), (larger.node_id, 1), (smaller, 1)]
    assert Counter(places) == dict.fromkeys(expected, 4)


def test_a_cluster_that_computes_for_others_is_waited_for_and_then_told(cluster):
    import ray

    @ray.remote(num_cpus=1, max_retries=0)
    def work():
        time.sleep(600)

    other = work.remote()
    with closing(TaskPool(cluster, abs, max_retries=0, timeout=1)) as pool:
        pool.submit(0, -1)
        with pytest.raises(RunError, match="The Ray cluster has had no worker for 0 minutes: no "):
            run_all(pool)
        assert len(pool) == 1
    ray.cancel(other, force=True)
    with closing(TaskPool(cluster, abs, max_retries=0, timeout=60)) as pool:
        pool.submit(0, -1)
        assert run_all(pool)[0].result() == 1


def test_a_closed_pool_leaves_its_workers_free(cluster):
    with closing(TaskPool(cluster, time.sleep, max_retries=3)) as pool:
        pool.submit(0, 600)
        pool.submit(1, 600)
        pool.wait()  # That the first has started.
    assert not pool
    with closing(TaskPool(cluster, abs, max_retries=0, timeout=60)) as pool:
        pool.submit(0, -1)
        assert run_all(pool)[0].result() == 1
