"""The benchmark that runs spaCy's tests with this package."""

import os
import subprocess
import sys

import pytest

from .conftest import ROOT

REPORT = """
<testsuites><testsuite>
<testcase classname="spacy.tests.a" name="test_one[x]"><properties><property name="ours" value="2"/>
</properties></testcase>
<testcase classname="spacy.tests.a" name="test_two"><failure message="AssertionError">
The traceback</failure></testcase>
<testcase classname="spacy.tests.a" name="test_three"><skipped message="slow"/></testcase>
<testcase classname="spacy.tests.a" name="test_four"><error message="a fixture">x</error></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def command(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "machine", raising=False)
    import spacy_tests

    yield spacy_tests
    for name in ("spacy_tests", "machine"):
        sys.modules.pop(name, None)


def test_report_is_read(command, tmp_path):
    path = tmp_path / "report.xml"
    path.write_text(REPORT.strip())
    one, two, three, four = command.read_report(path)
    assert one == command.Outcome("spacy.tests.a::test_one[x]", "passed", ours=2)
    assert two.result == "failed" and "The traceback" in two.details
    assert (three.result, four.result) == ("skipped", "failed")
    assert command.count([one, two, three, four]) == {
        "passed": 1, "failed": 2, "skipped": 1, "with ours": 1,
    }  # fmt: skip


MEANT = "failed: no beam"


@pytest.mark.parametrize(
    "results,is_good",
    [
        ({"a::one": MEANT, "a::two[x]": MEANT, "a::two[y]": MEANT}, True),
        # Entries do not match a part of a name.
        ({"a::one_more": MEANT, "a::one": MEANT, "a::two[x]": MEANT}, False),
        ({"a::one": MEANT, "a::two[x]": MEANT, "a::two[y]": "passed"}, False),
        ({"a::one": "skipped", "a::two[x]": MEANT}, False),
        ({"a::two[x]": MEANT}, False),
        # It fails with another error than in its entry.
        ({"a::one": "failed: no memory", "a::two[x]": MEANT}, False),
        # No test of the entry's module has run.
        ({"b::one": "passed"}, True),
    ],
)
def test_failures_are_those_of_the_table(command, monkeypatch, results, is_good):
    meant = command.Meant("No beams here", error="no beam")
    outcomes = [
        command.Outcome(test, result.partition(":")[0], result) for test, result in results.items()
    ]
    monkeypatch.setattr(command, "EXPECTED", {"a::one": meant, "a::two": meant})
    monkeypatch.setattr(command, "run_suite", lambda suite, folder: outcomes)
    if is_good:
        command.main([command.Name.parser])
        return
    with pytest.raises(SystemExit) as error:
        command.main([command.Name.parser])
    assert error.value.code == 1


@pytest.mark.slow
def test_spacys_tests_of_ner():
    result = subprocess.run(
        [sys.executable, "benchmarks/spacy_tests.py", "parser"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "test_issue3209" in result.stdout
