#!/usr/bin/env python3
"""Doxygen's input filter: a public header, with what it says once for many functions written out at each.

filter.py HEADER, to standard output, with the lines where they were:
 - the opening comment becomes the file's documentation;
 - a function of C gets a @param for each parameter that it does not describe itself, from the lists "Parameters that
   mean the same everywhere" of the header and of stretto.h, and a @return if it returns a strettoResult_t;
 - a function that follows its twin (the same name, with Config or without) has the twin's comment;
 - of C++, specialisations are left out: their template says what they are.
What neither comment nor list describes stays bare, and Doxygen complains.
"""

import os
import re
import sys

LIST = "Parameters that mean the same everywhere"
RETURNS = "strettoSuccess, or the code of the error: strettoGetLastError has its text."
DECLARATION = re.compile(r"(?:STRETTO_API|static inline) (?P<type>[\w ]+?[ *]+)(?P<name>stretto\w+)"
                         r"\((?P<parameters>[^;{]*)\)[;\s{]", re.DOTALL)
COMMENT = re.compile(r"/\*\*(?!<)(?:(?!\*/).)*\*/", re.DOTALL)


def common_parameters(text: str) -> dict:
    """{name: what it is} of the lists in a header's opening comment."""
    _, _, listed = text[:text.find("*/")].partition(LIST)
    found, name = {}, None
    for line in (re.sub(r"^ \* ?", "", line) for line in listed.splitlines()[1:]):
        if item := re.match(r" - (\w+): (.*)", line):
            name = item[1]
            found[name] = item[2]
        elif name and line.startswith("   "):
            found[name] += " " + line.strip()
        else:
            break
    return found


def names_of(parameters: str) -> list:
    flat = re.sub(r"\(\*(\w+)\)\([^()]*\)", r"\1", parameters)  # a pointer to a function
    return [re.search(r"(\w+)\s*$", one)[1] for one in flat.split(",") if one.strip() not in ("", "void")]


def whole_comment(comment: str, declaration, common: dict) -> str:
    """The function's comment with what it leaves to the lists."""
    described = set(re.findall(r"@param\s+(\w+)", comment))
    more = [f" @param {name} {common[name]}" for name in names_of(declaration["parameters"])
            if name not in described and name in common]
    if declaration["type"].strip() == "strettoResult_t" and "@return" not in comment:
        more.append(f" @return {RETURNS}")
    return comment[:-2].rstrip() + "".join(more) + " */"


def are_twins(one: str, other: str) -> bool:
    return one + "Config" == other or other + "Config" == one


def filtered_functions(text: str, common: dict) -> str:
    out, done, comment, last = "", 0, None, ""
    for declaration in DECLARATION.finditer(text):
        comments = [found for found in COMMENT.finditer(text, done, declaration.start())]
        own = comments[-1] if comments and not text[comments[-1].end():declaration.start()].strip() else None
        if own:
            comment = own[0]
            out += text[done:own.start()] + whole_comment(comment, declaration, common)
            out += text[own.end():declaration.start()]
        else:
            out += text[done:declaration.start()]
            if comment and are_twins(last, declaration["name"]):
                out += " ".join(whole_comment(comment, declaration, common).split("\n")).replace("  *  ", " ") + " "
        out += declaration[0]
        done, last = declaration.end(), declaration["name"]
    return out + text[done:]


def filtered(text: str, name: str, common: dict) -> str:
    if name.endswith(".hpp"):
        first, rest = text.split("\n//\n", 1)
        opening = re.match(r"(//.*\n)+", rest)[0]
        rest = re.sub(r"(?m)^template <>\n(.*\n)*?^};$", lambda found: "\n" * found[0].count("\n"), rest)
        return f"{first}\n/// @file\n" + re.sub(r"(?m)^//", "///", opening) + rest[len(opening):]
    text = re.sub(r"\A/\*[^\n]*\n \*\n", "/**\n * @file\n", text)
    return filtered_functions(text, {**common, **common_parameters(text)})


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(os.path.dirname(path), "stretto.h"), encoding="utf-8") as file:
        common = common_parameters(file.read())
    sys.stdout.write(filtered(text, path, common))


if __name__ == "__main__":
    main(sys.argv[1])
