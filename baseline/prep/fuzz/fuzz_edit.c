/* Account files: whatever stands in them, a second edit finds nothing to do, what stays
 * was there before or is a changed line, and the ledger's part is one line. */
#include "edit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
make(struct edit *e, enum edit_file file, const struct conf *c, const void *bytes, size_t n)
{
	static char app[] = "app", root[] = "root", user[] = "user1";
	static char *names[] = {app, root, user};
	static const struct edit_names kept = {names, 3};
	struct starts starts = {.user = NULL};
	const struct edit_rules rules = {c, &kept, &kept, &starts};
	struct accounts lines;
	int fd = memfd_create("accounts", 0);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) ||
	    accounts_read(fd, &lines))
		abort();
	close(fd);
	memset(e, 0, sizeof(*e));
	edit_make(e, file, &lines, &rules);
	accounts_free(&lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c;
	struct edit e, again;
	enum edit_file file;

	if (size < 2)
		return 0;
	conf_init(&c);
	file = (enum edit_file)(data[0] % EDITS);
	if (conf_set(&c, "f", "SHELL_DISABLE_LOGIN", data[1] & 1 ? "1" : "0") ||
	    conf_set(
		&c, "f", "ACCOUNTS_DONT_DELETE_REGEX", data[1] & 2 ? "." : "^(user1|root)"))
		abort();
	make(&e, file, &c, data + 2, size - 2);
	make(&again, file, &c, e.text.s ? e.text.s : "", e.text.len);
	if (again.removed || again.changed || again.kept.count != e.kept.count)
		abort();
	if (e.text.len != again.text.len ||
	    (e.text.len && memcmp(e.text.s, again.text.s, e.text.len) != 0))
		abort();
	if (strchr(e.lines.s, '\n'))
		abort();
	edit_free(&e);
	edit_free(&again);
	conf_free(&c);
	return 0;
}
