/* Values of settings.yaml: what is done at certain times, see reader.h. */
#ifndef WHITTLE_VALUES_UPDATE_H
#define WHITTLE_VALUES_UPDATE_H

#include "reader.h"

take take_jobs, take_tags, take_update;

#endif
