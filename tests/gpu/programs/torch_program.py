"""Training and collectives by torch.distributed, two ranks: what a training framework does with backend "nccl".

torch_program.py --out DIR [--case NAME] [--backend gloo]    gloo: on the CPU, to see that the program itself is right
"""

import argparse
import os
import socket

import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from results import Results
from torch import nn

N_RANKS = 2
SEED = 20261127


class Rank:
    def __init__(self, rank: int, options):
        self.rank = rank
        self.on_gpu = options.backend == "nccl"
        self.device = torch.device("cuda", rank) if self.on_gpu else torch.device("cpu")
        self.results = Results(options.out, "torch", rank)
        self.generator = torch.Generator().manual_seed(SEED + rank)

    def random(self, *shape, dtype=torch.float32):
        """Different on each rank, the same in each run."""
        if dtype.is_floating_point:
            return torch.randn(*shape, generator=self.generator).to(dtype).to(self.device)
        return torch.randint(-60, 60, shape, generator=self.generator).abs_().to(dtype).to(self.device)

    def keep(self, name: str, tensor) -> None:
        self.results.add_tensor(name, tensor)


def collectives(me: Rank) -> None:
    types = [torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8]
    if me.on_gpu:
        types += [torch.float16, torch.bfloat16]
    ops = {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX, "min": dist.ReduceOp.MIN, "prod": dist.ReduceOp.PRODUCT}
    for dtype in types:
        for name, op in ops.items():
            for count in (1, 1023, 1 << 18):
                tensor = me.random(count, dtype=dtype)
                dist.all_reduce(tensor, op)
                me.keep(f"all_reduce {dtype} {name} {count}", tensor)
    if me.on_gpu:
        tensor = me.random(1001)
        dist.all_reduce(tensor, dist.ReduceOp.AVG)
        me.keep("all_reduce avg", tensor)
        tensor = me.random(1001)
        dist.all_reduce(tensor, dist._make_nccl_premul_sum(0.3))
        me.keep("all_reduce premul_sum", tensor)
        tensor = me.random(1001)
        dist.all_reduce(tensor, dist._make_nccl_premul_sum(torch.tensor([0.7], device=me.device)))
        me.keep("all_reduce premul_sum of a tensor", tensor)
    for count in (1, 999, 1 << 16):
        tensor = me.random(count)
        dist.broadcast(tensor, 1)
        me.keep(f"broadcast {count}", tensor)
        tensor = me.random(count)
        dist.reduce(tensor, 1)
        if me.rank == 1:
            me.keep(f"reduce {count}", tensor)
        gathered = torch.empty(N_RANKS * count, device=me.device)
        dist.all_gather_into_tensor(gathered, me.random(count))
        me.keep(f"all_gather {count}", gathered)
        if me.on_gpu:
            scattered = torch.empty(count, device=me.device)
            dist.reduce_scatter_tensor(scattered, me.random(N_RANKS * count))
            me.keep(f"reduce_scatter {count}", scattered)
    pieces = [torch.empty(n, device=me.device) for n in (5, 70)] if me.on_gpu else [torch.empty(5, device=me.device)] * 2
    if me.on_gpu:  # of unequal sizes
        dist.all_gather(pieces, me.random(5 if me.rank == 0 else 70))
        me.keep("all_gather of unequal sizes", torch.cat(pieces))
    parts = [[3, 8], [11, 2]]
    received = torch.empty(sum(row[me.rank] for row in parts), device=me.device)
    dist.all_to_all_single(received, me.random(sum(parts[me.rank])), [row[me.rank] for row in parts], parts[me.rank])
    me.keep("all_to_all_single, uneven", received)
    dist.barrier()


def pairs(me: Rank) -> None:
    other = 1 - me.rank
    tensor = me.random(4099)
    if me.rank == 0:
        dist.send(tensor, other)
    else:
        dist.recv(tensor, other)
    me.keep("send and recv", tensor)
    received = torch.empty(70001, device=me.device)
    both = [dist.P2POp(dist.isend, me.random(70001), other), dist.P2POp(dist.irecv, received, other)]
    for work in dist.batch_isend_irecv(both):
        work.wait()
    me.keep("batch_isend_irecv", received)


def groups(me: Rank) -> None:
    for ranks in ([0, 1], [1], [0]):
        group = dist.new_group(ranks)
        if me.rank in ranks:
            tensor = me.random(17)
            dist.all_reduce(tensor, group=group)
            me.keep(f"all_reduce in {ranks}", tensor)
    if me.on_gpu:
        part = dist.split_group(None, [[0, 1]])
        tensor = me.random(18)
        dist.all_reduce(tensor, group=part)
        me.keep("all_reduce in a split", tensor)


def model() -> nn.Module:
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def train(me: Rank, name: str, net, steps: int = 5) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for step in range(steps):
        inputs, targets = me.random(32, 64), me.random(32, dtype=torch.int64) % 10
        loss = nn.functional.cross_entropy(net(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        me.keep(f"{name}: loss {step}", loss)
    for parameter, value in net.named_parameters():
        whole = value.full_tensor() if hasattr(value, "full_tensor") else value
        me.keep(f"{name}: {parameter}", whole)


def ddp(me: Rank) -> None:
    train(me, "ddp", nn.parallel.DistributedDataParallel(model().to(me.device), bucket_cap_mb=0.05))


def fsdp2(me: Rank) -> None:
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
    for name, policy in (("fsdp2", MixedPrecisionPolicy()),
                         ("fsdp2 in bfloat16", MixedPrecisionPolicy(torch.bfloat16, torch.float32))):
        net = model().to(me.device)
        for layer in net:
            if isinstance(layer, nn.Linear):
                fully_shard(layer, mp_policy=policy)
        fully_shard(net, mp_policy=policy)
        train(me, name, net)


def dtensor(me: Rank) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor
    mesh = init_device_mesh(me.device.type, (N_RANKS,))
    torch.manual_seed(SEED)
    a, b = torch.randn(64, 96, device=me.device), torch.randn(96, 32, device=me.device)
    by_rows, by_columns = distribute_tensor(a, mesh, [Shard(0)]), distribute_tensor(a, mesh, [Shard(1)])
    me.keep("dtensor: gathered", by_rows.redistribute(mesh, [Replicate()]).to_local())
    me.keep("dtensor: turned", by_rows.redistribute(mesh, [Shard(1)]).to_local())
    inner = by_columns @ distribute_tensor(b, mesh, [Shard(0)])  # partial sums
    me.keep("dtensor: summed", inner.redistribute(mesh, [Replicate()]).to_local())
    me.keep("dtensor: summed and scattered", inner.redistribute(mesh, [Shard(0)]).to_local())


def graphs(me: Rank) -> None:
    """An all-reduce between two products, captured once and replayed with new inputs."""
    if not me.on_gpu:
        return
    inputs, weight = me.random(64, 64), me.random(64, 64)
    gathered = torch.empty(2 * 64, 64, device=me.device)
    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):  # connects, and makes cuBLAS's handle
        dist.all_reduce(inputs @ weight)
        dist.all_gather_into_tensor(gathered, inputs)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    # torch's watchdog thread asks for events meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        middle = inputs @ weight
        dist.all_reduce(middle)
        outputs = middle @ weight
        dist.all_gather_into_tensor(gathered, outputs)
    for replay in range(10):
        inputs.copy_(me.random(64, 64))
        graph.replay()
        me.keep(f"graph: {replay}", gathered)


CASES = {case.__name__: case for case in (collectives, pairs, groups, ddp, fsdp2, dtensor, graphs)}


def run(rank: int, options) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(options.port), CUBLAS_WORKSPACE_CONFIG=":4096:8")
    torch.use_deterministic_algorithms(True)  # products are then the same in each run
    me = Rank(rank, options)
    if me.on_gpu:
        torch.cuda.set_device(me.device)
    dist.init_process_group(options.backend, rank=rank, world_size=N_RANKS,
                            device_id=me.device if me.on_gpu and options.eager else None)
    for name in options.case or CASES:
        CASES[name](me)
    if me.on_gpu:
        torch.cuda.synchronize()
    me.results.write()
    dist.destroy_process_group()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--backend", default="nccl", choices=["nccl", "gloo"])
    parser.add_argument("--eager", action="store_true", help="bind each rank to its device at once: splits by NCCL")
    arguments = parser.parse_args()
    arguments.port = free_port()
    processes.spawn(run, (arguments,), N_RANKS)
