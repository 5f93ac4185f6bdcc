"""What libstretto.so shows to the world: library.py LIBRARY HEADER"""

import os
import re
import subprocess
import sys

# What any C++ program needs anyway. In particular no fmt, spdlog, sodium, CUDA runtime or driver.
ALLOWED = re.compile(r"^(libstdc\+\+|libm|libgcc_s|libc|libpthread|librt|libdl|ld-linux[\w-]*)\.so\.\d+$")


def output(*words: str) -> list:
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def whole(header: str) -> str:
    """The header with the parts that it includes."""
    with open(header, encoding="utf-8") as file:
        text = file.read()
    folder = os.path.dirname(os.path.dirname(header))
    parts = re.findall(r'(?m)^#include "(stretto/[^"]+)"', text)
    return text + "".join(whole(os.path.join(folder, part)) for part in parts)


def main(library: str, header: str) -> int:
    problems = []
    exported = {line.split()[-1] for line in output("nm", "-D", "--defined-only", library)}
    exported = {name.split("@")[0] for name in exported if not name.startswith("STRETTO_0")}
    problems += [f"exports {name}" for name in sorted(exported) if not name.startswith("stretto")]
    text = re.sub(r"/\*.*?\*/", "", whole(header), flags=re.DOTALL)
    declared = set(re.findall(r"STRETTO_API[^;]*?\b(stretto\w+)\s*\(", text))
    problems += [f"declares and does not export {name}" for name in sorted(declared - exported)]
    problems += [f"exports and does not declare {name}" for name in sorted(exported - declared)
                 if name.startswith("stretto")]
    dynamic = output("readelf", "--dynamic", "--wide", library)
    needed = [re.search(r"\[(.*)\]", line).group(1) for line in dynamic if "(NEEDED)" in line]
    problems += [f"needs {name} at run time" for name in needed if not ALLOWED.match(name)]
    if not any("(SONAME)" in line and "[libstretto.so.0]" in line for line in dynamic):
        problems.append("has not the SONAME libstretto.so.0")
    if any("(RUNPATH)" in line or "(RPATH)" in line for line in output("readelf", "--dynamic", "--wide", library)):
        problems.append("has a run path")
    for problem in problems:
        print(f"{library} {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
