#!/usr/bin/env python3
"""A busy front before a registry, for tests.

    registry-proxy.py PORT BEHIND LOG

hands requests on to the registry at 127.0.0.1:BEHIND and writes a line for each to LOG, but
answers some of the first ones 429 or 503.
"""
import http.client
import http.server
import sys

port, behind, log = int(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3], "a", buffering=1)
count = 0


class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, headers=(), body=b""):
        log.write("%s %s %s\n" % (self.command, self.path.split("?")[0], status))
        self.send_response(status)
        for key, value in headers:
            if key.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(key, value.replace(":%d" % behind, ":%d" % port))
        length = dict((k.lower(), v) for k, v in headers).get("content-length")
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def ask(self, method, body=None):
        c = http.client.HTTPConnection("127.0.0.1", behind)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "transfer-encoding", "connection", "content-length")}
        c.request(method, self.path, body, dict(headers, Host="127.0.0.1:%d" % port))
        r = c.getresponse()
        return r.status, r.getheaders(), r.read()

    def do(self):
        global count
        count += 1
        body = self.body()
        refusal = {2: 429, 5: 503, 12: 429}.get(count)
        if refusal:
            return self.answer(refusal, (), b'{"errors":[{"code":"TOOMANYREQUESTS"}]}')
        self.answer(*self.ask(self.command, body or None))

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do


http.server.ThreadingHTTPServer(("127.0.0.1", port), Front).serve_forever()
