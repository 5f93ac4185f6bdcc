"""What libnccl.so.2 shows to the world: symbols_test.py LIBRARY"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
HERE = os.path.join(ROOT, "src/frontends/nccl")
# What NCCL 2.28.9 exports.
OF_2_28_9 = """AllGather AllReduce AlltoAll Bcast Broadcast CommAbort CommCount CommCuDevice CommDeregister CommDestroy
CommFinalize CommGetAsyncError CommInitAll CommInitRank CommInitRankConfig CommInitRankScalable CommRegister CommRevoke
CommShrink CommSplit CommUserRank CommWindowDeregister CommWindowRegister DevCommCreate DevCommDestroy Gather
GetErrorString GetLastError GetUniqueId GetVersion GinBarrierCreateRequirement GroupEnd GroupSimulateEnd GroupStart
LLA2ACalcSlots LLA2ACreateRequirement LsaBarrierCreateRequirement MemAlloc MemFree Recv RedOpCreatePreMulSum RedOpDestroy
Reduce ReduceScatter ResetDebugInit Scatter Send TeamLsa TeamRail TeamRankToLsa TeamRankToWorld TeamWorld""".split()
# What callers look for that were built with newer headers.
NEWER = """CommSuspend CommResume CommGrow CommMemStats CommQueryProperties PutSignal Signal WaitSignal GetLsaDevicePointer
GetLsaMultimemDevicePointer GetMultimemDevicePointer GetPeerDevicePointer""".split()
NEEDED = re.compile(r"^(libstretto\.so\.0|libstdc\+\+\.so\.6|(libm|libgcc_s|libc|libpthread|ld-linux[\w-]*)\.so\.\d+)$")


def output(*words: str) -> list:
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def declared() -> set:
    """Of our own headers, and the table of what is not served."""
    names = set()
    for path, pattern in (("include/nccl.h", r"STRETTO_NCCL_DECLARE\([^,]+,\s*nccl(\w+)"),
                          ("include/nccl_device.h", r"STRETTO_NCCL_DECLARE\([^,]+,\s*nccl(\w+)"),
                          ("unserved_table.hpp", r"X\(nccl(\w+),")):
        with open(os.path.join(HERE, path), encoding="utf-8") as file:
            names |= set(re.findall(pattern, file.read()))
    return names - {"name"}


def main(library: str) -> int:
    symbols = {}
    for line in output("nm", "-D", "--defined-only", library):
        kind, name = line.split()[-2:]
        symbols[name] = kind
    problems = [f"exports {name} with a version" for name in symbols if "@" in name]
    problems += [f"exports {name}" for name in symbols if not re.match(r"p?nccl[A-Z]", name)]
    weak = {name[4:] for name, kind in symbols.items() if name.startswith("nccl") and kind == "W"}
    strong = {name[5:] for name, kind in symbols.items() if name.startswith("pnccl") and kind == "T"}
    problems += [f"has not the pair nccl{name} (weak) and pnccl{name}" for name in sorted(weak ^ strong)]
    problems += [f"exports {name}, which is neither" for name, kind in symbols.items()
                 if kind != ("W" if name.startswith("nccl") else "T")]
    problems += [f"lacks nccl{name}" for name in [*OF_2_28_9, *NEWER] if name not in weak]
    problems += [f"declares nccl{name} and does not export it" for name in sorted(declared() - weak)]
    problems += [f"exports nccl{name}, of which no header and no table knows" for name in
                 sorted(weak - declared() - {"LLA2ACalcSlots"})]
    dynamic = output("readelf", "--dynamic", "--wide", library)
    if not any("(SONAME)" in line and "[libnccl.so.2]" in line for line in dynamic):
        problems.append("has not the SONAME libnccl.so.2")
    needed = [re.search(r"\[(.*)\]", line).group(1) for line in dynamic if "(NEEDED)" in line]
    problems += [f"needs {name} at run time" for name in needed if not NEEDED.match(name)]
    if any("STATIC_TLS" in line for line in dynamic):
        problems.append("has thread-local variables with which it cannot be opened by dlopen")
    own = [line.split()[4] for line in output("readelf", "--relocs", "--wide", library)
           if len(line.split()) > 4 and line.split()[4].startswith(("nccl", "pnccl"))]
    problems += [f"calls {name} by way of the loader: where NVIDIA's library is too, its own may be called" for name in own]
    if len(weak) < 70 or len(declared()) < 60:
        problems.append(f"{len(weak)} names, {len(declared())} declared: this test does not see what it should")
    for problem in problems:
        print(f"{library} {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
