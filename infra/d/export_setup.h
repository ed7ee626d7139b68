/* setup.sh: what has to be there before the first start, directories, files and secrets. None
 * where nothing has to. */
#ifndef WHITTLE_EXPORT_SETUP_H
#define WHITTLE_EXPORT_SETUP_H

struct export;

void export_setup(struct export *x);

#endif
