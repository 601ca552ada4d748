"""Writes requirements.lock (to run) and requirements-dev.lock (to test) with hashes. Called by `make lock`.

torch is left out: its CPU build comes from a different place on every machine, so the Makefile pins it by version.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
# `pip install -e .` runs without build isolation, so that its tools are locked too
BUILD_TOOLS = "hatchling>=1.27\neditables>=0.5\n"
LEFT_OUT = ("torch==", "countersign @")
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--strip-extras",
    "--allow-unsafe",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
    "--unsafe-package=torch",
)


def compile_lock(target: Path, *options: str) -> None:
    """Resolve the dependencies of pyproject.toml into `target`."""
    with tempfile.TemporaryDirectory() as folder:
        tool, raw = Path(folder) / "build.in", Path(folder) / "raw.lock"
        tool.write_text(BUILD_TOOLS)
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *options, "-o", str(raw)]
        subprocess.run([*command, str(ROOT / "pyproject.toml"), str(tool)], check=True, cwd=ROOT)  # noqa: S603
        target.write_text(tidy(raw.read_text()))


def tidy(raw: str) -> str:
    """One block a package, without the comments on who needs it, and without what is installed apart."""
    lines = [line for line in raw.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    blocks = re.split(r"\n(?=\S)", "\n".join(lines))
    kept = [block for block in blocks if not block.startswith(LEFT_OUT)]
    return "# Made by `make lock`. Do not edit.\n" + "\n".join(sorted(kept)) + "\n"


def main() -> None:
    run, dev = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
    compile_lock(run, "--extra=fixtures", "--extra=otel")
    compile_lock(dev, "--extra=dev", f"--constraint={run}")


if __name__ == "__main__":
    main()
