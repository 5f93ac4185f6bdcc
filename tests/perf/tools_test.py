"""All perf tools alike: the sizes, counts and roots of their rows, right results, and wrong ones, which must be found.

Arguments: the folder of the tools, that of the same tools over a library that does nothing, the file with the rows
that are expected, and then unittest's own. STRETTO_TEST_WRITE_GOLDEN in the environment writes that file anew."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

TOOLS, IDLE, GOLDEN = sys.argv[1:4]
NAMES = ["all_gather", "all_reduce", "alltoall", "alltoallv", "broadcast", "gather", "hypercube", "reduce",
         "reduce_scatter", "scatter", "sendrecv"]
OUT_OF_PLACE_ONLY = ["alltoall", "alltoallv", "sendrecv"]
FAST = ["-n", "1", "-w", "0"]
RANKS = 4
LIMIT_S = 60


def run(program: str, *arguments, **variables) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if not re.match(r"OMPI_|PMI|WORLD_SIZE|NCCL", name)}
    return subprocess.run([program, *FAST, *arguments], env={**kept, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=LIMIT_S, check=False)


def tool(name: str, *arguments, **variables) -> subprocess.CompletedProcess:
    return run(os.path.join(TOOLS, f"{name}_perf"), *arguments, **variables)


def rows(done: subprocess.CompletedProcess) -> list:
    return [line.split() for line in done.stdout.splitlines() if line and not line.startswith("#")]


class Tools(unittest.TestCase):
    def test_sizes_counts_and_roots_are_those_of_nccl_tests(self):
        text = ""
        for name in NAMES:
            done = tool(name, "--ranks", "2", "-t", str(RANKS // 2), "-b", "8", "-e", "4K", "-f", "8", "-r", "all")
            self.assertEqual(done.returncode, 0, name + done.stdout + done.stderr)
            text += f"{name}_perf, {RANKS} ranks\n" + "".join(" ".join(row[:5]) + "\n" for row in rows(done))
        if "STRETTO_TEST_WRITE_GOLDEN" in os.environ:
            with open(GOLDEN, "w", encoding="utf-8") as file:
                file.write(text)
        with open(GOLDEN, encoding="utf-8") as file:
            self.assertEqual(text, file.read())

    def test_every_value_is_checked_and_right(self):
        for name in NAMES:
            # 2^k ranks for hypercube; for the others an odd number, and a size that is no multiple of anything.
            ranks = "2" if name == "hypercube" else "3"
            done = tool(name, "--ranks", ranks, "-b", "5003", "-e", "50030", "-f", "10", "-d", "all", "-u", "1",
                        "-c", "2", "-r", "all")
            self.assertEqual(done.returncode, 0, name + done.stdout + done.stderr)
            in_place = "N/A" if name in OUT_OF_PLACE_ONLY else "0"
            for row in rows(done):
                self.assertEqual((row[8], row[12]), ("0", in_place), name)
            self.assertIn("# Out of bounds values : 0 OK", done.stdout, name)

    def test_sizes_beyond_the_largest_to_check_are_timed_only(self):
        for name in ("all_reduce", "sendrecv"):
            done = tool(name, "--ranks", "2", "-b", "1K", "-e", "4K", "-f", "2", "--check-most", "2K")
            self.assertEqual(done.returncode, 0, name + done.stderr)
            self.assertEqual([row[8] for row in rows(done)], ["0", "0", "N/A"], name)

    def test_bandwidths_follow_from_size_and_time(self):
        halves = {"all_reduce": 1, "broadcast": 1, "reduce": 1, "sendrecv": 1, "hypercube": 1}
        for name in NAMES:
            with tempfile.NamedTemporaryFile(suffix=".json") as file:
                done = tool(name, "--ranks", "2", "-b", "64K", "-e", "64K", "-J", file.name)
                self.assertEqual(done.returncode, 0, name + done.stderr)
                row = json.load(file)["results"][0]
            measured = row["out_of_place"]
            moved = row["size_bytes"] / (2 if name == "hypercube" else 1)
            self.assertAlmostEqual(measured["algbw_gbps"], moved / measured["time_us"] / 1e3, msg=name)
            self.assertAlmostEqual(measured["busbw_gbps"], measured["algbw_gbps"] * halves.get(name, 0.5), msg=name)
            self.assertEqual(row["in_place"] is None, name in OUT_OF_PLACE_ONLY, name)

    def test_one_rank_is_enough(self):
        for name in NAMES:
            done = tool(name, "-b", "1K", "-e", "1K")
            self.assertEqual((done.returncode, len(rows(done))), (0, 1), name + done.stderr)

    def test_hypercube_skips_what_is_no_power_of_two(self):
        done = tool("hypercube", "--ranks", "3", "-b", "1K", "-e", "1K")
        self.assertEqual((done.returncode, rows(done)), (0, []), done.stderr)
        self.assertIn("not a power of 2, skipping", done.stdout)

    def test_variables_of_nccl_tests_are_refused(self):
        done = tool("alltoallv", "-b", "1K", "-e", "1K", NCCL_TESTS_ALLTOALLV_SPREAD="0.5")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("NCCL_TESTS_ALLTOALLV_SPREAD=0.5", done.stderr)

    def test_root_that_is_no_rank_is_refused(self):
        for name in ("broadcast", "reduce", "gather", "scatter"):
            done = tool(name, "--ranks", "2", "-b", "1K", "-e", "1K", "-r", "2")
            self.assertEqual(done.returncode, 3, name)
            self.assertIn("-r: there is no such rank", done.stderr, name)


class Idle(unittest.TestCase):
    """Over a library that does nothing, 2 ranks and 64 elements of 4 bytes."""

    # Elements that a run writes, over both ranks: out of place, in place.
    WRONG = {"all_gather": (128, 64), "broadcast": (128, 64), "reduce_scatter": (64, 64), "reduce": (64, 64),
             "alltoall": (128, None), "alltoallv": (128, None), "scatter": (64, 32), "gather": (64, 32),
             "sendrecv": (128, None), "hypercube": (64, 64)}

    def test_every_element_is_found_wrong_and_nothing_else(self):
        self.assertEqual(sorted([*self.WRONG, "all_reduce"]), NAMES)
        for name, wrong in self.WRONG.items():
            done = run(os.path.join(IDLE, f"idle_{name}_perf"), "--ranks", "2", "-b", "256", "-e", "256", "-d", "int32")
            self.assertEqual(done.returncode, 1, name + done.stdout + done.stderr)
            row, = rows(done)
            self.assertEqual((row[8], row[12]), tuple("N/A" if n is None else str(n) for n in wrong), name)
            self.assertNotIn("# Written outside", done.stdout, name)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
