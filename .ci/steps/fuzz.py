"""The fuzz targets (tests/fuzz/targets): built with clang, each run for 20 s, as many at a time as there are cores.

A crash, a leak, a sanitizer's report, a violated assertion or a hang fails the target, and the bytes that caused it are
printed: put them into a file (`base64 -d`), and give it to build/fuzz/tests/fuzz/targets/fuzz_NAME to see it again.
Whatever inputs were found stay in build/fuzz/corpus, from where the next run on this machine goes on.
"""

import base64
import concurrent.futures
import glob
import os
import random
import re

import build
import jobs

SECONDS = 20
# The same tree is given the same inputs, as far as the time goes: what a run finds is then that tree's, and found again.
# Another number (or more time) goes elsewhere.
SEED = int(os.environ.get("STRETTO_TEST_FUZZ_SEED", "20261126"))
# One input takes well under a millisecond: what takes this long hangs.
INPUT_SECONDS = 20
TARGETS = ["unique_id", "handshake", "control", "meeting", "setup", "shm_frames", "shm_setup", "environment",
           "nccl_environment", "command_line", "plan_json", "topology_file",
           "cluster_line", "foreign_plan"]
# Of the other targets the seeds are random bytes.
TEXT_SEEDS = {"environment": "tests/fuzz/seeds/environment", "nccl_environment": "tests/fuzz/seeds/nccl_environment",
              "command_line": "tests/fuzz/seeds/command_line", "plan_json": "tests/plan/golden",
              "topology_file": "tests/topology/machines", "cluster_line": "tests/fuzz/seeds/cluster_line",
              "foreign_plan": "tests/foreign/plans"}
MORE_SEEDS = {"topology_file": ["tests/topology/hwloc"]}
MAX_BYTES = {"plan_json": 8192, "topology_file": 16384, "foreign_plan": 8192}
PRINTED_BYTES = 6000


def run() -> jobs.Counts:
    build.cmake("fuzz", targets=["fuzz_targets"])
    with concurrent.futures.ThreadPoolExecutor(build.cores()) as pool:
        counts = jobs.Counts()
        for one in pool.map(run_target, TARGETS):
            counts.add(one)
        return counts


def seeds_of(name: str) -> str:
    """A folder of inputs to begin with."""
    if name in TEXT_SEEDS:
        return TEXT_SEEDS[name]
    folder = os.path.join(build.directory_of("fuzz"), "seeds", name)
    os.makedirs(folder, exist_ok=True)
    for number in range(32):
        with open(os.path.join(folder, str(number)), "wb") as file:
            file.write(random.Random(f"{name} {number}").randbytes(32 << number % 6))
    return folder


def run_target(name: str) -> jobs.Counts:
    corpus = os.path.join(build.directory_of("fuzz"), "corpus", name)
    found = os.path.join(build.directory_of("fuzz"), "found", name) + "-"
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(os.path.dirname(found), exist_ok=True)
    for old in glob.glob(found + "*"):
        os.remove(old)
    log = f"fuzz-{name}"
    seconds = int(os.environ.get("STRETTO_TEST_FUZZ_SECONDS", SECONDS))
    status = jobs.command(
        [build.find_program("fuzz", f"fuzz_{name}"), corpus, seeds_of(name), *MORE_SEEDS.get(name, []), f"-max_total_time={seconds}", f"-seed={SEED}",
         f"-timeout={INPUT_SECONDS}", f"-max_len={MAX_BYTES.get(name, 1024)}", "-len_control=20", "-rss_limit_mb=2048",
         "-print_final_stats=1", f"-artifact_prefix={found}"],
        log=log, env=dict(build.environment(), ASAN_OPTIONS="detect_stack_use_after_return=1"), check=False)
    text = open(os.path.join(jobs.LOGS, log + ".log"), encoding="utf-8", errors="replace").read()
    executions = int((re.findall(r"stat::number_of_executed_units: (\d+)", text) or ["0"])[-1])
    coverage = (re.findall(r"cov: (\d+)", text) or ["?"])[-1]
    print(f"dev: fuzz: {name}: {executions} inputs in {seconds} s, {coverage} edges", flush=True)
    if status == 0 and executions > 0:
        return jobs.Counts(passed=1)
    print(f"dev: fuzz: {name} FAILED ({status}). The end of its log:\n{report_of(text)}", flush=True)
    for path in sorted(glob.glob(found + "*")):
        with open(path, "rb") as file:
            data = file.read()
        print(f"dev: fuzz: {name}: the input, {len(data)} bytes, in base64:\n"
              f"{base64.b64encode(data).decode()[:PRINTED_BYTES]}", flush=True)
    return jobs.Counts(failed=1)


def report_of(text: str) -> str:
    """From where the trouble begins."""
    begin = re.search(r"(?m)^.*(ERROR|runtime error|assertion failed|terminate called|ALARM)", text)
    return text[begin.start():][:5000] if begin else "\n".join(text.splitlines()[-40:])
