"""Event streams with what a conforming client makes of them, one entry for each thing that can be got wrong.

A vector is named `category` or `category/variant`. It is written as a list of chunks; every way to cut it must give
the same result.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vector:
    """A stream and its outcome; events are (type, data, last event id)."""

    name: str
    chunks: tuple[bytes, ...]
    events: tuple[tuple[str, str, str], ...]
    last_event_id: str = ""
    retry: int | None = None

    @property
    def stream(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def category(self) -> str:
        return self.name.partition("/")[0]


def event(data: str, kind: str = "message", ident: str = "") -> tuple[str, str, str]:
    return (kind, data, ident)


def vector(
    name: str,
    stream: bytes | tuple[bytes, ...],
    *events: str | tuple[str, str, str],
    last: str | None = None,
    retry: int | None = None,
) -> Vector:
    """A vector; an event that is only data is a message without an id; `last` is the last event's id if not given."""
    full = tuple(event(item) if isinstance(item, str) else item for item in events)
    if last is None:
        last = full[-1][2] if full else ""
    return Vector(name, (stream,) if isinstance(stream, bytes) else stream, full, last, retry)


BOM = b"\xef\xbb\xbf"

DECODING = [
    vector("bom-leading", BOM + b"data: tram\n\n", "tram"),
    vector("bom-leading/cut", (b"\xef", b"\xbb", b"\xbfdata: tram\n\n"), "tram"),
    vector("bom-leading/blank-line", BOM + b"\n\ndata: tram\n\n", "tram"),
    vector("bom-leading/cr", BOM + b"\rdata: tram\r\r", "tram"),
    vector("bom-double", BOM + BOM + b"data: tram\n\ndata: bus\n\n", "bus"),
    vector("bom-later", b"data: tram\n\n" + BOM + b"data: bus\n\n", "tram"),
    vector("bom-later/second-line", b"data: tram\n" + BOM + b"data: bus\n\n", "tram"),
    vector("bom-later/after-blank-line", b"\n" + BOM + b"data: bus\n\ndata: tram\n\n", "tram"),
    vector("bom-in-value", b"data: " + BOM + b"tram\n\n", "\ufefftram"),
    vector("bom-in-value/no-space", b"data:" + BOM + b" tram\n\n", "\ufeff tram"),
    vector("bom-in-value/id", b"id: " + BOM + b"\ndata: a\n\n", event("a", ident="\ufeff")),
    vector("bom-before-comment", BOM + b": hello\ndata: tram\n\n", "tram"),
    vector("bom-alone", BOM),
    vector("bom-cut-short/first-byte", b"\xefdata: no\n\ndata: tram\n\n", "tram"),
    vector("bom-cut-short/two-bytes", b"\xef\xbbdata: no\n\ndata: tram\n\n", "tram"),
    vector("bom-cut-short/end", b"\xef\xbb"),
    vector("bom-cut-short/comment", b"\xef\xbb: no\ndata: tram\n\n", "tram"),
    vector("utf8-invalid", b"data: a\xffb\n\n", "a\ufffdb"),
    vector("utf8-invalid/lone-continuation", b"data: a\x80\xbfb\n\n", "a\ufffd\ufffdb"),
    vector("utf8-invalid/in-type", b"event: a\xfe\ndata: b\n\n", event("b", "a\ufffd")),
    vector("utf8-invalid/in-id", b"id: \xc3\ndata: b\n\n", event("b", ident="\ufffd")),
    vector("utf8-invalid/in-name", b"da\xffta: no\ndata: b\n\n", "b"),
    vector("utf8-invalid/in-comment", b": \xff\xfe\xfd\ndata: b\n\n", "b"),
    vector("utf8-invalid/two-bytes-of-three", b"data: \xe2\x82x\n\n", "\ufffdx"),
    vector("utf8-invalid/three-bytes-of-four", b"data: \xf0\x9f\x9ax\n\n", "\ufffdx"),
    vector("utf8-invalid/cut-by-another", b"data: \xe2\x82\xc3\xa9\n\n", "\ufffd\xe9"),
    vector("utf8-cut-before-line-end", b"data: \xe2\x82\ndata: x\n\n", "\ufffd\nx"),
    vector("utf8-cut-before-line-end/cr", b"data: \xf0\x9f\x9a\rdata: x\r\r", "\ufffd\nx"),
    vector("utf8-cut-before-line-end/lead-only", b"data: \xc3\n\n", "\ufffd"),
    vector("utf8-overlong", b"data: \xc0\xaf\n\n", "\ufffd\ufffd"),
    vector("utf8-overlong/three", b"data: \xe0\x80\xaf\n\n", "\ufffd\ufffd\ufffd"),
    vector("utf8-overlong/four", b"data: \xf0\x80\x80\xaf\n\n", "\ufffd\ufffd\ufffd\ufffd"),
    vector("utf8-overlong/line-end", b"data: a\xc0\x8ab\n\n", "a\ufffd\ufffdb"),
    vector("utf8-overlong/surrogate", b"data: \xed\xa0\x80\n\n", "\ufffd\ufffd\ufffd"),
    vector("utf8-overlong/surrogate-pair", b"data: \xed\xa0\xbd\xed\xb8\x80\n\n", "\ufffd" * 6),
    vector("utf8-overlong/above-last", b"data: \xf4\x90\x80\x80\n\n", "\ufffd" * 4),
    vector("utf8-overlong/five-bytes", b"data: \xf8\x88\x80\x80\x80\n\n", "\ufffd" * 5),
    vector("utf8-multibyte", b"data: \xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x8b\n\n", "\xe9\u20ac\U0001f68b"),
    vector("utf8-multibyte/edges", b"data: \x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\n\n",
           "\x7f\x80\u07ff\u0800\uffff\U0010ffff"),
    vector("utf8-multibyte/around-surrogates", b"data: \xed\x9f\xbf\xee\x80\x80\n\n", "\ud7ff\ue000"),
    vector("utf8-multibyte/type-and-id", b"event: n\xc3\xb6rd\nid: s\xc3\xbcd\ndata: \xe2\x86\x92\n\n",
           event("\u2192", "n\xf6rd", "s\xfcd")),
    vector("utf8-multibyte/combining", b"data: e\xcc\x81\n\n", "e\u0301"),
    vector("utf8-only/utf-16", b"\xff\xfed\0a\0t\0a\0:\0 \0x\0\n\0\n\0\n\ndata: a\n\n", "a"),
    vector("utf8-only/latin-1", b"data: s\xfcd\n\n", "s\ufffdd"),
]  # fmt: skip

LINE_ENDS = [
    vector("end-lf", b"data: a\ndata: b\n\n", "a\nb"),
    vector("end-crlf", b"data: a\r\ndata: b\r\n\r\n", "a\nb"),
    vector("end-crlf/cut-inside", (b"data: a\r", b"\ndata: b\r", b"\n\r", b"\ndata: c\r\n\r\n"), "a\nb", "c"),
    vector("end-cr", b"data: a\rdata: b\r\r", "a\nb"),
    vector("end-cr/several", b"data: a\r\rdata: b\r\r", "a", "b"),
    vector("end-mixed", b"data: 1\r\ndata: 2\rdata: 3\n\n", "1\n2\n3"),
    vector("end-mixed/each-event", b"data: 1\n\ndata: 2\r\n\r\ndata: 3\r\rdata: 4\n\n", "1", "2", "3", "4"),
    vector("end-mixed/lone-cr-among-crlf", b"data: 1\r\n\r\ndata: 2\rdata: 3\r\n\r\n", "1", "2\n3"),
    vector("end-mixed/lone-lf-among-crlf", b"data: 1\r\n\r\ndata: 2\ndata: 3\r\n\r\n", "1", "2\n3"),
    vector("end-lf-cr", b"data: a\n\rdata: b\n\n", "a", "b"),
    vector("end-cr-crlf", b"data: a\r\r\ndata: b\n\n", "a", "b"),
    vector("end-lf-crlf", b"data: a\n\r\ndata: b\n\n", "a", "b"),
    vector("end-crlf-lf", b"data: a\r\n\ndata: b\n\n", "a", "b"),
    vector("end-crlf-cr", b"data: a\r\n\rdata: b\n\n", "a", "b"),
    vector("end-lf-lf-cr", b"data: a\n\n\rdata: b\n\n", "a", "b"),
    vector("end-surplus-blank", b"data: a\n\n\n\ndata: b\n\n", "a", "b"),
    vector("end-surplus-blank/crlf", b"data: a\r\n\r\n\r\n\r\ndata: b\r\n\r\n", "a", "b"),
    vector("end-surplus-blank/three", b"data: a\n\n\ndata: b\n\n\n", "a", "b"),
    vector("end-surplus-blank/leading", b"\n\n\ndata: a\n\n", "a"),
    vector("end-surplus-blank/chunk-of-its-own", (b"data: a\n", b"\n", b"\n", b"data: b\n\n"), "a", "b"),
    vector("end-only-blank", b"\n\r\n\r\n"),
    vector("end-only-blank/cr", b"\r\r\r"),
    vector("not-an-end-unicode/2028", b"data: fog\xe2\x80\xa8rain\n\n", "fog\u2028rain"),
    vector("not-an-end-unicode/2029", b"data: fog\xe2\x80\xa9rain\n\n", "fog\u2029rain"),
    vector("not-an-end-unicode/0085", b"data: fog\xc2\x85rain\n\n", "fog\x85rain"),
    vector("not-an-end-control/vt", b"data: a\x0bb\n\n", "a\x0bb"),
    vector("not-an-end-control/ff", b"data: a\x0cb\n\n", "a\x0cb"),
    vector("not-an-end-control/fs", b"data: a\x1cb\n\n", "a\x1cb"),
    vector("not-an-end-control/gs", b"data: a\x1db\n\n", "a\x1db"),
    vector("not-an-end-control/rs", b"data: a\x1eb\n\n", "a\x1eb"),
    vector("not-an-end-control/at-the-end", b"data: a\x0b\n\n", "a\x0b"),
    vector("not-an-end-twice", b"data: fog\xe2\x80\xa8\xe2\x80\xa8data: rain\n\n", "fog\u2028\u2028data: rain"),
    vector("not-an-end-twice/vt", b"data: fog\x0b\x0bdata: rain\n\n", "fog\x0b\x0bdata: rain"),
    vector("not-an-end-twice/nel", b"data: fog\xc2\x85\xc2\x85data: rain\n\n", "fog\x85\x85data: rain"),
    vector("not-an-end-in-id", b"event: x\xe2\x80\xa8\nid: 1\xe2\x80\xa8\ndata: a\n\n",
           event("a", "x\u2028", "1\u2028")),
    vector("not-an-end-in-id/fs", b"event: x\x1cy\nid: 1\x1d2\ndata: a\n\n", event("a", "x\x1cy", "1\x1d2")),
    vector("not-an-end-in-comment", b": fog\xe2\x80\xa8data: no\ndata: yes\n\n", "yes"),
    vector("not-an-end-in-name", b"x\x0bdata: no\ndata: yes\n\n", "yes"),
]  # fmt: skip

FIELDS = [
    vector("field-order", b"data: a\nid: 1\nevent: tick\n\n", event("a", "tick", "1")),
    vector("field-order/id-first", b"id: 1\nevent: tick\ndata: a\n\n", event("a", "tick", "1")),
    vector("field-order/between", b"data: a\nevent: tick\ndata: b\nid: 1\n\n", event("a\nb", "tick", "1")),
    vector("field-one-space", b"data:  a\n\n", " a"),
    vector("field-one-space/only-blanks", b"data:   \n\n", "  "),
    vector("field-one-space/type", b"event:  tick\ndata: a\n\n", event("a", " tick")),
    vector("field-no-space", b"data:a\n\n", "a"),
    vector("field-no-space/all", b"id:1\nevent:tick\ndata:a\nretry:7\n\n", event("a", "tick", "1"), retry=7),
    vector("field-no-space/mixed", b"data:a\n\ndata: b\n\ndata:c\n\ndata:  d\n\n", "a", "b", "c", " d"),
    vector("field-tab", b"data:\ta\n\n", "\ta"),
    vector("field-tab/after-space", b"data: \ta\n\n", "\ta"),
    vector("field-nbsp", b"data:\xc2\xa0a\n\n", "\xa0a"),
    vector("field-trailing-blanks", b"data: a  \n\n", "a  "),
    vector("field-trailing-blanks/tab-crlf", b"data: a\t\r\n\r\n", "a\t"),
    vector("field-first-colon", b"data: 12:30: late\n\n", "12:30: late"),
    vector("field-first-colon/no-space", b"data:12: 30\n\n", "12: 30"),
    vector("field-first-colon/twice", b"data::a\n\n", ":a"),
    vector("field-first-colon/later-blank", b"data:x\nevent:a: b\nid:c: d\n\n", event("x", "a: b", "c: d")),
    vector("field-without-colon", b"data\n\n", ""),
    vector("field-without-colon/event", b"event: a\nevent\ndata: x\n\n", "x"),
    vector("field-case", b"Data: no\nDATA: no\ndata: yes\n\n", "yes"),
    vector("field-case/others", b"Event: no\nId: no\nID: no\nRetry: 5\ndata: yes\n\n", "yes"),
    vector("field-name-blanks", b"data : no\n data: no\ndata: yes\n\n", "yes"),
    vector("field-name-blanks/tab", b"\tdata: no\ndata\t: no\ndata: yes\n\n", "yes"),
    vector("field-name-blanks/no-colon", b"data no\ndata \ndata: yes\n\n", "yes"),
    vector("field-blank-line-with-space", b"data: fog\n \ndata: rain\n\n", "fog\nrain"),
    vector("field-blank-line-with-space/tab", b"data: fog\n\t\ndata: rain\n\n", "fog\nrain"),
    vector("field-blank-line-with-space/nul", b"data: fog\n\0\ndata: rain\n\n", "fog\nrain"),
    vector("field-unknown", b"colour: red\ndata: a\n\n", "a"),
    vector("field-unknown/prefix", b"dat: no\ndatas: no\ndata: a\n\n", "a"),
    vector("field-unknown/json", b'{"data": "no"}\ndata: a\n\n', "a"),
    vector("field-unknown/http", b"HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\ndata: a\n\n", "a"),
    vector("field-unknown/no-colon", b"hello there\ndata: a\n\n", "a"),
    vector("field-attribute-names", b"__class__: x\nlastEventId: 9\nretries: 1\ndata: a\n\n", "a"),
    vector("field-attribute-names/underscore", b"_data: no\ntype: no\ncomment: no\n__dict__: no\ndata: a\n\n", "a"),
    vector("field-nul", b"event: t\x00\ndata: a\x00b\n\n", event("a\x00b", "t\x00")),
    vector("field-nul/only", b"data: \x00\n\n", "\x00"),
    vector("field-nul/in-name", b"da\x00ta: no\ndata\x00: no\ndata: yes\n\n", "yes"),
    vector("field-twice", b"id: 1\nid: 2\nevent: a\nevent: b\nretry: 3\nretry: 4\ndata: x\ndata: y\n\n",
           event("x\ny", "b", "2"), retry=4),
]  # fmt: skip

COMMENTS = [
    vector("comment-kinds", b":\n: note\n:data: no\ndata: yes\n\n", "yes"),
    vector("comment-kinds/no-space", b":note\n::\n: :\ndata: yes\n\n", "yes"),
    vector("comment-block", b": ping\n\n"),
    vector("comment-block/many", b": ping\n\n: ping\n\n:\n\n"),
    vector("comment-inside", b"data: a\n: ping\ndata: b\n\n", "a\nb"),
    vector("comment-inside/before-blank", b"event: t\ndata: a\n:\n\n", event("a", "t")),
    vector("comment-long", b": " + b"tram " * 13108 + b"\ndata: a\n\n", "a"),
    vector("comment-and-id", b"id: 1\n: ping\n\ndata: a\n\n", event("a", ident="1")),
    vector("comment-nul", b": \x00\ndata: a\n\n", "a"),
]

DATA = [
    vector("data-several", b"data: a\ndata: b\n\n", "a\nb"),
    vector("data-several/mixed-spaces", b"data:a\ndata: b\ndata:  c\n\n", "a\nb\n c"),
    vector("data-empty", b"event: tick\ndata:\n\n", event("", "tick")),
    vector("data-empty/space", b"data: \n\n", ""),
    vector("data-empty/among-others", b"data: a\n\ndata:\n\ndata: b\n\n", "a", "", "b"),
    vector("data-two-empty", b"data\ndata\n\n", "\n"),
    vector("data-two-empty/colons", b"data:\ndata: \n\n", "\n"),
    vector("data-empty-first", b"data:\ndata: a\n\n", "\na"),
    vector("data-empty-last", b"data: fog\ndata\ndata\n\n", "fog\n\n"),
    vector("data-empty-last/one", b"data: fog\ndata:\n\n", "fog\n"),
    vector("data-empty-middle", b"data: fog\ndata:\ndata: rain\n\n", "fog\n\nrain"),
    vector("data-looks-like-field", b"data: id: 7\n\n", "id: 7"),
    vector("data-looks-like-field/data", b"data: data: 7\n\ndata:data:7\n\n", "data: 7", "data:7"),
    vector("data-looks-like-comment", b"data: : 7\n\ndata::7\n\n", ": 7", ":7"),
    vector("data-application-marker", b"data: [END]\n\n", "[END]"),
    vector("data-application-marker/goes-on", b"data: [DONE]\n\ndata: more\n\n", "[DONE]", "more"),
    vector("data-backslash-n", b"data: a\\nb\n\n", "a\\nb"),
    vector("data-quotes", b'data: "a"\n\n', '"a"'),
    vector("data-number", b"data: 0\n\ndata: null\n\n", "0", "null"),
]

TYPES = [
    vector("event-once", b"event: tick\ndata: 1\n\ndata: 2\n\n", event("1", "tick"), "2"),
    vector("event-empty", b"event:\ndata: 1\n\n", "1"),
    vector("event-empty/space", b"event: \ndata: 1\n\n", "1"),
    vector("event-last-wins", b"event: a\nevent: b\ndata: 1\n\n", event("1", "b")),
    vector("event-last-wins/empty", b"event: a\nevent:\ndata: 1\n\n", "1"),
    vector("event-last-wins/after-data", b"event: a\ndata: 1\nevent: b\n\n", event("1", "b")),
    vector("event-without-data", b"event: lost\n\ndata: 1\n\n", "1"),
    vector("event-without-data/with-id", b"event: lost\nid: 1\n\ndata: 1\n\n", event("1", ident="1")),
    vector("event-reserved-names", b"event: error\ndata: 1\n\n", event("1", "error")),
    vector("event-reserved-names/open", b"event: open\ndata: 1\n\n", event("1", "open")),
    vector("event-reserved-names/message", b"event: message\ndata: 1\n\n", "1"),
    vector("event-blanks", b"event: a b \ndata: 1\n\n", event("1", "a b ")),
    vector("event-case", b"event: Message\ndata: 1\n\n", event("1", "Message")),
]

IDS = [
    vector("id-persists", b"id: 5\ndata: a\n\ndata: b\n\n", event("a", ident="5"), event("b", ident="5")),
    vector("id-changes", b"id: 5\ndata: a\n\nid: 6\ndata: b\n\n", event("a", ident="5"), event("b", ident="6")),
    vector("id-changes/back", b"id: 6\ndata: a\n\nid: 5\ndata: b\n\n", event("a", ident="6"), event("b", ident="5")),
    vector("id-reset", b"id: 5\ndata: a\n\nid\ndata: b\n\n", event("a", ident="5"), "b"),
    vector("id-reset/colon", b"id: 5\ndata: a\n\nid:\ndata: b\n\n", event("a", ident="5"), "b"),
    vector("id-reset/space", b"id: 5\ndata: a\n\nid: \ndata: b\n\n", event("a", ident="5"), "b"),
    vector("id-reset/alone", b"id: 5\ndata: a\n\nid\n\n", event("a", ident="5"), last=""),
    vector("id-nul", b"id: 4\ndata: a\n\nid: 5\x006\ndata: b\n\n", event("a", ident="4"), event("b", ident="4")),
    vector("id-nul/first", b"id: 4\ndata: a\n\nid: \x005\ndata: b\n\n", event("a", ident="4"), event("b", ident="4")),
    vector("id-nul/last", b"id: 4\ndata: a\n\nid: 5\x00\ndata: b\n\n", event("a", ident="4"), event("b", ident="4")),
    vector("id-nul/alone", b"id: 4\ndata: a\n\nid: \x00\ndata: b\n\n", event("a", ident="4"), event("b", ident="4")),
    vector("id-nul/then-good", b"id: \x00\nid: 9\ndata: b\n\n", event("b", ident="9")),
    vector("id-nul/good-before", b"id: 9\nid: \x00\ndata: b\n\n", event("b", ident="9")),
    vector("id-blanks", b"id:  5 \ndata: a\n\n", event("a", ident=" 5 ")),
    vector("id-not-ascii", b"id: s\xc3\xbcd\ndata: a\n\n", event("a", ident="s\xfcd")),
    vector("id-colons", b"id: 1:2,3\ndata: a\n\n", event("a", ident="1:2,3")),
    vector("id-only-block", b"id: 8\n\n", last="8"),
    vector("id-only-then-data", b"id: 8\n\ndata: a\n\n", event("a", ident="8")),
    vector("id-only-block/several", b"id: 8\n\nid: 9\n\n", last="9"),
    vector("id-then-pings", b"id: 8\ndata: a\n\n: ping\n\n: ping\n\n", event("a", ident="8")),
    vector("id-then-unknown-block", b"id: 8\ndata: a\n\nnote: x\n\n", event("a", ident="8")),
    vector("id-then-retry-block", b"id: 8\ndata: a\n\nretry: 20\n\n", event("a", ident="8"), retry=20),
    vector("id-last-wins", b"id: 1\ndata: a\nid: 2\n\n", event("a", ident="2")),
    vector("id-zero", b"id: 0\ndata: a\n\n", event("a", ident="0")),
]

NOT_DIGITS = {
    "plus": b"+300",
    "minus": b"-300",
    "blank-before": b" 300",
    "blank-behind": b"300 ",
    "tab": b"\t300",
    "point": b"30.5",
    "exponent": b"3e2",
    "hexadecimal": b"0x30",
    "underscore": b"3_0",
    "comma": b"3,000",
    "unit": b"300ms",
    "full-width": "\uff13\uff10".encode(),
    "arabic-indic": "\u0663\u0660".encode(),
    "superscript": "3\u00b2".encode(),
    "nul": b"300\x00",
    "word": b"soon",
    "infinity": b"Infinity",
}

RETRIES = [
    vector("retry-digits", b"retry: 0250\n\n", retry=250),
    vector("retry-digits/zero", b"retry: 0\n\n", retry=0),
    vector("retry-digits/no-space", b"retry:125\n\n", retry=125),
    vector("retry-digits/with-data", b"retry: 125\ndata: a\n\n", "a", retry=125),
    *(
        vector(f"retry-not-digits/{name}", b"retry: 250\nretry: " + value + b"\n\n", retry=250)
        for name, value in NOT_DIGITS.items()
    ),
    vector("retry-not-digits/first", b"retry: 3_0\ndata: a\n\n", "a"),
    vector("retry-empty", b"retry\nretry:\n\n"),
    vector("retry-empty/after-value", b"retry: 9\nretry\nretry: \n\n", retry=9),
    vector("retry-huge", b"retry: 99999999999999999999\n\n", retry=99999999999999999999),
    vector("retry-huge/5000-digits", b"retry: 1" + b"0" * 4999 + b"\ndata: a\n\n", "a", retry=10**4999),
    vector("retry-huge/5000-zeros", b"retry: " + b"0" * 5000 + b"7\ndata: a\n\n", "a", retry=7),
    vector("retry-at-once", b"data: a\n\nretry: 250\n", "a", retry=250),
    vector("retry-at-once/last-wins", b"retry: 1\nretry: 2\n", retry=2),
    vector("retry-stays", b"retry: 250\n\ndata: a\n\ndata: b\n\n", "a", "b", retry=250),
]

END_OF_STREAM = [
    vector("eof-unfinished", b"data: fog\n\ndata: rain\n", "fog"),
    vector("eof-mid-line", b"data: fog\n\ndata: rain", "fog"),
    vector("eof-mid-line/name", b"data: fog\n\nda", "fog"),
    vector("eof-mid-line/retry", b"data: fog\n\nretry: 10", "fog"),
    vector("eof-mid-character", b"data: fog\n\ndata: \xe2\x82", "fog"),
    vector("eof-id-not-committed", b"id: 1\ndata: a\n\nid: 2\ndata: b\n", event("a", ident="1")),
    vector("eof-id-not-committed/alone", b"id: 2\n"),
    vector("eof-id-not-committed/mid-line", b"id: 1\n\nid: 2", last="1"),
    vector("eof-after-cr", b"data: fog\r\r", "fog"),
    vector("eof-after-cr/crlf-cr", b"data: fog\r\n\r", "fog"),
    vector("eof-after-cr/one", b"data: fog\r"),
    vector("eof-after-cr/lf-cr", b"data: fog\n\r", "fog"),
    vector("eof-empty", b""),
    vector("eof-type-dropped", b"event: t\ndata: a"),
]

TYPICAL = [
    vector(
        "typical-language-model",
        b'event: start\nid: c-1\ndata: {"role":"guide"}\n\n'
        b'event: delta\nid: c-2\ndata: {"text":"The t"}\n\nevent: delta\nid: c-3\ndata: {"text":"ram\\n"}\n\n'
        b": keep-alive\n\n"
        b'event: stop\nid: c-4\ndata: {}\n\ndata: [DONE]\n\n',
        event('{"role":"guide"}', "start", "c-1"),
        event('{"text":"The t"}', "delta", "c-2"),
        event('{"text":"ram\\n"}', "delta", "c-3"),
        event("{}", "stop", "c-4"),
        event("[DONE]", ident="c-4"),
    ),
    vector("typical-ping-crlf", b": ping - 2024-05-01 10:00:00.000000+00:00\r\n\r\ndata: a\r\n\r\n", "a"),
    vector("typical-ping-lf", b": ping\n\n: ping\n\ndata: a\n\n: ping\n\n", "a"),
    vector("typical-ping-only", b": ping\n\n" * 20),
    vector("typical-ping-one-line-end", b": ping\n: ping\n: ping\n"),
    vector("typical-padding", b":" + b" " * 2048 + b"\nretry: 2000\n\ndata: a\n\n", "a", retry=2000),
    vector("typical-fields-behind-data", b"event: tick\ndata: 1\nid: 7\nretry: 3000\n\n", event("1", "tick", "7"),
           retry=3000),
    vector("typical-all-fields-twice", b"id: a\nevent: x\ndata: 1\nretry: 1\nid: b\nevent: y\ndata: 2\nretry: 2\n\n",
           event("1\n2", "y", "b"), retry=2),
    vector("typical-run", b"".join(b"data: %d\n\n" % n for n in range(40)), *map(str, range(40))),
    vector("typical-run/crlf", b"".join(b"data: %d\r\n\r\n" % n for n in range(40)), *map(str, range(40))),
    vector("typical-run/ids", b"".join(b"id: %d\ndata: x\n\n" % n for n in range(20)),
           *(event("x", ident=str(n)) for n in range(20))),
    vector("typical-run/one-odd-block", b"data: a\n\n" * 9 + b"data: b\ndata: c\n\n" + b"data: d\n\n" * 9,
           *"aaaaaaaaa", "b\nc", *"ddddddddd"),
    vector("typical-run/long-values", b"data: " + b"tram " * 100 + b"\n\ndata: " + b"bus " * 200 + b"\n\ndata: a\n\n",
           "tram " * 100, "bus " * 200, "a"),
    vector("typical-run/long-values-crlf", b"data: " + b"tram " * 100 + b"\r\n\r\ndata: " + b"bus\r\ndata: x\r\n\r\n",
           "tram " * 100, "bus\nx"),
]  # fmt: skip

VECTORS = [
    *DECODING, *LINE_ENDS, *FIELDS, *COMMENTS, *DATA, *TYPES, *IDS, *RETRIES, *END_OF_STREAM, *TYPICAL,
]  # fmt: skip

# Streams of one event, with the byte (counted from one) after which it must be out, and after which at the latest a
# client that waits for the LF behind a CR has it.
TIMELINESS = [
    ("lf-lf", b"data: t\n\n", 9, 9),
    ("crlf-crlf", b"data: t\r\n\r\n", 10, 11),
    ("cr-cr", b"data: t\r\r", 9, 9),
    ("lf-crlf", b"data: t\n\r\n", 9, 10),
    ("lf-cr", b"data: t\n\r", 9, 9),
    ("crlf-lf", b"data: t\r\n\n", 10, 10),
    ("cr-crlf", b"data: t\r\r\n", 9, 10),
]
