"""Format, clang-tidy on the files that changed, and the structural tests (tests/architecture)."""

import os
import subprocess
import sys

import build
import jobs
from jobs import Counts

SOURCES = (".cpp", ".hpp", ".h", ".c", ".cu", ".cuh")
# C, laid out by hand.
UNFORMATTED = {"include/stretto/stretto.h", "tests/package/user.c", "tests/architecture/c_header.c"}


def git(*words: str) -> list:
    done = subprocess.run(["git", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def sources() -> list:
    """Tracked files, and new ones that git does not ignore."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard")
    return [name for name in names if name.endswith(SOURCES) and os.path.exists(name)]


def format_problems(fix: bool) -> list:
    names = [name for name in sources() if name not in UNFORMATTED]
    if not names:
        return []
    if fix:
        subprocess.run(["clang-format", "-i", *names], check=True)
        return []
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *names], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    bad = {line.split(":")[0] for line in done.stdout.splitlines() if "clang-format-violations" in line}
    return [f"{name}: not in the format of .clang-format; ./dev lint --fix" for name in sorted(bad)]


def changed_units(base: str) -> list:
    """Translation units that changed since `base`, or since this branch left main, or in the last commit."""
    if not base:
        here = git("rev-parse", "HEAD")
        fork = git("merge-base", "HEAD", "main") or git("merge-base", "HEAD", "origin/main")
        base = fork[0] if fork and fork != here else "HEAD~1"
    names = git("diff", "--name-only", "--diff-filter=d", base)
    return [name for name in names if name.endswith(".cpp") and os.path.exists(name)]


def tidy(names: list) -> int:
    """The number of files with findings. Each file runs alone, on all cores at once."""
    build.cmake("dev", "-DBUILD_TESTING=ON", targets=["help"])
    log = os.path.join(jobs.LOGS, "tidy.log")
    # GCC's flags that clang does not know are no finding.
    one = ["clang-tidy", "--quiet", "-p", build.directory_of("dev"), "--extra-arg=-Wno-unknown-warning-option"]
    code = jobs.command(["bash", "-c", 'printf "%s\\0" "${@:2}" | xargs -0 -n 1 -P "$1" ' + " ".join(one), "tidy",
                         str(build.cores()), *names], log="tidy", env=build.environment(), check=False)
    if code == 0:
        return 0
    print(jobs.tail(log, 120))
    return 1


def structure() -> int:
    return subprocess.run([sys.executable, "tests/architecture/check.py"], check=False).returncode


def counts(base: str) -> Counts:
    result = Counts()
    problems = format_problems(fix=False)
    print("\n".join(problems), end="\n" if problems else "", flush=True)
    outcomes = [not problems]
    names = changed_units(base)
    print(f"dev: clang-tidy on {len(names)} changed files", flush=True)
    outcomes.append(not names or tidy(names) == 0)
    for outcome in outcomes:
        result.add(Counts(passed=1) if outcome else Counts(failed=1))
    return result


def run(base: str, fix: bool) -> int:
    if fix:
        format_problems(fix=True)
        subprocess.run([sys.executable, "tests/harness/claims.py", "table", "--write"], check=False)
    total = counts(base)
    total.add(Counts(passed=1) if structure() == 0 else Counts(failed=1))
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0
