"""Fits a torch module: early stopping, seeds, deterministic, resumable, on the CPU or on CUDA where there is one."""

from __future__ import annotations

import copy
import hashlib
import math
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from andon.errors import TrainingError
from services.trainer.families.model import Effort
from services.trainer.families.packages import load
from services.trainer.scaling import Float64, Int64

_BATCH = 64


@dataclass(slots=True)
class _State:
    """A fit after some passes: what a checkpoint holds.

    Attributes:
        fingerprint: of the data, the module and the settings that the fit depends on.
        epoch: passes made.
        stale: passes without progress.
        loss: best loss on the windows set aside.
        best: the module's parameters at that loss.
        module: its parameters now.
        optimiser: its state now.
    """

    fingerprint: str
    epoch: int = 0
    stale: int = 0
    loss: float = math.inf
    best: dict[str, Any] = field(default_factory=dict)
    module: dict[str, Any] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a fit went: passes made, and the best mean squared error on the windows set aside."""

    epochs: int
    loss: float


def torch_seeded(effort: Effort) -> Any:
    """Return torch with its random numbers seeded and its algorithms deterministic, for making and fitting modules.

    Raises:
        TrainingError: torch is not installed.
    """
    torch = load("torch", "torch")
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(effort.seed)
    return torch


def expect(module: Any, inputs: Float64) -> Float64:
    """Return what a module on the CPU makes of inputs ``[n, i]``."""
    torch = load("torch", "torch")
    with torch.no_grad():
        return np.asarray(module(torch.from_numpy(inputs.astype(np.float32))).numpy(), np.float64)


def fit_network(module: Any, parts: tuple[Float64, Float64], columns: tuple[Int64, Int64], effort: Effort) -> Fitted:
    """Fit *module* in place; it ends on the CPU with the parameters of its best pass.

    Args:
        module: torch module, ``[n, i]`` to ``[n, t]``.
        parts: standardised windows ``[n, d]`` to learn from, and those that tell when to stop.
        columns: inputs ``[i]`` and targets ``[t]``.
        effort: how to fit.

    Raises:
        TrainingError: the loss is no number, the checkpoint is that of another fit, or the device is not there.
    """
    torch = load("torch", "torch")
    device = _device(torch, effort.device)
    module.to(device)
    learn, check = (
        tuple(torch.from_numpy(z[:, each].astype(np.float32)).to(device) for each in columns) for z in parts
    )
    optimiser = torch.optim.Adam(module.parameters(), lr=effort.learning_rate)
    state = _resumed(torch, module, optimiser, _fingerprint(module, parts, effort), effort.checkpoint)
    with Progress(transient=True) if effort.progress else nullcontext() as bar:
        task = bar.add_task("fitting", total=effort.epochs, completed=state.epoch) if bar else None
        while state.epoch < effort.epochs and state.stale < effort.patience:
            _pass(torch, module, optimiser, learn, effort.seed + state.epoch)
            _note(state, module, optimiser, _loss(torch, module, check))
            _keep(torch, state, effort.checkpoint)
            if bar and task is not None:
                bar.update(task, completed=state.epoch, description=f"loss {state.loss:.4f}")
    module.load_state_dict(state.best)
    module.to("cpu").eval()
    return Fitted(state.epoch, state.loss)


def _device(torch: Any, wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted not in ("cpu", "cuda") or (wanted == "cuda" and not torch.cuda.is_available()):
        raise TrainingError(f"device {wanted!r} is not to be had here: take auto or cpu")
    return wanted


def _pass(torch: Any, module: Any, optimiser: Any, learn: tuple[Any, Any], seed: int) -> None:
    """Go over all windows once; their order depends on the pass alone, so that a resumed fit is the same fit."""
    inputs, targets = learn
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed)).to(inputs.device)
    module.train()
    for rows in order.split(_BATCH):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(module(inputs[rows]), targets[rows]).backward()
        optimiser.step()


def _loss(torch: Any, module: Any, check: tuple[Any, Any]) -> float:
    module.eval()
    with torch.no_grad():
        return float(torch.nn.functional.mse_loss(module(check[0]), check[1]))


def _note(state: _State, module: Any, optimiser: Any, loss: float) -> None:
    state.epoch += 1
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss is {loss} after {state.epoch} passes: the fit diverged; lower the learning rate, and look for "
            "values in the normal period that are far off the others"
        )
    state.module, state.optimiser = copy.deepcopy(module.state_dict()), optimiser.state_dict()
    state.stale += 1
    if loss < state.loss:
        state.loss, state.stale, state.best = loss, 0, state.module


def _keep(torch: Any, state: _State, checkpoint: Path | None) -> None:
    """Write the state beside the checkpoint and move it there, so that a kill leaves the one before."""
    if checkpoint is not None:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = checkpoint.with_name(f".{checkpoint.name}.partial")
        torch.save(asdict(state), partial)
        partial.rename(checkpoint)


def _resumed(torch: Any, module: Any, optimiser: Any, fingerprint: str, checkpoint: Path | None) -> _State:
    if checkpoint is None or not checkpoint.exists():
        return _State(fingerprint)
    state = _State(**torch.load(checkpoint, weights_only=True))
    if state.fingerprint != fingerprint:
        raise TrainingError(
            f"checkpoint {checkpoint} is that of a fit with other data or settings: delete it, or name another file"
        )
    module.load_state_dict(state.module)
    optimiser.load_state_dict(state.optimiser)
    return state


def _fingerprint(module: Any, parts: tuple[Float64, Float64], effort: Effort) -> str:
    settings = f"{module} {effort.seed} {effort.learning_rate}"
    return hashlib.sha256(
        b"".join([settings.encode(), *(np.ascontiguousarray(z).tobytes() for z in parts)])
    ).hexdigest()
