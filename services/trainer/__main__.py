"""Run the trainer as a service: ``python -m services.trainer``."""

from __future__ import annotations

import asyncio

from andon.errors import ConfigError
from andon.plant import Plant
from andon.registry.client import connected
from andon.service import run_service
from andon.signing import Signer, Trust
from andon.stream.publish import publishing
from andon.stream.topics import ensure_topics, topic_name
from andon.telemetry import Metrics, served
from andon.uns import Stage
from services.trainer.retraining.workshop import Workshop
from services.trainer.service import Retrainer
from services.trainer.settings import ServiceSettings


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Train what is asked for until *stop* is set.

    Raises:
        ConfigError: no registry, key or trust file is named, or one cannot be used.
        KafkaError: no broker answers.
    """
    signer, trust = _signer(settings), _trust(settings)
    await ensure_topics(settings.kafka, plant)
    async with (
        connected(settings.models.registry) as client,
        publishing(settings.kafka, topic_name(plant, Stage.MODEL)) as publisher,
    ):
        workshop = Workshop(plant, settings, signer, trust, client, metrics)
        retrainer = Retrainer(plant, settings, workshop, publisher, metrics)
        async with served(settings.telemetry, metrics, lambda: retrainer.ready):
            await retrainer.run(stop)


def _signer(settings: ServiceSettings) -> Signer:
    own = settings.trainer
    if own.key is None:
        raise ConfigError("ANDON_TRAINER__KEY is not set: name the private key by which the trainer signs its models")
    return Signer.load(own.key, own.key_password, (own.certificate,) if own.certificate else ())


def _trust(settings: ServiceSettings) -> Trust:
    if settings.models.trust is None:
        raise ConfigError("ANDON_MODELS__TRUST is not set: name the file that says whose signatures count")
    return Trust.load(settings.models.trust)


if __name__ == "__main__":
    run_service("trainer", ServiceSettings, run)
