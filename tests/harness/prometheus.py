"""A real Prometheus for the tests, its query API, and its tool that checks rule files."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.harness.process import LOOPBACK, HarnessError, Server, free_port, run

if TYPE_CHECKING:
    from collections.abc import Mapping

HOW_TO_GET_ONE: Final = "the tests need Prometheus: install it (Debian: apt-get install prometheus)"
REQUEST_TIMEOUT_S: Final = 5.0


class PrometheusServer:
    """A started server.

    Args:
        config: The content of `prometheus.yml`; scrapes its own self every half second without it.
        config_folder: Where the relative paths in it, such as rule files, begin.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, config_folder: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="momentwatch-prometheus-"))
        self._address = f"{LOOPBACK}:{free_port()}"
        if config is None:
            config = {
                "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
                "scrape_configs": [
                    {"job_name": "prometheus", "static_configs": [{"targets": [self._address]}]},
                ],
            }
        # Prometheus reads relative paths from where its configuration lies.
        self._config_file = (config_folder or self._folder) / f".prometheus-{self._folder.name}.yml"
        self._config_file.write_text(yaml.safe_dump(dict(config)))
        self._server = Server(
            "Prometheus",
            [
                _program("prometheus"),
                f"--config.file={self._config_file}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address={self._address}",
                "--log.level=warn",
            ],
            self._folder / "prometheus.log",
        )
        self._server.start()
        try:
            self._server.wait_until(self._ready)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Its address, `http://host:port`."""
        return f"http://{self._address}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query: `[{"metric": {…}, "value": [time, "text"]}, …]`."""
        data = self.get("/api/v1/query", query=expression)
        result: list[dict[str, Any]] = data["result"]
        return result

    def wait_for(self, expression: str, timeout_s: float = 20.0) -> list[dict[str, Any]]:
        """Ask until the answer is not empty; an expression with a comparison waits for what it says."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if result := self.query(expression):
                return result
            time.sleep(0.1)
        raise HarnessError(f"Prometheus: {expression!r} had no answer in {timeout_s:g} s")

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """The `data` of any call of the HTTP API, such as `/api/v1/targets` or `/api/v1/alerts`."""
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=REQUEST_TIMEOUT_S) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
            return data

    def close(self) -> None:
        """End the server and remove its data."""
        self._server.stop()
        self._config_file.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=REQUEST_TIMEOUT_S):
                return True
        except (urllib.error.URLError, OSError):
            return False


def promtool(*arguments: str) -> str:
    """Run promtool, as in `promtool("check", "rules", "deploy/…")` or `promtool("test", "rules", …)`.

    Raises:
        HarnessError: It found a fault; the message is what it printed.
    """
    return run([_program("promtool"), *arguments])


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise HarnessError(HOW_TO_GET_ONE)
    return path
