"""accuracy_perf: its table and report, on host ranks and on GPUs that are made of host memory and streams.

Arguments: the tool, the tool over such GPUs, the library with NCCL's names, and then unittest's own."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

TOOL, ON_GPUS, NCCL = sys.argv[1:4]
SMALL = ["-c", "20K", "-n", "2"]
TYPES = ["half", "float", "bfloat16", "fp8_e4m3", "fp8_e5m2"]
NARROW = [name for name in TYPES if name != "float"]
LIMIT_S = 60


def run(program: str, *arguments, **variables) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items()
            if not re.match(r"OMPI_|PMI|WORLD_SIZE|NCCL|STRETTO_(ALGORITHM|TEST_(LIE|NCCL|GPUS))", name)}
    return subprocess.run([program, *SMALL, *arguments], env={**kept, **variables}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False)


def reported(program: str, *arguments, **variables) -> tuple:
    """(completed run, its JSON)"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        done = run(program, *arguments, "-J", path, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(path, encoding="utf-8") as file:
            return done, json.load(file)


def rows(done: subprocess.CompletedProcess) -> list:
    return [line.split() for line in done.stdout.splitlines() if line and not line.startswith("#")]


def errors(done: subprocess.CompletedProcess, library: str = "stretto") -> dict:
    """The figures of the table by type and numbers."""
    assert done.returncode == 0, done.stdout + done.stderr
    names = ["max_ulp", "mean_ulp", "bias_ulp", "max_relative", "mean_relative", "rounded_percent", "not_finite"]
    return {tuple(row[:2]): dict(zip(names, (float(word.rstrip("%")) for word in row[3:10])))
            for row in rows(done) if row[2] == library}


class Accuracy(unittest.TestCase):
    def test_one_shot_sums_in_float_and_rounds_once(self):
        for ranks in (2, 3, 8):
            done = run(TOOL, "-t", str(ranks), "--algorithm", "one_shot")
            found = errors(done)
            self.assertEqual(len(found), 2 * len(TYPES))
            for numbers in ("normal", "cancelling"):
                # Each of n - 1 additions rounds to float, by half a unit of 2^-23 of what is summed so far at most.
                self.assertLessEqual(found["float", numbers]["max_relative"], (ranks - 1) * 2**-24)
                for narrow in NARROW:
                    # What float loses before the one rounding can tip one in thousands over.
                    self.assertLessEqual(found[narrow, numbers]["max_ulp"], 0.501, (ranks, narrow))
                    self.assertGreaterEqual(found[narrow, numbers]["rounded_percent"], 99.5, (ranks, narrow))
            for error in found.values():
                self.assertLess(abs(error["bias_ulp"]), 0.02)
                self.assertEqual(error["not_finite"], 0)
            self.assertGreater(found["half", "normal"]["mean_ulp"], 0.1)
            self.assertTrue(all(row[10:] == ["same", "same"] for row in rows(done)))

    def test_a_ring_rounds_narrow_sums_at_each_step_and_that_is_seen(self):
        found = errors(run(TOOL, "-t", "8", "--algorithm", "ring", "-d", "half"))
        self.assertGreater(found["half", "normal"]["max_ulp"], 0.6)
        self.assertLess(found["half", "normal"]["rounded_percent"], 90)

    def test_two_ranks_sum_floats_with_one_rounding(self):
        found = errors(run(TOOL, "-t", "2"))
        for error in found.values():
            self.assertLessEqual(error["max_ulp"], 0.501)
        self.assertEqual(found["float", "normal"]["rounded_percent"], 100)

    def test_table_has_the_figures_of_the_report(self):
        done, report = reported(TOOL, "--ranks", "2", "-t", "2", "--seed", "5")
        table = rows(done)
        self.assertEqual([row[:3] for row in table], [[row["type"], row["numbers"], row["library"]]
                                                      for row in report["results"]])
        for row, result in zip(table, report["results"]):
            self.assertEqual(len(row), 12)
            self.assertAlmostEqual(float(row[3]), result["errors"]["max_ulp"], delta=1e-3 * result["errors"]["max_ulp"])
            self.assertEqual(row[10:], ["same", "same"])
        self.assertEqual((report["config"]["ranks"], report["config"]["seed"]), (4, 5))
        self.assertIn("# Bits are the same on all ranks and in all runs: OK", done.stdout)

    def test_the_same_seed_gives_the_same_figures(self):
        found = [errors(run(TOOL, "-t", "3", "--seed", seed)) for seed in ("1", "1", "2")]
        self.assertEqual(found[0], found[1])
        self.assertNotEqual(found[0], found[2])

    def test_mistakes_are_refused(self):
        for arguments, code, said in ((["-d", "int8"], 2, "-d"), (["--compare", "nccl"], 2, "--compare"),
                                      (["-t", "2", "--algorithm", "no_such"], 3, "no_such"),
                                      (["-J", "/nowhere/report.json"], 3, "/nowhere/report.json")):
            done = run(TOOL, *arguments)
            self.assertEqual((done.returncode, rows(done)), (code, []), arguments)
            self.assertIn(said, done.stderr)

    def test_without_a_gpu_it_says_so(self):
        done = run(TOOL, "--device", "gpu", CUDA_VISIBLE_DEVICES="")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertRegex(done.stderr, r"^accuracy_perf: --device: .*(built without CUDA|NVIDIA driver)")

    def test_ranks_on_gpus_by_processes_threads_and_groups(self):
        for ranks in (["-t", "3"], ["-g", "3"], ["--ranks", "3"]):
            done = run(ON_GPUS, "--device", "gpu", *ranks, "-d", "half", "--algorithm", "one_shot")
            self.assertLessEqual(errors(done)["half", "normal"]["max_ulp"], 0.501)
            self.assertIn(": 3 ranks,", done.stdout)
            self.assertIn("GPU of host memory", done.stdout)

    def test_another_library_stands_beside(self):
        done, report = reported(ON_GPUS, "--device", "gpu", "-t", "2", "--compare", f"nccl={NCCL}")
        self.assertEqual(report["rival"], {"name": "NCCL 2.28.9", "path": NCCL})
        self.assertIn(NCCL, done.stdout)
        self.assertEqual([row[2] for row in rows(done)], ["stretto", "nccl"] * 2 * len(TYPES))
        self.assertEqual(errors(done), errors(done, "nccl"))

    def test_errors_of_another_library_are_its_own(self):
        done = run(ON_GPUS, "--device", "gpu", "-t", "2", "-d", "float", "--compare", f"nccl={NCCL}",
                   STRETTO_TEST_LIE="1")
        self.assertGreater(errors(done, "nccl")["float", "normal"]["mean_ulp"],
                           errors(done)["float", "normal"]["mean_ulp"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
