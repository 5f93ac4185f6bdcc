"""What ./dev gpu makes of compute-sanitizer's words: errors fail it, and what it could not see is said."""

import contextlib
import io
import os
import sys
import tempfile
import textwrap
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci", "steps"))
import jobs  # noqa: E402
import sanitizer  # noqa: E402

PERF = sanitizer.Choice("memcheck", 20, "all_reduce_perf", ["--ranks", "2"])
GTEST = sanitizer.Choice("memcheck", 20, "device_sweep_test", ["--gtest_filter=A.*"])
CLEAN = "========= COMPUTE-SANITIZER\n# Out of bounds values : 0 OK\n========= ERROR SUMMARY: 0 errors\n"


class Judging(unittest.TestCase):
    def test_clean_program_is_one_test(self):
        for code in (0, sanitizer.LEFT_SOMETHING):
            self.assertEqual(sanitizer.judge(PERF, CLEAN, code), sanitizer.Verdict(tests=1))

    def test_googletest_says_how_many_passed(self):
        for words, tests in (("1 test.", 1), ("12 tests.", 12)):
            self.assertEqual(sanitizer.judge(GTEST, f"[  PASSED  ] {words}\n{CLEAN}", 0), sanitizer.Verdict(tests=tests))

    def test_errors_of_all_processes_count_and_fail(self):
        text = "========= ERROR SUMMARY: 1 error\n# something\n========= ERROR SUMMARY: 20 errors\n"
        for code in (0, 1):
            verdict = sanitizer.judge(PERF, text, code)
            self.assertEqual((verdict.errors, verdict.failed), (21, True))

    def test_program_that_fails_without_an_error_of_its_accesses_fails(self):
        verdict = sanitizer.judge(PERF, CLEAN, 1)
        self.assertEqual((verdict.tests, verdict.errors, verdict.failed), (0, 0, True))
        self.assertIn("failed (1)", verdict.trouble)

    def test_what_says_nothing_is_said_and_is_no_failure(self):
        skipped = "[  PASSED  ] 0 tests.\n[  SKIPPED ] 1 test, listed below:\n"
        for choice, text, code, why in ((PERF, "========= COMPUTE-SANITIZER\n", sanitizer.TIME_IS_UP, "no end in 20 s"),
                                        (PERF, "========= Error: no device\n\n", 255, "no device"),
                                        (PERF, "", 0, "nothing was printed"), (GTEST, skipped + CLEAN, 0, "no test ran")):
            verdict = sanitizer.judge(choice, text, code)
            self.assertEqual((verdict.tests, verdict.errors, verdict.failed), (0, 0, False), why)
            self.assertIn(why, verdict.trouble)

    def test_errors_before_the_time_was_up_fail(self):
        self.assertTrue(sanitizer.judge(PERF, "========= ERROR SUMMARY: 2 errors\n", sanitizer.TIME_IS_UP).failed)

    def test_only_memcheck_has_its_options_and_ranks_are_apart(self):
        for choice in sanitizer.CHOICES:
            words = sanitizer.words_of(choice, "cs", "program")
            self.assertEqual("--report-api-errors" in words, choice.tool == "memcheck")
            self.assertEqual(words[-len(choice.arguments) - 1:], ["program", *choice.arguments])
            self.assertTrue("--ranks" in choice.arguments or "OneRank" in choice.arguments[0], choice)
        self.assertLessEqual(sum(choice.limit_s for choice in sanitizer.CHOICES), 40)


class Run:
    """As much of a run of ./dev gpu as the step knows."""

    def __init__(self, out: str, left_s: float = 500):
        self.out, self.seconds = out, left_s

    def left_s(self) -> float:
        return self.seconds

    def program(self, name: str) -> str:
        if name == "gone":
            raise jobs.StepFailed("gone was not built")
        return name


class Stepping(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def fake(self, body: str) -> str:
        """A program of that name in the folder of programs, in place of the real one."""
        path = os.path.join(self.folder, "bin", "compute-sanitizer")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + textwrap.dedent(body))
        os.chmod(path, 0o755)
        return path

    def step(self, choices: list, left_s: float = 500) -> tuple:
        """(failures, what was printed, the log)"""
        output = io.StringIO()
        program = os.path.join(self.folder, "bin", "compute-sanitizer")
        with mock.patch.object(sanitizer, "CHOICES", choices), contextlib.redirect_stdout(output), \
                mock.patch.object(sanitizer, "find", return_value=program):
            failed = sanitizer.step(Run(self.folder, left_s))
        with open(os.path.join(self.folder, "sanitizer.log"), encoding="utf-8") as file:
            return failed, output.getvalue(), file.read()

    def test_without_the_program_it_says_so(self):
        output = io.StringIO()
        with mock.patch.object(sanitizer, "find", return_value=None), contextlib.redirect_stdout(output):
            self.assertEqual(sanitizer.step(Run(self.folder)), 0)
        self.assertIn("compute-sanitizer: not run: program not found", output.getvalue())

    def test_program_is_found_where_toolkits_have_it(self):
        path = self.fake("exit 0")
        with mock.patch.dict(os.environ, {"PATH": os.path.dirname(path), "CUDA_HOME": ""}):
            self.assertEqual(sanitizer.find(), path)
        with mock.patch.dict(os.environ, {"PATH": "/nowhere", "CUDA_HOME": self.folder}):
            self.assertEqual(sanitizer.find(), path)
        os.chmod(path, 0o644)
        with mock.patch.dict(os.environ, {"PATH": "/nowhere", "CUDA_HOME": self.folder}):
            self.assertNotEqual(sanitizer.find(), path)

    def test_counts_are_summed_and_all_is_logged(self):
        self.fake("""
            echo "said: $*"
            test "$2" = memcheck && echo "========= ERROR SUMMARY: 0 errors" || echo "========= ERROR SUMMARY: 3 errors"
            """)
        synccheck = sanitizer.Choice("synccheck", 20, "all_reduce_perf", [])
        failed, said, log = self.step([PERF, synccheck])
        self.assertEqual(failed, 1)
        self.assertIn("dev: compute-sanitizer: 2 tests, 3 errors", said)
        self.assertEqual(log.count("said: --tool"), 2)
        self.assertIn("all_reduce_perf --ranks 2", log)

    def test_one_that_does_not_end_is_ended_and_the_next_is_run(self):
        # Its child would hold the pipe for a minute: it is ended with it.
        self.fake('echo "========= COMPUTE-SANITIZER"; test "$2" = memcheck && { sleep 60 & wait; }\n'
                  'echo "========= ERROR SUMMARY: 0 errors"')
        with mock.patch.object(sanitizer, "LEAST_S", 1):
            failed, said, _ = self.step([sanitizer.Choice("memcheck", 1, "a", []), sanitizer.Choice("synccheck", 20, "b", [])])
        self.assertEqual(failed, 0)
        self.assertIn("memcheck of a: no end in 1 s", said)
        self.assertIn("1 tests, 0 errors", said)

    def test_what_cannot_be_begun_is_said(self):
        self.fake('echo "========= ERROR SUMMARY: 0 errors"')
        failed, said, _ = self.step([sanitizer.Choice("memcheck", 20, "gone", []), PERF])
        self.assertEqual((failed, "gone was not built" in said, "1 tests, 0 errors" in said), (0, True, True))
        self.assertIn("no time is left", self.step([PERF], left_s=12)[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
