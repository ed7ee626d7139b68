#include "streams.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "report.h"

void
streams_begin(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
streams_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	report("write to standard output:");
	return EXIT_TROUBLE;
}
