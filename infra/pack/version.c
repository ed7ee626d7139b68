#include "version.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Those before "" come before the release itself. */
static const char *const suffixes[] = {
    "alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"};
enum { SUFFIXES = sizeof(suffixes) / sizeof(suffixes[0]), RELEASE = 4 };

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
sign(long long difference)
{
	return difference < 0 ? -1 : difference > 0;
}

/* Digits of any length; without any it is 0. Moves past them. */
static int
compare_digits(const char **a, const char **b)
{
	size_t na, nb;
	int order;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	na = strspn(*a, "0123456789");
	nb = strspn(*b, "0123456789");
	order = na != nb ? (na < nb ? -1 : 1) : strncmp(*a, *b, na);
	*a += na;
	*b += nb;
	return sign(order);
}

/* A number after a dot that begins with 0 is a fraction: 1.02 comes before 1.1. */
static int
compare_component(const char **a, const char **b, int first)
{
	size_t na = strspn(*a, "0123456789"), nb = strspn(*b, "0123456789"),
	       n = na < nb ? na : nb;
	int order;

	if (first || ((na < 2 || **a != '0') && (nb < 2 || **b != '0')))
		return compare_digits(a, b);
	order = strncmp(*a, *b, n);
	*a += na;
	*b += nb;
	return order ? sign(order) : na < nb ? -1 : na > nb;
}

static size_t
take_suffix(const char **s)
{
	size_t k, best = RELEASE, len = 0;

	if (**s != '_')
		return RELEASE;
	for (k = 0; k < SUFFIXES; k++)
		if (strlen(suffixes[k]) > len &&
		    strncmp(*s + 1, suffixes[k], strlen(suffixes[k])) == 0) {
			best = k;
			len = strlen(suffixes[k]);
		}
	*s += len ? 1 + len : 0;
	return best;
}

static int
compare_suffixes(const char **a, const char **b)
{
	while (**a == '_' || **b == '_') {
		size_t x = take_suffix(a), y = take_suffix(b);
		int order;

		if (x != y)
			return x < y ? -1 : 1;
		if (x == RELEASE)
			return 0;
		order = compare_digits(a, b);
		if (order)
			return order;
	}
	return 0;
}

static int
compare_revisions(const char *a, const char *b)
{
	int order;

	a += strncmp(a, "-r", 2) == 0 ? 2 : 0;
	b += strncmp(b, "-r", 2) == 0 ? 2 : 0;
	order = compare_digits(&a, &b);
	return order ? order : sign(strcmp(a, b));
}

int
version_compare(const char *a, const char *b)
{
	int order, first = 1;

	while (is_digit(*a) && is_digit(*b)) {
		order = compare_component(&a, &b, first);
		if (order)
			return order;
		first = 0;
		if (*a != '.' || *b != '.')
			break;
		a++;
		b++;
	}
	/* "1.2" comes before "1.2.3". */
	if ((*a == '.') != (*b == '.'))
		return *a == '.' ? 1 : -1;
	if ((*a >= 'a' && *a <= 'z') || (*b >= 'a' && *b <= 'z')) {
		char x = *a >= 'a' && *a <= 'z' ? *a++ : 0,
		     y = *b >= 'a' && *b <= 'z' ? *b++ : 0;

		if (x != y)
			return x < y ? -1 : 1;
	}
	order = compare_suffixes(&a, &b);
	return order ? order : compare_revisions(a, b);
}

int
is_release(const char *version)
{
	const char *p = version;

	for (;;) {
		size_t n = strspn(p, "0123456789");

		if (n == 0 || n > 9)
			return 0;
		p += n;
		if (*p != '.')
			break;
		p++;
	}
	if (*p >= 'a' && *p <= 'z')
		p++;
	return !*p;
}
