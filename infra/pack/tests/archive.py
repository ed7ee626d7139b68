#!/usr/bin/env python3
"""Writes image archives for the tests, sound ones and hostile ones.

    archive.py OUT CASE

A case is a function below. "archive.py --hostile DIRECTORY" writes every hostile one, CASE.tar,
and prints a line for each: its name, a tab, words of the message that it is refused with.
"""
import gzip
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import time

tarfile.RECORDSIZE = 512
CAPABILITY = bytes([1, 0, 0, 2, 0, 4, 0, 0] + [0] * 12)


def entry(name, data=None, type=None, mode=None, uid=0, gid=0, link="", mtime=0, **pax):
    t = tarfile.TarInfo(name)
    t.type = type or (tarfile.DIRTYPE if data is None and not link else
                      tarfile.SYMTYPE if data is None else tarfile.REGTYPE)
    t.mode = mode if mode is not None else (0o755 if t.type == tarfile.DIRTYPE else 0o644)
    t.uid, t.gid, t.linkname, t.mtime = uid, gid, link, mtime
    t.size = len(data or b"")
    t.pax_headers = {k.replace("__", "."): v for k, v in pax.items()}
    return t, data


def layer(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as tar:
        for t, data in entries:
            tar.addfile(t, io.BytesIO(data) if data else None)
    return out.getvalue()


def image(layers, config=None, top=None, manifest=None, diff_ids=None, extra=(), steps=None):
    """The archive's bytes: each layer a file, the config, manifest.json."""
    diff_ids = diff_ids or ["sha256:" + hashlib.sha256(x).hexdigest() for x in layers]
    steps = steps or ["COPY dir:0 in / "] * len(layers)
    full = {"architecture": "amd64", "os": "linux", "config": config or {},
            "history": [{"created_by": "/bin/sh -c #(nop) " + s} for s in steps],
            "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    full.update(top or {})
    text = json.dumps(full).encode()
    names = ["%d/layer.tar" % i for i in range(len(layers))]
    parts = [entry(n, d) for n, d in zip(names, layers)]
    parts.append(entry("config.json", text))
    listed = manifest if manifest is not None else [{"Config": "config.json", "RepoTags": None, "Layers": names}]
    parts.append(entry("manifest.json", json.dumps(listed).encode()))
    return layer(*parts, *extra)


# ---- sound ones

LOWER = [
    entry("bin"), entry("bin/tool", b"tool\n", mode=0o755), entry("bin/alias", link="tool"), entry("by", link="data"),
    entry("bin/setuid", b"s\n", mode=0o4755, uid=7), entry("bin/secret-tool", b"REMOVED-BY-UPPER\n", mode=0o755),
    entry("data"), entry("data/one", b"1\n"), entry("data/two", b"2\n"),
    entry("opaque"), entry("opaque/old", b"old\n"), entry("opaque/sub"), entry("opaque/sub/deep", b"deep\n"),
    entry("swap"), entry("swap/was-a-directory"), entry("swap/was-a-directory/x", b"x\n"), entry("swap/was-a-file", b"f\n"),
    entry("etc"), entry("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:5:5::/:/bin/sh\n"),
    entry("etc/group", b"root:x:0:\n"),
]
UPPER = [
    entry("bin", uid=0), entry("bin/.wh.secret-tool", b""), entry("by/.wh.one", b""),
    entry("data", mode=0o700, uid=7, gid=8), entry("data/two", b"two, changed\n", mode=0o600),
    entry("opaque"), entry("opaque/.wh..wh..opq", b""), entry("opaque/new", b"new\n"),
    entry("swap"), entry("swap/.wh.was-a-directory", b""), entry("swap/was-a-directory", b"now a file\n"),
    entry("swap/was-a-file"), entry("swap/was-a-file/inside", b"inside\n"),
    entry("odd"), entry("odd/" + "n" * 200, b"long\n"), entry("odd/e\u0301", b"decomposed\n"),
    entry("odd/bytes\udcff", b"no UTF-8\n"), entry("odd/new\nline and blank", b"newline\n"),
    entry("odd/big-owner", b"big\n", uid=3000000, gid=4000000000),
    entry("odd/capable", b"cap\n", mode=0o755, SCHILY__xattr__security__capability=CAPABILITY.decode("latin-1"),
          SCHILY__xattr__user__note="mine"),
    entry("odd/first", b"linked\n"), entry("odd/second", b"", type=tarfile.LNKTYPE, link="odd/first"),
    entry("odd/far", link="/etc/passwd"), entry("odd/pipe", type=tarfile.FIFOTYPE, mode=0o644),
]


def flatten():
    return image([layer(*LOWER), layer(*UPPER)])


def reordered():
    """The same, its entries in another order and with other times and user names."""
    lower, upper = [], []
    for src, dst in ((LOWER, lower), (UPPER, upper)):
        for t, d in sorted(src, key=lambda e: e[0].name):
            c = entry(t.name, d, t.type, t.mode, t.uid, t.gid, t.linkname, time.time())
            c[0].pax_headers = dict(t.pax_headers)
            c[0].uname = c[0].gname = "somebody"
            dst.append(c)
    return image([layer(*lower), layer(*upper)], top={"created": "2030-01-01T00:00:00Z", "docker_version": "99"},
                 config={"Hostname": "abc", "Labels": {"io.buildah.version": "1.2"}, "Cmd": [], "OnBuild": None})


def squashed():
    """The lower layer twice over, the second time gzipped, as some tools store it."""
    lower, upper = layer(*LOWER), layer(*UPPER)
    ids = ["sha256:" + hashlib.sha256(x).hexdigest() for x in (lower, upper)]
    return image([lower, gzip.compress(upper)], diff_ids=ids)


def config():
    return image([layer(entry("file", b"f"))], config={
        "Hostname": "0123", "Env": ["A=b"], "Entrypoint": ["/file"], "Cmd": None, "ExposedPorts": {"80": {}, "53/udp": {}},
        "Volumes": {"/data": {}}, "WorkingDir": "/srv/work/", "User": "1000", "Labels": {"who": "me", "io.buildah.version": "1"},
        "Healthcheck": {"Test": ["CMD", "/file"], "Interval": 5, "Timeout": 0}, "StopSignal": "SIGINT", "ArgsEscaped": True,
    }, top={"container": "x", "container_config": {"Cmd": ["x"]}, "created": "2001-01-01T00:00:00Z", "author": "me"})


def directories():
    """Directories by odd names, and some that can't be."""
    return image([layer(entry("file", b"f"), entry("link", link="/etc"))], config={
        "WorkingDir": "/srv//work/./deep", "Volumes": {k: {} for k in (
            "/data/", "more//", "/../out", "/file/in", "/link/in", "/" + "n" * 300)}})


def debian():
    """Two packages of Debian's, merged below /usr, whose database a later layer takes away."""
    status = (b"Package: web\nStatus: install ok installed\nArchitecture: amd64\nSource: web-src (1.0)\nVersion: 1:1.0-2+b1\n"
              b"Depends: libweb1 (>= 1) | other, libgone\nHomepage: https://web.example/\nDescription: serves\n more of it\n\n"
              b"Package: libweb1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-2\nDescription: its library\n\n"
              b"Package: old\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n")
    return image([layer(
        entry("bin", link="usr/bin"), entry("lib", link="usr/lib"), entry("usr"), entry("usr/bin"), entry("usr/lib"),
        entry("usr/bin/web", b"web\n", mode=0o755), entry("usr/lib/libweb.so.1", b"lib\n"), entry("usr/bin/own", b"o\n"),
        entry("etc"), entry("etc/os-release", b"ID=debian\nVERSION_ID=\"13\"\n"),
        entry("usr/share"), entry("usr/share/doc"), entry("usr/share/doc/web"),
        entry("usr/share/doc/web/copyright", b"Format: x\n\nFiles: *\nLicense: GPL-2+\n text\n\nFiles: a\nLicense: MIT\n\nLicense: GPL-2+\n\nLicense: a sentence of words\n"),
        entry("var"), entry("var/lib"), entry("var/lib/dpkg"), entry("var/lib/dpkg/status", status), entry("var/lib/dpkg/info"),
        entry("var/lib/dpkg/info/web.list", b"/.\n/bin\n/bin/web\n/usr/share/doc/web/copyright\n"),
        entry("var/lib/dpkg/info/libweb1:amd64.list", b"/.\n/lib\n/lib/libweb.so.1\n")),
        layer(entry("var/lib/.wh.dpkg", b""))])


def ledger():
    lines = [{"action": "remove", "path": "/bin/gone", "rule": "sysdirs", "type": "file", "mode": "0755", "uid": 0,
              "gid": 0, "size": 5, "sha256": "0" * 64},
             {"action": "remove", "path": "/bin/odd", "rule": "\x1b[2J", "type": "file\n", "mode": "\x1b", "part": "\r"},
             {"action": "mode", "path": "/etc/passwd", "rule": "accounts", "type": "file", "mode": "0600", "uid": 0,
              "gid": 0, "size": 3, "to_mode": "0644"}]
    text = "".join(json.dumps(x) + "\n" for x in lines).encode()
    return image([
        layer(entry("bin"), entry("bin/gone", b"gone\n", mode=0o755), entry("bin/untold", b"untold\n"),
              entry("etc"), entry("etc/passwd", b"r:x\n"), entry("etc/group", b"")),
        layer(entry("bin"), entry("bin/.wh.gone", b""), entry("bin/.wh.untold", b""), entry("etc/passwd", b"r:x\n"),
              entry("var/lib/whittle"), entry("var/lib/whittle/ledger.jsonl", text)),
    ], steps=["ADD file:0 in / ", "RUN x"])


def carved():
    """What prep left of three packages: one program of one of them, and a library."""
    def package(name, version, source):
        return ("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nSource: %s\nVersion: %s\n\n" % (name, source, version)).encode()

    def gone(path, mode="0755", size=10, rule="carve", **more):
        return dict({"action": "remove", "path": path, "rule": rule, "type": "file", "mode": mode, "uid": 0,
                     "gid": 0, "size": size, "sha256": "0" * 64}, **more)
    lines = [gone("/usr/bin/bash"), gone("/usr/bin/other", hardlink="/usr/bin/tool"), gone("/usr/bin/su", "4755", rule="setuid"),
             gone("/usr/bin/tool", hardlink="/usr/bin/other"), gone("/usr/lib/libgone.so.3"),
             {"action": "remove", "path": "/usr/bin/sh", "rule": "carve", "type": "link", "mode": "0777", "uid": 0, "gid": 0, "size": 4, "target": "bash"},
             {"action": "mode", "path": "/usr/bin/serve", "rule": "setuid", "type": "file", "mode": "2755", "uid": 0, "gid": 0, "size": 6, "to_mode": "0755"},
             {"action": "carve", "path": "/", "rule": "carve", "tests": 7}]
    text = "".join(json.dumps(x) + "\n" for x in lines).encode()
    status = package("serve", "1:2.0-1", "serve-src") + package("shells", "5.0-1", "shells") + package("libserve2", "2.0-1", "serve-src (1:2.0-1)")
    info = "var/lib/dpkg/info/"
    before = [entry("usr/bin/" + x, b"x" * 10, mode=0o755) for x in ("bash", "other", "su", "tool")]
    return image([
        layer(entry("usr"), entry("usr/bin"), entry("usr/lib"), entry("etc"), entry("var"), entry("var/lib"), entry("var/lib/dpkg"),
              entry("etc/os-release", b"ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n"),
              entry("usr/bin/serve", b"serve\n", mode=0o755), entry("usr/lib/libserve.so.2", b"library\n", mode=0o755),
              entry("usr/lib/module.py", b"module\n", mode=0o755), *before,
              entry("var/lib/dpkg/status", status), entry("var/lib/dpkg/info"),
              entry(info + "serve.list", b"/.\n/usr/bin/serve\n"), entry(info + "shells.list", b"/.\n/usr/bin/bash\n"),
              entry(info + "libserve2.list", b"/.\n/usr/lib/libserve.so.2\n")),
        layer(entry("var/lib/.wh.dpkg", b""), *[entry("usr/bin/.wh." + x, b"") for x in ("bash", "other", "su", "tool")],
              entry("var/lib/whittle"), entry("var/lib/whittle/ledger.jsonl", text)),
    ], steps=["ADD file:0 in / ", "RUN x"])


def grown():
    """What the gate is for: more rights, accounts, ports and programs than flatten() has."""
    more = [entry("bin/tool", b"tool\n", mode=0o4755), entry("usr/bin/new", b"new\n", mode=0o755),
            entry("bin/setuid", b"s\n", mode=0o4755), entry("lib64", link="bin"),
            entry("usr/bin/applet", link="../../lib64/alias"), entry("usr/bin/dangling", link="nothing"),
            entry("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:0:5::/:/bin/sh\nsvc:x:9:9::/:/bin/sh\n"),
            entry("srv/data", b"data, no program\n"), entry("data/one", b"1\n", mode=0o755)]
    return image([layer(*LOWER), layer(*UPPER), layer(*more)], config={"ExposedPorts": {"8080/tcp": {}}})


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def zstandard():
    """flatten()'s layers, the upper one compressed with zstd."""
    lower, upper = layer(*LOWER), layer(*UPPER)
    ids = ["sha256:" + hashlib.sha256(x).hexdigest() for x in (lower, upper)]
    return image([lower, zstd(upper)], diff_ids=ids)


def device_entries():
    return [entry("dev"), entry("dev/full", type=tarfile.CHRTYPE), entry("dev/sda", type=tarfile.BLKTYPE),
            entry("dev/other", b"", type=tarfile.LNKTYPE, link="dev/full"), entry("dev/fd", link="/proc/self/fd")]


def devices():
    """Device nodes in /dev, one over a plain file of the layer below."""
    return image([layer(entry("dev"), entry("dev/full", b"a plain file\n"), entry("x", b"x\n")), layer(*device_entries())])


def linked():
    """A file of the lower layer under a second name in the upper one, with its attributes, and an
    opaque directory that comes after what it hides."""
    return image([
        layer(entry("a", b"a\n", mode=0o755, uid=5, SCHILY__xattr__security__capability=CAPABILITY.decode("latin-1")),
              entry("o"), entry("o/old", b"old\n")),
        layer(entry("b", b"", type=tarfile.LNKTYPE, link="a"), entry("o"), entry("o/new", b"new\n"),
              entry("o/.wh..wh..opq", b""))])


def workdir():
    """Directories that WORKDIR made for a user, one of which a later step changed."""
    return image([layer(entry("file", b"x")), layer(entry("made", uid=7, gid=7), entry("made/by", uid=7, gid=7)),
                  layer(entry("given", uid=7, gid=7)), layer(entry("given", uid=7, gid=7)),
                  layer(entry("made", uid=7, gid=7), entry("made/file", b"x\n", uid=7))],
                 steps=["COPY x", "WORKDIR /made/by # buildkit", "#(nop) WORKDIR /given", "chown 7:7 /given", "#(nop) COPY file"])


# ---- OCI image layouts

def blob(parts, data):
    digest = hashlib.sha256(data).hexdigest()
    name = "blobs/sha256/" + digest
    if all(t.name != name for t, _ in parts):
        parts.append(entry(name, data))
    return {"digest": "sha256:" + digest, "size": len(data)}


def manifest_of(parts, contents, kinds, arch="amd64", **more):
    ids = ["sha256:" + hashlib.sha256(x).hexdigest() for x in contents]
    config = {"architecture": arch, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids},
              "history": [{"created_by": "/bin/sh -c #(nop) COPY dir:0 in / "}] * len(contents)}
    packed = {"tar": lambda x: x, "tar+gzip": gzip.compress, "tar+zstd": zstd}
    listed = [dict(blob(parts, packed[k](x)), mediaType="application/vnd.oci.image.layer.v1." + k)
              for x, k in zip(contents, kinds)]
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": dict(blob(parts, json.dumps(config).encode()), mediaType="application/vnd.oci.image.config.v1+json"),
                "layers": listed}
    manifest.update(more)
    return dict(blob(parts, json.dumps(manifest).encode()), mediaType=manifest["mediaType"])


def layout(parts, descriptors):
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": descriptors}
    return layer(*parts, entry("index.json", json.dumps(index).encode()),
                 entry("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'))


def inner_index(parts, descriptors):
    text = json.dumps({"schemaVersion": 2, "manifests": descriptors}).encode()
    return dict(blob(parts, text), mediaType="application/vnd.oci.image.index.v1+json")


FLAT = [layer(*LOWER), layer(*UPPER)]
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OTHER = "s390x" if HERE != "s390x" else "amd64"


def oci():
    parts = []
    return layout(parts, [manifest_of(parts, FLAT, ["tar+gzip", "tar+zstd"], arch="amd64")])


def several():
    """An index within the index: another architecture first, this one, and what a builder states."""
    parts = []
    foreign = dict(manifest_of(parts, [layer(entry("foreign", b"x"))], ["tar"], arch=OTHER),
                   platform={"os": "linux", "architecture": OTHER})
    here = dict(manifest_of(parts, FLAT, ["tar", "tar+gzip"], arch="amd64"), platform={"os": "linux", "architecture": HERE})
    stated = dict(manifest_of(parts, [layer(entry("statement", b"x"))], ["tar"]),
                  platform={"os": "unknown", "architecture": "unknown"},
                  annotations={"vnd.docker.reference.type": "attestation-manifest"})
    return layout(parts, [inner_index(parts, [foreign, here, stated])])


def oci_for(platform_of, count=1, **more):
    parts = []
    listed = [dict(manifest_of(parts, [layer(entry("file", b"%d" % k))], ["tar"], **more), **platform_of)
              for k in range(count)]
    return layout(parts, listed)


def oci_foreign(kind, **more):
    parts = []
    one = layer(entry("file", b"x"))
    listed = [dict(blob(parts, one), mediaType=kind, **more)]
    return layout(parts, [manifest_of(parts, [one], ["tar"], layers=listed)])


def oci_broken():
    parts = []
    listed = manifest_of(parts, FLAT, ["tar", "tar"])
    name = "blobs/sha256/" + listed["digest"][7:]
    parts = [(t, d) if t.name != name else entry(name, d.replace(b'"schemaVersion": 2', b'"schemaVersion": 3')) for t, d in parts]
    return layout(parts, [listed])


def nested(depth):
    parts = []
    inner = manifest_of(parts, FLAT, ["tar", "tar"])
    for _ in range(depth):
        inner = inner_index(parts, [inner])
    return layout(parts, [inner])


# ---- hostile ones: refused, each with these words

def raw_layer(*entries):
    return image([layer(*entries)])


def bad_number():
    """A size field of 8 EiB."""
    data = bytearray(layer(entry("big", b"x")))
    data[124:136] = b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return image([bytes(data)])


def sparse():
    t, d = entry("holes", b"x", GNU__sparse__major="0", GNU__sparse__minor="1", GNU__sparse__name="holes",
                 GNU__sparse__size="1099511627776", GNU__sparse__map="0,1", GNU__sparse__numblocks="1")
    return image([layer((t, d))])


HOSTILE = {
    "absolute": ("an absolute path", lambda: raw_layer(entry("/etc/evil", b"x"))),
    "dotdot": ("'..'", lambda: raw_layer(entry("a/../../evil", b"x"))),
    "dotdot-whiteout": ("a whiteout of no name", lambda: raw_layer(entry("a/.wh...", b""))),
    "nameless-whiteout": ("a whiteout of no name", lambda: raw_layer(entry("a/.wh.", b""))),
    "link-out": ("leads out of the image", lambda: raw_layer(entry("a"), entry("a/link", link="../../etc"))),
    "hardlink-out": ("leads out of the image",
                     lambda: raw_layer(entry("h", b"", type=tarfile.LNKTYPE, link="../../etc/passwd"))),
    "hardlink-absolute": ("leads out of the image",
                          lambda: raw_layer(entry("h", b"", type=tarfile.LNKTYPE, link="/etc/passwd"))),
    "hardlink-to-nothing": ("a hard link to what isn't there",
                            lambda: raw_layer(entry("h", b"", type=tarfile.LNKTYPE, link="nothing"))),
    "hardlink-to-directory": ("a hard link to a directory",
                           lambda: raw_layer(entry("d"), entry("h", b"", type=tarfile.LNKTYPE, link="d"))),
    "through-link": ("isn't a directory", lambda: raw_layer(entry("l", link="/etc"), entry("l/evil", b"x"))),
    "through-link-of-a-lower-layer": ("isn't a directory", lambda: image(
        [layer(entry("l", link="/etc")), layer(entry("l/evil", b"x"))])),
    "through-file": ("isn't a directory", lambda: raw_layer(entry("f", b"x"), entry("f/evil", b"x"))),
    "device": ("a device node", lambda: raw_layer(entry("sda", type=tarfile.BLKTYPE))),
    "overlay-whiteout": ("a device node", lambda: raw_layer(entry("w", type=tarfile.CHRTYPE))),
    "twice": ("the same path twice", lambda: raw_layer(entry("a", b"1"), entry("a", b"2"))),
    "twice-by-dots": ("the same path twice", lambda: raw_layer(entry("a", b"1"), entry("./a", b"2"))),
    "capability": ("a file capability that no kernel takes",
                   lambda: raw_layer(entry("c", b"x", SCHILY__xattr__security__capability="zz"))),
    "long-name": ("a name that is too long", lambda: raw_layer(entry("n" * 256, b""))),
    "long-path": ("a path that is too long", lambda: raw_layer(entry("d/" * 2048 + "x", b""))),
    "root-file": ("the root is not a directory", lambda: raw_layer(entry(".", b"x"))),
    "huge": ("not a sound tar archive", bad_number),
    "sparse": ("sparse", sparse),
    "truncated-layer": ("digest differs", lambda: image([layer(entry("a", b"x" * 5000))[:3000]],
                                                        diff_ids=["sha256:" + hashlib.sha256(layer(entry("a", b"x" * 5000))).hexdigest()])),
    "truncated-layer-by-its-own-digest": ("larger than the whole archive", lambda: image([layer(entry("a", b"x" * 5000))[:3000]])),
    "truncated-archive": ("larger than the whole archive", lambda: flatten()[:9000]),
    "half-header": ("larger than the whole archive", lambda: flatten()[:700]),
    "empty": ("not a tar archive", lambda: b""),
    "text": ("not a tar archive", lambda: b"this is no archive\n" * 100),
    "zip": ("not a tar archive", lambda: b"PK\x03\x04" + b"\0" * 600),
    "wrong-digest": ("digest differs", lambda: image([layer(entry("a", b"x"))], diff_ids=["sha256:" + "0" * 64])),
    "no-manifest": ("no such member", lambda: layer(entry("x", b"x"))),
    "two-images": ("several", lambda: image([layer(entry("a", b"x"))], manifest=[{}, {}])),
    "no-config": ("names no config", lambda: image([layer(entry("a", b"x"))], manifest=[{"Layers": []}])),
    "config-outside": ("no such member", lambda: image([layer(entry("a", b"x"))],
                                                       manifest=[{"Config": "../../etc/passwd", "Layers": []}])),
    "layer-outside": ("no such member", lambda: image([layer(entry("a", b"x"))],
                                                      manifest=[{"Config": "config.json", "Layers": ["/etc/passwd"]}])),
    "layers-missing": ("aren't those of the config", lambda: image([layer(entry("a", b"x"))],
                                                                   manifest=[{"Config": "config.json", "Layers": []}])),
    "member-link-out": ("leads out of the archive", lambda: image([layer(entry("a", b"x"))],
                                                                  extra=[entry("z/layer.tar", link="/etc/passwd")])),
    "member-device": ("neither a file nor a directory", lambda: image([layer(entry("a", b"x"))],
                                                                   extra=[entry("dev", type=tarfile.CHRTYPE)])),
    "member-twice": ("the same member twice", lambda: image([layer(entry("a", b"x"))],
                                                            extra=[entry("manifest.json", b"[]")])),
    "bad-json": ("manifest.json", lambda: image([layer(entry("a", b"x"))]).replace(b'[{"Config"', b'[{"Config:')),
    "wrong-type": ("wrong type", lambda: image([layer(entry("a", b"x"))], config={"Env": "A=b"})),
    "no-architecture": ("architecture", lambda: image([layer(entry("a", b"x"))], top={"architecture": ""})),
    "bomb": ("unpacks to more than a hundred times", lambda: image(
        [gzip.compress(b"\0" * (200 << 20), 9)], diff_ids=["sha256:" + "0" * 64])),
    "bad-gzip": ("not sound gzip", lambda: image([gzip.compress(b"x" * 100000)[:-50]], diff_ids=["sha256:" + "0" * 64])),
    "bad-zstd": ("not sound zstd", lambda: image([zstd(os.urandom(100000))[:-50]], diff_ids=["sha256:" + "0" * 64])),
    "schema-1-archive": ("schema 1", lambda: layer(entry("repositories", b"{}"), entry("abc/layer.tar", b"x"))),
    "schema-1": ("schema 1", lambda: oci_for({}, schemaVersion=1)),
    "foreign-layer": ("a foreign one", lambda: oci_foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")),
    "nondistributable-layer": ("a foreign one", lambda: oci_foreign("application/vnd.oci.image.layer.nondistributable.v1.tar")),
    "layer-elsewhere": ("a foreign one", lambda: oci_foreign("application/vnd.oci.image.layer.v1.tar", urls=["https://x/y"])),
    "foreign-layer-source": ("a foreign layer", lambda: image([layer(entry("a", b"x"))], manifest=[
        {"Config": "config.json", "Layers": ["0/layer.tar"], "LayerSources": {"sha256:0": {"urls": ["https://x/y"]}}}])),
    "none-for-here": ("no image for linux/%s in it, but for linux/%s, windows/amd64" % (HERE, OTHER), lambda: layout(
        (p := []), [dict(manifest_of(p, FLAT, ["tar", "tar"]), platform={"os": o, "architecture": a})
                    for o, a in (("linux", OTHER), ("windows", "amd64"))])),
    "oci-several": ("several images", lambda: oci_for({}, 2)),
    "oci-several-for-here": ("several images", lambda: oci_for({"platform": {"os": "linux", "architecture": HERE}}, 2)),
    "oci-none": ("speaks of no image", lambda: layout([], [])),
    "oci-broken": ("its digest differs from its name", oci_broken),
    "oci-sha512": ("a digest that isn't SHA-256", lambda: layout([], [{"digest": "sha512:00", "mediaType": "x"}])),
    "oci-missing": ("no such member", lambda: layout([], [{"digest": "sha256:" + "0" * 64, "mediaType": "x"}])),
    "oci-deep": ("too deep", lambda: nested(9)),
    "bad-ledger": ("ledger.jsonl:1", lambda: raw_layer(entry("var/lib/whittle/ledger.jsonl", b"{\n"))),
    "ledger-of-nothing": ("without an action", lambda: raw_layer(entry("var/lib/whittle/ledger.jsonl", b"{}\n"))),
    "bad-base": ("not what pack writes there", lambda: raw_layer(entry("var/lib/whittle/base/sbom.cdx.json", b"[1]"))),
    "bad-apk-database": ("not a field of apk's database", lambda: raw_layer(entry("lib/apk/db/installed", b"P:a\nnonsense\n"))),
    "apk-file-first": ("a file before its package", lambda: raw_layer(entry("lib/apk/db/installed", b"F:bin\nR:x\n"))),
}


def main():
    out, case = sys.argv[1:]
    if out == "--hostile":
        for name, (words, make) in HOSTILE.items():
            with open("%s/%s.tar" % (case, name), "wb") as f:
                f.write(make())
            print("%s\t%s" % (name, words))
    else:
        with open(out, "wb") as f:
            f.write(globals()[case]())


if __name__ == "__main__":
    main()
