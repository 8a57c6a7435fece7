"""A linear layer of a frozen network in the precision that is asked for: float32, bfloat16 or 8-bit whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from ml_backend.learning.embedding.names import ModelNotAvailable

Linear: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


TOKENS = 512
"""Rows of a usual product; oneDNN lays the weights out for them."""


def linear(weight: torch.Tensor, bias: torch.Tensor, precision: str | None, gelu: bool = False) -> Linear:
    """Maps (…, in) float32 to (…, out) float32, with the activation behind it where `gelu`.

    weight (out, in) and bias (out,) float32; precision None: float32.

    Raises ModelNotAvailable for int8 where this build of torch, or this device, has no 8-bit products.
    """
    if precision is None and weight.device.type == "cpu" and _has_onednn():
        return _packed(weight, bias, gelu)
    product = _product(weight, bias, precision)
    return (lambda hidden: functional.gelu(product(hidden))) if gelu else product


@cache
def _has_onednn() -> bool:
    """Whether this build of torch, on this processor, multiplies by weights that were laid out before."""
    try:
        one = torch.ones(1, 1)
        _packed(one, one[0], gelu=True)(one)
    except (AttributeError, RuntimeError):
        return False
    return True


def _packed(weight: torch.Tensor, bias: torch.Tensor, gelu: bool) -> Linear:
    """The float32 product with weights laid out once: a tenth faster than packing them every time."""
    with torch.inference_mode():
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, TOKENS)
    after: tuple[str, list[float], str] = ("gelu", [], "none") if gelu else ("none", [], "")
    run: Linear = lambda hidden: torch.ops.mkldnn._linear_pointwise(hidden, laid_out, bias, *after)  # noqa: E731
    return run


def _product(weight: torch.Tensor, bias: torch.Tensor, precision: str | None) -> Linear:
    if precision is None:
        return lambda hidden: functional.linear(hidden, weight, bias)
    if precision == "int8":
        return _int8(weight, bias)
    kind = {"bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    low_weight, low_bias = weight.to(kind), bias.to(kind)
    return lambda hidden: functional.linear(hidden.to(kind), low_weight, low_bias).float()


def _int8(weight: torch.Tensor, bias: torch.Tensor) -> Linear:
    """Symmetric 8-bit weights, a scale an output; 8-bit inputs, a scale a token.

    A scale a token costs a pass more than one for the batch, and buys vectors that do not depend on which other
    texts are in the batch, and errors half as large.
    """
    scale = weight.abs().amax(dim=1).clamp_min(1e-12) / 127
    whole = (weight / scale[:, None]).round().to(torch.int8)
    try:
        packed: Any = torch.ops.onednn.qlinear_prepack(whole, None)
    except (AttributeError, RuntimeError) as error:
        raise ModelNotAvailable("int8 runs on x86 CPUs with a torch that has oneDNN; use bf16 here") from error
    zeros = torch.zeros(len(weight), dtype=torch.int8)

    def run(hidden: torch.Tensor) -> torch.Tensor:
        tokens = hidden.reshape(-1, hidden.shape[-1])
        largest = tokens.abs().amax(dim=1, keepdim=True).clamp_min_(1e-12)
        # The product wants unsigned inputs around 128; the half makes the cut to whole numbers a rounding.
        inputs = torch.addcmul(_MIDDLE, tokens, 127 / largest).to(torch.uint8)
        products = torch.ops.onednn.qlinear_pointwise(
            inputs, 1 / 127, 128, packed, scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return torch.addcmul(bias, products, largest).view(*hidden.shape[:-1], -1)

    return run


_MIDDLE = torch.tensor(128.5)
