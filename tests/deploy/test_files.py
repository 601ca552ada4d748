"""The files of the deployment, each read by what knows its format, and held against what the program really has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from hitl.platform import gauges
from hitl.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KUBERNETES = "1.32"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def manifests() -> list[dict[str, Any]]:
    files = sorted(set((DEPLOY / "kubernetes").glob("*.yaml")) - {DEPLOY / "kubernetes" / "kustomization.yaml"})
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: each keyword with all that belongs to it."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2]) for line in text.splitlines() if line.strip()]


# --- the image --------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_special_from_a_slim_base_in_two_stages():
    said = instructions()
    bases = [rest for word, rest in said if word == "FROM"]
    assert len(bases) == 2
    assert all(re.match(r"python:3\.\d+-slim-\w+\b", base) for base in bases)
    last = said[len(said) - 1 - [word for word, _ in reversed(said)].index("FROM") :]
    assert dict(last)["USER"] == "10001:10001"
    assert "HEALTHCHECK" in dict(last)
    assert "tesseract-ocr" in dict(said)["RUN"]
    assert "poppler-utils" in dict(said)["RUN"]
    assert not [rest for word, rest in said if word == "ADD"]
    assert all("--no-install-recommends" in rest for word, rest in said if word == "RUN" and "apt-get install" in rest)
    locked = [rest for word, rest in said if word == "RUN" and "requirements.lock" in rest]
    assert any("--require-hashes --no-deps -r requirements.lock" in rest for rest in locked)


@needs("hadolint")
def test_the_image_pleases_its_linter():
    done = subprocess.run(["hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_all_that_the_image_is_built_of_reaches_the_builder():
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"api", "extractor", "hitl", "models", "pyproject.toml", "requirements.lock", "README.md"} <= sent
    copied = {
        part
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for part in rest.split()[:-1]
        if not part.startswith("--") and part != "."
    }
    assert copied <= sent
    assert all((ROOT / name).exists() for name in sent)


def test_its_probe_believes_a_young_sign_of_life_and_no_old_one(tmp_path: Path):
    alive = tmp_path / "alive"

    def probe() -> int:
        environment = {"PATH": "/usr/bin:/bin", "COUNTERSIGN_ALIVE_FILE": str(alive), "COUNTERSIGN_PORT": "1"}
        return subprocess.run(
            ["sh", DEPLOY / "healthy.sh"], env=environment, capture_output=True, check=False
        ).returncode

    assert probe() != 0  # neither a worker nor a web process
    alive.touch()
    assert probe() == 0
    subprocess.run(["touch", "-d", "2 minutes ago", alive], check=True)
    assert probe() != 0


# --- compose, kubernetes, systemd -------------------------------------------------------------------------------------


def test_compose_keeps_to_its_schema_and_names_the_whole_topology():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, DEPLOY / "compose.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    services = compose()["services"]
    assert set(services) == {"postgres", "objects", "migrate", "web", "worker", "proxy"}
    assert [services[name]["deploy"]["replicas"] for name in ("web", "worker")] == [2, 3]
    assert [name for name, one in services.items() if "ports" in one] == ["proxy"]
    assert "worker" not in services["web"]["depends_on"]


@pytest.mark.parametrize("manifest", manifests(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_every_manifest_keeps_to_its_schema(manifest: dict[str, Any]):
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_containers_of_the_cluster_may_nothing_and_are_probed():
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in manifests()
        if "template" in one.get("spec", {})
    }
    assert set(pods) == {"countersign-migrate", "countersign-web", "countersign-worker"}
    for pod in pods.values():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
    web, worker = (pods[f"countersign-{name}"]["containers"][0] for name in ("web", "worker"))
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert worker["livenessProbe"]["exec"]["command"] == ["healthy"]


def test_workers_grow_by_a_metric_that_is_told():
    scaled = [one for one in manifests() if one["kind"] == "HorizontalPodAutoscaler"]
    (metric,) = [part["external"]["metric"] for one in scaled for part in one["spec"]["metrics"] if "external" in part]
    told = {f"countersign_{name}": label for name, _, label, _ in gauges._GAUGES}
    assert list(metric["selector"]["matchLabels"]) == [told[metric["name"]]]


@needs("systemd-analyze")
def test_units_are_understood_and_give_up_what_they_do_not_need(tmp_path: Path):
    """Under a root folder of their own, in which the program stands where the units say."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/countersign/bin/countersign", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    units = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for unit in units:
        rated = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", unit]
        done = subprocess.run(rated, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@needs("caddy")
def test_the_proxy_understands_its_file():
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_settings_and_commands_that_exist_are_used():
    from typer.main import get_command

    from api.cli import app

    files = [ROOT / "Dockerfile", *(path for path in DEPLOY.rglob("*") if path.is_file())]
    used = {name for file in files for name in re.findall(r"\bCOUNTERSIGN_[A-Z_]+", file.read_text())}
    assert used
    assert used <= {f"COUNTERSIGN_{name.upper()}" for name in Settings.model_fields}
    started = [
        one["spec"]["template"]["spec"]["containers"][0]["args"]
        for one in manifests()
        if "template" in one.get("spec", {})
    ]
    started += [one["command"] for name, one in compose()["services"].items() if name in {"migrate", "web", "worker"}]
    started += [re.findall(r"ExecStart=\S+ (.*)", unit.read_text())[0].split() for unit in UNITS]
    commands: Any = get_command(app)
    for name, *options in started:
        known = {one for part in commands.commands[name].params for one in (*part.opts, *part.secondary_opts)}
        assert {one for one in options if one.startswith("--")} <= known
