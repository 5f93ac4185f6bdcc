"""The checks of the house rules can fail: each is shown a tree that breaks its rule, and one that keeps it."""

import unittest
from unittest import mock

import arrows
import check
import sources


def shown(tree: dict):
    """Replaces the repository by `tree`, a dictionary of paths and texts."""
    for cached in (sources.bare, sources.text, sources.files):
        cached.cache_clear()
    return mock.patch.multiple(sources, files=lambda: tuple(sorted(tree)), text=lambda name: tree[name])


class Checks(unittest.TestCase):
    def tearDown(self):
        for cached in (sources.bare, sources.text, sources.files):
            cached.cache_clear()

    def expect(self, run, tree: dict, words: str = ""):
        with shown(tree):
            sources.bare.cache_clear()
            problems = run()
        sources.bare.cache_clear()
        if words:
            self.assertEqual(len(problems), 1, problems)
            self.assertIn(words, problems[0])
        else:
            self.assertEqual(problems, [])

    def test_arrows(self):
        self.expect(arrows.check, {"src/comm/a.cpp": '#include "plan/plan.hpp"\n#include <chrono>\n'})
        self.expect(arrows.check, {"src/plan/a.cpp": '#include "comm/comm.hpp"\n'}, "plan may not include comm")
        self.expect(arrows.check, {"src/plan/a.cpp": "#include <chrono>\n"}, "planning is pure")
        self.expect(arrows.check, {"transports/shm/a.cpp": '#include "transports/tcp/b.hpp"\n'}, "may not include")
        self.expect(arrows.check, {"perf/a.cpp": '#include "base/error.hpp"\n'}, "perf may not include base")
        self.expect(arrows.check, {"src/exec/a.cpp": '#include "../base/error.hpp"\n'}, "from the root")
        self.expect(arrows.check, {"elsewhere/a.cpp": ""}, "no room")
        self.expect(arrows.check, {"src/algorithms/ring/kernel.cu": '#include "device/ptx.cuh"\n'})
        self.expect(arrows.check, {"src/algorithms/ring/plan.cpp": '#include "device/ptx.cuh"\n'}, "may not include")

    def test_lengths(self):
        self.expect(check.file_length, {"a.cpp": "\n" * 400})
        self.expect(check.file_length, {"a.cpp": "\n" * 401}, "401 lines")
        body = "  work();\n"
        for head in ("int f(int a) {\n", "TEST(Subject, Case_Outcome) {\n", "A::A(int a) : a_(a) {\n",
                     "int f(int a,\n      int b) const {\n"):
            longest = 70 - head.count("\n") - 1
            self.expect(check.function_length, {"a.cpp": head + body * longest + "}\n"})
            self.expect(check.function_length, {"a.cpp": head + body * (longest + 1) + "}\n"}, "71 lines")
        self.expect(check.function_length, {"a.cpp": "class A {\n" + "  int f();\n" * 90 + "};\n"})
        self.expect(check.function_length, {"a.py": "def f():\n" + "    pass\n" * 70}, "71 lines")

    def test_words(self):
        self.expect(check.inline_assembly, {"src/exec/a.cu": 'asm volatile("ld.x");\n'}, "inline assembly")
        self.expect(check.inline_assembly, {check.PTX: 'asm volatile("ld.x");\n', "b.cpp": "// asm\n"})
        self.expect(check.waits, {"src/exec/a.cpp": "std::this_thread::sleep_for(1ms);\n"}, "only src/comm waits")
        self.expect(check.waits, {"transports/shm/a.hpp": "std::condition_variable ready;\n"}, "only src/comm waits")
        self.expect(check.waits, {"src/base/a.cpp": "::poll(&query, 1, 10);\n"}, "only src/comm waits")
        self.expect(check.waits, {"src/comm/a.cpp": "usleep(1);\n", "tests/a.cpp": "sleep(1);\n",
                                  "src/base/posix_system_waits.cpp": "epoll_wait(a);\n",
                                  "src/base/a.cpp": "::poll(&query, 1, 0);\n// sleep\n",
                                  "src/exec/a.cpp": "Progress A::poll() { return b.poll(); }\n"})
        self.expect(check.environment_reads, {"src/comm/a.cpp": 'f(std::getenv("X"));\n'}, "environment")
        self.expect(check.environment_reads, {"src/base/environment.cpp": "getenv(name);\n"})
        self.expect(check.file_headers, {"a.hpp": "#pragma once\n"}, "without a comment")
        self.expect(check.test_names, {"tests/a.cpp": "TEST(Plan, Works) {\n"}, "Subject.Situation_Outcome")
        self.expect(check.test_names, {"tests/a.cpp": "TEST(Plan, Empty_Works) {\n"})

    def test_forbidden_words(self):
        with mock.patch.object(check.subprocess, "run", return_value=mock.Mock(stdout="fine")):
            self.expect(check.forbidden_words, {"a.md": "see /wor" + "k/x\n"}, "path of one machine")
            self.expect(check.forbidden_words, {"a.md": "network/work/x\n"})
        with mock.patch.object(check.subprocess, "run", return_value=mock.Mock(stdout="Co-authored" + "-by: x")):
            self.expect(check.forbidden_words, {}, "co-author")


if __name__ == "__main__":
    unittest.main(verbosity=2)
