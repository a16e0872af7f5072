"""What the pipelines find: accuracy against others, on other text, with fewer labels."""

from statistics import mean

from .layout import Result, hardware, markdown

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

TOKENIZATIONS = {"text": "raw text", "gold": "gold tokens"}


def few_labels(result: Result) -> str:
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
    return f"{markdown(head, rows)}\n\n{hardware(result)}\n"


def compare(result: Result) -> str:
    """The systems side by side: accuracy, and what training and annotating take."""
    speed = result.get("speed")
    head = ["", "dev F1", "test F1", "seeds", "training, minutes", "training, GiB"]
    rows = []
    for name, found in trained(result):
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
    made = hardware(result, f"transformers {result['versions']['transformers']}")
    return f"{markdown(head, rows)}\n\n{notes}{made}\n"


def details(result: Result) -> str:
    """What the comparison has beside its main table."""
    raw = [
        [SYSTEMS[name], f"{found['mean_dev_f_text']:.4f}", f"{found['mean_test_f_text']:.4f}"]
        for name, found in trained(result)
        if "mean_dev_f_text" in found
    ]
    parts = [markdown(["from raw text", "dev F1", "test F1"], raw)]
    speed = result.get("speed")
    if speed:
        others = [
            [title, f"{speed['words_per_second'][name]:,}"]
            for name, title in OTHER_SPEEDS.items()
            if name in speed["words_per_second"]
        ]
        parts.append(markdown(["annotating", "words/s"], others))
        host = speed["host_words_per_second"]
        if host:
            per = ", ".join(f"{value:,} ({SYSTEMS[name]})" for name, value in host.items())
            parts.append(f"Everything but the encoder, on one core, in words/s: {per}.")
    return "\n\n".join(parts) + "\n"


def trained(result: Result) -> list[tuple[str, Result]]:
    trained = result["training"]
    return [(name, trained[name]) for name in SYSTEMS if name in trained]


def scores(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nDev F1 on raw text: {result['dev_f']:.4f}. Training: "
        f"{took['train'] / 60:.1f} minutes, {result['peak_memory_mib']['train'] / 1024:.1f} GiB. "
        f"All commands together: {sum(took.values()) / 60:.1f} minutes. Evaluation: "
        f"{result['words_per_second']:,} words/s. {hardware(result)}\n"
    )


def ablation(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nMean ± standard deviation over seeds; the change is against "
        f"the default with the same seeds. {steps}{hardware(result)[:-1]}{commit}.\n"
    )


def suite(result: Result) -> str:
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
    return f"{markdown(head, rows)}\n\nF1 on test, gold tokens. {hardware(result)}\n"


def updating(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nInitial training: {some['first training']} documents. Update: "
        f"{some['new']} new documents with {result['entities']} entities, rehearsal on "
        f"{some['rehearsal']} of the initial documents, {result['steps']} steps of "
        f"{result['batch']} documents with learning rate {result['learn_rate']:g}. "
        f"{hardware(result)}\n"
    )


def overlaps(result: Result) -> str:
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
        f"{markdown(['', 'test F1', 'outer', 'inner', 'words/s'], rows)}\n\nF1 on raw text of "
        f"{result['outer']} outer and {result['inner']} inner entities. One training each, of "
        f"{result['steps']} steps, with the same weights, batches and spans of up to "
        f"{result['suggester']} tokens. Words per second of processor time, medians of "
        f"{result['rounds']} alternating rounds. {hardware(result)}\n"
    )


def learning_curve(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nWithin the interval: {within} of {len(rows)}. "
        f"{hardware(result)}\n"
    )


def robustness(result: Result) -> str:
    """F1 of one or more pipelines on perturbed copies of a corpus."""
    pipelines = list(result["f"])
    rows = [
        [variant, *(f"{result['f'][name][variant]:.4f}" for name in pipelines)]
        for variant in result["f"][pipelines[0]]
    ]
    return (
        f"{markdown(['', *pipelines], rows)}\n\nF1 on {result['texts']} texts of "
        f"{result['corpus']}, on its tokens and sentences. {hardware(result)}\n"
    )
