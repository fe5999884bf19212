"""One training step of a sparse autoencoder as SAELens and dictionary_learning do it: dense PyTorch, Adam.

    torch_dense.py topk|relu TOKENS D_IN D_SAE K THREADS

Answers every line "step" on standard input with a line of JSON: wall and processor milliseconds, L0.
"""
import json
import sys
import time

import torch

architecture = sys.argv[1]
tokens, d_in, d_sae, k, threads = map(int, sys.argv[2:7])
torch.set_num_threads(threads)
torch.manual_seed(0)

x = torch.randn(tokens, d_in)
W_enc = torch.randn(d_in, d_sae) / d_in**0.5
W_dec = torch.nn.functional.normalize(W_enc.t().contiguous().clone(), dim=1).requires_grad_()
W_enc.requires_grad_()
b_enc = torch.full((d_sae,), -2.2 if architecture == "relu" else 0.0).requires_grad_()
b_dec = torch.zeros(d_in).requires_grad_()
optimiser = torch.optim.Adam([W_enc, b_enc, W_dec, b_dec], lr=1e-4)


def step():
    optimiser.zero_grad(set_to_none=True)
    pre = (x - b_dec) @ W_enc + b_enc
    if architecture == "topk":
        values, chosen = pre.topk(k, dim=-1, sorted=False)
        features = torch.zeros_like(pre).scatter_(-1, chosen, torch.relu(values))
    else:
        features = torch.relu(pre)
    loss = ((features @ W_dec + b_dec - x) ** 2).sum(-1).mean()
    if architecture == "relu":
        loss = loss + 1e-3 * (features * W_dec.norm(dim=1)).sum(-1).mean()
    loss.backward()
    optimiser.step()
    if architecture == "topk":
        with torch.no_grad():
            W_dec.div_(W_dec.norm(dim=1, keepdim=True))
    return features


for line in sys.stdin:
    if line.strip() != "step":
        break
    wall, processor = time.perf_counter(), time.process_time()
    result = step()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    l0 = (result > 0).sum().item() / tokens
    print(json.dumps({"milliseconds": wall * 1e3, "cpuMilliseconds": processor * 1e3, "l0": l0}), flush=True)
