"""What is installed from the built wheel is enough, outside of any clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.metadata import Distribution

import pytest

from spacy_transformer_ner.exchange.own_wheel import installed_wheel

from .conftest import ROOT, SAMPLE


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which only the wheel is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(ROOT)]
        + ["--outdir", str(folder / "dist")],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def run(folder, *command):
    """Run Python outside of the clone; PYTHONPATH comes before what is installed elsewhere."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(folder / "site")},
    )  # fmt: skip


def test_what_the_wheel_holds(installed):
    (wheel,) = (installed / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("METADATA"))
        fields = Parser().parsestr(archive.read(metadata).decode())
    assert {"spacy_transformer_ner/recipes/minilm.cfg", "spacy_transformer_ner/py.typed",
            "spacy_transformer_ner/report/page.html.jinja",
            "spacy_transformer_ner/service/static/page.js"} <= set(names)  # fmt: skip
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "scripts"))]
    for field in ("Summary", "License-Expression", "Author", "Keywords", "Requires-Python"):
        assert fields[field], field
    assert fields["Description-Content-Type"] == "text/markdown"


def test_the_wheel_is_put_together_again(installed, tmp_path):
    (first,) = (installed / "dist").glob("*.whl")
    found = next(
        distribution
        for distribution in Distribution.discover(path=[str(installed / "site")])
        if distribution.name == "spacy-transformer-ner"
    )
    again = installed_wheel(tmp_path, found)
    assert again.name == first.name
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(again) as other:
        for name in one.namelist():
            if not name.endswith("RECORD"):
                assert one.read(name) == other.read(name), name
        assert other.testzip() is None
        assert len(one.namelist()) == len(other.namelist())


# In one process, as each takes seconds to start.
COMMANDS = """
import sys
from spacy.cli import setup_cli
for command in sys.argv[1:]:
    sys.argv = ["spacy", "ner", *command.split()]
    try:
        setup_cli()
    except SystemExit as end:
        if end.code:
            raise
"""


@pytest.mark.slow
def test_from_two_files_to_an_installed_pipeline(installed, encoders):
    """The five commands of the README, with an encoder that is smaller."""
    for split in ("train", "dev"):
        documents = (SAMPLE / f"{split}.conll").read_text("utf-8").split("-DOCSTART-")
        (installed / f"{split}.conll").write_text("-DOCSTART-".join(documents[:12]), "utf-8")
    shutil.copytree(encoders["wordpiece"], installed / "encoder")
    commands = [
        "convert train.conll dev.conll corpus",
        "train minilm --train corpus/train.spacy --dev corpus/dev.spacy --output training"
        " --encoder encoder --training.max_steps 40 --training.eval_frequency 20"
        " --components.transformer.model.window 64",
        "evaluate training/model-best corpus/dev.spacy --output metrics.json",
        "package training/model-best packages --name ner_mine --metrics metrics.json",
    ]
    done = run(installed, "-c", COMMANDS, *commands)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    done = run(
        installed, "-m", "pip", "install", "--no-deps", "--no-index", "--target",
        installed / "site", "--upgrade", "--find-links", "packages", "en_ner_mine==0.1.0",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    code = (
        "import spacy, spacy_transformer_ner as ner\n"
        "nlp = spacy.load('en_ner_mine')\n"
        "print(ner.__file__, nlp.pipe_names, nlp.get_pipe('transformer_ner').labels)\n"
        "print('F1', ner.evaluate(nlp, 'dev.conll').figures.all.f)"
    )
    done = run(installed, "-c", code)
    assert done.returncode == 0, done.stderr
    assert str(installed / "site") in done.stdout and "'PER'" in done.stdout
    assert "F1" in done.stdout
    # Its own wheel was made of what is installed.
    assert len(list((installed / "packages").glob("spacy_transformer_ner-*.whl"))) == 1
