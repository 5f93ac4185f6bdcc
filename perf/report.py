#!/usr/bin/env python3
"""Results on GPUs that are kept in the repository: docs/performance.md's tables and plots are made of them.

report.py keep FILE...  takes reports of perf tools (-J) into perf/results/gpu, if they may be kept
report.py write         writes the tables of docs/performance.md, and the plots in docs/plots, anew
report.py check         says what of all that is not as it should be

A report is kept if it was measured by a build of a commit of this repository, without changes to its sources. Plots
carry the hash of the report that they were drawn from; to draw them takes matplotlib."""

import glob
import hashlib
import json
import os
import re
import subprocess
import sys

import plots

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = "perf/results/gpu"
PAGE = "docs/performance.md"
BEGIN, END = "<!-- results: begin (perf/report.py write) -->", "<!-- results: end -->"
MOST_BYTES = 500_000
# By tool; the others are of collectives.
NEEDED = {"init_perf": ["rows"], "link_perf": ["bandwidths", "times"], "accuracy_perf": ["results", "config", "gpus"]}
PLACEMENTS = ("out_of_place", "in_place")


class Refused(Exception):
    """Why a report cannot be kept, and what to do."""


def load(path: str) -> dict:
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (OSError, ValueError) as why:
        raise Refused(f"{path} is no report: {why}") from why
    if not isinstance(report, dict):
        raise Refused(f"{path} is no report of a perf tool (-J)")
    return report


def git(*words) -> subprocess.CompletedProcess:
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)


def can_know(commit: str) -> bool:
    shallow = git("rev-parse", "--is-shallow-repository")
    if shallow.returncode != 0:
        return False
    return shallow.stdout.strip() != "true" or git("cat-file", "-e", commit).returncode == 0


def check_origin(path: str, report: dict) -> None:
    """Of a commit of this repository, and of nothing else."""
    origin = report.get("provenance", {})
    commit = origin.get("commit")
    if not commit or commit == "unknown" or "dirty" not in origin:
        raise Refused(f"{path} does not say of which commit it is: measure by a build of a clone, not of an archive")
    missing = [name for name in ("command", "tool_hash", "library_hash") if not origin.get(name)]
    if missing:
        raise Refused(f"{path} does not say its {', '.join(missing)}: measure with the tools of this release")
    if origin["dirty"]:
        raise Refused(f"{path} was measured by a build of changed sources: commit them, build, and measure again")
    if git("merge-base", "--is-ancestor", commit, "HEAD").returncode == 0:
        return
    if not can_know(commit):
        print(f"report.py: {path} is of {commit[:10]}, which no clone, or a shallow one, cannot know", file=sys.stderr)
        return
    raise Refused(f"{path} is of {commit[:10]}, which is no commit before this one: measure again by a build of this branch")


def check_fields(path: str, report: dict) -> None:
    tool = report.get("tool")
    needed = NEEDED.get(tool, ["results", "ranks", "gpus"])
    missing = [name for name in ["tool", *needed] if not report.get(name)]
    if missing:
        raise Refused(f"{path} has no {', '.join(missing)}: is it a report of a perf tool with ranks on GPUs (--device)?")
    if report.get("ranks_agree") is False or (report.get("out_of_bounds") or {}).get("okay") is False:
        raise Refused(f"{path} is of a run that failed: its ranks did not agree, or values were wrong")
    if tool == "accuracy_perf":
        check_sums(path, report)
    elif "results" in report:
        check_rows(path, report)


def check_sums(path: str, report: dict) -> None:
    """Of accuracy_perf. What another library's bits do is for the table to say."""
    for row in report["results"]:
        if row["library"] == "stretto" and not (row["errors"] and row["ranks_agree"] and row["runs_agree"]):
            raise Refused(f"{path} is of a run that failed: bits of sums of {row['type']} differed between ranks or runs")


def check_rows(path: str, report: dict) -> None:
    """Of a collective."""
    if len({(row["type"], row["redop"]) for row in report["results"]}) > 1:
        raise Refused(f"{path} has several types or operations: one of each in a report (-d, -o)")
    wrong = [row["size_bytes"] for row in report["results"] for place in PLACEMENTS
             if row[place] and row[place].get("wrong")]
    if wrong:
        raise Refused(f"{path} has wrong values at {wrong[0]} B: such figures are worth nothing")


def check_report(path: str) -> dict:
    if os.path.getsize(path) > MOST_BYTES:
        raise Refused(f"{path} has {os.path.getsize(path)} bytes, {MOST_BYTES} at most: fewer --pairs, or sizes")
    report = load(path)
    check_origin(path, report)
    try:
        check_fields(path, report)
        section(path, report)
        plots.lines_of(report)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as why:
        raise Refused(f"{path} lacks what its table needs ({why!r}): measure with the tools of this release") from why
    return report


def kept() -> list:
    """Paths of the reports in the repository, from its root."""
    return sorted(glob.glob(f"{RESULTS}/*.json", root_dir=ROOT))


def without_places(value):
    """What a machine's folders are called is nobody's business."""
    if isinstance(value, dict):
        return {name: without_places(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_places(each) for each in value]
    if not isinstance(value, str) or value.startswith(("/lib/", "/usr/lib/")):
        return value
    return re.sub(r"(?<![\w/])\.{0,2}[\w.-]*/(?:[^\s:,=/]+/)*([^\s:,=/]+)(?=$|[\s:,])", r"\1", value)


def keep(paths: list) -> None:
    reports = [(path, check_report(path)) for path in paths]
    os.makedirs(os.path.join(ROOT, RESULTS), exist_ok=True)
    for path, report in reports:
        with open(os.path.join(ROOT, RESULTS, os.path.basename(path)), "w", encoding="utf-8") as file:
            json.dump(without_places(report), file, separators=(",", ":"))
            file.write("\n")


# ---- tables --------------------------------------------------------------------------------------------------------


def table(head: list, rows: list) -> list:
    lines = ["| " + " | ".join(head) + " |", "|" + " ---: |" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def number(value, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def of_collective(report: dict) -> list:
    head = ["bytes", "", "stretto us", "NCCL us", "ratio", "95 %", "busbw GB/s", "% of link"]
    rows = []
    for row in report["results"]:
        for place in PLACEMENTS:
            measured = row[place]
            if not measured:
                continue
            rival = measured.get("rival") or {}
            interval = f"{rival['ratio_95_low']:.2f}-{rival['ratio_95_high']:.2f}" if rival else "-"
            rows.append([plots.size_text(row["size_bytes"]), place.replace("_", " "), number(measured["time_us"]),
                         *([number(rival["time_us"]), f"{rival['ratio']:.2f}"] if rival else ["-", "-"]), interval,
                         number(measured["busbw_gbps"], 1), number(measured.get("ceiling_percent"), 1)])
    return table(head, rows)


def of_init(report: dict) -> list:
    rows = [[row["library"], number(row["first_ms"], 1), number(row["later_ms"], 1),
             number(row["device_bytes"] / (1 << 20), 1)] for row in report["rows"]]
    return table(["library", "first ms", "second ms", "MiB a GPU"], rows)


def of_link(report: dict) -> list:
    rows = [[row["method"], str(row["sms"]), number(row["one_way_gbps"], 1), number(row["both_ways_gbps"], 1)]
            for row in report["bandwidths"]]
    return table(["method", "SMs", "one way GB/s", "both ways GB/s"], rows)


def of_accuracy(report: dict) -> list:
    head = ["type", "numbers", "library", "max ulp", "mean ulp", "bias ulp", "max rel", "rounded %", "infinite", "ranks", "runs"]
    rows = []
    for row in report["results"]:
        errors = row["errors"]
        figures = ["not served", *["-"] * 7] if errors is None else [
            *[f"{errors[name]:.3g}" for name in ("max_ulp", "mean_ulp", "bias_ulp", "max_relative")],
            number(errors["rounded_percent"]), str(errors["not_finite"]),
            *["same" if row[name] else "differ" for name in ("ranks_agree", "runs_agree")]]
        rows.append([row["type"], row["numbers"], row["library"], *figures])
    return table(head, rows)


def places_of(report: dict) -> tuple:
    """(number of ranks, the GPUs' names, the library beside)"""
    if report["tool"] == "accuracy_perf":  # its GPUs are those of one thread
        return report["config"]["ranks"], sorted(set(report["gpus"])), (report.get("rival") or {}).get("name")
    gpus = [each.get("gpu") or each.get("name") for place in (report.get("ranks"), report.get("gpus"))
            if isinstance(place, list) for each in place]
    rival = (report.get("gpus") or {}).get("rival") if isinstance(report.get("gpus"), dict) else None
    return len(gpus), sorted(set(filter(None, gpus))), rival


def caption(report: dict) -> str:
    n_ranks, names, rival = places_of(report)
    origin = report["provenance"]
    command = origin.get("command")
    parts = [f"`{' '.join(command)}`" if command else f"`{report['tool']}`",
             f"{n_ranks} ranks on {', '.join(names)}" if names else "", f"beside {rival}" if rival else "",
             origin.get("cuda") or "", f"driver {origin['driver']}" if origin.get("driver") else "",
             f"commit {origin['commit'][:10]}"]
    return "; ".join(part for part in parts if part) + "."


def section(path: str, report: dict) -> list:
    name = os.path.basename(path).removesuffix(".json")
    writer = {"init_perf": of_init, "link_perf": of_link, "accuracy_perf": of_accuracy}.get(report["tool"], of_collective)
    images = [f"![{title}](plots/{file})" for file, title in plots.files_of(name, report)]
    return [f"## {name.replace('_', ' ')}", "", caption(report), "", *writer(report), "",
            *[line for image in images for line in (image, "")]]


def tables(reports: dict) -> str:
    lines = [line for path, report in reports.items() for line in section(path, report)]
    if lines and not any(report["tool"] == "accuracy_perf" for report in reports.values()):
        lines += ["No errors of sums (`accuracy_perf`) are kept yet.", ""]
    return "\n".join([BEGIN, "", *(lines or ["No results are kept yet.", ""]), END])


def page_with(text: str, content: str) -> str:
    return re.sub(re.escape(BEGIN) + r".*?" + re.escape(END), lambda _: content, text, flags=re.DOTALL)


# ---- what is kept, and what is made of it --------------------------------------------------------------------------


def hash_of(path: str) -> str:
    with open(os.path.join(ROOT, path), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_page() -> str:
    with open(os.path.join(ROOT, PAGE), encoding="utf-8") as file:
        return file.read()


def all_reports() -> dict:
    return {path: check_report(os.path.join(ROOT, path)) for path in kept()}


def wanted_plots(reports: dict) -> dict:
    """{file of a plot: (its report's path, the report)}"""
    return {file: (path, report) for path, report in reports.items()
            for file, _ in plots.files_of(os.path.basename(path).removesuffix(".json"), report)}


def write() -> None:
    reports = all_reports()
    content = page_with(read_page(), tables(reports))
    with open(os.path.join(ROOT, PAGE), "w", encoding="utf-8") as file:
        file.write(content)
    wanted = wanted_plots(reports)
    for stale in set(os.path.basename(path) for path in glob.glob(os.path.join(ROOT, plots.FOLDER, "*.svg"))) - set(wanted):
        os.remove(os.path.join(ROOT, plots.FOLDER, stale))
    for file, (path, report) in wanted.items():
        plots.draw(os.path.join(ROOT, plots.FOLDER, file), report, hash_of(path))


def problems() -> list:
    found, reports = [], {}
    for path in kept():
        try:
            reports[path] = check_report(os.path.join(ROOT, path))
        except Refused as why:
            found.append(str(why).replace(ROOT + os.sep, ""))
    if found:
        return found
    text = read_page()
    if page_with(text, tables(reports)) != text or BEGIN not in text:
        found.append(f"{PAGE}: its tables are not those of {RESULTS}: perf/report.py write")
    wanted = wanted_plots(reports)
    there = {os.path.basename(path) for path in glob.glob(os.path.join(ROOT, plots.FOLDER, "*.svg"))}
    found += [f"{plots.FOLDER}/{file}: of no report that is kept: perf/report.py write" for file in sorted(there - set(wanted))]
    for file, (path, _) in wanted.items():
        drawn_from = plots.hash_in(os.path.join(ROOT, plots.FOLDER, file))
        if drawn_from != hash_of(path):
            found.append(f"{plots.FOLDER}/{file}: {'missing' if drawn_from is None else 'not drawn from'} {path} as it is: "
                         "perf/report.py write")
    return found


def main(arguments: list) -> int:
    try:
        if arguments[:1] == ["keep"] and len(arguments) > 1:
            keep(arguments[1:])
        elif arguments == ["write"]:
            write()
        elif arguments == ["check"]:
            found = problems()
            print("\n".join(found), end="\n" if found else "")
            return 1 if found else 0
        else:
            print(__doc__)
            return 2
    except Refused as why:
        print(f"report.py: {why}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
