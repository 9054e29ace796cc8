"""The event stream once more, as slowly and as literally as it can be written, to compare the parser with."""

BOM = "\ufeff"


def decode(stream: bytes) -> str:
    """UTF-8 as the Encoding standard decodes it: byte by byte, with the bounds for the next one."""
    text = ""
    code_point = needed = seen = 0
    lower, upper = 0x80, 0xBF
    position = 0
    while position < len(stream):
        byte = stream[position]
        position += 1
        if needed == 0:
            if byte <= 0x7F:
                text += chr(byte)
            elif 0xC2 <= byte <= 0xDF:
                needed, code_point = 1, byte & 0x1F
            elif 0xE0 <= byte <= 0xEF:
                lower = 0xA0 if byte == 0xE0 else lower
                upper = 0x9F if byte == 0xED else upper
                needed, code_point = 2, byte & 0x0F
            elif 0xF0 <= byte <= 0xF4:
                lower = 0x90 if byte == 0xF0 else lower
                upper = 0x8F if byte == 0xF4 else upper
                needed, code_point = 3, byte & 0x07
            else:
                text += "\ufffd"
            continue
        if not lower <= byte <= upper:
            code_point = needed = seen = 0
            lower, upper = 0x80, 0xBF
            position -= 1  # the byte is looked at again
            text += "\ufffd"
            continue
        lower, upper = 0x80, 0xBF
        code_point = code_point << 6 | byte & 0x3F
        seen += 1
        if seen == needed:
            text += chr(code_point)
            code_point = needed = seen = 0
    if needed:
        text += "\ufffd"
    return text


def lines_of(text: str) -> list[str]:
    """The lines that have ended."""
    lines = []
    line = ""
    position = 0
    while position < len(text):
        if text[position] == "\r":
            if text[position + 1 : position + 2] == "\n":
                position += 1
            lines.append(line)
            line = ""
        elif text[position] == "\n":
            lines.append(line)
            line = ""
        else:
            line += text[position]
        position += 1
    return lines


def interpret(stream: bytes) -> tuple[list[tuple[str, str, str]], str, int | None]:  # noqa: PLR0912 - as the rules
    """The events (type, data, last event id) of a whole stream, its last event id and its reconnection time."""
    text = decode(stream)
    if text[:1] == BOM:
        text = text[1:]
    events = []
    last_event_id = ""
    retry = None
    data_buffer = type_buffer = id_buffer = ""
    for line in lines_of(text):
        if line == "":
            last_event_id = id_buffer
            if data_buffer == "":
                type_buffer = ""
                continue
            if data_buffer[-1] == "\n":
                data_buffer = data_buffer[:-1]
            events.append((type_buffer if type_buffer != "" else "message", data_buffer, last_event_id))
            data_buffer = type_buffer = ""
            continue
        if line[0] == ":":
            continue
        if ":" in line:
            colon = line.index(":")
            name, value = line[:colon], line[colon + 1 :]
            if value[:1] == " ":
                value = value[1:]
        else:
            name, value = line, ""
        if name == "event":
            type_buffer = value
        elif name == "data":
            data_buffer += value
            data_buffer += "\n"
        elif name == "id":
            if "\x00" not in value:
                id_buffer = value
        elif name == "retry" and value != "" and all(digit in "0123456789" for digit in value):
            retry = 0
            for digit in value:
                retry = 10 * retry + "0123456789".index(digit)
    return events, last_event_id, retry
