"""The code, commands, links and figures in README.md and docs/ are correct."""

import ast
import inspect
import re
import shlex
import shutil

import pytest
import srsly
import typer
from spacy.cli._util import parse_config_overrides
from spacy.tokens import DocBin
from weasel.cli.run import project_run

import spacy_transformer_ner
from spacy_transformer_ner.checks.check import check
from spacy_transformer_ner.cli import app
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.evaluation.evaluate import SCHEMA, evaluate

from .conftest import ROOT, SAMPLE, make_examples

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(ROOT / "benchmarks")  # as when it runs as a script
    from readme import PAGES, project, tables

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text("utf-8")
TEXTS = {
    page: page.read_text("utf-8")
    for page in (*PAGES, *sorted((ROOT / "assets").glob("*/README.md")))
}
ALL = "\n".join(TEXTS.values())
NER = sorted(set(re.findall(r"python -m spacy ner ([a-z][^`\n]+)", ALL)))
PROJECT = sorted(set(re.findall(r"spacy project (run [^`\n]+)", ALL)))


def blocks(text, language):
    """A code block, and its output in the page, if any."""
    return re.findall(rf"```{language}\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL)


@pytest.fixture
def workspace(trained, tmp_path, monkeypatch):
    """A folder with the pipelines and corpora of the pages."""
    for name in ("en_ner_sample_minilm", "training/mine/model-best"):
        (tmp_path / name).mkdir(parents=True)
        trained.to_disk(tmp_path / name)
    for split in ("train", "dev"):
        text = (SAMPLE / f"{split}.conll").read_text().split("-DOCSTART-")
        (tmp_path / f"{split}.conll").write_text("-DOCSTART-".join(text[:13]))
    shutil.copytree(SAMPLE, tmp_path / "assets" / "sample")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(found, capsys):
    namespace: dict = {}
    printed = []
    for code, output in found:
        exec(code, namespace)
        printed.append(capsys.readouterr().out)
        assert not output or printed[-1] == output
    return printed


def test_the_readmes_python(workspace, capsys):
    *pipeline, api = blocks(README, "python")
    first, second = run(pipeline, capsys)
    ents, rest = first.splitlines()[:3], first.splitlines()[3:]
    assert [line.rsplit(" ", 1)[0] for line in ents] == [
        "Marit Solheim PER", "Fjordverk ORG", "Oslo LOC",
    ]  # fmt: skip
    assert all(0 < float(line.rsplit(" ", 1)[1]) <= 1 for line in ents)
    assert rest == ["1 [('Ann Lee', 'PER'), ('Marit Solheim', 'PER'), ('Oslo', 'LOC')]", "2 []"]
    assert second == "[('Marit Solheim', 'PER'), ('Oslo', 'CITY')]\n"
    assert len(api[0].strip().splitlines()) <= 10
    *_, printed = run([*pipeline, api], capsys)
    assert "95% confidence interval" in printed and float(printed.split()[-1]) >= 0


@pytest.mark.parametrize("page", ["scores", "deployment", "api"])
def test_python_of_the_docs(workspace, capsys, page):
    text = (DOCS / f"{page}.md").read_text("utf-8")
    # Blocks that cannot run here must at least be valid Python.
    for code, _ in blocks(text, "py"):
        compile(code, page, "exec")
    assert run(blocks(text, "python"), capsys)


def test_the_api_is_documented():
    text = (DOCS / "api.md").read_text("utf-8")
    documented = dict(re.findall(r"^### `(\w+)(\(.*\))`$", text, re.MULTILINE))
    public = {name: getattr(spacy_transformer_ner, name) for name in spacy_transformer_ner.__all__}
    assert set(documented) == {n for n, value in public.items() if inspect.isfunction(value)}
    for name, signature in documented.items():
        arguments = ast.parse(f"def f{signature}: ...").body[0].args
        said = [a.arg for a in (*arguments.args, *arguments.kwonlyargs)]
        parameters = inspect.signature(public[name]).parameters
        others = ("progress", "options", "records")  # rarely needed
        assert said == [parameter for parameter in parameters if parameter not in others], name
        defaults = [ast.literal_eval(d) for d in (*arguments.defaults, *arguments.kw_defaults) if d]
        assert defaults == [
            p.default for n, p in parameters.items() if n in said and p.default is not p.empty
        ], name


@pytest.mark.parametrize("command", NER)
def test_commands_parse(command):
    verb, *arguments = shlex.split(command)
    group = typer.main.get_command(app)
    group.commands[verb].make_context(verb, arguments)


def test_the_readme_lists_all_commands():
    table = README.partition("| stage | command")[2].partition("\n\n")[0]
    listed = re.findall(r"`([a-z-]+)`", "\n".join(re.findall(r"^\|[^|]*\|([^|]*)", table, re.M)))
    assert sorted(listed) == sorted(typer.main.get_command(app).commands)


@pytest.mark.parametrize("command", PROJECT)
def test_project_commands(command, capfd):
    _, name, *rest = shlex.split(command)
    assert rest[:1] in ([], ["."])
    project_run(ROOT, name, overrides=parse_config_overrides(rest[1:]), force=True, dry=True)
    assert "Running command" in capfd.readouterr().out


def anchors(text):
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(
        r"^#+ (.*)", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_named_files_exist(page):
    text = TEXTS[page]
    for link in re.findall(r"\]\(([^):]+)\)", text):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not heading or heading in anchors(target.read_text("utf-8")), link
    for name in re.findall(r"(?:scripts|benchmarks)/\w+\.py", text):
        assert (ROOT / name).exists(), name
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
        assert f"\n{target}:" in makefile, target


def test_every_page_is_linked_from_the_readme():
    assert len(README.splitlines()) <= 200
    for page in DOCS.glob("*.md"):
        assert f"](docs/{page.name})" in README, page


def test_each_measured_table_is_on_one_page():
    """Tables are generated from benchmarks/results by `python benchmarks/readme.py`."""
    for name, table in tables().items():
        assert ALL.count(f"<!-- {name} -->\n{table}<!-- /{name} -->") == 1, name
        assert ALL.count(f"<!-- {name} -->") == 1, name


def test_figures_are_in_tables_only():
    for page, text in TEXTS.items():
        prose = re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", "", text, flags=re.DOTALL)
        assert not re.findall(r"\b0?\.\d{4}\b|words/s|\d words (?:a|per) second", prose), page


def test_the_project_is_documented():
    assert project() in (DOCS / "project.md").read_text("utf-8")


def test_every_metric_is_documented(trained, tmp_path):
    DocBin(docs=[e.reference for e in make_examples(trained)]).to_disk(tmp_path / "test.spacy")
    text = (DOCS / "evaluation.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+)`", text))
    assert set(evaluate(trained, tmp_path / "test.spacy").to_dict()) <= named
    assert SCHEMA in text


def test_the_sample_has_the_findings_that_are_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    convert([SAMPLE.relative_to(ROOT)], tmp_path)
    found = "\n".join(
        example for finding in check(tmp_path).findings for example in finding.examples
    )
    shown = re.findall(r"^assets/sample/.*", TEXTS[DOCS / "data.md"], re.MULTILINE)
    assert len(shown) == 2
    for line in shown:
        assert line in found


def test_numbered_tags_are_json():
    ((code, _),) = blocks(TEXTS[DOCS / "data.md"], "json")
    assert srsly.json_loads(code)[0] == "O"
