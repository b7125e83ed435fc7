# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Tokens, good and bad in every way, and the keys for them. No library of tokens: what is wrong must stay wrong."""

import base64
import hashlib
import hmac
import json
import random
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"ES256": (ec.SECP256R1(), "P-256", 32), "ES384": (ec.SECP384R1(), "P-384", 48), "ES512": (ec.SECP521R1(), "P-521", 66)}


def b64(content):
    if isinstance(content, str):
        content = content.encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """A private key that signs, and its public half as a JWK."""

    def __init__(self, kind, name, algorithm=None):
        self.kind, self.name = kind, name
        if kind == "RSA":
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = self.private.public_key().public_numbers()
            self.jwk = {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
            self.algorithms = [f"{family}{size}" for family in ("RS", "PS") for size in HASHES]
        elif kind in CURVES:
            curve, crv, size = CURVES[kind]
            self.private = ec.generate_private_key(curve)
            public = self.private.public_key().public_numbers()
            self.jwk = {
                "kty": "EC",
                "crv": crv,
                "x": b64(public.x.to_bytes(size, "big")),
                "y": b64(public.y.to_bytes(size, "big")),
            }
            self.algorithms = [kind]
        elif kind == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
            raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
            self.algorithms = ["EdDSA"]
        else:
            self.private = random.SystemRandom().randbytes(64)
            self.jwk = {"kty": "oct", "k": b64(self.private)}
            self.algorithms = ["HS256", "HS384", "HS512"]
        if name:
            self.jwk["kid"] = name
        if algorithm:
            self.jwk["alg"] = algorithm
            self.algorithms = [algorithm]

    def sign(self, algorithm, message):
        digest = HASHES.get(algorithm[2:])
        if algorithm.startswith("RS"):
            return self.private.sign(message, padding.PKCS1v15(), digest)
        if algorithm.startswith("PS"):
            salt = padding.PSS(padding.MGF1(digest), digest.digest_size)
            return self.private.sign(message, salt, digest)
        if algorithm.startswith("ES"):
            size = CURVES[algorithm][2]
            r, s = utils.decode_dss_signature(self.private.sign(message, ec.ECDSA(digest)))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if algorithm == "EdDSA":
            return self.private.sign(message)
        return hmac.new(self.private, message, getattr(hashlib, "sha" + algorithm[2:])).digest()

    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def key_set(*keys):
    return json.dumps({"keys": [key.jwk for key in keys]})


def token(key, claims, algorithm=None, header=None, name=True):
    """A token that is signed as it says."""
    algorithm = algorithm or key.algorithms[0]
    head = {"alg": algorithm, "typ": "JWT", **({"kid": key.name} if name and key.name else {}), **(header or {})}
    signed = f"{b64(json.dumps(head))}.{b64(claims if isinstance(claims, (str, bytes)) else json.dumps(claims))}"
    return f"{signed}.{b64(key.sign(algorithm, signed.encode()))}"


class Forger:
    """Makes tokens at random: most good or nearly good, the rest wrong in one way."""

    def __init__(self, rng, issuers, strangers):
        self.rng = rng
        # By issuer: its keys and its audiences.
        self.issuers = issuers
        self.strangers = strangers

    def claims(self, issuer, now=None):
        now = int(now or time.time())
        rng = self.rng
        claims = {
            "iss": issuer,
            "sub": rng.choice(["user-1", "user-2", "robot", "user-é"]),
            "aud": rng.choice(self.issuers[issuer]["audiences"]),
            "iat": now - rng.randrange(60, 1000),
            "exp": now + rng.choice([300, 1800, 30_000]),
        }
        if rng.random() < 0.3:
            claims["nbf"] = now - rng.choice([10, 500])
        if rng.random() < 0.5:
            claims["scope"] = rng.choice(["read", "read write", "", "  "])
        if rng.random() < 0.5:
            claims["nested"] = {"key": rng.choice(["v", 7, 1.5, True, False, None, -3, 2**40, ["a", 1], {"b": "c"}])}
        if rng.random() < 0.3:
            claims["jti"] = "t-1"
        return claims

    def good(self, issuer):
        key = self.rng.choice(self.issuers[issuer]["keys"])
        algorithm = self.rng.choice(key.algorithms)
        return "good", token(key, self.claims(issuer), algorithm, name=self.rng.random() < 0.8)

    def bad(self, issuer):
        rng = self.rng
        key = rng.choice(self.issuers[issuer]["keys"])
        claims = self.claims(issuer)
        now = int(time.time())
        way = rng.choice([name for name in dir(self) if name.startswith("way_")])
        made = getattr(self, way)(issuer, key, claims, now)
        return way[4:], made

    def way_expired(self, issuer, key, claims, now):
        return token(key, {**claims, "exp": now - self.rng.choice([1000, 100_000])})

    def way_expired_within_skew(self, issuer, key, claims, now):
        return token(key, {**claims, "exp": now - 30})

    def way_not_yet(self, issuer, key, claims, now):
        return token(key, {**claims, "nbf": now + self.rng.choice([30, 500])})

    def way_no_expiration(self, issuer, key, claims, now):
        return token(key, {k: v for k, v in claims.items() if k != "exp"})

    def way_audience(self, issuer, key, claims, now):
        audience = self.rng.choice(["nobody", ["nobody", "else"], [], "http://api.two", "api.two/", "https://api.one"])
        return token(key, {**claims, "aud": audience})

    def way_no_audience(self, issuer, key, claims, now):
        return token(key, {k: v for k, v in claims.items() if k != "aud"})

    def way_issuer(self, issuer, key, claims, now):
        return token(key, {**claims, "iss": self.rng.choice(["https://evil.test", "", *self.issuers])})

    def way_no_issuer(self, issuer, key, claims, now):
        return token(key, {k: v for k, v in claims.items() if k != "iss"})

    def way_types(self, issuer, key, claims, now):
        name = self.rng.choice(["iss", "sub", "aud", "iat", "nbf", "exp", "jti"])
        value = self.rng.choice([7, "x", None, True, [1], {}, -1, 1e30, 1.5, ["a", 1]])
        return token(key, {**claims, name: value})

    def way_stranger(self, issuer, key, claims, now):
        stranger = self.rng.choice(self.strangers)
        return token(stranger, claims, header={"kid": key.name} if self.rng.random() < 0.7 else None, name=False)

    def way_unknown_key_name(self, issuer, key, claims, now):
        return token(key, claims, header={"kid": "gone"})

    def way_key_name_type(self, issuer, key, claims, now):
        return token(key, claims, header={"kid": self.rng.choice([1, None, [], True])})

    def way_none(self, issuer, key, claims, now):
        name = self.rng.choice(["none", "None", "NONE", "nOnE", ""])
        head = b64(json.dumps({"alg": name, "kid": key.name}))
        return f"{head}.{b64(json.dumps(claims))}.{self.rng.choice(['', b64('x')])}"

    def way_no_algorithm(self, issuer, key, claims, now):
        head = b64(json.dumps(self.rng.choice([{}, {"alg": 5}, {"alg": None}, {"alg": ["RS256"]}])))
        return f"{head}.{b64(json.dumps(claims))}.{b64('x' * 64)}"

    def way_confusion(self, issuer, key, claims, now):
        """A public key as the secret of an HMAC."""
        if key.kind == "oct":
            return token(key, claims, header={"alg": "RS256"})
        algorithm = self.rng.choice(["HS256", "HS384", "HS512"])
        secret = self.rng.choice([key.public_pem(), json.dumps(key.jwk).encode(), key.jwk.get("n", "x").encode()])
        signed = f"{b64(json.dumps({'alg': algorithm, 'kid': key.name}))}.{b64(json.dumps(claims))}"
        digest = hmac.new(secret, signed.encode(), getattr(hashlib, "sha" + algorithm[2:])).digest()
        return f"{signed}.{b64(digest)}"

    def way_other_algorithm(self, issuer, key, claims, now):
        """Signed by one algorithm, and another one in the header."""
        name = self.rng.choice(["RS256", "RS512", "PS256", "ES256", "EdDSA"])
        if name in key.algorithms:
            name = "ES384"
        return token(key, claims, header={"alg": name})

    def way_tampered(self, issuer, key, claims, now):
        head, _, signature = token(key, claims).split(".")
        return f"{head}.{b64(json.dumps({**claims, 'sub': 'admin'}))}.{signature}"

    def way_signature(self, issuer, key, claims, now):
        head, payload, signature = token(key, claims).split(".")
        raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
        how = self.rng.randrange(4)
        if how == 0:
            raw[self.rng.randrange(len(raw))] ^= 1
        elif how == 1:
            raw = raw[:-1]
        elif how == 2:
            raw += b"x"
        else:
            raw = bytearray(len(raw))
        return f"{head}.{payload}.{b64(bytes(raw))}"

    def way_parts(self, issuer, key, claims, now):
        made = token(key, claims)
        head, payload, signature = made.split(".")
        return self.rng.choice(
            [head, f"{head}.{payload}", f"{made}.x", f"{head}.{payload}.", f".{payload}.{signature}", "x", "...", "a.b.c"]
        )

    def way_base64(self, issuer, key, claims, now):
        head, payload, signature = token(key, claims).split(".")
        return self.rng.choice(
            [f"{head}!.{payload}.{signature}", f"{head}.{payload}*.{signature}", f"{head}.{payload}.{signature}$$",
             f"{head}.A.{signature}", f"A.{payload}.{signature}"]
        )  # fmt: skip

    def way_json(self, issuer, key, claims, now):
        text = self.rng.choice(["", "[]", "1", '"x"', "{", "{}x", '{"a":}', "null", '{"a":1', '{"iss": "\\ud800"}'])
        if self.rng.random() < 0.5:
            return token(key, text)
        return f"{b64(text)}.{b64(json.dumps(claims))}.{b64('x' * 64)}"

    def way_oversized(self, issuer, key, claims, now):
        return token(key, {**claims, "filler": "x" * self.rng.choice([4000, 12_000, 30_000])})

    def way_garbage(self, issuer, key, claims, now):
        return "".join(self.rng.choice("abcXYZ019-_.=+/") for _ in range(self.rng.randrange(1, 200)))
