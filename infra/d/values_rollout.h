/* Values of settings.yaml: how another engine runs and updates it. */
#ifndef WHITTLE_VALUES_ROLLOUT_H
#define WHITTLE_VALUES_ROLLOUT_H

#include "reader.h"

take take_rollout;

struct rollout;
extern const struct rollout rollout_defaults;

#endif
