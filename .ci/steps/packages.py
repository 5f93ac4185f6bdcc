"""What the commands need from the system, and how it is installed on Debian 12 and its relatives."""

import glob
import os
import shutil
import subprocess

CUDA_HOME = os.path.expanduser("~/.cache/stretto/cuda")
# nvcc for machines without a CUDA toolkit, from the Python package index: Debian 12's own nvcc is too old for C++20.
CUDA_WHEELS = [f"nvidia-{name}==13.0.*" for name in ("cuda-nvcc", "nvvm", "cuda-crt", "cuda-runtime", "cuda-cccl")]

# (package, what shows that it is there, the lowest level of command that needs it)
PACKAGES = [
    ("g++", "g++", "build"),
    ("cmake", "cmake", "build"),
    ("ninja-build", "ninja", "build"),
    ("libexpat1-dev", "/usr/include/expat.h", "build"),
    ("libsodium-dev", "/usr/include/sodium.h", "build"),
    ("nlohmann-json3-dev", "/usr/include/nlohmann/json.hpp", "build"),
    ("libcli11-dev", "/usr/include/CLI/CLI.hpp", "build"),
    ("libfmt-dev", "/usr/include/fmt/core.h", "build"),
    # Optional: without its headers, hwloc is not asked about the machine.
    ("libhwloc-dev", "/usr/include/hwloc.h", "build"),
    ("libspdlog-dev", "/usr/include/spdlog/spdlog.h", "build"),
    ("libgtest-dev", "/usr/include/gtest/gtest.h", "test"),
    ("libgmock-dev", "/usr/include/gmock/gmock.h", "test"),
    ("libbenchmark-dev", "/usr/include/benchmark/benchmark.h", "test"),
    ("binutils", "nm", "test"),
    ("git", "git", "lint"),
    ("clang-format", "clang-format", "lint"),
    ("clang-tidy", "clang-tidy", "lint"),
    ("clang", "clang++", "all"),
    ("libclang-rt-14-dev", "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a", "all"),
    ("gcovr", "gcovr", "all"),
    ("ccache", "ccache", "all"),
    ("pkgconf", "pkg-config", "all"),
    ("doxygen", "doxygen", "all"),
    ("openmpi-bin", "mpirun.openmpi", "all"),
    ("libopenmpi-dev", "mpicxx.openmpi", "all"),
    ("mpich", "mpirun.mpich", "all"),
    ("libmpich-dev", "mpicxx.mpich", "all"),
    ("iproute2", "ip", "all"),
    ("g++-aarch64-linux-gnu", "aarch64-linux-gnu-g++", "all"),
    ("python3-matplotlib", "/usr/lib/python3/dist-packages/matplotlib/__init__.py", "all"),
    ("python3-pip", "pip3", "nvcc"),
    ("ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "nvcc"),
]
LEVELS = {
    "build": {"build"},
    "test": {"build", "test"},
    "lint": {"build", "test", "lint"},
    "all": {"build", "test", "lint", "all"},
}


class Missing(Exception):
    """Something that the command needs is not there and could not be installed."""


def is_present(sign: str) -> bool:
    if sign.startswith("/"):
        return bool(glob.glob(sign))
    return shutil.which(sign) is not None


def missing_packages(level: str) -> list:
    levels = set(LEVELS[level])
    if level == "all" and find_nvcc() is None:
        levels.add("nvcc")
    return [name for name, sign, needed_by in PACKAGES if needed_by in levels and not is_present(sign)]


def find_nvcc():
    """The nvcc that CMake will find (cmake/StrettoCuda.cmake looks in the same places), or None."""
    named = [os.environ[name] for name in ("CUDACXX",) if name in os.environ]
    homes = [os.environ[name] for name in ("CUDA_HOME", "CUDA_PATH") if name in os.environ]
    places = named + [f"{home}/bin/nvcc" for home in homes + ["/usr/local/cuda", f"{CUDA_HOME}/nvidia/cu13"]]
    return next((place for place in [shutil.which("nvcc")] + places if place and os.access(place, os.X_OK)), None)


def apt_commands(names: list) -> list:
    return [["apt-get", "update", "-q"],
            ["apt-get", "install", "-q", "-y", "--no-install-recommends"] + names]


def pip_command() -> list:
    return ["pip3", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--root-user-action=ignore",
            "--target", CUDA_HOME] + CUDA_WHEELS


def run_as_root(commands: list) -> None:
    prefix = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise Missing("packages are missing and there is no sudo; as root, run:\n" +
                          "\n".join("  " + " ".join(command) for command in commands))
        prefix = ["sudo"]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in commands:
        command = prefix + (["env", "DEBIAN_FRONTEND=noninteractive"] if prefix else []) + command
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise Missing(f"`{' '.join(command)}` failed:\n{done.stdout[-3000:]}")


def ensure(level: str) -> None:
    """Installs what `level` needs and is not there. Says what it does; does nothing when all is present."""
    names = missing_packages(level)
    if names:
        if shutil.which("apt-get") is None:
            raise Missing(f"missing, by their Debian names: {' '.join(names)}. Install them and run this again.")
        print(f"dev: installing {' '.join(names)}", flush=True)
        run_as_root(apt_commands(names))
        if still := missing_packages(level):
            raise Missing(f"still missing after installation: {' '.join(still)}")
    if level == "all" and find_nvcc() is None:
        ensure_nvcc()


def ensure_nvcc() -> None:
    """Fetches nvcc into the user's cache. A failure is reported, not fatal: CUDA is optional unless CI requires it."""
    print(f"dev: fetching nvcc into {CUDA_HOME}", flush=True)
    done = subprocess.run(pip_command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        print(f"dev: no nvcc, so CUDA code will not be compiled: {done.stdout[-1500:]}", flush=True)
        return
    # nvcc's own profile looks for its libraries in lib64, and the packages put them into lib.
    lib64 = f"{CUDA_HOME}/nvidia/cu13/lib64"
    if not os.path.exists(lib64):
        os.symlink("lib", lib64)


def doctor() -> int:
    worst = 0
    for level, command in (("build", "./dev perf"), ("test", "./dev test"), ("lint", "./dev lint"),
                           ("all", "./dev test --all")):
        names = missing_packages(level)
        print(f"{command:<18}{'ready' if not names else 'would install: ' + ' '.join(names)}")
        worst = max(worst, 1 if names else 0)
    nvcc = find_nvcc()
    print(f"{'nvcc':<18}{nvcc or 'none; ./dev test --all would run: ' + ' '.join(pip_command())}")
    if nvcc is None:
        worst = 1
    names = missing_packages("all")
    if names and shutil.which("apt-get"):
        how = "" if os.geteuid() == 0 else "sudo "
        print("To install all of it at once:")
        for command in apt_commands(names):
            print(f"  {how}{' '.join(command)}")
    elif names:
        print("This is no Debian-like machine: install the equivalents of these Debian packages.")
    return worst
