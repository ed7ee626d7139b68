/* Answers requests from the board. */
#ifndef FILEWATCH_HTTP_H
#define FILEWATCH_HTTP_H

struct board;
struct config;
struct http;

/* A listening socket at the settings' address; -1 after a message. */
int http_listen(const struct config *c);

/* Starts the thread that answers on that socket, which it takes over. NULL after a
 * message. */
struct http *http_start(int fd, const struct config *c, struct board *b);
void http_stop(struct http *h);

#endif
