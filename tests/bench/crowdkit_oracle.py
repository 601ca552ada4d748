"""What crowd-kit makes of answers: CSV of task, worker, label on stdin, JSON of rule to labels on stdout.

Runs in a virtual environment of its own, for crowd-kit is no dependency of this project.
"""

from __future__ import annotations

import json
import sys

import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
from crowdkit.aggregation import DawidSkene, MajorityVote, OneCoinDawidSkene  # type: ignore[import-not-found]

answers = pd.read_csv(sys.stdin)
rules = {
    "majority": MajorityVote(),
    "one_coin": OneCoinDawidSkene(n_iter=100),
    "dawid_skene": DawidSkene(n_iter=100),
}
said = {name: rule.fit_predict(answers).sort_index().astype(int).tolist() for name, rule in rules.items()}
json.dump(said, sys.stdout)
