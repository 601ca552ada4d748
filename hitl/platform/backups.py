"""Backup and restore: one tar file with a dump of the database and every blob of the data folder.

The database is dumped first. A blob is written before the row that names it and is never changed, so the blobs copied
afterwards hold everything that the dump names.
"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path

from sqlalchemy import text

from hitl.platform import db
from hitl.platform.embedded import binaries
from hitl.settings import settings

DUMP = "database.dump"
BLOBS = "blobs"


class BackupRefused(Exception):
    """The backup or restore cannot be done; the message says why."""

    next_step = "Nothing was changed. Correct it and run the command again."


def backup(target: Path) -> int:
    """Write the backup to `target` (a .tar file) and return its size in bytes. Safe while the system works."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.new")
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / DUMP
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", f"--dbname={db.conninfo()}")
        with tarfile.open(scratch, "w") as archive:
            archive.add(dump, DUMP)
            blobs = blob_folder()
            if blobs is not None and blobs.exists():
                archive.add(blobs, BLOBS)
    scratch.chmod(0o600)
    scratch.replace(target)
    return target.stat().st_size


def restore(source: Path) -> None:
    """Fill an empty installation from a backup. Raises BackupRefused when there are documents already."""
    if not source.is_file() or not tarfile.is_tarfile(source):
        raise BackupRefused(f"{source} is no backup: not a tar file.")
    if _documents():
        raise BackupRefused("This installation holds documents already; a backup is restored into an empty one.")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(source) as archive:
        if DUMP not in archive.getnames():
            raise BackupRefused(f"{source} is no backup: it has no {DUMP}.")
        archive.extract(DUMP, folder, filter="data")
        dump = Path(folder) / DUMP
        how = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        _run("pg_restore", *how, f"--dbname={db.conninfo()}", str(dump))
        _restore_blobs(archive)
    db.migrate()  # a backup of an older version


def _restore_blobs(archive: tarfile.TarFile) -> None:
    folder = blob_folder()
    members = [member for member in archive.getmembers() if member.name.startswith(f"{BLOBS}/")]
    if folder is None or not members:
        return
    for member in members:
        member.name = member.name.removeprefix(f"{BLOBS}/")
        archive.extract(member, folder, filter="data")


def blob_folder() -> Path | None:
    """The folder of blobs; None when they live in an object store, which has backups of its own."""
    url = settings().blob_url
    if url is None:
        return settings().data_dir / "blobs"
    return None if "://" in url and not url.startswith("file://") else Path(url.removeprefix("file://"))


def _documents() -> int:
    with db.engine().connect() as connection:
        if connection.execute(text("SELECT to_regclass('document')")).scalar_one() is None:
            return 0
        return int(connection.execute(text("SELECT count(*) FROM document")).scalar_one())


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - the wheel's own programs
        [str(binaries() / program), *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise BackupRefused(f"{program} failed: {done.stderr.strip()}")
