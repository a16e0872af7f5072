"""The same by Ray."""

import subprocess
import time

import psutil
import pytest

from ..conftest import ROOT
from .test_going_on import SHARDS, command, content, run, source  # noqa: F401

pytest.importorskip("ray")
pytestmark = pytest.mark.slow


def test_a_worker_is_killed(pipeline, nlp, source, tmp_path):  # noqa: F811
    source.write_text(source.read_text() * 20)
    out = tmp_path / "out"
    with subprocess.Popen(
        list(map(str, command(pipeline, source, out, "--engine", "ray", "--workers", "2"))),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        while process.poll() is None and not ((out / SHARDS).exists() and (out / SHARDS).stat().st_size):
            time.sleep(0.05)
        workers = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if "RayWorker" in " ".join(child.cmdline())
        ]
        assert len(workers) == 2
        workers[0].kill()
        printed = process.communicate()[0]
    assert process.returncode == 0, printed
    run(nlp, source, tmp_path / "whole")
    assert content(out) == content(tmp_path / "whole")
    # What one engine has begun the other goes on with, and it is done.
    assert not run(nlp, source, out)[1]


def test_what_a_worker_meets_is_said(pipeline, source, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    wrong = [*command(pipeline, source, out, "--engine", "ray"), "--ray-address", "127.0.0.1:1"]
    done = subprocess.run(list(map(str, wrong)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no Ray cluster at '127.0.0.1:1'" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout
