"""Runs CTest and judges its result: failures, and skips against tests/expected-skips.txt."""

import fnmatch
import os
import xml.etree.ElementTree

import build
import jobs

EXPECTED_SKIPS = "tests/expected-skips.txt"
RESULTS = "build/results"


def required_features() -> set:
    return set(filter(None, os.environ.get("STRETTO_TEST_REQUIRE", "").split(",")))


def expected_skips() -> list:
    """Rows (pattern of test names, feature or "-", why) of tests/expected-skips.txt."""
    rows = []
    with open(os.path.join(build.ROOT, EXPECTED_SKIPS), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                pattern, feature, why = line.rstrip("\n").split("\t")
                rows.append((pattern, feature, why))
    return rows


def skip_is_expected(name: str, required: set, rows: list) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) and feature not in required for pattern, feature, _ in rows)


def ctest(directory: str, *selection: str, env: dict = None, prefix: list = (), job: str = "") -> jobs.Counts:
    """Runs the selected tests of build/<directory>; prints the failures."""
    job = job or directory
    result = os.path.join(build.ROOT, RESULTS, f"{job}.xml")
    os.makedirs(os.path.dirname(result), exist_ok=True)
    if os.path.exists(result):
        os.remove(result)
    words = [*prefix, "ctest", "--test-dir", build.directory_of(directory), "-j", str(build.cores()),
             "--output-on-failure", "--no-tests=ignore", "--output-junit", result, *selection]
    jobs.command(words, log=f"{job}-test", env=dict(build.environment(), **(env or {})), check=False)
    if not os.path.exists(result):
        raise jobs.StepFailed(f"ctest wrote no result. The end of its log:\n"
                              f"{jobs.tail(os.path.join(jobs.LOGS, job + '-test.log'))}")
    return judge(result, job)


def judge(result: str, job: str) -> jobs.Counts:
    counts = jobs.Counts()
    required, rows = required_features(), expected_skips()
    for case in xml.etree.ElementTree.parse(result).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        if status == "run":
            counts.passed += 1
        elif status in ("notrun", "disabled") and case.find("skipped") is not None and "NOT_BUILT" not in name:
            if required and not skip_is_expected(name, required, rows):
                counts.failed += 1
                print(f"dev: {job}: {name} was skipped, and {EXPECTED_SKIPS} does not allow it:\n{output[-800:]}")
            else:
                counts.skipped += 1
        else:
            counts.failed += 1
            print(f"dev: {job}: {name} FAILED:\n{_end(output)}")
    return counts


def _end(output: str) -> str:
    lines = output.splitlines()
    return "\n".join(["    ..."] * (len(lines) > 60) + ["    " + line for line in lines[-60:]])
