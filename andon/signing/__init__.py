"""Signatures of model bundles: who made a model, who lets it act, and proof that not a bit has changed since.

Both sign with keys of their own, offline; see docs/signing.md.
"""

from andon.signing.claim import Role
from andon.signing.keygen import KeyPair, generate_key
from andon.signing.signer import Signer
from andon.signing.trust import Signature, Trust, check_four_eyes

__all__ = ["KeyPair", "Role", "Signature", "Signer", "Trust", "check_four_eyes", "generate_key"]
