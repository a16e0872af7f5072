"""What happens when something fails, and in the tests of others."""

from collections import Counter

from .layout import Result, hardware, markdown


def interrupted(result: Result) -> str:
    """What killing the project in each phase does."""
    phases = [kill["phase"] for kill in result["kills"]]
    counts = ", ".join(f"{phase} {phases.count(phase)}" for phase in result["phases"])
    end = "is the same" if result["equal"] else "differs"
    return (
        f"Killed {len(phases)} times ({counts}): {result['lost']} finished files are lost, and the "
        f"result {end}. {hardware(result)}\n"
    )


def spacy_tests(result: Result) -> str:
    """spaCy's and spacy-transformers' own tests by suite, and why some fail."""
    rows = [
        [f"`{suite}`", *(str(found[key]) for key in ("passed", "failed", "skipped"))]
        for suite, found in result["suites"].items()
    ]
    reasons = Counter(failure["reason"] for failure in result["expected_failures"])
    listed = "\n".join(f"- {count}: {reason}" for reason, count in reasons.items())
    table = markdown(["suite", "passed", "failed", "skipped"], rows)
    return f"{table}\n\nThe expected failures, by reason:\n\n{listed}\n\n{hardware(result)}\n"


def resume(result: Result) -> str:
    assert result["equal"]
    steps = result["killed_after_step"]
    return (
        f"Killed after steps {', '.join(map(str, steps[:-1]))} and {steps[-1]} of "
        f"{result['steps']}, the training ends with the same weights (SHA-256). "
        f"{hardware(result)}\n"
    )
