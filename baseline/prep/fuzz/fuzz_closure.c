/* What a file of any bytes needs: as a program, a script, and by each family's reader, within a
 * small tree. Whatever it says, nothing outside of the tree is opened, and what is kept has a
 * reason. */
#include "closure.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "families.h"
#include "file.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const directories[] = {"etc", "etc/pam.d", "etc/nginx", "etc/php",
    "etc/apache2", "etc/ssl", "lib", "lib/security", "lib/ossl-modules", "bin", "var",
    "var/lib", "var/lib/dpkg", "var/lib/dpkg/info", "usr", "usr/share", "usr/share/perl5"};

/* The same bytes are all of these. */
static const char *const files[] = {"bin/x", "etc/ld.so.cache", "etc/ld-musl-x86_64.path",
    "etc/nsswitch.conf", "etc/pam.d/x", "etc/nginx/x.conf", "etc/php/x.ini",
    "etc/apache2/x.load", "etc/ssl/openssl.cnf", "lib/libcrypto.so.3", "lib/libc.so.6",
    "lib/security/pam_x.so", "lib/ossl-modules/legacy.so", "usr/share/perl5/X.pm",
    "var/lib/dpkg/info/x.list"};

static int root = -1;
static char path[] = "/tmp/fuzz_closure.XXXXXX";

static void
remove_root(void)
{
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(root, files[i], 0);
	for (i = sizeof(directories) / sizeof(directories[0]); i-- > 0;)
		unlinkat(root, directories[i], AT_REMOVEDIR);
	rmdir(path);
}

/* The files are one inode. */
static void
make_root(void)
{
	size_t i;

	if (!mkdtemp(path) || (root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    atexit(remove_root))
		abort();
	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (mkdirat(root, directories[i], 0755))
			abort();
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (i ? linkat(root, files[0], root, files[i], 0)
		      : close(openat(root, files[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0755)))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf why = STRBUF_INIT;
	struct closure c;
	struct tree t;
	uint32_t i;
	int fd;

	if (root < 0)
		make_root();
	fd = openat(root, files[0], O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write_all(fd, data, size) || close(fd) || tree_read(&t, root))
		abort();
	closure_init(&c, &t, families_of);
	for (i = 1; i < t.count; i++)
		if (is_file(&t.e[i]))
			closure_keep(&c, i, "listed", NO_ENTRY);
	closure_run(&c);
	for (i = 1; i < t.count; i++)
		if (c.kept[i].reason &&
		    (!*closure_why(&c, i, &why) ||
			(c.kept[i].by != NO_ENTRY && c.kept[i].by >= t.count)))
			abort();
	closure_free(&c);
	tree_free(&t);
	strbuf_free(&why);
	return 0;
}
