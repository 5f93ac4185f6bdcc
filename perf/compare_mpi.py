#!/usr/bin/env python3
"""all_reduce_perf against Open MPI's MPI_Allreduce, on this machine: float sums, out of place, the slowest rank's mean.

    perf/compare_mpi.py [--build build/release] [--ranks 2] [--rounds 5] [--json FILE]

The two take turns at each size, in several rounds, so that what else the machine does meets both; the medians over the
rounds are compared. Exit code 1 if a ratio is above --bar. Needs a build with MPI (tests/mpi) and mpirun."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
# About as much data per measurement at every size, within reason.
BYTES_PER_MEASUREMENT = 256 << 20
LIMIT_S = 300


def iterations(size_bytes: int) -> int:
    return max(10, min(5000, BYTES_PER_MEASUREMENT // size_bytes))


def ours(build: str, ranks: int, size_bytes: int, extra: list) -> tuple:
    """(microseconds, the tool's report)"""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [os.path.join(build, "perf", "all_reduce_perf"), "--ranks", str(ranks), "-b", str(size_bytes), "-e",
                   str(size_bytes), "-n", str(iterations(size_bytes)), "-w", str(warmup(size_bytes)), "-J", file.name]
        subprocess.run(command + extra, stdout=subprocess.DEVNULL, timeout=LIMIT_S, check=True)
        report = json.load(file)
    return report["results"][0]["out_of_place"]["time_us"], report


def theirs(build: str, ranks: int, size_bytes: int) -> float:
    command = [*MPIRUN, "-np", str(ranks), os.path.join(build, "tests", "mpi", "bench_mpi_allreduce"), str(size_bytes),
               str(size_bytes), "2", str(iterations(size_bytes)), str(warmup(size_bytes))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S, check=True)
    return float(done.stdout.split()[1])


def warmup(size_bytes: int) -> int:
    return max(2, iterations(size_bytes) // 10)


def mpi_version() -> str:
    return subprocess.run(["mpirun", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0]


def measure(options: argparse.Namespace, sizes: list) -> dict:
    times = {size: ([], []) for size in sizes}
    report = {}
    for number in range(options.rounds):
        for size in sizes:
            first, second = times[size]
            time_us, report = ours(options.build, options.ranks, size, options.extra)
            first.append(time_us)
            second.append(theirs(options.build, options.ranks, size))
        print(f"# round {number + 1} of {options.rounds}", file=sys.stderr)
    rows = []
    for size, (first, second) in times.items():
        row = {"size_bytes": size, "stretto_us": statistics.median(first), "mpi_us": statistics.median(second)}
        row["ratio"] = round(row["stretto_us"] / row["mpi_us"], 3)
        rows.append({**row, "stretto_all_us": first, "mpi_all_us": second})
    return {"ranks": options.ranks, "rounds": options.rounds, "stretto": report["stretto_version"],
            "mpi": mpi_version(), "machine": report["machine"], "rows": rows}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first", type=int, default=8, help="bytes")
    parser.add_argument("--last", type=int, default=128 << 20, help="bytes")
    parser.add_argument("--factor", type=int, default=4)
    parser.add_argument("--bar", type=float, default=2.0, help="largest ratio that passes")
    parser.add_argument("--json")
    parser.add_argument("extra", nargs="*", help="after --: passed to all_reduce_perf")
    options = parser.parse_args()
    sizes = [options.first]
    while sizes[-1] * options.factor <= options.last:
        sizes.append(sizes[-1] * options.factor)
    result = measure(options, sizes)
    print(f"# {result['machine']['cpu']}, {result['machine']['cores']} cores; {result['ranks']} ranks; {result['mpi']}")
    print(f"{'bytes':>12} {'stretto us':>12} {'MPI us':>12} {'ratio':>7}")
    for row in result["rows"]:
        print(f"{row['size_bytes']:>12} {row['stretto_us']:>12.2f} {row['mpi_us']:>12.2f} {row['ratio']:>7.2f}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    worst = max(row["ratio"] for row in result["rows"])
    print(f"# worst ratio {worst:.2f}, bar {options.bar:g}: {'met' if worst <= options.bar else 'missed'}")
    return 0 if worst <= options.bar else 1


if __name__ == "__main__":
    sys.exit(main())
