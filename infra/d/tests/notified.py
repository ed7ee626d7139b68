#!/usr/bin/env python3
"""Those whom d notifies, for tests.

    notified.py HTTP-PORT SMTP-PORT DIR

writes each request that it gets by HTTP to DIR/http.N and each mail to DIR/mail.N. While
DIR/refuse is there, requests are answered with the status that it holds.
"""
import base64
import http.server
import os
import socketserver
import sys
import threading

directory = sys.argv[3]
lock = threading.Lock()


def keep(kind, text):
    with lock:
        n = len([f for f in os.listdir(directory) if f.startswith(kind + ".")])
        with open("%s/.new" % directory, "wb") as f:
            f.write(text)
        os.rename("%s/.new" % directory, "%s/%s.%d" % (directory, kind, n + 1))


class Web(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status = int(open(directory + "/refuse").read())
        except FileNotFoundError:
            status = 200
        head = "%s\n%s" % (self.path, self.headers)
        keep("http" if status == 200 else "refused", head.encode() + body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Mail(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        seen = []
        self.say("220 test")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            word = line.split(" ")[0].upper()
            seen.append(line)
            if word == "EHLO":
                self.say("250-test\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                if len(line.split(" ")) == 2:
                    self.say("334 ")
                    line += " " + self.rfile.readline().decode().strip()
                seen.append("LOGIN " + base64.b64decode(line.split(" ")[2]).decode().replace("\0", "|"))
                self.say("235 fine")
            elif word == "DATA":
                self.say("354 go on")
                data = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    data += part
                keep("mail", "\n".join(seen).encode() + b"\n" + data)
                self.say("250 kept")
            else:
                self.say("221 bye" if word == "QUIT" else "250 fine")
                if word == "QUIT":
                    return


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = allow_reuse_address = True


threading.Thread(target=Server(("127.0.0.1", int(sys.argv[2])), Mail).serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Web).serve_forever()
