#include "names.h"

#include <string.h>

int
is_image_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= 128 && !name[n] && !strchr("._-", *name);
}

int
is_tag(const char *tag)
{
	size_t n =
	    strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n && n <= 128 && !tag[n] && *tag != '.' && *tag != '-';
}
