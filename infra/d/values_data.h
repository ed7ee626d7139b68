/* Values of settings.yaml: what is done to its data and around it when it is replaced. */
#ifndef WHITTLE_VALUES_DATA_H
#define WHITTLE_VALUES_DATA_H

#include "reader.h"

take take_hooks, take_secrets, take_snapshot, take_swap, take_waive;

#endif
