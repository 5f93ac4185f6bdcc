"""Format, clang-tidy on the files that changed, and the structural tests (tests/architecture)."""

import functools
import json
import os
import subprocess
import sys

import build
import jobs
from jobs import Counts

SOURCES = (".cpp", ".hpp", ".h", ".c", ".cu", ".cuh")
# C, laid out by hand.
UNFORMATTED = {"tests/package/user.c", "tests/architecture/c_header.c",
               *(f"include/stretto/{part}.h" for part in ("stretto", "errors", "starting", "communicators", "collectives",
                                                          "streams"))}

# Asks GCC's builtins for processor features whose names clang 14 does not know: an error there, not a finding.
UNTIDIED = {"src/exec/reduce/reduce.cpp"}
# Of a change to main, the commits that CI looks at: what is older has been looked at.
RECENT_S = 6 * 3600
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's name for no files at all


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
    """Translation units, tests excepted, that changed since `base`; by default since this branch left main, or, on main
    itself, in the commits of the six hours before its last one (all of them if the clone is no older)."""
    if not base:
        here = git("rev-parse", "HEAD")
        fork = git("merge-base", "HEAD", "main") or git("merge-base", "HEAD", "origin/main")
        last_s = int((git("log", "-1", "--format=%ct", "HEAD") or ["0"])[0])
        before = git("rev-list", "-1", f"--before={last_s - RECENT_S}", "HEAD")
        base = (fork if fork and fork != here else before or [EMPTY_TREE])[0]
    names = git("diff", "--name-only", "--diff-filter=d", base)
    names += git("ls-files", "--others", "--exclude-standard")
    return sorted({name for name in names
                   if name.endswith(".cpp") and not name.startswith("tests/") and os.path.exists(name)})


def tidy(names: list) -> None:
    """Throws StepFailed if clang-tidy has findings in any of the files. Each file runs alone, on all cores at once."""
    jobs.command(["cmake", "--preset", "dev", "-DBUILD_TESTING=ON"], log="tidy", env=build.environment())
    with open(os.path.join(build.directory_of("dev"), "compile_commands.json"), encoding="utf-8") as file:
        built = {os.path.relpath(entry["file"], build.ROOT) for entry in json.load(file)}
    names = [name for name in names if name in built and name not in UNTIDIED]
    if not names:
        return
    # GCC's flags that clang does not know are no finding.
    one = ["clang-tidy", "--quiet", "-p", build.directory_of("dev"), "--extra-arg=-Wno-unknown-warning-option"]
    script = 'printf "%s\\0" "${@:2}" | xargs -0 -n 1 -P "$1" ' + " ".join(one)
    failed = jobs.command(["bash", "-c", script, "tidy", str(build.cores()), *names], log="tidy", env=build.environment(),
                          check=False)
    if failed:
        found = findings(os.path.join(jobs.LOGS, "tidy.log"))
        raise jobs.StepFailed("clang-tidy found:\n" + "\n".join(found or [jobs.tail(os.path.join(jobs.LOGS, "tidy.log"))]))


def findings(path: str) -> list:
    """The log's lines that say what is wrong: the rest counts the warnings of system headers."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = {line.rstrip("\n").replace(build.ROOT + "/", "") for line in file if ": error: " in line or ": warning: " in line}
    return sorted(lines)[:80]


def format_check() -> Counts:
    problems = format_problems(fix=False)
    print("\n".join(problems), end="\n" if problems else "", flush=True)
    return Counts(failed=1) if problems else Counts(passed=1)


def tidy_check(base: str = "") -> Counts:
    names = changed_units(base)
    print(f"dev: clang-tidy on {len(names)} changed files", flush=True)
    if names:
        tidy(names)
    return Counts(passed=1)


def structure_check() -> Counts:
    done = subprocess.run([sys.executable, "tests/architecture/check.py"], check=False)
    return Counts(failed=1) if done.returncode else Counts(passed=1)


def run(base: str, fix: bool) -> int:
    if fix:
        format_problems(fix=True)
        subprocess.run([sys.executable, "tests/harness/claims.py", "table", "--write"], check=False)
    return jobs.run_all([
        jobs.Job("format", 30, "clang-format", format_check),
        jobs.Job("structure", 30, "the house rules", structure_check),
        jobs.Job("tidy", 480, "clang-tidy on changed files", functools.partial(tidy_check, base)),
    ])
