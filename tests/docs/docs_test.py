"""The documents speak of what is there: each path and each link leads somewhere, the index has every page, and the
README's C code is the examples'."""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *sorted(glob.glob("docs/*.md", root_dir=ROOT))]
ROOMS = "src|tests|docs|examples|include|transports|topology|perf|cmake|[.]ci"


def text_of(name: str) -> str:
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def missing_paths(name: str) -> list:
    """Paths in `code spans` that begin with a room of this repository. A word in capitals stands for any name."""
    found = []
    without_blocks = re.sub(r"```.*?```", "", text_of(name), flags=re.DOTALL)
    for span in re.findall(r"`([^`\n]+)`", without_blocks):
        path = span.split()[0].split(":")[0]
        if re.match(rf"({ROOMS})/", path) and not glob.glob(os.path.join(ROOT, re.sub(r"[A-Z]{2,}", "*", path))):
            found.append(f"{name}: there is no {path}")
    return found


def dead_links(name: str) -> list:
    """Links to files that are not there; to other sites none is looked up."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(name))
    folder = os.path.join(ROOT, os.path.dirname(name))
    return [f"{name}: the link to {link} leads nowhere" for link in links
            if "://" not in link and not os.path.exists(os.path.join(folder, link))]


def pages_off_the_index() -> list:
    index = text_of("docs/README.md")
    return [f"docs/README.md does not link {name}" for name in DOCUMENTS
            if name.startswith("docs/") and name != "docs/README.md" and f"({name[5:]})" not in index]


def foreign_code() -> list:
    """Blocks of C in the README whose lines stand in no example, in this order."""
    examples = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "examples", "*.c*"))):
        with open(path, encoding="utf-8") as file:
            examples[path] = "\n".join(line.strip() for line in file)
    found = []
    for block in re.findall(r"```c\n(.*?)```", text_of("README.md"), re.DOTALL):
        code = "\n".join(line.strip() for line in block.splitlines())
        if not any(code in example for example in examples.values()):
            found.append(f"README.md: this code is in no example any more:\n{block}")
    return found


def main() -> int:
    problems = [problem for name in DOCUMENTS for problem in missing_paths(name) + dead_links(name)]
    problems += pages_off_the_index() + foreign_code()
    if "```c\n" not in text_of("README.md"):
        problems.append("README.md has no C code to compare with the examples")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
