"""Checks a plan by executing it, in an order drawn from the seed. Goes by docs/plans.md alone.
plan_checker.py FILE [seed=N] [slots=N] [rounds=N] [in_place=1]; FILE has what `stretto plan ... --json` prints."""
import collections, json, random, re, sys

MEMORY, TURNS = "input|output|scratch", ("wait_credit", "signal", "wait", "release")
FORMS = {"put": ("slot", MEMORY), "get": ("output|scratch", "slot"), "copy": ("output|scratch", MEMORY),
         "reduce": ("output|scratch|slot", MEMORY + "|slot")}  # of `to`, and of each of `from`

def row_of(collective, n, root):  # blocks of rank i's input; of its output; whose inputs an output block is
    one, own, every, of_root = lambda i: [0], lambda i: [i], lambda i: range(n), lambda b: [root]
    row, column = lambda i: range(i * n, i * n + n), lambda i: range(i, n * n, n)
    root_one, root_every = lambda i: [0] * (i == root), lambda i: range(n * (i == root))
    return {"all_reduce": (one, one, every), "reduce": (one, root_one, every),
            "broadcast": (root_one, one, of_root), "scatter": (root_every, own, of_root),
            "all_gather": (own, every, own), "reduce_scatter": (every, own, every),
            "gather": (own, root_every, own), "all_to_all": (row, column, lambda b: [b // n])}[collective]

def need(holds, *what):
    if not holds:
        sys.exit(f"wrong: {' '.join(map(str, what))}; at rank, strand, step, round: {need.at}")

class Execution:
    def __init__(self, plan, seed=0, slots=0, rounds=2, in_place=0):
        self.plan, self.random, self.slots, self.rounds = plan, random.Random(seed), slots or plan["min_slots"], rounds
        self.n, self.size, need.at = plan["ranks"], plan["chunks_per_block"], "none"
        self.names = ["both", "both"] if in_place else ["input", "output"]
        *self.blocks_of, self.origin = row_of(plan["collective"], self.n, plan["root"])
        self.memory = {(i, self.names[0], chunk): [chunk, {i}, False] for i, chunk in self.chunks(0)}  # last: if read
        self.ends, self.done, self.messages = {}, collections.Counter(), collections.defaultdict(dict)  # of connections

    def chunks(self, side):  # (rank, (chunk, channel, round)) of all inputs (0) or outputs (1)
        return [(i, (b * self.size + c, k, t)) for i in range(self.n) for b in self.blocks_of[side](i)
                for c in range(self.size) for k in range(self.plan["channels"]) for t in range(self.rounds)]

    def line(self, who, peer, sends):
        need(self.ends.setdefault((who[:2], peer, sends), who) == who, "two strands have one end of a connection")
        return (who[0], peer, who[1]) if sends else (peer, who[0], who[1])

    def place(self, who, text, form, chunk, sends):  # memory, or a message, and a key of it
        need(match := re.fullmatch(rf"({form})\[(\d+)\](?:\.(\d+))?", text), text, "cannot stand here")
        space, index, part, side = match[1], int(match[2]), int(match[3] or 0), match[1] == "output"
        if space == "slot":
            line, begin, end = self.line(who, index, sends), *TURNS[0 if sends else 2:][:2]
            message = self.messages[line, self.done[line, end]]
            need(self.done[line, begin] > self.done[line, end], text, "is not current")
            need(not sends or part == len(message) < self.plan["parts_per_slot"], text, "is not the next part")
            return message, part
        if space == "scratch":
            need(index < who[3], text, "is beyond the scratch")
            return self.memory, (who[0], space, index)
        need(index == chunk[0] and index // self.size in self.blocks_of[side](who[0]), text, "is not there")
        return self.memory, (who[0], self.names[side], chunk)

    def move(self, who, step, turn):
        do, chunk, values = step["do"], (step["chunk"], who[1], turn), []
        for text in step["from"]:
            memory, key = self.place(who, text, FORMS[do][1], chunk, False)
            need(key in memory, text, "was never written")
            memory[key][2] = True
            values.append(memory[key])
        total = set().union(*[ranks for _, ranks, _ in values])
        need(turn < self.rounds and (len(values) > 1) == (do == "reduce"), "is no such step")
        need(values and all(held == chunk for held, _, _ in values), "reads another chunk")
        need(len(total) == sum(len(ranks) for _, ranks, _ in values), "adds a contribution twice")
        need(step.get("completes", False) == (do == "reduce" and len(total) == self.n), "completes is wrong")
        memory, key = self.place(who, step["to"], FORMS[do][0], chunk, True)
        memory[key] = [chunk, total, False]

    def synchronise(self, who, do, peer):
        line = self.line(who, peer, do in ("wait_credit", "signal", "wait_drain"))
        taken, sent, waited, released = (self.done[line, each] for each in TURNS)
        read = waited > released and all(was_read for _, _, was_read in self.messages[line, released].values())
        need({"wait_credit": taken == sent, "signal": taken > sent and self.messages[line, sent], "release": read,
              "wait": waited == released, "wait_drain": True}[do], "is out of turn")
        full, nothing, undrained = taken == released + self.slots, waited == sent, released < sent
        self.waits = {"wait_credit": full, "wait": nothing, "wait_drain": undrained}.get(do, False)
        self.done[line, do] += not self.waits

    def run(self):
        left, stuck = {}, set()
        for p, (i, s) in ((p, each) for p in self.plan["programs"] for each in enumerate(p["strands"])):
            turns = [(each, turn) for turn in range(self.rounds) for each in s["body"]]
            turns += [(each, self.rounds) for each in s["epilogue"]]
            left[p["rank"], s["channel"], i, p["scratch_chunks"]] = turns[::-1]
        while waiting := [who for who in left if left[who] and who not in stuck]:
            who = self.random.choice(waiting)
            step, turn = left[who][-1]
            need.at, self.waits = (who[0], who[2], step, turn), False
            self.synchronise(who, step["do"], step["peer"]) if "peer" in step else self.move(who, step, turn)
            _, stuck = (None, stuck | {who}) if self.waits else (left[who].pop(), set())
        need(not stuck, "deadlock:", [(who[:3], left[who][-1]) for who in stuck])
        need(not any(len({self.done[line, do] for do in TURNS}) > 1 for line, _ in self.messages), "a message is left")
        for i, chunk in self.chunks(1):
            held = self.memory.get((i, self.names[1], chunk), [None, None])[:2]
            need(held == [chunk, set(self.origin(chunk[0] // self.size))], f"rank {i}: output {chunk} holds {held}")

if __name__ == "__main__":
    options = {word.split("=")[0]: int(word.split("=")[1]) for word in sys.argv[2:]}
    Execution(json.load(open(sys.argv[1])), **options).run()
    print("ok")
