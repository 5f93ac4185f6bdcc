"""./dev gpu's bars, and its last measurement: errors of sums, where there is time, held to the same bits everywhere."""

import contextlib
import io
import os
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci", "steps"))
import gpu  # noqa: E402

# accuracy_perf: writes its report, and exits as it is told to.
TOOL = """#!/bin/sh
for word; do last=$word; done
test {code} = 3 || echo "{{}}" > "$last"
echo "asked: $*"
exit {code}
"""


# A tool that is compared with NCCL: its first report has a size whose few turns tell nothing, and what it writes of that
# size alone, another time.
COMPARED = """#!{python}
import json, sys
options = dict(zip(sys.argv[1:], sys.argv[2:]))
alone = options["-b"] == options["-e"]
rows = {alone} if alone else {first}
json.dump({{"results": [{{"size_bytes": size, "in_place": None, "out_of_place": {{"rival": {{
    "ratio": ratio, "ratio_95_low": low}}}}}} for size, ratio, low in rows]}}, open(options["-J"], "w"))
print("asked:", *sys.argv[1:])
"""
BAR = {"name": "A bar", "tool": "scatter", "run": "sweep", "at_least_of_nccls_speed": 0.9,
       "arguments": ["-b", "4", "-e", "4G", "-f", "8", "-d", "half", "-n", "5", "--pairs", "4"]}


def program_in(folder: str, text: str) -> str:
    path = os.path.join(folder, "perf_tool")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


class Bars(unittest.TestCase):
    def held(self, first: list, alone: list) -> tuple:
        """(whether it is met, what was printed, the log of the second measurement or None)"""
        with tempfile.TemporaryDirectory() as folder:
            program = program_in(folder, COMPARED.format(python=sys.executable, first=first, alone=alone))
            run = gpu.Run(types.SimpleNamespace(out=folder, quick=False, build="carried"))
            output = io.StringIO()
            with mock.patch.object(gpu.Run, "program", return_value=program), contextlib.redirect_stdout(output):
                met = gpu.held(run, BAR)
            log = os.path.join(folder, "scatter_sweep_32.log")
            if not os.path.exists(log):
                return met, output.getvalue(), None
            with open(log, encoding="utf-8") as file:
                return met, output.getvalue(), file.read()

    def test_what_is_surely_over_the_limit_is_missed(self):
        met, said, log = self.held([(8, 0.5, 0.4), (32, 1.3, 1.2)], [(32, 0.6, 0.5)])
        self.assertEqual((met, log), (False, None))
        self.assertIn("MISSED  A bar: worst 1.30x NCCL's time at 32 B (limit 1.11); over it: 32 B: 1.30", said)

    def test_what_may_be_under_it_is_measured_again_and_that_counts(self):
        met, said, log = self.held([(8, 0.5, 0.4), (32, 1.6, 0.5)], [(32, 0.6, 0.5)])
        self.assertTrue(met)
        self.assertIn("worst 0.60x NCCL's time at 32 B (limit 1.11); measured again: 32 B", said)
        for words in ("-b 32 -e 32", "-n 50", "--pairs 10", "-d half"):
            self.assertIn(words, log)
        met, said, _ = self.held([(32, 1.6, 0.5)], [(32, 1.2, 1.0)])
        self.assertFalse(met)
        self.assertIn("over it: 32 B: 1.20; measured again", said)


class Accuracy(unittest.TestCase):
    def accuracy(self, code: int = 0, left_s: float = 100, quick: bool = False) -> tuple:
        """([met], what was printed, the log or None)"""
        with tempfile.TemporaryDirectory() as folder:
            program = program_in(folder, TOOL.format(code=code))
            with open(os.path.join(folder, "accuracy.json"), "w", encoding="utf-8") as file:
                file.write("of an earlier run")
            run = gpu.Run(types.SimpleNamespace(out=folder, quick=quick, build="carried"))
            output = io.StringIO()
            with mock.patch.object(gpu.Run, "program", return_value=program), contextlib.redirect_stdout(output), \
                    mock.patch.object(gpu.Run, "left_s", return_value=left_s):
                met = gpu.accuracy(run)
            log = os.path.join(folder, "accuracy.log")
            if not os.path.exists(log):
                return met, output.getvalue(), None
            with open(log, encoding="utf-8") as file:
                return met, output.getvalue(), file.read()

    def test_same_bits_are_met_beside_nccl(self):
        met, said, log = self.accuracy()
        self.assertEqual(met, [True])
        self.assertIn("MET     Sums' bits", said)
        self.assertIn("asked: --device gpu -t 2 --compare nccl -c 1M", log)
        self.assertIn("-c 256K", self.accuracy(quick=True)[2])

    def test_other_bits_are_missed(self):
        met, said, _ = self.accuracy(code=1)
        self.assertEqual(met, [False])
        self.assertRegex(said, "MISSED  Sums' bits.*: accuracy.log")

    def test_report_of_an_earlier_run_is_not_this_ones(self):
        met, said, _ = self.accuracy(code=3)
        self.assertEqual(met, [False])
        self.assertRegex(said, "MISSED  Sums' bits.*: not measured")

    def test_without_time_it_is_not_begun_and_missed_by_nobody(self):
        self.assertEqual(self.accuracy(left_s=39), ([], "dev: no time for accuracy\n", None))


if __name__ == "__main__":
    unittest.main(verbosity=2)
