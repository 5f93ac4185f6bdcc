"""Configuring and building with the CMake presets."""

import os
import shutil

import jobs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def cores() -> int:
    return len(os.sched_getaffinity(0))


def environment() -> dict:
    """ccache may share objects between checkouts of this repository."""
    return dict(os.environ, CCACHE_BASEDIR=ROOT, CCACHE_NOHASHDIR="1")


def directory_of(name: str) -> str:
    return os.path.join(ROOT, "build", name)


def cmake(preset: str, *settings: str, targets: list = (), directory: str = "", prefix: list = ()) -> None:
    """Configures `preset` and builds it in build/<directory> (by default the preset's own)."""
    directory = directory or preset
    where = directory_of(directory)
    os.makedirs(where, exist_ok=True)
    # A cache made with another generator or for another path cannot be used again.
    cache = os.path.join(where, "CMakeCache.txt")
    if os.path.exists(cache) and not os.path.exists(os.path.join(where, "build.ninja")):
        os.remove(cache)
        shutil.rmtree(os.path.join(where, "CMakeFiles"), ignore_errors=True)
    log = f"{directory}-build"
    jobs.command(["cmake", "--preset", preset, "-B", where, *settings], log=log, env=environment())
    goal = ["--target", *targets] if targets else []
    jobs.command([*prefix, "cmake", "--build", where, "-j", str(cores()), *goal], log=log, env=environment(),
                 append=True)


def find_program(directory: str, name: str) -> str:
    for folder, _, files in os.walk(directory_of(directory)):
        if name in files and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    raise jobs.StepFailed(f"{name} was not built: see build/logs/{directory}-build.log")
