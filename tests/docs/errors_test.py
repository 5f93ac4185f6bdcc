"""docs/errors.md holds every text of an error that a user can meet, and none that the sources do not have."""

import os
import re
import sys

from error_texts import all_texts, literals, normalised, sources, texts_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = "docs/errors.md"
# No texts that reach a caller: a log's, and what turns a stranger away.
INNER = {"plan=... cost_us=...", "not a join", "out of range"}
# What the page may show though no single text of the sources has it.
FRAMES = {"strettoAllReduce: "}
SAMPLE = """
// Error("a comment is no text")
if (x) throw Error(strettoTimeout, format("rank {} has \\"waited\\" "
                                          "{} ms (too long); look", rank, ms), "field");
info.text = a ? "one of two texts" : format("{}: another text", name);
return "a text by itself";
log("not an error");
"""
SAMPLE_TEXTS = ['rank ... has "waited" ... ms (too long); look', "one of two texts", "...: another text",
                "a text by itself"]


def patterns(page: str) -> list:
    """[(section, text as the page has it, regular expression)] of the first cells of its tables, and the codes' own."""
    found, section = [], ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line[3:].split(":")[0]
        cells = re.findall(r"`([^`]+)`", line.split(" | ")[0]) if line.startswith("| `") else []
        cells += re.findall(r'`strettoGetErrorString` says "([^"]+)"', line)
        found += [(section, cell, expression(cell)) for cell in cells]
    return found


def expression(cell: str):
    parts = [re.escape(part) for part in normalised(cell).split("...")]
    return re.compile(".*?".join(parts))


def fits(section: str, codes: set) -> bool:
    """Frames stand before errors of all codes, and what nobody should meet stands with the bugs."""
    return section in codes or not section.startswith("stretto") or section == "strettoInternalError"


def known_literals() -> list:
    return [text for path in sources(ROOT) for text in literals(os.path.join(ROOT, path))]


def main() -> int:
    with open(os.path.join(ROOT, PAGE), encoding="utf-8") as file:
        table = patterns(file.read())
    texts, problems = all_texts(ROOT), []
    if (seen := [text for text, _, _ in texts_of("sample", SAMPLE)]) != SAMPLE_TEXTS:
        problems.append(f"of the sample these texts were seen: {seen}")
    if len(texts) < 100 or len(table) < 100:
        problems.append(f"{len(texts)} texts and {len(table)} patterns: this test does not see what it should")
    for text, where, codes in texts:
        here = [section for section, _, match in table if match.search(text)]
        if text in INNER:
            continue
        if not here:
            problems.append(f"{where}: {PAGE} has nothing about: {text}")
        elif codes and not any(fits(section, codes) for section in here):
            problems.append(f"{where}: {text}: is {' or '.join(sorted(codes))}, and {PAGE} has it under {here[0]}")
    literal_texts = known_literals()
    for _, cell, match in table:
        if cell in FRAMES:
            continue
        if len(re.sub(r"[^A-Za-z]", "", cell)) < 6:
            problems.append(f"{PAGE}: `{cell}` is too short: it would stand for anything")
        if not any(match.search(text) for text in literal_texts):
            problems.append(f"{PAGE}: the sources have no such text any more: {cell}")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
