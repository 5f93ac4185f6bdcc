"""What ./dev makes of results: skips that nobody expected fail in CI, and its last line can be read by machines."""

import ast
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci", "steps"))
import jobs  # noqa: E402
import tests  # noqa: E402

RESULT = """<testsuite>
<testcase name="A.Ran_Passed" status="run"/>
<testcase name="A.Ran_Failed" status="fail"><failure/><system-out>boom</system-out></testcase>
<testcase name="A.NeedsGpu_Skipped" status="notrun"><skipped/></testcase>
<testcase name="thing_NOT_BUILT" status="notrun"><skipped/></testcase>
</testsuite>"""
ROWS = [("A.NeedsGpu*", "gpu", "needs one")]


class DevSkips(unittest.TestCase):
    def judge(self, required: str, rows: list) -> jobs.Counts:
        with tempfile.NamedTemporaryFile("w", suffix=".xml", delete=False) as file:
            file.write(RESULT)
        with mock.patch.dict(os.environ, {"STRETTO_TEST_REQUIRE": required}), \
                mock.patch.object(tests, "expected_skips", return_value=rows), \
                contextlib.redirect_stdout(io.StringIO()):
            counts = tests.judge(file.name, "job")
        os.unlink(file.name)
        return counts

    def test_without_requirements_a_skip_is_a_skip(self):
        self.assertEqual(self.judge("", []), jobs.Counts(passed=1, failed=2, skipped=1))

    def test_with_requirements_an_unlisted_skip_fails(self):
        self.assertEqual(self.judge("mpi", []), jobs.Counts(passed=1, failed=3, skipped=0))

    def test_a_listed_skip_passes_unless_its_feature_is_required(self):
        self.assertEqual(self.judge("mpi", ROWS), jobs.Counts(passed=1, failed=2, skipped=1))
        self.assertEqual(self.judge("mpi,gpu", ROWS), jobs.Counts(passed=1, failed=3, skipped=0))


def absent():
    raise jobs.StepSkipped("no nvcc")


class DevJobs(unittest.TestCase):
    def run_jobs(self, *table: jobs.Job) -> tuple:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = jobs.run_all(list(table))
        return status, output.getvalue()

    def test_last_line_sums_up(self):
        status, output = self.run_jobs(jobs.Job("a", 9, "", lambda: jobs.Counts(3, 0, 1)), jobs.Job("b", 9, "", absent))
        self.assertEqual((status, output.splitlines()[-1]), (0, "3 passed, 0 failed, 2 skipped"))

    def test_failing_job_fails_the_run_and_the_others_go_on(self):
        status, output = self.run_jobs(jobs.Job("a", 9, "", lambda: jobs.command(["false"], log="dev-test")),
                                       jobs.Job("b", 9, "", lambda: jobs.Counts(passed=1)))
        self.assertEqual((status, output.splitlines()[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_nothing_run_is_a_failure(self):
        self.assertEqual(self.run_jobs(jobs.Job("a", 9, "", absent))[0], 1)

    def test_over_budget_is_said(self):
        with mock.patch.object(jobs.time, "monotonic", side_effect=range(0, 1000, 50)):
            status, output = self.run_jobs(jobs.Job("a", 9, "", lambda: jobs.Counts(passed=1)))
        self.assertEqual(status, 0)
        self.assertIn("over budget: a took 50 s of 9 s", output)


class DevArguments(unittest.TestCase):
    def run_dev(self, *words: str) -> list:
        """What ./dev perf would run; the build is left out."""
        script = ("import runpy, sys, os; sys.path.insert(0, sys.argv[1]); import build, packages; "
                  "build.cmake = packages.ensure = lambda *_, **__: None; build.find_program = lambda *_: 'tool'; "
                  "os.execv = lambda _, words: sys.exit(repr(words)); sys.argv = sys.argv[1:]; "
                  "runpy.run_path(sys.argv[0] + '/__main__.py', run_name='__main__')")
        done = subprocess.run([sys.executable, "-c", script, os.path.dirname(jobs.__file__), *words],
                              capture_output=True, text=True, check=False, timeout=60)
        return ast.literal_eval(done.stderr) if done.stderr.startswith("[") else [done.returncode]

    def test_perf_passes_options_on(self):
        self.assertEqual(self.run_dev("perf", "--ranks", "2", "-b", "8"), ["tool", "--ranks", "2", "-b", "8"])
        self.assertEqual(self.run_dev("perf", "-t", "2", "-d", "all"), ["tool", "-t", "2", "-d", "all"])
        self.assertEqual(self.run_dev("perf")[:5], ["tool", "--ranks", "4", "-b", "8"])
        self.assertEqual(self.run_dev("perf", "--tool", "gather", "-t", "2", "-n", "1"), ["tool", "-t", "2", "-n", "1"])

    def test_unknown_options_of_others_are_refused(self):
        self.assertEqual(self.run_dev("doctor", "--bogus"), [2])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)  # logs are written below the current folder
        program = unittest.main(verbosity=2, exit=False)
        os.chdir("/")
    sys.exit(0 if program.result.wasSuccessful() else 1)
