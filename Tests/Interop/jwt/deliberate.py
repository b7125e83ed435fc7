# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Where our verdict on a token is another than Envoy's on purpose. Each kind is recognized by the token itself, not by how it
was made, and is counted apart; `Docs/Security/JWT.md` has the same list."""

import base64
import binascii
import contextlib
import json
import re
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from tokens import CURVES, HASHES

ONE_FORM = "a token has one form: no padding, no bits left over, no empty parts, which Envoy reads over"
NO_OBJECT = "`null` is no object, for Envoy it is an empty one"
ALGORITHM = "the key says how a signature is made; Envoy tries it whatever algorithm the token names"
LENGTH = "a signature on a curve has its length; Envoy reads over a byte too many"
ED25519 = "an Ed25519 key is left aside where the token names another algorithm; Envoy ends at it by the signature's length"

FORM = {
    "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
    "Jwt header is an invalid Base64url encoded",
    "Jwt payload is an invalid Base64url encoded",
    "Jwt signature is an invalid Base64url encoded",
}
JSON = {"Jwt header is an invalid JSON", "Jwt payload is an invalid JSON"}
WRONG_LENGTH = "Jwt ED25519 signature is wrong length"
ALGORITHMS = {f"{family}{size}" for family in ("RS", "PS", "ES", "HS") for size in HASHES} | {"EdDSA"}
BAD_SIGNATURE = {"Jwt verification fails", "Jwks doesn't have key to match kid or alg from Jwt"}


def tokens(case):
    """The texts of a request that may be tokens."""
    _, path, headers, _ = case
    found = []
    # Several fields of this name are one for both.
    joined = ",".join(value for name, value in headers if name == "authorization")
    for name, value in [("authorization", joined), *headers]:
        if name == "x-raw":
            found.append(value)
        elif name in ("authorization", "x-token"):
            behind = value.partition("Bearer " if name == "authorization" else "Token ")[2]
            found.append(re.sub(r"^[^A-Za-z0-9_.-]+", "", behind))
        elif name == "cookie":
            found += [pair.partition("=")[2] for pair in value.split("; ")]
    found += [urllib.parse.unquote(pair.partition("=")[2]) for pair in path.partition("?")[2].split("&")]
    return found


def decoded(part):
    """A part as Envoy reads it; `None` for what it refuses, too."""
    bare = part.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", bare) or len(bare) % 4 == 1:
        return None
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def is_loose(text):
    """Whether a token is none in the strict form of RFC 7515, while Envoy goes further with it."""
    parts = text.split(".")
    if len([part for part in parts if part]) != 3:
        return False
    if len(parts) != 3:
        return True
    read = [(part, decoded(part)) for part in parts]
    return any(bytes_ is not None and base64.urlsafe_b64encode(bytes_).rstrip(b"=").decode() != part for part, bytes_ in read)


def has_null(text):
    return any(decoded(part) == b"null" for part in text.split(".")[:2])


def header(text):
    try:
        found = json.loads(decoded(text.split(".")[0]) or b"")
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def claims(answer):
    """What came into a request from its tokens."""
    return {(name, value) for name, value in answer["headers"] if name.startswith("x-") and name not in ("x-token", "x-raw")}


def is_stricter(envoy, ours, bodies):
    """Whether we refuse what Envoy lets pass, or, where nothing is refused, take a token for none that Envoy believes."""
    if envoy.get("status") != 200:
        return False
    if ours.get("status") in (401, 403):
        return bodies is None or ours["body"] in bodies
    return ours.get("status") == 200 and claims(ours) < claims(envoy)


class Deliberate:
    """Knows the keys, to say of a token how it is signed."""

    def __init__(self, keys):
        self.keys = keys
        self.algorithms = {key.name: set(key.algorithms) for key in keys if key.name}

    def is_misnamed(self, text):
        """Whether a token names a key, and an algorithm which is not the key's."""
        name, algorithm = header(text).get("kid"), header(text).get("alg")
        return isinstance(name, str) and name in self.algorithms and algorithm not in self.algorithms[name]

    def is_padded(self, text):
        """Whether a signature on a curve has a byte too many."""
        curve = CURVES.get(str(header(text).get("alg")))
        signature = decoded(text.split(".")[-1])
        return curve is not None and signature is not None and len(signature) == 2 * curve[2] + 1

    def is_nameless(self, text):
        """Whether a token of a key on a curve is good, and does not say which key that is."""
        head = header(text)
        if "kid" in head or head.get("alg") not in CURVES or text.count(".") != 2:
            return False
        signed, _, signature = text.rpartition(".")
        signature = decoded(signature) or b""
        half = len(signature) // 2
        pair = utils.encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        for key in self.keys:
            if head["alg"] in key.algorithms:
                with contextlib.suppress(InvalidSignature):
                    key.private.public_key().verify(pair, signed.encode(), ec.ECDSA(HASHES[head["alg"][2:]]))
                    return True
        return False

    def reason(self, case, envoy, ours):
        """Why our answer is another one; `None` if it must not be."""
        texts = tokens(case)
        # Another word for the same: which of several things is wrong.
        refused = envoy.get("status") in (401, 403) and ours.get("status") in (401, 403)
        body = ours.get("body")
        if any(map(is_loose, texts)) and (refused and body in FORM or is_stricter(envoy, ours, FORM)):
            return ONE_FORM
        if any(map(has_null, texts)) and (refused and body in JSON or is_stricter(envoy, ours, JSON)):
            return NO_OBJECT
        others = [text for text in texts if header(text).get("alg") in ALGORITHMS - {"EdDSA"}]
        # What we say of the same token, or of the next one.
        if refused and envoy["body"] == WRONG_LENGTH and others:
            return ED25519
        # Of several tokens we say what is wrong with the next one, too, at which Envoy does not arrive.
        bodies = BAD_SIGNATURE if len({text for text in texts if "." in text}) == 1 else None
        is_signature = refused and body in BAD_SIGNATURE or is_stricter(envoy, ours, bodies)
        if any(map(self.is_misnamed, texts)) and is_signature:
            return ALGORITHM
        if any(map(self.is_padded, texts)) and is_signature:
            return LENGTH
        # The only ones that pass here and not there: they must be good by our own reckoning.
        if is_stricter(ours, envoy, BAD_SIGNATURE | {WRONG_LENGTH}) and any(map(self.is_nameless, others)):
            return ED25519
        return None
