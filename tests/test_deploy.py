from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.harness.prometheus import promtool

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def test_prometheus_accepts_its_configuration() -> None:
    assert "SUCCESS" in promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))


def test_every_file_that_compose_mounts_is_there() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    mounts = [mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])]
    local = [mount for mount in mounts if mount.startswith(".")]
    # Git keeps no empty folder, and Docker would make a missing one that belongs to root.
    missing = [mount for mount in local if not (DEPLOY / mount).exists()]
    assert set(missing) <= {"./grafana/dashboards"}


def test_compose_waits_only_for_services_that_exist_and_say_they_are_healthy() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for service in services.values():
        needs = service.get("depends_on", {})
        for name in needs:
            assert name in services
            if isinstance(needs, dict) and needs[name]["condition"] == "service_healthy":
                assert "healthcheck" in services[name]


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_locked_requirement_has_its_hash_and_no_host(path: Path) -> None:
    text = path.read_text()
    pins = re.split(r"^(?=[A-Za-z0-9][\w.-]*==)", text, flags=re.MULTILINE)[1:]
    assert pins
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert re.findall(r"^\s*-i\b|--.*index-url|--find-links|--trusted-host|https?://", text, re.MULTILINE) == []


def test_the_image_is_built_from_files_that_are_there() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in " ".join(copies).split():
        assert (ROOT / source).exists()
        assert f"!{source.split('/')[0]}" in ignored
