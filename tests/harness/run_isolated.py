"""Runs one test program so that nothing of it stays behind: run_isolated.py --time-limit SECONDS [--] PROGRAM ARGS...

The program gets a session of its own, and this process adopts its orphans (PR_SET_CHILD_SUBREAPER), so every process
that it starts, daemons too, can be found. When it ends, or when its time is up, whatever is left is killed. The
program's exit status is passed on, except: 97 if its time was up, 98 if it left processes or files in /dev/shm.
(Abstract unix sockets end with the processes that hold them; those of left-over processes are listed.)
"""

import ctypes
import os
import signal
import sys
import time

TIME_IS_UP = 97
LEFT_SOMETHING = 98
# For processes that are on their way out when the program ends.
GRACE_S = 0.5
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SHM = "/dev/shm"


def say(text: str) -> None:
    print(f"run_isolated: {text}", file=sys.stderr, flush=True)


def parents() -> dict:
    """Parent of every living process. Zombies are left out: they hold nothing."""
    result = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state not in "ZX":
                result[int(name)] = int(parent)
    return result


def descendants() -> list:
    parent_of = parents()
    found, frontier = [], {os.getpid()}
    while frontier:
        frontier = {pid for pid, parent in parent_of.items() if parent in frontier}
        found += sorted(frontier)
    return found


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def abstract_sockets(pid: int) -> list:
    names = {}
    for line in read("/proc/net/unix").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[7].startswith("@"):
            names[f"socket:[{fields[6]}]"] = fields[7]
    held = []
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            held.append(names.get(os.readlink(f"/proc/{pid}/fd/{number}")))
    except OSError:
        pass
    return sorted({name for name in held if name})


def describe(pid: int) -> str:
    sockets = abstract_sockets(pid)
    return (f"process {pid}: {read(f'/proc/{pid}/cmdline')[:300] or read(f'/proc/{pid}/comm')} "
            f"(waiting in {read(f'/proc/{pid}/wchan') or '?'}; {len(os.listdir(f'/proc/{pid}/task'))} threads"
            f"{'; abstract sockets ' + ' '.join(sockets) if sockets else ''})")


def report(pids: list) -> None:
    for pid in pids:
        try:
            say(describe(pid))
        except OSError:
            pass


def kill_all() -> None:
    """Kills until nothing is left: a process may fork while it is being looked at."""
    while pids := descendants():
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.005)
        reap()
    reap()


def shm_entries() -> set:
    try:
        return set(os.listdir(SHM))
    except OSError:
        return set()


def in_use(paths: set) -> set:
    """Those that some process has mapped or open: they belong to a test that runs beside this one."""
    used = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        maps = read(f"/proc/{name}/maps")
        used |= {path for path in paths if path in maps}
        try:
            targets = {os.readlink(f"/proc/{name}/fd/{number}") for number in os.listdir(f"/proc/{name}/fd")}
        except OSError:
            continue
        used |= paths & targets
    return used


def left_in_shm(before: set) -> set:
    """Looked at twice, since another test may have just made a file that it has yet to map."""
    left = set()
    for attempt in range(2):
        left = {f"{SHM}/{name}" for name in shm_entries() - before}
        left = left - in_use(left) if left else left
        if not left:
            break
        if attempt == 0:
            time.sleep(0.2)
    return {path for path in left if os.path.exists(path)}


def start(words: list) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            libc = ctypes.CDLL(None)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.execvp(words[0], words)
        except OSError as error:
            say(f"cannot run {words[0]}: {error}")
        os._exit(127)
    return pid


def wait(pid: int, limit_s: float):
    """Exit status, or None when the time is up. Orphans are reaped on the way."""
    deadline = time.monotonic() + limit_s
    pause = 0.001
    while time.monotonic() < deadline:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == pid:
            return os.waitstatus_to_exitcode(status)
        if ended == 0:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)
    return None


def left_processes() -> list:
    deadline = time.monotonic() + GRACE_S
    while (pids := descendants()) and time.monotonic() < deadline:
        time.sleep(0.01)
        reap()
    return pids


def run(words: list, limit_s: float) -> int:
    before = shm_entries()
    status = wait(start(words), limit_s)
    if status is None:
        say(f"time limit of {limit_s:g} s reached; killing:")
        report(descendants())
        kill_all()
        return TIME_IS_UP
    left = left_processes()
    if left:
        say("the program ended and left processes behind:")
        report(left)
    kill_all()
    files = left_in_shm(before)
    if files:
        say(f"the program left files behind: {' '.join(sorted(files))}")
        for path in files:
            os.unlink(path)
    if status < 0:
        say(f"killed by {signal.Signals(-status).name}")
        return 128 - status
    return LEFT_SOMETHING if (left or files) and status == 0 else status


def main(arguments: list) -> int:
    if len(arguments) < 3 or arguments[0] != "--time-limit":
        say("usage: run_isolated.py --time-limit SECONDS [--] PROGRAM ARGUMENTS...")
        return 2
    words = arguments[3:] if arguments[2] == "--" else arguments[2:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def give_up(number, _):
        kill_all()
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, give_up)
    return run(words, float(arguments[1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
