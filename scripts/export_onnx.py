"""Make an ONNX graph of a pipeline's encoder and head, with what is needed to use it
without spaCy and torch."""

from pathlib import Path

import typer
from common import clear_failure
from wasabi import msg

from spacy_transformer_ner.exchange.export_onnx import TOLERANCE, export_onnx
from spacy_transformer_ner.files import new_folder
from spacy_transformer_ner.loading import load_pipeline

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    output_dir: Path = typer.Argument(..., help="Folder for the graph"),
    int8: bool = typer.Option(
        False,
        "--int8",
        help="Weights in 8 bits, of which 7 are used, so that any processor can run them: faster on a CPU, and a quarter as large but for the embeddings",
    ),
    # fmt: on
) -> None:
    with clear_failure(), new_folder(output_dir) as new:
        exported = export_onnx(load_pipeline(model), new, is_int8=int8)
    msg.good(f"Graph, tokenizer and how to use them: {output_dir}")
    print(
        f"Its scores were the pipeline's in fp32, to {exported.difference:.1g} "
        f"({TOLERANCE:.0e} is allowed)."
    )
    if exported.int8_difference is not None:
        print(
            f"In 8 bits they differ by up to {exported.int8_difference:.2g} (scores before the softmax; "
            "what that costs in F1 is to be measured on your data)."
        )


if __name__ == "__main__":
    app()
