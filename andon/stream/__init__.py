"""The batch runtime on Faust: a stage's author sees frames of data and nothing of Kafka or Faust."""

from andon.stream.stage import Count, Emit, Processor, Rejected, Result, StageSpec

__all__ = ["Count", "Emit", "Processor", "Rejected", "Result", "StageSpec"]
