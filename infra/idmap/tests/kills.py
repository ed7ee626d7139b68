#!/usr/bin/env python3
"""Kills idmap at random moments and lets it go on.

    kills.py IDMAP DIR ROUNDS

DIR holds a tree. Each round begins a shift, an unshift or an undo, kills it with SIGKILL
after a random time, now and then a second time on its way to the end, lets it end, and
compares every inode with what it has to be. Exit status 1 at the first difference.
"""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree

MAP = "0:100000:65536"


def run(argv, kill_after=None):
    """Whether it came to its end."""
    p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if kill_after is not None:
        time.sleep(kill_after)
        p.kill()
    err = p.communicate()[1].decode(errors="replace")
    if p.returncode == -9:
        return False
    if p.returncode != 0:
        sys.exit(f"{' '.join(argv)}: status {p.returncode}: {err}")
    return True


def first_difference(got, want):
    for g, w in zip(got, want):
        if g != w:
            return f"got:    {g}\nwanted: {w}"
    return f"{len(got)} inodes, wanted {len(want)}"


def main(idmap, top, rounds):
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    rng = random.Random(seed)
    plain = tree.listing(top)
    states = {False: plain, True: tree.listing(top, tree.Map(MAP, False))}
    commands = {to: [idmap, verb, "--quiet", "--busy", "--map", MAP, top]
                for to, verb in ((True, "shift"), (False, "unshift"))}
    undo = [idmap, "shift", "--undo", "--busy", top]
    begin = time.monotonic()
    run(commands[True])
    span = time.monotonic() - begin
    shifted, killed = True, 0
    for n in range(rounds):
        goal = not shifted
        steps = [commands[goal]]
        if not run(commands[goal], rng.uniform(0, span * 1.2)):
            killed += 1
            if rng.random() < 0.3:  # back instead, and that killed too
                if unfinished(top):
                    goal, steps = shifted, [undo]
                else:  # killed before it began or after it had ended
                    goal, steps = tree.listing(top) == states[True], []
        for argv in steps:
            while rng.random() < 0.4 and (argv is not undo or unfinished(top)):
                killed += not run(argv, rng.uniform(0, span * 1.2))
            if argv is not undo or unfinished(top):
                run(argv)
        got = tree.listing(top)
        if got != states[goal]:
            sys.exit(f"round {n} of SEED={seed}, to {'shifted' if goal else 'plain'}:\n"
                     + first_difference(got, states[goal]))
        shifted = goal
    print(f"{rounds} rounds, {killed} kills, all right")
    return 0 if killed else "no kill hit"


def unfinished(top):
    folder = os.path.join(os.environ["WHITTLE_STATE"], "idmap")
    end = f"-{os.stat(top).st_ino:x}.journal"
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.endswith(end):
            with open(os.path.join(folder, name), "rb") as f:
                f.seek(16)
                return f.read(1) != b"\2"  # the state: not that of a finished run
    return False


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
