/* What all our pages of HTML share: how they look, and how they stay fresh. */
#ifndef WHITTLE_WEBPAGE_H
#define WHITTLE_WEBPAGE_H

/* Light and dark; tables that are cards on a phone; pills, bars, a header of the state's colour
 * (class "ok", "wait", "bad"). Its colours are variables. */
extern const char web_css[];

/*
 * The page fetches itself every five seconds and takes over what changed in elements with an ID
 * and "data-live"; of a list, the rows (by "data-key") that did. What a person opened stays
 * open. The element "lost" is shown while there is no answer. Then the document gets the event
 * "taken".
 */
extern const char web_js[];

#endif
