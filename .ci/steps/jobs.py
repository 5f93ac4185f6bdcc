"""Running commands and jobs: logs, counts, time against budget, and the closing line."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
import typing

LOGS = "build/logs"


class StepFailed(Exception):
    """A command of a job failed; the text says which and shows the end of its log."""


class StepSkipped(Exception):
    """A job cannot run on this machine; the text says why."""


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


@dataclasses.dataclass
class Job:
    name: str
    budget_s: int
    what: str
    run: typing.Callable[[], Counts]
    scratch: str = ""  # a directory that no later job reads: where CI runs, it goes when the job has ended


# A command still running at this time is killed: set from the job's budget, so that nothing can hang a run.
_deadline = None


def _show_progress(line: str) -> None:
    if sys.stdout.isatty():
        print("\r\033[K" + line.strip()[:100], end="", flush=True)


def command(words: list, log: str, env: dict = None, append: bool = False, check: bool = True) -> int:
    """Runs a command with its output in build/logs/<log>.log, in a process group that does not outlive it."""
    os.makedirs(LOGS, exist_ok=True)
    path = os.path.join(LOGS, log + ".log")
    with open(path, "a" if append else "w", encoding="utf-8", errors="replace") as file:
        file.write("$ " + " ".join(words) + "\n")
        file.flush()
        try:
            process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                       start_new_session=True)
        except FileNotFoundError as missing:
            raise StepFailed(f"{words[0]} is not installed") from missing
        try:
            while True:
                try:
                    process.wait(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    _show_progress(_last_line(path))
                if _deadline is not None and time.monotonic() > _deadline:
                    raise StepFailed(f"`{' '.join(words)}` was killed: the job had used three times its budget. "
                                     f"The end of {path}:\n{tail(path)}")
        finally:
            _kill_group(process)
            _show_progress("")
    if check and process.returncode != 0:
        raise StepFailed(f"`{' '.join(words)}` failed ({process.returncode}). The end of {path}:\n{tail(path)}")
    return process.returncode


def _kill_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _last_line(path: str) -> str:
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 400))
        lines = file.read().decode("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


def tail(path: str, lines: int = 60) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return "".join(file.readlines()[-lines:])


def run_all(table: list) -> int:
    """Runs the jobs in order, prints time against budget and, last, `N passed, N failed, N skipped`."""
    global _deadline
    total = Counts()
    rows = []
    for job in table:
        print(f"dev: {job.name}: {job.what} ...", flush=True)
        start = time.monotonic()
        _deadline = start + 3 * job.budget_s + 60
        try:
            counts = job.run()
        except StepFailed as failure:
            print(f"dev: {job.name}: {failure}", flush=True)
            counts = Counts(failed=1)
        except StepSkipped as skipped:
            print(f"dev: {job.name}: skipped: {skipped}", flush=True)
            counts = Counts(skipped=1)
        if counts.failed:
            _say_if_full()
        if job.scratch and os.environ.get("CI") == "true":
            shutil.rmtree(job.scratch, ignore_errors=True)
        used_s = time.monotonic() - start
        total.add(counts)
        rows.append((job, counts, used_s))
    _deadline = None
    _print_rows(rows)
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if total.failed or not total.passed else 0


def _say_if_full() -> None:
    free_gib = shutil.disk_usage(".").free / 2**30
    if free_gib < 2:
        print(f"dev: {free_gib:.1f} GiB are free on this disk, which may be the cause: the largest build takes 11 GiB",
              flush=True)


def _print_rows(rows: list) -> None:
    print(f"\n{'job':<12}{'passed':>8}{'failed':>8}{'skipped':>9}{'used':>9}{'budget':>9}")
    for job, counts, used_s in rows:
        print(f"{job.name:<12}{counts.passed:>8}{counts.failed:>8}{counts.skipped:>9}{used_s:>7.0f} s"
              f"{job.budget_s:>7} s")
    for job, _, used_s in rows:
        if used_s > job.budget_s:
            print(f"over budget: {job.name} took {used_s:.0f} s of {job.budget_s} s: make it faster, or raise its "
                  "budget in .ci/steps/suite.py with a reason")
    used_s = sum(row[2] for row in rows)
    print(f"{'all':<37}{used_s:>7.0f} s{sum(row[0].budget_s for row in rows):>7} s\n")
