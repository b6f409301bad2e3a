"""Topics of a site: their names, and their creation from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from andon.contracts import CATALOGUE, TopicSpec
from andon.errors import ConfigError
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.telemetry import get_logger
from andon.uns import Stage, TopicName

_log = get_logger(__name__)
_ALREADY_EXISTS = 36
_TOPIC_AUTHORIZATION_FAILED = 29


def topic_name(plant: Plant, stage: Stage) -> str:
    """Return the topic of a stage at the plant's site."""
    return str(TopicName(prefix=plant.prefix, enterprise=plant.enterprise, site=plant.site, stage=stage))


def changelog_name(plant: Plant, service: str) -> str:
    """Return the topic that keeps a service's state; it lies under the site's prefix, as its ACL needs."""
    return f"{topic_name(plant, Stage.EVENT).rsplit('.', 1)[0]}.state-{service}"


def group_name(plant: Plant, service: str) -> str:
    """Return the consumer group of a service at the plant's site."""
    return f"andon.{plant.enterprise}.{plant.site}.{service}"


def topic_config(spec: TopicSpec) -> dict[str, str]:
    """Return Kafka's configuration of a catalogued topic."""
    retention = -1 if spec.retention_s is None else spec.retention_s * 1_000
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention),
        "max.message.bytes": str(spec.max_message_bytes),
    }


async def ensure_topics(settings: KafkaSettings, plant: Plant, *, changelogs: Iterable[str] = ()) -> None:
    """Create the site's topics and *changelogs* that do not exist yet, and check partition counts.

    Raises:
        ConfigError: existing topics differ in partitions, or creation is refused.
        KafkaError: no broker answers.
    """
    wanted = {topic_name(plant, stage): topic_config(spec) for stage, spec in CATALOGUE.items()}
    wanted |= {name: {"cleanup.policy": "compact"} for name in changelogs}
    admin = AIOKafkaAdminClient(**settings.client_arguments())
    try:
        await admin.start()
        if settings.create_topics:
            await _create(admin, settings, wanted)
        _check_partitions(await admin.describe_topics(list(wanted)))
    finally:
        await admin.close()


async def count_partitions(settings: KafkaSettings) -> dict[str, int]:
    """Return how many partitions each topic of the cluster has.

    Raises:
        KafkaError: no broker answers.
    """
    admin = AIOKafkaAdminClient(**settings.client_arguments())
    try:
        await admin.start()
        return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, settings: KafkaSettings, wanted: dict[str, dict[str, str]]) -> None:
    existing = set(await admin.list_topics())
    new = [
        NewTopic(name, settings.partitions, settings.replication, topic_configs=config)
        for name, config in wanted.items()
        if name not in existing
    ]
    if not new:
        return
    response = await admin.create_topics(new)
    for name, code, message in response.topic_errors:
        if code == 0:
            _log.info("topic created", topic=name, partitions=settings.partitions)
        elif code != _ALREADY_EXISTS:  # another service may have been faster
            hint = " (create it yourself or grant CREATE)" if code == _TOPIC_AUTHORIZATION_FAILED else ""
            raise ConfigError(f"topic {name} cannot be created: {message or code}{hint}")


def _check_partitions(described: list[dict[str, object]]) -> None:
    counts: dict[str, int] = {}
    for topic in described:
        partitions = topic["partitions"]
        if topic["error_code"] != 0 or not isinstance(partitions, list):
            raise ConfigError(f"topic {topic['topic']} does not exist (error {topic['error_code']})")
        counts[str(topic["topic"])] = len(partitions)
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        raise ConfigError(f"a site's topics must have equally many partitions, found {listed}")
