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

    def __init__(self, rank: int, identity):
        super().__init__()
        self.rank, self.identity, self.found, self.error = rank, identity, {}, None

    def run(self):
        try:
            self.collectives()
        except Exception as error:  # for the main thread to raise
            self.error = error

    def keep(self, name: str, array: cupy.ndarray) -> None:
        self.found[f"thread: {name} {self.rank}"] = cupy.asnumpy(array)

    def collectives(self):
        cupy.cuda.Device(self.rank).use()
        comm = nccl.NcclCommunicator(N_RANKS, self.identity, self.rank)
        stream = cupy.cuda.Stream(non_blocking=True)
        assert comm.size() == N_RANKS and comm.rank_id() == self.rank and comm.device_id() == self.rank
        with stream:
            for count in (1, 1001, 1 << 18):
                given, got = inputs_of(self.rank, count), cupy.empty(count, cupy.float32)
                comm.allReduce(given.data.ptr, got.data.ptr, count, nccl.NCCL_FLOAT32, nccl.NCCL_MAX, stream.ptr)
                self.keep(f"all_reduce max {count}", got)
                comm.broadcast(given.data.ptr, got.data.ptr, count, nccl.NCCL_FLOAT32, 0, stream.ptr)
                self.keep(f"broadcast {count}", got)
                comm.bcast(given.data.ptr, count, nccl.NCCL_FLOAT32, 1, stream.ptr)
                self.keep(f"bcast {count}", given)
                comm.reduce(given.data.ptr, got.data.ptr, count, nccl.NCCL_FLOAT32, nccl.NCCL_SUM, 1, stream.ptr)
                if self.rank == 1:
                    self.keep(f"reduce {count}", got)
                gathered = cupy.empty(N_RANKS * count, cupy.float32)
                comm.allGather(given.data.ptr, gathered.data.ptr, count, nccl.NCCL_FLOAT32, stream.ptr)
                self.keep(f"all_gather {count}", gathered)
                comm.reduceScatter(gathered.data.ptr, got.data.ptr, count, nccl.NCCL_FLOAT32, nccl.NCCL_PROD, stream.ptr)
                self.keep(f"reduce_scatter {count}", got)
            given, got = inputs_of(self.rank, 313), cupy.empty(313, cupy.float32)
            nccl.groupStart()
            comm.send(given.data.ptr, 313, nccl.NCCL_FLOAT32, 1 - self.rank, stream.ptr)
            comm.recv(got.data.ptr, 313, nccl.NCCL_FLOAT32, 1 - self.rank, stream.ptr)
            nccl.groupEnd()
            self.keep("send and recv", got)
        stream.synchronize()
        assert comm.check_async_error() is None
        comm.destroy()


def main(folder: str) -> None:
    results = Results(folder, "cupy", 0)
    by_groups(results)
    identity = nccl.get_unique_id()
    threads = [Thread(rank, identity) for rank in range(N_RANKS)]
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
