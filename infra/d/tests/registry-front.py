#!/usr/bin/env python3
"""A front before a registry, for tests.

    registry-front.py PORT BEHIND FILE

hands questions on to the registry at 127.0.0.1:BEHIND; what FILE's lines "STATUS TEXT" say of
paths that hold TEXT is answered with that status.
"""
import http.client
import http.server
import sys

port, behind, rules = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class Front(http.server.BaseHTTPRequestHandler):
    # Who tries TLS first sees by the status line that there is none.
    default_request_version = 'HTTP/1.1'
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, headers, body):
        self.send_response(status)
        for key, value in headers:
            if key.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(key, value.replace(":%d" % behind, ":%d" % port))
        self.send_header("Content-Length", dict(headers).get("Content-Length", str(len(body))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do(self):
        for line in open(rules):
            status, text = line.split()
            if text in self.path:
                code = {"401": "UNAUTHORIZED", "429": "TOOMANYREQUESTS"}[status]
                return self.answer(int(status), [("Retry-After", "0"), ("Content-Type", "application/json")],
                                   b'{"errors":[{"code":"%s","message":"no"}]}' % code.encode())
        c = http.client.HTTPConnection("127.0.0.1", behind)
        c.request(self.command, self.path, None, {k: v for k, v in self.headers.items() if k.lower() == "accept"})
        r = c.getresponse()
        self.answer(r.status, r.getheaders(), r.read())

    do_GET = do_HEAD = do


http.server.ThreadingHTTPServer(("127.0.0.1", port), Front).serve_forever()
