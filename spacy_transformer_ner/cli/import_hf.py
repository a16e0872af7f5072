"""`spacy ner import-hf`."""

from pathlib import Path
from typing import Any, Optional

import typer
from wasabi import msg

from ..encoder.sources import resolve_encoder
from ._util import choices

Scheme: Any = choices("ImportScheme", ("bio", "iob1"))
Precision: Any = choices("Precision", ("fp32", "auto", "bf16", "fp16"))


def import_hf_cli(
    source: str = typer.Argument(
        ..., help="Folder of the checkpoint, or its name on the Hugging Face hub"
    ),
    output_dir: Path = typer.Argument(..., help="Folder for the pipeline"),
    lang: str = typer.Option("en", "--lang", "-l", help="Language of the pipeline's tokenizer"),
    precision: Precision = typer.Option(
        "fp32",
        "--precision",
        help="Precision of the encoder; auto is faster, and can change entities whose scores are close",
    ),
    scheme: Optional[Scheme] = typer.Option(
        None,
        "--scheme",
        help="Tag scheme of the checkpoint: entities start with B- (bio) or I- (iob1); detected if not given",
    ),
) -> None:
    """Turn a transformers checkpoint into a spaCy pipeline.

    The checkpoint must be a token classifier. The pipeline has the same weights and entity
    types, with this package's decoder and scores. The network is only used for names on the hub.

    \b
    Example:
      python -m spacy ner import-hf dslim/bert-base-NER pipelines/bert-base-ner
    """
    from ..exchange.import_hf import import_pipeline
    from ..files import new_folder

    with new_folder(output_dir) as new:
        if not Path(resolve_encoder(source)).is_dir():
            msg.info(f"No local folder {source}: loading it from the Hugging Face hub")
        nlp = import_pipeline(
            source, lang, precision=precision.value, scheme=scheme and scheme.value
        )
        nlp.to_disk(new)
    labels = ", ".join(nlp.pipe_labels["transformer_ner"])
    msg.good(f"Pipeline: {output_dir}, with the entity types {labels}")
    print(
        "Its scores are not calibrated. Calibrate them on annotated text that is not in its "
        f"training data:\n  python -m spacy ner calibrate {output_dir} DEV.spacy"
    )
