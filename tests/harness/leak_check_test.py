"""The leak check that every test binary holds fails the tests that leak, and no others: leak_check_test.py PROGRAM"""

import subprocess
import sys
import unittest

PROGRAM = ""


def run(name: str) -> subprocess.CompletedProcess:
    return subprocess.run([PROGRAM, f"--gtest_filter={name}"], capture_output=True, text=True, check=False, timeout=60)


class LeakCheck(unittest.TestCase):
    def expect_caught(self, name: str, words: str) -> None:
        done = run(name)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("left something behind", done.stdout)
        self.assertIn(words, done.stdout)

    def test_each_kind_of_leak_is_caught(self):
        self.expect_caught("Leaky.Descriptor_IsLeft", "descriptor ")
        self.expect_caught("Leaky.Mapping_IsLeft", "/memfd:leaky")
        self.expect_caught("Leaky.Thread_IsLeft", "1 threads")
        self.expect_caught("Leaky.Zombie_IsLeft", "child processes")

    def test_clean_tests_pass(self):
        done = run("Clean.*")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("4 tests ran", done.stdout.replace("4 tests from 1 test suite ran", "4 tests ran"))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
