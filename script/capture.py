"""Searches what a launcher had in its hands for strings that it must not have seen."""

import base64
import json
import urllib.parse


def spellings(text):
    """Every way in which a captured stream could carry `text`."""
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield json.dumps(text)[1:-1].encode()
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield urllib.parse.quote(text).encode()
    yield urllib.parse.quote_plus(text).encode()
    for shift in range(3):  # base64 of the text at each alignment, without the edges that depend on neighbours
        encoded = base64.b64encode(b"\0" * shift + raw)
        inner = encoded[(0, 2, 3)[shift]:len(encoded) - 4]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def leaks(capture, canaries):
    """The canaries (8 bytes or longer) that stand in `capture` in any spelling."""
    return [c for c in canaries if len(c.encode()) >= 8
            and any(s in capture for s in spellings(c) if len(s) >= 8)]
