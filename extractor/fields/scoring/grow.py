"""Growing boosted trees in a process of their own: LightGBM and torch bring OpenMP runtimes that clash in one process.

`Grower` starts `serve` in a child and talks to it over its pipes, in safetensors.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from extractor.fields.layout import Floats
from extractor.fields.scoring.forest import Forest, from_lightgbm
from extractor.processes.launch import import_path, python

TREES = 120
_DIED = "the process that grows the trees has died; is there enough memory?"


class GrowerDied(RuntimeError):
    """The child process that grows trees ended before it answered."""


def settings(documents: int, seed: int) -> dict[str, Any]:
    """LightGBM's parameters for a training set of so many documents."""
    return {
        "objective": "binary",
        "num_iterations": TREES,
        "learning_rate": 0.08,
        "num_leaves": 15,
        "min_data_in_leaf": max(2, min(10, documents // 10)),
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "min_sum_hessian_in_leaf": 1e-3,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,  # the same trees as by rows, a tenth sooner
        "verbose": -1,
        "seed": seed,
    }


class Grower:
    """A child process that turns features and labels into forests, one after the other."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(  # noqa: S603
            python("-c", "from extractor.fields.scoring.grow import serve; serve()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | import_path() | {"OMP_NUM_THREADS": "1"},
        )

    def grow(
        self, numbers: Floats, right: NDArray[np.float32], weight: NDArray[np.float32], params: dict[str, Any]
    ) -> Forest:
        """A forest that predicts `right` (0 or 1). Raises `GrowerDied`."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        named = np.frombuffer(json.dumps(params).encode(), np.uint8)
        try:
            _send(self._child.stdin, {"numbers": numbers, "right": right, "weight": weight, "params": named})
            answer = _receive(self._child.stdout)
        except OSError as error:
            raise GrowerDied(_DIED) from error
        if answer is None:
            raise GrowerDied(_DIED)
        return Forest.from_arrays(answer)

    def __enter__(self) -> Grower:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._child.wait()


def _send(pipe: IO[bytes], arrays: dict[str, NDArray[Any]]) -> None:
    content = safetensors.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    pipe.write(len(content).to_bytes(8, "little"))
    pipe.write(content)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> dict[str, NDArray[Any]] | None:
    """The next message, or None when the other side has closed its end."""
    length = pipe.read(8)
    if len(length) < 8:
        return None
    content = pipe.read(int.from_bytes(length, "little"))
    return safetensors.load(content)


def serve() -> None:
    """Answer requests on the standard pipes until the other side closes its end."""
    import lightgbm

    while (request := _receive(sys.stdin.buffer)) is not None:
        params = json.loads(request["params"].tobytes())
        data = lightgbm.Dataset(request["numbers"], request["right"], weight=request["weight"])
        forest = from_lightgbm(lightgbm.train(params, data).dump_model())
        _send(sys.stdout.buffer, forest.to_arrays())
