"""Write the generated parts of README.md and docs/: the measured tables, from
benchmarks/results, and the description of project.yml.

    python benchmarks/readme.py

Each table stands between `<!-- NAME -->` and `<!-- /NAME -->` on one page."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

import srsly
from weasel.cli.document import project_document

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
# Results that no page shows.
UNTABLED = {"kernels"}
SYSTEMS = {
    "ours": "this package",
    "hf": "transformers, `run_ner.py`",
    "hf-bf16": "transformers, `run_ner.py`, bf16",
    "spacy": "spaCy, `transformer` and `ner`",
}
# What annotates text with the weights of a system, by the names of the speed results.
SPEED_OF = {"ours": "ours", "hf": "hf", "hf-bf16": "hf, 16 bits", "spacy": "spacy"}
OTHER_SPEEDS = {
    "ours, 8 bits": 'this package, `runtime = "onnx-int8"`',
    "ours, sentences": "this package, sentence by sentence",
    "ours, encoder alone": "its encoder only",
    "bare encoder, 16 bits": "the bare encoder on sorted sentences (upper bound)",
}
RUNTIMES = {
    "torch, fp32": '`precision = "fp32"`',
    "torch, bf16": '`precision = "bf16"`',
    "onnx": '`runtime = "onnx"`',
    "onnx-int8": '`runtime = "onnx-int8"`',
}
TOKENIZATIONS = {"text": "raw text", "gold": "gold tokens"}

Result = dict[str, Any]


def tables() -> dict[str, str]:
    """RETURNS (dict[str, str]): The tables by name."""
    makers: dict[str, Callable[[Result], str]] = {
        "ablation": _ablation,
        "annotation": _annotation,
        "calibration": _calibration,
        "compare": _compare,
        "evaluation": _evaluation,
        "few_labels": _few_labels,
        "guarantee": _guarantee,
        "interrupted": _interrupted,
        "label_errors": _label_errors,
        "latency": _latency,
        "learning_curve": _learning_curve,
        "memory": _memory,
        "overlaps": _overlaps,
        "parity": _parity,
        "readers": _readers,
        "reading": _reading,
        "resume": _resume,
        "review": _review,
        "robustness": _robustness,
        "runtime": _runtime,
        "serve": _serve,
        "significance": _significance,
        "spacy_tests": _spacy_tests,
        "suite": _suite,
        "updating": _updating,
    }
    found = {}
    for path in sorted(RESULTS.glob("*.json")):
        kind, _, rest = path.stem.partition("-")
        if kind in UNTABLED:
            continue
        result = srsly.read_json(path)
        found[path.stem] = makers.get(kind, _scores)(result)
        if kind == "compare":
            found[f"details-{rest}"] = _details(result)
    return found


def _few_labels(result: Result) -> str:
    """What texts without labels give."""
    rows = []
    for name, of in result["experiments"].items():
        means, run = of["means"], of["runs"][0]
        before, after = [
            means[who]
            for who in ("supervised", "self-trained", "teacher", "rules", "student")
            if who in means
        ][-2:]
        speed = [run["times_as_fast"] for run in of["runs"] if "times_as_fast" in run]
        rows.append(
            (
                name,
                f"{run['texts']:,}",
                str(of["seeds"]),
                f"{before['test_f']:.4f}",
                f"{after['test_f']:.4f}",
                f"{sum(speed) / len(speed):.2f}" if speed else "–",
            )
        )
    head = ("experiment", "texts", "seeds", "test F1 before", "test F1 after", "times as fast")
    return f"{_markdown(head, rows)}\n\n{_hardware(result)}\n"


def _interrupted(result: Result) -> str:
    """What killing the project in each phase does."""
    phases = [kill["phase"] for kill in result["kills"]]
    counts = ", ".join(f"{phase} {phases.count(phase)}" for phase in result["phases"])
    end = "is the same" if result["equal"] else "differs"
    return (
        f"Killed {len(phases)} times ({counts}): {result['lost']} finished files are lost, and the "
        f"result {end}. {_hardware(result)}\n"
    )


def _spacy_tests(result: Result) -> str:
    """spaCy's and spacy-transformers' own tests by suite, and why some fail."""
    rows = [
        [f"`{suite}`", *(str(found[key]) for key in ("passed", "failed", "skipped"))]
        for suite, found in result["suites"].items()
    ]
    reasons = Counter(failure["reason"] for failure in result["expected_failures"])
    listed = "\n".join(f"- {count}: {reason}" for reason, count in reasons.items())
    table = _markdown(["suite", "passed", "failed", "skipped"], rows)
    return f"{table}\n\nThe expected failures, by reason:\n\n{listed}\n\n{_hardware(result)}\n"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _hardware(result: Result, *more: str) -> str:
    made, versions = result["hardware"], result["versions"]
    parts = [
        f"Hardware: {made['cpu']}, threads: {made['threads']}"
        + (f", GPU: {made['gpu']}" if made["gpu"] else ""),
        f"torch {versions['torch']}",
        *more,
    ]
    return f"{'; '.join(parts)}."


def _compare(result: Result) -> str:
    """The systems side by side: accuracy, and what training and annotating take."""
    speed = result.get("speed")
    head = ["", "dev F1", "test F1", "seeds", "training, minutes", "training, GiB"]
    rows = []
    for name, found in _trained(result):
        rows.append(
            [
                SYSTEMS[name],
                f"{found['mean_dev_f']:.4f}",
                f"{found['mean_test_f']:.4f}",
                str(found["seeds"]),
                f"{mean(found['seconds']) / 60:.1f}",
                f"{found['peak_memory_mib'] / 1024:.1f}",
            ]
        )
        if speed:
            rows[-1].append(f"{speed['words_per_second'][SPEED_OF[name]]:,}")
    if speed:
        head.append("annotating, words/s")
    sooner = [
        f"{1 / to['of_its_time']:.1f}x sooner ({precision})"
        for base, precision in (("hf", "fp32"), ("hf-bf16", "bf16"))
        if (to := result["training"]["ours"].get(f"to_dev_f_of_{base}")) and to["of_its_time"]
    ]
    notes = f"This package reaches transformers' dev F1 {' and '.join(sooner)}. " if sooner else ""
    made = _hardware(result, f"transformers {result['versions']['transformers']}")
    return f"{_markdown(head, rows)}\n\n{notes}{made}\n"


def _details(result: Result) -> str:
    """What the comparison has beside its main table."""
    raw = [
        [SYSTEMS[name], f"{found['mean_dev_f_text']:.4f}", f"{found['mean_test_f_text']:.4f}"]
        for name, found in _trained(result)
        if "mean_dev_f_text" in found
    ]
    parts = [_markdown(["from raw text", "dev F1", "test F1"], raw)]
    speed = result.get("speed")
    if speed:
        others = [
            [title, f"{speed['words_per_second'][name]:,}"]
            for name, title in OTHER_SPEEDS.items()
            if name in speed["words_per_second"]
        ]
        parts.append(_markdown(["annotating", "words/s"], others))
        host = speed["host_words_per_second"]
        if host:
            per = ", ".join(f"{value:,} ({SYSTEMS[name]})" for name, value in host.items())
            parts.append(f"Everything but the encoder, on one core, in words/s: {per}.")
    return "\n\n".join(parts) + "\n"


def _trained(result: Result) -> list[tuple[str, Result]]:
    trained = result["training"]
    return [(name, trained[name]) for name in SYSTEMS if name in trained]


def _scores(result: Result) -> str:
    """The scores of a run of the project."""
    labels = list(result["test"]["text"]["f_per_type"])
    rows = [
        [
            TOKENIZATIONS[name],
            *(f"{figures[key]:.4f}" for key in "prf"),
            *(f"{figures['f_per_type'][label]:.4f}" for label in labels),
        ]
        for name, figures in result["test"].items()
    ]
    head = ["test", "precision", "recall", "F1", *(f"F1 {label}" for label in labels)]
    took = result["seconds"]
    return (
        f"{_markdown(head, rows)}\n\nDev F1 on raw text: {result['dev_f']:.4f}. Training: "
        f"{took['train'] / 60:.1f} minutes, {result['peak_memory_mib']['train'] / 1024:.1f} GiB. "
        f"All commands together: {sum(took.values()) / 60:.1f} minutes. Evaluation: "
        f"{result['words_per_second']:,} words/s. {_hardware(result)}\n"
    )


def _calibration(result: Result) -> str:
    parts = ("without_shift", "with_shift")
    head = [
        "",
        *(f"{f}, {data}" for data in ("dev halves", "test") for f in ("ECE", "Brier", "AURC")),
    ]
    rows = [
        [
            name,
            *(f"{result[part][name][f]:.4f}" for part in parts for f in ("ece", "brier", "aurc")),
        ]
        for name in result["without_shift"]
    ]
    found = result["threshold"]
    return (
        f"{_markdown(head, rows)}\n\nDev halves: fitted on one random half of dev's documents and "
        f"measured on the other, mean of {result['splits']} splits. Test: fitted on dev, measured "
        f"on test. ECE uses {result['binning']}. A threshold chosen for precision "
        f"{found['wanted_precision']:.2f} on one half of dev gives "
        f"{found['other_half_precision']:.4f} on the other half, and {found['test_precision']:.4f} "
        f"on test, with recall {found['test_recall']:.4f}.\n"
    )


def _ablation(result: Result) -> str:
    """What the parts of the recipe contribute."""
    head = ["", "seeds"]
    for tokens in ("gold tokens", "raw text"):
        head += [f"dev F1, {tokens}", "change"]
    rows = []
    for change, found in result["changes"].items():
        rows.append([change, str(len(found["dev_f"]["of_seeds"]))])
        for figure in ("dev_f", "dev_f_text"):
            of = found[figure]
            spread = "" if of["deviation"] is None else f" ± {of['deviation']:.4f}"
            gain = of["over_default"]
            rows[-1].append(f"{of['mean']:.4f}{spread}")
            rows[-1].append("" if change == "default" or gain is None else f"{gain:+.4f}")
    steps = f"{result['max_steps']} training steps. " if result["max_steps"] else ""
    commit = f"; commit {result['commit']}" if "commit" in result else ""
    return (
        f"{_markdown(head, rows)}\n\nMean ± standard deviation over seeds; the change is against "
        f"the default with the same seeds. {steps}{_hardware(result)[:-1]}{commit}.\n"
    )


def _suite(result: Result) -> str:
    """F1 on many corpora and sizes, side by side."""
    systems = {
        "ours": "this package",
        "hf": "`run_ner.py`",
        "hf-tuned": "`run_ner.py`, tuned",
    }
    rows = []
    for name, found in result["corpora"].items():
        for figure in [key for key in found["ours"] if key.endswith("_f") and key != "dev_f"]:
            split = figure.removesuffix("_f")
            rows.append(
                [
                    name if split == "test" else f"{name}, tested on {split}",
                    f"{found['sentences']:,}",
                    str(found["seeds"]),
                    *(f"{found[system][figure]:.4f}" for system in systems),
                    found["hf-tuned"]["chosen"],
                ]
            )
    head = ["trained on", "sentences", "seeds", *systems.values(), "chosen on dev"]
    return f"{_markdown(head, rows)}\n\nF1 on test, gold tokens. {_hardware(result)}\n"


def _updating(result: Result) -> str:
    """What a pipeline knows before and after it learns a new label."""
    ways = {
        "before": "before",
        "new label alone": f"{result['label']} annotated, everything else O",
        "filled in": "with the pipeline's own entities",
        "filled in, rehearsal whole": "the same plus rehearsal, everything else O",
        "filled in, rehearsal": "the same plus rehearsal, everything else missing",
    }
    head = ["trained on", "F1 of the old labels", f"F1 of {result['label']}"]
    rows = [
        [ways[way], f"{found['old']:.4f}", f"{found['new']:.4f}"]
        for way, found in result["f"].items()
    ]
    some = result["documents"]
    return (
        f"{_markdown(head, rows)}\n\nInitial training: {some['first training']} documents. Update: "
        f"{some['new']} new documents with {result['entities']} entities, rehearsal on "
        f"{some['rehearsal']} of the initial documents, {result['steps']} steps of "
        f"{result['batch']} documents with learning rate {result['learn_rate']:g}. "
        f"{_hardware(result)}\n"
    )


def _parity(result: Result) -> str:
    """How far imported and exported checkpoints are from the original."""
    head = [
        "checkpoint", "words", "largest score difference", "sentences with legal tags", "entities",
        "different entities", "score difference after re-export",
    ]  # fmt: skip
    total = result["sentences"]
    rows = [
        [
            name if "/" not in name else f"`{name}`",
            f"{found['words']:,}",
            f"{found['emissions']:.1e}",
            f"{total - found['illegal'] - found['blanks']:,} of {total:,}",
            f"{found['entities']:,}",
            str(found["differing"]),
            f"{found['exported']:.1e}" if found["exported"] else "0",
        ]
        for name, found in result["checkpoints"].items()
    ]
    parts = [_markdown(head, rows)]
    for name, found in result["pipelines"].items():
        parts.append(
            f"The export of `{name}` drops {', '.join(found['lost'])}. With its refitted head it has "
            f"dev F1 {found['checkpoint_f']:.4f}; the pipeline has {found['pipeline_f']:.4f}."
        )
    return "\n\n".join(parts) + "\n"


def _annotation(result: Result) -> str:
    speed, watched, killed, ray = (result[part] for part in ("speed", "memory", "kills", "ray"))
    overhead = result["overhead"]
    planned = ", ".join(
        f"{n / 1e6:.2f} million `{suffix}` texts"
        for suffix, n in overhead["texts_planned_per_second"].items()
    )
    per_shard = ", ".join(f"{ms:g} ({by})" for by, ms in overhead["milliseconds_a_shard"].items())
    return (
        "![Resident memory over annotated texts](../benchmarks/results/annotation.svg)\n\n"
        f"{watched['totals']['texts']:,} generated texts of 5 to 10 words; a BERT of 2 layers, 32 "
        "wide, so that the time is that of everything but the encoder.\n\n"
        f"- Speed: {speed['annotate_words_per_second']:,} words/s, against "
        f"{speed['pipe_words_per_second']:,} for `nlp.pipe` alone (median of {speed['turns']} "
        f"alternating runs: {speed['annotate_of_pipe']:.2f}x its speed).\n"
        f"- Memory: at most {watched['peak_mebibytes']} MiB, {watched['growth']:+.1%} in the second "
        "half.\n"
        f"- Interruptions: killed {len(killed['shards_finished_at_each_kill'])} times with `kill "
        f"-9`, and run on Ray with one of {ray['workers']} workers killed, it writes the same "
        f"{killed['shards_equal']} shards, byte for byte.\n"
        f"- Time for all of it: {watched['seconds']:.0f} seconds in one process, "
        f"{ray['seconds']:.0f} on Ray with {ray['workers']} workers, one of them killed after "
        f"{ray['shards_finished_at_kill']} shards.\n"
        f"- Planning, per second: {planned}.\n"
        f"- Overhead of a shard, in milliseconds: {per_shard}.\n\n"
        f"The machine had other work. {_hardware(result)}\n"
    )


def _evaluation(result: Result) -> str:
    rest = result["seconds"] - result["seconds_of_the_pipeline"]
    return (
        f"A corpus of {result['tokens']:,} words with {result['entities']:,} entities takes "
        f"{rest / 60:.1f} minutes, plus {result['seconds_of_the_pipeline'] / 60:.1f} for running "
        f"the pipeline twice, and at most {result['peak_memory_mib']:,} MiB. Its report takes "
        f"{result['report_seconds']:.1f} seconds and {result['report_kib']:,} KiB. The machine had "
        f"other work. {_hardware(result)}\n"
    )


def _overlaps(result: Result) -> str:
    """The recipe spans and stock spaCy, on nested entities."""
    names = {
        "ours": "this package, recipe `spans`",
        "stock": f"spaCy, `transformer` and `spancat`, learning rate {result['rate']:g}",
    }
    rows = [
        [
            names[system],
            *(f"{found[figure]:.4f}" for figure in ("f", "outer", "inner")),
            f"{found['words_per_second']:,}",
        ]
        for system, found in result["systems"].items()
    ]
    return (
        f"{_markdown(['', 'test F1', 'outer', 'inner', 'words/s'], rows)}\n\nF1 on raw text of "
        f"{result['outer']} outer and {result['inner']} inner entities. One training each, of "
        f"{result['steps']} steps, with the same weights, batches and spans of up to "
        f"{result['suggester']} tokens. Words per second of processor time, medians of "
        f"{result['rounds']} alternating rounds. {_hardware(result)}\n"
    )


def _latency(result: Result) -> str:
    names = {"ours": "this package", "transformers": "transformers' `pipeline`"}
    rows = [
        [
            names[name],
            f"{seconds['load']:.1f} s",
            f"{seconds['to_first_entity']:.1f} s",
            f"{1000 * seconds['p50']:.1f} ms",
            f"{1000 * seconds['p99']:.1f} ms",
        ]
        for name, seconds in result["seconds"].items()
    ]
    head = ["", "loading", "first entity after", "p50 latency", "p99 latency"]
    return (
        f"{_markdown(head, rows)}\n\n{result['texts']} sentences of "
        f"{result['words'] / result['texts']:.0f} words, one at a time; medians of "
        f"{result['rounds']} alternating runs, each in a new process. Loading includes importing "
        f"torch and transformers. {_hardware(result)}\n"
    )


def _serve(result: Result) -> str:
    rows = [
        [
            f"`{name}`" if name.startswith("spacy") else f"{name}, `nlp(text)`",
            f"{found['texts_per_second']:.1f}",
            f"{found['texts_per_cpu_second']:.1f}",
            f"{found['p50']:.2f} s",
            f"{found['p99']:.2f} s",
            f"{max(found['mebibytes']):,} MiB",
        ]
        for name, found in result["systems"].items()
    ]
    ours = result["systems"]["spacy ner serve"]
    assert set(ours["statuses"]) == {"200"} and not result["hostile"]["server_errors"]
    answers = sum(ours["answers"].values())
    hostile = result["hostile"]
    return (
        f"{_markdown(['', 'texts/s', 'texts/s of processor time', 'p50', 'p99', 'memory'], rows)}\n\n{result['clients']} "
        f"clients, one text of {result['characters_per_text']:.0f} characters at a time, for "
        f"{result['seconds']:.0f} s; each server has one core. All {answers:,} "
        f"requests were answered, {ours['answers'].get('same', 0):,} of them with the same "
        "entities and scores (to 0.01) as "
        f"`nlp(text)`. Memory grew by {ours['growth']:.1%} in the second half. Of "
        f"{hostile['requests']:,} hostile requests, none was answered with a server error, and "
        f"memory went from {hostile['mebibytes'][0]:,} to {hostile['mebibytes'][1]:,} MiB. "
        f"{_hardware(result)}\n"
    )


def _resume(result: Result) -> str:
    assert result["equal"]
    steps = result["killed_after_step"]
    return (
        f"Killed after steps {', '.join(map(str, steps[:-1]))} and {steps[-1]} of "
        f"{result['steps']}, the training ends with the same weights (SHA-256). "
        f"{_hardware(result)}\n"
    )


def _memory(result: Result) -> str:
    found = result["mebibytes"]
    return (
        f"`nlp.pipe` over {result['docs']:,} sentences ({result['words']:,} words) uses "
        f"{found[len(found) // 10]:,} MiB after a tenth of them and {found[-1]:,} MiB at the end, "
        f"{result['growth']:+.1%} in the second half. What grows are caches: of words, and of "
        f"oneDNN's kernels for each matrix shape. {_hardware(result)}\n"
    )


def _reading(result: Result) -> str:
    small, large = result["comparison"], result["large"]
    return (
        f"{small['file']}: {median(small['seconds']):.1f} seconds, and "
        f"{median(small['spacy_convert_seconds']):.1f} with `spacy convert`: "
        f"{small['ratio']:.1f}x as fast (medians of {len(small['seconds'])} alternating runs). "
        f"A generated file of {large['megabytes']:,} MB: {large['megabytes_per_second']:.1f} MB or "
        f"{large['words_per_second']:,} words per second, with at most "
        f"{large['peak_memory_mib']} MiB. {_hardware(result)}\n"
    )


def _readers(result: Result) -> str:
    """The time to read each kind of file, and that of an earlier version."""
    rows = [
        [
            run["file"],
            run["kind"],
            f"{run['megabytes']:,.1f}",
            *(f"{run['seconds'][version]:.2f}" for version in ("now", "before")),
        ]
        for run in result["runs"]
    ]
    head = ["file", "kind", "MB", "seconds of processor time", f"at {result.get('before')}"]
    return f"{_markdown(head, rows)}\n\n{_hardware(result)}\n"


def _learning_curve(result: Result) -> str:
    """The F1 that is predicted from half of the training data, and the measured one."""
    rows = [
        [
            name,
            f"`{of['recipe']}`",
            f"{of['documents'][-1]:,} ({of['sentences']['train']:,})",
            ", ".join(f"{mean(drawn):.3f}" for drawn in of["f"][:-1]),
            f"{of['predicted']['f']:.3f} ({of['predicted']['low']:.3f} to {of['predicted']['high']:.3f})",
            f"{of['measured']:.3f}",
        ]
        for name, of in result["corpora"].items()
    ]
    head = [
        "corpus", "recipe", "documents (sentences)", "F1 with 12, 25, 50%", "predicted for 100%",
        "measured",
    ]  # fmt: skip
    within = sum(of["within"] for of in result["corpora"].values())
    return (
        f"{_markdown(head, rows)}\n\nWithin the interval: {within} of {len(rows)}. "
        f"{_hardware(result)}\n"
    )


def _significance(result: Result) -> str:
    """How often a difference between simulated recipes is significant."""

    def cells(row: Result) -> list[str]:
        runs = " and ".join(map(str, row["runs"]))
        return [f"{row['documents']:,}", runs, f"{row['f_deviation']:.4f}", f"{row['own']:g}"]

    # How differently the recipes do on each document.
    head = ["documents", "runs", "deviation of F1 between runs", "of documents, in logits"]
    none = _markdown(
        [*head, "`compare`", "one run each", "bootstrap over runs and documents"],
        [
            [
                *cells(row),
                *(f"{row[test]:.1%}" for test in ("compare", "one run each", "bootstrap")),
            ]
            for row in result["no_difference"]
        ],
    )
    some = _markdown(
        [*head, "found by `compare`"],
        [[*cells(row), f"{row['compare']:.0%}"] for row in result["difference"]],
    )
    return (
        f"Recipes that do not differ, of {result['simulations']} simulations each: significant at "
        f"5%, with\n\n{none}\n\nRecipes that differ by 0.01 F1:\n\n{some}\n"
    )


def _review(result: Result) -> str:
    """What a review of suspects finds and changes."""
    by_source = ", ".join(
        f"{wrong} of {decided} by {kind}" for kind, (wrong, decided) in result["by_source"].items()
    )
    before, after = result["f_of_labels"]
    return (
        f"Of {result['reviewed']} suspects of `{result['file']}`, {result['wrong']} are wrong "
        f"({by_source}). The review corrects {result['corrected_entities']} entities in "
        f"{result['changed_lines']} of {result['lines']:,} lines, and nothing else in the file "
        f"changes. The F1 of its labels, measured by the corrected ones, rises from {before:.3f} to "
        f"{after:.3f}.\n"
    )


def _guarantee(result: Result) -> str:
    """Whether the promises of tune-threshold are kept."""
    rows = []
    for risk, shares in result["on_halves"].items():
        for share, found in shares.items():
            elsewhere = [of[risk].get(share) for of in result["elsewhere"].values()]
            rows.append(
                [
                    f"{float(share):.0%} {risk}",
                    str(found["promised"]),
                    str(found["kept"]),
                    "" if found["share"] is None else f"{found['share']:.1%}",
                    "" if found["share"] is None else f"{found['spans_per_entity']:.2f}",
                    *("" if of is None else f"{of['share']:.1%}" for of in elsewhere),
                ]
            )
    head = ["at most", "promised", "kept", "share", "spans per entity", *result["elsewhere"]]
    return (
        f"{_markdown(head, rows)}\n\nThresholds found on {result['halves']} random halves of "
        f"{result['corpus']} ({result['documents']} documents) at level {result['level']:g}: how "
        "often a promise is made, how often it is kept on the other half, and the mean share and "
        "number of reported spans there. The last columns are the shares with a threshold found "
        f"on all of {result['corpus']}. {_hardware(result)}\n"
    )


def _label_errors(result: Result) -> str:
    """The precision of likely label errors."""
    numbers = list(result["by"]["both"]["precision"])
    rows = [
        [
            source,
            f"{found['suspects']:,}",
            f"{found['errors']:,}",
            *(f"{found['precision'][n]:.1%}" if n in found["precision"] else "" for n in numbers),
        ]
        for source, found in result["by"].items()
    ]
    head = ["listed by", "suspects", "errors", *(f"of the first {n}" for n in numbers)]
    return (
        f"{_markdown(head, rows)}\n\nDev and test of {result['corpus']}. An error is a label that "
        f"{result['corrected']} corrected. {_hardware(result)}\n"
    )


def _robustness(result: Result) -> str:
    """F1 of one or more pipelines on perturbed copies of a corpus."""
    pipelines = list(result["f"])
    rows = [
        [variant, *(f"{result['f'][name][variant]:.4f}" for name in pipelines)]
        for variant in result["f"][pipelines[0]]
    ]
    return (
        f"{_markdown(['', *pipelines], rows)}\n\nF1 on {result['texts']} texts of "
        f"{result['corpus']}, on its tokens and sentences. {_hardware(result)}\n"
    )


def _runtime(result: Result) -> str:
    """What runs the encoder, side by side."""
    head = [
        "",
        "dev F1",
        "entities that differ",
        *(f"words/s, {kind}" for kind in result["words_per_second"]),
    ]
    rows = [
        [
            RUNTIMES[name],
            f"{f:.4f}",
            str(result["differing_from_fp32"][name]),
            *(
                f"{of[name]:,} ({result['over_default'][kind][name]:.2f}x)"
                for kind, of in result["words_per_second"].items()
            ),
        ]
        for name, f in result["f"].items()
    ]
    first = result["seconds_until_the_first_text"]
    onnxruntime = f"onnxruntime {result['onnxruntime']}"
    return (
        f"{_markdown(head, rows)}\n\nEntities that differ: found by either this runtime or torch in "
        f"fp32, not by both, of {result['entities']:,}. In brackets: relative to torch with "
        f'`precision = "auto"`, which is {"bf16" if "torch, bf16" in result["f"] else "fp32"} here. '
        f"Speed is per second of processor time, because the machine had other work; medians of "
        f"{result['rounds']} alternating runs. Building the graph takes {first['onnx']:.0f} "
        f'seconds ("onnx") or {first["onnx-int8"]:.0f} ("onnx-int8"), once after loading. '
        f"{_hardware(result, onnxruntime)}\n"
    )


def project() -> str:
    """RETURNS (str): What `spacy project document` writes, markers included, for a page in
    docs/: one heading level down, and with links that start there."""
    with TemporaryDirectory() as folder, redirect_stdout(None):
        page = Path(folder) / "project.md"
        project_document(ROOT, page, no_emoji=True)
        text = page.read_text(encoding="utf-8")
    # Weasel links files that may not be distributed, if they are on this machine.
    text = re.sub(r"\[(`assets/[^`]*`)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(?m)^#", "##", text.replace("](project.yml)", "](../project.yml)"))


def main() -> None:
    """Rewrite the pages."""
    parts = {
        rf"<!-- {re.escape(name)} -->\n.*?<!-- /{re.escape(name)} -->": (
            f"<!-- {name} -->\n{table}<!-- /{name} -->"
        )
        for name, table in tables().items()
    }
    parts[r"<!-- WEASEL: .*START.*END [^\n]*-->"] = project()
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for marks, part in parts.items():
            text = re.sub(marks, lambda m, part=part: part, text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
