"""Trains the model of one config and keeps a checkpoint per epoch.

    python train.py configs/<id>.json --data <folder> --runs <folder>

Learning rate: linear warm-up, then half a cosine down to 0. The weights that are evaluated and exported are
the exponential moving average; with `swa`, the last epochs run at a constant rate and their ends are averaged
(averaging.py). The run is resumed when its folder already holds a checkpoint of the same recipe. With `autocast` "bfloat16" the
network computes in that type where torch's autocast says so; loss, weights and averages stay float32. A processor
with bfloat16 instructions then takes about half the time, one without them more.
"""

import argparse
import copy
import math
import os
import time
from pathlib import Path

import torch

from architectures import build
from averaging import measure_batch_norms, move_average
from checkpoint import CHECKPOINT, read_checkpoint, write_checkpoint
from config import load_config
from data import source
from losses import deep_supervision


def learning_rate(training, epochs, step, steps_per_epoch):
    swa = training.get("swa")
    if swa:
        epochs -= swa["epochs"]
        if step >= epochs * steps_per_epoch:
            return swa["learningRate"]
    warmup = training["warmupEpochs"] * steps_per_epoch
    if step < warmup:
        return training["learningRate"] * (step + 1) / warmup
    progress = (step - warmup) / max(1, epochs * steps_per_epoch - warmup)
    return training["learningRate"] * 0.5 * (1 + math.cos(math.pi * min(1, progress)))


def optimiser_for(network, training):
    if training["optimiser"] == "adamw":
        # Norm and bias parameters are not decayed.
        matrices = [p for p in network.parameters() if p.ndim > 1]
        vectors = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": training["weightDecay"]}, {"params": vectors, "weight_decay": 0}]
        return torch.optim.AdamW(groups, lr=training["learningRate"])
    return torch.optim.SGD(
        network.parameters(),
        lr=training["learningRate"],
        momentum=0.99,
        nesterov=True,
        weight_decay=training["weightDecay"],
    )


def train(config, data_folder, run_folder, log=print):
    training = config["training"]
    torch.manual_seed(config["seed"])
    network = build(config["architecture"]).train()
    if training.get("channelsLast"):
        network = network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval()
    optimiser = optimiser_for(network, training)
    data = source(config["data"], data_folder, run_folder.parent)
    stages = [stage for stage in training["stages"] for _ in range(stage["epochs"])]
    swa = training.get("swa")
    run_folder.mkdir(parents=True, exist_ok=True)
    checkpoint = run_folder / CHECKPOINT
    start = 0
    steps_per_epoch = training["samplesPerEpoch"] // training["batch"]
    if checkpoint.exists():
        state = read_checkpoint(checkpoint, config)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        start = state["epoch"]

    for epoch in range(start, len(stages)):
        # Seeded by epoch, so that a resumed run draws what the uninterrupted one would have drawn.
        generator = torch.Generator().manual_seed(config["seed"] * 1000 + epoch)
        began, total = time.monotonic(), 0.0
        batch = stages[epoch].get("batch", training["batch"])
        for step in range(steps_per_epoch):
            rate = learning_rate(training, len(stages), epoch * steps_per_epoch + step, steps_per_epoch)
            for group in optimiser.param_groups:
                group["lr"] = rate
            image, target = data.batch(generator, batch, stages[epoch])
            with torch.autocast("cpu", torch.bfloat16, enabled=training.get("autocast") == "bfloat16"):
                outputs = network(image)
            loss = deep_supervision([logits.float() for logits in outputs], target)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 12)
            optimiser.step()
            if not swa:
                # A young average follows faster, or the random start would weigh on it.
                done = epoch * steps_per_epoch + step + 1
                move_average(average, network, min(training["averageDecay"], (1 + done) / (10 + done)))
            total += loss.item()
        if swa:
            # Before the averaged epochs this simply follows the network.
            averaged = max(0, epoch - (len(stages) - swa["epochs"]))
            move_average(average, network, averaged / (averaged + 1))
            if epoch + 1 == len(stages):
                measure_batch_norms(average, (data.batch(generator, batch, stages[epoch])[0] for _ in range(50)))
        state = {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "epoch": epoch + 1,
        }
        write_checkpoint(checkpoint, config, state)
        log(f"epoch {epoch + 1}/{len(stages)} loss {total / steps_per_epoch:.4f} {time.monotonic() - began:.0f} s")
    return average


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--runs", type=Path, required=True, help="folder for checkpoints, outside the repository")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("give --data or set SCANLANE_DATA")
    torch.set_num_threads(arguments.threads)
    config = load_config(arguments.config)
    train(config, arguments.data, arguments.runs / config["id"], lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
