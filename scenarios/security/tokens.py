"""Makes the tokens of the scenarios in this folder, and of server/tests/it/tokens.rs.

Prints `name: token` lines. The keys are for tests alone; everything but ES256 comes out the same each time. Needs the
package `cryptography`: python3 scenarios/security/tokens.py
"""

import base64
import hmac
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

SECRET = b"a secret for tests alone, long enough for every hash that there is"
OTHER_SECRET = b"another secret for tests alone, long enough for every hash as well"
PRIVATE = {
    "rsa": """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC5mzkk/V2rdVII
uM8Rypn7oz3Pthie1hLKjIv6wH46zqohZ5yvBoVLaUW9q13cE3DINWvBZgIa/q30
05oGon9SPDb02gxkhI1B+ICz8odL9Adc5ccaYy1/cuP+yf1n7xUy0ow5m0RfeaBk
nDYyQToL/cEJSWE7d6I8Bw2ObzBEtFmEkrzFvypzhcYXdURVNk8YqdekwKaxTXqD
2H5znIXDNtAZMHT2YH/M8ocTbD+NG1v0jgD74+o2WKlubJLj4wcRDGgpzFOeHQuu
PwxARYMF2Evz1j8e92J5Kdn6I25eHY0TTkv/0Kkf1RboXPdtaqRBkelzRXoShAY7
tW8y32D9AgMBAAECggEAMNrZU1G3rrJ+adpPcwTrvC9PTVXGrER4BMWy8MlrUIpm
gM13kiB6xItMtqydU5jwZlqdZvY1Vqqz2k46bEWoktpTsuaUPX8geX1yTytnDoiI
yZyX6Guzpaj1t3Kul4V4hHykOWOTvzfSDrmJkHfX0iE0hv/ALrmCRB+tI1FEGMkW
/BkRphVg2meFJsDNZ63Fjjfwuwmitxk1WkWoTZIHX0NZBLFYLmuOFXfrN3D8hxi9
WlRqka3WC4XKurFl9He5+NRIW3iwRi3w+Y4uABIUYvKQyL/juKjzmq0wLOshnckD
sdPWz7uYqQ8GEG9cRBsWpeWe5hJXkkX/mgW7AImqtwKBgQDqOSlyEtpQBy7b8WrP
mN557AjN6itoc12Fk7dDJQoNgwzmxhIoUC5e6BmWPpxzkvq1wl6q623a9Yt51tj5
PQpRKsEV/stq/d3mB/2OifS17dQ35wqF/bri27+tC8LcxAh2EEs1ikfLC7bgF8XI
Pdvhyz2FbqaUSMzuufuqW5JSowKBgQDK3OkmnsFmqnRwM/n3W+bZ5qwy1DbCcwlZ
WMR+lNPyAJe5b1bEntbJjUh4GfEIIWAyCokTeaJ816G81VyUAc54w8eY1yYK4uuW
Wl5RNdQT5zb9zq4FYpyuVlN6zaKi91IzsVTVJ2repcsqtLMaY0cZpfhPg3aavzyt
YnAM05xX3wKBgQCNIjiJFjcaNdnUihn0UYbtLH75pPrXC3z0+ldZTD5MegUSIZPb
WsU2RuD0GXIoag5L630jvI0LfR24Iu/G7zMCSaLjYA6uv54v9+yfMR2VamOP89Xx
ezxbalKLMSUP5ce7bIIFFve/r6VYTrrMuAmAevjtKAmUHHHv/31X36nBxQKBgHsd
wyo7IykJvgzynnvu/JW2Fz/p5ynv4vakluwzqsWucmaKGeDOfZBo/FhXdh73EoiM
OFDneyPFQlV2L+9rgUFtoE80E9R7j3r6cU9cGc/SfV9f9eEyzeBIZ/WZo2DANNVG
hDOw7n0dpcXPUPts0RPR1Hd9U5frBAo+Ob6vFq2FAoGAYIakk59w/NhbTXGENz00
W98JvOsgIIx+Fg6WjRwFTokn8sM+xrCjePkRYwzYUzmdjFOO7JLHT3tRnCCAtDne
gV1c3hXcg6FnuX5OWXXbG/uk2NUSXHoFPwa7XSTYWzPaYAciVOrX+XS9Tw+5DYev
ebYN3hKPCSHLcwuftSQtCkY=
-----END PRIVATE KEY-----
""",
    "rsa2": """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCIgUvYWl5f/fhS
4OHLxSfcXcwJNrKL3T1k7glEXzCytcQiZrZCywP/nnQPGqZsIKeRwAAcFzfeaGoj
OqcqnDg4m0bBVdTNW8Rk/VrKcAYIpIUiCLcB0/PVHmMKtsZ0goItKoWMWEnqPGcX
YTf88SgB5+C3uYGS5g80kXx6hhbBLe1r9Sl6EUQG76qHC/Q5g9GeY1mdINoWaggo
o7IyJPKogJwE9alydVuyBApvkcm21yFYql/GXPI2qxHIPVK+qb5pbRiGcVuuMIsh
OhMswNucVGP78hrqF76LSZdjUdrnzl97n3bB+LkVUBA2ml4IKSKqCRRRwiZ07TUI
EUDTl9x3AgMBAAECggEAL+UByhMHCvIut1GdF+SAlGK6rL7qzYUePfQA/2LQ0NtS
ymk0aOIXcJBVk1kb7FNWyB5QS4rf+OK03tB9B8fROBdPL5WgeT9J/M8iFGZSz6R9
68+X+oW2B2BGiuNPZWDHMPa67d+qa4uu9jaPsOmiSmzj3UKy0mpzClRDky/J+xRR
imp/ArSg+kr/JIYQr8MFTiZXO/e2nEyX4ufdcu6o89aPRvmneP6UNB7zcMAtfPMI
vVoYQ0tZbV9H4t1gDmxOslJs15J1Km4WWjhbb3gaXBd5/ra4FftqzegOwU1jVLEZ
/qHeAkaFk7DuK9zOMxruXzx+9IRMs49UrC70hv+NpQKBgQC8o9hIjlGI4i5vTKPf
PNk+mZBYg3nMdt/dRUw38l/qQ2PKStOuJICafZUwaHxcq9RtEsmvJ+kBVMNcQpSZ
8P/e8TVBILJ/W+t8/cPbJLfamWyiOnoXScgwAdxb8WHXqfGu18VX/0sYfc0vuJtv
FClOdR0lOFsztIcylf+OpLfKCwKBgQC5P6Mn29aUZUyaDGtDgjBVByH6bCeq3e7R
3il6KYv6GZ/dmw+frtukTRMMJvZF29EunDpTpzxUIxkkiL7fP4o7OLmHba4btXrC
FbzoICHgj9AroR6EdjSSkafUV8/orVxcvnYwGq9dn7dcIKUjg3KlEqk2ESe+RCFn
olc/aZtmxQKBgEd+OUxWU+RzBHI+M6U5pIQrIx/IxHKPYwyzZM2XWG6ql7llXpCT
WQI0MkSkdO2SWfH0uuddUtukSl4/BZ7KTc8qz6odQEkwhzFZ4868Pcnld9yMGRWW
av521hMqipB34hcHw80z/jwMAaXia1ZP58/KZv9iOn6AHvU3ECH5n4Y9AoGBAIlh
64MU42c8VPnt+eKf+24jkwxgB28Nlh6obwQ9KaU6ObgkVgrrp9KKonShtISMh+7U
R+FgJjqTqQLSMxPn0IEpCVapfbTo+vhTHLzdj6I1pYGlxLch3s1QHjI5SWRapSPW
0FnOgH2jhF1bjHzw8CYB1+HUCTBu4IM1/xR1Ip2tAoGAGFQ2gX0KOfUtgmpzXRKO
N/mnAXVHrvc1P1NVWMz5YRMtoPzLLyLC1UngDgCHGA4UuGtgd6d2dQApw+BWovm0
3qdkYBfF3Tzd8uTtNS9P3mtD7MFtG1Q55ZQKlqiE8FzwPodi9TftgE1XtNaQkh2b
JRri5Jg2hlkW2+H8SpIzE0k=
-----END PRIVATE KEY-----
""",
    "ec": """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyDr11qDYe3Tf42jN
SO/9vChicOYLO2Pa+KPamqo6QXShRANCAAQw5ft7KaFP27HKkMkXR9wCWdkoWGrs
RCiwEvPN3HaiKuSLwgr4ilQk9z8V9MVJALqNeb0ffUIp1DHPtbYUunyF
-----END PRIVATE KEY-----
""",
    "ed": """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIOqcq+/rDoKaOQDxEUOMHo504RWBvVtBoQBy7gKCY4xA
-----END PRIVATE KEY-----
""",
}
KEYS = {name: serialization.load_pem_private_key(text.encode(), None) for name, text in PRIVATE.items()}
FAR = 4102444800  # the year 2100
GONE = 946684800  # the year 2000


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public(name):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return KEYS[name].public_key().public_bytes(serialization.Encoding.PEM, form)


def sign(algorithm, key, message):
    if algorithm == "none":
        return b""
    if algorithm.startswith("HS"):
        return hmac.digest(key, message, "sha" + algorithm[2:])
    key = KEYS[key]
    if algorithm == "RS256":
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    if algorithm == "ES256":
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.sign(message)


def token(algorithm="HS256", key=SECRET, header=None, without=(), **changes):
    claims = {"sub": "alice", "name": "Alice Lidell", "iss": "https://issuer.example", "aud": "chat", "exp": FAR}
    claims.update(changes)
    for name in without:
        del claims[name]
    head = {"alg": algorithm, "typ": "JWT", **(header or {})}
    message = ".".join(b64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{message}.{b64(sign(algorithm, key, message.encode()))}"


def tampered():
    head, claims, signature = token().split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed["sub"] = "bob"
    return ".".join([head, b64(json.dumps(changed, separators=(",", ":")).encode()), signature])


def jwk(name, kid):
    numbers = KEYS[name].public_key()
    if name.startswith("rsa"):
        numbers = numbers.public_numbers()
        width = (numbers.n.bit_length() + 7) // 8
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": b64(numbers.n.to_bytes(width, "big")), "e": "AQAB"}
    if name == "ec":
        numbers = numbers.public_numbers()
        x, y = (b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": x, "y": y}
    raw = numbers.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(raw)}


TOKENS = {
    "alice": token(),
    "bob": token(sub="bob", name="Bob Cratchit"),
    "carol": token(sub="carol", name="Carol"),
    "several audiences": token(aud=["elsewhere", "chat"]),
    "no name": token(sub="dora", without=["name"]),
    "expired": token(exp=GONE),
    "not yet valid": token(nbf=FAR),
    "without expiry": token(without=["exp"]),
    "expiry that is text": token(exp=str(FAR)),
    "wrong issuer": token(iss="https://elsewhere.example"),
    "no issuer": token(without=["iss"]),
    "wrong audience": token(aud="elsewhere"),
    "several wrong audiences": token(aud=["elsewhere", "chatter"]),
    "no audience": token(without=["aud"]),
    "no subject": token(without=["sub"]),
    "empty subject": token(sub=""),
    "subject that is a number": token(sub=7),
    "the AI as subject": token(sub="nlweb_1"),
    "wrong key": token(key=OTHER_SECRET),
    "alg none": token("none"),
    "alg None in capitals": token("none", header={"alg": "NONE"}),
    "another hash": token("HS512"),
    "tampered": tampered(),
    "signature cut off": token().rsplit(".", 1)[0] + ".",
    "two parts": token().rsplit(".", 1)[0],
    "critical extension": token(header={"crit": ["exp"]}),
    "no token at all": "rubbish",
    "HS384": token("HS384"),
    "HS512": token("HS512"),
    "RS256": token("RS256", "rsa"),
    "RS256 by another key": token("RS256", "rsa2"),
    "RS256 kid rsa-1": token("RS256", "rsa", {"kid": "rsa-1"}),
    "RS256 kid rsa-2": token("RS256", "rsa2", {"kid": "rsa-2"}),
    "RS256 kid unknown": token("RS256", "rsa", {"kid": "unknown"}),
    "RS256 of rsa2 under kid rsa-1": token("RS256", "rsa2", {"kid": "rsa-1"}),
    "ES256": token("ES256", "ec"),
    "ES256 kid ec-1": token("ES256", "ec", {"kid": "ec-1"}),
    "ES256 under kid rsa-1": token("ES256", "ec", {"kid": "rsa-1"}),
    "EdDSA": token("EdDSA", "ed"),
    "EdDSA kid ed-1": token("EdDSA", "ed", {"kid": "ed-1"}),
    "HS256 with the RSA key as secret": token("HS256", public("rsa")),
    "HS256 with the EC key as secret": token("HS256", public("ec")),
    "HS256 with the Ed25519 key as secret": token("HS256", public("ed")),
    "HS256 with the RSA key as secret, kid rsa-1": token("HS256", public("rsa"), {"kid": "rsa-1"}),
}

if __name__ == "__main__":
    for name, text in TOKENS.items():
        print(f"{name}: {text}")
    for name in ("rsa", "ec", "ed"):
        print(public(name).decode())
    print(json.dumps({"keys": [jwk("rsa", "rsa-1"), jwk("ec", "ec-1"), jwk("ed", "ed-1")]}))
    print(json.dumps({"keys": [jwk("rsa2", "rsa-2")]}))
