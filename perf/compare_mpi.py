#!/usr/bin/env python3
"""Every collective against Open MPI's and MPICH's on this machine, at a few sizes.

    perf/compare_mpi.py [--build build/release] [--ranks 2,4] [--rounds 5] [--json FILE]

All are timed by the same code (tests/mpi/bench), built once for each library: float sums, out of place, a checked
operation, a warm-up, then operations back to back; the time is the slowest rank's mean. Sizes are nccl-tests': bytes of
the larger of a rank's two buffers (at least one float a block). One process run measures all sizes of a collective; the
libraries take turns, in several rounds, so that what else the machine does meets all; medians over the rounds are
compared. MPICH never gives up the processor while it waits: where ranks outnumber cores it is hopeless, and the better
MPI of the two counts. Back to back, a rank that only sends may run ahead, so that broadcast, reduce, gather and scatter
show a rate of messages; --apart times each operation alone, after all ranks have met. Exit code 1 if a ratio is above
--bar or an operation failed.

--prefix mpich=FOLDER runs an MPI out of a folder that its files were copied to (bin/, lib/, or usr/bin/, ...)."""

import argparse
import glob
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLLECTIVES = ["all_reduce", "all_gather", "all_gather_v", "reduce_scatter", "reduce_scatter_v", "broadcast", "reduce",
               "all_to_all", "all_to_all_v", "gather", "scatter", "send_recv", "barrier"]
MPIS = ["openmpi", "mpich"]
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
# A run that takes longer than all its measurements should, many times over.
LIMIT_S = 120


def cores() -> int:
    return len(os.sched_getaffinity(0))


class Competitor:
    """A library, its program and how its ranks are started. None of `mpirun` if this machine does not have it."""

    def __init__(self, name: str, build: str, prefix: str):
        self.name = name
        self.program = os.path.join(build, "tests", "mpi", "bench", f"bench_{name}")
        self.environment = dict(os.environ)
        self.starter = "" if name == "stretto" else self.find_starter(prefix)
        self.version = self.find_version()

    def find_starter(self, prefix: str):
        names = [f"mpirun.{self.name}", f"mpiexec.{self.name}", "mpirun"]
        if not prefix:
            return shutil.which(names[0])
        prefix = os.path.abspath(prefix)
        folders = [os.path.join(prefix, folder) for folder in ("bin", os.path.join("usr", "bin"))]
        libraries = {os.path.dirname(path) for path in glob.glob(os.path.join(prefix, "**", "*.so*"), recursive=True)}
        self.environment["LD_LIBRARY_PATH"] = ":".join(sorted(libraries))
        self.environment["PATH"] = ":".join([*folders, os.environ.get("PATH", "")])
        if self.name == "openmpi":
            self.environment["OPAL_PREFIX"] = os.path.dirname(next((f for f in folders if os.path.isdir(f)), prefix))
        candidates = (os.path.join(folder, name) for name in names for folder in folders)
        return next((path for path in candidates if os.access(path, os.X_OK)), None)

    def find_version(self):
        if not self.starter:
            return None
        done = subprocess.run([self.starter, "--version"], env=self.environment, stdout=subprocess.PIPE, text=True,
                              timeout=LIMIT_S, check=True)
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        number = next((line.split(":")[1].strip() for line in lines if line.startswith("Version:")), None)
        return f"MPICH {number}" if number else lines[0]

    def there(self) -> bool:
        return os.path.exists(self.program) and self.starter is not None

    def command(self, ranks: int, words: list) -> list:
        if self.name == "stretto":
            return [self.program, str(ranks), *words]
        options = []
        if self.name == "openmpi":
            options = ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
            if ranks > cores():
                options += ["--mca", "mpi_yield_when_idle", "1"]
        return [self.starter, *options, "-np", str(ranks), self.program, *words]

    def run(self, ranks: int, collective: str, options: argparse.Namespace) -> dict:
        """Microseconds by size. Throws subprocess.SubprocessError."""
        words = [collective, ",".join(map(str, options.sizes)), str(options.seconds)] + ["apart"] * options.apart
        done = subprocess.run(self.command(ranks, words), env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=True)
        rows = [line.split() for line in done.stdout.splitlines() if line.startswith(collective + " ")]
        return {int(row[1]): float(row[2]) for row in rows}


class Comparison:
    def __init__(self, competitors: list, options: argparse.Namespace):
        self.competitors = competitors
        self.options = options
        self.failures = {}  # (competitor, ranks, collective) -> text

    def times(self, ranks: int, collective: str) -> dict:
        """By competitor and size: the times of all rounds."""
        all_times = {competitor.name: {} for competitor in self.competitors}
        for _ in range(self.options.rounds):
            for competitor in self.competitors:
                if (competitor.name, ranks, collective) in self.failures:
                    continue
                try:
                    measured = competitor.run(ranks, collective, self.options)
                except subprocess.SubprocessError as error:
                    text = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
                    self.failures[competitor.name, ranks, collective] = text[0] if text else str(error)
                    continue
                for size, time_us in measured.items():
                    all_times[competitor.name].setdefault(size, []).append(time_us)
        return all_times

    def rows(self, ranks: int, collective: str) -> list:
        all_times = self.times(ranks, collective)
        sizes = self.options.sizes[:1] if collective == "barrier" else self.options.sizes
        rows = []
        for size in sizes:
            row = {"collective": collective, "ranks": ranks, "bytes": 0 if collective == "barrier" else size}
            for name, times in all_times.items():
                samples = times.get(size, [])
                row[name] = round(statistics.median(samples), 3) if samples else None
                row[f"{name}_range"] = [min(samples), max(samples)] if samples else None
            theirs = [row[mpi] for mpi in MPIS if row.get(mpi)]
            row["ratio"] = round(row["stretto"] / min(theirs), 3) if theirs and row["stretto"] else None
            rows.append(row)
        return rows


def print_row(row: dict) -> None:
    def cell(name: str) -> str:
        return f"{row[name]:12.2f}" if row.get(name) is not None else f"{'-':>12}"
    print(f"{row['collective']:<18}{row['ranks']:>5}{row['bytes']:>10}{cell('stretto')}{cell('openmpi')}{cell('mpich')}"
          f"{cell('ratio')}", flush=True)


def cpu_model() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def size_list(text: str) -> list:
    """"8,64K", or "8:1M:4" for a range by a factor."""
    def one(word: str) -> int:
        return int(word[:-1]) * UNITS[word[-1]] if word[-1] in UNITS else int(word)
    if ":" not in text:
        return [one(word) for word in text.split(",")]
    first, last, factor = map(one, text.split(":"))
    if first < 1 or factor < 2:
        raise ValueError(text)
    sizes = [first]
    while sizes[-1] * factor <= last:
        sizes.append(sizes[-1] * factor)
    return sizes


def command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--ranks", default="2,4", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--collectives", default=COLLECTIVES, type=lambda text: text.split(","),
                        help="commas between; default: all of " + ", ".join(COLLECTIVES))
    parser.add_argument("--sizes", default="8,64K,16M", type=size_list, help="bytes: 8,64K,16M or FIRST:LAST:FACTOR")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="that one measurement takes, about")
    parser.add_argument("--apart", action="store_true", help="time each operation alone")
    parser.add_argument("--bar", type=float, default=2.0, help="largest ratio to the better MPI that passes")
    parser.add_argument("--prefix", action="append", default=[], metavar="MPI=FOLDER", help="openmpi=... or mpich=...")
    parser.add_argument("--json", help="write the figures here")
    options = parser.parse_args()
    unknown = set(options.collectives) - set(COLLECTIVES)
    if unknown:
        parser.error(f"no such collective: {', '.join(sorted(unknown))}")
    options.prefix = dict(word.split("=", 1) for word in options.prefix)
    if set(options.prefix) - set(MPIS):
        parser.error("--prefix takes openmpi=FOLDER or mpich=FOLDER")
    return options


def main() -> int:
    options = command_line()
    all_of_them = [Competitor(name, options.build, options.prefix.get(name, "")) for name in ["stretto", *MPIS]]
    competitors = [competitor for competitor in all_of_them if competitor.there()]
    names = [competitor.name for competitor in competitors]
    if "stretto" not in names or len(names) < 2:
        print(f"needs bench_stretto and one MPI's in {options.build}/tests/mpi/bench; here: {names}", file=sys.stderr)
        return 2
    versions = ", ".join(competitor.version for competitor in competitors if competitor.version)
    print(f"# {cpu_model()}, {cores()} cores; {versions}; medians of {options.rounds} rounds, us")
    print(f"{'collective':<18}{'ranks':>5}{'bytes':>10}{'stretto':>12}{'openmpi':>12}{'mpich':>12}{'ratio':>12}")
    comparison = Comparison(competitors, options)
    rows = []
    for ranks in options.ranks:
        for collective in options.collectives:
            rows += comparison.rows(ranks, collective)
            for row in rows[-1 if collective == "barrier" else -len(options.sizes):]:
                print_row(row)
    failures = [f"{name}, {ranks} ranks, {collective}: {text}"
                for (name, ranks, collective), text in comparison.failures.items()]
    for failure in failures:
        print(f"# failed: {failure}")
    if options.json:
        write(options.json, {"machine": {"cpu": cpu_model(), "cores": cores()}, "versions": versions,
                             "rounds": options.rounds, "seconds": options.seconds, "apart": options.apart,
                             "failures": failures}, rows)
    missed = [row for row in rows if row["ratio"] is None or row["ratio"] > options.bar]
    worst = max((row["ratio"] for row in rows if row["ratio"] is not None), default=None)
    print(f"# worst ratio {worst}, bar {options.bar:g}: {len(rows) - len(missed)} of {len(rows)} rows meet it")
    return 1 if missed else 0


def write(path: str, head: dict, rows: list) -> None:
    """One row a line."""
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    text = json.dumps(head, indent=1).rstrip("}\n") + ",\n \"rows\": [\n" + lines + "\n ]\n}\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
