"""Time and memory: reading, training, annotating, serving."""

from statistics import median

from .layout import Result, hardware, markdown

RUNTIMES = {
    "torch, fp32": '`precision = "fp32"`',
    "torch, bf16": '`precision = "bf16"`',
    "onnx": '`runtime = "onnx"`',
    "onnx-int8": '`runtime = "onnx-int8"`',
}


def annotation(result: Result) -> str:
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
        f"The machine had other work. {hardware(result)}\n"
    )


def evaluation(result: Result) -> str:
    rest = result["seconds"] - result["seconds_of_the_pipeline"]
    return (
        f"A corpus of {result['tokens']:,} words with {result['entities']:,} entities takes "
        f"{rest / 60:.1f} minutes, plus {result['seconds_of_the_pipeline'] / 60:.1f} for running "
        f"the pipeline twice, and at most {result['peak_memory_mib']:,} MiB. Its report takes "
        f"{result['report_seconds']:.1f} seconds and {result['report_kib']:,} KiB. The machine had "
        f"other work. {hardware(result)}\n"
    )


def latency(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\n{result['texts']} sentences of "
        f"{result['words'] / result['texts']:.0f} words, one at a time; medians of "
        f"{result['rounds']} alternating runs, each in a new process. Loading includes importing "
        f"torch and transformers. {hardware(result)}\n"
    )


def serve(result: Result) -> str:
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
        f"{markdown(['', 'texts/s', 'texts/s of processor time', 'p50', 'p99', 'memory'], rows)}\n\n{result['clients']} "
        f"clients, one text of {result['characters_per_text']:.0f} characters at a time, for "
        f"{result['seconds']:.0f} s; each server has one core. All {answers:,} "
        f"requests were answered, {ours['answers'].get('same', 0):,} of them with the same "
        "entities and scores (to 0.01) as "
        f"`nlp(text)`. Memory grew by {ours['growth']:.1%} in the second half. Of "
        f"{hostile['requests']:,} hostile requests, none was answered with a server error, and "
        f"memory went from {hostile['mebibytes'][0]:,} to {hostile['mebibytes'][1]:,} MiB. "
        f"{hardware(result)}\n"
    )


def memory(result: Result) -> str:
    found = result["mebibytes"]
    return (
        f"`nlp.pipe` over {result['docs']:,} sentences ({result['words']:,} words) uses "
        f"{found[len(found) // 10]:,} MiB after a tenth of them and {found[-1]:,} MiB at the end, "
        f"{result['growth']:+.1%} in the second half. What grows are caches: of words, and of "
        f"oneDNN's kernels for each matrix shape. {hardware(result)}\n"
    )


def reading(result: Result) -> str:
    small, large = result["comparison"], result["large"]
    return (
        f"{small['file']}: {median(small['seconds']):.1f} seconds, and "
        f"{median(small['spacy_convert_seconds']):.1f} with `spacy convert`: "
        f"{small['ratio']:.1f}x as fast (medians of {len(small['seconds'])} alternating runs). "
        f"A generated file of {large['megabytes']:,} MB: {large['megabytes_per_second']:.1f} MB or "
        f"{large['words_per_second']:,} words per second, with at most "
        f"{large['peak_memory_mib']} MiB. {hardware(result)}\n"
    )


def readers(result: Result) -> str:
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
    return f"{markdown(head, rows)}\n\n{hardware(result)}\n"


def runtime(result: Result) -> str:
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
        f"{markdown(head, rows)}\n\nEntities that differ: found by either this runtime or torch in "
        f"fp32, not by both, of {result['entities']:,}. In brackets: relative to torch with "
        f'`precision = "auto"`, which is {"bf16" if "torch, bf16" in result["f"] else "fp32"} here. '
        f"Speed is per second of processor time, because the machine had other work; medians of "
        f"{result['rounds']} alternating runs. Building the graph takes {first['onnx']:.0f} "
        f'seconds ("onnx") or {first["onnx-int8"]:.0f} ("onnx-int8"), once after loading. '
        f"{hardware(result, onnxruntime)}\n"
    )
