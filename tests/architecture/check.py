"""The house rules that can be read off the sources. check.py [NAME...]: runs the named checks, or all of them."""

import ast
import re
import subprocess
import sys

import arrows
import sources

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
PTX = "src/device/ptx.cuh"
# Who may give up the processor: the communicator and its service thread, through the system's wait set or by itself;
# and the thread for what waits in a driver.
WAITERS = ("src/comm/", "src/base/posix_system_waits")
WAITING = (r"\b(usleep|nanosleep|clock_nanosleep|sleep|sleep_for|sleep_until|yield|sched_yield|epoll_p?wait2?|ppoll|"
           r"p?select|condition_variable\w*|pthread_cond_\w+|sem_wait|SYS_futex)\b(?!\.hpp)|(?<!\w)::poll\((?!.*, 0\))")
# The launcher's variables that the perf tools look at are none of the library's; and their reports list what is set.
ENVIRONMENT_READERS = ("src/base/environment", "perf/common/main_local.cpp", "perf/common/provenance.cpp", "tests/")


def file_length() -> list:
    counted = [name for name in sources.files() if name.endswith((*sources.CODE, ".py", ".cmake"))]
    lengths = [(name, sources.text(name).count("\n")) for name in counted]
    return [f"{name}: {lines} lines; at most {MAX_FILE_LINES}" for name, lines in lengths if lines > MAX_FILE_LINES]


NO_FUNCTION = re.compile(r"^\s*(if|for|while|switch|else|do|catch|try|namespace|class|struct|union|enum|extern|return|"
                         r"typedef|using|case|default)\b|=\s*$|\]\s*(\(|\{|mutable)")


def functions(name: str) -> list:
    """(first line, name, lines) of the functions of a C++ file in the house's format: a definition's closing brace
    stands alone, in the column where the definition begins."""
    lines = sources.bare(name).split("\n")
    found = []
    for end, line in enumerate(lines):
        if not line.rstrip().endswith("{"):
            continue
        start = end
        while start > 0 and not re.search(r"[;{}:>]\s*$|^\s*$|^\s*#", lines[start - 1]):
            start -= 1
        head = " ".join(lines[start:end + 1])
        called = re.search(r"([\w:~]+|operator\W+)\s*\(", head)
        if not called or NO_FUNCTION.search(head):
            continue
        indent = re.match(r"\s*", lines[start]).group(0)
        close = next((i for i in range(end + 1, len(lines)) if re.match(re.escape(indent) + r"\}", lines[i])), end)
        found.append((start + 1, called.group(1), close - start + 1))
    return found


def function_length() -> list:
    problems = []
    for name in sources.code():
        problems += [f"{name}:{line}: {function} has {length} lines; at most {MAX_FUNCTION_LINES}"
                     for line, function, length in functions(name) if length > MAX_FUNCTION_LINES]
    for name in (name for name in sources.files() if name.endswith(".py")):
        for node in ast.walk(ast.parse(sources.text(name))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    problems.append(f"{name}:{node.lineno}: {node.name} has {length} lines")
    return problems


def inline_assembly() -> list:
    return [f"{name}:{number}: inline assembly outside {PTX}: {line}" for name in sources.code()
            if name != PTX for number, line in sources.matches(r"\b(asm|__asm__|__asm)\b", name)]


def environment_reads() -> list:
    pattern = r"\b(getenv|secure_getenv|environ)\b(?!\.hpp)"
    return [f"{name}:{number}: the environment is read in src/base/environment.cpp only: {line}"
            for name in sources.code() if not name.startswith(ENVIRONMENT_READERS)
            for number, line in sources.matches(pattern, name)]


def waits() -> list:
    return [f"{name}:{number}: only src/comm waits: {line}" for name in sources.code()
            if name.startswith(("src/", "topology/", "transports/")) and not name.startswith(WAITERS)
            for number, line in sources.matches(WAITING, name)]


def file_headers() -> list:
    return [f"{name}: begins without a comment that says what lives here" for name in sources.code()
            if name.endswith((".hpp", ".h", ".cuh")) and not sources.text(name).startswith(("//", "/*"))]


def test_names() -> list:
    problems = []
    for name in sources.code():
        if name.startswith("tests/"):
            for number, line in sources.matches(r"(?m)^(TYPED_)?TEST(_F|_P)?\(", name):
                title = re.match(r"\w+\(\s*\w+\s*,\s*(\w+)", line)
                if title and "_" not in title.group(1):
                    problems.append(f"{name}:{number}: tests are named Subject.Situation_Outcome: {line}")
    return problems


# Written in pieces so that this file does not match itself.
FORBIDDEN = [
    (r"(?<![\w.])/" + r"work/", "a path of one machine"),
    (r"(?i)co-authored" + r"-by:", "a co-author line"),
    (r"https?://[\w.]*(deb" + r"ian\.org|pypi\.|pythonhosted)", "the name of a package mirror"),
    (r"[\U0001F300-\U0001FAFF\u2705\u274C\u2728]", "an emoji"),
]


def forbidden_words() -> list:
    problems = []
    for name in sources.files():
        for pattern, what in FORBIDDEN:
            problems += [f"{name}:{number}: holds {what}" for number, _ in sources.matches(pattern, name, sources.text)]
    log = subprocess.run(["git", "-C", sources.ROOT, "log", "-n", "200", "--format=%h%n%B"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False).stdout
    problems += [f"a commit message holds {what}" for pattern, what in FORBIDDEN if re.search(pattern, log)]
    return problems


CHECKS = {
    "arrows": arrows.check,
    "file_length": file_length,
    "function_length": function_length,
    "inline_assembly": inline_assembly,
    "environment_reads": environment_reads,
    "waits": waits,
    "file_headers": file_headers,
    "test_names": test_names,
    "forbidden_words": forbidden_words,
}


def main(names: list) -> int:
    problems = [problem for name in names or CHECKS for problem in CHECKS[name]()]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
