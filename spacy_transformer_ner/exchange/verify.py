"""Proving that a packaged pipeline works where nothing else of ours is."""

import json
import os
import subprocess
import tempfile
import venv
from dataclasses import asdict, dataclass
from pathlib import Path

from ..corpus.docbin import read_docbin
from ..errors import InputError
from ..files import read_json, write_json
from ..loading import load_pipeline
from .package import Packaged

Entity = tuple[int, int, str, "float | None"]
# Scores differ by the rounding of another number of threads at most.
SAME_SCORE = 0.01

# Runs in the clean environment. The hook makes any use of a socket an error.
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
    [(e.start_char, e.end_char, e.label_, e._.score) for e in doc.ents] for doc in nlp.pipe(texts)
]
names = ("spacy", "spacy-transformer-ner", "spacy-transformers", "torch", "transformers")
json.dump({"entities": found, "versions": {n: version(n) for n in names}}, sys.stdout)
"""


@dataclass(frozen=True)
class Verified:
    """What the installed pipeline did.

    pipeline, version (str): The package.
    texts, entities (int): How many texts it was given and entities it found,
        the same as the trained pipeline finds.
    versions (dict[str, str]): What was installed with it.
    """

    pipeline: str
    version: str
    texts: int
    entities: int
    versions: dict[str, str]

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


class CleanEnvironment:
    """A new virtual environment that is removed again; a context manager."""

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
        wheels (Path): The folder with its wheels; the rest is from the index.
        constraints (Path | None): A constraints file for pip.
        RAISES: InputError with what pip says if it fails.
        """
        for wheel in packaged.wheels:
            if not (wheels / wheel).is_file():
                raise InputError(
                    "is not there. Build it again: spacy project run package . --force",
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
        RAISES: InputError with what was said if it fails.
        """
        return json.loads(self._run(["-c", TAG_OFFLINE, pipeline], json.dumps(texts)))

    def _run(self, arguments: list[str], text: str | None = None) -> str:
        # -I: neither the current folder nor the user's packages are seen.
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
    """Read what the package command wrote.

    path (str | Path): The manifest.
    RETURNS (Packaged): What was built.
    RAISES: InputError if it is not there or something else.
    """
    content = read_json(path, "package")
    try:
        packaged = Packaged(**content)
        if not isinstance(packaged.wheels, dict):
            raise TypeError
    except TypeError:
        raise InputError(
            "is not what the package command writes. Make it again.", path=path
        ) from None
    return packaged


def expected_entities(
    model_dir: str | Path, corpus: str | Path, n_texts: int
) -> tuple[list[str], list[list[Entity]]]:
    """Tag texts with the trained pipeline itself, to compare with.

    model_dir (str | Path): The pipeline that was packaged.
    corpus (str | Path): The .spacy file whose texts are taken.
    n_texts (int): How many, from its start.
    RETURNS (tuple[list[str], list[list[Entity]]]): The texts and the entities
        of each.
    """
    nlp = load_pipeline(model_dir)
    texts = [doc.text for doc, _ in zip(read_docbin(corpus, nlp.vocab), range(n_texts))]
    return texts, [
        [(ent.start_char, ent.end_char, ent.label_, ent._.score) for ent in doc.ents]
        for doc in nlp.pipe(texts)
    ]


def _alike(found: list[Entity], expected: list[Entity]) -> bool:
    """The same entities, with scores that differ by rounding at most."""
    return [entity[:3] for entity in found] == [entity[:3] for entity in expected] and all(
        a[3] == b[3] or (None not in (a[3], b[3]) and abs(a[3] - b[3]) < SAME_SCORE)
        for a, b in zip(found, expected)
    )


def compare_entities(
    packaged: Packaged,
    expected: list[list[Entity]],
    tagged: dict,
    output: str | Path | None = None,
) -> Verified:
    """Compare what the installed pipeline found with what it should.

    packaged (Packaged): The package.
    expected (list[list[Entity]]): The entities of each text.
    tagged (dict): From `CleanEnvironment.tag`.
    output (str | Path | None): Where to write the result, as JSON.
    RETURNS (Verified): The result.
    RAISES: InputError if they differ or there is not one entity.
    """
    found = [[tuple(entity) for entity in entities] for entities in tagged["entities"]]
    if not all(map(_alike, found, expected)) or len(found) != len(expected):
        n = sum(not _alike(a, b) for a, b in zip(found, expected))
        raise InputError(
            f"the installed pipeline {packaged.pipeline} finds other entities than the trained "
            f"one, or gives them other scores, in {n} of {len(expected)} texts."
        )
    if not any(found):
        raise InputError(
            f"the pipeline {packaged.pipeline} works, but finds no entity in {len(found)} texts. "
            "See its scores: it may need more training or more data."
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
