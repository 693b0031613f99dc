"""Averages of weights over a training: exponential (every step) or stochastic weight averaging (every epoch).

Stochastic weight averaging: Izmailov et al. 2018 (arXiv:1803.05407): equal weights of the epochs' ends at a constant
learning rate; the statistics of batch norms are measured again for the averaged weights.
"""

import torch


def move_average(average, network, decay):
    """average := decay * average + (1 - decay) * network; counters are copied."""
    with torch.no_grad():
        for mean, value in zip(average.state_dict().values(), network.state_dict().values()):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def measure_batch_norms(network, batches):
    """Mean and variance of every batch norm as the plain mean over `batches`, with the weights as they are."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    with torch.no_grad():
        for image in batches:
            network(image)
    network.eval()
