"""However a run ends, the same command resumes it, and no text is lost or duplicated."""

import json
import multiprocessing
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from spacy_transformer_ner.annotation.annotate import annotate
from spacy_transformer_ner.annotation.local import run_here
from spacy_transformer_ner.annotation.manifest import MANIFEST, SHARDS
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.loading import load_pipeline

from ..conftest import ROOT, ner


def run(nlp, source, output, **settings):
    return annotate(nlp, [str(source)], output, run_here, **{"shard_texts": 4, **settings})


@pytest.fixture(scope="module")
def nlp(pipeline):
    """The pipeline, loaded once. Do not modify it."""
    return load_pipeline(pipeline)


def content(output):
    """The bytes of all shards and errors."""
    assert not list(output.rglob("*.tmp"))
    return {path.name: path.read_bytes() for path in output.rglob("part-*")}


def stop_after(shards):
    """A progress callback that interrupts the run."""

    def progress(stream, about):
        for number, shard in enumerate(stream, start=1):
            if number == shards:
                raise KeyboardInterrupt
            yield shard

    return progress


def test_interrupted(nlp, source, tmp_path):
    run(nlp, source, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(nlp, source, tmp_path / "out", progress=stop_after(5))
    done = len((tmp_path / "out" / SHARDS).read_text().splitlines())
    assert 5 <= done < 15
    seen = []

    def progress(stream, about):
        seen.append(about)
        for shard in stream:
            seen.append(shard.number)
            yield shard

    totals, worked = run(nlp, source, tmp_path / "out", progress=progress)
    assert worked and totals.texts == 60 and seen[1:] == list(range(done, 15))
    total, before = seen[0]
    assert (before, total) == (done, 15)
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    # A finished run does nothing.
    assert run(nlp, source, tmp_path / "out") == (totals, False)


@pytest.mark.parametrize("half", [b"", b'{"number": 15, "tex', b'{"number": 15}\n', b"\0" * 50])
def test_partly_written_shards_are_repeated(nlp, source, tmp_path, half):
    run(nlp, source, tmp_path / "whole")
    out = tmp_path / "out"
    run(nlp, source, out)
    manifest = json.loads((out / MANIFEST).read_text())
    (out / MANIFEST).write_text(json.dumps({**manifest, "totals": None}))
    lines = (out / SHARDS).read_bytes().splitlines(keepends=True)
    # Shard 7 was not recorded, as with Ray; 14 is written but not recorded; 3 is truncated.
    (out / SHARDS).write_bytes(b"".join(lines[:7] + lines[8:14]) + half)
    (out / "part-000003.parquet").write_bytes(b"cut")
    (out / ".part-000014.parquet-1234.tmp").write_bytes(b"half")
    (out / "_errors" / ".part-000014.jsonl-1234.tmp").write_bytes(b"half")
    done = []

    def progress(stream, about):
        for shard in stream:
            done.append(shard.number)
            yield shard

    totals, _ = run(nlp, source, out, progress=progress)
    assert done == [3, 7, 14] and totals.texts == 60
    assert content(out) == content(tmp_path / "whole")


def test_changed_settings_are_rejected(pipeline, nlp, source, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(nlp, source, out, progress=stop_after(3))
    before = content(out), (out / SHARDS).read_bytes()
    for settings, said in (
        ({"shard_texts": 5}, "--shard-texts: 4, not 5"),
        ({"format": "jsonl"}, "--format"),
    ):
        with pytest.raises(InputError, match=said):
            run(nlp, source, out, **settings)
    changed = tmp_path / "changed"
    nlp.to_disk(changed)
    (changed / "meta.json").write_text((changed / "meta.json").read_text() + "\n")
    with pytest.raises(InputError, match="started with another pipeline"):
        run(load_pipeline(changed), source, out)
    (tmp_path / "more.txt").write_text("x")
    with pytest.raises(InputError, match=r"started with another input: .*more\.txt"):
        annotate(nlp, [str(source), str(tmp_path / "more.txt")], out, run_here, shard_texts=4)
    # The same length, but another content.
    text = source.read_text()
    source.write_text(text.replace("Oslo", "Olso"))
    with pytest.raises(InputError, match=r"started with another input: .*in\.txt"):
        run(nlp, source, out)
    assert (content(out), (out / SHARDS).read_bytes()) == before


def test_interrupted_before_the_manifest(nlp, source, tmp_path):
    out = tmp_path / "out"
    (out / "_errors").mkdir(parents=True)
    assert run(nlp, source, out)[0].texts == 60
    shutil.rmtree(out)
    out.mkdir()
    (out / "_lock").touch()
    (out / "._manifest.json-12345678.tmp").write_text("{")
    assert run(nlp, source, out)[0].texts == 60
    assert len(content(out)) == 15


def test_other_files_are_not_overwritten(nlp, source, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    for name in ("full", "in.txt"):
        with pytest.raises(InputError, match="already exists|is in the output"):
            run(nlp, source, tmp_path / name)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["x"]


def command(pipeline, source, output, *options):
    return [
        sys.executable, "-m", "spacy", "ner", "annotate", pipeline, source, output, "--shard-texts", "4", *options
    ]  # fmt: skip


def script(*arguments, **settings):
    return subprocess.run(
        list(map(str, command(*arguments))),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **settings,
    )


def test_script(pipeline, nlp, source, tmp_path):
    with open(source, "ab") as file:
        file.write(b"\xff\n")
    done = script(pipeline, source, tmp_path / "out")
    assert done.returncode == 3, done.stderr
    said = " ".join(done.stdout.split())
    assert "60 texts" in said and "1 texts failed" in said and "_errors" in said
    arguments = ("annotate", pipeline, source, tmp_path / "out", "--shard-texts")
    again = ner(*arguments, "4")
    assert again.returncode == 3 and "Already finished: 60 texts" in " ".join(again.stdout.split())
    run(nlp, source, tmp_path / "here")
    assert content(tmp_path / "out") == content(tmp_path / "here")
    wrong = ner(*arguments, "5")
    assert wrong.returncode == 1
    assert "started with another --shard-texts" in " ".join(wrong.stdout.split())


@pytest.mark.slow
def test_killed_at_any_moment(nlp, source, tmp_path):
    source.write_text(source.read_text() * 10)
    out, chance = tmp_path / "out", random.Random(0)
    for _ in range(4):
        # A fork starts at once, with the pipeline loaded.
        process = multiprocessing.get_context("fork").Process(target=run, args=(nlp, source, out))
        process.start()
        before = _finished(out)
        while process.is_alive() and _finished(out) < before + chance.randint(1, 20):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "finished before it was killed"
    run(nlp, source, out)
    run(nlp, source, tmp_path / "whole")
    assert content(out) == content(tmp_path / "whole")


def _finished(out):
    return (out / SHARDS).read_bytes().count(b"\n") if (out / SHARDS).exists() else 0


def test_full_disk(nlp, source, tmp_path):
    """Here a limit on the size of files, which gives the same message."""
    out = tmp_path / "out"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A shard has about 3 kB; the list of shards grows beyond the limit.
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(
            InputError,
            match="cannot be written: File too large. Free some space and run the same command again",
        ):
            run(nlp, source, out, shard_texts=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 20 < _finished(out) < 50 and not list(out.rglob("*.tmp"))
    assert run(nlp, source, out, shard_texts=1)[0].texts == 60
    run(nlp, source, tmp_path / "whole", shard_texts=1)
    assert content(out) == content(tmp_path / "whole")


def test_two_at_once(nlp, source, tmp_path):
    out = tmp_path / "out"

    def progress(stream, about):
        with pytest.raises(InputError, match="another process is writing to it"):
            run(nlp, source, out)
        yield from stream

    run(nlp, source, out, progress=progress)
    assert len(content(out)) == 15
