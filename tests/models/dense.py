"""A small dense auto-encoder, trained by the tests themselves: numpy, tanh, Adam (Kingma and Ba 2015)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


def train_layers(z: Float64, hidden: tuple[int, ...] = (8, 3, 8), steps: int = 2_000) -> list[Layer]:
    """Return weights and biases that reconstruct standardised rows ``[n, d]``."""
    random = np.random.default_rng(0)
    sizes = (z.shape[1], *hidden, z.shape[1])
    weights = [random.normal(size=(size, after)) / np.sqrt(size) for size, after in pairwise(sizes)]
    parameters = [*weights, *(np.zeros(size) for size in sizes[1:])]
    first, second = [np.zeros_like(each) for each in parameters], [np.zeros_like(each) for each in parameters]
    for step in range(1, steps + 1):
        for number, gradient in enumerate(_gradients(z, parameters)):
            first[number] = 0.9 * first[number] + 0.1 * gradient
            second[number] = 0.999 * second[number] + 0.001 * gradient**2
            size = np.sqrt(second[number] / (1 - 0.999**step)) + 1e-8
            parameters[number] -= 0.01 * first[number] / (1 - 0.9**step) / size
    count = len(weights)
    return [(parameters[i].astype(np.float32), parameters[count + i].astype(np.float32)) for i in range(count)]


def _gradients(z: Float64, parameters: list[Float64]) -> list[Float64]:
    """Return the gradients of the summed squared error, by back-propagation."""
    count = len(parameters) // 2
    weights, biases = parameters[:count], parameters[count:]
    outputs = [z]
    for number in range(count):
        summed = outputs[-1] @ weights[number] + biases[number]
        outputs.append(np.tanh(summed) if number < count - 1 else summed)
    error = 2 * (outputs[-1] - z) / len(z)
    of_weights: list[Float64] = []
    of_biases: list[Float64] = []
    for number in reversed(range(count)):
        if number < count - 1:
            error = error * (1 - outputs[number + 1] ** 2)
        of_weights.insert(0, outputs[number].T @ error)
        of_biases.insert(0, error.sum(axis=0))
        error = error @ weights[number].T
    return [*of_weights, *of_biases]
