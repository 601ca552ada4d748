"""Boosted trees as plain arrays: what scores candidates in the server, without LightGBM in the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractor.fields.layout import Floats


@dataclass(frozen=True, eq=False)
class Forest:
    """T trees of at most M inner nodes and M + 1 leaves. A child below 0 is the leaf `-child - 1`."""

    feature: NDArray[np.int16]  # [T, M]
    threshold: NDArray[np.float64]  # [T, M]; left if value <= threshold
    children: NDArray[np.int16]  # [T, M, 2]
    leaf: NDArray[np.float32]  # [T, M + 1]

    def score(self, numbers: Floats) -> Floats:
        """[n] sums over the trees (log-odds)."""
        trees, nodes = self.feature.shape
        if not trees or not len(numbers):
            return np.zeros(len(numbers), np.float32)
        base = np.arange(trees)[:, None] * nodes
        feature, threshold = self.feature.ravel(), self.threshold.ravel()
        children = self.children.reshape(-1)
        columns = np.ascontiguousarray(numbers.T)
        rows = np.arange(len(numbers))[None]
        node = np.zeros((trees, len(numbers)), np.int64)
        while True:
            inner = node >= 0
            if not inner.any():
                break
            cell = np.where(inner, node, 0) + base
            right = columns[feature[cell], rows] > threshold[cell]
            node = np.where(inner, children[cell * 2 + right], node)
        leaves = self.leaf.ravel()[np.arange(trees)[:, None] * (nodes + 1) - node - 1]
        total: Floats = leaves.sum(0)
        return total

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {"feature": self.feature, "threshold": self.threshold, "children": self.children, "leaf": self.leaf}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        return cls(arrays["feature"], arrays["threshold"], arrays["children"], arrays["leaf"])


def from_lightgbm(dump: Mapping[str, Any]) -> Forest:
    """The forest in the answer of `Booster.dump_model()`: numeric splits only."""
    roots = [info["tree_structure"] for info in dump["tree_info"]]
    leaves = max([info["num_leaves"] for info in dump["tree_info"]], default=1)
    nodes = max(leaves - 1, 1)
    forest = Forest(
        np.zeros((len(roots), nodes), np.int16),
        np.zeros((len(roots), nodes), np.float64),
        np.full((len(roots), nodes, 2), -1, np.int16),
        np.zeros((len(roots), nodes + 1), np.float32),
    )
    for tree, root in enumerate(roots):
        _copy(forest, tree, root)
    return forest


def _copy(forest: Forest, tree: int, node: Mapping[str, Any]) -> int:
    """Write `node` and all below it; answers how its parent points to it."""
    if "split_index" not in node:
        index = int(node.get("leaf_index", 0))
        forest.leaf[tree, index] = node["leaf_value"]
        return -index - 1
    index = int(node["split_index"])
    forest.feature[tree, index] = node["split_feature"]
    forest.threshold[tree, index] = node["threshold"]
    for side, child in enumerate((node["left_child"], node["right_child"])):
        forest.children[tree, index, side] = _copy(forest, tree, child)
    return index
