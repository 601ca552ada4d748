"""Growing boosted trees in a child process: LightGBM and torch bring OpenMP runtimes that clash in one process."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from extractor.effort import effort
from extractor.fields.layout import Floats
from extractor.fields.scoring.forest import Forest, from_lightgbm
from extractor.processes import sandbox

GROW_SECONDS = 3600.0
MEMORY_BYTES = 64_000_000_000  # as much as there is: the rows are our own
_DIED = "the process that grows the trees has died; is there enough memory?"


class GrowerDied(RuntimeError):
    """The child process that grows trees ended before it answered."""


def settings(documents: int, seed: int) -> dict[str, Any]:
    """LightGBM's parameters for a training set of so many documents."""
    return {
        "objective": "binary",
        "num_iterations": effort().trees,
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


def grow(numbers: Floats, right: NDArray[np.float32], weight: NDArray[np.float32], params: dict[str, Any]) -> Forest:
    """A forest that predicts `right` (0 or 1). Raises `GrowerDied`."""
    arrays = {"numbers": numbers, "right": right, "weight": weight}
    rows = safetensors.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    try:
        _, (answer,) = sandbox.call(
            f"{__name__}:grow_job", params, [rows], seconds=GROW_SECONDS, memory_bytes=MEMORY_BYTES
        )
    except sandbox.SandboxFailed as error:
        raise GrowerDied(f"{_DIED} ({error})") from error
    return Forest.from_arrays(safetensors.load(answer))


def grow_job(params: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child does."""
    import lightgbm

    rows = safetensors.load(blobs[0])
    data = lightgbm.Dataset(rows["numbers"], rows["right"], weight=rows["weight"])
    forest = from_lightgbm(lightgbm.train(params, data).dump_model())
    return {}, [safetensors.save({name: np.ascontiguousarray(array) for name, array in forest.to_arrays().items()})]
