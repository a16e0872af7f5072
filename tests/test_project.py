"""The project as a whole: its file says the truth, and its commands do the work."""

import re
import shutil
import subprocess
import sys

import pytest
import srsly
from spacy.tokens import DocBin
from weasel.cli.document import project_document
from weasel.util import load_project_config

from spacy_transformer_ner.corpus.convert import convert

from .conftest import ROOT, SAMPLE, make_examples

SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if path.stem != "common")


def run(*command, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True, check=False
    )


def commands():
    return {command["name"]: command for command in load_project_config(ROOT)["commands"]}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help(script):
    done = run(script, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout
    # The script's docstring is its help.
    first_words = script.read_text().split('"""')[1].split()[:4]
    assert " ".join(first_words) in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "name",
    ["convert", "check", "evaluate", "report", "verify", "package", "train", "push", "annotate"],
)
def test_deps_name_every_module_that_a_command_imports(name):
    command = commands()[name]
    scripts = [part for line in command["script"] for part in line.split() if part.endswith(".py")]
    code = (
        "import runpy, sys; sys.path.insert(0, 'scripts')\n"
        f"for s in {scripts!r}: runpy.run_path(s)\n"
        + ("import spacy; spacy.blank('en')\n" if name in ("train", "evaluate") else "")
        + "print(*(m.__file__ for n, m in sys.modules.items()"
        " if n.startswith('spacy_transformer_ner.') and m.__file__))"
    )
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    imported = {path[len(str(ROOT)) + 1 :] for path in done.stdout.split()}
    imported = {path for path in imported if not path.endswith("__init__.py")}
    assert imported and imported <= set(command["deps"])
    assert set(scripts) <= set(command["deps"])


def test_the_packages_deps_are_all_of_the_component_package():
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "spacy_transformer_ner").rglob("*.py")}
    modules = {m for m in modules if not m.endswith("/__init__.py") or m.count("/") == 1}
    assert modules <= set(commands()["package"]["deps"])


def test_every_dep_of_the_source_is_there():
    for command in commands().values():
        for dep in command["deps"] if "deps" in command else ():
            if not dep.startswith(("corpus/", "training/", "metrics/", "packages/")):
                assert (ROOT / dep).exists(), dep


def test_outputs_of_different_runs_are_apart():
    seen = set()
    for overrides in (
        {},
        {"vars.dataset": "conll2003"},
        {"vars.encoder": "bert-base-cased"},
        {"vars.config": "other"},
    ):
        project = load_project_config(ROOT, overrides=overrides)
        outputs = [o for c in project["commands"] for o in c.get("outputs", ())]
        assert (
            f"training/{'-'.join(overrides.get(f'vars.{k}', d) for k, d in (('dataset', 'sample'), ('config', 'minilm'), ('encoder', 'default')))}/model-best"
            in outputs
        )
        of_run = {o for o in outputs if not o.startswith("corpus/") and ".check.suspects" not in o}
        assert not seen & of_run
        seen |= of_run


def test_the_readme_documents_the_project(tmp_path):
    """`spacy project document` would change nothing."""
    readme = (ROOT / "README.md").read_text()
    shutil.copy(ROOT / "project.yml", tmp_path)
    (tmp_path / "README.md").write_text(readme)
    project_document(tmp_path, tmp_path / "README.md", no_emoji=True)
    assert (tmp_path / "README.md").read_text() == readme
    assert readme.count("AUTO-GENERATED DOCS") == 2


@pytest.fixture(scope="module")
def project(encoders, tmp_path_factory):
    """A copy of the project with a recipe for a tiny encoder and data of one's own."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("project.yml", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("scripts", "configs", "spacy_transformer_ner"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    config = (folder / "configs" / "minilm.cfg").read_text()
    for old, new in (
        ("window = 256\ncontext = 16", "window = 64\ncontext = 8"),
        ("max_epochs = 12", "max_epochs = 2"),
        ("eval_frequency = 50", "eval_frequency = 5"),
        ("initial_rate = 3e-4", "initial_rate = 1e-5"),
    ):
        assert old in config
        config = config.replace(old, new, 1)
    (folder / "configs" / "tiny.cfg").write_text(config)
    data = folder / "assets" / "mine"
    data.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        text = (ROOT / "assets" / "sample" / f"{split}.conll").read_text()
        documents = text.split("-DOCSTART-")
        (data / f"{split}.txt").write_text("-DOCSTART-".join(documents[:14]))
    shutil.copytree(encoders["wordpiece"], folder / "my encoder")
    return folder


def run_project(folder, command, *overrides):
    return run(
        "-m", "spacy", "project", "run", command, ".",
        "--vars.dataset", "mine", "--vars.encoder", "my encoder", "--vars.config", "tiny",
        *overrides, cwd=folder,
    )  # fmt: skip


def skipped(done):
    return re.findall(r"Skipping '(\w+)'", done.stdout)


STEPS = ["convert", "check", "train", "evaluate", "report", "package"]


@pytest.mark.slow
def test_the_whole_road(project):
    yml = project / "project.yml"
    # All but verify, which `make run` does: it needs the package index.
    yml.write_text(yml.read_text().replace(', "verify"]', "]"))
    done = run_project(project, "all")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    run_name = "mine-tiny-my encoder"
    best = project / "training" / run_name / "model-best"
    meta = srsly.read_json(best / "meta.json")
    assert meta["labels"]["transformer_ner"] == ["LOC", "MISC", "ORG", "PER"]
    metrics = srsly.read_json(project / "metrics" / f"{run_name}.json")
    for tokenization in ("text", "gold"):
        counts = metrics[tokenization]["entities"]
        assert counts["tp"] + counts["fn"] > 100
        assert set(metrics[tokenization]["ents_per_type"]) >= {"LOC", "MISC", "ORG", "PER"}
    wheels = {path.name for path in (project / "packages").glob("*.whl")}
    manifest = srsly.read_json(project / "packages" / f"{run_name}.json")
    assert manifest["pipeline"] == "en_ner_mine_tiny"
    assert wheels == set(manifest["wheels"])
    assert "en_ner_mine_tiny-0.1.0-py3-none-any.whl" in wheels

    page = (project / "report" / run_name / "index.html").read_text("utf-8")
    assert "How it was learnt" in page and "The corpus" in page

    # A second run does nothing.
    assert skipped(run_project(project, "all")) == STEPS

    # A changed script runs its command again, and nothing else.
    with open(project / "scripts" / "check.py", "a") as file:
        file.write("\n# changed\n")
    assert skipped(run_project(project, "all")) == [s for s in STEPS if s != "check"]

    # A changed test set leaves the training alone.
    with open(project / "assets" / "mine" / "test.txt", "a") as file:
        file.write("\nOslo NNP I-NP I-LOC\n")
    assert skipped(run_project(project, "all")) == ["train"]


@pytest.mark.slow
def test_clean_removes_what_was_made(project):
    (project / "corpus" / "x").mkdir(parents=True, exist_ok=True)
    assert run_project(project, "clean").returncode == 0
    for name in ("corpus", "training", "metrics", "report", "packages"):
        assert not list((project / name).glob("*"))
    assert (project / "assets" / "mine" / "train.txt").exists()
    # Weasel notes the cleaning itself, and nothing else is taken as done.
    assert set(srsly.read_yaml(project / "project.lock")) == {"clean"}


@pytest.mark.parametrize(
    "command, said",
    [
        (["scripts/convert.py", "assets/nothing", "{tmp}"], "no such file or folder"),
        (["scripts/convert.py", "assets/sample", "{tmp}/out", "--split", "80"], "80,10,10"),
        (["scripts/convert.py", "assets/sample", "{tmp}/out", "--labels", "nothing"], "nothing"),
        (["scripts/convert.py", "assets/sample", "{tmp}/out", "--tag-column", "9"], "no column 9"),
        (["scripts/export.py", "{tmp}/nothing.spacy", "{tmp}/out/x.conll"], "nothing.spacy"),
        (["scripts/check.py", "{tmp}/corpus", "--encoder", "./nothing"], "no encoder"),
        (["scripts/convert.py", "assets/wnut17", "{tmp}/out"], "spacy project assets"),
        (["scripts/convert.py", "{tmp}/broken.conll", "{tmp}/out"], "broken.conll:2"),
        (["scripts/check.py", "{tmp}"], "train.spacy"),
        (["scripts/preflight.py", "configs/minilm.cfg"], "no train corpus is given"),
        (["scripts/evaluate.py", "{tmp}", "{tmp}/x.spacy"], "cannot load the pipeline"),
        (["scripts/compare.py", "{tmp}", "{tmp}", "{tmp}/x.spacy"], "cannot load the pipeline"),
        (["scripts/report.py", "{tmp}/x.json", "{tmp}/x.html"], "with the evaluate command"),
        (["scripts/import_hf.py", "{tmp}/nothing", "{tmp}/out"], "no such folder"),
        (["scripts/export_hf.py", "{tmp}", "{tmp}/out"], "cannot load the pipeline"),
        (["scripts/export_onnx.py", "{tmp}", "{tmp}/out"], "cannot load the pipeline"),
        (["scripts/package.py", "{tmp}", "{tmp}", "--name", "x"], "no trained pipeline"),
        (["scripts/verify.py", "{tmp}/x.json", "{tmp}", "{tmp}/x.spacy"], "package command"),
        (["scripts/push.py", "{tmp}/x.json", "--dry-run", "{tmp}/out"], "package command"),
        (["scripts/clean.py", "{tmp}"], "no project.yml"),
        (
            ["scripts/annotate.py", "{tmp}", "{tmp}/broken.conll", "{tmp}/out"],
            "cannot load the pipeline",
        ),
        (["scripts/convert.py", "assets/sample", "{tmp}/broken.conll"], "broken.conll"),
        (["scripts/check.py", "corpus", "--output", "{tmp}"], "train.spacy"),
        (["scripts/check.py", "{tmp}/corpus", "--output", "{tmp}/corpus"], "is a folder"),
        (["scripts/preflight.py", "configs/minilm.cfg", "--foo"], "--foo"),
        (
            ["-m", "spacy", "project", "run", "convert", ".", "--vars.dataset", "nothing"],
            "assets/nothing",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_users_mistake_gives_one_message(tmp_path, command, said):
    if "assets/wnut17" in command and (ROOT / "assets/wnut17/wnut17train.conll").exists():
        pytest.skip("WNUT-17 is here")
    (tmp_path / "broken.conll").write_text("Oslo I-LOC\nOslo\n")
    convert([SAMPLE], tmp_path / "corpus")
    done = run(*[part.format(tmp=tmp_path) for part in command])
    assert done.returncode == 1
    message = " ".join((done.stdout + done.stderr).split())
    assert said in message and "Traceback" not in message
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_init_labels(trained, encoders, tmp_path):
    DocBin(docs=[e.reference for e in make_examples(trained)]).to_disk(tmp_path / "x.spacy")
    done = run(
        "-m", "spacy", "init", "labels", "configs/minilm.cfg", tmp_path / "labels",
        "--paths.train", tmp_path / "x.spacy", "--paths.dev", tmp_path / "x.spacy",
        "--paths.encoder", encoders["wordpiece"],
        "--components.transformer.model.window", "64",
        "--components.transformer.model.context", "8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert srsly.read_json(tmp_path / "labels" / "transformer_ner.json") == ["LOC", "ORG", "PER"]


def test_entry_points_are_enough():
    """Nothing of ours is imported by hand."""
    code = (
        "import sys, spacy; nlp = spacy.blank('en'); nlp.add_pipe('transformer_ner');"
        "assert 'spacy_transformer_ner.recogniser.component' in sys.modules; print(nlp.pipe_names)"
    )
    done = run("-c", code)
    assert done.stdout.strip() == "['transformer_ner']", done.stderr
