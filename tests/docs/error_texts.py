"""The texts of the errors that a user can meet, as the sources have them."""

import glob
import os
import re

# Whose errors end in strettoGetLastError. The tools' own (src/frontends, perf) explain themselves where they appear.
PLACES = ["src/api", "src/comm", "src/bootstrap", "src/base", "src/exec", "src/algorithms", "transports"]
FILES = ["src/planner/planner.cpp", "src/device/cuda_gpus.cpp", "src/device/cuda_memory.cpp",
         "src/device/cuda_context.hpp"]
# What makes an error, or a part of its text: a call (its arguments hold the text), or an assignment up to its end.
CALL = re.compile(r"\b(?:Error|error|\w*refus\w+|throw_\w+|fail|bad_value|again|unsupported)\(")
ASSIGNMENT = re.compile(r"\b(?:text|trouble_|failure_|duplicates_)\s*=[^=]|\breturn\s+(?=\")")
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"(?:\s*"((?:[^"\\\n]|\\.)*)")*')
CODES = re.compile(r"\bstretto(?:CudaError|SystemError|InternalError|InvalidArgument|InvalidUsage|RemoteError|Timeout|"
                   r"Aborted|Unsupported)\b")


def without_comments(text: str) -> str:
    """Comments become blanks, so that lines keep their numbers; strings stay."""
    token = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return token.sub(lambda found: re.sub(r"[^\n]", " ", found[0]) if found[0][0] == "/" else found[0], text)


def end_of_call(text: str, start: int) -> int:
    """Where the parenthesis closes that opens before `start`. Strings may hold parentheses."""
    depth = 1
    for found in re.finditer(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|[()]', text[start:]):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return start + found.start()
    return len(text)


def end_of_statement(text: str, start: int) -> int:
    found = re.search(r'(?:"(?:[^"\\\n]|\\.)*"|[^";])*', text[start:])
    return start + found.end()


def normalised(text: str) -> str:
    """Placeholders become `...`, white space one blank."""
    return re.sub(r"\s+", " ", re.sub(r"\{[^{}]*\}", "...", text)).strip()


def literals(path: str) -> list:
    """All texts of a file, whatever they are for."""
    with open(path, encoding="utf-8") as file:
        source = without_comments(file.read())
    return [text_of(found) for found in LITERAL.finditer(source)]


def text_of(literal) -> str:
    return normalised("".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', literal[0])).replace('\\"', '"'))


def is_message(text: str) -> bool:
    """Two words at least: not the name of a field, not a mere frame for another text."""
    return len(re.findall(r"[A-Za-z]{2,}", text.replace("...", " "))) >= 2 and " " in text


def texts_of(path: str, source: str) -> list:
    """[(text, path:line, codes named beside it)]"""
    source = without_comments(source)
    extents = [(found.end(), end_of_call(source, found.end())) for found in CALL.finditer(source)]
    extents += [(found.end() - 1, end_of_statement(source, found.end() - 1)) for found in ASSIGNMENT.finditer(source)]
    seen = {}
    for start, end in sorted(extents):
        codes = set(CODES.findall(source[start:end]))
        for literal in LITERAL.finditer(source, start, end):
            text = text_of(literal)
            if is_message(text):
                known = seen.setdefault(literal.start(), (text, source.count("\n", 0, literal.start()) + 1, set()))
                known[2].update(codes)
    return [(text, f"{path}:{line}", codes) for text, line, codes in seen.values()]


def sources(root: str) -> list:
    """Their paths from the root."""
    return sorted(FILES + [path for place in PLACES
                           for path in glob.glob(f"{place}/**/*.[ch]pp", root_dir=root, recursive=True)])


def all_texts(root: str) -> list:
    found = []
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            found += texts_of(path, file.read())
    return found
