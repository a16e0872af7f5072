"""Test a packaged pipeline in a clean environment."""

import json
import os
import subprocess
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from ..corpus.docbin import read_docbin
from ..corpus.overlapping import entities_in
from ..errors import InputError
from ..files import read_json, write_json
from ..loading import load_pipeline
from ..results import Result
from .package import Packaged

Entity = tuple[int, int, str, "float | None"]
# Scores may differ by rounding, as the number of threads differs.
SAME_SCORE = 0.01

# Runs in the clean environment. The hook turns any use of the network into an error.
TAG_OFFLINE = """
import json, os, sys
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

def no_network(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise ConnectionError("the network is off: " + event)

sys.addaudithook(no_network)
import spacy
from importlib.metadata import version

nlp = spacy.load(sys.argv[1])
texts = json.load(sys.stdin)
found = [
    [(e.start_char, e.end_char, e.label_, e._.score) for e in doc.spans.get("sc", doc.ents)]
    for doc in nlp.pipe(texts)
]
names = ("spacy", "spacy-transformer-ner", "spacy-transformers", "torch", "transformers")
json.dump({"entities": found, "versions": {n: version(n) for n in names}}, sys.stdout)
"""


@dataclass(frozen=True)
class Verified(Result):
    """The result of the test.

    pipeline, version (str): The package.
    texts, entities (int): The number of texts and of entities found in them, the same as
        with the trained pipeline.
    versions (dict[str, str]): The versions of the installed dependencies.
    """

    pipeline: str
    version: str
    texts: int
    entities: int
    versions: dict[str, str]


class CleanEnvironment:
    """A context manager for a temporary virtual environment."""

    def __enter__(self) -> "CleanEnvironment":
        self._folder = tempfile.TemporaryDirectory(prefix="verify-")
        venv.create(self._folder.name, with_pip=True)
        scripts = "Scripts" if os.name == "nt" else "bin"
        self.python = str(Path(self._folder.name, scripts, "python"))
        return self

    def __exit__(self, *_) -> None:
        self._folder.cleanup()

    def install(self, packaged: Packaged, wheels: Path, constraints: Path | None) -> None:
        """Install a packaged pipeline as a user would.

        packaged (Packaged): The package.
        wheels (Path): The folder with its wheels. Other packages come from the index.
        constraints (Path | None): A constraints file for pip.
        RAISES: InputError with pip's output if it fails.
        """
        for wheel in packaged.wheels:
            if not (wheels / wheel).is_file():
                raise InputError(
                    "not found. Build it again with `spacy ner package`.",
                    path=wheels / wheel,
                )
        self._run(
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            + ["--find-links", str(wheels.resolve())]
            + (["--constraint", str(constraints.resolve())] if constraints else [])
            + [f"{packaged.pipeline}=={packaged.version}"]
        )

    def tag(self, pipeline: str, texts: list[str]) -> dict:
        """Load a pipeline by its name and tag texts, with the network off.

        pipeline (str): The name.
        texts (list[str]): The texts.
        RETURNS (dict): "entities", a list for each text, and "versions".
        RAISES: InputError with the output if it fails.
        """
        return json.loads(self._run(["-c", TAG_OFFLINE, pipeline], json.dumps(texts)))

    def _run(self, arguments: list[str], text: str | None = None) -> str:
        # -I ignores the current folder and the user's site-packages.
        done = subprocess.run(
            [self.python, "-I", *arguments],
            input=text,
            capture_output=True,
            text=True,
            cwd=self._folder.name,
            check=False,
        )
        if done.returncode:
            raise InputError(
                f"in the clean environment, {' '.join(arguments[:3])} failed:\n"
                f"{(done.stdout + done.stderr).strip()[-3000:]}"
            )
        return done.stdout


def read_manifest(path: str | Path) -> Packaged:
    """Read the manifest of the package command.

    path (str | Path): The manifest.
    RETURNS (Packaged): The package.
    RAISES: InputError if the file is not found or is not a manifest.
    """
    content = read_json(path, "package")
    try:
        packaged = Packaged(**content)
        if not isinstance(packaged.wheels, dict):
            raise TypeError
    except TypeError:
        raise InputError(
            "is not a manifest of the package command. Write it again with `spacy ner package "
            "--manifest`.",
            path=path,
        ) from None
    return packaged


def expected_entities(
    model_dir: str | Path, corpus: str | Path, n_texts: int
) -> tuple[list[str], list[list[Entity]]]:
    """Tag texts with the trained pipeline, to compare with.

    model_dir (str | Path): The pipeline that was packaged.
    corpus (str | Path): A .spacy file with texts.
    n_texts (int): The number of texts to take from its start.
    RETURNS (tuple[list[str], list[list[Entity]]]): The texts and the entities of each.
    """
    nlp = load_pipeline(model_dir)
    texts = [doc.text for doc, _ in zip(read_docbin(corpus, nlp.vocab), range(n_texts))]
    return texts, [
        [(ent.start_char, ent.end_char, ent.label_, ent._.score) for ent in entities_in(doc)]
        for doc in nlp.pipe(texts)
    ]


def _alike(found: list[Entity], expected: list[Entity]) -> bool:
    """Whether the entities are the same, with scores that differ by rounding at most."""
    return [entity[:3] for entity in found] == [entity[:3] for entity in expected] and all(
        a[3] == b[3] or (a[3] is not None and b[3] is not None and abs(a[3] - b[3]) < SAME_SCORE)
        for a, b in zip(found, expected)
    )


def compare_entities(
    packaged: Packaged,
    expected: list[list[Entity]],
    tagged: dict,
    output: str | Path | None = None,
) -> Verified:
    """Compare the entities of the installed pipeline with those of the trained one.

    packaged (Packaged): The package.
    expected (list[list[Entity]]): The expected entities of each text.
    tagged (dict): The output of `CleanEnvironment.tag`.
    output (str | Path | None): The JSON file for the result, if any.
    RETURNS (Verified): The result.
    RAISES: InputError if the entities differ, or if there are none.
    """
    found = [[tuple(entity) for entity in entities] for entities in tagged["entities"]]
    if not all(map(_alike, found, expected)) or len(found) != len(expected):
        n = sum(not _alike(a, b) for a, b in zip(found, expected))
        raise InputError(
            f"the installed pipeline {packaged.pipeline} finds other entities than the trained "
            f"one, or gives them other scores, in {n} of {len(expected)} texts. Build it again with "
            "`spacy ner package`."
        )
    if not any(found):
        raise InputError(
            f"the pipeline {packaged.pipeline} works, but finds no entities in {len(found)} texts. "
            "Evaluate it with `spacy ner evaluate`; it may need more training or more data."
        )
    verified = Verified(
        pipeline=packaged.pipeline,
        version=packaged.version,
        texts=len(found),
        entities=sum(map(len, found)),
        versions=tagged["versions"],
    )
    if output is not None:
        write_json(output, verified.to_dict())
    return verified
