"""Every error that Andon raises on purpose.

::

    AndonError
    ├── ConfigError          settings or files that a person must correct; says which and how
    │   ├── NameRuleError    a topic, key or tag name that breaks a rule; says which segment
    │   ├── PlantError       plant.yaml: all findings at once, each with file, line and path
    │   ├── RecordingError   a recording or its mapping file that cannot be read
    │   └── SigningError     a private key or certificate that cannot sign
    ├── BundleError          a model bundle that must not be loaded (digest, signature, feature hash, shape)
    │   └── SignatureError   its signature is missing, or does not count; says why
    ├── RegistryError        the model registry refuses, or does not answer; says which
    ├── TrainingError        data that a model cannot be trained on; says why and what to do
    ├── DriftError           a reference period that drift cannot be told against; says what it takes
    ├── FeedbackError        what a person says about an alert cannot be taken; says why
    │   ├── UnknownAlertError    there is no such alert
    │   └── AlertStateError      it is over, or taken already, or suppressed
    ├── DeliveryError        the broker did not take our records; trying again can help
    └── DatabaseError        the database does not answer; trying again can help

Bad *data* is no exception here: it becomes a rejected row with a reason code
(`andon.contracts.DeadLetterReason`), so that good rows beside it go on.
"""

from __future__ import annotations


class AndonError(Exception):
    """Base of all errors raised by Andon itself."""


class ConfigError(AndonError):
    """Something a person wrote must be corrected before anything can run."""


class NameRuleError(ConfigError, ValueError):
    """A name breaks a rule of the unified namespace.

    Also a ValueError, so that pydantic reports it with its place in the event or the file, beside other findings.

    Attributes:
        segment: the part of the name that is wrong, as given.
    """

    def __init__(self, message: str, *, segment: str) -> None:
        super().__init__(message)
        self.segment = segment


class PlantError(ConfigError):
    """The plant model is not valid; the message lists every finding, one a line."""


class RecordingError(ConfigError):
    """A recording, or the mapping file beside it, cannot be used."""


class SigningError(ConfigError):
    """A private key or a certificate cannot sign; says which, and what to do."""


class BundleError(AndonError):
    """A model bundle is not what it claims to be and is not loaded."""


class SignatureError(BundleError):
    """A bundle is not signed as it must be: nobody who is trusted vouches for these files in this role."""


class RegistryError(AndonError):
    """The model registry does not do what was asked of it.

    Attributes:
        away: whether it could not be reached, or had no database; the same can be asked again.
        code: name of the gRPC status, such as ``PERMISSION_DENIED``.
    """

    def __init__(self, message: str, *, code: str, away: bool) -> None:
        super().__init__(message)
        self.code, self.away = code, away


class TrainingError(AndonError):
    """No honest model can be trained on this data."""


class DriftError(AndonError):
    """Drift cannot be told against this reference period."""


class FeedbackError(AndonError):
    """What a person says about an alert cannot be taken."""


class UnknownAlertError(FeedbackError):
    """There is no alert of this name, or none any more."""


class AlertStateError(FeedbackError):
    """The alert is in no state for that: over, or taken already, or suppressed."""


class DeliveryError(AndonError):
    """The broker did not accept records in time; the same records can be sent again."""


class DatabaseError(AndonError):
    """The database does not answer, or did not start; trying again can help."""
