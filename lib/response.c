#include "response.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"

void
response_init(struct response *r, const char *want)
{
	memset(r, 0, sizeof(*r));
	r->want = want;
	r->first = 200;
	r->last = 299;
}

void
response_free(struct response *r)
{
	strbuf_free(&r->line);
	strbuf_free(&r->body);
}

static void __attribute__((format(printf, 2, 3))) bad(struct response *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	r->verdict = RESPONSE_BAD;
}

static void
bad_status(struct response *r)
{
	if (r->first == 200 && r->last == 299)
		bad(r, "status %03d, want 2xx", r->status);
	else if (r->first == r->last)
		bad(r, "status %03d, want %03d", r->status, r->first);
	else
		bad(r, "status %03d, want %03d to %03d", r->status, r->first, r->last);
}

static void
text_is_missing(struct response *r)
{
	bad(r, "the text is not in the answer");
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK": the reason phrase, and the blank before it, may be missing. */
static void
take_status(struct response *r, const char *line)
{
	if (strncmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' ||
	    !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
	    (line[12] != ' ' && line[12] != '\0')) {
		bad(r, "the answer is not HTTP/1");
		return;
	}
	r->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
	r->part = PART_FIELDS;
}

/* A number in the given base that fills the text; no sign, no blank inside. */
static int
parse_number(const char *text, size_t n, int base, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *d;
	size_t i;

	*out = 0;
	for (i = 0; i < n; i++) {
		d = strchr(digits, text[i] | (text[i] >= 'A' ? 0x20 : 0));
		if (!text[i] || !d || d - digits >= base || *out > UINT64_MAX / 32)
			return -1;
		*out = *out * (uint64_t)base + (uint64_t)(d - digits);
	}
	return n > 0 ? 0 : -1;
}

static void
take_length(struct response *r, const char *value)
{
	uint64_t n;

	if (parse_number(value, strlen(value), 10, &n) < 0 || (r->has_length && n != r->left)) {
		bad(r, "bad Content-Length in the answer");
		return;
	}
	r->has_length = 1;
	r->left = n;
}

/* The value after "NAME:", without the blanks around it (cut off in line); NULL where line
 * is another field. */
static const char *
field_value(char *line, const char *name)
{
	size_t n = strlen(name), end = strlen(line);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	while (end > n + 1 && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		line[--end] = '\0';
	return line + n + 1 + strspn(line + n + 1, " \t");
}

static void
end_of_fields(struct response *r)
{
	if (r->status >= 100 && r->status < 200 && r->status != 101) {
		r->part = PART_STATUS; /* interim; the real one follows */
		r->chunked = r->has_length = 0;
	} else if (r->status < r->first || r->status > r->last)
		bad_status(r);
	else if (!r->want)
		r->verdict = RESPONSE_GOOD;
	else if (r->status == 204)
		bad(r, "status 204, no text in it");
	else if (r->chunked)
		r->part = PART_CHUNK_SIZE;
	else if (r->has_length && r->left == 0)
		text_is_missing(r);
	else if (r->has_length)
		r->part = PART_BODY_LENGTH;
	else
		r->part = PART_BODY_TO_END;
}

static void
take_field(struct response *r, char *line)
{
	const char *value;

	if (line[0] == '\0')
		end_of_fields(r);
	else if ((value = field_value(line, "Content-Length")))
		take_length(r, value);
	else if ((value = field_value(line, "Transfer-Encoding"))) {
		r->chunked = strcasecmp(value, "chunked") == 0;
		if (!r->chunked)
			bad(r, "a Transfer-Encoding that is not understood");
	} else if (!strchr(line, ':') && line[0] != ' ' && line[0] != '\t')
		bad(r, "a line in the answer's head is no field");
}

/* "1a" or "1a;name=value". What follows the last chunk doesn't matter here. */
static void
take_chunk_size(struct response *r, const char *line)
{
	size_t n = strcspn(line, "; \t");

	if (parse_number(line, n, 16, &r->left) < 0)
		bad(r, "bad chunk size in the answer");
	else if (r->left == 0)
		text_is_missing(r);
	else
		r->part = PART_CHUNK;
}

static void
take_line(struct response *r, char *line)
{
	switch (r->part) {
	case PART_STATUS:
		take_status(r, line);
		break;
	case PART_FIELDS:
		take_field(r, line);
		break;
	case PART_CHUNK_SIZE:
		take_chunk_size(r, line);
		break;
	default: /* PART_CHUNK_END */
		if (line[0] != '\0')
			bad(r, "a chunk of the answer is longer than it says");
		r->part = PART_CHUNK_SIZE;
	}
}

/* Collects bytes up to the newline; then the line is dealt with. Returns how many it took. */
static size_t
feed_line(struct response *r, const char *bytes, size_t n)
{
	const char *newline = memchr(bytes, '\n', n);
	size_t take = newline ? (size_t)(newline - bytes) : n;

	if (r->line.len + take > RESPONSE_LINE_MAX) {
		bad(r, "a line of the answer has more than %d bytes", RESPONSE_LINE_MAX);
		return take;
	}
	strbuf_add(&r->line, bytes, take);
	if (!newline)
		return take;
	if (r->line.len > 0 && r->line.s[r->line.len - 1] == '\r')
		strbuf_cut(&r->line, r->line.len - 1);
	if (strlen(r->line.s) != r->line.len)
		bad(r, "a NUL byte in the answer's head");
	else
		take_line(r, r->line.s);
	strbuf_cut(&r->line, 0);
	return take + 1;
}

static void
search_body(struct response *r, const char *bytes, size_t n)
{
	size_t want = strlen(r->want), before = r->body.len;
	size_t from = before >= want ? before - want + 1 : 0;

	strbuf_add(&r->body, bytes, n);
	if (memmem(r->body.s + from, r->body.len - from, r->want, want))
		r->verdict = RESPONSE_GOOD;
}

static size_t
feed_body(struct response *r, const char *bytes, size_t n)
{
	size_t take = r->part != PART_BODY_TO_END && r->left < n ? (size_t)r->left : n;

	search_body(r, bytes, take);
	if (r->part == PART_BODY_TO_END || r->verdict != RESPONSE_MORE)
		return take;
	r->left -= take;
	if (r->left == 0 && r->part == PART_CHUNK)
		r->part = PART_CHUNK_END;
	else if (r->left == 0)
		text_is_missing(r);
	return take;
}

enum verdict
response_feed(struct response *r, const char *bytes, size_t n)
{
	size_t took;

	/* One read more than the limit is harmless; without end is not. */
	if (r->verdict == RESPONSE_MORE && r->total > RESPONSE_MAX)
		bad(r, "more than %d bytes, the text is not among them", RESPONSE_MAX);
	r->total += n;
	while (r->verdict == RESPONSE_MORE && n > 0) {
		if (r->part == PART_BODY_LENGTH || r->part == PART_BODY_TO_END ||
		    r->part == PART_CHUNK)
			took = feed_body(r, bytes, n);
		else
			took = feed_line(r, bytes, n);
		bytes += took;
		n -= took;
	}
	return r->verdict;
}

enum verdict
response_end(struct response *r)
{
	if (r->verdict != RESPONSE_MORE)
		return r->verdict;
	if (r->part == PART_BODY_TO_END)
		text_is_missing(r);
	else if (r->total == 0)
		bad(r, "closed without an answer");
	else
		bad(r, "the answer is cut off");
	return r->verdict;
}

enum verdict
response_read(struct response *r, int fd)
{
	enum verdict verdict = RESPONSE_MORE;
	char bytes[4096];
	ssize_t n;

	while (verdict == RESPONSE_MORE) {
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return RESPONSE_MORE;
		verdict = n ? response_feed(r, bytes, (size_t)n) : response_end(r);
	}
	return verdict;
}

int
response_ask(int fd, const char *agent, const char *authority, const char *path)
{
	cleanup_free char *request = xasprintf("GET %s HTTP/1.1\r\n"
					       "Host: %s\r\n"
					       "User-Agent: %s\r\n"
					       "Accept: */*\r\n"
					       "Connection: close\r\n"
					       "\r\n",
	    path, authority, agent);
	size_t done = 0, n = strlen(request);
	ssize_t wrote;

	while (done < n) {
		wrote = send(fd, request + done, n - done, MSG_NOSIGNAL);
		if (wrote < 0 && errno != EINTR)
			return -1;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return 0;
}
