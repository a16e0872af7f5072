"""What the README shows works."""

import re
import subprocess
import sys

import pytest
import spacy

from .conftest import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"spacy project run [^`\n]+", README)))


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python(trained, tmp_path, monkeypatch, capsys):
    trained.to_disk(tmp_path)
    load = spacy.load
    names = []
    monkeypatch.setattr(spacy, "load", lambda name: names.append(name) or load(tmp_path))
    namespace: dict = {}
    for block in blocks("python"):
        exec(block, namespace)
    assert names == ["en_ner_sample_minilm"]
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "[('Marit Solheim', 'PER'), ('Fjordverk', 'ORG'), ('Oslo', 'LOC')]",
        "1 [(0, 7, 'PER'), (12, 25, 'PER'), (29, 33, 'LOC')]",
        "2 []",
        "[('Marit Solheim', 'PER'), ('Oslo', 'CITY')]",
        "['It rained.', 'Ann Lee left.']",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_project_commands(command):
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "--force", "--dry"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "Running command" in done.stdout


def test_paths_and_make_targets_exist():
    scripts = re.findall(r"(?:scripts|benchmarks)/\w+\.py", README)
    for link in scripts + re.findall(r"\]\(([^):]+)\)", README):
        path, _, heading = link.partition("#")
        target = ROOT / (path or "README.md")
        assert target.exists(), link
        if heading:
            assert f"\n## {heading.replace('-', ' ')}\n" in target.read_text("utf-8").lower(), link
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", "\n".join(blocks("bash"))):
        assert f"\n{target}:" in makefile


def test_figures_are_those_kept():
    """The tables of the README and of docs/ are written from benchmarks/results."""
    from benchmarks.readme import PAGES, tables

    text = "".join(page.read_text("utf-8") for page in PAGES)
    for name, table in tables().items():
        assert f"<!-- {name} -->\n{table}<!-- /{name} -->" in text
