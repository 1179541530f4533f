"""How many ways a path is read: as docs/access-policy.md has it, "Paths". A request has to be let in by each of them."""

import re

ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]")


def character(escape):
    return chr(int(escape.group()[1:], 16))


def without_dots(path):
    """Segments `.` and `..` removed (RFC 3986, 5.2.4)."""
    kept = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept = kept + [segment]
    if segments[-1] in (".", ".."):
        kept = kept + [""]
    return "/" + "/".join(kept)


def normal(path):
    """What is judged first, and sent on."""
    plain = ESCAPE.sub(lambda e: character(e) if UNRESERVED.match(character(e)) else e.group(), path)
    return without_dots(plain.replace("\\", "/"))


def with_escapes_undone(path):
    return ESCAPE.sub(character, path)


def with_slashes_merged(path):
    return re.sub("/+", "/", path)


def without_parameters(path):
    return re.sub(";[^/]*", "", path)


def readings(target):
    """The target of a request in each form, the normal one first: whatever lenient servers do, in any order."""
    path, mark, query = target.partition("?")
    found = [normal(path)]
    for reading in found:
        for lenient in (with_escapes_undone, without_dots, with_slashes_merged, without_parameters):
            other = lenient(reading)
            if other not in found:
                found.append(other)
    return [reading + mark + query for reading in found]
