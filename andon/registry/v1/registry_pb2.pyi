from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Alias(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALIAS_UNSPECIFIED: _ClassVar[Alias]
    ALIAS_CANDIDATE: _ClassVar[Alias]
    ALIAS_SHADOW: _ClassVar[Alias]
    ALIAS_CANARY: _ClassVar[Alias]
    ALIAS_PRODUCTION: _ClassVar[Alias]
    ALIAS_PREVIOUS: _ClassVar[Alias]
ALIAS_UNSPECIFIED: Alias
ALIAS_CANDIDATE: Alias
ALIAS_SHADOW: Alias
ALIAS_CANARY: Alias
ALIAS_PRODUCTION: Alias
ALIAS_PREVIOUS: Alias

class File(_message.Message):
    __slots__ = ("name", "digest", "size")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    size: int
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class ModelVersion(_message.Message):
    __slots__ = ("name", "version", "asset_class", "digest", "feature_hash", "manifest", "files", "author_signature", "author", "publisher", "published", "go", "entry")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ASSET_CLASS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FEATURE_HASH_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    GO_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    asset_class: str
    digest: str
    feature_hash: str
    manifest: bytes
    files: _containers.RepeatedCompositeFieldContainer[File]
    author_signature: bytes
    author: str
    publisher: str
    published: int
    go: bool
    entry: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., asset_class: _Optional[str] = ..., digest: _Optional[str] = ..., feature_hash: _Optional[str] = ..., manifest: _Optional[bytes] = ..., files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., author_signature: _Optional[bytes] = ..., author: _Optional[str] = ..., publisher: _Optional[str] = ..., published: _Optional[int] = ..., go: _Optional[bool] = ..., entry: _Optional[int] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("alias", "model", "share_permille", "approver_signature", "approver", "serial", "since", "entry")
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SHARE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    APPROVER_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    APPROVER_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    alias: Alias
    model: ModelVersion
    share_permille: int
    approver_signature: bytes
    approver: str
    serial: int
    since: int
    entry: int
    def __init__(self, alias: _Optional[_Union[Alias, str]] = ..., model: _Optional[_Union[ModelVersion, _Mapping]] = ..., share_permille: _Optional[int] = ..., approver_signature: _Optional[bytes] = ..., approver: _Optional[str] = ..., serial: _Optional[int] = ..., since: _Optional[int] = ..., entry: _Optional[int] = ...) -> None: ...

class Promotion(_message.Message):
    __slots__ = ("id", "name", "version", "alias", "share_permille", "replaces", "requester", "reason", "requested", "state", "decider", "decision_reason", "decided", "entry")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    SHARE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    REPLACES_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DECIDER_FIELD_NUMBER: _ClassVar[int]
    DECISION_REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    version: str
    alias: Alias
    share_permille: int
    replaces: str
    requester: str
    reason: str
    requested: int
    state: str
    decider: str
    decision_reason: str
    decided: int
    entry: int
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., alias: _Optional[_Union[Alias, str]] = ..., share_permille: _Optional[int] = ..., replaces: _Optional[str] = ..., requester: _Optional[str] = ..., reason: _Optional[str] = ..., requested: _Optional[int] = ..., state: _Optional[str] = ..., decider: _Optional[str] = ..., decision_reason: _Optional[str] = ..., decided: _Optional[int] = ..., entry: _Optional[int] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("number", "hash")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    number: int
    hash: str
    def __init__(self, number: _Optional[int] = ..., hash: _Optional[str] = ...) -> None: ...

class Parity(_message.Message):
    __slots__ = ("definition", "checked", "mismatches", "largest", "since", "reporters")
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    MISMATCHES_FIELD_NUMBER: _ClassVar[int]
    LARGEST_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REPORTERS_FIELD_NUMBER: _ClassVar[int]
    definition: str
    checked: int
    mismatches: int
    largest: float
    since: int
    reporters: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, definition: _Optional[str] = ..., checked: _Optional[int] = ..., mismatches: _Optional[int] = ..., largest: _Optional[float] = ..., since: _Optional[int] = ..., reporters: _Optional[_Iterable[str]] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("head", "chunk")
    class Head(_message.Message):
        __slots__ = ("manifest", "author_signature", "reason")
        MANIFEST_FIELD_NUMBER: _ClassVar[int]
        AUTHOR_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        manifest: bytes
        author_signature: bytes
        reason: str
        def __init__(self, manifest: _Optional[bytes] = ..., author_signature: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...
    class Chunk(_message.Message):
        __slots__ = ("file", "data")
        FILE_FIELD_NUMBER: _ClassVar[int]
        DATA_FIELD_NUMBER: _ClassVar[int]
        file: str
        data: bytes
        def __init__(self, file: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: PublishRequest.Head
    chunk: PublishRequest.Chunk
    def __init__(self, head: _Optional[_Union[PublishRequest.Head, _Mapping]] = ..., chunk: _Optional[_Union[PublishRequest.Chunk, _Mapping]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("model", "is_new", "receipt")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    IS_NEW_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    model: ModelVersion
    is_new: bool
    receipt: Receipt
    def __init__(self, model: _Optional[_Union[ModelVersion, _Mapping]] = ..., is_new: _Optional[bool] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ...) -> None: ...

class FetchRequest(_message.Message):
    __slots__ = ("digest", "offset")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    digest: str
    offset: int
    def __init__(self, digest: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class FetchResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("name", "alias")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    name: str
    alias: Alias
    def __init__(self, name: _Optional[str] = ..., alias: _Optional[_Union[Alias, str]] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("assignment",)
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("name", "assignments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, name: _Optional[str] = ..., assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("models", "assignments", "promotions", "parity")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    PARITY_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[ModelVersion]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    promotions: _containers.RepeatedCompositeFieldContainer[Promotion]
    parity: _containers.RepeatedCompositeFieldContainer[Parity]
    def __init__(self, models: _Optional[_Iterable[_Union[ModelVersion, _Mapping]]] = ..., assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ..., promotions: _Optional[_Iterable[_Union[Promotion, _Mapping]]] = ..., parity: _Optional[_Iterable[_Union[Parity, _Mapping]]] = ...) -> None: ...

class RequestPromotionRequest(_message.Message):
    __slots__ = ("name", "version", "alias", "share_permille", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    SHARE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    alias: Alias
    share_permille: int
    reason: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., alias: _Optional[_Union[Alias, str]] = ..., share_permille: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RequestPromotionResponse(_message.Message):
    __slots__ = ("promotion", "receipt", "parity")
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    PARITY_FIELD_NUMBER: _ClassVar[int]
    promotion: Promotion
    receipt: Receipt
    parity: Parity
    def __init__(self, promotion: _Optional[_Union[Promotion, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., parity: _Optional[_Union[Parity, _Mapping]] = ...) -> None: ...

class ApproveRequest(_message.Message):
    __slots__ = ("id", "signature", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: int
    signature: bytes
    reason: str
    def __init__(self, id: _Optional[int] = ..., signature: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class ApproveResponse(_message.Message):
    __slots__ = ("assignment", "receipt", "parity")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    PARITY_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    receipt: Receipt
    parity: Parity
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., parity: _Optional[_Union[Parity, _Mapping]] = ...) -> None: ...

class RejectRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: int
    reason: str
    def __init__(self, id: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RejectResponse(_message.Message):
    __slots__ = ("promotion", "receipt")
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    promotion: Promotion
    receipt: Receipt
    def __init__(self, promotion: _Optional[_Union[Promotion, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ...) -> None: ...

class RollBackRequest(_message.Message):
    __slots__ = ("name", "signature", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    signature: bytes
    reason: str
    def __init__(self, name: _Optional[str] = ..., signature: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class RollBackResponse(_message.Message):
    __slots__ = ("assignment", "receipt")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    receipt: Receipt
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ...) -> None: ...

class AssignRequest(_message.Message):
    __slots__ = ("name", "alias", "version", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    alias: Alias
    version: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., alias: _Optional[_Union[Alias, str]] = ..., version: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AssignResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: Receipt
    def __init__(self, receipt: _Optional[_Union[Receipt, _Mapping]] = ...) -> None: ...

class ReportParityRequest(_message.Message):
    __slots__ = ("definition", "checked", "mismatches", "largest")
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    MISMATCHES_FIELD_NUMBER: _ClassVar[int]
    LARGEST_FIELD_NUMBER: _ClassVar[int]
    definition: str
    checked: int
    mismatches: int
    largest: float
    def __init__(self, definition: _Optional[str] = ..., checked: _Optional[int] = ..., mismatches: _Optional[int] = ..., largest: _Optional[float] = ...) -> None: ...

class ReportParityResponse(_message.Message):
    __slots__ = ("parity",)
    PARITY_FIELD_NUMBER: _ClassVar[int]
    parity: Parity
    def __init__(self, parity: _Optional[_Union[Parity, _Mapping]] = ...) -> None: ...

class AuditRequest(_message.Message):
    __slots__ = ("first",)
    FIRST_FIELD_NUMBER: _ClassVar[int]
    first: int
    def __init__(self, first: _Optional[int] = ...) -> None: ...

class AuditResponse(_message.Message):
    __slots__ = ("number", "at", "actor", "action", "name", "version", "details", "previous", "hash")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    number: int
    at: int
    actor: str
    action: str
    name: str
    version: str
    details: str
    previous: str
    hash: str
    def __init__(self, number: _Optional[int] = ..., at: _Optional[int] = ..., actor: _Optional[str] = ..., action: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., details: _Optional[str] = ..., previous: _Optional[str] = ..., hash: _Optional[str] = ...) -> None: ...
