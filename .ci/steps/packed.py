"""`./dev pack` and `./dev unpack`: a build that another machine can test and measure with, where it has the GPUs and
this one the compilers. A packed build has what `./dev gpu` runs: programs and libraries without their debugging
symbols, and CTest's files, in which the folders' and Python's paths are left open."""

import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import build
import gpu
import jobs

# The tests are linked with the same kernels: whatever has been in one program is found again in the next.
COMPRESSION = {"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 128 << 20}


def pack(path: str, name: str) -> int:
    """Writes build/<name> to `path`, compressed by xz."""
    folder = build.directory_of(name)
    if not os.path.exists(os.path.join(folder, "CTestTestfile.cmake")):
        raise jobs.StepFailed(f"{folder} has no tests: build them first (./dev gpu says how, or ./dev test)")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    n = 0
    with lzma.open(path, "wb", filters=[COMPRESSION]) as file, tarfile.open(fileobj=file, mode="w") as archive, \
            tempfile.TemporaryDirectory() as scratch:
        for found in sorted(programs(folder) | libraries(folder)):
            add_stripped(archive, found, os.path.relpath(found, folder), scratch)
            n += 1
        for found in ctest_files(folder):
            add_text(archive, found, folder)
    print(f"dev: {n} programs and libraries of {os.path.relpath(folder, build.ROOT)} in {path}, "
          f"{os.path.getsize(path) / 1e6:.1f} MB", flush=True)
    return 0


def unpack(path: str, name: str) -> int:
    """Makes build/<name> of what pack() wrote; what is there of an earlier one is removed."""
    folder = build.directory_of(name)
    with tarfile.open(path, "r:xz") as archive:
        for member in archive.getmembers():
            if reaches_outside(member):
                raise jobs.StepFailed(f"{path} has {member.name}, which reaches outside: ./dev pack made no such file")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        archive.extractall(folder)
    for file in ctest_files(folder):
        with open(file, encoding="utf-8") as text:
            words = text.read()
        with open(file, "w", encoding="utf-8") as text:
            text.write(words.replace("@build@", folder).replace("@sources@", build.ROOT)
                       .replace("@python@", sys.executable))
    print(f"dev: {path} is in {os.path.relpath(folder, build.ROOT)}", flush=True)
    return 0


def reaches_outside(member: tarfile.TarInfo) -> bool:
    """Libraries have links that name them, beside them."""
    if os.path.isabs(member.name) or ".." in member.name.split("/"):
        return True
    return not member.isfile() and not (member.issym() and "/" not in member.linkname and member.linkname != "..")


def programs(folder: str) -> set:
    """Those that the tests for GPUs run, the perf tools and `stretto`."""
    shown = subprocess.run(["ctest", "--test-dir", folder, "-R", gpu.NEED_A_GPU, "--show-only=json-v1"],
                           capture_output=True, text=True, check=True).stdout
    found = set()
    for test in json.loads(shown)["tests"]:
        found.update(word for word in test.get("command", []) if word.startswith(folder) and is_program(word))
    for where, _, names in os.walk(folder):
        found.update(os.path.join(where, name) for name in names
                     if (name.endswith("_perf") or name == "stretto") and is_program(os.path.join(where, name)))
    return found


def is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def libraries(folder: str) -> set:
    """Shared ones, with the links that name them."""
    return {os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
            if ".so" in name and (name.endswith(".so") or name.split(".so.")[-1][:1].isdigit())}


def ctest_files(folder: str) -> list:
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
                  if name == "CTestTestfile.cmake" or name.endswith(("_include.cmake", "_tests.cmake")))


def add_stripped(archive: tarfile.TarFile, file: str, name: str, scratch: str) -> None:
    if os.path.islink(file):
        archive.add(file, name)
        return
    stripped = os.path.join(scratch, "stripped")
    subprocess.run(["strip", "--strip-unneeded", "-o", stripped, file], check=True)
    archive.add(stripped, name)


def add_text(archive: tarfile.TarFile, file: str, folder: str) -> None:
    with open(file, encoding="utf-8") as text:
        words = text.read().replace(folder, "@build@").replace(build.ROOT, "@sources@")
    words = re.sub(r'(?<=[\s"])/[^\s"\]]*/python3?[0-9.]*(?=[\s"])', "@python@", words).encode()
    member = tarfile.TarInfo(os.path.relpath(file, folder))
    member.size = len(words)
    archive.addfile(member, io.BytesIO(words))
