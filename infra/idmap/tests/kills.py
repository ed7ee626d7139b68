#!/usr/bin/env python3
"""Kills idmap at random moments and lets it go on.

    kills.py IDMAP DIR KILLS

DIR holds a tree. Each round begins a shift, an unshift or an undo, kills it with SIGKILL
after a random time, now and then a second time on its way to the end, lets it end, and
compares every inode with what it has to be; until KILLS kills came in the midst of the work.
Exit status 1 at the first difference.
"""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree

MAP = "0:100000:65536"


class Runner:
    """Runs idmap and aims its kills at the time that a run takes just now."""

    def __init__(self, top, rng):
        self.top, self.rng = top, rng
        self.span, self.kills, self.at_work = 0.1, 0, 0

    def run(self, argv, kill=False):
        """Whether it came to its end."""
        begin = time.monotonic()
        p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if kill:
            time.sleep(self.rng.uniform(0, self.span))
            p.kill()
        err = p.communicate()[1].decode(errors="replace")
        if p.returncode == -9:
            self.kills += 1
            self.at_work += unfinished(self.top)
            return False
        if p.returncode != 0:
            sys.exit(f"{' '.join(argv)}: status {p.returncode}: {err}")
        self.span += (time.monotonic() - begin - self.span) / 8
        return True


def first_difference(got, want):
    for g, w in zip(got, want):
        if g != w:
            return f"got:    {g}\nwanted: {w}"
    return f"{len(got)} inodes, wanted {len(want)}"


def main(idmap, top, kills):
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    rng = random.Random(seed)
    runner = Runner(top, rng)
    states = {False: tree.listing(top), True: tree.listing(top, tree.Map(MAP, False))}
    commands = {to: [idmap, verb, "--quiet", "--busy", "--map", MAP, top]
                for to, verb in ((True, "shift"), (False, "unshift"))}
    undo = [idmap, "shift", "--undo", "--busy", top]
    shifted, rounds = False, 0
    while runner.at_work < kills:
        rounds += 1
        if rounds > 100 * kills:
            sys.exit(f"{rounds} rounds, only {runner.at_work} kills at work")
        goal = not shifted
        steps = [commands[goal]]
        if not runner.run(commands[goal], kill=True) and rng.random() < 0.3:
            if unfinished(top):  # back instead, and that killed too
                goal, steps = shifted, [undo]
            else:  # killed before it began or after it had ended
                goal, steps = tree.listing(top) == states[True], []
        for argv in steps:
            while rng.random() < 0.4 and (argv is not undo or unfinished(top)):
                runner.run(argv, kill=True)
            if argv is not undo or unfinished(top):
                runner.run(argv)
        got = tree.listing(top)
        if got != states[goal]:
            sys.exit(f"round {rounds} of SEED={seed}, to {'shifted' if goal else 'plain'}:\n"
                     + first_difference(got, states[goal]))
        shifted = goal
    print(f"{rounds} rounds, {runner.kills} kills, {runner.at_work} of them at work, all right")


def unfinished(top):
    directory = os.path.join(os.environ["WHITTLE_STATE"], "idmap")
    end = f"-{os.stat(top).st_ino:x}.journal"
    for name in os.listdir(directory) if os.path.isdir(directory) else []:
        if name.endswith(end):
            with open(os.path.join(directory, name), "rb") as f:
                f.seek(16)
                return f.read(1) != b"\2"  # the state: not that of a finished run
    return False


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
