"""parity.py itself: what differs, what did not run, and what ran on another library is no success."""

import contextlib
import importlib.util
import io
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
HAS_NUMPY = importlib.util.find_spec("numpy") is not None
if HAS_NUMPY:
    import parity

# Writes what it is told to, and the logs of the libraries that serve it: where stretto is preloaded, those of {served}.
PROGRAM = """
import json, os, sys
import numpy
folder, preloaded = sys.argv[2], "LD_PRELOAD" in os.environ
value = {ours} if preloaded else {theirs}
if value is None: sys.exit("no such luck")
numpy.savez(os.path.join(folder, "p.0.npz"), numbers=numpy.array(value))
json.dump({{"process": os.getpid(), "libraries": []}}, open(os.path.join(folder, "p.0.json"), "w"))
for name, words in (("STRETTO", "event=plan comm=0"), ("NCCL", "NCCL INFO ncclCommInitRank - Init COMPLETE")):
    if name not in ({served} if preloaded else ["NCCL"]): words = "nothing"
    path = os.environ[dict(STRETTO="STRETTO_LOG_FILE", NCCL="NCCL_DEBUG_FILE")[name]].replace("%p", str(os.getpid()))
    open(path, "w").write(words)
"""


@unittest.skipUnless(HAS_NUMPY, "needs numpy")
class Parity(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = place.name
        for name in ("ours.so", "nccls.so"):
            open(os.path.join(self.folder, name), "w", encoding="utf-8").close()

    def run_parity(self, ours, theirs, served=("STRETTO",)) -> tuple:
        """(exit status, the row)"""
        nccl = os.path.join(self.folder, "nccls.so")
        program = os.path.join(self.folder, "program.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(PROGRAM.format(ours=ours, theirs=theirs, served=list(served)))
        words = ["parity.py", "--library", os.path.join(self.folder, "ours.so"), "--nccl", nccl, "--out",
                 os.path.join(self.folder, "out")]
        os.makedirs(words[-1], exist_ok=True)
        with mock.patch.object(parity, "ROWS", [("one", program, [], {})]), mock.patch.object(sys, "argv", words), \
                contextlib.redirect_stdout(io.StringIO()):
            status = parity.main()
        with open(os.path.join(words[-1], "parity.json"), encoding="utf-8") as file:
            return status, json.load(file)["rows"][0]

    def test_equal_results_are_equal(self):
        status, row = self.run_parity([1.0, 2.0], [1.0, 2.0])
        self.assertEqual((status, row["equal"], row["not_bit_for_bit"], row["arrays"]), (0, True, 0, 1))

    def test_last_bit_is_counted_and_forgiven(self):
        status, row = self.run_parity([1.0, 2.0000001], [1.0, 2.0])
        self.assertEqual((status, row["not_bit_for_bit"]), (0, 1))
        self.assertGreater(row["worst"], 0)

    def test_other_numbers_fail(self):
        for ours in ([1.0, 2.1], [1.0, float("nan")], [1.0], [1.0, 3]):
            status, row = self.run_parity(str(ours).replace("nan", "float('nan')"), [1.0, 2.0])
            self.assertEqual((status, row["equal"]), (1, False), ours)
            self.assertIn("numbers", row["text"])

    def test_program_that_fails_is_said_with_its_last_words(self):
        status, row = self.run_parity(None, [1.0])
        self.assertEqual(status, 1)
        self.assertRegex(row["text"], "with stretto: 1: (?s:.*)no such luck")

    def test_program_on_another_library_fails(self):
        for served, said in ((("NCCL",), "NVIDIA"), ((), "neither library"), (("STRETTO", "NCCL"), "NVIDIA and stretto")):
            status, row = self.run_parity([1.0], [1.0], served)
            self.assertEqual(status, 1)
            self.assertIn(f"with stretto: p.0.json was served by {said}, not by stretto alone", row["text"])


if __name__ == "__main__":
    if not HAS_NUMPY:
        print("SKIPPED: needs numpy (python3-numpy)")
        sys.exit(0)
    unittest.main(verbosity=2)
