"""project.yml, and the commands of `spacy ner`."""

import ast
import re
import runpy
import shutil
import subprocess
import sys

import pytest
import srsly
from spacy.cli._util import app
from spacy.tokens import DocBin
from typer.testing import CliRunner
from weasel.cli.run import check_rerun, project_run, update_lockfile
from weasel.util import load_project_config

from spacy_transformer_ner.cli import STAGES, verb_of
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.training.recipe import BUILT_IN

from .conftest import ROOT, SAMPLE, make_examples, ner

SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
PACKAGE = ROOT / "spacy_transformer_ner"
VERBS = [verb_of(command) for commands in STAGES.values() for command in commands]


def run(*command, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True, check=False
    )


def commands():
    return {command["name"]: command for command in load_project_config(ROOT)["commands"]}


@pytest.mark.parametrize("verb", VERBS)
def test_help(verb):
    done = ner(verb, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout
    assert f"Example: python -m spacy ner {verb} " in " ".join(done.stdout.split())


def test_help_lists_all_by_stage():
    shown = ner("--help").stdout
    assert "..." not in shown.partition("Options")[2]
    places = [shown.index(f"{stage}:") for stage in STAGES]
    assert places == sorted(places)
    for command in (command for commands in STAGES.values() for command in commands):
        # The first sentence is not truncated.
        line = f"  {verb_of(command)} .* {re.escape(command.__doc__.splitlines()[0])}\n"
        assert re.search(line.replace(" .* ", " +"), shown)


def test_entry_point_and_scripts():
    """spaCy's entry point and the scripts run the same commands, without slow imports."""
    assert {script.stem.replace("_", "-") for script in SCRIPTS} == {*VERBS, "clean", "fingerprint"}
    code = (
        "import sys; sys.argv = ['spacy', 'ner', '--help']; from spacy.cli import setup_cli\n"
        "try: setup_cli()\n"
        "except SystemExit: pass\n"
        "slow = {'transformers', 'sklearn', 'matplotlib', 'pyarrow', 'seqeval', 'tokenizers'}\n"
        "print('slow:', sorted(slow & set(sys.modules)))"
    )
    done = run("-c", code)
    assert "tune-threshold" in done.stdout and "slow: []" in done.stdout, done.stdout + done.stderr
    done = run("scripts/convert.py", "--help")
    assert done.stdout.split()[5:] == ner("convert", "--help").stdout.split()[4:]


def imports_of(path):
    """The modules of the package that a module imports; for commands, also within functions."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = ast.walk(tree) if path.parent.name == "cli" else tree.body
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            yield from (folder / f"{alias.name}.py" for alias in node.names)
            yield folder.with_suffix(".py")


def folders_of(verb):
    """The folders of the package whose code a command runs."""
    seen, left = set(), [PACKAGE / "cli" / f"{verb}.py"]
    if verb in ("train", "evaluate"):
        # Loaded by the registry.
        left += [PACKAGE / "encoder" / "model.py", PACKAGE / "recogniser" / "component.py"]
    while left:
        path = left.pop()
        if path not in seen and path.is_file():
            seen.add(path)
            left += imports_of(path)
    return {".".join(path.parent.relative_to(PACKAGE).parts) for path in seen} - {"", "cli"}


@pytest.mark.parametrize("name", ["convert", "check", "train", "evaluate", "report", "verify"])
def test_deps_name_the_code_that_a_command_runs(name):
    hashed = {
        dep.removeprefix("training/code/").removesuffix(".sha256")
        for dep in commands()[name]["deps"]
        if dep.startswith("training/code/")
    }
    assert f"cli.{name}" in hashed
    assert folders_of(name) <= hashed - {f"cli.{name}"}


# The commands that run again when a file changes, apart from those with changed inputs.
RERUN = {
    "corpus/augment.py": {"convert", "check", "train", "evaluate", "report", "package", "verify"},
    "corpus/readers/brat.py": {"convert", "check", "evaluate", "report", "package"},
    "encoder/model.py": {"check", "train", "evaluate", "report", "package", "verify"},
    "encoder/schedule.py": {"check", "train", "evaluate", "report", "package", "verify"},
    "recogniser/head.py": {"check", "train", "evaluate", "report", "package"},
    "review/records.py": {"check", "package"},
    "training/guards.py": {"check", "train", "package"},
    "checks/sizes.py": {"check", "package"},
    "evaluation/figures.py": {"check", "train", "evaluate", "report", "package"},
    "report/page.css": {"evaluate", "report", "package"},
    "exchange/card.py": {"package", "verify"},
    "annotation/chunks.py": {"package"},
    "cli/train.py": {"train", "package"},
    "api.py": {"package"},
    "errors.py": {"convert", "check", "train", "evaluate", "report", "package", "verify"},
}


def test_changed_code_runs_commands_again(tmp_path):
    package = tmp_path / "spacy_transformer_ner"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = runpy.run_path(str(ROOT / "scripts" / "fingerprint.py"))["fingerprints"]

    def hash_code():
        (tmp_path / "training" / "code").mkdir(parents=True, exist_ok=True)
        for name, digest in code(package).items():
            (tmp_path / "training" / "code" / f"{name}.sha256").write_text(digest)

    hash_code()
    steps = {name: command for name, command in commands().items() if command.get("outputs")}
    for command in steps.values():
        for path in (*command["deps"], *command["outputs"]):
            if not (tmp_path / path).exists():
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / path).touch()
    for command in steps.values():
        update_lockfile(tmp_path, command)
    assert not any(check_rerun(tmp_path, command) for command in steps.values())
    for name, expected in RERUN.items():
        path = package / name
        own = path.read_bytes()
        path.write_bytes(own + b"\n")
        hash_code()
        assert {n for n, c in steps.items() if check_rerun(tmp_path, c)} == expected, name
        path.write_bytes(own)
    hash_code()
    assert not any(check_rerun(tmp_path, command) for command in steps.values())


def test_outputs_of_different_runs_are_apart():
    seen = set()
    for overrides in (
        {},
        {"vars.dataset": "conll2003"},
        {"vars.encoder": "bert-base-cased"},
        {"vars.config": "other"},
        {"vars.seed": "1"},
    ):
        project = load_project_config(ROOT, overrides=overrides)
        outputs = [o for c in project["commands"] for o in c.get("outputs", ())]
        assert (
            f"training/{'-'.join(overrides.get(f'vars.{k}', d) for k, d in (('dataset', 'sample'), ('config', 'minilm'), ('encoder', 'default'), ('seed', '0')))}/model-best"
            in outputs
        )
        of_run = {o for o in outputs if not o.startswith("corpus/") and ".check.suspects" not in o}
        assert not seen & of_run
        seen |= of_run


@pytest.fixture(scope="module")
def project(encoders, tmp_path_factory):
    """A copy of the project with a recipe for a tiny encoder and a custom data set."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("project.yml", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("scripts", "spacy_transformer_ner"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    (folder / "configs").mkdir()
    config = (PACKAGE / "recipes" / "minilm.cfg").read_text()
    for old, new in (
        ("window = 256\ncontext = 16", "window = 64\ncontext = 8"),
        ("max_epochs = 12", "max_epochs = 2"),
        ("min_steps = 300", "min_steps = 0"),
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


VARS = {"vars.dataset": "mine", "vars.encoder": "my encoder", "vars.config": "tiny"}


@pytest.fixture
def run_all(project, monkeypatch, capsys):
    """Runs the project, with its commands in this process, as importing torch takes seconds.
    RETURNS the skipped commands."""

    def run_all(without=None):
        def run_command(command, **_):
            if command[1:4] != ["-m", "spacy", "ner"]:
                subprocess.run(command, check=True)
            elif command[4] != without:
                done = ner(*command[4:])
                assert done.returncode == 0, done.stdout

        monkeypatch.setattr("weasel.cli.run.run_command", run_command)
        capsys.readouterr()
        project_run(project, "all", overrides=VARS)
        return re.findall(r"Skipping '(\w+)'", capsys.readouterr().out)

    return run_all


STEPS = ["convert", "check", "train", "evaluate", "report", "package"]


@pytest.mark.slow
def test_whole_project(project, run_all):
    yml = project / "project.yml"
    # Without verify, which needs the package index; `make run` includes it.
    yml.write_text(yml.read_text().replace(', "verify"]', "]"))
    assert run_all() == []
    run_name = "mine-tiny-my encoder-0"
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
    assert 'id="training"' in page and 'id="corpus"' in page

    # A second run does nothing.
    assert run_all() == STEPS

    # A changed setting of the recipe trains again.
    with open(project / "configs" / "tiny.cfg", "a") as file:
        file.write("\n# a comment changes nothing\n")
    assert run_all() == STEPS

    # A changed test set does not train again.
    with open(project / "assets" / "mine" / "test.txt", "a") as file:
        file.write("\nOslo NNP I-NP I-LOC\n")
    assert run_all(without="package") == ["train"]


@pytest.mark.slow
def test_clean(project):
    for name in ("corpus", "annotated"):
        (project / name / "x").mkdir(parents=True, exist_ok=True)
    project_run(project, "clean", overrides=VARS)
    for name in ("corpus", "training", "metrics", "report", "packages", "annotated"):
        assert not list((project / name).glob("*"))
    assert (project / "assets" / "mine" / "train.txt").exists()
    # Weasel records only the command itself as done.
    assert set(srsly.read_yaml(project / "project.lock")) == {"clean"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The converted sample. Do not modify it."""
    folder = tmp_path_factory.mktemp("sample")
    convert([SAMPLE], folder)
    return folder


@pytest.mark.parametrize(
    "command, said",
    [
        (["convert", "assets/nothing", "{tmp}"], "no such file or folder"),
        (["convert", "assets/sample", "{tmp}/out", "--split", "80"], "80,10,10"),
        (["convert", "assets/sample", "{tmp}/out", "--labels", "nothing"], "nothing"),
        (["convert", "assets/sample", "{tmp}/out", "--tag-column", "9"], "no column 9"),
        (["export", "{tmp}/nothing.spacy", "{tmp}/out/x.conll"], "nothing.spacy"),
        (["check", "{tmp}/corpus", "--encoder", "./nothing"], "no encoder"),
        (["convert", "assets/wnut17", "{tmp}/out"], "spacy project assets"),
        (["convert", "{tmp}/broken.conll", "{tmp}/out"], "broken.conll:2"),
        (["check", "{tmp}"], "train.spacy"),
        (["train", "minilm", "--output", "{tmp}/out"], "no train corpus is set"),
        (["evaluate", "{tmp}", "{tmp}/x.spacy"], "cannot load the pipeline"),
        (["compare", "{tmp}", "{tmp}", "{tmp}/x.spacy"], "cannot load the pipeline"),
        (["report", "{tmp}/x.json", "{tmp}/x.html"], "Run `spacy ner evaluate` first"),
        (["import-hf", "{tmp}/nothing", "{tmp}/out"], "no such folder"),
        (["export-hf", "{tmp}", "{tmp}/out"], "cannot load the pipeline"),
        (["export-onnx", "{tmp}", "{tmp}/out"], "cannot load the pipeline"),
        (["package", "{tmp}", "{tmp}", "--name", "x"], "no trained pipeline"),
        (["verify", "{tmp}/x.json", "{tmp}", "{tmp}/x.spacy"], "`spacy ner package`"),
        (["push", "{tmp}/x.json", "--dry-run", "{tmp}/out"], "`spacy ner package`"),
        (
            ["annotate", "{tmp}", "{tmp}/broken.conll", "{tmp}/out"],
            "cannot load the pipeline",
        ),
        (["convert", "assets/sample", "{tmp}/broken.conll"], "broken.conll"),
        (["check", "corpus", "--output", "{tmp}"], "is a folder"),
        (["check", "{tmp}/corpus", "--output", "{tmp}/corpus"], "is a folder"),
        (["train", "minilm", "--output", "{tmp}/out", "--foo"], "--foo"),
        (["config", "nothing"], "one of bert-base-cased"),
        (["train", "nothing.cfg", "--output", "{tmp}/out"], "no such config"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_user_errors_give_one_message(sample, tmp_path, command, said):
    if "assets/wnut17" in command and (ROOT / "assets/wnut17/wnut17train.conll").exists():
        pytest.skip("WNUT-17 is here")
    (tmp_path / "broken.conll").write_text("Oslo I-LOC\nOslo\n")
    shutil.copytree(sample, tmp_path / "corpus")
    done = ner(*[part.format(tmp=tmp_path) for part in command])
    assert done.returncode == 1
    message = " ".join((done.stdout + done.stderr).split())
    assert said in message and "Traceback" not in message
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "command, said",
    [
        (["scripts/clean.py", "{tmp}"], "no project.yml"),
        (
            ["-m", "spacy", "project", "run", "convert", ".", "--vars.dataset", "nothing"],
            "assets/nothing",
        ),
    ],
)
def test_project_errors_give_one_message(tmp_path, command, said):
    done = run(*[part.format(tmp=tmp_path) for part in command])
    assert done.returncode == 1
    message = " ".join((done.stdout + done.stderr).split())
    assert said in message and "Traceback" not in message


def test_init_labels(trained, encoders, tmp_path):
    DocBin(docs=[e.reference for e in make_examples(trained)]).to_disk(tmp_path / "x.spacy")
    command = [
        "init", "labels", BUILT_IN / "minilm.cfg", tmp_path / "labels",
        "--paths.train", tmp_path / "x.spacy", "--paths.dev", tmp_path / "x.spacy",
        "--paths.encoder", encoders["wordpiece"],
        "--components.transformer.model.window", "64",
        "--components.transformer.model.context", "8",
    ]  # fmt: skip
    done = CliRunner().invoke(app, list(map(str, command)))
    assert done.exit_code == 0, done.output
    assert srsly.read_json(tmp_path / "labels" / "transformer_ner.json") == ["LOC", "ORG", "PER"]


def test_entry_points_are_enough():
    """Loading the component needs no import of this package."""
    code = (
        "import sys, spacy; nlp = spacy.blank('en'); nlp.add_pipe('transformer_ner');"
        "assert 'spacy_transformer_ner.recogniser.component' in sys.modules; print(nlp.pipe_names)"
    )
    done = run("-c", code)
    assert done.stdout.strip() == "['transformer_ner']", done.stderr
