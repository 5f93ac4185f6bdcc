"""all_reduce_perf as its users meet it, and its launcher's promise: whatever happens, no process is left behind.

Arguments: the tool, and the tool over a lying library."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TOOL, LIAR = sys.argv[1:3]
SMALL = ["-b", "8", "-e", "4K", "-f", "8", "-n", "2", "-w", "1"]
LIMIT_S = 60


def environment(**extra) -> dict:
    kept = {name: value for name, value in os.environ.items()
            if not re.match(r"OMPI_|PMI|WORLD_SIZE|STRETTO_TEST_LIE", name)}
    return {**kept, **extra}


def run(program: str, *arguments, **extra) -> subprocess.CompletedProcess:
    return subprocess.run([program, *arguments], env=environment(**extra), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False)


def rows(text: str) -> list:
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def children(pid: int) -> list:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Started:
    """The tool running for ever, past its first row."""

    def __init__(self, *arguments, program=TOOL, **extra):
        self.process = subprocess.Popen([program, *SMALL, "-N", "0", *arguments], env=environment(**extra),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while True:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            if not line.startswith("#"):
                break
        self.children = children(self.process.pid)

    def end(self) -> tuple:
        """(exit code, stderr), when the tool has ended; then no child may live."""
        _, errors = self.process.communicate(timeout=LIMIT_S)
        deadline = time.monotonic() + 10
        left = self.children
        while left and time.monotonic() < deadline:
            left = [pid for pid in left if alive(pid)]
            time.sleep(0.01)
        assert not left, f"left behind: {left}"
        return self.process.returncode, errors


class Tool(unittest.TestCase):
    def test_local_ranks_print_the_table_and_the_same_as_json(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            done = run(TOOL, *SMALL, "--ranks", "2", "-t", "2", "-o", "all", "-d", "all", "--json", path)
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
        self.assertEqual(done.returncode, 0, done.stderr)
        table = rows(done.stdout)
        self.assertEqual(len(table), 4 * 6 * 12)
        self.assertTrue(all(len(row) == 13 and row[8] == "0" and row[12] == "0" for row in table))
        self.assertRegex(done.stdout, r"# Out of bounds values : 0 OK\n# Avg bus bandwidth    : [0-9.e-]+ \n")
        self.assertEqual([str(row["size_bytes"]) for row in report["results"]], [row[0] for row in table])
        self.assertEqual(report["config"]["ranks"], 4)
        self.assertTrue(report["out_of_bounds"]["okay"])

    def test_one_rank_is_enough(self):
        done = run(TOOL, *SMALL)
        self.assertEqual((done.returncode, len(rows(done.stdout))), (0, 4), done.stderr)

    def test_unaligned_buffers_and_statistics(self):
        done = run(TOOL, *SMALL, "-t", "3", "-u", "1", "-I", "1", "-M", "1", "-S", "1", "-C", "1", "-m", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(all(len(row) == 19 for row in rows(done.stdout)))
        self.assertIn("# Memory of the communicator", done.stdout)

    def test_unknown_algorithm_fails_and_names_it(self):
        done = run(TOOL, *SMALL, "--ranks", "2", "--algorithm", "no_such")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no_such", done.stderr)

    def test_unwritable_report_is_refused_before_the_run(self):
        done = run(TOOL, *SMALL, "-J", "/nowhere/report.json")
        self.assertEqual((done.returncode, rows(done.stdout)), (3, []))
        self.assertIn("/nowhere/report.json", done.stderr)

    def test_secrets_are_in_no_command_line_or_environment(self):
        started = Started("--ranks", "3")
        parent = self.shown(started.process.pid)
        for child in started.children:
            extra = [word for word in self.shown(child) if word not in parent]
            self.assertEqual(len(extra), 1, extra)
            self.assertRegex(extra[0], r"^\d+:\d+$")
        started.process.terminate()
        started.end()

    @staticmethod
    def shown(pid: int) -> list:
        words = []
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
                words += file.read().split("\0")
        return [word for word in words if word not in ("", "--child")]


class Lies(unittest.TestCase):
    def caught(self, lie: str, *arguments) -> str:
        done = run(LIAR, *SMALL, "--ranks", "2", *arguments, STRETTO_TEST_LIE=lie)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"# Out of bounds values : [1-9]\d* FAILED")
        return done.stdout

    def test_honesty_passes(self):
        done = run(LIAR, *SMALL, "--ranks", "2", STRETTO_TEST_LIE="nothing")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_changed_bit_is_a_wrong_value_and_ranks_differ(self):
        text = self.caught("changes_a_bit", "-d", "int32")
        self.assertTrue(all(row[8] == "1" and row[12] == "1" for row in rows(text)), text)
        self.assertIn("differ between ranks", text)

    def test_forgotten_end_is_a_wrong_value(self):
        self.caught("forgets_the_end", "-d", "int32")

    def test_writes_behind_and_before_are_out_of_bounds(self):
        for lie in ("writes_behind", "writes_before"):
            self.assertIn("# Written outside of the buffers", self.caught(lie))

    def test_changed_input_is_out_of_bounds(self):
        self.caught("changes_the_input")

    def test_failing_call_ends_all_ranks(self):
        done = run(LIAR, *SMALL, "--ranks", "3", STRETTO_TEST_LIE="fails")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("rank 1", done.stderr)


class Launcher(unittest.TestCase):
    def test_killed_rank_ends_all_and_is_named(self):
        started = Started("--ranks", "3")
        os.kill(started.children[1], signal.SIGKILL)
        code, errors = started.end()
        self.assertEqual(code, 128 + signal.SIGKILL, errors)
        self.assertIn(f"pid {started.children[1]}", errors)

    def test_crashing_and_leaving_ranks_end_all(self):
        for lie, code in (("crashes", 128 + signal.SIGSEGV), ("leaves", 9)):
            done = run(LIAR, *SMALL, "--ranks", "3", STRETTO_TEST_LIE=lie,
                       ASAN_OPTIONS="handle_segv=0", UBSAN_OPTIONS="handle_segv=0", TSAN_OPTIONS="handle_segv=0")
            self.assertEqual(done.returncode, code, done.stderr)

    def test_stopped_rank_ends_by_the_timeout(self):
        done = run(LIAR, *SMALL, "--ranks", "3", "-T", "2", STRETTO_TEST_LIE="stops")
        self.assertIn(done.returncode, (3, 4), done.stderr)

    def test_signals_to_the_launcher_end_all(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            started = Started("--ranks", "3")
            started.process.send_signal(number)
            self.assertEqual(started.end()[0], 128 + number)

    def test_killed_launcher_leaves_no_orphan(self):
        started = Started("--ranks", "3")
        started.process.kill()
        self.assertEqual(started.end()[0], -signal.SIGKILL)

    def test_launcher_whose_other_ranks_do_not_come_is_a_timeout(self):
        done = run(TOOL, *SMALL, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="0", STRETTO_SETUP_TIMEOUT_MS="200")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("1 of 2 ranks have not come", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
