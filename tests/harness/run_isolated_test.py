"""run_isolated.py catches programs that leak, on purpose here, and passes on what well-behaved ones say."""

import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def run(script: str, limit_s: float = 20) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, f"{HERE}/run_isolated.py", "--time-limit", str(limit_s), "--",
                           "bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class RunIsolated(unittest.TestCase):
    def test_clean_program_passes_its_status_and_output_on(self):
        done = run("echo hello; exit 3")
        self.assertEqual((done.returncode, done.stdout), (3, "hello\n"))
        self.assertEqual(run("true").returncode, 0)

    def test_children_that_are_waited_for_are_no_leak(self):
        self.assertEqual(run("sleep 0.05 & wait").returncode, 0)

    def test_signal_is_a_failure(self):
        done = run("kill -SEGV $$")
        self.assertEqual(done.returncode, 128 + 11)
        self.assertIn("SIGSEGV", done.stderr)

    def test_left_child_is_caught_and_killed(self):
        done = run("sleep 300 >/dev/null 2>&1 & echo $!")
        self.assertEqual(done.returncode, 98)
        self.assertIn("sleep 300", done.stderr)
        self.assertFalse(is_alive(int(done.stdout)))

    def test_daemon_in_its_own_session_is_caught_and_killed(self):
        done = run("setsid bash -c '(setsid sleep 300 >/dev/null 2>&1 & echo $!) ' & wait")
        self.assertEqual(done.returncode, 98)
        self.assertFalse(is_alive(int(done.stdout)))

    def test_left_abstract_socket_is_named(self):
        name = f"stretto-harness-{os.getpid()}"
        code = (f"import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0{name}'); s.listen(); "
                "print(flush=True); time.sleep(300)")
        done = run(f'{{ {sys.executable} -c "{code}" & }} | head -n 1')
        self.assertEqual(done.returncode, 98)
        self.assertIn(f"@{name}", done.stderr)

    def test_left_shm_file_is_caught_and_removed(self):
        path = f"/dev/shm/stretto-harness-{os.getpid()}"
        done = run(f"echo x > {path}")
        self.assertEqual(done.returncode, 98)
        self.assertIn(path, done.stderr)
        self.assertFalse(os.path.exists(path))

    def test_hung_program_is_killed_with_its_children(self):
        start = time.monotonic()
        done = run("sleep 300 & echo $!; sleep 300", limit_s=1)
        self.assertEqual(done.returncode, 97)
        self.assertLess(time.monotonic() - start, 30)
        self.assertFalse(is_alive(int(done.stdout)))

    def test_terminated_harness_takes_its_program_along(self):
        harness = subprocess.Popen([sys.executable, f"{HERE}/run_isolated.py", "--time-limit", "60", "--", "bash",
                                    "-c", "sleep 300 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
        child = int(harness.stdout.readline())
        harness.terminate()
        self.assertEqual(harness.wait(timeout=30), 128 + 15)
        harness.stdout.close()
        self.assertFalse(is_alive(child))


if __name__ == "__main__":
    unittest.main(verbosity=2)
