"""The repository's own source files, read once: what the checks of this folder look at."""

import functools
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODE = (".cpp", ".hpp", ".h", ".c", ".cu", ".cuh")
SKIPPED_FOLDERS = {"build", ".git", ".cache", "__pycache__"}


@functools.lru_cache(maxsize=None)
def files() -> tuple:
    """Paths from the root: git's own list with new files, or, in an exported tree, all files."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        names = []
        for folder, folders, here in os.walk(ROOT):
            folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
            names += [os.path.relpath(os.path.join(folder, name), ROOT) for name in here]
    return tuple(sorted(name for name in names if os.path.isfile(os.path.join(ROOT, name))))


def code() -> list:
    return [name for name in files() if name.endswith(CODE)]


@functools.lru_cache(maxsize=None)
def text(name: str) -> str:
    with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as file:
        return file.read()


_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.DOTALL)


@functools.lru_cache(maxsize=None)
def bare(name: str) -> str:
    """The text without comments and the insides of literals; lines keep their numbers."""
    def blank(match: re.Match) -> str:
        token = match.group(0)
        # A digit separator (1'000) is no character literal.
        if token.startswith("'") and match.start() > 0 and match.string[match.start() - 1].isalnum():
            return token
        kept = "" if token.startswith(("//", "/*")) else '""'
        return kept + "\n" * token.count("\n")
    return _TOKEN.sub(blank, text(name))


def matches(pattern: str, name: str, of=bare) -> list:
    """(line number, line) of each match."""
    body = of(name)
    lines = body.split("\n")
    found = []
    for match in re.finditer(pattern, body):
        number = body.count("\n", 0, match.start()) + 1
        found.append((number, lines[number - 1].strip()))
    return found
