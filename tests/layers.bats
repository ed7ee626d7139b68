#!/usr/bin/env bats
# tests/layers on programs made up for it: a dependency cycle is found, and spelled out.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	LAYERS=${BATS_TEST_FILENAME%/*}/layers
	module lib/text 'int text(void) { return 1; }' 'int text(void);'
}

# module DIRECTORY/NAME SOURCE [HEADER]: compiled as the programs are, but by a C that lets
# functions be called undeclared.
module() {
	mkdir -p "${1%/*}/obj"
	printf '%s\n' "$2" >"$1.c"
	printf '/* a header; not_a_declaration() */\n%s\n' "${3:-}" >"$1.h"
	gcc -std=gnu89 -w -O2 -c -o "${1%/*}/obj/${1##*/}.o" "$1.c"
}

@test "one direction: nothing is said" {
	module prog/low 'int low(void) { return text(); }' 'int low(void);'
	module prog/high 'int high(void) { return low(); } static int hidden(void) { return high(); }
		int main(void) { return hidden(); }' 'int high(void); struct s { int low; };'
	module other/main 'int main(void) { return text(); }'
	run_x 0 "$LAYERS" lib prog other
	[ -z "$output" ]
}

@test "a cycle through three modules is spelled out, with a symbol for each step" {
	module prog/a 'int a(void) { return b(); }' 'int a(void);'
	module prog/b 'int b(void) { return c(); }' 'int b(void);'
	module prog/c 'int c(void) { return a(); } int d(void) { return 0; }' 'int c(void);'
	module prog/main 'int main(void) { return a() + d(); }'
	run_x 1 "$LAYERS" lib prog
	[ "$output" = "prog: dependency cycle: a -> b (b) -> c (c) -> a (a)" ]
}

@test "a cycle by way of a variable and of a table of functions counts too" {
	module prog/table 'extern int run(void); int (*const table[])(void) = { run };'
	module prog/run 'extern int (*const table[])(void); int run(void) { return table[0] != 0; }'
	run_x 1 "$LAYERS" lib prog
	expect "prog: dependency cycle: run -> table (table) -> run (run)"
}

@test "what lies in two programs is no cycle of one; lib/ must not refer to either" {
	module lib/back 'int back(void) { return up(); }'
	module one/up 'int up(void) { return back(); }'
	module two/up 'int main(void) { return 0; }'
	run_x 1 "$LAYERS" lib one two
	[ "$output" = "lib/back.c refers to up of one/up.c" ]
}

@test "a header that declares what another module defines is named" {
	module prog/a 'extern char word[]; int a(void) { return b() + word[0]; }' 'int a(void);
		int b(void);
		extern char word[3];'
	module prog/b 'int b(void) { return 0; } char word[3] = "ab";' 'struct b;'
	run_x 1 "$LAYERS" lib prog
	expect "prog/a.h declares b, which b.c defines"
	expect "prog/a.h declares word, which b.c defines"
	# a table of contents has no module of its own
	rm prog/a.h
	printf 'int a(void); int b(void);\n' >prog/verbs.h
	run_x 0 "$LAYERS" lib prog
}

@test "an object whose source has gone counts no more; a directory that wasn't built is trouble" {
	module prog/a 'int a(void) { return b(); }' 'int a(void);'
	module prog/b 'int b(void) { return a(); }'
	rm prog/b.c
	run_x 0 "$LAYERS" lib prog
	mkdir empty
	run_x 2 "$LAYERS" lib empty
	expect "no objects in 'empty/obj'" "$stderr"
	run_x 2 "$LAYERS" lib
}
