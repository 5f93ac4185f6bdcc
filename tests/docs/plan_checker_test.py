"""The checker that docs/plans.md shows has at most 100 lines, agrees with every plan of the catalogue, and refuses broken
ones; and it agrees with foreign plans. plan_checker_test.py STRETTO FOLDER-OF-FOREIGN-PLANS [SEED]"""

import copy
import json
import os
import random
import re
import subprocess
import sys

import plan_checker

PLAN_CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plan_checker.py")
MOST_LINES = 100
RANKS = (1, 2, 3, 5, 8)
BROKEN = [("all_reduce", "ring", 3), ("all_reduce", "tree", 3), ("all_to_all", "bruck", 3), ("gather", "binomial", 4),
          ("broadcast", "two_shot", 3), ("reduce_scatter", "one_shot", 2)]
# Deleting or doubling one of these may be harmless to what a single execution shows.
MAY_GO = ("wait_drain",)
MAY_COME_TWICE = ("wait_drain", "get", "copy")


def names(stretto: str, option: str) -> list:
    text = subprocess.run([stretto, "plan", "--help"], capture_output=True, text=True, check=True).stdout
    return re.search(rf"--{option} TEXT:{{([^}}]*)}}", text)[1].split(",")


def plan_of(stretto: str, collective: str, algorithm: str, n_ranks: int, *more: str):
    """None where the algorithm does not serve the collective, or not with these arguments."""
    done = subprocess.run([stretto, "plan", "--collective", collective, "--algorithm", algorithm, "--ranks", str(n_ranks),
                           "--json", *more], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def verdict(plan: dict, **options) -> str:
    try:
        plan_checker.Execution(plan, **options).run()
    except SystemExit as problem:
        return str(problem)
    return ""


def check_catalogue(stretto: str, draw: random.Random) -> tuple:
    """(pairs of algorithm and collective that there are, executions, problems)"""
    pairs, executions, problems = set(), 0, []
    for collective in names(stretto, "collective"):
        for algorithm in names(stretto, "algorithm"):
            for n_ranks in RANKS:
                root = ["--root", str(draw.randrange(n_ranks))] if collective in ("broadcast", "reduce", "gather",
                                                                                  "scatter") else []
                plan = plan_of(stretto, collective, algorithm, n_ranks, *root)
                if plan is None:
                    break
                pairs.add((collective, algorithm))
                for in_place in range(1 if collective == "all_to_all" else 2):
                    options = {"seed": draw.randrange(1 << 32), "slots": plan["min_slots"] + draw.randrange(3),
                               "rounds": draw.randint(1, 3), "in_place": in_place}
                    executions += 1
                    if problem := verdict(plan, **options):
                        problems.append(f"{collective} by {algorithm} of {n_ranks} ranks, {options}: {problem}")
    return pairs, executions, problems


def check_foreign(stretto: str, folder: str, draw: random.Random) -> tuple:
    seen, problems = 0, []
    for name in sorted(os.listdir(folder)):
        done = subprocess.run([stretto, "plan", "--json", "--from", os.path.join(folder, name)], capture_output=True,
                              text=True, check=False)
        if "no XML reader" in done.stderr:
            continue
        seen += 1
        in_place = ", in place or not" in done.stderr
        if done.returncode != 0:
            problems.append(f"{name}: {done.stderr}")
            continue
        plan = json.loads(done.stdout)
        for options in ({"rounds": 1}, {"rounds": 3, "in_place": in_place}):
            if problem := verdict(plan, seed=draw.randrange(1 << 32), **options):
                problems.append(f"{name}, {options}: {problem}")
    return seen, problems


def steps_of(plan: dict) -> list:
    return [(steps, at) for program in plan["programs"] for strand in program["strands"]
            for steps in (strand["body"], strand["epilogue"]) for at in range(len(steps))]


def broken(plan: dict, at: int, n_ranks: int):
    """(what was done, the plan) of all that is done to the step."""
    do = steps_of(plan)[at][0][steps_of(plan)[at][1]]["do"]

    def changed(what, change):
        other = copy.deepcopy(plan)
        steps, i = steps_of(other)[at]
        change(steps, i)
        return f"{what} of {json.dumps(steps_of(plan)[at][0][steps_of(plan)[at][1]])}", other

    step = steps_of(plan)[at][0][steps_of(plan)[at][1]]
    if do not in MAY_GO:
        yield changed("deletion", lambda steps, i: steps.pop(i))
    if do not in MAY_COME_TWICE and not (do == "reduce" and "slot" not in step["to"]):
        yield changed("doubling", lambda steps, i: steps.insert(i, steps[i]))
    if "peer" in step and n_ranks > 2 and do != "wait_drain":
        yield changed("another peer", lambda steps, i: steps[i].update(peer=(step["peer"] + 1) % n_ranks))
    if "from" in step:
        if step.get("completes"):
            yield changed("no completion", lambda steps, i: steps[i].pop("completes"))
        yield changed("another chunk", lambda steps, i: steps[i].update(chunk=(step["chunk"] + 1) % max(2, plan["chunks"])))
        yield changed("a doubled source", lambda steps, i: steps[i]["from"].append(step["from"][0]))
        yield changed("writing the input", lambda steps, i: steps[i].update(to=f"input[{step['chunk']}]"))
    if do == "wait":
        yield changed("moving to the end", lambda steps, i: steps.append(steps.pop(i)))


def check_broken(stretto: str) -> tuple:
    seen, problems = 0, []
    for collective, algorithm, n_ranks in BROKEN:
        plan = plan_of(stretto, collective, algorithm, n_ranks)
        for at in range(len(steps_of(plan))):
            for what, other in broken(plan, at, n_ranks):
                seen += 1
                if not verdict(other, rounds=2):
                    problems.append(f"{collective} by {algorithm} of {n_ranks}: not noticed: {what}")
    scarce = plan_of(stretto, "all_reduce", "ring", 3)
    if "deadlock" not in verdict(scarce, slots=scarce["min_slots"] - 1):
        problems.append("a ring with too few slots: no deadlock was seen")
    return seen, problems


def main() -> int:
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    with open(PLAN_CHECKER, encoding="utf-8") as file:
        lines = file.read().count("\n")
    problems = [f"plan_checker.py has {lines} lines"] if lines > MOST_LINES else []
    pairs, executions, found = check_catalogue(sys.argv[1], random.Random(seed))
    seen, missed = check_broken(sys.argv[1])
    foreign, not_agreed = check_foreign(sys.argv[1], sys.argv[2], random.Random(seed))
    problems += found + missed + not_agreed
    if len(pairs) < 30 or seen < 500 or foreign < 5:
        problems.append("this test does not see what it should")
    print(f"seed {seed}: {len(pairs)} pairs, {executions} executions, {seen} broken plans, {foreign} foreign ones", *problems,
          sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
