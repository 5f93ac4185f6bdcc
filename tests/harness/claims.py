"""tests/claims.tsv: what the project promises, and what shows it.

claims.py check [--ran DIRECTORY]  the file is well-formed; with --ran, each test that it names is among those of the
                                   JUnit files there, and for the claims that are met it ran and passed
claims.py table [--write]          the status table of README.md: compared with the claims, or written anew
"""

import fnmatch
import glob
import os
import re
import sys
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLAIMS = "tests/claims.tsv"
COLUMNS = ["issue", "promise", "shown_by", "status", "figure", "machine"]
# open: nobody has shown it yet. missed and partial: shown, and the figure says how far.
STATUSES = {"met", "partial", "missed", "open"}
BEGIN, END = "<!-- claims: begin (./dev lint --fix writes this table) -->", "<!-- claims: end -->"


def read_claims(path: str) -> tuple:
    """(rows as dictionaries, problems)"""
    rows, problems = [], []
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    if not lines or lines[0].split("\t") != COLUMNS:
        return [], [f"{CLAIMS}: the first line must be the columns {' '.join(COLUMNS)}, separated by tabs"]
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(COLUMNS) or not all(cells):
            problems.append(f"{CLAIMS}:{number}: {len(COLUMNS)} cells, none empty (- for nothing); this has {cells}")
            continue
        row = dict(zip(COLUMNS, cells), line=number)
        rows.append(row)
        problems += problems_of(row)
    seen = set()
    for row in rows:
        if row["promise"] in seen:
            problems.append(f"{CLAIMS}:{row['line']}: the promise stands twice")
        seen.add(row["promise"])
    return rows, problems


def problems_of(row: dict) -> list:
    where = f"{CLAIMS}:{row['line']}"
    found = []
    if row["status"] not in STATUSES:
        found.append(f"{where}: status {row['status']} is none of {' '.join(sorted(STATUSES))}")
    if row["status"] in ("met", "partial") and row["shown_by"] == "-":
        found.append(f"{where}: {row['status']}, and nothing shows it")
    if row["status"] in ("partial", "missed") and row["figure"] == "-":
        found.append(f"{where}: {row['status']}, and no figure or word says how far")
    if row["figure"] != "-" and row["machine"] == "-":
        found.append(f"{where}: a figure needs the machine that it was measured on (any: of a count that is the same)")
    for word in commands_of(row):
        program = word.split()[0]
        is_ours = "/" in program and not program.startswith("build/")
        if is_ours and not os.path.exists(os.path.join(ROOT, program)):
            found.append(f"{where}: there is no {program}")
    return found


def shown_by(row: dict) -> list:
    return [] if row["shown_by"] == "-" else [word.strip() for word in row["shown_by"].split(";")]


def commands_of(row: dict) -> list:
    """Commands are written `$ command`; everything else names tests, * allowed."""
    return [word[2:] for word in shown_by(row) if word.startswith("$ ")]


def tests_of(row: dict) -> list:
    return [word for word in shown_by(row) if not word.startswith("$ ")]


def outcomes(directory: str) -> dict:
    """Names of the tests, and whether every run of them passed; None if all were skipped."""
    result = {}
    for path in sorted(glob.glob(os.path.join(directory, "*.xml"))):
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            name = case.get("name")
            if case.find("skipped") is not None:
                result.setdefault(name, None)
            else:
                result[name] = result.get(name) is not False and case.get("status") == "run"
    return result


def problems_of_runs(rows: list, ran: dict) -> list:
    found = []
    for row in rows:
        for pattern in tests_of(row):
            known = [ran[name] for name in fnmatch.filter(ran, pattern)]
            where = f"{CLAIMS}:{row['line']}: {pattern}"
            if not known:
                found.append(f"{where} is no test of these runs")
            elif row["status"] == "met" and False in known:
                found.append(f"{where} failed, and its claim is met")
            elif row["status"] == "met" and True not in known:
                found.append(f"{where} was skipped everywhere, and its claim is met")
    return found


def table_of(rows: list) -> str:
    lines = [BEGIN, "", "| promise | status | figure | shown by |", "| --- | --- | --- | --- |"]
    for row in rows:
        figure = row["figure"] if row["machine"] in ("-", "any") else f"{row['figure']} ({row['machine']})"
        shown = ", ".join(f"`{word.removeprefix('$ ')}`" for word in shown_by(row)) or "-"
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in
                                       (row["promise"], row["status"], figure, shown)) + " |")
    return "\n".join(lines + ["", END])


def readme_with(rows: list, text: str) -> str:
    """`text` with the table in place; unchanged if it has no markers."""
    pattern = re.escape("<!-- claims: begin") + r".*?" + re.escape(END)
    return re.sub(pattern, lambda _: table_of(rows), text, flags=re.DOTALL)


def check(rows: list, problems: list, arguments: list) -> list:
    if "--ran" in arguments:
        ran = outcomes(arguments[arguments.index("--ran") + 1])
        problems = problems + problems_of_runs(rows, ran)
    return problems


def table(rows: list, problems: list, write: bool) -> list:
    path = os.path.join(ROOT, "README.md")
    if not os.path.exists(path):
        return problems
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if END not in text:
        return problems + [f"README.md has no status table: put {BEGIN} and {END} where it belongs"]
    wanted = readme_with(rows, text)
    if write and wanted != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(wanted)
    elif wanted != text:
        problems = problems + ["README.md's status table is not that of tests/claims.tsv: ./dev lint --fix"]
    return problems


def main(arguments: list) -> int:
    rows, problems = read_claims(os.path.join(ROOT, CLAIMS))
    if arguments[:1] == ["check"]:
        problems = check(rows, problems, arguments)
    elif arguments[:1] == ["table"]:
        problems = table(rows, problems, "--write" in arguments)
    else:
        problems = [__doc__]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
