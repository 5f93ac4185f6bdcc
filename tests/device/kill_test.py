"""A rank is killed, or stopped, in the middle of all-reduces, again and again: the survivors name it, shrink, and go on,
until one is left; then other ranks are started.

Arguments: survivor_program, the memory (host or cuda), and what befalls a rank (kill or stop). STRETTO_TEST_KILLS says
how often a rank is killed, and a tenth of it how often one is stopped, which takes two seconds; the seed is printed."""

import os
import random
import signal
import subprocess
import sys
import time

PROGRAM, MEMORY, FATE = sys.argv[1:4]
RANKS = 3
KILLS = int(os.environ.get("STRETTO_TEST_KILLS", "3"))
TRIALS = KILLS if FATE == "kill" else max(2, KILLS // 10)
HEARTBEAT_TIMEOUT_MS = 1000
# A death is known at once, a standstill when the heartbeats stop. Each is then named within a second.
LIMIT_S = 1.0 if FATE == "kill" else 1.0 + HEARTBEAT_TIMEOUT_MS / 1000
CODE = 6 if FATE == "kill" else 8  # strettoRemoteError, strettoTimeout
UP_LIMIT_S = 60
END_LIMIT_S = 40


class Rank:
    def __init__(self, rank: int, job: str):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PMI", "SLURM_"))}
        variables = {"RANK": rank, "WORLD_SIZE": RANKS, "MASTER_ADDR": job, "MASTER_PORT": 1, "STRETTO_LAUNCHER": "env",
                     "STRETTO_HEARTBEAT_INTERVAL_MS": 100, "STRETTO_LOG_LEVEL": "error"}
        if FATE == "stop":
            variables["STRETTO_HEARTBEAT_TIMEOUT_MS"] = HEARTBEAT_TIMEOUT_MS
        kept.update({name: str(value) for name, value in variables.items()})
        self.process = subprocess.Popen([PROGRAM, MEMORY], env=kept, stdout=subprocess.PIPE, text=True)
        self.lines = []

    def read_until(self, word: str, what: str) -> list:
        """The words of the first line from here on that begins with it. The program itself ends in time."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith(word):
                return line.split(maxsplit=6)
        raise AssertionError(f"{what}: the program ended with status {self.process.wait(END_LIMIT_S)}: {self.lines}")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def judge(rank: int, survivor: Rank, victim: int, struck_s: float) -> tuple:
    """(how long it took to name the victim, to shrink; whether it was named in an operation)"""
    _, code, peer, operation, at_ns, unfinished, text = survivor.read_until("named", f"rank {rank}")
    took_s = int(at_ns) / 1e9 - struck_s
    assert int(peer) == victim, f"rank {rank} names {peer}, not {victim}: {text}"
    assert int(code) == CODE, f"rank {rank}: {code}: {text}"
    assert int(operation) >= 0 or unfinished == "0", f"rank {rank}: no operation: {text}"
    assert took_s < LIMIT_S, f"rank {rank} names it after {took_s:.3f} s: {text}"
    shrunk_s = int(survivor.read_until("shrunk", f"rank {rank}")[1]) / 1e9
    assert survivor.read_until("done", f"rank {rank}")[1] == "20"
    return took_s, shrunk_s, int(operation) >= 0


def strike(chance: random.Random, left: list, victim: int) -> list:
    """What the others make of it. `left`: the ranks, in their order; the victim goes from it."""
    for rank, one in enumerate(left):
        one.read_until("running", f"rank {rank} before anything befell one")
    time.sleep(chance.random() * 0.05)
    struck_s = time.monotonic()
    left[victim].process.send_signal(signal.SIGKILL if FATE == "kill" else signal.SIGSTOP)
    results = [judge(rank, one, victim, struck_s) for rank, one in enumerate(left) if rank != victim]
    del left[victim]
    return results


def trials(chance: random.Random, first: int) -> list:
    """The results of each strike: of as many as are due, until one rank is left. The first of all hits rank 0."""
    ranks = [Rank(rank, f"kills-{os.getpid()}-{first}") for rank in range(RANKS)]
    left = list(ranks)
    found = []
    try:
        while len(left) > 1 and first + len(found) < TRIALS:
            number = first + len(found)
            victim = 0 if number == 0 else chance.randrange(len(left))
            try:
                found.append(strike(chance, left, victim))
            except AssertionError as error:
                raise AssertionError(f"{FATE} {number}, of {len(left)}, victim {victim}: {error}") from error
        if len(left) == 1:
            assert left[0].process.wait(END_LIMIT_S) == 0, left[0].process.stdout.read()
    finally:
        for one in ranks:
            one.end()
    return found


def main() -> int:
    probe = subprocess.run([PROGRAM, MEMORY, "--probe"], stdout=subprocess.PIPE, text=True, timeout=UP_LIMIT_S,
                           check=False) if MEMORY == "cuda" else None
    if probe is not None and probe.returncode != 0:
        print("SKIPPED: " + probe.stdout.strip())
        return 0
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed={seed}")
    start_s = time.monotonic()
    chance = random.Random(seed)
    strikes = []
    while len(strikes) < TRIALS:
        strikes += trials(chance, len(strikes))
        print(f"{len(strikes)} of {TRIALS}, {time.monotonic() - start_s:.0f} s", flush=True)
    results = [result for strike_results in strikes for result in strike_results]
    print(f"{TRIALS} times {FATE}, {len(results)} survivors: slowest to name it {max(r[0] for r in results) * 1e3:.1f} ms, "
          f"to shrink {max(r[1] for r in results) * 1e3:.1f} ms; {sum(r[2] for r in results)} were in an operation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
