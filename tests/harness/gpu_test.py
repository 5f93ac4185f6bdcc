"""./dev gpu's last measurement: errors of sums, where there is time, held to the same bits everywhere."""

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


class Accuracy(unittest.TestCase):
    def accuracy(self, code: int = 0, left_s: float = 100, quick: bool = False) -> tuple:
        """([met], what was printed, the log or None)"""
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "accuracy_perf")
            with open(program, "w", encoding="utf-8") as file:
                file.write(TOOL.format(code=code))
            os.chmod(program, 0o755)
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
