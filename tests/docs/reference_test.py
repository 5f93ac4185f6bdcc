"""The reference of the C API: Doxygen has nothing to complain of, and complains where it should.

Of the C headers every function, parameter, enumerator, field and macro must be described; of the C++ wrapper every
member. To show that this holds something, one comment at a time is taken out of a copy, or bent.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# (header, what is bent, what it becomes, what the complaint must name)
BENDS = [
    ("collectives.h", r"/\*\* Barrier: .*?\*/", "", "strettoBarrier"),
    ("collectives.h", r"(Reduce-scatter: .*?)@param recvcount", r"\1@param recvcuont", "recvcuont"),
    ("communicators.h", r" \*  @param color [^@]*@param key", " *  @param key", "strettoCommSplit"),
    ("streams.h", r" \*  - event: [^\n]*\n", "", "strettoEventRecord"),
    ("stretto.h", r"(strettoAborted = 9,)\s+/\*\*<.*?\*/", r"\1", "strettoAborted"),
    ("stretto.h", r"(int deadline_ms;)\s+/\*\*<.*?\*/", r"\1", "deadline_ms"),
    ("stretto.hpp", r"/// The number of ranks[.]\n", "", "size"),
]


def complaints(tree: str, strict: bool) -> str:
    """What Doxygen says of the tree; nothing if it is content. `strict`: of the C headers alone, parameters too."""
    with open(os.path.join(tree, "docs/doxygen/Doxyfile"), encoding="utf-8") as file:
        settings = file.read() + ("FILE_PATTERNS = *.h *.md\n" if strict else "")
    with tempfile.TemporaryDirectory() as output:
        environment = dict(os.environ, DOCS_OUTPUT=output, DOCS_STRICT="YES" if strict else "NO")
        done = subprocess.run(["doxygen", "-"], cwd=tree, env=environment, input=settings, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    said = done.stdout if done.returncode != 0 else ""
    if done.returncode != 0 and not said.strip():
        said = f"doxygen ended with {done.returncode}"
    return said + bare_enumerators(tree)


def bare_enumerators(tree: str) -> str:
    """Doxygen 1.9.4 does not complain of enumerators without a comment."""
    found = ""
    for path in sorted(glob.glob(os.path.join(tree, "include/stretto/*.h"))):
        with open(path, encoding="utf-8") as file:
            bodies = re.findall(r"typedef enum {\n(.*?)\n}", file.read(), re.DOTALL)
        bare = [line.strip() for body in bodies for line in body.splitlines()
                if re.match(r"\s*stretto", line) and "/**<" not in line]
        found += "".join(f"{os.path.basename(path)}: {line} is not described\n" for line in bare)
    return found


def bend(tree: str, header: str, pattern: str, becomes: str) -> None:
    original = os.path.join(ROOT, "include/stretto", header)
    with open(original, encoding="utf-8") as file:
        text, n = re.subn(pattern, becomes, file.read(), count=1, flags=re.DOTALL)
    assert n == 1, f"{header} has nothing like {pattern}: mend this test"
    with open(os.path.join(tree, "include/stretto", header), "w", encoding="utf-8") as file:
        file.write(text)


def problems_of_bends() -> list:
    found = []
    with tempfile.TemporaryDirectory() as tree:
        for folder in ("include", "docs/doxygen"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(tree, folder))
        for header, pattern, becomes, named in BENDS:
            bend(tree, header, pattern, becomes)
            said = complaints(tree, strict=header.endswith(".h"))
            if not re.search(rf"\b{named}\b", said):
                found.append(f"{header} without {pattern}: {named} should be complained of, but:\n{said or 'nothing'}")
            shutil.copy(os.path.join(ROOT, "include/stretto", header), os.path.join(tree, "include/stretto", header))
    return found


def main() -> int:
    if shutil.which("doxygen") is None:
        print("SKIPPED: there is no doxygen")
        return 0
    problems = list(filter(None, [complaints(ROOT, strict=False), complaints(ROOT, strict=True)])) + problems_of_bends()
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
