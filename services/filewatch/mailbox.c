#include "mailbox.h"

#include <stdlib.h>
#include <unistd.h>

void
mailbox_init(struct mailbox *m, int told)
{
	*m = (struct mailbox){.told = told};
	pthread_mutex_init(&m->lock, NULL);
}

void
mailbox_clear(struct mailbox *m)
{
	free(m->message);
	pthread_mutex_destroy(&m->lock);
}

void
mailbox_put(struct mailbox *m, uint32_t findings, char *message)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&m->lock);
	free(m->message);
	m->message = message;
	m->findings = findings;
	m->is_new = true;
	pthread_mutex_unlock(&m->lock);
	if (write(m->told, &one, sizeof(one)) < 0) {
		/* full: then it was told already */
	}
}

bool
mailbox_take(struct mailbox *m, uint32_t *findings, char **message)
{
	bool is_new;

	pthread_mutex_lock(&m->lock);
	is_new = m->is_new;
	if (is_new) {
		*findings = m->findings;
		*message = m->message;
		m->message = NULL;
		m->is_new = false;
	}
	pthread_mutex_unlock(&m->lock);
	return is_new;
}
