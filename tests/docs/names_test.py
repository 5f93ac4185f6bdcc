"""docs/names.md: each of our names on it exists, and each function of the headers is on it."""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = "docs/names.md"


def text_of(name: str) -> str:
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def without_config(names: set) -> set:
    """Without those forms ...Config whose plain form is there too."""
    return {name for name in names if not (name.endswith("Config") and name[:-len("Config")] in names)}


def main() -> int:
    page = text_of(PAGE)
    headers = "\n".join(text_of(name) for name in glob.glob("include/stretto/*.h", root_dir=ROOT))
    code = re.sub(r"/\*.*?\*/", "", headers, flags=re.DOTALL)
    known = set(re.findall(r"\b(?:stretto[A-Z]|STRETTO_)\w*", code))
    known |= set(re.findall(r"`(STRETTO_\w+)`", text_of("docs/environment.md")))
    functions = set(re.findall(r"(?:STRETTO_API|static inline)[^;{]*?\b(stretto\w+)\s*\(", code))
    fields = set(re.findall(r"(?m)^\s+[\w ]+[ *](\w+)(?:\[\w+\])?;", code))
    on_page = set(re.findall(r"\b(?:stretto[A-Z]|STRETTO_)\w*", page))

    problems = [f"{PAGE}: there is no {name}" for name in sorted(on_page - known)]
    problems += [f"{PAGE}: {name} is missing" for name in sorted(without_config(functions) - on_page)]
    for row in re.findall(r"(?m)^\| (`[^|]*) \|", section(page, "Configuration")):
        problems += [f"{PAGE}: no struct has a field {name}" for name in re.findall(r"`([a-z_]+)`", row)
                     if name not in fields]
    if len(functions) < 60 or len(on_page) < 80:
        problems.append(f"{len(functions)} functions, {len(on_page)} names: this test does not see what it should")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
