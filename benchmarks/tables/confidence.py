"""How far the scores, the comparisons and the labels can be trusted."""

from .layout import Result, hardware, markdown


def calibration(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nDev halves: fitted on one random half of dev's documents and "
        f"measured on the other, mean of {result['splits']} splits. Test: fitted on dev, measured "
        f"on test. ECE uses {result['binning']}. A threshold chosen for precision "
        f"{found['wanted_precision']:.2f} on one half of dev gives "
        f"{found['other_half_precision']:.4f} on the other half, and {found['test_precision']:.4f} "
        f"on test, with recall {found['test_recall']:.4f}.\n"
    )


def parity(result: Result) -> str:
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
    parts = [markdown(head, rows)]
    for name, found in result["pipelines"].items():
        parts.append(
            f"The export of `{name}` drops {', '.join(found['lost'])}. With its refitted head it has "
            f"dev F1 {found['checkpoint_f']:.4f}; the pipeline has {found['pipeline_f']:.4f}."
        )
    return "\n\n".join(parts) + "\n"


def significance(result: Result) -> str:
    """How often a difference between simulated recipes is significant."""

    def cells(row: Result) -> list[str]:
        runs = " and ".join(map(str, row["runs"]))
        return [f"{row['documents']:,}", runs, f"{row['f_deviation']:.4f}", f"{row['own']:g}"]

    # How differently the recipes do on each document.
    head = ["documents", "runs", "deviation of F1 between runs", "of documents, in logits"]
    none = markdown(
        [*head, "`compare`", "one run each", "bootstrap over runs and documents"],
        [
            [
                *cells(row),
                *(f"{row[test]:.1%}" for test in ("compare", "one run each", "bootstrap")),
            ]
            for row in result["no_difference"]
        ],
    )
    some = markdown(
        [*head, "found by `compare`"],
        [[*cells(row), f"{row['compare']:.0%}"] for row in result["difference"]],
    )
    return (
        f"Recipes that do not differ, of {result['simulations']} simulations each: significant at "
        f"5%, with\n\n{none}\n\nRecipes that differ by 0.01 F1:\n\n{some}\n"
    )


def review(result: Result) -> str:
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


def guarantee(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nThresholds found on {result['halves']} random halves of "
        f"{result['corpus']} ({result['documents']} documents) at level {result['level']:g}: how "
        "often a promise is made, how often it is kept on the other half, and the mean share and "
        "number of reported spans there. The last columns are the shares with a threshold found "
        f"on all of {result['corpus']}. {hardware(result)}\n"
    )


def label_errors(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nDev and test of {result['corpus']}. An error is a label that "
        f"{result['corrected']} corrected. {hardware(result)}\n"
    )
