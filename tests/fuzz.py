"""Mutate files of every format and read them: each must be read, or raise an InputError that
names it. Other exceptions and hangs are failures.

    python -m tests.fuzz --files 100000 --seed 0

The tests run a few thousand files."""

import random
import signal
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Optional

import typer
from tqdm import tqdm

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.splits import data_files
from spacy_transformer_ner.errors import InputError

from .corpus.corpora import FORMATS, FUZZED, example_corpus

SECONDS = 10
PIECES = [
    *(bytes([byte]) for byte in (0, 9, 10, 11, 12, 13, 32, 34, 35, 44, 45, 48, 58, 91, 93, 123, 125, 0x80, 0xC3, 0xFF)),
    *"\u00a0|\u200b|\u2028|\x85|\ufeff|B-|I-X|S-Y|-DOCSTART-|# text = |# global.columns = A B|1-2|5.1".encode().split(b"|"),
    b"\n\n", b"\xff\xfe", b'"\\ud800"', b"null", b"1e999", b"NaN", b"-1", b"999999999999999999999",
    b"</PER>", b"<PER>", b"<doc>", b"[a](B)", b"<START:A>", b"<END>", b"|B-X", b",,", b'"', b"[1]", b"1-1.1\t0-1\ta\t*\tB\n",
    b"[" * 50, b"T1\tX 3 2\t", b"0 1;2 3", b"SpaceAfter=No", b"O\t" * 20,
]  # fmt: skip
OPTIONS = [
    {},
    {},
    {},
    {"repair": "discard"},
    {"repair": "none"},
    {"overlaps": "longest"},
    {"scheme": "BIOES"},
    {"scheme": "bare"},
    {"tag_column": "2"},
    {"word_column": "-1"},
    {"labels": ("O", "B-X")},
    {"sentences_per_document": 3},
]


class Hang(Exception):
    """Reading took too long."""


def mutate(content: bytes, generator: random.Random) -> bytes:
    """content (bytes): A file.
    generator (Random): The random number generator.
    RETURNS (bytes): The file with random changes."""
    changed = bytearray(content)
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
        position = generator.randrange(len(changed) + 1)
        piece = generator.choice(PIECES)
        kind = generator.randrange(6)
        if kind == 0:
            changed[position : position + len(piece)] = piece
        elif kind == 1:
            changed[position:position] = piece
        elif kind == 2:
            del changed[position : position + generator.choice((1, 1, 2, 5, 20, 500))]
        elif kind == 3:
            end = position + generator.randrange(1, 60)
            changed[position:position] = changed[position:end] * generator.choice((1, 2, 9))
        elif kind == 4 and position < len(changed):
            changed[position] = generator.randrange(256)
        else:
            lines = bytes(changed).split(b"\n")
            generator.shuffle(lines) if generator.random() < 0.1 else lines.pop(
                generator.randrange(len(lines))
            )
            changed = bytearray(b"\n".join(lines))
    return bytes(changed)


def new_maker() -> DocMaker:
    """RETURNS (DocMaker): Creates the Docs. The tokenizer takes seconds, so it is loaded first."""
    maker = DocMaker("en")
    assert maker.tokenizer
    return maker


def read(path: Path, options: dict, maker: DocMaker) -> str:
    """path (Path): A file or folder.
    options (dict): The options of the reader.
    maker (DocMaker): Creates the Docs.
    RETURNS (str): "read" or "refused".
    RAISES: AssertionError if the Docs are invalid, and any error that is not an InputError."""
    try:
        for source in data_files(path):
            reader = open_corpus(source, ReadOptions(**options))
            for document in reader:
                doc = to_doc(document, maker)
                assert len(doc) and doc.text.strip()
                for ent in doc.ents:
                    assert ent.label_.strip() and ent.text.strip(), ent
            reader.notes()
    except InputError as error:
        named = str(path if path.is_dir() else path.parent)
        assert named in str(error) or "column" in str(error), error
        assert len(str(error)) < 1200, error
        return "refused"
    return "read"


def fuzz(files: int, seed: int, keep: Optional[Path] = None) -> tuple[Counter, list[str]]:
    """Read mutated files.

    files (int): The number of files.
    seed (int): The random seed.
    keep (Path | None): A folder for the files that fail.
    RETURNS (tuple[Counter, list[str]]): The counts by format and outcome, and the failures.
    """
    generator = random.Random(seed)
    outcomes: Counter = Counter()
    failures: list[str] = []

    def hang(*_):
        raise Hang(f"more than {SECONDS} s")

    signal.signal(signal.SIGALRM, hang)
    with tempfile.TemporaryDirectory() as folder:
        originals = []
        for name, (_, make) in (FORMATS | FUZZED).items():
            for number in range(3):
                where = Path(folder, f"{name}-{number}")
                where.mkdir()
                made = make(example_corpus(number))(where)
                originals.append((name, made, sorted(p for p in where.iterdir() if p.is_file())))
        maker = new_maker()
        for number in tqdm(range(files), disable=None):
            if number % 5000 == 4999:
                maker = new_maker()
            name, made, parts = generator.choice(originals)
            part = generator.choice(parts)
            content = part.read_bytes()
            mutated = mutate(content, generator)
            options = generator.choice(OPTIONS)
            part.write_bytes(mutated)
            signal.alarm(SECONDS)
            try:
                outcomes[name.partition("-")[0], read(made, options, maker)] += 1
            except (Exception, Hang):
                failures.append(f"{number} {name} {options} {part.name}\n{traceback.format_exc()}")
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{number}-{name}-{part.name}").write_bytes(mutated)
            finally:
                signal.alarm(0)
                part.write_bytes(content)
    return outcomes, failures


def main(
    # fmt: off
    files: int = typer.Option(100_000, help="Number of files"),
    seed: int = typer.Option(0, help="Random seed"),
    keep: Optional[Path] = typer.Option(None, help="Folder for files that fail"),
    # fmt: on
) -> None:
    start = perf_counter()
    outcomes, failures = fuzz(files, seed, keep)
    for (name, outcome), count in sorted(outcomes.items()):
        print(f"{name:12} {outcome:8} {count:7,}")
    print(f"{files:,} files in {perf_counter() - start:.0f} s, {len(failures)} failures")
    for failure in failures[:5]:
        print(failure)
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    typer.run(main)
