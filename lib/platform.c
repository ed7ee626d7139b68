#include "platform.h"

#include <string.h>
#include <sys/utsname.h>

struct platform
platform_here(void)
{
	static const struct {
		const char *machine;
		struct platform is;
	} known[] = {
	    {"x86_64", {"amd64", ""}},
	    {"aarch64", {"arm64", ""}},
	    {"armv7l", {"arm", "v7"}},
	    {"armv6l", {"arm", "v6"}},
	    {"i686", {"386", ""}},
	    {"i586", {"386", ""}},
	};
	static struct utsname host;

	uname(&host);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].machine, host.machine) == 0)
			return known[i].is;
	return (struct platform){host.machine, ""};
}
