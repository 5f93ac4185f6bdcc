"""NCCL called by ctypes from a path, beside torch and its own NCCL, and under graph capture: as vLLM and SGLang do.

ctypes_program.py --out DIR --library FILE
"""

import argparse
import ctypes
import os
import time

import torch
import torch.multiprocessing as processes
from results import Results

N_RANKS = 2
FLOAT32, FLOAT16, BFLOAT16, UINT8, SUM = 7, 6, 9, 1, 0


class UniqueId(ctypes.Structure):
    _fields_ = [("internal", ctypes.c_byte * 128)]


class Nccl:
    """Each call checks its result."""

    def __init__(self, path: str):
        self.library = ctypes.CDLL(path)
        self.library.ncclGetErrorString.restype = ctypes.c_char_p
        self.library.ncclGetLastError.restype = ctypes.c_char_p

    def __getattr__(self, name: str):
        function = getattr(self.library, name)

        def call(*arguments):
            result = function(*arguments)
            if result != 0:
                raise RuntimeError(f"{name}: {self.library.ncclGetErrorString(result).decode()}: "
                                   f"{self.library.ncclGetLastError(None).decode()}")
        return call


def size_of(tensor) -> ctypes.c_size_t:
    return ctypes.c_size_t(tensor.numel())


def at(tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def stream_now() -> ctypes.c_void_p:
    return ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)


def meet(nccl: Nccl, rank: int, folder: str) -> ctypes.c_void_p:
    """The id passes by a file."""
    identity, path = UniqueId(), os.path.join(folder, "id")
    if rank == 0:
        nccl.ncclGetUniqueId(ctypes.byref(identity))
        with open(path + ".part", "wb") as file:
            file.write(bytes(identity))
        os.rename(path + ".part", path)
    deadline = time.monotonic() + 30
    while not os.path.exists(path):
        assert time.monotonic() < deadline, "rank 0 wrote no id"
        time.sleep(0.01)
    with open(path, "rb") as file:
        ctypes.memmove(ctypes.byref(identity), file.read(), 128)
    comm = ctypes.c_void_p()
    nccl.ncclCommInitRank(ctypes.byref(comm), N_RANKS, identity, rank)
    return comm


class Memory:
    """Floats at an address, for torch."""

    def __init__(self, address: int, shape: tuple):
        self.__cuda_array_interface__ = {"shape": shape, "typestr": "<f4", "data": (address, False), "version": 3}


def run(rank: int, options) -> None:
    torch.cuda.set_device(rank)
    nccl, results = Nccl(options.library), Results(options.out, "ctypes", rank)
    version = ctypes.c_int()
    nccl.ncclGetVersion(ctypes.byref(version))
    results.add("version is of 2.x", [version.value // 10000 == 2])
    comm = meet(nccl, rank, options.out)
    torch.manual_seed(100 + rank)

    def all_reduce(tensor, kind):
        nccl.ncclAllReduce(at(tensor), at(tensor), size_of(tensor), kind, SUM, comm, stream_now())

    for dtype, kind in ((torch.float32, FLOAT32), (torch.float16, FLOAT16), (torch.bfloat16, BFLOAT16)):
        for count in (1, 1000, 1 << 20):
            tensor = torch.randn(count, device="cuda").to(dtype)
            all_reduce(tensor, kind)
            results.add_tensor(f"all_reduce {dtype} {count}", tensor)
    mine, all_of_them = torch.randn(513, device="cuda"), torch.empty(2 * 513, device="cuda")
    nccl.ncclAllGather(at(mine), at(all_of_them), size_of(mine), FLOAT32, comm, stream_now())
    results.add_tensor("all_gather", all_of_them)
    part = torch.empty(513, device="cuda")
    nccl.ncclReduceScatter(at(all_of_them), at(part), size_of(part), FLOAT32, SUM, comm, stream_now())
    results.add_tensor("reduce_scatter", part)
    nccl.ncclBroadcast(at(mine), at(mine), size_of(mine), FLOAT32, 1, comm, stream_now())
    results.add_tensor("broadcast", mine)
    out, back = torch.randn(777, device="cuda"), torch.empty(777, device="cuda")
    nccl.ncclGroupStart()
    nccl.ncclSend(at(out), size_of(out), FLOAT32, 1 - rank, comm, stream_now())
    nccl.ncclRecv(at(back), size_of(back), FLOAT32, 1 - rank, comm, stream_now())
    nccl.ncclGroupEnd()
    results.add_tensor("send and recv", back)

    inputs, weight = torch.randn(128, 128, device="cuda"), torch.randn(128, 128, device="cuda")
    window, memory = ctypes.c_void_p(), ctypes.c_void_p()
    nccl.ncclMemAlloc(ctypes.byref(memory), ctypes.c_size_t(128 * 128 * 4))  # windows want a page's alignment
    outputs = torch.as_tensor(Memory(memory.value, (128, 128)), device="cuda")
    nccl.ncclCommWindowRegister(comm, at(outputs), ctypes.c_size_t(outputs.numel() * 4), ctypes.byref(window), 0)
    torch.matmul(inputs, weight, out=outputs)  # makes cuBLAS's handle
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        torch.matmul(inputs, weight, out=outputs)
        for _ in range(3):
            all_reduce(outputs, FLOAT32)
            outputs.mul_(0.25)
    for replay in range(20):
        inputs.copy_(torch.randn(128, 128, device="cuda"))
        graph.replay()
        results.add_tensor(f"graph: {replay}", outputs)
    torch.cuda.synchronize()
    nccl.ncclCommWindowDeregister(comm, window)
    results.write()
    del graph, outputs
    nccl.ncclCommDestroy(comm)
    nccl.ncclMemFree(memory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--library", required=True)
    processes.spawn(run, (parser.parse_args(),), N_RANKS)
