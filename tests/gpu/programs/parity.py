"""Programs written for NCCL, with NVIDIA's library and with stretto's in its place: do both give the same results?

parity.py --library PATH/libnccl.so.2 --nccl PATH/libnccl.so.2 --out DIR [PROGRAM ...]

Each program runs twice, each time in processes of its own. Both libraries are told to log: a process in which the other
one than it should have run on set up communicators, or in which the right one did nothing, counts as failed. (That a
library is mapped says little: torch and JAX also open NVIDIA's by its path, whatever serves their calls.)
Exit status: 0 if all are equal; DIR/parity.json has the rows. Needs two GPUs, and the packages that the programs import
(torch, cupy, jax); a program whose package is missing fails.
"""

import argparse
import glob
import json
import os
import signal
import subprocess
import sys
import time

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 150
# Sums of two numbers have one rounding, whoever adds them. What multiplies before it adds may round once less.
TOLERANCE = 1e-6
# What each library logs of a process that it serves: where, and what is in it.
SIGNS = {"stretto": ("stretto.%d.log", "event=plan"), "NVIDIA": ("nvidia.%d.log", "Init COMPLETE")}
# Name, program, arguments, what the environment has beside. {library} is the one under test.
ROWS = [
    ("torch: collectives", "torch_program.py", ["--case", "collectives", "--case", "pairs"], {}),
    ("torch: groups, splits", "torch_program.py", ["--case", "groups", "--eager"], {}),
    ("torch: DDP", "torch_program.py", ["--case", "ddp"], {}),
    ("torch: FSDP2", "torch_program.py", ["--case", "fsdp2"], {}),
    ("torch: DTensor", "torch_program.py", ["--case", "dtensor"], {}),
    ("torch: CUDA graphs", "torch_program.py", ["--case", "graphs"], {}),
    # DTensor's own all-to-all does not know of NCCL's "in progress" (torch 2.11).
    ("torch: non-blocking", "torch_program.py",
     ["--eager", *(word for case in ("collectives", "pairs", "groups", "ddp", "fsdp2", "graphs") for word in ("--case", case))],
     {"TORCH_NCCL_USE_COMM_NONBLOCKING": "1"}),
    ("ctypes, as vLLM", "ctypes_program.py", ["--library", "{library}"], {}),
    ("CuPy", "cupy_program.py", [], {}),
    ("JAX", "jax_program.py", [], {}),
]


def run(row, library: str, whose: str, folder: str) -> str:
    """"" or what went wrong."""
    _, program, arguments, beside = row
    by_path = any("{library}" in word for word in arguments)
    os.makedirs(folder, exist_ok=True)
    for old in glob.glob(os.path.join(folder, "*")):
        os.remove(old)
    words = [sys.executable, os.path.join(HERE, program), "--out", folder,
             *(word.format(library=library) for word in arguments)]
    environment = dict(os.environ, STRETTO_LOG_LEVEL="debug", STRETTO_LOG_FILE=os.path.join(folder, "stretto.%p.log"),
                       NCCL_DEBUG="INFO", NCCL_DEBUG_FILE=os.path.join(folder, "nvidia.%p.log"), **beside)
    if whose == "stretto" and not by_path:
        environment["LD_PRELOAD"] = library
    with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            code = process.wait(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            code = f"no end in {LIMIT_S} s"
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # and its children
            except ProcessLookupError:
                pass
    if code == 0:
        return wrong_library(folder, whose)
    with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as log:
        return f"{code}: " + "\n".join(log.read().strip().split("\n")[-12:])


def wrong_library(folder: str, meant: str) -> str:
    """"" if each process was served by the one that was meant, and by it alone."""
    for path in glob.glob(os.path.join(folder, "*.json")):
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        served = {whose for whose, (log, word) in SIGNS.items() if word in text_of(os.path.join(folder, log % told["process"]))}
        if served != {meant}:
            return (f"{os.path.basename(path)} was served by {' and '.join(sorted(served)) or 'neither library'}, not by "
                    f"{meant} alone; it has mapped {', '.join(told['libraries']) or 'no libnccl'}")
    return ""


def text_of(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def arrays_of(folder: str) -> dict:
    found = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        with numpy.load(path) as file:
            found.update({(os.path.basename(path), name): file[name] for name in file.files})
    return found


def compare(ours: dict, theirs: dict) -> dict:
    """How many arrays are the same to the last bit, and how far off the others are."""
    if not ours or ours.keys() != theirs.keys():
        return {"equal": False, "text": f"{len(ours)} arrays, NCCL's {len(theirs)}"}
    worst, differing, bad = 0.0, 0, []
    for key, array in ours.items():
        other = theirs[key]
        if array.shape != other.shape:
            bad.append(f"{key[1]} ({key[0]}): shapes {array.shape} and {other.shape}")
        elif not numpy.array_equal(array, other, equal_nan=array.dtype.kind == "f"):
            differing += 1
            off = numpy.max(numpy.abs(array.astype(float) - other)) / max(numpy.max(numpy.abs(other.astype(float))), 1e-30)
            worst = max(worst, float(off)) if off == off else float("inf")
            if not off <= TOLERANCE:
                bad.append(f"{key[1]} ({key[0]}): off by {off:.2g}")
    return {"equal": not bad, "arrays": len(ours), "not_bit_for_bit": differing, "worst": worst,
            "text": "; ".join(bad[:5])}


def row_of(row, options) -> dict:
    name, start = row[0], time.monotonic()
    result = {"program": name}
    folders = {}
    for whose, library in (("NVIDIA", options.nccl), ("stretto", options.library)):
        folders[whose] = os.path.join(options.out, name.replace(":", "").replace(",", "").replace(" ", "_"), whose)
        trouble = run(row, library, whose, folders[whose])
        if trouble:
            return {**result, "equal": False, "text": f"with {whose}: {trouble}", "seconds": time.monotonic() - start}
    return {**result, **compare(arrays_of(folders["stretto"]), arrays_of(folders["NVIDIA"])),
            "seconds": time.monotonic() - start}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True, help="stretto's libnccl.so.2")
    parser.add_argument("--nccl", required=True, help="NVIDIA's libnccl.so.2, as the programs find it")
    parser.add_argument("--out", required=True)
    parser.add_argument("names", nargs="*", metavar="PROGRAM", help="only rows whose name contains this")
    options = parser.parse_args()
    options.library, options.nccl = os.path.abspath(options.library), os.path.abspath(options.nccl)
    rows = [row for row in ROWS if not options.names or any(name in row[0] for name in options.names)]
    if not rows:
        parser.error(f"no row is named so; there are: {', '.join(row[0] for row in ROWS)}")
    results = []
    for row in rows:
        result = row_of(row, options)
        results.append(result)
        exact = f"{result['arrays'] - result['not_bit_for_bit']} of {result['arrays']} to the last bit" \
            if "arrays" in result else ""
        print(f"{'EQUAL ' if result['equal'] else 'FAILED'}  {result['program']:26} {result['seconds']:5.1f} s  "
              f"{exact}  {result['text']}", flush=True)
    with open(os.path.join(options.out, "parity.json"), "w", encoding="utf-8") as file:
        json.dump({"rows": results, "tolerance": TOLERANCE}, file, indent=1)
    return 0 if all(result["equal"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
