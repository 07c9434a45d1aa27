"""What is deployed: the image, the compose file and the manifests, by linters, by schema and by what we promise."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.settings import Settings
from app.worker.schedules import SCHEDULES
from tests.faults.holders import python_for

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
DOCUMENTS = [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]
BY_KIND: dict[str, list[dict[str, Any]]] = {}
for one in DOCUMENTS:
    BY_KIND.setdefault(one["kind"], []).append(one)
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def pods() -> list[dict[str, Any]]:
    return [one["spec"]["template"]["spec"] for kind in ("Deployment", "Job") for one in BY_KIND[kind]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_each_manifest_is_valid_by_kubernetes_own_schema(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, "1.31", strict=True)


def test_a_manifest_with_a_mistake_is_refused() -> None:
    broken = json.loads(json.dumps(BY_KIND["Deployment"][0]))
    broken["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.31", strict=True)


def test_pods_are_restricted_and_ask_for_resources() -> None:
    for pod in pods():
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["runAsNonRoot"]
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["requests"]
        assert container["resources"]["limits"]["memory"]


def test_every_deployment_has_two_replicas_probes_and_a_disruption_budget() -> None:
    budgets = [one["spec"]["selector"]["matchLabels"] for one in BY_KIND["PodDisruptionBudget"]]
    for deployment in BY_KIND["Deployment"]:
        assert deployment["spec"]["replicas"] == 2
        assert deployment["spec"]["selector"]["matchLabels"] in budgets
        assert deployment["spec"]["template"]["metadata"]["labels"] in budgets
        assert "livenessProbe" in deployment["spec"]["template"]["spec"]["containers"][0]
    assert {pod["containers"][0]["args"][0] for pod in pods()} == {"serve", "worker", "migrate"}


def test_the_kustomization_names_every_manifest() -> None:
    named = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert sorted(named) == [path.name for path in MANIFESTS]


def test_compose_runs_two_of_each_after_the_migration_on_a_read_only_tree() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"postgres", "migrate", "api", "worker"}
    for name in ("api", "worker"):
        assert services[name]["deploy"]["replicas"] == 2
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert [services[name]["command"] for name in ("migrate", "api", "worker")] == [["migrate"], ["serve"], ["worker"]]
    for name in ("migrate", "api", "worker"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    assert set(COMPOSE["volumes"]) == {"postgres"}
    known = {"image", "build", "restart", "read_only", "tmpfs", "cap_drop", "security_opt", "env_file", "environment"}
    known |= {"command", "healthcheck", "depends_on", "ports", "deploy", "stop_grace_period", "volumes", "shm_size"}
    assert {key for service in services.values() for key in service} <= known


def variables() -> set[str]:
    """Every variable that a deployment sets for us."""
    names = set(BY_KIND["ConfigMap"][0]["data"])
    for service in ("migrate", "api", "worker"):
        names |= set(COMPOSE["services"][service]["environment"])
    return names


def test_every_variable_that_is_set_is_a_setting() -> None:
    known = {f"NOREPEAT_{name.upper()}" for name in Settings.model_fields} | {"DATABASE_URL"}
    assert variables() <= known


def test_the_schedules_that_alerts_name_are_the_workers() -> None:
    text = (DEPLOY / "prometheus" / "rules.yaml").read_text()
    for name in ("boosts", "findings", "prune", "reconcile_all", "budgets_prometheus"):
        assert name in SCHEDULES
        assert name.split("_prometheus")[0] in text


def test_the_image_is_clean_by_its_linter_and_does_not_run_as_root() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER 10001" in lines
    assert 'ENTRYPOINT ["norepeat"]' in lines


UNPRIVILEGED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC, MS_RDONLY, MS_REMOUNT, MS_PRIVATE = 4096, 16384, 1, 32, 1 << 18
READ_ONLY = MS_REMOUNT | MS_BIND | MS_RDONLY
for step in ((b"none", b"/", MS_REC | MS_PRIVATE), (b"/", b"/mnt", MS_BIND | MS_REC), (b"none", b"/mnt", READ_ONLY)):
    if step[0] == b"none" and step[1] == b"/" and libc.unshare(0x00020000):
        sys.exit("no namespace")
    if libc.mount(step[0], step[1], None, step[2], None):
        sys.exit(f"no mount: {os.strerror(ctypes.get_errno())}")
os.chroot("/mnt")
os.chdir("/")
os.setgroups([]); os.setgid(10001); os.setuid(10001)
try:
    open(sys.argv[1] + "/written", "w")
except OSError:
    os.execv(sys.argv[2], sys.argv[2:])
sys.exit("the tree can be written to")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_the_command_runs_as_the_images_user_on_a_read_only_tree() -> None:
    code = "import sys; sys.argv = ['norepeat', 'version']; from app.cli import main; main()"
    python = python_for(10001)
    command = [sys.executable, "-c", UNPRIVILEGED, str(ROOT / "app"), python, "-B", "-c", code]
    environment = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{Path(yaml.__file__).parents[1]}"}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment)
    if done.returncode and ("no namespace" in done.stderr or "no mount" in done.stderr):
        pytest.skip(f"not possible here: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()[0].isdigit()
