"""The debug build's tests as CI runs them: built with gcov's counters, which gcovr reads, so that one run tells too which
lines of the rooms that others stand on the tests run.

What a process that is killed has run is not counted, so the truth is a little more.
"""

import collections
import glob
import json
import os

import build
import jobs
import tests

# Per cent of the lines of each room, at least.
LEAST = {"src/base": 90, "src/plan": 90, "src/bootstrap": 90, "src/comm": 90}
# What other jobs run from the release build; and, by name, what runs the same lines again, or none of these rooms', and
# takes its time about it: the release job runs these.
NOT_RUN = "^(long|mpi|extension|kills)$"
NOT_RUN_BY_NAME = ("^(Debug[.]TestsOf|Perf|LeakCheck|RunIsolated|ManyRanks|Mutation|Examples"
                   "|ClusterSimulation[.]HostsOf|ClusterSimulation[.]HostsWhose|Gpus/DeviceShortSums[.]AllTypes)")
WORST_FILES = 8


def run() -> jobs.Counts:
    build.cmake("coverage", "-DBUILD_TESTING=ON")
    for old in glob.glob(os.path.join(build.directory_of("coverage"), "**/*.gcda"), recursive=True):
        os.remove(old)
    counts = tests.ctest("coverage", "-LE", NOT_RUN, "-E", NOT_RUN_BY_NAME,
                         env={"STRETTO_TEST_SEEDS": "30"})
    rooms, files = measure()
    for room, least in LEAST.items():
        covered, lines = rooms[room]
        percent = 100 * covered / max(lines, 1)
        print(f"dev: coverage: {room:<14} {percent:5.1f} % of {lines} lines", flush=True)
        if percent < least:
            counts.failed += 1
            print(f"dev: coverage: {room} FAILED: at least {least} % is promised. Its files with most lines that no "
                  f"test runs (gcovr --filter {room}/ build/coverage shows which):", flush=True)
            for missed, name in sorted(files[room], reverse=True)[:WORST_FILES]:
                print(f"    {name}: {missed} lines", flush=True)
        else:
            counts.passed += 1
    return counts


def measure() -> tuple:
    """By room: (lines run, lines), and [(lines not run, file)]."""
    summary = os.path.join(build.directory_of("coverage"), "summary.json")
    objects = os.path.join(build.directory_of("coverage"), "CMakeFiles", "stretto_objects.dir")
    jobs.command(["gcovr", "--root", build.ROOT, "-j", str(build.cores()), "--json-summary", summary,
                  *[word for room in LEAST for word in ("--filter", f"{room}/")], objects], log="coverage-gcovr")
    with open(summary, encoding="utf-8") as file:
        rows = json.load(file)["files"]
    rooms, files = collections.defaultdict(lambda: (0, 0)), collections.defaultdict(list)
    for row in rows:
        room = "/".join(row["filename"].split("/")[:2])
        covered, lines = rooms[room]
        rooms[room] = (covered + row["line_covered"], lines + row["line_total"])
        files[room].append((row["line_total"] - row["line_covered"], row["filename"]))
    return rooms, files
