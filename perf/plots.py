"""Plots of the perf tools' reports, as SVG: time and bus bandwidth against bytes, stretto, NCCL and the link."""

import os
import re

FOLDER = "docs/plots"
MARK = "sha256:"
LEAST_OF_BANDWIDTH_BYTES = 1 << 20  # below, latency is all there is to see
PLOTLESS = ("init_perf", "link_perf", "accuracy_perf")  # tools
OURS, RIVAL, LINK = "#0b6e4f", "#b5532a", "#888888"


def size_text(n_bytes: int) -> str:
    for unit, text in ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")):
        if n_bytes >= unit and n_bytes % unit == 0:
            return f"{n_bytes // unit}{text}"
    return str(n_bytes)


def files_of(name: str, report: dict) -> list:
    """[(file, title)] of the plots that a report has."""
    if report["tool"] in PLOTLESS or len(report["results"]) < 3:
        return []
    what = name.replace("_", " ")
    found = [(f"{name}_time.svg", f"{what}: time")]
    if report["results"][-1]["size_bytes"] >= LEAST_OF_BANDWIDTH_BYTES:
        found.append((f"{name}_busbw.svg", f"{what}: bus bandwidth"))
    return found


def hash_in(path: str):
    """Of the report that a plot was drawn from; None if there is no such plot."""
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(MARK + r"([0-9a-f]{64})", file.read())
    except OSError:
        return None
    return found[1] if found else None


def lines_of(report: dict) -> dict:
    """{library: ([bytes], [us], [GB/s])}, of the first placement that was measured."""
    if report["tool"] in PLOTLESS:
        return {}
    place = "out_of_place" if report["results"][0]["out_of_place"] else "in_place"
    rows = [(row["size_bytes"], row[place]) for row in report["results"] if row[place] and row["size_bytes"] > 0]
    lines = {"stretto": ([s for s, _ in rows], [m["time_us"] for _, m in rows], [m["busbw_gbps"] for _, m in rows])}
    rivals = [(size, measured) for size, measured in rows if measured.get("rival")]
    if rivals:
        lines[report["gpus"]["rival"]] = ([s for s, _ in rivals], [m["rival"]["time_us"] for _, m in rivals],
                                          [m["busbw_gbps"] * m["time_us"] / m["rival"]["time_us"] for _, m in rivals])
    return lines


def draw(path: str, report: dict, report_hash: str) -> None:
    """Writes the plot whose file's name says which it is. The same report gives the same bytes."""
    import matplotlib  # pylint: disable=import-outside-toplevel  # check and keep work without it
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    matplotlib.rcParams.update({"svg.hashsalt": "stretto", "svg.fonttype": "none", "font.size": 9,
                                "axes.spines.top": False, "axes.spines.right": False})
    is_time = path.endswith("_time.svg")
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), constrained_layout=True)
    lines = lines_of(report)
    for (library, (sizes, times, rates)), color in zip(lines.items(), (OURS, RIVAL)):
        axes.plot(sizes, times if is_time else rates, marker="o", markersize=3, linewidth=1.5, color=color, label=library)
    ceiling = (report.get("ceiling") or {}).get("gbps")
    if ceiling and not is_time:
        axes.axhline(ceiling, color=LINK, linewidth=1, linestyle="--", label="the link, each way")
    sizes = lines["stretto"][0]
    axes.set_xscale("log", base=2)
    ticks = sizes[::max(1, (len(sizes) + 9) // 10)]
    axes.set_xticks(ticks, [size_text(size) for size in ticks])
    axes.set_xlabel("bytes")
    every_time = [time for _, times, _ in lines.values() for time in times]
    if is_time and max(every_time) > 10 * min(every_time):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_ylim(bottom=0)
    axes.minorticks_off()
    axes.set_ylabel("time (us)" if is_time else "busbw (GB/s)")
    axes.set_title(os.path.basename(path).removesuffix(".svg").replace("_", " "), fontsize=10)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(frameon=False)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None, "Description": MARK + report_hash})
    pyplot.close(figure)
