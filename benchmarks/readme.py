"""Write the tables of figures in README.md and docs/ from benchmarks/results.

    python benchmarks/readme.py

A table stands between `<!-- NAME -->` and `<!-- /NAME -->`."""

import re
from pathlib import Path
from statistics import mean, median

import srsly

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
# Results that the text of the README needs no table of.
UNTABLED = {"kernels"}
SYSTEMS = {
    "ours": "this package",
    "hf": "transformers, `run_ner.py`",
    "hf-bf16": "transformers, `run_ner.py`, bf16",
    "spacy": "spaCy, `transformer` and `ner`",
}
SPEEDS = {
    "hf": "transformers' `pipeline`, sentences",
    "hf, 16 bits": "the same in 16 bits",
    "ours": "this package",
    "ours, 8 bits": 'this package, `runtime = "onnx-int8"`',
    "ours, sentences": "this package, sentences",
    "ours, encoder alone": "its encoder alone",
    "spacy": "spaCy, `transformer` and `ner`",
    "bare encoder, 16 bits": "the bare encoder on sorted sentences: the limit",
}
WAYS = {
    "torch, fp32": '`precision = "fp32"`',
    "torch, bf16": '`precision = "bf16"`, what "auto" takes here',
    "onnx": '`runtime = "onnx"`',
    "onnx-int8": '`runtime = "onnx-int8"`',
}
MEANING = {"text": "raw text", "gold": "gold tokens"}


def tables() -> dict[str, str]:
    """RETURNS (dict[str, str]): Each result's name and its table."""
    results = {path.stem: srsly.read_json(path) for path in sorted(RESULTS.glob("*.json"))}
    kinds = {
        "ablation": _ablation,
        "annotation": _annotation,
        "evaluation": _evaluation,
        "latency": _latency,
        "memory": _memory,
        "reading": _reading,
        "resume": _resume,
        "calibration": _calibration,
        "compare": _compare,
        "runtime": _runtime,
        "updating": _updating,
        "parity": _parity,
    }
    return {
        name: kinds.get(name.partition("-")[0], _table)(result)
        for name, result in results.items()
        if name.partition("-")[0] not in UNTABLED
    }


def _calibration(result: dict) -> str:
    parts = ("without_shift", "with_shift")
    head = [
        "",
        *(
            f"{figure} {shift}"
            for shift in ("dev halves", "test")
            for figure in ("ECE", "Brier", "AURC")
        ),
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head))]
    for name in result["without_shift"]:
        figures = [
            f"{result[part][name][f]:.4f}" for part in parts for f in ("ece", "brier", "aurc")
        ]
        lines.append("| " + " | ".join([name, *figures]) + " |")
    found = result["threshold"]
    return "\n".join(lines) + (
        f"\n\nDev halves: fitted on a random half of dev's documents, measured on the other, mean of "
        f"{result['splits']} splits. Test: fitted on dev, measured on test. ECE over "
        f"{result['binning']}. A threshold chosen for precision {found['wanted_precision']:.2f} on one "
        f"half of dev gives {found['other_half_precision']:.4f} on the other; on test "
        f"{found['test_precision']:.4f} with recall {found['test_recall']:.4f}.\n"
    )


def _compare(result: dict) -> str:
    """Trainings and speeds of the systems side by side."""
    speed = result.get("speed")
    head = ["", "dev F1", "test F1", "seeds", "minutes an epoch", "minutes in all", "GiB"]
    rows = []
    for name, title in SYSTEMS.items():
        found = result["training"].get(name)
        if found is None:
            continue
        rows.append(
            [
                title,
                f"{found['mean_dev_f']:.4f}",
                f"{found['mean_test_f']:.4f}",
                str(found["seeds"]),
                f"{found['seconds_per_epoch'] / 60:.1f}",
                f"{mean(found['seconds']) / 60:.1f}",
                f"{found['peak_memory_mib'] / 1024:.1f}",
            ]
        )
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    ours = result["training"].get("ours", {})
    for base, title in (("hf", "in fp32"), ("hf-bf16", "in bf16")):
        to = ours.get(f"to_dev_f_of_{base}")
        if to and to["of_its_time"]:
            lines += [
                "",
                f"The dev F1 that transformers reaches {title} ({to['dev_f']:.4f}) is reached in "
                f"{to['of_its_time']:.2f} of its time.",
            ]
    for name, title in SYSTEMS.items():
        found = result["training"].get(name, {})
        if "mean_dev_f_text" in found:
            lines += [
                "",
                f"From raw text, without the corpus' tokens and sentences, {title} has "
                f"{found['mean_dev_f_text']:.4f} on dev and {found['mean_test_f_text']:.4f} on test.",
            ]
    if speed:
        head = ["text to entities", "words per second", "this package is faster by"]
        lines += ["", *("| " + " | ".join(row) + " |" for row in (head, ["---"] * 3))]
        for name, value in speed["words_per_second"].items():
            factor = "" if name == "ours" else f"{speed['ours_over'][name]:.2f}"
            lines.append(f"| {SPEEDS.get(name, name)} | {value:,} | {factor} |")
        host = speed["host_words_per_second"]
        if host:
            per = ", ".join(f"{SYSTEMS[name]} {value:,}" for name, value in host.items())
            lines += ["", f"Words per second of all but the encoder, on one core: {per}."]
    made = result["hardware"]
    lines += [
        "",
        f"Hardware: {made['cpu']}, threads: {made['threads']}"
        + (f", GPU: {made['gpu']}" if made["gpu"] else "")
        + f"; torch {result['versions']['torch']}, transformers {result['versions']['transformers']}.",
    ]
    return "\n".join(lines) + "\n"


def _ablation(result: dict) -> str:
    """What the recipe's parts are worth."""
    head = ["", "seeds"]
    for tokens in ("gold tokens", "raw text"):
        head += [f"dev F1, {tokens}", "over the default"]
    rows = []
    for change, found in result["changes"].items():
        rows.append([change, str(len(found["dev_f"]["of_seeds"]))])
        for figure in ("dev_f", "dev_f_text"):
            of = found[figure]
            spread = "" if of["deviation"] is None else f" ± {of['deviation']:.4f}"
            gain = of["over_default"]
            rows[-1].append(f"{of['mean']:.4f}{spread}")
            rows[-1].append("" if change == "default" or gain is None else f"{gain:+.4f}")
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    made = result["hardware"]
    return "\n".join(lines) + (
        "\n\nMeans and standard deviations of seeds, over the default's with the same seeds"
        + (f", {result['max_steps']} steps of training" if result["max_steps"] else "")
        + (f", commit {result['commit']}" if "commit" in result else "")
        + f". Hardware: {made['cpu']}, threads: {made['threads']}; torch "
        f"{result['versions']['torch']}.\n"
    )


def _updating(result: dict) -> str:
    """What a pipeline knows before and after it learns a new label."""
    ways = {
        "before": "before",
        "new label alone": f"{result['label']} alone, all else outside",
        "filled in": "filled in by the pipeline itself",
        "filled in, rehearsal whole": "filled in, and rehearsal, all else outside",
        "filled in, rehearsal": "filled in, and rehearsal, all else missing",
    }
    head = ["learnt from", "F1 of the old labels", f"F1 of {result['label']}"]
    rows = [
        [ways[way], f"{found['old']:.4f}", f"{found['new']:.4f}"]
        for way, found in result["f"].items()
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    some, made = result["documents"], result["hardware"]
    return "\n".join(lines) + (
        f"\n\nFirst trained on {some['first training']} documents; {some['new']} new ones with "
        f"{result['entities']} entities, rehearsal on {some['rehearsal']} of the first; "
        f"{result['steps']} steps of {result['batch']} documents at {result['learn_rate']:g} each "
        f"time. Hardware: {made['cpu']}, threads: {made['threads']}; torch "
        f"{result['versions']['torch']}.\n"
    )


def _parity(result: dict) -> str:
    """What is left of checkpoints when they are imported, and exported again."""
    head = [
        "checkpoint", "words", "scores differ by", "legal sentences", "entities", "differing",
        "exported again, by",
    ]  # fmt: skip
    rows = [
        [
            name if "/" not in name else f"`{name}`",
            f"{found['words']:,}",
            f"{found['emissions']:.1e}",
            f"{result['sentences'] - found['illegal'] - found['blanks']:,} of "
            f"{result['sentences']:,}",
            f"{found['entities']:,}",
            str(found["differing"]),
            f"{found['exported']:.1e}" if found["exported"] else "0",
        ]
        for name, found in result["checkpoints"].items()
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    for name, found in result["pipelines"].items():
        lines += [
            "",
            f"`{name}` without {', '.join(found['lost'])}, its head fitted anew: dev F1 "
            f"{found['checkpoint_f']:.4f} for {found['pipeline_f']:.4f}.",
        ]
    return "\n".join(lines) + "\n"


def _annotation(result: dict) -> str:
    """What a million texts showed, and where memory was drawn."""
    speed, watched, killed, ray = (result[part] for part in ("speed", "memory", "kills", "ray"))
    return (
        f"![Memory over texts](benchmarks/results/annotation.svg)\n\n{watched['totals']['texts']:,} generated "
        f"texts of 5 to 10 words, a random BERT of 2 layers, 32 wide, so that all around the "
        f"encoder is measured: {speed['annotate_words_per_second']:,} words a second, `nlp.pipe` "
        f"alone {speed['pipe_words_per_second']:,} (median of {speed['turns']} turns: "
        f"{speed['annotate_of_pipe']:.2f} of its speed), with other work on the machine. Memory: "
        f"{watched['peak_mebibytes']} MiB at most, {watched['growth']:+.1%} in the second half. Killed {len(killed['shards_finished_at_each_kill'])} times with "
        f"`kill -9`, or by Ray with one of {ray['workers']} workers killed: the same "
        f"{killed['shards_equal']} shards, row for row and byte for byte. Hardware: "
        f"{result['hardware']['cpu']}, threads: {result['hardware']['threads']}; by "
        "`python benchmarks/annotation.py`.\n"
    )


def _evaluation(result: dict) -> str:
    """What an evaluation of a large corpus takes."""
    rest = result["seconds"] - result["seconds_of_the_pipeline"]
    return (
        f"{result['tokens']:,} words with {result['entities']:,} entities take {rest / 60:.1f} minutes "
        f"beside the pipeline's own {result['seconds_of_the_pipeline'] / 60:.1f} (it runs twice) and at "
        f"most {result['peak_memory_mib']:,} MiB; the page of it {result['report_seconds']:.1f} seconds "
        f"and {result['report_kib']:,} KiB. Hardware: {result['hardware']['cpu']}, threads: "
        f"{result['hardware']['threads']}; by `python benchmarks/evaluation.py`, with other work on "
        "the machine.\n"
    )


def _latency(result: dict) -> str:
    """How long one text takes."""
    names = {"ours": "this package", "transformers": "transformers' `pipeline`"}
    lines = ["| | to load | to the first entity | each text: half within | 99 in 100 within |"]
    lines.append("|" + " --- |" * 5)
    for name, seconds in result["seconds"].items():
        lines.append(
            f"| {names[name]} | {seconds['load']:.1f} s | {seconds['to_first_entity']:.1f} s | "
            f"{1000 * seconds['p50']:.1f} ms | {1000 * seconds['p99']:.1f} ms |"
        )
    made = result["hardware"]
    return "\n".join(lines) + (
        f"\n\n{result['texts']} sentences of {result['words'] / result['texts']:.0f} words, one by "
        f"one; medians of {result['rounds']} programs each, turn about. Loading counts the imports "
        f"of torch and transformers. Hardware: {made['cpu']}, threads: {made['threads']}; torch "
        f"{result['versions']['torch']}.\n"
    )


def _resume(result: dict) -> str:
    """Whether an interrupted training ends as if it had not been."""
    assert result["equal"]
    steps = result["killed_after_step"]
    return (
        f"Killed after the steps {', '.join(map(str, steps))} of {result['steps']}: the weights are "
        f"the same (SHA-256). Hardware: {result['hardware']['cpu']}.\n"
    )


def _memory(result: dict) -> str:
    """The memory of nlp.pipe over many texts."""
    found, made = result["mebibytes"], result["hardware"]
    return (
        f"`nlp.pipe` over {result['docs']:,} sentences ({result['words']:,} words) takes {found[len(found) // 10]:,} "
        f"MiB after a tenth of them and {found[-1]:,} MiB at the end, {result['growth']:+.1%} "
        f"in the second half: what fills is caches, of words and of oneDNN's ways to multiply "
        f"matrices of each shape. Hardware: {made['cpu']}, threads: {made['threads']}; torch "
        f"{result['versions']['torch']}.\n"
    )


def _reading(result: dict) -> str:
    small, large = result["comparison"], result["large"]
    return (
        f"Converting {small['file']}: {median(small['seconds']):.1f} seconds, `spacy convert` "
        f"{median(small['spacy_convert_seconds']):.1f}: {small['ratio']:.1f} times as fast (medians "
        f"of {len(small['seconds'])} turns, whole processes). A generated file of "
        f"{large['megabytes']:,} MB: {large['megabytes_per_second']:.1f} MB or "
        f"{large['words_per_second']:,} words a second, with at most {large['peak_memory_mib']} MiB "
        f"of memory. Hardware: {result['hardware']['cpu']}.\n"
    )


def _runtime(result: dict) -> str:
    """What runs the encoder, side by side."""
    head = [
        "",
        "dev F1",
        "other entities",
        *(f"words per second, {kind}" for kind in result["words_per_second"]),
    ]
    rows = [
        [
            WAYS[name],
            f"{f:.4f}",
            str(result["differing_from_fp32"][name]),
            *(
                f"{of[name]:,} ({result['over_bf16'][kind][name]:.2f})"
                for kind, of in result["words_per_second"].items()
            ),
        ]
        for name, f in result["f"].items()
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    first, made = result["seconds_until_the_first_text"], result["hardware"]
    lines += [
        "",
        "Other entities: found by one of it and torch in fp32, and not by the other; there are "
        f"{result['entities']:,}. In brackets: as a factor of torch in bf16. Words per second are "
        f"of the processor's time, the machine having other work; medians of {result['rounds']} "
        f"rounds. To be made, the graph takes {first['onnx']:.0f} and {first['onnx-int8']:.0f} "
        f"seconds once after loading. Hardware: {made['cpu']}, threads: {made['threads']}; torch "
        f"{result['versions']['torch']}, onnxruntime {result['onnxruntime']}.",
    ]
    return "\n".join(lines) + "\n"


def _table(result: dict) -> str:
    labels = list(result["test"]["text"]["f_per_type"])
    head = ["test", "precision", "recall", "F1", *(f"F1 {label}" for label in labels)]
    rows = [
        [
            MEANING[name],
            *(f"{figures[key]:.4f}" for key in "prf"),
            *(f"{figures['f_per_type'][label]:.4f}" for label in labels),
        ]
        for name, figures in result["test"].items()
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    took, peak, made = result["seconds"], result["peak_memory_mib"], result["hardware"]
    lines += [
        "",
        f"Dev F1 (raw text) {result['dev_f']:.4f}. Training took {took['train'] / 60:.1f} minutes "
        f"and {peak['train'] / 1024:.1f} GiB, all commands together "
        f"{sum(took.values()) / 60:.1f} minutes; {result['words_per_second']:,} words per second "
        f"when evaluating. Hardware: {made['cpu']}, threads: {made['threads']}"
        + (f", GPU: {made['gpu']}" if made["gpu"] else "")
        + f"; torch {result['versions']['torch']}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Rewrite the pages."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for name, table in tables().items():
            marks = rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)"
            text = re.sub(marks, lambda m: m[1] + table + m[2], text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
