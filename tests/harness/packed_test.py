"""./dev pack and ./dev unpack: a build runs elsewhere, and nothing of where it was made is left in it."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci", "steps"))
import build  # noqa: E402
import jobs  # noqa: E402
import packed  # noqa: E402

RUN = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
CTEST = """add_test([=[Sums.OnAGpu/cuda]=] {python} -c [[{run}]] "{folder}/tests/sums_test" "--of" "{root}/tests/data")
add_test([=[Checked.OnAGpu/cuda]=] "{python}" "-c" "" "{folder}/tests/sums_test")
set_tests_properties([=[Sums.OnAGpu/cuda]=] PROPERTIES WORKING_DIRECTORY "{root}")
add_test([=[Sums.OnTheHost]=] "{folder}/tests/host_test")
"""


class Packed(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.there, self.here = (os.path.join(place.name, name) for name in ("there", "here"))
        self.python_there = os.path.join(place.name, "only.there", "bin", "python3.9")
        self.file = os.path.join(place.name, "made", "build.tar.xz")

    def at(self, root: str):
        """Everything happens in the repository at `root`, and is not printed."""
        os.makedirs(root, exist_ok=True)
        stack = contextlib.ExitStack()
        stack.enter_context(mock.patch.object(build, "ROOT", root))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        return stack

    def make_build(self):
        folder = os.path.join(self.there, "build", "gpu")
        os.makedirs(os.path.join(folder, "tests"))
        for name in ("tests/sums_test", "tests/host_test", "all_reduce_perf", "stretto", "libstretto.so.0.1"):
            shutil.copy(shutil.which("true"), os.path.join(folder, name))
        os.symlink("libstretto.so.0.1", os.path.join(folder, "libstretto.so"))
        with open(os.path.join(folder, "CTestTestfile.cmake"), "w", encoding="utf-8") as file:
            file.write(CTEST.format(folder=folder, root=self.there, python=self.python_there, run=RUN))
        os.makedirs(os.path.dirname(self.python_there))
        os.symlink(sys.executable, self.python_there)
        with open(os.path.join(folder, "notes.txt"), "w", encoding="utf-8") as file:
            file.write("not needed")

    def test_what_was_packed_runs_elsewhere(self):
        with self.at(self.there):
            self.make_build()
            packed.pack(self.file, "gpu")
        shutil.rmtree(self.there)
        os.remove(self.python_there)
        with self.at(self.here):
            packed.unpack(self.file, "packed")
        folder = os.path.join(self.here, "build", "packed")
        ran = subprocess.run(["ctest", "--test-dir", folder, "-R", "/cuda$"], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("100% tests passed, 0 tests failed out of 2", ran.stdout)
        with open(os.path.join(folder, "CTestTestfile.cmake"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text, CTEST.format(folder=folder, root=self.here, python=sys.executable, run=RUN))
        self.assertEqual(os.readlink(os.path.join(folder, "libstretto.so")), "libstretto.so.0.1")

    def test_only_what_a_gpu_needs_is_in_it(self):
        with self.at(self.there):
            self.make_build()
            packed.pack(self.file, "gpu")
        with tarfile.open(self.file) as archive:
            self.assertEqual(sorted(archive.getnames()), ["CTestTestfile.cmake", "all_reduce_perf", "libstretto.so",
                                                          "libstretto.so.0.1", "stretto", "tests/sums_test"])

    def test_build_that_is_not_there_is_refused(self):
        with self.at(self.there), self.assertRaisesRegex(jobs.StepFailed, "no tests: build them first"):
            packed.pack(self.file, "gpu")

    def test_file_that_reaches_outside_is_refused(self):
        os.makedirs(os.path.dirname(self.file))
        link = tarfile.TarInfo("lib")
        link.type, link.linkname = tarfile.SYMTYPE, "/tmp"
        for members in ([tarfile.TarInfo("../outside")], [link, tarfile.TarInfo("lib/outside")]):
            with tarfile.open(self.file, "w:xz") as archive:
                for member in members:
                    archive.addfile(member)
            with self.at(self.here), self.assertRaisesRegex(jobs.StepFailed, "outside"):
                packed.unpack(self.file, "packed")
            self.assertFalse(os.path.exists(os.path.join(self.here, "build")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
