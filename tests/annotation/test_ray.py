"""Resuming and errors with Ray."""

import subprocess
import time

import pytest

from ..conftest import ROOT
from .test_resume import SHARDS, command, content, run

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.slow


def test_killed_worker(pipeline, nlp, source, tmp_path):
    source.write_text(source.read_text() * 20)
    out = tmp_path / "out"
    with subprocess.Popen(
        list(map(str, command(pipeline, source, out, "--engine", "ray", "--workers", "2"))),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        while process.poll() is None and not (
            (out / SHARDS).exists() and (out / SHARDS).stat().st_size
        ):
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
    # The other engine finds the run finished.
    assert not run(nlp, source, out)[1]


@pytest.mark.parametrize(
    "options, said",
    [
        (["--ray-address", "auto"], "no Ray cluster at 'auto'"),
        (["--gpu-id", "0", "--workers", "99"], "99 workers need one GPU each"),
    ],
)
def test_missing_cluster_or_gpu(pipeline, source, tmp_path, options, said):
    wrong = command(pipeline, source, tmp_path / "out", "--engine", "ray", *options)
    done = subprocess.run(
        list(map(str, wrong)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and said in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout + done.stderr


def test_error_of_a_worker(pipeline, source, tmp_path):
    """Here a shard cannot be written, because a folder has its name."""
    out = tmp_path / "out"
    (out / "_errors").mkdir(parents=True)
    (out / "_lock").touch()
    source.write_bytes(source.read_bytes() + b"\xff\n")
    process = subprocess.Popen(
        list(map(str, command(pipeline, source, out, "--engine", "ray"))), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    while not (out / "_shards.jsonl").exists():
        time.sleep(0.05)
    (out / "part-000009.parquet").mkdir()
    printed = " ".join(process.communicate()[0].split())
    assert process.returncode == 1 and "part-000009.parquet: cannot be written" in printed
    assert "Traceback" not in printed
    (out / "part-000009.parquet").rmdir()
    again = command(pipeline, source, out, "--engine", "local")
    assert subprocess.run(list(map(str, again)), cwd=ROOT, check=False).returncode == 3
