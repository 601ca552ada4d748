"""The embedded server keeps strangers out, changes no folder of others, and is shared by many processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hitl.platform import embedded
from hitl.platform.embedded import FAST, Server, run_postgres

USE = """
import sys, time
from pathlib import Path
from hitl.platform.embedded import FAST, Server
server = Server(Path(sys.argv[1]), options=FAST)
server.start()
sys.stdout.write("ready\\n"); sys.stdout.flush()
time.sleep(float(sys.argv[2]))
"""
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="as root the server has a user of its own")


@pytest.fixture
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="countersign-test-", dir="/tmp"))
    place.chmod(0o711)  # its parents may be closed to others, and must stay so
    yield place / "inner" / "database"
    shutil.rmtree(place)


def answers(server: Server) -> bool:
    try:
        with psycopg.connect(server.dsn_of("countersign")) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def modes(path: Path) -> dict[Path, int]:
    return {parent: parent.stat().st_mode for parent in path.parents if parent.exists()}


def client(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", USE, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True,
        cwd=Path(embedded.__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_it_starts_answers_and_stops_without_changing_a_parent(folder: Path):
    before, wheel = modes(folder), modes(embedded.binaries() / "postgres")
    server = Server(folder, options=FAST)
    server.start()
    assert answers(server)
    server.release()
    assert not answers(server)
    after = modes(folder)
    assert {path: after[path] for path in before} == before
    assert modes(embedded.binaries() / "postgres") == wheel


def test_the_folder_and_its_socket_are_closed_to_others(folder: Path):
    server = Server(folder, options=FAST)
    server.start()
    try:
        assert server.folder.stat().st_mode & 0o777 == 0o700
        assert server.sockets.stat().st_mode & 0o777 == 0o700
        with psycopg.connect(server.dsn_of("countersign")) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert rules == [("local", "peer")]
    finally:
        server.release()


@root_only
def test_as_root_it_runs_as_a_user_of_its_own_and_lets_no_other_user_in(folder: Path):
    server = Server(folder, options=FAST)
    server.start()
    try:
        pid = (server.data / "postmaster.pid").read_text().splitlines()[0]
        assert Path(f"/proc/{pid}").owner() == embedded.SYSTEM_USER
        server.sockets.chmod(0o755)  # even if the folder were open
        server.folder.chmod(0o755)
        server.folder.parent.chmod(0o755)
        server.folder.parent.parent.chmod(0o755)
        stranger = subprocess.run(
            [str(embedded.binaries() / "psql"), "-h", str(server.sockets), "-U", "countersign", "-c", "SELECT 1"],
            user="nobody", group="nogroup", extra_groups=[], capture_output=True, text=True, cwd="/", check=False,
        )  # fmt: skip
        assert stranger.returncode != 0
        assert "Peer authentication failed" in stranger.stderr
    finally:
        server.release()


def test_processes_share_one_server_and_the_last_one_stops_it(folder: Path):
    one, two = client(folder, 60), client(folder, 60)
    server = Server(folder, options=FAST)
    for process in (one, two):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        assert answers(server)  # killed clients leave it running for whoever comes next
    server.start()
    server.release()
    assert not answers(server)


def test_a_server_that_was_killed_starts_again_with_what_was_committed(folder: Path):
    server = Server(folder)
    server.start()
    with psycopg.connect(server.dsn_of("countersign"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    again = Server(folder)
    again.start()
    with psycopg.connect(again.dsn_of("countersign")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    server.release()
    again.release()
    assert not answers(again)


def test_a_long_path_still_gets_a_socket(folder: Path):
    server = Server(folder / ("long" * 25), options=FAST)
    server.start()
    assert answers(server)
    server.release()
    shutil.rmtree(server.sockets)


def test_a_failing_program_says_what_it_said():
    with pytest.raises(embedded.DatabaseUnavailable, match="initdb"):
        run_postgres("initdb", "--no-such-option")


def test_the_server_takes_its_share_of_the_memory(server: Server):
    gigabyte = 2**30
    assert "shared_buffers=64MB" in embedded.tuned(gigabyte // 4)
    assert {"shared_buffers=1024MB", "maintenance_work_mem=256MB", "work_mem=16MB"} <= set(embedded.tuned(8 * gigabyte))
    assert "shared_buffers=2048MB" in embedded.tuned(256 * gigabyte)
    with psycopg.connect(server.dsn_of("postgres")) as connection:
        wanted = dict(one.split("=") for one in embedded.tuned(embedded.memory_bytes()))
        query = "SELECT pg_size_bytes(current_setting('shared_buffers')) = pg_size_bytes(%s)"
        assert connection.execute(query, [wanted["shared_buffers"]]).fetchone() == (True,)
