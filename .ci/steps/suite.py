"""The jobs of `./dev test` and `./dev test --all`: one row each, with the time that it may take on two cores."""

import functools
import os
import shutil
import subprocess

import build
import coverage
import fuzz
import jobs
import lint
import packages
import tests
from jobs import Counts, Job, StepFailed, StepSkipped

# Labels of tests: `structure` reads the sources and is the same in every build; `long`, `mpi`, `bench` and `extension`
# (which builds a copy of the library) run once; `simulator` takes its number of seeds from STRETTO_TEST_SEEDS, and the
# tests of room fault theirs of kills from STRETTO_TEST_KILLS.
ONCE = "^(structure|long|mpi|extension|bench)$"
# By name, what runs the same code as other tests do, in other orders or for more types, or is a program in Python: not
# under sanitizers, which make it slow.
AGAIN = "^(Debug[.]TestsOf|Mutation[.]|Gpus/DeviceShortSums[.]AllTypes|Docs[.])"


def dev() -> Counts:
    build.cmake("dev", "-DBUILD_TESTING=ON")
    return tests.ctest("dev", "-LE", "^(long|mpi|extension)$")


def release() -> Counts:
    build.cmake("release", "-DBUILD_TESTING=ON")
    return tests.ctest("release", "-LE", ONCE)


def sanitized(preset: str) -> Counts:
    prefix = fixed_addresses() if preset == "tsan" else []
    build.cmake(preset, "-DBUILD_TESTING=ON", prefix=prefix)
    options = {
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_init_order=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:die_after_fork=0",
    }
    # Pure code has no threads that could race; what tools run in threads other tests run, too, in less time.
    left_out = f"{ONCE}|^pure$|^tools$" if preset == "tsan" else ONCE
    return tests.ctest(preset, "-LE", left_out, "-E", AGAIN, env=options, prefix=prefix)


def fixed_addresses() -> list:
    """GCC 12's ThreadSanitizer cannot run where the kernel spreads mappings wider than it expects."""
    command = ["setarch", os.uname().machine, "-R"]
    usable = shutil.which("setarch") and subprocess.run([*command, "true"], check=False,
                                                        stderr=subprocess.DEVNULL).returncode == 0
    return command if usable else []


def simulator() -> Counts:
    return at_least_one(tests.ctest("release", "-L", "^simulator$", env={"STRETTO_TEST_SEEDS": "1000"},
                                    job="simulator"), "labelled simulator")


def long() -> Counts:
    return at_least_one(tests.ctest("release", "-L", "^long$", job="long"), "labelled long")


def kills() -> Counts:
    return at_least_one(tests.ctest("release", "-L", "^kills$", env={"STRETTO_TEST_KILLS": "100"}, job="kills"),
                        "labelled kills")


def extension() -> Counts:
    return at_least_one(tests.ctest("release", "-L", "^extension$", job="extension"), "labelled extension")


def mpi() -> Counts:
    if packages.missing_packages("all") and shutil.which("mpirun") is None:
        return absent("mpi", "Open MPI is not installed")
    return at_least_one(tests.ctest("release", "-L", "^mpi$", job="mpi"), "labelled mpi")


def cuda() -> Counts:
    nvcc = packages.find_nvcc()
    if nvcc is None:
        return absent("cuda-compile", "nvcc was not found")
    build.cmake("release", "-DSTRETTO_CUDA=ON", "-DBUILD_TESTING=ON", f"-DCMAKE_CUDA_COMPILER={nvcc}",
                targets=["stretto", "cuda_runtime_test"], directory="cuda")
    return at_least_one(tests.ctest("cuda", "-R", "^CudaRuntime[.]"), "named CudaRuntime.*")


def aarch64() -> Counts:
    """The library's sources are correct C++ for aarch64 too; nothing here could run the result."""
    names = [name for name in lint.sources() if name.endswith(".cpp")
             and name.startswith(("src/", "topology/", "transports/"))
             and "kernels_avx" not in name  # of a processor
             and not name.endswith(("cuda_gpus.cpp", "cuda_links.cpp", "cuda_memory.cpp"))]  # of CUDA
    script = 'printf "%s\\0" "${@:2}" | xargs -0 -n 4 -P "$1" ' + " ".join(
        ["aarch64-linux-gnu-g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-Isrc",
         "-I.", "-idirafter", "/usr/include", "'-DSTRETTO_LIB_FROM_BIN=\"../lib\"'"])
    jobs.command(["bash", "-c", script, "aarch64", str(build.cores()), *names], log="aarch64")
    return Counts(passed=1)


def package() -> Counts:
    jobs.command(["bash", "tests/package/run.sh", build.directory_of("release")], log="package",
                 env=build.environment())
    return Counts(passed=1)


def claims() -> Counts:
    jobs.command(["python3", "tests/harness/claims.py", "check", "--ran", tests.RESULTS], log="claims")
    return Counts(passed=1)


def at_least_one(counts: Counts, which: str) -> Counts:
    if counts == Counts():
        raise StepFailed(f"there is no test {which}")
    return counts


def absent(feature: str, why: str) -> Counts:
    if feature in tests.required_features():
        raise StepFailed(f"{why}, and STRETTO_TEST_REQUIRE asks for {feature}")
    raise StepSkipped(why)


QUICK = [
    Job("dev", 600, "debug build and its tests", dev),
]
ALL = [
    Job("format", 30, "clang-format", lint.format_check),
    Job("coverage", 500, "debug build, its tests, and at least 90% of the lines of base, plan, bootstrap and comm run",
        coverage.run, "build/coverage"),
    Job("release", 300, "release build and its tests", release),
    Job("mpi", 35, "ranks started by mpirun", mpi),
    Job("simulator", 40, "1,000 seeds", simulator),
    Job("long", 300, "the sweeps and soaks that run once", long),
    Job("kills", 40, "100 kills of random ranks", kills),
    Job("extension", 40, "a new algorithm, added as the guide says", extension),
    Job("package", 30, "clean install, found by CMake and pkg-config", package),
    Job("cuda", 180, "all CUDA code compiled; starts without a driver", cuda, "build/cuda"),
    Job("aarch64", 90, "the library's sources compile for aarch64", aarch64),
    Job("asan", 600, "AddressSanitizer and UndefinedBehaviorSanitizer", functools.partial(sanitized, "asan"),
        "build/asan"),
    Job("tsan", 500, "ThreadSanitizer", functools.partial(sanitized, "tsan"), "build/tsan"),
    Job("fuzz", 300, "each fuzz target for 20 s", fuzz.run),
    Job("tidy", 330, "clang-tidy on changed files", lint.tidy_check),
    Job("claims", 20, "each test that tests/claims.tsv names exists and ran", claims),
]

assert sum(job.budget_s for job in ALL) <= 3600, "./dev test --all is promised to take an hour at most"


def run(options) -> int:
    if options.k:
        return jobs.run_all([Job("dev", 600, f"tests that match {options.k}", functools.partial(matching, options.k))])
    table = ALL if options.all else QUICK
    if options.jobs:
        wanted = options.jobs.split(",")
        unknown = set(wanted) - {job.name for job in table}
        if unknown:
            raise StepFailed(f"no such job: {', '.join(sorted(unknown))}; there are: "
                             f"{', '.join(job.name for job in table)}")
        table = [job for job in table if job.name in wanted]
    shutil.rmtree(os.path.join(build.ROOT, tests.RESULTS), ignore_errors=True)
    return jobs.run_all(table)


def matching(name: str) -> Counts:
    build.cmake("dev", "-DBUILD_TESTING=ON")
    return at_least_one(tests.ctest("dev", "-R", name), f"whose name matches {name}")
