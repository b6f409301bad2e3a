"""Addresses of nodes as people write them: with the namespace's URI, never its index.

A server may number its namespaces anew at every start, so an index (``ns=2``) that is right today can name another
node tomorrow. Only namespace 0, which OPC UA itself defines, has a fixed number.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, unquote

from asyncua import ua
from pydantic import AfterValidator

#: Namespace 0.
OPC_UA = "http://opcfoundation.org/UA/"

_NODE = re.compile(r"(?:nsu=(?P<uri>[^;]+);)?(?P<kind>[isgb])=(?P<identifier>.+)", re.DOTALL)
_INDEX = re.compile(r"ns=(?P<index>\d+);(?P<rest>.*)", re.DOTALL)
_STEP = re.compile(r"/?(?:nsu=(?P<uri>[^;]+);)?(?P<name>(?:&.|[^/&])+)", re.DOTALL)
_INDEXED_STEP = re.compile(r"\d+:")
_LETTERS = {
    ua.NodeIdType.TwoByte: "i",
    ua.NodeIdType.FourByte: "i",
    ua.NodeIdType.Numeric: "i",
    ua.NodeIdType.String: "s",
    ua.NodeIdType.Guid: "g",
    ua.NodeIdType.ByteString: "b",
}


class UnknownNamespaceError(LookupError):
    """A server has no namespace of this URI.

    Attributes:
        uri: the URI.
    """

    def __init__(self, uri: str, namespaces: Sequence[str]) -> None:
        known = ", ".join(namespaces[1:]) or "none of its own"
        super().__init__(f"the server has no namespace {uri} (it has {known})")
        self.uri = uri


@dataclass(frozen=True, slots=True)
class QualifiedName:
    """A browse name; `uri` is None for a name in any namespace."""

    name: str
    uri: str | None = None

    def __str__(self) -> str:
        return f"nsu={_escaped(self.uri)};{self.name}" if self.uri else self.name


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A NodeId with its namespace's URI; `str()` writes it as `parse_node` reads it."""

    uri: str
    kind: str
    identifier: int | str | bytes | uuid.UUID

    def __str__(self) -> str:
        value = self.identifier
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
        return f"{'' if self.uri == OPC_UA else f'nsu={_escaped(self.uri)};'}{self.kind}={text}"

    def resolve(self, namespaces: Sequence[str]) -> ua.NodeId:
        """Return the NodeId at a server with these namespaces.

        Raises:
            UnknownNamespaceError: it has no such namespace.
        """
        return node_id(self.identifier, namespace_index(self.uri, namespaces))


def node_id(identifier: Any, index: int = 0) -> ua.NodeId:
    """Return a NodeId; asyncua's own types of its parts are but names for int, str, bytes and UUID."""
    return ua.NodeId(identifier, ua.Int16(index))


def namespace_index(uri: str, namespaces: Sequence[str]) -> int:
    """Return the number that a namespace has at a server now.

    Raises:
        UnknownNamespaceError: it has no such namespace.
    """
    if uri not in namespaces:
        raise UnknownNamespaceError(uri, namespaces)
    return namespaces.index(uri)


def address_of(node: ua.NodeId, namespaces: Sequence[str]) -> NodeAddress:
    """Return the address that a NodeId of a server has at any server.

    Raises:
        UnknownNamespaceError: the NodeId has an index that the server does not list itself.
    """
    index = node.NamespaceIndex
    if index >= len(namespaces):
        raise UnknownNamespaceError(f"number {index}", namespaces)
    return NodeAddress(namespaces[index] if index else OPC_UA, _LETTERS[node.NodeIdType], node.Identifier)


def parse_node(text: str) -> NodeAddress:
    """Read ``nsu=http://vendor/;s=Pump1.Flow``, or ``i=85`` of namespace 0.

    Raises:
        ValueError: it is no such text; says what to write instead.
    """
    indexed = _INDEX.fullmatch(text)
    if indexed and int(indexed["index"]) != 0:
        raise ValueError(
            f"{text!r} names a namespace by its index, which changes when the server is changed: write "
            f"nsu=URI;{indexed['rest']} (`andon browse` shows the URI; it is entry {indexed['index']} of the server's "
            "NamespaceArray, i=2255)"
        )
    match = _NODE.fullmatch(indexed["rest"] if indexed else text)
    if match is None:
        raise ValueError(f"{text!r} is no NodeId: write nsu=URI;s=name or nsu=URI;i=number (`andon browse` shows them)")
    identifier = _identifier(match["kind"], match["identifier"], text)
    return NodeAddress(unquote(match["uri"] or OPC_UA), match["kind"], identifier)


def parse_path(text: str, uri: str | None = None) -> tuple[QualifiedName, ...]:
    """Read a browse path such as ``Line1/nsu=http://vendor/;Pump1/Flow``.

    Args:
        text: names with ``/`` between them; ``&`` before a character that would mean something else (OPC UA part 4,
            annex A.2).
        uri: namespace of the names that give none.

    Raises:
        ValueError: it is no such path; says what to write instead.
    """
    names, position = [], 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is no browse path: write names with / between them, and &/ for a / in a name")
        names.append(_qualified(match, uri))
        position = match.end()
    if not names:
        raise ValueError("a browse path needs at least one name")
    return tuple(names)


def _qualified(match: re.Match[str], uri: str | None) -> QualifiedName:
    if _INDEXED_STEP.match(match["name"]):
        raise ValueError(
            f"{match['name']!r} names a namespace by its index, which changes when the server is changed: write "
            "nsu=URI;name, or the name alone and the URI as `namespace` (`andon browse` shows the URI)"
        )
    given = unquote(match["uri"]) if match["uri"] else uri
    return QualifiedName(re.sub("&(.)", r"\1", match["name"]), given)


def _identifier(kind: str, text: str, whole: str) -> int | str | bytes | uuid.UUID:
    try:
        if kind == "i":
            return int(text)
        if kind == "g":
            return uuid.UUID(text)
        return base64.b64decode(text, validate=True) if kind == "b" else text
    except (ValueError, binascii.Error):
        expected = {"i": "a number", "g": "a GUID", "b": "base64"}[kind]
        raise ValueError(f"{whole!r} is no NodeId: {kind}= is followed by {expected}") from None


def _escaped(uri: str | None) -> str:
    """Return the URI as OPC UA part 6 writes it before a semicolon."""
    return quote(uri or "", safe="".join(chr(code) for code in range(33, 127) if chr(code) not in "%;"))


def _check_node(text: str) -> str:
    parse_node(text)
    return text


def _check_path(text: str) -> str:
    parse_path(text)
    return text


NodeText = Annotated[str, AfterValidator(_check_node)]
"""A NodeId with its namespace's URI."""
PathText = Annotated[str, AfterValidator(_check_path)]
"""A browse path; a name without ``nsu=`` is in the namespace that stands beside it."""
