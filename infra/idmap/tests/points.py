#!/usr/bin/env python3
"""Ends idmap at every system call that changes anything, and lets it go on.

    points.py IDMAP DIR [MODE]

DIR holds a tree, unshifted. For each such call, the first time it is made, the second and so
on, as long as there is one: a shift is cut off there, by SIGKILL or what MODE says in the
words of strace ("error=ENOSPC"), then run again and compared; and so is an undo. Exit status
1 at the first difference.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree

MAP = "0:100000:65536"
CALLS = ("lchown", "fchownat", "chmod", "setxattr", "lsetxattr", "fallocate", "renameat", "unlinkat",
         "ftruncate", "mmap")


def run(argv, inject=None):
    trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=" + inject] if inject else []
    return subprocess.run(trace + argv, capture_output=True, text=True)


def main(idmap, top, mode):
    plain, shifted = tree.listing(top), tree.listing(top, tree.Map(MAP, False))
    # One worker, so that the calls come in one order.
    shift = [idmap, "shift", "-q", "-j", "1", "--busy", "--map", MAP, top]
    undo = [idmap, "shift", "--undo", "--busy", top]
    points = 0

    def cut_off(argv, inject, want, what):
        """Whether there was such a point."""
        cut = run(argv, inject).returncode != 0
        again = run(argv) if cut and tree.listing(top) != want or argv is shift else None
        got = tree.listing(top)
        if got != want or (again and again.returncode != 0):
            differing = [f"got:    {g}\nwanted: {w}" for g, w in zip(got, want) if g != w]
            sys.exit(f"{what} with {inject}: {again and again.stderr}\n" + "\n".join(differing[:1]))
        return cut

    for call in CALLS:
        n, more = 0, True
        while more:
            n += 1
            more = cut_off(shift, f"{call}:{mode}:when={n}", shifted, "shift")
            more |= cut_off(undo, f"{call}:{mode}:when={n}", plain, "undo")
            points += more
    print(f"{points} points, all right")
    return 0 if points > 30 else f"only {points} points: does strace inject at all?"


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "signal=KILL"))
