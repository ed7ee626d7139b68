/* Where a background thread leaves its latest finding for the watcher. */
#ifndef FILEWATCH_MAILBOX_H
#define FILEWATCH_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct mailbox {
	pthread_mutex_t lock;
	int told; /* an eventfd that is written to */
	bool is_new;
	uint32_t findings; /* enum rule_finding */
	char *message;     /* words for it, NULL */
};

void mailbox_init(struct mailbox *m, int told);
void mailbox_clear(struct mailbox *m);

/* Takes message over. */
void mailbox_put(struct mailbox *m, uint32_t findings, char *message);
/* *message is NULL or for the caller to free. False where nothing is new. */
bool mailbox_take(struct mailbox *m, uint32_t *findings, char **message);

#endif
