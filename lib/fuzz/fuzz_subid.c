/* subuid files, and the maps that engines make of any such file for any setting. */
#include "subid.h"

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"
#include "userns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_entries(const struct subids *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (!s->entry[i].count || subid_end(&s->entry[i]) > UINT32_MAX ||
		    !*s->entry[i].owner)
			abort();
}

/* The first line is a setting, the rest the files. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *nl = memchr(data, '\n', size);
	size_t head = nl ? (size_t)(nl - (const char *)data) : 0;
	char *setting = xstrndup((const char *)data, head);
	const char *const list[] = {setting, NULL};
	const char *users[] = {setting, NULL, "a"};
	struct userns_files f;
	size_t i;

	memset(&f, 0, sizeof(f));
	subids_parse(&f.subuid, (const char *)data + head, size - head, NULL, NULL);
	subids_parse(&f.subgid, (const char *)data + head, size - head, NULL, NULL);
	check_entries(&f.subuid);
	for (i = 0; i < 3; i++) {
		struct userns_podman modes[] = {
		    {.user = users[i], .userns = setting}, {.user = users[i], .uidmap = list}};
		struct idmap m[4] = {IDMAP_INIT, IDMAP_INIT, IDMAP_INIT, IDMAP_INIT};
		struct strbuf why = STRBUF_INIT;
		size_t j;

		userns_podman(&m[0], &f, &modes[0], &why);
		userns_podman(&m[1], &f, &modes[1], &why);
		userns_inspected(&m[2], &f, users[i], setting, &why);
		userns_docker(&m[3], &f, setting, &why);
		for (j = 0; j < 4; j++)
			idmap_free(&m[j]);
		strbuf_free(&why);
	}
	userns_files_free(&f);
	free(setting);
	return 0;
}
