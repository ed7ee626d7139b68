/* The commands that shell scripts call by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "commands.h"
#include "strbuf.h"

static void
note(void *arg, const char *word, size_t len, size_t line)
{
	struct strbuf *b = arg;

	strbuf_printf(b, "%s%.*s:%zu", b->len ? " " : "", (int)len, word, line);
}

static const struct {
	const char *script, *want;
} cases[] = {
    {"", ""},
    {"ls -l /etc", "ls:1"},
    {"  ls\n\n\twget x", "ls:1 wget:3"},
    {"ls; cat <f | grep x && rm y || touch z & sleep 1",
	"ls:1 cat:1 grep:1 rm:1 touch:1 sleep:1"},
    {"# rm\nls # wget\n", "ls:2"},
    {"a#b c", "a#b:1"},
    /* quotes and expansions */
    {"'rm' \"wg\"et \\ls", "rm:1"},
    {"$CMD x; \"$y\" z; ${a} b; w$x y", ""},
    {"l\\\ns x\nwc", "ls:1 wc:3"},
    {"echo 'ls; rm' \"ls; rm\" \\; ls", "echo:1"},
    {"echo 'a\nb'\nls", "echo:1 ls:3"},
    {"x=$(ls | wc -l) y=`id -u` cat", "ls:1 wc:1 id:1 cat:1"},
    {"echo \"a $(sed s/x/y/ \"$(head f)\") `tail f`\"", "echo:1 sed:1 head:1 tail:1"},
    {"echo ${x:-$(date)} $((1 + $(nproc)))", "echo:1 date:1 nproc:1"},
    {"echo $((x << 2)) | wc\nls", "echo:1 wc:1 ls:2"},
    {"A=1 B=\"x y\" ls; C+=x rm; 9=x", "ls:1 rm:1 9=x:1"},
    /* grammar */
    {"if test -f x; then rm x; elif id; then ls; else cp a b; fi",
	"test:1 rm:1 id:1 ls:1 cp:1"},
    {"for ls in wc cat; do head $ls; done", "head:1"},
    {"while ! ping x; do sleep 1; done; until nc; do :; done", "ping:1 sleep:1 nc:1 ::1"},
    {"{ ls; }; ( cd x && du )", "ls:1 cd:1 du:1"},
    {"case $1 in\nls|wget) rm x ;;\n(top) mv a b;; *) cp c d\nesac\nuniq",
	"rm:2 mv:3 cp:3 uniq:5"},
    {"case x in a) case y in b) ls;; esac;; c) id;; esac; wc", "ls:1 id:1 wc:1"},
    {"x=$(case y in a) ls;; esac)\nwc", "ls:1 wc:2"},
    {"case a in esac; ls", "ls:1"},
    {"ls() { cat x; }\nls; wc", "cat:1 wc:2"},
    {"head; f () ( tail )\nhead() { :; }", "tail:1 ::2"},
    {"'if' x; done", "if:1"},
    /* redirections */
    {">out 2>&1 ls <in >>x; <f cat", "ls:1 cat:1"},
    {"cat <<EOF | wc\nrm $x\nwget\nEOF\nls", "cat:1 wc:1 ls:5"},
    {"cat <<-'E O' <<B\n\trm\n\tE O\nid\nB\nls", "cat:1 ls:6"},
    {"cat <<EOF\nrm", "cat:1"},
    {"ls 2>/dev/null >&2 &\nwc", "ls:1 wc:2"},
    /* who calls others */
    {"exec ls -l", "exec:1 ls:1"},
    {"env -i A=b nice -n 5 wget x", "env:1 nice:1 wget:1"},
    {"xargs -0 -n 1 rm -f", "xargs:1 rm:1"},
    {"busybox wget x; /bin/busybox vi", "busybox:1 wget:1 /bin/busybox:1 vi:1"},
    {"timeout 5s ping x; command -v ls", "timeout:1 ping:1 command:1 ls:1"},
    {"su-exec user:group nc -l; chroot /x ls", "su-exec:1 nc:1 chroot:1 ls:1"},
    {"find . -name ls -exec rm {} + -o -execdir mv {} x \\;", "find:1 rm:1 mv:1"},
    {"sh -ec 'ls; rm x'; su x -c \"id -u\"; sh wget", "sh:1 ls:1 rm:1 su:1 id:1 sh:1"},
    {"trap 'rm -f x' EXIT; eval \"head y\"; trap - INT", "trap:1 rm:1 eval:1 head:1 trap:1"},
    {"/usr/bin/wget x; ./ls", "/usr/bin/wget:1 ./ls:1"},
    /* not the end of the world */
    {"echo 'x", "echo:1"},
    {"echo \"x $(ls", "echo:1 ls:1"},
    {"ls )) ;; | ;", "ls:1"},
    {"`ls", "ls:1"},
    {"a=(b c) ls", "b:1 ls:1"},
};

static void
finds_commands(void **state)
{
	struct strbuf got = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		strbuf_cut(&got, 0);
		commands_in(cases[i].script, strlen(cases[i].script), note, &got);
		if (strcmp(got.s ? got.s : "", cases[i].want) != 0)
			fail_msg("%s\nwant %s\nhave %s", cases[i].script, cases[i].want,
			    got.s ? got.s : "");
	}
	strbuf_free(&got);
}

static void
survives_depth(void **state)
{
	struct strbuf script = STRBUF_INIT, got = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++)
		strbuf_puts(&script, i % 3 ? "$(" : "\"${x:-");
	commands_in(script.s, script.len, note, &got);
	strbuf_free(&script);
	strbuf_free(&got);
}

static void
finds_the_shell(void **state)
{
	static const struct {
		const char *script, *want;
	} table[] = {
	    {"#!/bin/sh\nls", "sh"},
	    {"#! /bin/ash -e", "ash"},
	    {"#!/usr/bin/env bash\n", "bash"},
	    {"#!/usr/bin/env -S sh -x\n", "sh"},
	    {"#!/bin/busybox sh\n", "sh"},
	    {"#!/usr/bin/python3\n", ""},
	    {"#!/usr/bin/env python3\n", ""},
	    {"ls\n", ""},
	    {"", ""},
	    {"#!", ""},
	    {"#!/bin/sh", "sh"},
	    {"#!/bin/sh/\n", ""},
	    {"#!/bin/busybox\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char out[16];

		commands_shell(table[i].script, strlen(table[i].script), out, sizeof out);
		assert_string_equal(out, table[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_commands),
	    cmocka_unit_test(survives_depth),
	    cmocka_unit_test(finds_the_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
