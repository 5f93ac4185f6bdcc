"""CuPy's binding of NCCL: one process with two GPUs, by group calls and by threads.

cupy_program.py --out DIR
"""

import argparse
import threading

import cupy
import numpy
from cupy.cuda import nccl
from results import Results

N_RANKS = 2


def inputs_of(rank: int, count: int) -> cupy.ndarray:
    return cupy.asarray(numpy.random.default_rng(1000 * count + rank).standard_normal(count, dtype=numpy.float32))


def by_groups(results: Results) -> None:
    """All ranks of one thread."""
    comms = nccl.NcclCommunicator.initAll(N_RANKS)
    buffers = []
    for rank in range(N_RANKS):
        with cupy.cuda.Device(rank):
            buffers.append((inputs_of(rank, 5003), cupy.empty(5003, cupy.float32), cupy.cuda.Stream(non_blocking=True)))
            cupy.cuda.Device(rank).synchronize()
    nccl.groupStart()
    for rank, (given, got, stream) in enumerate(buffers):
        with cupy.cuda.Device(rank):
            comms[rank].allReduce(given.data.ptr, got.data.ptr, given.size, nccl.NCCL_FLOAT32, nccl.NCCL_SUM, stream.ptr)
    nccl.groupEnd()
    for rank, (_, got, stream) in enumerate(buffers):
        with cupy.cuda.Device(rank):
            stream.synchronize()
            results.add(f"group: all_reduce {rank}", cupy.asnumpy(got))
    for comm in comms:
        comm.destroy()


class Thread(threading.Thread):
    """One rank."""

    def __init__(self, rank: int, identity, ready: threading.Barrier):
        super().__init__()
        self.rank, self.identity, self.ready, self.found, self.error = rank, identity, ready, {}, None

    def run(self):
        try:
            self.collectives()
        except Exception as error:  # for the main thread to raise
            self.error = error

    def collectives(self):
        cupy.cuda.Device(self.rank).use()
        comm = nccl.NcclCommunicator(N_RANKS, self.identity, self.rank)
        stream = cupy.cuda.Stream(non_blocking=True)
        assert comm.size() == N_RANKS and comm.rank_id() == self.rank and comm.device_id() == self.rank
        # CUDA may wait for all kernels where memory is allocated, and kernels wait for the other rank: so all memory is
        # there before the first call, and is read after the last.
        counts = (1, 1001, 1 << 18)
        sets = [Arrays(self.rank, count) for count in counts]
        sent, received = inputs_of(self.rank, 313), cupy.empty(313, cupy.float32)
        cupy.cuda.Device(self.rank).synchronize()
        self.ready.wait(60)
        for arrays in sets:
            arrays.issue(comm, stream.ptr)
        nccl.groupStart()
        comm.send(sent.data.ptr, 313, nccl.NCCL_FLOAT32, 1 - self.rank, stream.ptr)
        comm.recv(received.data.ptr, 313, nccl.NCCL_FLOAT32, 1 - self.rank, stream.ptr)
        nccl.groupEnd()
        stream.synchronize()
        assert comm.check_async_error() is None
        self.ready.wait(60)
        for arrays in sets:
            for name, array in arrays.results():
                self.found[f"thread: {name} {arrays.count} {self.rank}"] = cupy.asnumpy(array)
        self.found[f"thread: send and recv {self.rank}"] = cupy.asnumpy(received)
        comm.destroy()


class Arrays:
    """Of one count: what each call reads and writes."""

    def __init__(self, rank: int, count: int):
        self.rank, self.count = rank, count
        self.given = inputs_of(rank, count)
        self.spread = inputs_of(rank, count)  # in place
        self.summed, self.sent, self.reduced, self.part = (cupy.empty(count, cupy.float32) for _ in range(4))
        self.gathered = cupy.empty(N_RANKS * count, cupy.float32)

    def issue(self, comm, stream: int) -> None:
        count, given, kind = self.count, self.given.data.ptr, nccl.NCCL_FLOAT32
        comm.allReduce(given, self.summed.data.ptr, count, kind, nccl.NCCL_MAX, stream)
        comm.broadcast(given, self.sent.data.ptr, count, kind, 0, stream)
        comm.bcast(self.spread.data.ptr, count, kind, 1, stream)
        comm.reduce(given, self.reduced.data.ptr, count, kind, nccl.NCCL_SUM, 1, stream)
        comm.allGather(given, self.gathered.data.ptr, count, kind, stream)
        comm.reduceScatter(self.gathered.data.ptr, self.part.data.ptr, count, kind, nccl.NCCL_PROD, stream)

    def results(self) -> list:
        found = [("all_reduce max", self.summed), ("broadcast", self.sent), ("bcast", self.spread),
                 ("all_gather", self.gathered), ("reduce_scatter", self.part)]
        return found + ([("reduce", self.reduced)] if self.rank == 1 else [])


def main(folder: str) -> None:
    results = Results(folder, "cupy", 0)
    by_groups(results)
    identity = nccl.get_unique_id()
    ready = threading.Barrier(N_RANKS)
    threads = [Thread(rank, identity, ready) for rank in range(N_RANKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        if thread.error is not None:
            raise thread.error
        for name, array in thread.found.items():
            results.add(name, array)
    results.write()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    main(parser.parse_args().out)
