"""Results as tables for a person to read."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

QUANTILES = ("p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")


def show_stamp(console: Console, stamp: dict[str, Any]) -> None:
    """Which code, machine and libraries, in a few lines."""
    commit = stamp["commit"]
    state = "no git checkout" if commit["id"] is None else commit["id"][:12]
    state += " with changes" if commit["dirty"] else ""
    libraries = ", ".join(f"{name} {version}" for name, version in stamp["libraries"].items())
    rules = f", policy {stamp['policy']['version']}" if "policy" in stamp else ""
    matcher = f", matcher in {stamp['arithmetic']}" if "arithmetic" in stamp else ""
    console.print(f"{stamp['date_utc']}  commit {state}{rules}{matcher}", markup=False)
    console.print(f"{stamp['cpu']}, {stamp['cores']} cores{_memory_of(stamp)}, {stamp['os']}", markup=False)
    if models := ", ".join(stamp.get("gpu_models", ())):
        console.print(f"{models}, driver {stamp['gpu_driver'] or 'not told'}", markup=False)
    console.print(f"Python {stamp['python']}, {libraries}", markup=False)


def _memory_of(stamp: dict[str, Any]) -> str:
    found = [stamp[name] for name in ("memory_bytes", "memory_limit_bytes") if stamp.get(name)]
    return f", {min(found) / 1e9:.1f} GB" if found else ""


def show_film(console: Console, result: dict[str, Any]) -> None:
    """One line for each document."""
    show_stamp(console, result["stamp"])
    columns = (
        "document",
        "outcome",
        "similarity",
        "after s",
        "film over",
        "looked at",
        "passed over",
        "missed limits",
    )
    table = Table(*columns, box=None, pad_edge=False)
    for one in result["captures"]:
        similarity = "none" if one["similarity"] is None else f"{one['similarity']:.3f}"
        missed = ", ".join(f"{name} {count}" for name, count in one["missed_limits"].items())
        outcome = " ".join((one["outcome"], *one["reasons"]))
        over = "yes" if one["film_was_over"] else "no"
        counts = (str(one[name]) for name in ("looked_at", "passed_over"))
        table.add_row(one["document"], outcome, similarity, f"{one['seconds']:.1f}", over, *counts, missed)
    console.print(table)


def show_soak(console: Console, result: dict[str, Any]) -> None:
    """Frames, the time of each, and both processes' memory."""
    show_stamp(console, result["stamp"])
    frames = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in result["frames"].items())
    console.print(f"\n{result['seconds']:g} s: {frames}", markup=False)
    passed = ", ".join(f"{count} × {word}" for word, count in result["outcomes"].items())
    console.print(f"passengers: {passed}; {result['lane_cpu_seconds']:g} s of processor time", markup=False)
    times = Table("", *(name.removesuffix("_ms") + " ms" for name in QUANTILES), box=None, pad_edge=False)
    for name in ("work", "age"):
        times.add_row(name, *(f"{result[name][quantile]:.1f}" for quantile in QUANTILES))
    console.print(times)
    memory = Table("memory", "first MB", "last MB", "most MB", "MB an hour", "95 %", box=None, pad_edge=False)
    for name, told in result["memory"].items():
        memory.add_row(name, *_memory(told))
    console.print(memory)


def _memory(told: dict[str, Any]) -> tuple[str, ...]:
    if not told["samples"]:
        return ("never seen",)
    slope = told["slope_mb_per_hour"]
    grows = ("too short to tell",) if slope is None else (f"{slope['slope']:+.1f}", _between(slope))
    return (*(f"{told[name]:.1f}" for name in ("first_mb", "last_mb", "most_mb")), *grows)


def _between(slope: dict[str, float]) -> str:
    return f"{slope['low']:+.1f} to {slope['high']:+.1f}"


def show_accuracy(console: Console, result: dict[str, Any]) -> None:
    """For each matcher its groups, its thresholds, and how unequal the groups are."""
    show_stamp(console, result["stamp"])
    what = "captures" if result["stamp"]["captures"] else "pictures"
    for name, matcher in result["matchers"].items():
        people = matcher["people"]["number"]
        console.print(
            f"\n{name} {matcher['sha256'][:12]}: {matcher['pictures']} {what} of {people} people, "
            f"{matcher['failures_to_acquire']} failures to acquire {matcher['failures_by_cause'] or ''}",
            markup=False,
        )
        threshold = "no threshold" if matcher["threshold"] is None else f"threshold {matcher['threshold']}"
        console.print(f"{threshold} ({matcher['threshold_from']})", markup=False)
        console.print(_groups(matcher))
        console.print(_fixed(matcher))
        console.print(_thresholds(matcher))
        _show_unequal(console, matcher)


def show_attacks(console: Console, result: dict[str, Any]) -> None:
    """APCER of each species, and what each cue tells alone."""
    show_stamp(console, result["stamp"])
    live = result["bpcer"]
    console.print(
        f"\n{result['people']} people, runs of {result['looks_per_run']} looks; {live['runs']} live runs, "
        f"rejected: {live['rate']:.1%}, at a score of 0.5: {result['bpcer_at_a_half']['rate']:.1%}",
        markup=False,
    )
    species = Table("species", "runs", "accepted", "95 %", "by people", box=None, pad_edge=False)
    for name, one in result["apcer"].items():
        ends = one["by_people"]
        species.add_row(
            name,
            str(one["runs"]),
            f"{one['rate']:.1%}",
            "{:.1%} to {:.1%}".format(*one["interval"]),
            "{:.1%} to {:.1%}".format(*ends) if ends else "",
        )
    console.print(species)
    streams, cost = result["streams"], result["cost_ms"]
    console.print(
        f"one core: {cost['p50']} ms for the cues of a run (p95 {cost['p95']}), "
        f"{streams['cost_ms_per_frame']['p50']} ms for each frame of a stream; "
        f"{streams['suspected']} of {streams['live_sequences']} live sequences taken for a lie",
        markup=False,
    )
    cues = Table("cue alone", "more in live", "assessed", box=None, pad_edge=False)
    for name, one in result["alone"].items():
        cues.add_row(name, f"{one['more_in_live']:.3f}", f"{one['assessed']:.1%}")
    console.print(cues)


def show_decision(console: Console, result: dict[str, Any]) -> None:
    """By threshold and rule: who is missed, who is accepted, by how many frames; then time, and work."""
    show_stamp(console, result["stamp"])
    console.print(
        f"\n{result['sequences']} sequences of {result['people']} people, {result['too_short']} too short; "
        f"{result['strangers_pictures']} pictures of strangers; threshold {result['shipped_threshold']:.3f}",
        markup=False,
    )
    columns = ("threshold", "rule", "holders missed", "of", "strangers accepted", "of", "frames", "p95")
    table = Table(*columns, box=None, pad_edge=False)
    for threshold, by_rule in result["thresholds"].items():
        for name, told in by_rule.items():
            missed, accepted = told["false_non_matches"], told["false_matches"]
            frames = told["frames_of_holders"] or {"mean": None, "p95": None}
            counts = [str(one[key]) for one in (missed, accepted) for key in ("errors", "n")]
            table.add_row(threshold, name, *counts, str(frames["mean"]), str(frames["p95"]))
    console.print(table)
    for name, told in result["from_the_start"].items():
        console.print(f"{name}: {_from_start(told)}", markup=False)
    work = result["work"]
    for name in ("a_frame", "a_frame_with_every_step", "first_frame_to_decision"):
        quantiles = ", ".join(f"{key.removesuffix('_ms')} {work[name][key]:.1f} ms" for key in QUANTILES)
        console.print(f"{name.replace('_', ' ')}: {quantiles}", markup=False)


def _from_start(told: dict[str, Any]) -> str:
    frames, times = told["frames"], told["ms_at_the_cameras_pace"]
    if frames is None:
        return "nobody was filmed twice"
    return (
        f"{told['admitted']} of {told['captures']} admitted, frames {frames['p50']:.0f} "
        f"(p95 {frames['p95']:.0f}), {times['p50']:.0f} ms (p95 {times['p95']:.0f})"
    )


def show_calibration(
    console: Console, calibration: dict[str, Any], wanted: Mapping[float, Mapping[str, Any] | None]
) -> None:
    """The groups behind it, and the threshold for each wanted FMR in the worst group."""
    matcher, failures = calibration["matcher"], [one["failures_to_acquire"] for one in calibration["data"]]
    console.print(
        f"{matcher['name']} {matcher['sha256'][:12]}, preprocessing {matcher['preprocessing'][:12]}: "
        f"{sum(failures)} failures to acquire",
        markup=False,
    )
    groups = Table("group", "people", "genuine", "impostors", box=None, pad_edge=False)
    for name, counts in calibration["groups"].items():
        groups.add_row(name, *(f"{counts[key]:,}" for key in ("people", "genuine", "impostors")))
    console.print(groups)
    columns = ("FMR in the worst group", "threshold", "FMR %", "worst group's FMR %", "", "FNMR %")
    table = Table(*columns, box=None, pad_edge=False)
    for target, point in wanted.items():
        if point is None:
            table.add_row(f"{target:g}", "not kept by any score")
            continue
        worst, below = (_within(point, kind) for kind in ("worst_fmr", "fnmr"))
        overall = f"{point['fmr'] * 100:.3g}"
        table.add_row(f"{target:g}", f"{point['score']:.4f}", overall, worst, point["worst_group"], below)
    console.print(table)


def show_ingredients(console: Console, result: dict[str, Any]) -> None:
    """One line for each recipe: its cost, and false non-matches by group at one FMR in the worst group."""
    show_stamp(console, result["stamp"])
    recipes = {name: (one, one["at_worst_group_fmr"]) for name, one in result["recipes"].items()}
    groups = next((list(at["groups"]) for _, at in recipes.values() if at), [])
    table = Table("recipe", "ms", "threshold", "worst group", box=None, pad_edge=False)
    for group in groups:
        table.add_column(f"FNMR % {group}")
    for name, (one, at) in recipes.items():
        cost = "" if one["cost_ms"] is None else f"{one['cost_ms']:.1f}"
        if at is None:
            table.add_row(name, cost, "too few strangers")
            continue
        missed = [_share(at["groups"][group]["fnmr"]) for group in groups]
        table.add_row(name, cost, f"{at['threshold']:.4f}", at["worst_group"], *missed)
    console.print("where the worst group has FMR 1e-3; ms beyond the detector's first look")
    console.print(table)


def show_latency(console: Console, result: dict[str, Any]) -> None:
    """By provider the whole, stages, batches and a cold start; why others were not measured; peers."""
    stamp = result["stamp"]
    show_stamp(console, stamp)
    clock, disk = stamp["clock"], stamp["journal"]["filesystem"] or "a disk"
    console.print(f"{stamp['frames']}; {clock['function']} on {clock['source'] or clock['implementation']}")
    console.print(f"the journal is on {disk}", markup=False)
    for name, provider in result["providers"].items():
        _show_provider(console, name, provider)
    for name, why in result["providers_not_measured"].items():
        console.print(f"\n{name} not measured: {why}", markup=False)
    for name, peer in result["peers"].items():
        console.print(f"\n{name}: {_beside(peer)}", markup=False)


def _show_provider(console: Console, name: str, provider: dict[str, Any]) -> None:
    console.print(f"\n{name}; milliseconds", markup=False)
    whole = _spreads("frame captured to gate commanded")
    for point in provider["points"]:
        where = _place(point)
        _add_spread(whole, f"{where}: last frame", point["end_to_end"])
        _add_spread(whole, f"{where}: first frame", point["first_frame_to_gate"])
    console.print(whole)
    stages = _spreads(f"stage at {_place(provider)}")
    for stage, told in provider["stages"].items():
        _add_spread(stages, stage, told)
    _add_spread(stages, "one frame, to decision", provider["frame_to_decision"])
    console.print(stages)
    cold = _spreads("cold: a lane started afresh")
    for part, told in provider["cold"].items():
        _add_spread(cold, part.replace("_", " "), told)
    console.print(cold)
    console.print(_batches(provider["batches"]))
    for what, told in provider["energy"].items():
        if what != "not_counted":
            why = provider["energy"]["not_counted"].get(what)
            each = f"{told['joules_per_decision']:.2f} J a decision" if told else f"not counted: {why}"
            console.print(f"energy of the {what}: {each}", markup=False)


def _place(point: dict[str, Any]) -> str:
    threads = point["threads"]
    return f"{point['size']}, {threads} thread{'' if threads == 1 else 's'}"


def _spreads(first: str) -> Table:
    columns = (first, *(name.removesuffix("_ms") for name in QUANTILES), "n")
    return Table(*columns, box=None, pad_edge=False, title_justify="left")


def _add_spread(table: Table, name: str, told: dict[str, Any]) -> None:
    table.add_row(name, *(f"{told[key]:.3f}" for key in QUANTILES), str(told["n"]))


def _batches(by_threads: dict[str, Any]) -> Table:
    """Each network's batches: the time of one picture, and how many a second."""
    table = Table("batch", "threads", "p50", "p50 each", "a second", "n", box=None, pad_edge=False)
    for threads, roles in by_threads.items():
        for role, batches in roles.items():
            for size, told in batches.items():
                where = (f"{role}, {size}", threads)
                if "skipped" in told:
                    table.add_row(*where, told["skipped"])
                else:
                    each = (f"{told[key]:.3f}" for key in ("p50_ms", "each_p50_ms"))
                    table.add_row(*where, *each, f"{told['pictures_per_second']:.1f}", str(told["n"]))
    return table


def _beside(peer: dict[str, Any]) -> str:
    if "skipped" in peer:
        return f"skipped: {peer['skipped']}"
    told = "; ".join(f"{_times(one)} as {job.replace('_', ' ')}" for job, one in peer["ours"].items())
    return f"{peer['does']}: p50 {peer['time']['p50_ms']:.1f} ms; we take {told}"


def _times(one: dict[str, Any]) -> str:
    low, high = one["interval"]
    return f"{one['time']['p50_ms']:.1f} ms, {one['ratio']:.2f} times as fast ({low:.2f} to {high:.2f}),"


def _every(matcher: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"all": matcher["overall"], **matcher["groups"]}


def _groups(matcher: dict[str, Any]) -> Table:
    """At the threshold: both rates with the exact interval, and with the one over people."""
    counted = ("people", "failed", "genuine", "impostors")
    columns = ("", *counted, "FMR %", "by people", "FNMR %", "by people", "FRR %")
    table = Table(*columns, box=None, pad_edge=False)
    for name, group in _every(matcher).items():
        keys = ("people", "failures_to_acquire", "genuine", "impostors")
        counts = [f"{group[key]:,}" for key in keys]
        rates = [part for kind in ("fmr", "fnmr") for part in _flat(group, kind)]
        table.add_row(name, *counts, *rates, _percent(group.get("frr")))
    return table


def _fixed(matcher: dict[str, Any]) -> Table:
    table = Table("", "EER %", box=None, pad_edge=False)
    for target in matcher["fnmr_at_fmr"]:
        table.add_column(f"FNMR % at FMR {target}")
    for name, group in _every(matcher).items():
        at = [
            f"{_share(one['fnmr'])} at {one['threshold']:.3f}" if one else "too few"
            for one in group["at_fmr"].values()
        ]
        table.add_row(name, _percent(group["eer"]), *at)
    return table


def _thresholds(matcher: dict[str, Any]) -> Table:
    table = Table("threshold", "FMR %", "FNMR %", "FRR %", box=None, pad_edge=False)
    for threshold, at in matcher["overall"]["thresholds"].items():
        table.add_row(threshold, _share(at["fmr"]), _share(at["fnmr"]), _share(at["frr"]))
    return table


def _show_unequal(console: Console, matcher: dict[str, Any]) -> None:
    for kind, at in matcher.get("worst_over_best", {}).items() if len(matcher["groups"]) > 1 else ():
        times = f", {at['ratio']:.3g} times" if at["ratio"] is not None else ""
        console.print(
            f"{kind.upper()} % at the threshold: worst {at['worst']} {_percent(at['worst_rate'])}, "
            f"best {at['best']} {_percent(at['best_rate'])}{times}",
            markup=False,
        )
    for target, at in matcher["at_worst_group_fmr"].items():
        if at:
            each = ", ".join(f"{name} {_share(one['fnmr'])}" for name, one in at["groups"].items())
            console.print(
                f"FMR {target} in the worst group ({at['worst_group']}): {at['threshold']:.4f}; "
                f"FNMR % {each}",
                markup=False,
            )
    for name, at in matcher["when_one_has_fmr_1e-4"].items():
        console.print(
            f"when {name} has FMR 1e-4 ({at['threshold']:.4f}), {at['worst_group']} has "
            f"{_share(at['fmr'])} %: {at['times']:.3g} times",
            markup=False,
        )


def _flat(group: dict[str, Any], kind: str) -> tuple[str, str]:
    low, high = group[f"{kind}_interval"]
    exact = "" if group[kind] is None else f"{group[kind] * 100:.3g} ({_short(low)}-{_short(high)})"
    people = group.get(f"{kind}_interval_by_people")
    return exact, f"({_short(people[0])}-{_short(people[1])})" if people else ""


def _within(point: Mapping[str, Any], kind: str) -> str:
    low, high = point[f"{kind}_low"], point[f"{kind}_high"]
    return f"{point[kind] * 100:.3g} ({_short(low)}-{_short(high)})"


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction * 100:.3g}"


def _share(rate: dict[str, Any]) -> str:
    if rate["rate"] is None:
        return "none"
    return f"{rate['rate'] * 100:.3g} ({_short(rate['low'])}-{_short(rate['high'])})"


def _short(fraction: float) -> str:
    """In per cent, with two digits that count: `.2g` would write 100 as 1e+02."""
    percent = fraction * 100
    return f"{percent:.0f}" if percent >= 99.5 else f"{percent:.2g}"
