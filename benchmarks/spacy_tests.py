"""Run the tests of spaCy and spacy-transformers with this package's components instead of theirs.

    python benchmarks/spacy_tests.py
    python benchmarks/spacy_tests.py parser transformers

The tests are those of the installed wheels. In spaCy's tests, the factory `ner` creates a
`transformer_ner` with a tiny encoder; in spacy-transformers' tests, TransformerModel is
spacy-transformer-ner.TransformerModel.v1. EXPECTED lists the tests that are expected to fail,
with the reason. The command fails if another test fails, or if one of these passes or fails
with another error. All suites take some minutes on one thread, and write
benchmarks/results/spacy_tests.json."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import List, Literal, Optional
from xml.etree import ElementTree

import spacy
import typer
from machine import ROOT, keep
from wasabi import msg

SITE_PACKAGES = Path(spacy.__file__).parents[1]


@dataclass(frozen=True)
class Suite:
    """Tests that run in one process.

    ours (str): What to replace, see `spacy_tests_plugin.py`.
    paths (tuple[str, ...]): Test files and folders, relative to site-packages.
    """

    ours: Literal["ner", "encoder"]
    paths: tuple[str, ...]


SUITES = {
    "parser": Suite("ner", ("spacy/tests/parser/test_ner.py",)),
    "pipeline": Suite("ner", ("spacy/tests/pipeline",)),
    "serialize": Suite("ner", ("spacy/tests/serialize",)),
    "training": Suite("ner", ("spacy/tests/training",)),
    "language": Suite("ner", ("spacy/tests/test_language.py", "spacy/tests/test_pickles.py")),
    "transformers": Suite("encoder", ("spacy_transformers/tests",)),
}


@dataclass(frozen=True)
class Meant:
    """Why tests are expected to fail.

    reason (str): The missing feature.
    error (str): A part of the error message.
    """

    reason: str
    error: str


MOVES = Meant(
    "The test asks for the component's transitions (moves, move_names), which belong to spaCy's "
    "transition-based parser. transformer_ner scores the BILUO tags of each token.",
    error="has no attribute 'move",
)
NO_LABELS = Meant(
    "The test initialises the component without labels. transformer_ner raises spaCy's E143 "
    "then, as the tagger does.",
    error="[E143] Labels for component 'ner' not initialized",
)
CUT_SIZE = Meant(
    "The test sets update_with_oracle_cut_size, which only the transition-based parser has.",
    error="unexpected argument: 'update_with_oracle_cut_size'",
)
OUTPUTS = Meant(
    "The test asks for what the encoder gives each wordpiece, or for the pooler's output, "
    "attentions or hidden states. TransformerModel.v1 keeps one vector for each token.",
    error="doc._.trf_data has no '",
)
SLOW_TOKENIZER = Meant(
    "The test asks for a slow tokenizer. TransformerModel.v1 takes fast ones only.",
    error=".is_fast",
)

# By module and name. A name without parameters, or with the start of its parameters, matches
# all tests that start with it.
EXPECTED = {
    "spacy.tests.parser.test_ner::test_issue1967": MOVES,
    "spacy.tests.parser.test_ner::test_issue2179": MOVES,
    "spacy.tests.parser.test_ner::test_issue3209": MOVES,
    "spacy.tests.parser.test_ner::test_labels_from_BILUO": MOVES,
    "spacy.tests.parser.test_ner::test_accept_blocked_token": MOVES,
    "spacy.tests.parser.test_ner::test_overwrite_token": NO_LABELS,
    "spacy.tests.parser.test_ner::test_ner_warns_no_lookups": NO_LABELS,
    "spacy.tests.serialize.test_serialize_pipeline::test_issue4725_1": CUT_SIZE,
    "spacy_transformers.tests.test_model_wrapper::test_model_init[distilbert-base-uncased": SLOW_TOKENIZER,
    "spacy_transformers.tests.test_model_wrapper::test_model_predict": OUTPUTS,
    "spacy_transformers.tests.test_pipeline_component::test_replace_listeners": OUTPUTS,
    "spacy_transformers.tests.test_serialize::test_initialized_transformer_tobytes": SLOW_TOKENIZER,
    "spacy_transformers.tests.test_serialize::test_initialized_transformer_todisk": SLOW_TOKENIZER,
    "spacy_transformers.tests.test_serialize::test_transformer_pipeline_todisk_settings": OUTPUTS,
}

app = typer.Typer(add_completion=False)
Name = Enum("Name", {name: name for name in SUITES})


@dataclass(frozen=True)
class Outcome:
    """The result of a test.

    test (str): Its module and name.
    result (str): "passed", "failed" or "skipped".
    details (str): The error, if it failed.
    ours (int): The number of this package's components or encoders that it created.
    """

    test: str
    result: Literal["passed", "failed", "skipped"]
    details: str = ""
    ours: int = 0

    @property
    def meant(self) -> Optional[Meant]:
        """RETURNS (Meant | None): Why it is expected to fail with this error."""
        meant = EXPECTED.get(self.key)
        return meant if meant is not None and meant.error in self.details else None

    @property
    def key(self) -> Optional[str]:
        """RETURNS (str | None): Its entry in EXPECTED."""
        for key in EXPECTED:
            if self.test == key or self.test.startswith(key if "[" in key else f"{key}["):
                return key
        return None


@app.command(help=__doc__)
def main(
    # fmt: off
    suites: Optional[List[Name]] = typer.Argument(
        None, help="Run only these suites, and write no result"
    ),
    # fmt: on
) -> None:
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [suite.value for suite in suites or Name]:
            outcomes[name] = run_suite(SUITES[name], Path(folder))
            counts = count(outcomes[name])
            msg.info(f"{name}: {', '.join(f'{n} {what}' for what, n in counts.items())}")
    found = [outcome for group in outcomes.values() for outcome in group]
    failed = [outcome for outcome in found if outcome.result == "failed"]
    for meant in dict.fromkeys(EXPECTED.values()):
        tests = [outcome.test for outcome in failed if outcome.meant == meant]
        if tests:
            print("", meant.reason, *tests, sep="\n")
    unexpected = [outcome for outcome in failed if outcome.meant is None]
    for outcome in unexpected:
        msg.fail(outcome.test)
        print(outcome.details)
    stale = stale_entries(found)
    for key in stale:
        msg.fail(f"{key} passes or does not exist: remove it from EXPECTED")
    if unexpected or stale:
        sys.exit(1)
    msg.good("Only expected failures")
    if len(outcomes) == len(SUITES):
        expected = [{"test": outcome.test, "reason": outcome.meant.reason} for outcome in failed]
        suites = {name: count(group) for name, group in outcomes.items()}
        keep("spacy_tests", {"suites": suites, "expected_failures": expected})


def run_suite(suite: Suite, folder: Path) -> list[Outcome]:
    """Run the tests of a suite in their own process.

    suite (Suite): The suite.
    folder (Path): The working directory, for the encoders.
    RETURNS (list[Outcome]): The results.
    """
    report = folder / "report.xml"
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--tb=short", "--disable-warnings"),
            *("-p", "no:cacheprovider", "-p", "spacy_tests_plugin", "--ours", suite.ours),
            *("--rootdir", SITE_PACKAGES, "--junitxml", report),
            *(SITE_PACKAGES / path for path in suite.paths),
        ],
        cwd=folder,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if process.returncode not in (0, 1):  # 1: tests have failed
        print(process.stdout)
        msg.fail(f"pytest could not run {' '.join(suite.paths)}", exits=1)
    return read_report(report)


def read_report(path: Path) -> list[Outcome]:
    """path (Path): A file from pytest --junitxml.
    RETURNS (list[Outcome]): The results."""
    outcomes = []
    for case in ElementTree.parse(path).iter("testcase"):
        failure = next((part for part in case if part.tag in ("failure", "error")), None)
        ours = case.find("properties/property[@name='ours']")
        result = "skipped" if case.find("skipped") is not None else "passed"
        outcomes.append(
            Outcome(
                test=f"{case.get('classname')}::{case.get('name')}",
                result=result if failure is None else "failed",
                details="" if failure is None else failure.text or "",
                ours=0 if ours is None else int(ours.get("value", 0)),
            )
        )
    return outcomes


def count(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """outcomes (Iterable[Outcome]): The results of tests.
    RETURNS (dict[str, int]): The numbers of tests that passed, failed and were skipped, and that
        created something of this package."""
    outcomes = list(outcomes)
    counts = {
        result: sum(outcome.result == result for outcome in outcomes)
        for result in ("passed", "failed", "skipped")
    }
    return {**counts, "with ours": sum(outcome.ours > 0 for outcome in outcomes)}


def stale_entries(outcomes: Iterable[Outcome]) -> list[str]:
    """outcomes (Iterable[Outcome]): The results of all tests of some modules.
    RETURNS (list[str]): The entries of EXPECTED for these modules that are outdated: a test
        passes, is skipped, or does not exist."""
    outcomes = list(outcomes)
    modules = {outcome.test.partition("::")[0] for outcome in outcomes}
    results: dict[str, set[str]] = {
        key: set() for key in EXPECTED if key.partition("::")[0] in modules
    }
    for outcome in outcomes:
        if outcome.key is not None:
            results[outcome.key].add(outcome.result)
    return [key for key, found in results.items() if found != {"failed"}]


if __name__ == "__main__":
    app()
