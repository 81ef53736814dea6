"""Decoding in a process that can read one source and do nothing else."""

from sampler.sandbox.confining import Layer, available_layers
from sampler.sandbox.running import probe_isolated, sample_isolated, start_sandbox

__all__ = ["Layer", "available_layers", "probe_isolated", "sample_isolated", "start_sandbox"]
