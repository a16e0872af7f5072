"""Find the threshold for a wanted precision on development data: what to set as
threshold of transformer_ner, and what recall that leaves."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from thinc.api import Config
from wasabi import msg

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.evaluate import evaluate
from spacy_transformer_ner.evaluation.reliability import (
    curve,
    find_recogniser,
    threshold_for,
)
from spacy_transformer_ner.files import replacing, write_json
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.training.preflight import check_gpu

SHOWN = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    precision: float = typer.Option(
        0.95, "--precision", "-p", min=0.0, max=1.0, help="The precision that is wanted"
    ),
    per_type: bool = typer.Option(
        False, "--per-type", help="A threshold for each label instead of one for all"
    ),
    write: bool = typer.Option(
        False,
        "--write",
        help="Set what was found in the config of the pipeline, which has to be a folder",
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file for the thresholds and the whole curve"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    with clear_failure():
        check_gpu(use_gpu)
        config_path = Path(model) / "config.cfg"
        if write and not config_path.is_file():
            raise InputError("is no folder of a pipeline, so nothing can be set in it.", path=model)
        nlp = load_pipeline(model)
        name, recogniser = find_recogniser(nlp)
        recogniser.threshold, recogniser.label_thresholds = 0.0, {}
        scored = evaluate(nlp, data_path, progress=progress_bar("documents")).scored
        if scored is None:
            raise InputError("the pipeline gives no scores: spans_key of transformer_ner is null.")
        groups = {"all": scored}
        if per_type:
            groups = {label: scored.of_label(label) for label in sorted(set(scored.labels))}
        found = {group: threshold_for(part, precision) for group, part in groups.items()}
        # Rounded down, so that the entity it was found by is kept.
        rounded = {group: int(point.threshold * 1e4) / 1e4 for group, point in found.items()}
        points = curve(scored)
        rows = [next((p for p in points if p.threshold >= at), None) for at in SHOWN]
        msg.table(
            [
                (f"{at:.2f}", f"{point.precision:.4f}", f"{point.recall:.4f}", f"{point.kept:,}")
                for at, point in zip(SHOWN, rows)
                if point is not None
            ],
            header=("threshold", "precision", "recall", "entities"),
            aligns=("r", "r", "r", "r"),
            divider=True,
        )
        for group, point in found.items():
            msg.good(
                f"{group}: threshold {rounded[group]:.4f} gives precision {point.precision:.4f} and "
                f"recall {point.recall:.4f}"
            )
        if write:
            config = Config().from_disk(config_path, interpolate=False)
            settings = config["components"][name]
            if per_type:
                settings["label_thresholds"] = rounded
            else:
                settings["threshold"] = rounded["all"]
                settings["label_thresholds"] = {}
            with replacing(config_path) as new:
                config.to_disk(new)
            msg.good(f"Set in {config_path}")
        if output is not None:
            write_json(
                output,
                {
                    "corpus": str(data_path),
                    "wanted_precision": precision,
                    "thresholds": {group: vars(point) for group, point in found.items()},
                    "curve": [vars(point) for point in points],
                },
            )
            msg.good(f"Figures: {output}")


if __name__ == "__main__":
    app()
