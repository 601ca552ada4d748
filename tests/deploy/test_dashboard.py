"""Every query of the Grafana dashboard is of names, labels and values that the application really tells."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import Session

from models.tables import Workspace
from tests import factories
from tests.api.conftest import MakeKey, admin, client, make_key, tenant

__all__ = ["MakeKey", "admin", "client", "make_key", "tenant"]  # fixtures

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana.json"


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def selectors(node: Any) -> list[Any]:
    """All that a query asks for by name."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    if isinstance(node, promql_parser.MatrixSelector):
        return [node.vector_selector]
    parts = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param")]
    parts += list(getattr(node, "args", None) or [])
    return [found for part in parts if part is not None for found in selectors(part)]


@pytest.fixture
def told(
    client: TestClient, admin: dict[str, str], session: Session, tenant: Workspace
) -> dict[str, dict[str, set[str]]]:
    """The values of each label of each series, after a little of everything has happened."""
    document = factories.create_document(session, tenant)
    verdict = factories.create_verdict(session, document, "total")
    factories.create_task(session, verdict)
    session.commit()
    client.get("/v1/documents", headers=admin)
    client.post("/v1/documents", headers=admin, files={"file": ("a.txt", b"no document")})
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(client.get("/metrics").text):
        found[family.name] = found[family.name]
        for sample in family.samples:
            for label, value in sample.labels.items():
                found[sample.name][label].add(value)
    return found


def test_every_query_can_be_read_and_is_answered(told: dict[str, dict[str, set[str]]]):
    asked = [(query, one) for query in queries() for one in selectors(promql_parser.parse(query))]
    assert len(asked) >= len(queries()) > 10
    assert not [query for query, one in asked if one.name not in told]
    for query, one in asked:
        labels = told[one.name]
        of_panel = re.findall(r"by \(([^)]*)\)", query)
        grouped = {label.strip() for part in of_panel for label in part.split(",")}
        if labels:  # a gauge of something that there is none of tells its name alone
            assert grouped | {matcher.name for matcher in one.matchers.matchers} <= set(labels), query
        for matcher in one.matchers.matchers:
            if matcher.name in {"route", "method", "queue"}:
                assert matcher.value in labels[matcher.name], query


def test_panels_have_places_of_their_own_and_a_source_that_is_chosen():
    panels = dashboard()["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {"${source}"}
