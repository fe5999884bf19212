"""One training step of a sparse autoencoder, as other people's code does it.

    training_step.py PEER ARCHITECTURE TOKENS D_IN D_SAE K THREADS

PEER is torch (dense PyTorch, the loss of the architecture's paper, Adam), sae_lens (SAETrainer's own step), dictionary_learning (its
trainer's update) or sparsify (its SparseCoder, its trainer's step with Adam). Answers every line "step" on standard input with a line of
JSON: wall and processor milliseconds, L0. Ends with status 2 and a line on standard error where the peer has no such architecture.
"""
import json
import sys
import time

# What a library prints is no answer.
answers, sys.stdout = sys.stdout, sys.stderr

import torch

peer, architecture = sys.argv[1:3]
tokens, d_in, d_sae, k, threads = map(int, sys.argv[3:8])
torch.set_num_threads(threads)
torch.set_flush_denormal(True)
torch.manual_seed(0)
x = torch.randn(tokens, d_in)
WIDTHS = [d_sae // 16, d_sae // 4, d_sae]


def unsupported():
    print(f"{peer} has no {architecture}", file=sys.stderr)
    sys.exit(2)


class Step(torch.autograd.Function):
    """1[pre > theta] with the rectangle kernel's gradient for theta."""

    @staticmethod
    def forward(ctx, pre, theta, width):
        ctx.save_for_backward(pre, theta)
        ctx.width = width
        return (pre > theta).float()

    @staticmethod
    def backward(ctx, gradient):
        pre, theta = ctx.saved_tensors
        window = ((pre - theta).abs() < ctx.width / 2).float()
        return None, (-gradient * window / ctx.width).sum(0), None


class Jump(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pre, theta, width):
        ctx.save_for_backward(pre, theta)
        ctx.width = width
        return pre * (pre > theta)

    @staticmethod
    def backward(ctx, gradient):
        pre, theta = ctx.saved_tensors
        window = ((pre - theta).abs() < ctx.width / 2).float()
        return gradient * (pre > theta), (-gradient * window * theta / ctx.width).sum(0), None


def torch_step():
    W_enc = torch.randn(d_in, d_sae) / d_in**0.5
    W_dec = torch.nn.functional.normalize(W_enc.t().contiguous().clone(), dim=1).requires_grad_()
    W_enc.requires_grad_()
    sparse = architecture in ("relu", "gated")
    b_enc = torch.full((d_sae,), -2.2 if sparse else 0.0).requires_grad_()
    b_dec = torch.zeros(d_in).requires_grad_()
    parameters = [W_enc, b_enc, W_dec, b_dec]
    if architecture == "jumprelu":
        theta = torch.full((d_sae,), 2.2).requires_grad_()
        parameters.append(theta)
    if architecture == "gated":
        r, b_mag = torch.zeros(d_sae).requires_grad_(), torch.full((d_sae,), -2.2).requires_grad_()
        parameters += [r, b_mag]
    optimiser = torch.optim.Adam(parameters, lr=1e-4, fused=True)
    keeps_norms = architecture in ("topk", "batchtopk", "matryoshka", "gated")

    def features_of(pre):
        if architecture == "topk":
            values, chosen = pre.topk(k, dim=-1, sorted=False)
            return torch.zeros_like(pre).scatter_(-1, chosen, torch.relu(values))
        if architecture in ("batchtopk", "matryoshka"):
            flat = torch.relu(pre).flatten()
            values, chosen = flat.topk(k * tokens, sorted=False)
            return torch.zeros_like(flat).scatter_(-1, chosen, values).view_as(pre)
        if architecture == "jumprelu":
            return Jump.apply(pre, theta, 0.03)
        if architecture == "gated":
            return (pre > 0).float() * torch.relu(torch.exp(r) * (pre - b_enc) + b_mag)
        return torch.relu(pre)

    def loss_of(features, pre):
        if architecture == "matryoshka":
            return sum(((features[:, :w] @ W_dec[:w] + b_dec - x) ** 2).sum(-1).mean() for w in WIDTHS)
        loss = ((features @ W_dec + b_dec - x) ** 2).sum(-1).mean()
        if architecture == "relu":
            loss = loss + 1e-3 * (features * W_dec.norm(dim=1)).sum(-1).mean()
        if architecture == "jumprelu":
            loss = loss + 1e-3 * Step.apply(pre, theta, 0.03).sum(-1).mean()
        if architecture == "gated":
            gate = torch.relu(pre)
            loss = loss + 1e-3 * gate.sum(-1).mean()
            loss = loss + ((gate @ W_dec.detach() + b_dec.detach() - x) ** 2).sum(-1).mean()
        return loss

    def step():
        optimiser.zero_grad(set_to_none=True)
        pre = (x - b_dec) @ W_enc + b_enc
        features = features_of(pre)
        loss_of(features, pre).backward()
        optimiser.step()
        if keeps_norms:
            with torch.no_grad():
                W_dec.div_(W_dec.norm(dim=1, keepdim=True))
        return (features > 0).sum().item() / tokens

    return step


def sae_lens_step():
    import sae_lens as sl
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer
    common = {"d_in": d_in, "d_sae": d_sae}
    makers = {
        "relu": lambda: sl.StandardTrainingSAE(sl.StandardTrainingSAEConfig(**common, l1_coefficient=1e-3)),
        "topk": lambda: sl.TopKTrainingSAE(sl.TopKTrainingSAEConfig(
            **common, k=k, use_sparse_activations=True, rescale_acts_by_decoder_norm=False)),
        "batchtopk": lambda: sl.BatchTopKTrainingSAE(sl.BatchTopKTrainingSAEConfig(**common, k=k)),
        "matryoshka": lambda: sl.MatryoshkaBatchTopKTrainingSAE(
            sl.MatryoshkaBatchTopKTrainingSAEConfig(**common, k=k, matryoshka_widths=WIDTHS)),
        "jumprelu": lambda: sl.JumpReLUTrainingSAE(sl.JumpReLUTrainingSAEConfig(**common, l0_coefficient=1e-3)),
        "gated": lambda: sl.GatedTrainingSAE(sl.GatedTrainingSAEConfig(**common, l1_coefficient=1e-3)),
    }
    if architecture not in makers:
        unsupported()
    sae = makers[architecture]()
    config = SAETrainerConfig(total_training_samples=10**9, train_batch_size_samples=tokens, lr=1e-4, lr_warm_up_steps=0,
                              logger=LoggingConfig(log_to_wandb=False))
    config.lr_end = config.lr / 10
    trainer = SAETrainer(config, sae, iter([x]))

    def step():
        output = trainer._train_step(sae=trainer.sae, sae_in=x)
        trainer.n_training_steps += 1
        features = output.feature_acts
        return (features._nnz() if features.is_sparse else (features > 0).sum().item()) / tokens

    return step


def dictionary_learning_step():
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
    from dictionary_learning.trainers.gdm import GatedSAETrainer
    from dictionary_learning.trainers.jumprelu import JumpReluTrainer
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
    from dictionary_learning.trainers.standard import StandardTrainer
    from dictionary_learning.trainers.top_k import TopKTrainer
    common = {"steps": 10**6, "activation_dim": d_in, "dict_size": d_sae, "layer": 0, "lm_name": "none", "device": "cpu", "lr": 1e-4}
    fractions = [WIDTHS[0] / d_sae, (WIDTHS[1] - WIDTHS[0]) / d_sae, (WIDTHS[2] - WIDTHS[1]) / d_sae]
    makers = {
        "relu": lambda: StandardTrainer(**common, l1_penalty=1e-3),
        "topk": lambda: TopKTrainer(**common, k=k),
        "batchtopk": lambda: BatchTopKTrainer(**common, k=k),
        "matryoshka": lambda: MatryoshkaBatchTopKTrainer(**common, k=k, group_fractions=fractions),
        "jumprelu": lambda: JumpReluTrainer(**common, target_l0=float(k)),
        "gated": lambda: GatedSAETrainer(**common, l1_penalty=1e-3),
    }
    if architecture not in makers:
        unsupported()
    trainer = makers[architecture]()
    count = 0

    def step():
        nonlocal count
        count += 1
        trainer.update(count, x)
        return float("nan")

    return step


def sparsify_step():
    if architecture != "topk":
        unsupported()
    from sparsify import SparseCoder, SparseCoderConfig
    sae = SparseCoder(d_in, SparseCoderConfig(num_latents=d_sae, k=k), device="cpu")
    optimiser = torch.optim.Adam(sae.parameters(), lr=1e-4, fused=True)

    def step():
        sae.set_decoder_norm_to_unit_norm()
        output = sae(x)
        output.fvu.backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        optimiser.step()
        optimiser.zero_grad()
        return (output.latent_acts > 0).sum().item() / tokens

    return step


step = {"torch": torch_step, "sae_lens": sae_lens_step, "dictionary_learning": dictionary_learning_step,
        "sparsify": sparsify_step}[peer]()
for line in sys.stdin:
    if line.strip() != "step":
        break
    wall, processor = time.perf_counter(), time.process_time()
    l0 = step()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(json.dumps({"milliseconds": wall * 1e3, "cpuMilliseconds": processor * 1e3, "l0": None if l0 != l0 else l0}), file=answers, flush=True)
