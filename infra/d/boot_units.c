#include "boot_units.h"

#include "strbuf.h"

static const char made_by[] = "# Made by \"d enable\"; \"d disable\" removes it.\n";
static const char what_is_timed[] =
    "[Unit]\n"
    "Description=what containers have to be done at certain times (%i)\n"
    "Documentation=man:d(1)\n";

/* A word of a unit file, systemd.syntax(7): in quotes, and no specifier or variable. */
static void
put_word(struct strbuf *out, const char *word, bool command)
{
	strbuf_putc(out, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			strbuf_putc(out, '\\');
		if (*word == '%' || (command && *word == '$'))
			strbuf_putc(out, *word);
		strbuf_putc(out, *word);
	}
	strbuf_putc(out, '"');
}

static void
put_command(const struct unit_facts *f, struct strbuf *out, const char *key, const char *verb)
{
	strbuf_printf(out, "%s=", key);
	put_word(out, f->program, true);
	strbuf_printf(out, " %s\n", verb);
}

static void
put_each(struct strbuf *out, const char *key, const struct words *list)
{
	for (size_t i = 0; i < list->n; i++) {
		strbuf_printf(out, "%s=", key);
		put_word(out, list->w[i], false);
		strbuf_putc(out, '\n');
	}
}

/* A user's own manager knows no network-online.target. */
static const char *
online(const struct unit_facts *f)
{
	return f->user ? "podman-user-wait-network-online.service" : "network-online.target";
}

void
unit_of_boot(const struct unit_facts *f, struct strbuf *out)
{
	strbuf_puts(out, made_by);
	strbuf_printf(out,
	    "[Unit]\n"
	    "Description=containers that d starts by itself\n"
	    "Documentation=man:d(1)\n"
	    "Wants=whittle-stop.service %s%s\n"
	    "After=whittle-stop.service %s docker.service\n",
	    online(f), f->docker ? " docker.service" : "", online(f));
	put_each(out, "RequiresMountsFor", &f->paths);
	strbuf_puts(out, "\n[Service]\nType=oneshot\nRemainAfterExit=yes\n");
	put_each(out, "Environment", &f->env);
	put_command(f, out, "ExecStart", "up-all");
	put_command(f, out, "ExecStop", "down-all");
	strbuf_printf(out,
	    "TimeoutStartSec=infinity\n"
	    "TimeoutStopSec=15min\n"
	    "# The processes that hold up a container's network may be this unit's, and have "
	    "to go on.\n"
	    "KillMode=process\n"
	    "# One that failed is tried again: what it needs may come up later than the "
	    "network.\n"
	    "Restart=on-failure\n"
	    "RestartSec=30s\n"
	    "\n[Install]\n"
	    "WantedBy=%s\n",
	    f->user ? "default.target" : "multi-user.target");
}

void
unit_of_stop(const struct unit_facts *f, struct strbuf *out)
{
	strbuf_printf(out,
	    "%s[Unit]\n"
	    "Description=stopping containers, whatever came of starting them\n"
	    "Documentation=man:d(1)\n"
	    "After=%s docker.service\n",
	    made_by, online(f));
	put_each(out, "RequiresMountsFor", &f->paths);
	strbuf_puts(out, "\n[Service]\nType=oneshot\nRemainAfterExit=yes\n");
	put_each(out, "Environment", &f->env);
	put_command(f, out, "ExecStop", "down-all");
	strbuf_puts(out, "TimeoutStopSec=15min\nKillMode=process\n");
}

void
unit_of_scopes(const struct unit_facts *f, struct strbuf *out)
{
	(void)f;
	strbuf_printf(out,
	    "%s# What comes before is stopped after it.\n"
	    "[Unit]\nBefore=whittle-stop.service\n",
	    made_by);
}

void
unit_of_timed(const struct unit_facts *f, struct strbuf *out)
{
	strbuf_printf(out,
	    "%s%s"
	    "After=%s docker.service whittle.service\n"
	    "\n[Service]\nType=oneshot\n",
	    made_by, what_is_timed, online(f));
	put_each(out, "Environment", &f->env);
	put_command(f, out, "ExecStart", "%i");
	strbuf_puts(out,
	    "# An update is finished or undone; a job is a process of its own, which goes on.\n"
	    "TimeoutStartSec=infinity\n"
	    "TimeoutStopSec=15min\n"
	    "KillMode=process\n");
}

/* d itself decides what is due, and makes up for what was missed. */
void
unit_of_timer(const struct unit_facts *f, struct strbuf *out)
{
	(void)f;
	strbuf_printf(out,
	    "%s%s"
	    "\n[Timer]\n"
	    "OnCalendar=*:0/5\n"
	    "AccuracySec=30s\n"
	    "RandomizedDelaySec=30s\n"
	    "\n[Install]\n"
	    "WantedBy=timers.target\n",
	    made_by, what_is_timed);
}
