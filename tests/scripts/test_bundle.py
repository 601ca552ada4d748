"""The recipe of the shipped bundle and its learning curves, on a few generated documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.generate import generate
from models.nets.bundle import INDEX, Bundle
from scripts import bench_reading, bundle


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generate("ad_buy", 9, 1, folder / "adbuy", carriers=["pdf"])
    return folder


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The steps are what is tested here, not how well it learns."""
    import fixtures.generate as generator
    from extractor.effort import spending

    for kind in ("invoice", "identity_document"):
        monkeypatch.setitem(generator.CARRIED, kind, ("pdf",))  # scans would take an engine's time
    with spending(
        type_folds=2, least_strangers=4, folds=2, fold_share=0.05, trees=4, first_steps=40, steps_per_document=0
    ):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
def test_the_recipe_makes_a_bundle_of_the_documents_and_of_invoices(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "__init__.py").write_text("")
    bundle.main(
        ["--data", str(data), "--out", str(out), "--work", str(tmp_path / "work"), "--invoices", "8", "--jobs", "1"]
    )
    made = Bundle.load(out)
    assert set(made.meta["types"]) == {"ad_buy", "invoice", "identity_document"}
    assert made.meta["types"]["ad_buy"]["documents"] == 6  # of 9; the dev split is not learned from
    assert made.meta["types"]["invoice"]["documents"] == 4 + 8 + 1  # by table of layouts, and drawn from parts
    assert made.has_section("papers/")  # strangers were made, too
    assert made.has_section("fields/invoice/")
    assert made.section("fields/invoice/")[2]["memory"] is None
    assert any(name.startswith("table.line_items.") for name in made.section("fields/invoice/")[0])
    assert (out / "__init__.py").exists()
    assert (out / INDEX).exists()
    report = json.loads((tmp_path / "work" / "bundle-report.json").read_text())
    assert report["bundle"] == made.version


def test_without_documents_nothing_is_trained(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="COUNTERSIGN_REAL_DATA"):
        bundle.main(["--data", str(tmp_path), "--out", str(tmp_path / "bundle"), "--work", str(tmp_path / "work")])
    assert not (tmp_path / "bundle").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
def test_a_learning_curve_has_a_point_for_each_size(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    sizes = ["--size", "3", "--size", "50"]
    bench_reading.main(["--data", str(data), "--out", str(out), *sizes, "--jobs", "1", "--cache", str(tmp_path / "w")])
    points = json.loads(out.read_text())
    assert [(p["document_type"], p["documents"], p["measured_on"]) for p in points] == [
        ("ad_buy", 3, 3),
        ("ad_buy", 6, 3),
    ]
    assert all(0 <= p["exact_f1"] <= 1 and p["cpu_seconds"] > 0 for p in points)
    assert set(points[0]["fields"]) == {"contract_num", "advertiser", "gross_amount", "flight_from", "flight_to"}
    assert out.with_suffix(".md").read_text().count("\n") == 4
