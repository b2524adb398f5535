"""An endpoint of chat completions that streams, and says what a script says.

    python streaming_endpoint.py SCRIPT

SCRIPT is a file of JSON: the turns of a conversation, each a text or `[tool, arguments]`; the last one for ever. The
address is printed, and then what each request asked: whether to stream, and the tools that it offered.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def say_aloud(line):
    """Tell whoever started the program."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Endpoint(BaseHTTPRequestHandler):
    """Answers each request with the turn that comes after those of the assistant in it."""

    script = ()

    def log_message(self, *_):
        """Say nothing of requests."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tools = [each["function"] for each in asked.get("tools", ())]
        say_aloud(json.dumps({"stream": bool(asked.get("stream")), "tools": tools}))
        turns = sum(each["role"] == "assistant" for each in asked["messages"])
        say = self.script[min(turns, len(self.script) - 1)]
        text = say if isinstance(say, str) else None
        call = None if text is not None else {"name": say[0], "arguments": json.dumps(say[1])}
        calls = [{"index": 0, "id": f"call-{turns}", "type": "function", "function": call}] if call else None
        message = {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})
        finish = "tool_calls" if calls else "stop"
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        common = {"id": f"reply-{turns}", "created": 0, "model": asked["model"]}
        if not asked.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": finish}
            self.answer(
                "application/json",
                json.dumps(common | {"object": "chat.completion", "choices": [choice], "usage": usage}),
            )
            return
        parts = [
            {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
            {"choices": [], "usage": usage},
        ]
        events = [json.dumps(common | {"object": "chat.completion.chunk"} | part) for part in parts]
        self.answer("text/event-stream", "".join(f"data: {each}\n\n" for each in [*events, "[DONE]"]))

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        Endpoint.script = json.load(file)
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        say_aloud(f"http://127.0.0.1:{server.server_address[1]}/v1")
        server.serve_forever()
