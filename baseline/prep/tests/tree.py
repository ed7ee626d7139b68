#!/usr/bin/env python3
"""Compares a tree with what it was before prep and what prep's ledger says.

  tree.py list ROOT                  prints what is in the tree, one JSON object a line
  tree.py check BEFORE LEDGER ROOT   whether BEFORE (a list) is ROOT and the ledger
  tree.py covers BEFORE LEDGER ROOT  whether the ledger holds at least all that changed
  tree.py same LIST ROOT             whether the tree is the list
  tree.py swap DIRECTORY NAME NAME      swaps two names in a directory, again and again
  tree.py kill COUNT TREE CONF PREP  kills prep at random moments and runs it again
"""
import ctypes
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import time

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFCHR: "char",
         stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def describe(path):
    st = os.lstat(path)
    e = {"type": TYPES[stat.S_IFMT(st.st_mode)], "mode": "%04o" % stat.S_IMODE(st.st_mode),
         "uid": st.st_uid, "gid": st.st_gid}
    if e["type"] in ("file", "link"):
        e["size"] = st.st_size
    if e["type"] == "link":
        e["target"] = os.readlink(path).hex()
    if e["type"] == "file":
        with open(path, "rb") as f:
            e["sha256"] = hashlib.sha256(f.read()).hexdigest()
        try:
            e["capability"] = os.getxattr(path, "security.capability", follow_symlinks=False).hex()
        except OSError:
            pass
    if e["type"] in ("char", "block"):
        e["major"], e["minor"] = os.major(st.st_rdev), os.minor(st.st_rdev)
    return e, st


def listing(root):
    """{path as hex: entry}; files with several names share a number in "names"."""
    root = os.fsencode(root)
    entries, inodes = {}, {}
    for directory, dirs, files in os.walk(root):
        for name in [b""] if directory == root else []:
            entries[b"/".hex()] = describe(directory)[0]
        for name in dirs + files:
            path = os.path.join(directory, name)
            e, st = describe(path)
            key = path[len(root):].hex()
            if e["type"] != "dir":
                inodes.setdefault((st.st_dev, st.st_ino), []).append(key)
            entries[key] = e
    for keys in inodes.values():
        for key in keys if len(keys) > 1 else []:
            entries[key]["names"] = sorted(keys)
    return entries


def read_ledger(file, killed=False):
    with open(file, "rb") as f:
        text = f.read()
    if killed:  # in the midst of a line, whose doing never began; the next run cuts it off
        text = text[:text.rfind(b"\n") + 1]
    assert text == b"" or text.endswith(b"\n"), "the ledger's last line has no end"
    records = [json.loads(line) for line in text.splitlines()]
    for r in records:
        for key in ("path", "target", "hardlink"):
            if key in r:
                r[key] = r.pop(key + "_hex", None) or r[key].encode().hex()
    return records


def undo_edit(root, r):
    """Puts the lines back, and sees whether the file is then what the ledger says it was."""
    lines = r["removed"] + r["changed"]
    if any("sha256:" in line.get("text", "") for line in lines) or any("text_hex" in l for l in lines):
        return
    with open(os.path.join(os.fsencode(root), bytes.fromhex(r["path"])[1:]), "rb") as f:
        now = f.read().split(b"\n")[:-1]
    old = {l["line"]: l["text"] for l in lines}
    for line in r["changed"]:
        assert line["to"].encode() in now, "changed line isn't there: %r" % line
    kept = [l for l in now if l.decode() not in [c["to"] for c in r["changed"]]]
    total = len(now) + len(r["removed"])
    before = [old[n].encode() if n in old else kept.pop(0) for n in range(1, total + 1)]
    text = b"".join(l + b"\n" for l in before)
    assert hashlib.sha256(text).hexdigest() == r["sha256"], "lines of %s don't add up" % r["path"]


FIELDS = ("type", "mode", "uid", "gid", "size", "sha256", "target", "capability", "major", "minor")


def undo(after, records, root):
    entries = {k: dict(e) for k, e in after.items()}
    linked = []
    for r in reversed(records):
        path, action = r["path"], r["action"]
        name = bytes.fromhex(path)
        if action == "remove":
            assert path not in entries, "%r is recorded as removed, and there" % name
            entries[path] = {k: r[k] for k in FIELDS if k in r}
            if "hardlink" in r:
                linked.append((path, r["hardlink"]))
            continue
        e = entries[path]
        if action == "mode":
            assert e["mode"] == r["to_mode"], "mode of %r: %s, recorded %s" % (name, e["mode"], r["to_mode"])
            if r.get("to_capability") == "":
                assert "capability" not in e
                e["capability"] = r["capability"]
        elif action == "owner":
            assert (e["uid"], e["gid"]) == (r["to_uid"], r["to_gid"]), "owner of %r" % name
        elif action in ("edit", "cut"):
            assert (e["size"], e["sha256"]) == (r["to_size"], r["to_sha256"]), "bytes of %r" % name
            if action == "edit":
                undo_edit(root, r)
            elif "hardlink" in r:
                linked.append((path, r["hardlink"]))
            e["sha256"] = r["sha256"]
            e["size"] = r["size"]
        else:
            raise AssertionError("unknown action %r" % action)
        e["mode"], e["uid"], e["gid"] = r["mode"], r["uid"], r["gid"]
    join(entries, linked)
    return entries


def join(entries, linked):
    groups = {}
    for key, e in entries.items():
        groups[key] = set(e.pop("names", [key]))
    for a, b in linked:
        both = groups[a] | groups[b]
        for key in both:
            groups[key] = both
    for key, group in groups.items():
        if len(group) > 1:
            entries[key]["names"] = sorted(group)


def differences(want, have, both="unlike"):
    out = []
    for key in sorted(want.keys() | have.keys()):
        if want.get(key) != have.get(key):
            out.append("%r: %s %s, is %s" % (bytes.fromhex(key), both, want.get(key), have.get(key)))
    return out


def load(file):
    with open(file) as f:
        return json.load(f)


def fail_on(problems):
    for p in problems[:20]:
        print(p, file=sys.stderr)
    return 1 if problems else 0


def check(before, ledger, root):
    return fail_on(differences(load(before) if isinstance(before, str) else before,
                               undo(listing(root), read_ledger(ledger), root), "was"))


def covers(before, ledger, root):
    """A killed run may have left one record and a half too many, never one too few."""
    before = load(before) if isinstance(before, str) else before
    after = listing(root)
    records = read_ledger(ledger, killed=True)
    known = {(r["path"], r["action"].replace("cut", "edit")) for r in records}
    problems = []
    for key, e in before.items():
        now = after.get(key)
        wanted = []
        if now is None:
            wanted = ["remove"]
        else:
            wanted += ["mode"] if now["mode"] != e["mode"] else []
            wanted += ["owner"] if (now["uid"], now["gid"]) != (e["uid"], e["gid"]) else []
            wanted += ["edit"] if now.get("sha256") != e.get("sha256") else []
        problems += ["%r: %s isn't recorded" % (bytes.fromhex(key), w)
                     for w in wanted if (key, w) not in known]
    untrue = [r for r in records if r["action"] == "remove" and r["path"] in after]
    if len(untrue) > 1 or (untrue and untrue[0] is not records[-1]):
        problems.append("recorded as removed, and there: %s" % untrue)
    return problems


def swap(directory, *names):
    libc = ctypes.CDLL(None)
    fd = os.open(directory, os.O_PATH)
    names = [os.fsencode(n) for n in names]
    os.close(os.open("swapped", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    while True:
        libc.renameat2(fd, names[0], fd, names[1], 2)  # RENAME_EXCHANGE


def run(prep, tree, conf, ledger):
    return subprocess.Popen([prep, "-q", "-r", tree, "-c", conf, "-o", ledger])


def kill(count, source, conf, prep):
    work = tempfile.mkdtemp(dir=os.path.dirname(source))
    tree, ledger = os.path.join(work, "tree"), os.path.join(work, "ledger")
    before = listing(source)

    def fresh():
        shutil.rmtree(tree, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", source, tree], check=True)
        if os.path.exists(ledger):
            os.unlink(ledger)

    try:
        fresh()
        start = time.monotonic()
        assert run(prep, tree, conf, ledger).wait() == 0
        whole = time.monotonic() - start
        done = listing(tree)
        hit = 0
        for i in range(count):
            fresh()
            p = run(prep, tree, conf, ledger)
            time.sleep(random.random() * whole)
            p.kill()
            p.wait()
            partly = listing(tree)
            hit += partly != before and partly != done
            problems = covers(before, ledger, tree) if os.path.exists(ledger) else differences(before, partly)
            if run(prep, tree, conf, ledger).wait() != 0:
                problems.append("the second run failed")
            problems += differences(done, listing(tree), "without a kill")
            problems += differences(before, undo(listing(tree), read_ledger(ledger), tree), "was")
            if problems:
                print("kill %d of %d:" % (i + 1, count), file=sys.stderr)
                return fail_on(problems)
        print("%d kills, %d of them in the midst of it" % (count, hit))
        return 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main(args):
    if args[0] == "list":
        json.dump(listing(args[1]), sys.stdout)
        return 0
    if args[0] == "check":
        return check(*args[1:])
    if args[0] == "covers":
        return fail_on(covers(*args[1:]))
    if args[0] == "same":
        return fail_on(differences(load(args[1]), listing(args[2]), "listed"))
    if args[0] == "swap":
        return swap(*args[1:])
    if args[0] == "kill":
        return kill(int(args[1]), *args[2:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
