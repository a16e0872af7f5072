"""`spacy ner check`."""

from collections.abc import Callable
from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ..checks.report import EXAMPLES, Severity
from ..training.recipe import ITS_OWN, encoder_of
from ._util import GPU_ID, progress_bar

SEVERITY_NAMES: dict[Severity, str] = {"error": "errors", "warning": "warnings", "info": "notes"}


def check_cli(
    corpus_dir: Path = typer.Argument(
        ..., help="Folder with train.spacy, dev.spacy and optionally test.spacy"
    ),
    lang: Optional[str] = typer.Option(
        None,
        "--lang",
        "-l",
        help="Language of the corpus; the one it was converted with if not given",
    ),
    encoder: Optional[str] = typer.Option(
        None,
        "--encoder",
        help="Encoder to train later, to check its tokenizer: a folder, minilm, or a name on the Hugging Face hub",
    ),
    config: Optional[str] = typer.Option(
        None,
        "--config",
        help="Recipe or config file; its encoder is checked if --encoder is not given",
    ),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file for the report"),
    suspects: Optional[Path] = typer.Option(
        None,
        "--suspects",
        help="JSON Lines file for mentions that are labelled differently from most of the same words, in the form of the suspects command",
    ),
    errors: Optional[list[Path]] = typer.Option(
        None,
        "--errors",
        help="JSON Lines file of the evaluate command, for a split of the corpus, to report first what the pipeline doubts, too; can be repeated",
    ),
    model: Optional[str] = typer.Option(
        None,
        "--model",
        help="A trained pipeline: also lists where it confidently disagrees with the labels of dev and test",
    ),
    use_gpu: int = GPU_ID,
    strict: bool = typer.Option(False, "--strict", help="Exit with code 1 if there is an error"),
) -> None:
    """Check a corpus before training on it.

    Reports sizes and labels, inconsistent annotation, duplicates and leaks between splits,
    entities that cannot be predicted from raw text, and how the encoder's tokenizer splits
    the words. With --model, also likely label errors in dev and test, which the pipeline was not
    trained on. For those in train, see the suspects command and its --folds.

    \b
    Example:
      python -m spacy ner check corpus/mine --encoder minilm --suspects suspects.jsonl
      python -m spacy ner check corpus/mine --model training/mine/model-best
    """
    from ..checks.check import check, paths_of
    from ..checks.suspects import flags_of, suspect_records
    from ..files import check_writable, read_jsonl, write_json, write_jsonl
    from ..gpu import check_gpu
    from ..loading import load_pipeline
    from ..review.disagreements import flags_of_file, flags_of_pipeline, with_doubted

    check_gpu(use_gpu)

    for path in filter(None, (output, suspects)):
        check_writable(path)
    if config is not None:
        encoder = encoder_of(config, encoder or ITS_OWN)
    nlp = None if model is None else load_pipeline(model)
    paths = paths_of(corpus_dir)
    mistakes = {path: read_jsonl(path, "evaluate") for path in errors or ()}
    report = check(corpus_dir, lang=lang, encoder=encoder, progress=progress_bar("documents"))
    doubted = [] if nlp is None else flags_of_pipeline(nlp, paths)
    flags = [*flags_of(report.suspects), *doubted]
    for path, found in mistakes.items():
        flags += flags_of_file(found, paths, path)
    records = []
    if suspects is not None or doubted or mistakes:
        records = suspect_records(paths, flags)
        report = with_doubted(report, records)
    if output is not None:
        write_json(output, report.to_dict())
        msg.good(f"Report: {output}")
    if suspects is not None:
        write_jsonl(suspects, records)
        msg.good(f"Suspects: {suspects} ({len(records):,})")
    splits = report.splits
    msg.table(
        [
            (name, *(f"{n:,}" for n in (s.documents, s.sentences, s.tokens, s.entities)))
            for name, s in splits.items()
        ],
        header=("split", "documents", "sentences", "tokens", "entities"),
        aligns=("l", *"rrrr"),
        divider=True,
    )
    msg.table(
        [
            (label, *(f"{split.labels.get(label, 0):,}" for split in splits.values()))
            for label in sorted({label for split in splits.values() for label in split.labels})
        ],
        header=("label", *splits),
        aligns=("l", *("r" for _ in splits)),
        divider=True,
    )
    show: dict[Severity, Callable[[str], object]] = {
        "error": msg.fail,
        "warning": msg.warn,
        "info": msg.info,
    }
    for finding in report.findings:
        show[finding.severity](finding.message)
        # wasabi would wrap the lines, which breaks file:line places.
        if finding.remedy:
            print(f"  {finding.remedy}")
        for example in finding.examples:
            print(f"    {example}")
    if doubted:
        msg.warn(f"{len(doubted):,} mentions have labels that {model} disagrees with")
        print("  Is the pipeline or the label wrong? What the check doubts too comes first.")
        here = [record for record in records if "model" in record["suspect"]["sources"]]
        for record in here[:EXAMPLES]:
            print(f"    {record['meta']['place']}: {record['meta']['why']}: {record['text']}")
    counts = [f"{report.count(severity)} {name}" for severity, name in SEVERITY_NAMES.items()]
    msg.text(f"\n{', '.join(counts)}")
    if strict and report.count("error"):
        raise SystemExit(1)
