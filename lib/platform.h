/* What this machine is called where images are for several. */
#ifndef WHITTLE_PLATFORM_H
#define WHITTLE_PLATFORM_H

/* "amd64" and "", "arm" and "v7": the architecture and variant of the OCI image specification
 * (GOARCH and GOARM). */
struct platform {
	const char *architecture, *variant;
};

struct platform platform_here(void);

#endif
