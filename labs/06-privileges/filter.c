/*
 * filter - run a command without some system calls, or with some only
 *
 *   filter [-n] CALL[,CALL]... COMMAND [ARG]...       all but these
 *   filter -o [-n] CALL[,CALL]... COMMAND [ARG]...    only these
 *
 *   -n  naive: don't ask by which of the kernel's doors a call comes in
 *
 * A call that isn't permitted fails with "Operation not permitted". The filter is a small
 * program in the kernel (seccomp(2)) that sees a call's number before the call is made;
 * children inherit it, and nobody can take it off.
 */
#include <err.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "which AUDIT_ARCH_ is this?"
#endif

/* On x86-64 the calls of the x32 variant have the same architecture and this bit. */
#define X32_BIT 0x40000000U

#define REFUSE    (SECCOMP_RET_ERRNO | EPERM)
#define MAX_CALLS 200

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
#include "../obj/calls.h"
};

static struct sock_filter program[2 * MAX_CALLS + 8];
static unsigned short length;

static void
load(size_t offset)
{
	program[length++] =
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset);
}

static void
unless_equal_return(unsigned value, unsigned action)
{
	program[length++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
	program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
}

static void
if_equal_return(unsigned value, unsigned action)
{
	program[length++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
}

static void
if_at_least_return(unsigned value, unsigned action)
{
	program[length++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1);
	program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
}

static unsigned
number_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	errx(2, "no system call '%s' on this architecture", name);
}

static void
write_program(char *list, bool only, bool naive)
{
	int n = 0;

	if (!naive) {
		load(offsetof(struct seccomp_data, arch));
		unless_equal_return(NATIVE_ARCH, REFUSE);
	}
	load(offsetof(struct seccomp_data, nr));
	if (!naive)
		if_at_least_return(X32_BIT, REFUSE);
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		if (++n > MAX_CALLS)
			errx(2, "more than %d system calls", MAX_CALLS);
		if_equal_return(number_of(name), only ? SECCOMP_RET_ALLOW : REFUSE);
	}
	program[length++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, only ? REFUSE : SECCOMP_RET_ALLOW);
}

static void
install(void)
{
	struct sock_fprog prog = {.len = length, .filter = program};

	/* Who may not become more than he is may filter without being root: otherwise a
	 * setuid program could be made to believe that its call succeeded. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(2, "no_new_privs");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
		err(2, "seccomp");
}

int
main(int argc, char **argv)
{
	bool only = false, naive = false;
	int opt;

	while ((opt = getopt(argc, argv, "+on")) != -1) {
		if (opt == '?')
			return 2;
		if (opt == 'o')
			only = true;
		else
			naive = true;
	}
	if (argc - optind < 2)
		errx(2, "usage: filter [-o] [-n] CALL[,CALL]... COMMAND [ARG]...");

	write_program(argv[optind], only, naive);
	install();
	execvp(argv[optind + 1], argv + optind + 1);
	err(127, "%s", argv[optind + 1]);
}
