"""`./dev gpu`: on a machine with GPUs, builds, tests, measures, and holds what was measured against perf/bars.json."""

import json
import os
import signal
import subprocess
import time

import build
import jobs
import packages
import sanitizer

BARS = "perf/bars.json"
NEED_A_GPU = "/cuda$|^Cuda(Runtime|Waits)[.]|^Narrow/Conversions[.]"
# What one run of the whole command may take; a tool is not started in the last seconds of it.
LIMIT_S = 9 * 60
TOOL_LIMIT_S = 90
# accuracy_perf comes last, and is not begun with less.
ACCURACY_LEAST_S = 40
# Sizes of a bar that are measured again where the first few turns leave open whether they are over it.
MOST_AGAIN = 4
AGAIN_LEAST_S = 60


class Run:
    """One `./dev gpu`: where its build and results are, and how much time is left."""

    def __init__(self, options):
        self.out = os.path.abspath(options.out)
        self.quick = options.quick
        self.folder = options.build or "gpu"
        self.start = time.monotonic()
        os.makedirs(self.out, exist_ok=True)

    def left_s(self) -> float:
        return LIMIT_S - (time.monotonic() - self.start)

    def program(self, name: str) -> str:
        return build.find_program(self.folder, name)


def run(options) -> int:
    this = Run(options)
    if not options.build:
        if packages.find_nvcc() is None:
            raise jobs.StepFailed("nvcc was not found: install CUDA 13, or give a build that was made elsewhere "
                                  "(--build)")
        build.cmake("release", "-DSTRETTO_CUDA=ON", "-DBUILD_TESTING=ON", directory=this.folder)
        print(f"dev: built in {LIMIT_S - this.left_s():.0f} s", flush=True)
    failed = test(this) + sanitizer.step(this)
    link(this)
    missed = [0 for held_to in startup(this) if not held_to] + [bar for bar in load_bars() if not held(this, bar)]
    missed += [0 for held_to in accuracy(this) if not held_to]
    print(f"\n{failed} failed tests, {len(missed)} bars missed, {LIMIT_S - this.left_s():.0f} s", flush=True)
    return 1 if failed or missed else 0


def test(this: Run) -> int:
    """The tests that need a GPU. Returns how many failed."""
    words = ["ctest", "--test-dir", build.directory_of(this.folder), "-R", NEED_A_GPU, "-j", "1", "--output-on-failure",
             "--no-tests=error"]
    report = os.path.join(this.out, "tests.log")
    limit_s = max(30, this.left_s() / 2)
    late = 0
    with open(report, "w", encoding="utf-8") as file:
        tests = subprocess.Popen(words, stdout=file, stderr=file, start_new_session=True)
        try:
            code = tests.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(tests.pid, signal.SIGKILL)  # with the test that runs, which would stay on the GPUs
            code, late = tests.wait(), 1
            print(f"dev: the tests did not end in {limit_s:.0f} s, which counts as one that failed", flush=True)
    with open(report, encoding="utf-8") as file:
        text = file.read()
    failed = text.count("***Failed") + text.count("***Timeout") + late
    passed, skipped = text.count("   Passed "), text.count("***Skipped")
    print(f"dev: tests on GPUs: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    if code != 0:
        print("\n".join(text.split("\n")[-40:]), flush=True)
    return max(failed, 1 if code != 0 else 0)


def link(this: Run) -> None:
    report = os.path.join(this.out, "link.json")
    tool(this, "link", ["--json", report], "link")


def startup(this: Run) -> list:
    """What a communicator costs, held to its bars. Returns which are met."""
    report = os.path.join(this.out, "init.json")
    if not tool(this, "init", ["--compare", "nccl", "-J", report], "init"):
        print("MISSED  communicators' costs: not measured", flush=True)
        return [False]
    with open(report, encoding="utf-8") as file:
        ours, nccls = json.load(file)["rows"]
    bars = [
        ("A communicator is up faster than NCCL's", ours["first_ms"] < nccls["first_ms"],
         f"{ours['first_ms']:.1f} ms, NCCL's {nccls['first_ms']:.1f}"),
        ("The second in a tenth of the first's time", ours["later_ms"] <= ours["first_ms"] / 10,
         f"{ours['later_ms']:.2f} ms, NCCL's {nccls['later_ms']:.2f}"),
        ("At most 64 MiB of device memory each", ours["device_bytes"] <= 64 << 20,
         f"{ours['device_bytes'] / (1 << 20):.1f} MiB, NCCL's {nccls['device_bytes'] / (1 << 20):.1f}"),
    ]
    for name, met, figure in bars:
        print(f"{'MET   ' if met else 'MISSED'}  {name}: {figure}", flush=True)
    return [met for _, met, _ in bars]


def accuracy(this: Run) -> list:
    """How far off sums are, beside NCCL's, and whether their bits are the same everywhere: whether that is so."""
    if this.left_s() < ACCURACY_LEAST_S:
        print("dev: no time for accuracy", flush=True)
        return []
    report = os.path.join(this.out, "accuracy.json")
    if os.path.exists(report):
        os.remove(report)
    size = ["-c", "256K" if this.quick else "1M", "-n", "3"]
    met = tool(this, "accuracy", ["--device", "gpu", "-t", "2", "--compare", "nccl", *size, "-J", report], "accuracy")
    figure = "accuracy.log" if os.path.exists(report) and os.path.getsize(report) > 0 else "not measured"
    print(f"{'MET   ' if met else 'MISSED'}  Sums' bits are the same on all ranks and in all runs: {figure}", flush=True)
    return [met]


def tool(this: Run, name: str, arguments: list, log: str) -> bool:
    """Runs a perf tool with its output in the folder of results; False if it failed or there is no time for it."""
    if this.left_s() < 20:
        print(f"dev: no time for {log}", flush=True)
        return False
    words = [this.program(f"{name}_perf"), *arguments]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False,
                              timeout=min(TOOL_LIMIT_S, this.left_s() - 10))
        text, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        text, code = f"{late.stdout}\n{late.stderr}\nno end in {late.timeout:.0f} s", 1
    with open(os.path.join(this.out, f"{log}.log"), "w", encoding="utf-8") as file:
        file.write("$ " + " ".join(words) + "\n" + text)
    if code != 0:
        print(f"dev: {' '.join(words)} failed ({code}):\n" + "\n".join(text.split("\n")[-15:]), flush=True)
    return code == 0


def load_bars() -> list:
    with open(os.path.join(build.ROOT, BARS), encoding="utf-8") as file:
        return json.load(file)


def held(this: Run, bar: dict) -> bool:
    """Measures a bar beside NCCL, prints MET or MISSED with the worst row, and returns whether it is met."""
    log = f"{bar['tool']}_{bar['run']}"
    report = os.path.join(this.out, f"{log}.json")
    arguments = list(bar["arguments"])
    if this.quick and "--pairs" not in arguments:
        arguments += ["--pairs", "4"]
    link_report = os.path.join(this.out, "link.json")
    if os.path.exists(link_report):
        arguments += ["--ceiling", link_report]
    if os.path.exists(report):
        os.remove(report)
    done = tool(this, bar["tool"], ["--device", "gpu", "-t", "2", "--compare", "nccl", "-J", report, *arguments], log)
    if not done or not os.path.exists(report):
        print(f"MISSED  {bar['name']}: not measured", flush=True)
        return False
    limit = bar.get("at_most_of_nccls_time") or 1 / bar["at_least_of_nccls_speed"]
    ratios = ratios_of(report)
    unclear = list(dict.fromkeys(size for ratio, size, low in sorted(ratios, reverse=True) if low <= limit < ratio))
    repeated = []
    for size in unclear[:MOST_AGAIN]:
        found = again(this, bar, size)
        if found:
            ratios = [row for row in ratios if row[1] != size] + found
            repeated.append(f"{size} B")
    worst = max(ratios)
    met = worst[0] <= limit
    over = [f"{size} B: {ratio:.2f}" for ratio, size, _ in ratios if ratio > limit]
    print(f"{'MET   ' if met else 'MISSED'}  {bar['name']}: worst {worst[0]:.2f}x NCCL's time at {worst[1]} B"
          f" (limit {limit:.2f})" + (f"; over it: {', '.join(over)}" if over else "") +
          (f"; measured again: {', '.join(repeated)}" if repeated else ""), flush=True)
    return met


def again(this: Run, bar: dict, size: int) -> list:
    """The ratios of one size from more operations in more turns: a hiccup in a few of them tells nothing. None where
    it could not be measured: then what was measured before counts."""
    if this.left_s() < AGAIN_LEAST_S:
        return []
    log = f"{bar['tool']}_{bar['run']}_{size}"
    report = os.path.join(this.out, f"{log}.json")
    words = ["--device", "gpu", "-t", "2", "--compare", "nccl", "-b", str(size), "-e", str(size), "-J", report,
             "--pairs", "10", "--check-most", "1M"]
    options = dict(zip(bar["arguments"], bar["arguments"][1:]))
    if "-G" not in options:
        options["-n"] = "50" if size <= 1 << 20 else "5"
    words += [word for option in ("-d", "-n", "-G") if option in options for word in (option, options[option])]
    if os.path.exists(report):
        os.remove(report)
    if not tool(this, bar["tool"], words, log) or not os.path.exists(report):
        return []
    return ratios_of(report)


def ratios_of(report: str) -> list:
    """(time over NCCL's, bytes, lower end of the ratio's interval) of each row and placement."""
    with open(report, encoding="utf-8") as file:
        rows = json.load(file)["results"]
    found = []
    for row in rows:
        if row["size_bytes"] == 0:  # fewer elements than ranks: there is nothing to move
            continue
        for placement in ("out_of_place", "in_place"):
            measured = row[placement]
            if measured and measured.get("rival"):
                found.append((measured["rival"]["ratio"], row["size_bytes"], measured["rival"]["ratio_95_low"]))
    if not found:
        raise jobs.StepFailed(f"{report} compares nothing")
    return found

