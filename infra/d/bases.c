#include "bases.h"

#include <string.h>
#include <unistd.h>

#include "dockerfile.h"
#include "path.h"

/* The container whose image this is, where it is one of ours. */
static const char *
name_of_ours(const struct app *a, const char *image)
{
	const char *rest = path_below(a->host.repo1, image);

	return rest ? pool_dupn(rest, strcspn(rest, ":@")) : NULL;
}

void
base_names(const struct app *a, const struct place *p, struct words *out)
{
	const char *file = pool_printf("%s/Dockerfile", p->directory), *name;
	struct dockerfile d;
	char **images = NULL;

	if (access(file, F_OK) != 0)
		return;
	if (dockerfile_read(&d, file, NULL) == 0)
		images = dockerfile_images(&d);
	for (char **i = images; i && *i; i++)
		/* An image may begin with another of its own name: what it was, or a part. */
		if ((name = name_of_ours(a, *i)) && strcmp(name, p->name) != 0)
			words_add(out, name);
	free_strings(images);
	dockerfile_free(&d);
}
