"""TopK features of a batch, as dense PyTorch finds them.

    encoding.py TOKENS D_IN D_SAE K THREADS

Answers every line "step" on standard input with a line of JSON: wall and processor milliseconds, L0.
"""
import json
import sys
import time

import torch

tokens, d_in, d_sae, k, threads = map(int, sys.argv[1:6])
torch.set_num_threads(threads)
torch.set_flush_denormal(True)
torch.manual_seed(0)
x = torch.randn(tokens, d_in)
W_enc, b_enc, b_dec = torch.randn(d_in, d_sae) / d_in**0.5, torch.zeros(d_sae), torch.zeros(d_in)


@torch.inference_mode()
def encode():
    values, features = torch.topk(torch.addmm(b_enc, x - b_dec, W_enc), k, dim=-1, sorted=False)
    return torch.relu(values), features


for line in sys.stdin:
    if line.strip() != "step":
        break
    wall, processor = time.perf_counter(), time.process_time()
    values, _ = encode()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    l0 = (values > 0).sum().item() / tokens
    print(json.dumps({"milliseconds": wall * 1e3, "cpuMilliseconds": processor * 1e3, "l0": l0}), flush=True)
