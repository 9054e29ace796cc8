"""A reference framer for the event stream of the HTML standard: values in, one block of bytes out.

What a client would not receive as it was given raises. The one exception is the standard's own: data may have any of
the three line ends, and the client gets LF for each.
"""

import re

LINE_END = re.compile(r"\r\n|\r|\n")


def frame(
    data: str | None = None,
    *,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """One block of an event stream: the fields that are not None, and the blank line.

    Args:
        data: the event's data, in as many lines as it has. Without it the block is no event: `id` is still committed
            by it, `retry` set.
        event: the event's type.
        id: the last event id from this event on; an empty one takes it back.
        retry: the reconnection time in milliseconds. 0 is legal, and lets clients reconnect in a storm.
        comment: what no client sees.

    Raises:
        ValueError: a client would get something else, or nothing: there is no field at all, an `event` without `data`
            or with an empty type, a line end in `event` or `id`, a NUL in `id`, a negative `retry`, a lone surrogate.
        TypeError: a value has another type than these.
    """
    lines = []
    if comment is not None:
        lines += [f": {line}" for line in LINE_END.split(text("comment", comment))]
    if event is not None:
        if text("event", event) == "":
            raise ValueError("event must not be empty: the client would get the type 'message'")
        if data is None:
            raise ValueError(f"event {event!r} has no data: the client would get nothing")
        lines.append(f"event: {one_line('event', event)}")
    if id is not None:
        if "\0" in text("id", id):
            raise ValueError(f"id must not contain NUL, or the client ignores it: {id!r}")
        lines.append(f"id: {one_line('id', id)}")
    if retry is not None:
        if isinstance(retry, bool) or not isinstance(retry, int):
            raise TypeError(f"retry must be an int, not {type(retry).__name__}")
        if retry < 0:
            raise ValueError(f"retry must not be negative, or the client ignores it: {retry}")
        lines.append(f"retry: {retry}")
    if data is not None:
        lines += [f"data: {line}" for line in LINE_END.split(text("data", data))]
    if not lines:
        raise ValueError("an event needs data; a block without data needs an id, a retry or a comment")
    return "\n".join([*lines, "", ""]).encode()


def text(name: str, value: str) -> str:
    """The value, if it is a string that UTF-8 can carry."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must not contain a lone surrogate: {value[error.start]!r}") from None
    return value


def one_line(name: str, value: str) -> str:
    """The value, if it has no line end."""
    if LINE_END.search(value):
        raise ValueError(f"{name} must not contain CR or LF, or its rest becomes another field: {value!r}")
    return value
