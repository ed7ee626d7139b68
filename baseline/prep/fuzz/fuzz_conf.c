/* prep.conf: what is taken can be taken again and means the same, and a list of names
 * means what the expression does. */
#include "conf.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Nobody reads a million messages; the fuzzer's own ones stay. */
static void
quiet(int on)
{
	static int null = -1, err = -1;

	if (null < 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		err = dup(STDERR_FILENO);
	}
	dup2(on ? null : err, STDERR_FILENO);
}

static void
check_endings(const struct conf_value *v)
{
	static const char *const others[] = {
	    "/bin/su", "/", "/usr/bin/ln", "/su/su", "/bin/su\n"};
	size_t i;

	for (i = 0; i < v->endings.count; i++) {
		char *path = xasprintf("/usr/bin/%s", v->endings.name[i]);

		if (!endings_match(&v->endings, path) || regexec(&v->regex, path, 0, NULL, 0))
			abort();
		free(path);
	}
	for (i = 0; v->endings.count && i < sizeof(others) / sizeof(others[0]); i++)
		if (endings_match(&v->endings, others[i]) !=
		    (regexec(&v->regex, others[i], 0, NULL, 0) == 0))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c, again;
	int i, good;

	/* An expression of {255} within {255} takes all memory there is. */
	if (memchr(data, '{', size))
		return 0;
	conf_init(&c);
	conf_init(&again);
	quiet(1);
	good = conf_parse(&c, "f", (const char *)data, size) == 0;
	quiet(0);
	if (good) {
		for (i = 0; i < CONF_KEYS; i++) {
			const char *text = c.value[i].text;

			if (conf_set(&again, "again", conf_name((enum conf_key)i), text) ||
			    strcmp(again.value[i].text, text) ||
			    again.value[i].word != c.value[i].word)
				abort();
			check_endings(&c.value[i]);
			conf_matches_account(
			    &c, (enum conf_key)i, "root:x:0:0:root:/root:/bin/sh");
		}
	}
	conf_free(&c);
	conf_free(&again);
	return 0;
}
