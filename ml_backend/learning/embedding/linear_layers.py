"""Linear layers of a frozen network in a chosen precision: float32, bfloat16, float16 or 8-bit integers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from ml_backend.learning.embedding.names import ModelNotAvailable

Linear: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

logger = logging.getLogger(__name__)

ROWS_PER_PRODUCT = 512
"""Typical number of rows in a product; oneDNN chooses the memory layout of the weights for it."""


def linear(weight: torch.Tensor, bias: torch.Tensor, precision: str | None, gelu: bool = False) -> Linear:
    """Returns a function that maps (…, in) float32 to (…, out) float32: a linear layer in the given precision.

    weight: (out, in) float32; bias: (out,) float32.
    precision: None for float32, else "bfloat16", "float16" or "int8".
    gelu: whether the GELU activation is applied to the result.
    Raises ModelNotAvailable for int8 if this build of torch or this processor has no exact 8-bit products.
    """
    if precision is None and weight.device.type == "cpu" and _has_onednn():
        return _packed(weight, bias, gelu)
    product = _product(weight, bias, precision)
    return (lambda hidden: functional.gelu(product(hidden))) if gelu else product


def warn_if_slow(precision: str | None, device: str) -> None:
    """Log a warning if the device is a processor without arithmetic of the precision, and so many times slower.

    precision: as in `linear`; device: as torch names it.
    """
    if device.startswith("cpu") and precision in ("bfloat16", "float16") and not _is_fast(precision):
        short = "bf16" if precision == "bfloat16" else "fp16"
        logger.warning(
            f"this processor has no arithmetic for {short}, and computes it many times slower than float32: "
            f"leave :{short} out of the embedding's name"
        )


def _is_fast(precision: str) -> bool:
    supported = {"bfloat16": "_is_mkldnn_bf16_supported", "float16": "_is_mkldnn_fp16_supported"}[precision]
    try:
        return bool(getattr(torch.ops.mkldnn, supported)())
    except (AttributeError, RuntimeError):
        return True


@cache
def _has_onednn() -> bool:
    """Returns whether this build of torch and this processor support weights in a layout prepared in advance."""
    try:
        one = torch.ones(1, 1)
        _packed(one, one[0], gelu=True)(one)
    except (AttributeError, RuntimeError):
        return False
    return True


def _packed(weight: torch.Tensor, bias: torch.Tensor, gelu: bool) -> Linear:
    """The float32 product with a weight layout prepared once; a tenth faster than preparing it for every product."""
    with torch.inference_mode():
        packed_weight = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS_PER_PRODUCT)
    activation: tuple[str, list[float], str] = ("gelu", [], "none") if gelu else ("none", [], "")
    run: Linear = lambda hidden: torch.ops.mkldnn._linear_pointwise(hidden, packed_weight, bias, *activation)  # noqa: E731
    return run


def _product(weight: torch.Tensor, bias: torch.Tensor, precision: str | None) -> Linear:
    if precision is None:
        return lambda hidden: functional.linear(hidden, weight, bias)
    if precision == "int8":
        return _int8(weight, bias)
    dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    low_weight, low_bias = weight.to(dtype), bias.to(dtype)
    return lambda hidden: functional.linear(hidden.to(dtype), low_weight, low_bias).float()


def _int8(weight: torch.Tensor, bias: torch.Tensor) -> Linear:
    """Symmetric integer weights with one scale per output; 8-bit inputs with one range per token.

    The range goes from the lowest to the highest value of a token. Most inputs lie on one side of 0, so a range that is
    symmetric around 0 would leave half of the 256 steps unused. One range per token costs one pass more than one range
    per batch, but a vector then does not depend on the other texts in its batch.
    """
    scale = weight.abs().amax(dim=1).clamp_min(1e-12) / _largest_exact_weight()
    integers = (weight / scale[:, None]).round()
    packed: Any = torch.ops.onednn.qlinear_prepack(integers.to(torch.int8), None)
    sums = integers.sum(dim=1) * scale
    zeros = torch.zeros(len(weight), dtype=torch.int8)

    def run(hidden: torch.Tensor) -> torch.Tensor:
        tokens = hidden.reshape(-1, hidden.shape[-1])
        lowest, highest = tokens.aminmax(dim=1, keepdim=True)
        step = (highest - lowest).clamp_min_(1e-12) / 255
        # The conversion to uint8 truncates; adding 0.5 first makes it round.
        inputs = ((tokens - lowest) / step).add_(0.5).to(torch.uint8)
        products = torch.ops.onednn.qlinear_pointwise(
            inputs, 1.0, 0, packed, scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        outputs = torch.addcmul(bias, products, step).addr_(lowest[:, 0], sums)
        return outputs.view(*hidden.shape[:-1], -1)

    return run


@cache
def _largest_exact_weight() -> int:
    """Returns the largest weight whose products this processor adds up exactly: 127, or 63 without VNNI.

    Processors with VNNI add products of 8-bit numbers in 32 bits. Older ones, with AVX2 only, add pairs of them in 16
    bits, where 2 · 255 · 127 does not fit and is silently cut off; with 7-bit weights, 2 · 255 · 63 fits.
    The product itself is tested, since oneDNN chooses which kernel runs.

    Raises ModelNotAvailable if products with 7-bit weights are not exact either, or if this build of torch has no 8-bit
    products.
    """
    try:
        for largest in (127, 63):
            if _is_exact(largest):
                return largest
    except (AttributeError, RuntimeError) as error:
        raise ModelNotAvailable("int8 runs on x86 CPUs with a torch that has oneDNN; use bf16 here") from error
    raise ModelNotAvailable("int8 products are not exact on this processor; use bf16 or float32 here")


def _is_exact(largest: int) -> bool:
    """Returns whether products of the largest inputs and weights of ± `largest` equal those of integer arithmetic."""
    signs = torch.tensor([[1], [-1]], dtype=torch.int8).repeat(16, 1)
    weights = (signs * largest).expand(32, 128).contiguous()
    inputs = torch.tensor([[255], [0]], dtype=torch.uint8).repeat(16, 1).expand(32, 128).contiguous()
    packed: Any = torch.ops.onednn.qlinear_prepack(weights, None)
    ones, zeros = torch.ones(32), torch.zeros(32, dtype=torch.int8)
    products = torch.ops.onednn.qlinear_pointwise(
        inputs, 1.0, 0, packed, ones, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    exact = inputs.long() @ weights.long().T
    return torch.equal(products, exact.float())
