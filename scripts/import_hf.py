"""Make a spaCy pipeline of a token classifier that was trained with transformers: its
weights, its entity types, and our decoder and scores on top."""

from pathlib import Path
from typing import Optional

import typer
from common import choices, clear_failure
from wasabi import msg

from spacy_transformer_ner.encoder.sources import resolve_encoder
from spacy_transformer_ner.exchange.import_hf import import_pipeline
from spacy_transformer_ner.files import new_folder

Scheme = choices("Scheme", ("bio", "iob1"))
Precision = choices("Precision", ("fp32", "auto", "bf16", "fp16"))

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    source: str = typer.Argument(
        ...,
        help="Folder of the checkpoint, or its name on the Hugging Face hub, which is then asked",
    ),
    output_dir: Path = typer.Argument(..., help="Folder for the pipeline"),
    lang: str = typer.Option("en", "--lang", "-l", help="Language of the pipeline's tokenizer"),
    precision: Precision = typer.Option(
        "fp32", help="Of the encoder; auto is faster, and differs from the checkpoint in near ties"
    ),
    scheme: Optional[Scheme] = typer.Option(
        None, help="What its entities start with, B- or (iob1) I-; detected automatically if clear"
    ),
    # fmt: on
) -> None:
    with clear_failure(), new_folder(output_dir) as new:
        if not Path(resolve_encoder(source)).is_dir():
            msg.info(f"There is no folder {source}: asking the Hugging Face hub for it")
        nlp = import_pipeline(
            source, lang, precision=precision.value, scheme=scheme and scheme.value
        )
        nlp.to_disk(new)
    labels = ", ".join(nlp.get_pipe("transformer_ner").labels)
    msg.good(f"Pipeline: {output_dir}, with the entity types {labels}")
    print(
        "Its scores are not calibrated: scripts/calibrate.py does it, on annotated text that it "
        "was not trained on."
    )


if __name__ == "__main__":
    app()
