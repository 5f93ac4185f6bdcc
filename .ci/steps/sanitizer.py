"""`./dev gpu`'s step under compute-sanitizer: what it sees of the kernels' accesses and barriers, in a bounded time.

Kernels of several ranks wait for each other, and a sanitizer may run those of one process one after another: so ranks
are processes here, or there is one rank."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys

import build
import jobs

HARNESS = "tests/harness/run_isolated.py"
TIME_IS_UP, LEFT_SOMETHING = 97, 98  # what the harness exits with
# A choice is not begun with less: the sanitizer itself takes seconds to start.
LEAST_S = 5


@dataclasses.dataclass
class Choice:
    tool: str
    limit_s: int
    program: str
    arguments: list


TWO_PROCESSES = ["--device", "gpu", "--ranks", "2", "-b", "8", "-e", "256K", "-f", "32", "-n", "2", "-w", "1"]
CHOICES = [
    Choice("memcheck", 14, "all_reduce_perf", TWO_PROCESSES),
    Choice("synccheck", 10, "all_reduce_perf", TWO_PROCESSES),
    Choice("memcheck", 16, "device_sweep_test", ["--gtest_filter=Gpus/DeviceCollectives.OneRank_HoldsWhatTheHostGives/cuda"]),
]


@dataclasses.dataclass
class Verdict:
    tests: int = 0
    errors: int = 0
    trouble: str = ""  # why it says less than was asked
    failed: bool = False


def find():
    """compute-sanitizer, or None."""
    homes = [os.environ[name] for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    places = [f"{home}/bin/compute-sanitizer" for home in [*homes, "/usr/local/cuda"]]
    found = (place for place in [shutil.which("compute-sanitizer"), *places] if place and os.access(place, os.X_OK))
    return next(found, None)


def words_of(choice: Choice, sanitizer: str, program: str) -> list:
    # Refusals are part of the library's work: what CUDA's calls return, it looks at itself. The processes' launcher
    # makes no use of CUDA.
    api = ["--report-api-errors", "no"] if choice.tool == "memcheck" else []
    return [sanitizer, "--tool", choice.tool, *api, "--target-processes", "all", "--require-cuda-init", "no", program,
            *choice.arguments]


def tests_in(choice: Choice, text: str, code: int) -> int:
    """How many ended as they should: a program with GoogleTest says it, any other is one."""
    passed = re.search(r"^\[  PASSED  \] (\d+) tests?\.", text, re.MULTILINE)
    if passed or any(word.startswith("--gtest") for word in choice.arguments):
        return int(passed[1]) if passed else 0
    return 1 if code == 0 else 0


def judge(choice: Choice, text: str, code: int) -> Verdict:
    """Of what the sanitizer and the program printed, and of the exit status."""
    if code == LEFT_SOMETHING:  # of a program that ended well: the sanitizer's own helpers, which were killed
        code = 0
    # One for each process that it followed, or one for all of them.
    counts = [int(number) for number in re.findall(r"^=+ ERROR SUMMARY: (\d+) errors?", text, re.MULTILINE)]
    verdict = Verdict(tests=tests_in(choice, text, code), errors=sum(counts))
    if code == TIME_IS_UP:
        verdict.trouble = f"no end in {choice.limit_s} s"
    elif not counts:
        lines = [line for line in text.strip().split("\n") if line.strip()]
        verdict.trouble = f"no summary ({code}): {lines[-1].strip() if lines else 'nothing was printed'}"
        verdict.tests = 0
    elif code != 0 and verdict.errors == 0:
        verdict.trouble = f"the program failed ({code})"
    elif verdict.tests == 0 and verdict.errors == 0:
        verdict.trouble = "no test ran"
    # Late, or never begun, says nothing of the kernels.
    verdict.failed = verdict.errors > 0 or (code not in (0, TIME_IS_UP) and bool(counts))
    return verdict


def run_one(choice: Choice, this, sanitizer: str, file) -> Verdict:
    choice = dataclasses.replace(choice, limit_s=min(choice.limit_s, int(this.left_s()) - 10))
    if choice.limit_s < LEAST_S:
        return Verdict(trouble="no time is left")
    try:
        words = words_of(choice, sanitizer, this.program(choice.program))
    except jobs.StepFailed as missing:
        return Verdict(trouble=str(missing))
    # In a session of its own, of which nothing is left when the time is up: it would run beside what is measured next.
    harness = [sys.executable, "-I", "-S", os.path.join(build.ROOT, HARNESS), "--time-limit", str(choice.limit_s), "--"]
    done = subprocess.run([*harness, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    file.write("$ " + " ".join(words) + "\n" + done.stdout + f"(exit status {done.returncode})\n\n")
    file.flush()
    return judge(choice, done.stdout, done.returncode)


def step(this) -> int:
    """Returns how many of the choices failed; what it saw is in sanitizer.log in the folder of results."""
    sanitizer = find()
    if sanitizer is None:
        print("dev: compute-sanitizer: not run: program not found (PATH, $CUDA_HOME/bin, /usr/local/cuda/bin)", flush=True)
        return 0
    verdicts = []
    with open(os.path.join(this.out, "sanitizer.log"), "w", encoding="utf-8") as file:
        for choice in CHOICES:
            verdict = run_one(choice, this, sanitizer, file)
            if verdict.trouble:
                print(f"dev: compute-sanitizer: {choice.tool} of {choice.program}: {verdict.trouble}", flush=True)
            verdicts.append(verdict)
    failed = [verdict for verdict in verdicts if verdict.failed]
    print(f"dev: compute-sanitizer: {sum(verdict.tests for verdict in verdicts)} tests, "
          f"{sum(verdict.errors for verdict in verdicts)} errors" + (" (sanitizer.log)" if failed else ""), flush=True)
    return len(failed)
