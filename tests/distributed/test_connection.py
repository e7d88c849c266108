"""What is said of clusters that can't be used, before Ray is asked."""

import socket
import threading

import pytest

from framework.cli.ray_option import join_cluster
from framework.distributed import connection
from framework.distributed.cluster import describe_differences
from framework.distributed.connection import check_form, open_cluster, probe_address
from framework.errors import RunError, UsageError
from framework.utils import optional_dependencies


@pytest.mark.parametrize("address", ["local", "auto", "10.0.0.7:6379", "head:6379", "[::1]:6379"])
def test_addresses(address):
    check_form(address)


@pytest.mark.parametrize(
    "address", ["", "nonsense", "head:", "head:port", "ray://head:10001", ":1"]
)
def test_what_can_be_no_address_is_refused(address):
    with pytest.raises(UsageError, match=r"--ray: expected local, auto, or the HOST:PORT"):
        check_form(address)


def test_an_address_where_nobody_listens_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (
        pytest.raises(RunError, match=f"--ray {address}: nobody answers there: Connection refused"),
        open_cluster(address),
    ):
        pass


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_something_else_that_listens_is_told_at_once(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            link, _ = server.accept()
            with link:
                link.recv(100)
                link.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(RunError, match="what answers there is not Ray"):
            probe_address(f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_someone_who_listens_and_says_nothing_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(RunError, match="nobody answers there: timed out"),
    ):
        probe_address(f"127.0.0.1:{server.getsockname()[1]}")


def test_without_ray_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(optional_dependencies, "find_spec", lambda name: None)
    with pytest.raises(RunError) as caught, join_cluster("local"):
        pass
    assert str(caught.value) == ("--ray needs ray. Install with: pip install --editable '.[ray]'")


def test_without_the_option_nothing_is_looked_for(monkeypatch):
    monkeypatch.setattr(optional_dependencies, "find_spec", lambda name: None)
    with join_cluster(None) as joined:
        assert joined is None


def test_other_versions_are_named():
    here = {"Python": "3.11.7", "ray": "2.60.0", "keras": "3.15.1"}
    there = {"Python": "3.11.7", "ray": "2.59.0", "keras": None}
    assert describe_differences(here, there) == [
        "ray 2.59.0 instead of 2.60.0",
        "keras missing instead of 3.15.1",
    ]
