"""A service that answers every GET and counts what reaches it."""

import http.server
import threading


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self):
        type(self).asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(world, name):
    """Behind the gateway of `name`; what it gives has `asked`, which goes on counting."""
    kind = type(name, (Service,), {"asked": 0})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.upstreams[name] = server.server_address[1]
    return kind
