"""Processes meet: all are there and told alike, or all stop with one reason."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from nn.cli.meeting import Meeting, StoppedError, connected_to


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def met(*told, patience=20.0, work=lambda team: team.gather(team.rank)):
    """What *work* returns, or the words of its error, in processes with these numbers: (I, N)."""
    address = ("127.0.0.1", free_port())

    teams = [Meeting(address, n, i, patience) for i, n in told]

    def run(team):
        try:
            team.meet()
            return work(team)
        except Exception as error:
            team.stop(str(error))
            return str(error)
        finally:
            team.close()

    with ThreadPoolExecutor(len(told)) as pool:
        return list(pool.map(run, teams))


def test_all_hear_what_each_has():
    assert met((0, 3), (2, 3), (1, 3)) == [[0, 1, 2]] * 3
    assert met((0, 1)) == [[0]]


def test_another_count_stops_all():
    one, other = met((0, 2), (1, 3))
    assert one == other
    assert one.startswith("--processes must be the same in all processes, got 2 in process 0 and 3 in process 1")
    one, other = met((0, 3), (2, 2))
    assert one == other


def test_a_number_that_two_have_stops_all():
    words = met((0, 3), (1, 3), (1, 3))
    assert len(set(words)) == 1
    assert words[0].startswith("--process must be another number in each process, got 1 twice")


@pytest.mark.slow
def test_a_process_that_does_not_come_is_named():
    words = met((0, 4), (2, 4), patience=1.5)
    assert len(set(words)) == 1
    assert words[0].startswith("--coordinator: 2 more processes (1, 3 of 4) did not come to 127.0.0.1:")
    assert words[0].endswith("within 2 s; start the command in each of them")


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_one_stops_all_with_its_words(failing):
    def work(team):
        if team.rank == failing:
            raise ValueError(f"process {failing}: no such file")
        return team.gather("read")

    assert met((0, 3), (1, 3), (2, 3), work=work) == [f"process {failing}: no such file"] * 3


def test_a_process_that_is_gone_stops_all():
    def work(team):
        if team.rank == 1:
            return team.close()
        return team.gather("read")

    first, gone, other = met((0, 3), (1, 3), (2, 3), work=work)
    assert gone is None
    assert first == other == "process 1 ended before the training began"


@pytest.mark.parametrize(
    ("last", "words"),
    [([], "process 1 ended before the training began"), ([b'{"error": "process 1: interrupted"}'], "process 1: int")],
)
def test_a_process_that_ends_while_others_wait_stops_all(last, words):
    address = ("127.0.0.1", free_port())
    first = Meeting(address, 3, 0, 20.0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(first.meet)
        with connected_to(address) as gone:
            for message in [b'{"process": 1, "processes": 3}', *last]:
                gone.sendall(len(message).to_bytes(4, "big") + message)
        with pytest.raises(StoppedError, match=words):
            waiting.result()
    first.close()


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\n", b"\0\0\0\3[1]", b'\0\0\0 {"process": "x", "processes": 2}', b""]
)
def test_programs_of_another_kind_are_not_heard(said):
    address = ("127.0.0.1", free_port())
    first, other = Meeting(address, 2, 0, 20.0), Meeting(address, 2, 1, 20.0)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(first.meet)
        with connected_to(address) as stranger:
            stranger.sendall(said)
        came = pool.submit(other.meet)
        assert (waiting.result(), came.result()) == (None, None)
    first.close()
    other.close()


@pytest.mark.slow
def test_a_program_that_begins_a_message_and_stays_is_not_waited_for():
    address = ("127.0.0.1", free_port())
    first, other = Meeting(address, 2, 0, 20.0), Meeting(address, 2, 1, 20.0)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(first.meet)
        with connected_to(address) as stranger:
            stranger.sendall(b"\0\0")
            came = pool.submit(other.meet)
            assert (waiting.result(30.0), came.result(30.0)) == (None, None)
    first.close()
    other.close()


def test_another_program_at_the_address_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        other = Meeting(("127.0.0.1", server.getsockname()[1]), 2, 1, 20.0)
        came = pool.submit(other.meet)
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"SSH-2.0\r\n")
        with pytest.raises(StoppedError, match="another program listens at 127"):
            came.result()
        other.close()


def test_a_first_process_that_does_not_listen_is_named():
    port = free_port()
    with pytest.raises(StoppedError, match=f"--coordinator: process 0 must listen at 127.0.0.1:{port} within 0 s"):
        connected_to(("127.0.0.1", port), 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        connected_to(server.getsockname(), 0.0).close()


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
def test_a_port_in_use_is_told(host):
    with socket.create_server((host, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ValueError, match=f"--coordinator: port {port} is in use; choose another"):
            Meeting(("127.0.0.1", port), 2, 0)


def test_a_port_is_free_again_for_jax():
    address = ("127.0.0.1", free_port())
    first, other = Meeting(address, 2, 0, 20.0), Meeting(address, 2, 1, 20.0)
    with ThreadPoolExecutor(1) as pool:
        came = pool.submit(other.meet)
        first.meet()
        came.result()
    first.stop_listening()
    with socket.create_server(address):
        first.close()
        other.close()


@pytest.mark.slow
def test_long_waiting_is_said(monkeypatch, capsys):
    monkeypatch.setattr("nn.cli.meeting._SOON", 0.0)
    met((0, 3), (1, 3), patience=1.5)
    lines = sorted(capsys.readouterr().err.splitlines())
    assert len(lines) == 2
    assert lines[0].startswith("gradstep: waiting for ")
    assert any("more process" in line and line.endswith(", for 2 s at most") for line in lines)
    assert any("the other processes at 127.0.0.1:" in line for line in lines)
