"""What a process gives up before it opens foreign bytes: network, files of others, rights to gain.

Three mechanisms of the Linux kernel, each for itself, none of which needs to be root:
  no_new_privs   a setuid program that it starts gains nothing
  Landlock       files outside a list cannot be opened, TCP not used, processes outside not signalled
  seccomp        no sockets, no tracing, mounting, key rings, kernel interfaces with a history of holes
A process cannot take any of it back, nor can its children. `missing` says what this kernel lacks.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

NO_NEW_PRIVS, SET_SECCOMP, GET_SECCOMP, FILTER = 38, 22, 21, 2
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
BENEATH = 1

EXECUTE, WRITE, READ, LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE | READ | TRUNCATE | IOCTL
FILE_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
TCP = 0b11  # bind and connect, from ABI 4 on
SCOPES = 0b11  # abstract sockets and signals, from ABI 6 on

# System calls by number on x86-64 and arm64; each fails with EPERM.
REFUSED = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_getfd": (438, 438), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "open_by_handle_at": (304, 265),
}  # fmt: skip
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH
X32 = 0x40000000  # a second table of numbers on x86-64

# Read by the interpreter, its packages, the loader of libraries, and what draws fonts.
SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/self", "/proc/sys/vm", "/sys/devices/system", "/dev/urandom",
    "/dev/zero",
)  # fmt: skip


class NotConfined(OSError):
    """The kernel offers a mechanism and refused it to us."""


def confine(reads: Iterable[Path] = (), writes: Iterable[Path] = (), lists: Iterable[Path] = ()) -> None:
    """Give up all that the kernel lets us, for this thread and whatever it starts from now on.

    Beside the system's libraries and this interpreter's packages `reads` stay readable and `writes` are folders to
    write in; of `lists` only the names of files can be seen. Call it before a second thread starts. Raises NotConfined.
    """
    if not sys.platform.startswith("linux"):
        return
    _prctl("no_new_privs", NO_NEW_PRIVS, 1)
    if landlock_abi() > 0:
        _restrict_files(reads, writes, lists)
    if _has_seccomp():
        _refuse_calls()


def missing() -> list[str]:
    """What this kernel lacks of it, in words; empty when all is there."""
    if not sys.platform.startswith("linux"):
        return [f"{sys.platform} has neither Landlock nor seccomp: children can read files and use the network"]
    lacks = []
    if landlock_abi() < 1:
        lacks.append("no Landlock: children can read files of others")
    if not _has_seccomp():
        lacks.append("no seccomp: children can use the network")
    return lacks


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; 0 when it has none."""
    return max(0, _syscall(CREATE_RULESET, None, 0, 1))


def _has_seccomp() -> bool:
    return platform.machine() in ARCHITECTURES and int(ctypes.CDLL(None).prctl(GET_SECCOMP, 0, 0, 0, 0)) >= 0


def _restrict_files(reads: Iterable[Path], writes: Iterable[Path], lists: Iterable[Path]) -> None:
    abi = landlock_abi()
    handled = FILE_RIGHTS_BY_ABI[max(version for version in FILE_RIGHTS_BY_ABI if version <= abi)]
    fields = [handled, *([TCP] if abi >= 4 else []), *([SCOPES] if abi >= 6 else [])]
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    ruleset = _check(_syscall(CREATE_RULESET, attributes, len(attributes), 0), "Landlock's rules")
    for path in (*map(Path, SYSTEM), Path(sys.prefix), Path(sys.base_prefix), *reads):
        _allow(ruleset, path, EXECUTE | READ | LIST)
    for path in lists:
        _allow(ruleset, path, LIST)
    for path in writes:
        _allow(ruleset, path, handled & ~EXECUTE)
    _allow(ruleset, Path("/dev/null"), READ | WRITE)
    _check(_syscall(RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Allow `rights` in and beneath `path`; what does not exist needs no rule."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = struct.pack("=Qi", rights if path.is_dir() else rights & OF_FILES, opened)
        _check(_syscall(ADD_RULE, ruleset, BENEATH, rule, 0), f"Landlock's rule for {path}")
    finally:
        os.close(opened)


def _refuse_calls() -> None:
    """A filter in classic BPF: another architecture kills, a refused call is EPERM, everything else is allowed."""
    column, architecture = ARCHITECTURES[platform.machine()]
    numbers = sorted(pair[column] for pair in REFUSED.values())
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    refuse, allow, kill = 0x00050000 | errno.EPERM, 0x7FFF0000, 0x80000000
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, kill), (load, 0, 0, 0)]
    steps.append((at_least, len(numbers) + 1, 0, X32) if column == 0 else (load, 0, 0, 0))
    steps += [(equal, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(give, 0, 0, allow), (give, 0, 0, refuse)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    _prctl("seccomp", SET_SECCOMP, FILTER, program)


def _prctl(what: str, *arguments: int | bytes) -> None:
    padded = (*arguments, 0, 0, 0)[:5]
    _check(ctypes.CDLL(None, use_errno=True).prctl(*map(_as_long, padded)), what)


def _syscall(*arguments: int | bytes | None) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(*map(_as_long, arguments)))


def _as_long(value: int | bytes | None) -> ctypes.c_long | bytes | None:
    return ctypes.c_long(value) if isinstance(value, int) else value


def _check(answer: int, what: str) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise NotConfined(number, f"{what}: {os.strerror(number)}")
    return answer
