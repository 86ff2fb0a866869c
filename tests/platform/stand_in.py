"""Stands in for one of our processes: listens where the real one would, and ends when asked."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
        self.wfile.write(os.environ["FIRSTPASS_APP_DATABASE_URL"].encode())

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ[sys.argv[1]])), Healthy).serve_forever()
