"""What became of a stack in other orders, and what is known about pairs of layers that many stacks have."""

from dataclasses import asdict, dataclass
from typing import Any

# (what the outer one is, what the inner one is, which of them belongs outside, why). The first that fits counts;
# * fits all. The reasons are about what these layers do, whatever they are called elsewhere.
KNOWN: tuple[tuple[str, str, str], ...] = (
    ("TrustedHost", "HTTPSRedirect", "TrustedHost belongs outside: the redirect goes to the host that was asked for."),
    ("CORS", "*", "CORS belongs outside: answers that are made further out have no CORS headers."),
    ("TrustedHost", "*", "TrustedHost belongs outside of what acts on a request, and inside of what marks refusals."),
    ("GZip", "*", "Compression belongs outside of what reads or changes bodies, which else gets compressed bytes."),
    ("BaseHTTPMiddleware", "*", "A layer that marks or times responses sees only those from further in."),
)
# Why that is so, by what the outer one is.
REASONS = {
    "TrustedHost": "A request may name any host: one that is forged should get no further.",
    "CORS": (
        "Without them a script in a browser sees a network error instead of the status of a refusal, a redirect or a"
        " 429; and preflights, which carry no credentials, are refused by an authentication layer further out."
    ),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """What a client sees of one request as the two layers are now, and what when they have changed places."""

    request: str
    as_is: str
    reversed: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two layers whose order a client can tell; `outer` is the one that is further out now."""

    outer: str
    inner: str
    differences: tuple[Difference, ...]

    @property
    def known(self) -> str | None:
        """What is known about layers of these names."""
        for one, other, why in KNOWN:
            if (one in self.outer and _fits(other, self.inner)) or (one in self.inner and _fits(other, self.outer)):
                return f"{why} {REASONS.get(one, '')}".strip()
        return None


def _fits(word: str, name: str) -> bool:
    return word == "*" or word in name


@dataclass(frozen=True, slots=True)
class Orders:
    """What came of the permutations: the stack as it is, how many orders were tried, and the pairs that matter.

    `notes` are facts about single layers; `masked` names headers whose values change from request to request,
    and were not compared.
    """

    stack: tuple[str, ...]
    tried: int
    pairs: tuple[Pair, ...]
    requests: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As one JSON object."""
        return asdict(self)
