#include "pages.h"

#include <string.h>

#include "assets.h"
#include "detail.h"
#include "index.h"
#include "metrics.h"
#include "site.h"

static const char html[] = "text/html; charset=utf-8", json[] = "application/json";

const struct page site_pages[] = {
    {"index.html", html, render_index},
    {"hosts.json", json, render_hosts},
    {"metrics", "text/plain; version=0.0.4; charset=utf-8", render_metrics},
    {"style.css", "text/css; charset=utf-8", render_style},
    {"page.js", "text/javascript; charset=utf-8", render_script},
    {"icon.svg", "image/svg+xml", render_icon},
    {NULL, NULL, NULL},
};

const struct page item_pages[] = {
    {".html", html, render_detail},
    {".json", json, render_item},
    {NULL, NULL, NULL},
};

const struct page *
page_find(const struct site *s, const char *path, const struct item **item)
{
	*item = NULL;
	for (size_t i = 0; site_pages[i].path; i++)
		if (strcmp(path, site_pages[i].path) == 0)
			return &site_pages[i];
	for (size_t i = 0; i < s->items; i++) {
		size_t n = strlen(s->item[i].path);

		if (strncmp(path, s->item[i].path, n) != 0)
			continue;
		for (size_t k = 0; item_pages[k].path; k++)
			if (strcmp(path + n, item_pages[k].path) == 0) {
				*item = &s->item[i];
				return &item_pages[k];
			}
	}
	return NULL;
}
