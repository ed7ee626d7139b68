/*
 * sneak - make a directory in every way that the kernel offers
 *
 *   sneak NAME
 *
 * Says how each of them went. Exit status: 0 if one worked, 1 if none did.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int made;

static void
tell(const char *way, const char *name, long result)
{
	printf("%-10s%s\n", way, result < 0 ? strerror((int)-result) : "made it");
	fflush(stdout);
	made |= result == 0;
	if (result == 0)
		rmdir(name);
}

#ifdef __x86_64__
static void
no_such_door(int sig)
{
	static const char text[] = "int 0x80  no such door\n";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(made ? 0 : 1);
}

/* The door for 32-bit programs is open to 64-bit ones, and behind it the numbers are
 * others: mkdir is 39 there, which is getpid here. The name's address must fit 32 bits, as
 * the addresses of a static program's own data do. */
static long
by_the_32_bit_door(const char *name)
{
	static char low[4096];
	long result;

	signal(SIGSEGV, no_such_door);
	strncpy(low, name, sizeof(low) - 1);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(39L), "b"(low), "c"(0755L)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}
#endif

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: sneak NAME\n");
		return 2;
	}
#ifdef SYS_mkdir
	tell("mkdir", argv[1], syscall(SYS_mkdir, argv[1], 0755) ? -errno : 0);
#endif
	tell("mkdirat", argv[1], syscall(SYS_mkdirat, AT_FDCWD, argv[1], 0755) ? -errno : 0);
#ifdef __x86_64__
	tell("int 0x80", argv[1], by_the_32_bit_door(argv[1]));
#endif
	return made ? 0 : 1;
}
