"""How fast and how right the sampler is, beside its peers: on the same files, in one run.

    python -m benchmarks [--quick] [--media-cache DIR] [--output FILE] [--docs FILE --chart FILE]

Datasets are montages of real clips whose truth is known because they are made here; each is encoded once and kept.
Every measurement runs in a process of its own.
"""
