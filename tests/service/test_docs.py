"""The clients in docs/deployment.md get the entities, and its settings are those of the code."""

import re

import pytest

from spacy_transformer_ner.service.settings import SHUTDOWN_SECONDS, TOKEN, Limits

from ..conftest import ROOT
from .chromium import CHROMIUM, Browser

PAGE = (ROOT / "docs" / "deployment.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8080"
FOUND = [["Marit Solheim", "PER"], ["Fjordverk", "ORG"], ["Oslo", "LOC"]]


def block(language):
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE.partition("## Service\n")[2], re.DOTALL)
    return code


def test_httpx(client, capsys):
    exec(block("py").replace(ADDRESS, str(client.base_url)), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.rsplit(" ", 2)[:2] for line in lines] == FOUND


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_javascript(client):
    with Browser() as browser:
        browser.show(str(client.base_url) + "/")
        code = block("js").replace(ADDRESS, str(client.base_url))
        browser.run(
            f"console.log = (...a) => (window.said ??= []).push(a); (async () => {{{code}}})()"
        )
        assert [line[:2] for line in browser.run("window.said")] == FOUND


def test_limits_are_those_of_the_code():
    limits = Limits()
    for name in ("text", "texts", "queue"):
        assert f"`--max-{name}` ({getattr(limits, name):,})" in PAGE
    assert f"more than {limits.connections} open connections" in PAGE
    assert limits.seconds == 10 and "within ten seconds" in PAGE
    assert f"after {SHUTDOWN_SECONDS} seconds at the latest" in PAGE
    assert f"`{TOKEN}`" in PAGE


def test_the_units_stop_timeout_is_longer_than_the_services():
    assert int(re.search(r"TimeoutStopSec=(\d+)", PAGE)[1]) > SHUTDOWN_SECONDS
    assert int(re.search(r"--stop-timeout (\d+)", PAGE)[1]) >= SHUTDOWN_SECONDS


def test_the_image_is_not_run_by_root_and_offline():
    image = block("dockerfile")
    assert image.index("USER ner") < image.index("CMD") and "HF_HUB_OFFLINE=1" in image
