#!/usr/bin/env python3
"""Keeps the promise that a new algorithm takes a folder and a row of the catalogue, and nothing else.

Applies toy_algorithm.patch to a copy of the sources, builds planning with its tests there, and asks: do all tests pass,
do those over the catalogue include the toy, and does the checker's sweep find a fault that is put into the toy?
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCH = ROOT / "tests/extension/toy_algorithm.patch"
TOY = "star"
TESTS = ["plan_test", "algorithms_test", "sweep_test"]
ROOMS = ["cmake", "include", "src/base", "src/plan", "src/algorithms", "src/planner", "topology/graph", "tests/plan",
         "tests/algorithms", "tests/extension"]
# What is taken out of the toy's steps to make it wrong: rank 0's results are then never fetched.
STEP = "      strand.receive(0, 0, output(0));\n"


def fail(text):
    sys.exit(f"FAILED: {text}")


def run(*command, expect=0, cwd=None, environment=None):
    done = subprocess.run(command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if (done.returncode == 0) != (expect == 0):
        fail(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout[-8000:]}")
    return done.stdout


def check_patch():
    """The patch touches its own folder and adds an include and a row to the catalogue."""
    text = PATCH.read_text()
    files = set(re.findall(r"^\+\+\+ b/(.*)$", text, re.M))
    others = {name for name in files if not name.startswith(f"src/algorithms/{TOY}/")}
    if others != {"src/algorithms/catalogue.cpp"}:
        fail(f"the patch touches {sorted(others)}; only the catalogue and the toy's folder were promised")
    catalogue = text.split("diff --git a/src/algorithms/catalogue.cpp")[1].split("diff --git")[0]
    changed = [line for line in catalogue.splitlines() if re.match(r"[+-](?![+-])", line)]
    if len(changed) != 2 or any(line.startswith("-") for line in changed):
        fail(f"the patch makes more of the catalogue than an include and a row: {changed}")


def copy_sources(target):
    for room in ROOMS:
        shutil.copytree(ROOT / room, target / room)


def build(tree, targets):
    environment = dict(os.environ, CCACHE_BASEDIR=str(tree), CCACHE_NOHASHDIR="1")
    directory = tree / "build"
    if not directory.exists():
        run("cmake", "-S", tree / "tests/extension/planning", "-B", directory, "-DCMAKE_BUILD_TYPE=None",
            "-DCMAKE_CXX_FLAGS=-O1", *(["-G", "Ninja"] if shutil.which("ninja") else []), environment=environment)
    run("cmake", "--build", directory, "--parallel", str(os.cpu_count()), "--target", *targets,
        environment=environment)


def main():
    check_patch()
    with tempfile.TemporaryDirectory(prefix="stretto_toy_") as name:
        tree = pathlib.Path(name)
        copy_sources(tree)
        # The ceiling keeps git from taking the copy for part of a repository around it.
        run("git", "apply", "--whitespace=nowarn", PATCH, cwd=tree,
            environment=dict(os.environ, GIT_CEILING_DIRECTORIES=str(tree.parent)))
        if not (tree / f"src/algorithms/{TOY}/plan.cpp").exists():
            fail("git apply left nothing behind")
        build(tree, TESTS)
        programs = {test: next((tree / "build").rglob(test)) for test in TESTS}
        for test in TESTS:
            run(programs[test], "--gtest_brief=1")
        listed = run(programs["algorithms_test"], "--gtest_list_tests")
        if f"/{TOY}_all_reduce" not in listed:
            fail(f"no test over the catalogue has the toy among its cases:\n{listed}")

        plan = tree / f"src/algorithms/{TOY}/plan.cpp"
        text = plan.read_text()
        if text.count(STEP) != 1:
            fail("the step to be taken out is not in the toy any more")
        plan.write_text(text.replace(STEP, ""))
        build(tree, ["sweep_test"])
        report = run(programs["sweep_test"], "--gtest_brief=1", expect=1)
        if TOY not in report:
            fail(f"the sweep fails without naming the toy:\n{report[-4000:]}")
    print("the toy needed its folder and its row; the sweep includes it, and finds the fault put into it")


main()
