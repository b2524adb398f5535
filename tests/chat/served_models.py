"""A real HTTP server that speaks the chat completions protocol, well or badly, by a function of what it is sent."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Said:
    """A reply of the model: text, calls as (name, arguments as text), a refusal, and why it ended."""

    content: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    refusal: str | None = None
    finish: str | None = "by itself"
    counted: bool = True


@dataclass(frozen=True)
class Status:
    """An answer that is no reply."""

    code: int
    body: str = "{}"
    headers: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """A body sent as it is; then the connection is closed, maybe early, or kept open until the server ends."""

    body: str
    stalls: bool = False
    breaks: bool = False
    kind: str = "text/event-stream"


def calling(name, /, **arguments):
    """Return the reply that calls one tool."""
    return Said(calls=((name, json.dumps(arguments)),))


def error(code, message, **headers):
    """Return the answer of a server that refuses a request."""
    return Status(code, json.dumps({"error": {"message": message, "type": "error"}}), headers)


class Endpoint:
    """Serves models until it is closed.

    Args:
        answer: what is answered to a request, given its body and how many came before.
        key: the key that requests must bear; None for any.
    """

    def __init__(self, answer, key=None):
        self.answer, self.key = answer, key
        self.requests = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                """Say nothing."""

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with suppress(BrokenPipeError, ConnectionResetError):
                    endpoint._answer(self, body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        """End, with all connections."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler, body):
        if handler.path != "/v1/chat/completions":
            return write(handler, error(404, f"there is nothing at {handler.path}"))
        if self.key is not None and handler.headers["Authorization"] != f"Bearer {self.key}":
            return write(handler, error(401, f"Incorrect API key provided: {handler.headers['Authorization'][7:]}"))
        if fault := misspoken(body):
            return write(handler, error(400, fault))
        with self._lock:
            number = len(self.requests)
            self.requests.append(body)
            try:
                answer = self.answer(body, number)
            except Exception as fault:  # of the script: said at once, or the client would ask again and again
                answer = error(400, f"the script failed: {fault!r}")
        if isinstance(answer, Said):
            answer = streamed(answer, body) if body.get("stream") else Status(200, json.dumps(whole(answer, body)))
        if isinstance(answer, Status):
            return write(handler, answer)
        handler.send_response(200)
        handler.send_header("Content-Type", answer.kind)
        if answer.breaks:
            handler.send_header("Content-Length", str(len(answer.body) + 1000))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(answer.body.encode())
        handler.wfile.flush()
        if answer.stalls:
            self.ended.wait()
        handler.close_connection = True
        return None


def write(handler, status):
    """Send an answer that is no stream."""
    content = status.body.encode()
    handler.send_response(status.code)
    for name, value in {"Content-Type": "application/json", **status.headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def misspoken(body):
    """Return what is wrong with a request by the protocol, empty if nothing is."""
    awaited = []
    for message in body["messages"]:
        if message["role"] not in ("system", "user", "assistant", "tool"):
            return f"no role {message['role']}"
        if message["role"] == "tool":
            if message["tool_call_id"] not in awaited:
                return "a message of a tool that answers no call"
            awaited.remove(message["tool_call_id"])
        elif awaited:
            return "a call that is not answered"
        for call in message.get("tool_calls", ()):
            if call["type"] != "function" or not isinstance(call["function"]["arguments"], str):
                return "a call that is none"
            awaited.append(call["id"])
    if any(
        tool["type"] != "function" or tool["function"]["parameters"]["type"] != "object"
        for tool in body.get("tools", ())
    ):
        return "a tool that is none"
    return ""


def usage(said, body):
    """Return how many tokens a request and its reply have: a quarter of their characters."""
    return {
        "prompt_tokens": len(json.dumps(body["messages"])) // 4,
        "completion_tokens": (len(said.content) + sum(len(text) for _, text in said.calls)) // 4 + 1,
        "total_tokens": 0,
    }


def _finish(said):
    if said.finish != "by itself":
        return said.finish
    return "tool_calls" if said.calls else "stop"


def whole(said, body):
    """Return a reply in one piece."""
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": text}}
        for number, (name, text) in enumerate(said.calls)
    ]
    message = {"role": "assistant", "content": said.content or None, "refusal": said.refusal}
    return {
        "id": "reply",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {"index": 0, "message": message | ({"tool_calls": calls} if calls else {}), "finish_reason": _finish(said)}
        ],
    } | ({"usage": usage(said, body)} if said.counted else {})


def streamed(said, body):
    """Return a reply as server-sent events: texts and arguments in halves, the count in an event of its own."""
    deltas = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in halves(said.content)]
    deltas += [{"refusal": part} for part in halves(said.refusal or "")]
    for index, (name, text) in enumerate(said.calls):
        first, *rest = halves(text) or [""]
        call = {"index": index, "id": f"call_{index}", "type": "function"}
        deltas.append({"tool_calls": [call | {"function": {"name": name, "arguments": first}}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in rest]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "finish_reason": _finish(said)}])
    base = {"id": "reply", "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
    events = [base | {"choices": each} for each in choices]
    if said.counted and body.get("stream_options", {}).get("include_usage"):
        events.append(base | {"choices": [], "usage": usage(said, body)})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return Sent(": a comment that keeps the connection alive\n\n" + "".join(lines) + "data: [DONE]\n\n")


def halves(text):
    """Return a text in two parts, or none."""
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]
