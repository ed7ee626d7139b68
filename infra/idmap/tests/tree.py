#!/usr/bin/env python3
"""Trees of files for the tests, and what they are to be after a shift.

    tree.py make DIR [small]         a tree with every kind of inode, in DIR
    tree.py list DIR [MAP [back]]    a line for each inode, sorted; with MAP, as it is to be
                                     after a shift by MAP, or an unshift (back)

The ids that MAP changes are worked out here once more, by another hand than idmap's.
"""
import os
import re
import socket
import stat
import struct
import sys

XATTRS = ("security.capability", "system.posix_acl_access", "system.posix_acl_default")
CAP_V2 = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_GROUP, ACL_MASK, ACL_OTHER = 1, 2, 4, 8, 16, 32


def cap_v3(rootid):
    return struct.pack("<IIIIII", 0x03000001, 1 << 13, 0, 0, 0, rootid)


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def acl_for(uid, gid):
    return acl((ACL_USER_OBJ, 6, 0xFFFFFFFF), (ACL_USER, 4, uid), (ACL_USER, 6, uid + 1),
               (ACL_GROUP_OBJ, 4, 0xFFFFFFFF), (ACL_GROUP, 6, gid), (ACL_MASK, 6, 0xFFFFFFFF),
               (ACL_OTHER, 0, 0xFFFFFFFF))


# --- making ---

def put(path, uid=0, gid=0, mode=0o644, text=b"text"):
    with open(path, "wb") as f:
        f.write(text)
    os.chown(path, uid, gid)
    os.chmod(path, mode)


def make(top, small=False):
    top = os.fsencode(top)
    join = lambda *p: os.path.join(top, *p)
    os.makedirs(top, exist_ok=True)
    os.chmod(top, 0o755)
    for i, d in enumerate((b"bin", b"home", b"home/www", b"deep", b"odd", b"dev", b"many")):
        os.mkdir(join(d))
        os.chown(join(d), 33 * (i % 3), 34 * (i % 2))
    os.chmod(join(b"home"), 0o3777)  # setgid, sticky, names unsafe
    os.chmod(join(b"home/www"), 0o2750)

    put(join(b"bin/plain"), 0, 0, 0o755)
    for n, mode in ((b"setuid", 0o4755), (b"setgid", 0o2755), (b"both", 0o6711), (b"nox", 0o6644)):
        put(join(b"bin", n), 0, 5, mode)
        put(join(b"home", n), 33, 34, mode)
    for n, cap in ((b"v2", CAP_V2), (b"v3", cap_v3(5)), (b"v3more", cap_v3(65535))):
        for d in (b"bin", b"home/www"):
            put(join(d, b"cap-" + n), 33, 0, 0o755)
            os.setxattr(join(d, b"cap-" + n), "security.capability", cap)
    put(join(b"bin/all"), 33, 34, 0o6755)
    os.setxattr(join(b"bin/all"), "system.posix_acl_access", acl_for(1000, 1001))
    os.chmod(join(b"bin/all"), 0o6775)
    os.setxattr(join(b"bin/all"), "security.capability", CAP_V2)

    put(join(b"home/www/acl"), 33, 33)
    os.setxattr(join(b"home/www/acl"), "system.posix_acl_access", acl_for(33, 34))
    os.setxattr(join(b"home/www"), "system.posix_acl_default", acl_for(33, 65535))
    os.setxattr(join(b"home/www"), "system.posix_acl_access", acl_for(0, 0))
    put(join(b"home/www/inherits"), 1000, 1000)
    os.mkdir(join(b"home/www/inherits-too"))

    # hard links, across directories
    for n in (b"plain", b"setuid", b"cap-v2", b"all"):
        os.link(join(b"bin", n), join(b"home/www", b"link-" + n))
        os.link(join(b"bin", n), join(b"deep", b"link-" + n))
    os.symlink("/etc/passwd", join(b"home/www/absolute"))
    os.link(join(b"home/www/absolute"), join(b"deep/absolute-too"), follow_symlinks=False)
    os.symlink("../bin", join(b"home/directory"))
    os.symlink("nowhere", join(b"home/dangling"))
    os.chown(join(b"home/dangling"), 33, 34, follow_symlinks=False)

    os.mkfifo(join(b"dev/fifo"))
    os.chmod(join(b"dev/fifo"), 0o620)
    s = socket.socket(socket.AF_UNIX)
    cwd = os.getcwd()
    os.chdir(join(b"dev"))
    s.bind("socket")
    s.close()
    os.chdir(cwd)
    os.chown(join(b"dev/socket"), 65534, 65534)
    try:
        os.mknod(join(b"dev/null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(join(b"dev/block"), 0o660 | stat.S_IFBLK, os.makedev(7, 250))
    except PermissionError:
        pass

    for i, n in enumerate((b" ", b"new\nline", b"\033[2J", b"\xff\xfe", b"-n", b"'\"\\$(x)`", "ü".encode(),
                           b"x" * 255, b"...", b"*")):
        put(join(b"odd", n), i, i)
    d = join(b"deep")
    for i in range(40):
        d = os.path.join(d, b"level%02d" % i)
        os.mkdir(d)
        os.chown(d, i, 0)
    put(os.path.join(d, b"bottom"), 40, 41)
    for i in range(300):
        put(join(b"many", b"%03d" % i), i, 300 - i, text=b"")
    if small:
        shrink(top)
    for d, directories, files in os.walk(top, topdown=False):
        for n in files + directories:
            os.utime(os.path.join(d, n), ns=(10**18 + 1, 10**18 + len(n)), follow_symlinks=False)
    os.utime(top, ns=(10**18, 10**18))


# One of each kind.
SMALL = {b"bin", b"home", b"deep", b"www", b"dev", b"all", b"plain", b"cap-v2", b"acl", b"inherits-too",
         b"link-all", b"link-cap-v2", b"absolute", b"fifo"}


def shrink(top):
    for d, directories, files in os.walk(top, topdown=False):
        for n in set(files + directories) - SMALL:
            p = os.path.join(d, n)
            os.rmdir(p) if os.path.isdir(p) and not os.path.islink(p) else os.unlink(p)


# --- listing ---

class Map:
    def __init__(self, text, back):
        self.pairs = {"u": [], "g": []}
        for item in text.split(","):
            which, a, b, n = re.fullmatch(r"(?:([ugb]):)?(\d+):(\d+):(\d+)", item).groups()
            for k in "ug" if which in (None, "b") else which:
                self.pairs[k].append((int(b), int(a), int(n)) if back else (int(a), int(b), int(n)))

    def id(self, kind, i):
        for there, _, n in [(b, a, n) for a, b, n in self.pairs[kind]]:
            if there <= i < there + n:
                return i
        for here, there, n in self.pairs[kind]:
            if here <= i < here + n:
                return there + i - here
        return i

    def acl(self, value):
        out = value[:4]
        for at in range(4, len(value), 8):
            tag, perm, i = struct.unpack_from("<HHI", value, at)
            if tag in (ACL_USER, ACL_GROUP):
                i = self.id("u" if tag == ACL_USER else "g", i)
            out += struct.pack("<HHI", tag, perm, i)
        return out

    def cap(self, value):
        root = struct.unpack_from("<I", value, 20)[0] if len(value) == 24 else 0
        new = self.id("u", root)
        if new == root:
            return value
        head = struct.unpack_from("<I", value)[0] & 0x00FFFFFF
        if new == 0:
            return struct.pack("<I", head | 0x02000000) + value[4:20]
        return struct.pack("<I", head | 0x03000000) + value[4:20] + struct.pack("<I", new)


def describe(top, path, names, m):
    st = os.lstat(path)
    uid, gid = (m.id("u", st.st_uid), m.id("g", st.st_gid)) if m else (st.st_uid, st.st_gid)
    first = names.setdefault((st.st_dev, st.st_ino), path)
    words = [ascii(path[len(top):]), oct(st.st_mode), str(uid), str(gid), str(st.st_nlink),
             str(st.st_mtime_ns), str(st.st_rdev)]
    if not stat.S_ISDIR(st.st_mode):
        words.append(str(st.st_size))
    if first != path:
        words.append("same as " + ascii(first[len(top):]))
    if stat.S_ISLNK(st.st_mode):
        words.append("-> " + ascii(os.readlink(path)))
    else:
        for name in XATTRS:
            if name not in os.listxattr(path):
                continue
            value = os.getxattr(path, name)
            if m:
                value = m.cap(value) if name == XATTRS[0] else m.acl(value)
            words.append(name.split(".")[-1] + "=" + value.hex())
    return " ".join(words)


def listing(top, m=None):
    top = os.fsencode(top)
    names, paths = {}, [top]
    for d, directories, files in os.walk(top):
        paths += [os.path.join(d, n) for n in directories + files]
    return [describe(top, p, names, m) for p in sorted(paths)]


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("make", "list"):
        sys.exit(__doc__)
    if sys.argv[1] == "make":
        make(sys.argv[2], len(sys.argv) > 3)
    else:
        wanted = Map(sys.argv[3], len(sys.argv) > 4) if len(sys.argv) > 3 else None
        print("\n".join(listing(sys.argv[2], wanted)))
