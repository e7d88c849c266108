"""Requests as curl sends them, for machines without curl."""

import argparse
from pathlib import Path

import httpx2


def send(words, folder):
    """Send the request of a curl command; returns the response.

    Args:
        words: The command without `curl`, with those of curl's options that pages use; another one
            is refused.
        folder: The working directory.
    """
    parser = argparse.ArgumentParser("curl", exit_on_error=False, allow_abbrev=False)
    parser.add_argument("url")
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--data-binary", metavar="DATA|@FILE")
    body.add_argument("--json", metavar="DATA|@FILE")
    body.add_argument("-F", "--form", action="append", metavar="NAME=@FILE")
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-X", "--request")
    parser.add_argument("-o", "--output")
    for ignored in ("-s", "--silent", "-S", "--show-error", "-f", "--fail"):
        parser.add_argument(ignored, action="store_true")
    options = parser.parse_args(words)
    request = {"headers": dict(header.split(": ", 1) for header in options.header)}
    if options.form:
        parts = [part.split("=@", 1) for part in options.form]
        request["files"] = [(name, (path, (folder / path).read_bytes())) for name, path in parts]
    elif data := options.data_binary or options.json:
        kind = "application/json" if options.json else "application/x-www-form-urlencoded"
        content = (folder / data[1:]).read_bytes() if data.startswith("@") else data.encode()
        request["content"] = content
        request["headers"] = {"Content-Type": kind, **request["headers"]}
    method = options.request or ("POST" if options.form or "content" in request else "GET")
    response = httpx2.request(method, options.url, timeout=60, **request)
    if options.output:
        Path(folder / options.output).write_bytes(response.content)
    return response
