"""`istar use anomalies` and `istar use horizon`: what a method's representation is good for beyond its tasks."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from istar.cli.app import SUCCESS, command
from istar.cli.options import DEFAULT_TARGET, AsJson, Dtype, SeedNumber, TargetName, Unsafe
from istar.cli.use import MethodName, Picture, Threads, one_method, use


@command(
    "istar use anomalies --method tuned_lens --to anomalies.svg",
    "istar use anomalies --method I.py --organisms linnet,merlin,heron,nightjar",
    of=use,
)
def anomalies(
    *,
    method: MethodName,
    organisms: Annotated[
        str, Parameter(help="Organisms, with commas between; those of the family sandbag_or_failure if none.")
    ] = "",
    words: Annotated[int, Parameter(help="Words of each relation that are asked, at most.")] = 24,
    target: TargetName = DEFAULT_TARGET,
    dtype: Dtype = "float32",
    seed: SeedNumber = 0,
    threads: Threads = 2,
    unsafe: Unsafe = False,
    to: Picture = None,
    as_json: AsJson = False,
) -> int:
    """Tell sandbagging from random failure by what a method says, as fixed features: mechanistic anomaly detection.

    Models that hold back are compared with models that cannot do better, on words that both fail on. Four anomaly
    scores (Mahalanobis, spectral, density, intervention) are fitted on honest failures of other models on other
    relations and know no label. Shown is the area under each one's ROC curve, with intervals, beside raw activations,
    random directions of equal size, an untrained I* (learned from a target with fresh weights), and the black-box
    statistic that did best on other organisms.
    """
    from istar.files import check_destination

    name, file = one_method(method)
    if to is not None:
        check_destination(to)

    from istar.cli.progress import loading, ticker
    from istar.cli.use_shown import give
    from istar.cli.use_transfer_shown import draw_anomalies, show_anomalies
    from istar.targets import load_target
    from istar.uses.anomalies import find_anomalies
    from istar.uses.failures import check_words, comparisons_of
    from istar.uses.reading import opened

    check_words(words)
    names = [each.strip() for each in organisms.split(",") if each.strip()]
    with ticker(loading(target), None) as bar:
        loaded = load_target(target, dtype)
        comparisons_of(names, loaded)
        with opened(loaded, seed=seed, threads=threads, unsafe=unsafe) as arms:
            found = find_anomalies(
                *(arms, file, name, names),
                words=words,
                seed=seed,
                progress=lambda done, total: bar.move(done, total, "running organisms"),
            )
    give(found, show_anomalies, draw_anomalies, to, as_json=as_json)
    return SUCCESS


@command("istar use horizon --method answer_logits --length 80 --to horizon.svg", of=use)
def horizon(
    *,
    method: MethodName,
    length: Annotated[int, Parameter(help="Tokens of a context where everything is learned and chosen.")] = 80,
    texts: Annotated[str, Parameter(help="What contexts are made of: reviews or scripture.")] = "reviews",
    questions: Annotated[int, Parameter(help="Questions at each length, and as many to learn from.")] = 3,
    depths: Annotated[int, Parameter(help="At how many depths the evidence stands in a question.")] = 3,
    contexts: Annotated[int, Parameter(help="Contexts with evidence, and without, at each length.")] = 12,
    executor_seeds: Annotated[int, Parameter(help="Executor seeds a curve is made for.")] = 4,
    target: TargetName = DEFAULT_TARGET,
    dtype: Dtype = "float32",
    seed: SeedNumber = 0,
    threads: Threads = 2,
    unsafe: Unsafe = False,
    to: Picture = None,
    as_json: AsJson = False,
) -> int:
    """Measure how far what is learned at one length transfers: to 1, 2, 4, 8 and 16 times that.

    A method learns from text, the executor from questions of the family needle_depth, and a detector of far evidence
    from contexts, all no longer than `--length`. At each length are shown how many times fewer FLOPs the executor needs
    with the method, and how well contexts that begin with evidence are told from those that do not; and the first
    length at which an interval holds nothing saved, or chance.
    """
    from istar.files import check_destination

    name, file = one_method(method)
    if to is not None:
        check_destination(to)

    from istar.arms.settings import ArmSettings
    from istar.cli.progress import loading, ticker
    from istar.cli.use_shown import give
    from istar.cli.use_transfer_shown import draw_horizon, show_horizon
    from istar.targets import load_target
    from istar.uses.far_evidence import Horizon
    from istar.uses.horizon import measure_horizon

    asked = Horizon(texts, length, questions, depths, contexts)
    settings = ArmSettings(environment_seed=seed, threads=threads, unsafe=unsafe, executor_seeds=executor_seeds)
    with ticker(loading(target), None) as bar:
        loaded = load_target(target, dtype)
        found = measure_horizon(
            *(settings, loaded, file, name, asked),
            progress=lambda what: lambda done, total: bar.move(done, total, what),
        )
    give(found, show_horizon, draw_horizon, to, as_json=as_json)
    return SUCCESS
