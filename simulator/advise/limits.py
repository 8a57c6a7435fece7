"""The smallest number of random splits of the labels that advice is given on."""

from __future__ import annotations

LEAST_SEEDS = 5
