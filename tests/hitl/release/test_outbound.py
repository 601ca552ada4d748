"""Requests to addresses of others: never into our own network in any spelling, and never longer than the deadline."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from hitl.release import outbound
from hitl.settings import settings


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1",
        "::", "::1", "fe80::1", "fec0::1", "fc00::1", "ff02::1", "100::1", "2001:db8::1", "3fff::1", "2001::1",
        "2001:10::1", "5f00::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::a9fe:a9fe", "64:ff9b::169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "64:ff9b:1::5db8:d70e", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "2a01:4f8::5efe:10.0.0.1", "2a01:4f8::200:5efe:127.0.0.1",
    ],
)  # fmt: skip
def test_no_special_address_is_public_in_any_form(address: str):
    assert not outbound.is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "192.0.1.1", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::93.184.215.14",
     "2002:5db8:d70e::1"],
)  # fmt: skip
def test_the_open_internet_is_public_also_through_a_translator(address: str):
    assert outbound.is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8080/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/",
        "http://0x7f.1/", "http://0177.0.0.1/", "http://10.1.2.3/", "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:7f00:1::]/", "ftp://93.184.215.14/",
        "http://me:secret@93.184.215.14/", "https://93.184.215.14:22/", "https://93.184.215.14:5432/", "nonsense",
        "http://", "http://" + "a" * 300 + ".example/",
    ],
)  # fmt: skip
def test_private_and_odd_addresses_are_refused(database: str, url: str):
    with pytest.raises(outbound.AddressRefused):
        outbound.addresses_of(url)


def test_a_public_address_is_taken_as_it_is(database: str):
    assert [str(a) for a in outbound.addresses_of("https://93.184.215.14/hook")] == ["93.184.215.14"]


def test_other_ports_are_allowed_by_a_setting(database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUNTERSIGN_WEBHOOK_PORTS", "[443, 9443]")
    settings.cache_clear()
    assert outbound.addresses_of("https://93.184.215.14:9443/hook")
    with pytest.raises(outbound.AddressRefused, match="port 80"):
        outbound.addresses_of("http://93.184.215.14/hook")


def test_one_private_address_among_public_ones_is_enough(database: str, monkeypatch: pytest.MonkeyPatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(outbound.AddressRefused, match=r"10\.0\.0\.1"):
        outbound.addresses_of("https://two.example/")


def test_a_resolver_that_hangs_is_not_waited_for(database: str, monkeypatch: pytest.MonkeyPatch):
    let_go = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: let_go.wait(30) and [])
    begun = time.monotonic()
    with pytest.raises(outbound.AddressRefused):
        outbound.addresses_of("https://slow.example/", 0.2)
    let_go.set()
    assert time.monotonic() - begun < 5


@contextmanager
def server(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """Accepts one connection, reads what comes at first, and talks as it likes until the test is over."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                try:
                    talk(connection, over)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        over.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def allowed(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE", "true")
    settings.cache_clear()


def drip(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.05):
        connection.sendall(b"X: y\r\n")


def flood(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def test_a_receiver_that_drips_is_given_up_at_the_deadline(allowed: None):
    with server(drip) as url:
        begun = time.monotonic()
        with pytest.raises(outbound.NotReached, match=r"no answer within 0\.5 s"):
            outbound.post(url, "{}", {}, 0.5)
        assert time.monotonic() - begun < 3


def test_an_answer_without_end_is_not_read(allowed: None):
    with server(flood) as url:
        begun = time.monotonic()
        assert outbound.post(url, "{}", {}, 20) == 200
        assert time.monotonic() - begun < 5


def test_nobody_there_is_said(allowed: None):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(outbound.NotReached, match="ConnectError"):
        outbound.post(f"http://127.0.0.1:{port}/", "{}", {}, 5)
