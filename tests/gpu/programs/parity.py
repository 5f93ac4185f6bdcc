"""Programs written for NCCL, with NVIDIA's library and with stretto's in its place: do both give the same results?

parity.py --library PATH/libnccl.so.2 --nccl PATH/libnccl.so.2 --out DIR [PROGRAM ...]

Each program runs twice, each time in processes of its own; what they loaded is looked at, and a program that did not run
on the library it should have run on counts as failed. Exit status: 0 if all are equal; DIR/parity.json has the rows.
Needs two GPUs, and the packages that the programs import (torch, cupy, jax); a program whose package is missing fails.
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
# Name, program, arguments, what the environment has beside. {library} is the one under test.
ROWS = [
    ("torch: collectives", "torch_program.py", ["--case", "collectives", "--case", "pairs"], {}),
    ("torch: groups, splits", "torch_program.py", ["--case", "groups", "--eager"], {}),
    ("torch: DDP", "torch_program.py", ["--case", "ddp"], {}),
    ("torch: FSDP2", "torch_program.py", ["--case", "fsdp2"], {}),
    ("torch: DTensor", "torch_program.py", ["--case", "dtensor"], {}),
    ("torch: CUDA graphs", "torch_program.py", ["--case", "graphs"], {}),
    ("torch: all, non-blocking", "torch_program.py", ["--eager"], {"TORCH_NCCL_USE_COMM_NONBLOCKING": "1"}),
    ("ctypes, as vLLM", "ctypes_program.py", ["--library", "{library}"], {}),
    ("CuPy", "cupy_program.py", [], {}),
    ("JAX", "jax_program.py", [], {}),
]


def run(row, library: str, preload: bool, folder: str) -> str:
    """"" or what went wrong."""
    _, program, arguments, beside = row
    os.makedirs(folder, exist_ok=True)
    for old in glob.glob(os.path.join(folder, "*")):
        os.remove(old)
    words = [sys.executable, os.path.join(HERE, program), "--out", folder,
             *(word.format(library=library) for word in arguments)]
    environment = dict(os.environ, **beside)
    if preload:
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
        return wrong_library(folder, library, preload)
    with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as log:
        return f"{code}: " + "\n".join(log.read().strip().split("\n")[-12:])


def wrong_library(folder: str, library: str, alone: bool) -> str:
    """A preloaded library is there in any case: the program is served by it if there is no other."""
    for path in glob.glob(os.path.join(folder, "*.json")):
        with open(path, encoding="utf-8") as file:
            loaded = json.load(file)["libraries"]
        if os.path.realpath(library) not in [os.path.realpath(name) for name in loaded]:
            return f"it ran without {library}: {', '.join(loaded) or 'no libnccl at all'}"
        if alone and len(loaded) > 1:
            return f"it loaded another beside {library}: {', '.join(loaded)}"
    return ""


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
    for whose, library in (("nccl", options.nccl), ("stretto", options.library)):
        folders[whose] = os.path.join(options.out, name.replace(":", "").replace(",", "").replace(" ", "_"), whose)
        by_path = any("{library}" in word for word in row[2])
        trouble = run(row, library, whose == "stretto" and not by_path, folders[whose])
        if trouble:
            return {**result, "equal": False, "text": f"with {whose}: {trouble}", "seconds": time.monotonic() - start}
    return {**result, **compare(arrays_of(folders["stretto"]), arrays_of(folders["nccl"])),
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
