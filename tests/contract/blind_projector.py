"""Writes a tiny vision projector of random weights, which makes a small text model a multimodal llama.cpp server.

Such a model cannot see, but the server is the real one: it counts image tokens, holds a JSON Schema grammar and
refuses what it does not know.
"""

from pathlib import Path

import gguf
import numpy as np

IMAGE_SIDE, PATCH, WIDTH, FEED_FORWARD, LAYERS, HEADS = 112, 16, 64, 128, 2, 4
IMAGE_TOKENS = (IMAGE_SIDE // PATCH) ** 2


def write_projector(path: Path, text_width: int) -> None:
    """Write a CLIP-style encoder with a two-layer projector to a text model's embedding width (GGUF)."""
    rng = np.random.default_rng(0)
    out = gguf.GGUFWriter(str(path), "clip")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_bool("clip.use_gelu", True)
    out.add_string("clip.projector_type", "mlp")
    sizes = {
        "image_size": IMAGE_SIDE,
        "patch_size": PATCH,
        "embedding_length": WIDTH,
        "feed_forward_length": FEED_FORWARD,
        "block_count": LAYERS,
        "projection_dim": text_width,
        "attention.head_count": HEADS,
    }
    for name, size in sizes.items():
        out.add_uint32(f"clip.vision.{name}", size)
    out.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    out.add_array("clip.vision.image_mean", [0.5] * 3)
    out.add_array("clip.vision.image_std", [0.5] * 3)

    def noise(name: str, *shape: int) -> None:
        out.add_tensor(name, rng.normal(0.0, 0.05, shape).astype(np.float32))

    def linear(name: str, outputs: int, inputs: int) -> None:
        noise(f"{name}.weight", outputs, inputs)
        out.add_tensor(f"{name}.bias", np.zeros(outputs, np.float32))

    def norm(name: str) -> None:
        out.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
        out.add_tensor(f"{name}.bias", np.zeros(WIDTH, np.float32))

    noise("v.patch_embd.weight", WIDTH, 3, PATCH, PATCH)
    noise("v.position_embd.weight", IMAGE_TOKENS, WIDTH)
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            linear(f"v.blk.{layer}.{part}", WIDTH, WIDTH)
        for part in ("ln1", "ln2"):
            norm(f"v.blk.{layer}.{part}")
        linear(f"v.blk.{layer}.ffn_up", FEED_FORWARD, WIDTH)
        linear(f"v.blk.{layer}.ffn_down", WIDTH, FEED_FORWARD)
    norm("v.post_ln")
    linear("mm.0", text_width, WIDTH)
    linear("mm.2", text_width, text_width)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
