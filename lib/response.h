/* An HTTP/1.x response (RFC 9112), read as it comes in, in pieces of any size. */
#ifndef WHITTLE_RESPONSE_H
#define WHITTLE_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

/* A server that sends without end is stopped here: bytes of one line, and of everything. */
enum { RESPONSE_LINE_MAX = 8192, RESPONSE_MAX = 1 << 20 };

enum verdict { RESPONSE_MORE, RESPONSE_GOOD, RESPONSE_BAD };

enum response_part {
	PART_STATUS,
	PART_FIELDS,
	PART_BODY_LENGTH,
	PART_BODY_TO_END,
	PART_CHUNK_SIZE,
	PART_CHUNK,
	PART_CHUNK_END,
};

struct response {
	const char *want; /* what the body must hold; NULL: the status alone decides */
	int first, last;  /* the statuses that are good: 200 to 299 unless set otherwise */
	char why[80];     /* with RESPONSE_BAD: what is wrong */

	/* The reader's own. */
	enum verdict verdict;
	enum response_part part;
	struct strbuf line, body;
	size_t total;
	int status;
	int chunked;
	int has_length;
	uint64_t left; /* bytes to come of the body or the chunk */
};

void response_init(struct response *r, const char *want);
void response_free(struct response *r);

/* The next n bytes. RESPONSE_MORE until it is known whether the answer is good; what
 * comes after that changes nothing. */
enum verdict response_feed(struct response *r, const char *bytes, size_t n);

/* The server has closed the connection. Never RESPONSE_MORE. */
enum verdict response_end(struct response *r);

/*
 * Reads from a descriptor until it is known. RESPONSE_GOOD or RESPONSE_BAD; RESPONSE_MORE with
 * errno where reading failed.
 */
enum verdict response_read(struct response *r, int fd);

/*
 * Asks for a path over a connected socket. authority: HOST or HOST:PORT, for the Host field.
 * Neither may hold blanks or control bytes. Returns 0, or -1 with errno.
 */
int response_ask(int fd, const char *agent, const char *authority, const char *path);

#endif
