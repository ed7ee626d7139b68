/* Values of settings.yaml: what happens to a container's data. */
#ifndef WHITTLE_VALUES_DATA_H
#define WHITTLE_VALUES_DATA_H

#include "reader.h"

take take_snapshot;

#endif
