"""The unified namespace: names of topics, keys and tags, and their mapping to other systems' names."""

from andon.uns.names import Stage, TopicName, asset_key, check_asset, check_tag, parse_topic

__all__ = ["Stage", "TopicName", "asset_key", "check_asset", "check_tag", "parse_topic"]
