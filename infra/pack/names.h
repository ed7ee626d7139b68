/* Names of images and their tags. */
#ifndef PACK_NAMES_H
#define PACK_NAMES_H

/* A name that images/NAME may have: [a-z0-9] and then [a-z0-9._-], 128 bytes at the most. */
int is_image_name(const char *name);

/* A tag: letters, digits, '_', '.' and '-', none of the last two first, 128 bytes at the most.
 */
int is_tag(const char *tag);

#endif
