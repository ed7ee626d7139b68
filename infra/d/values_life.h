/* Values of settings.yaml: how it starts, is ready, logs and ends. */
#ifndef WHITTLE_VALUES_LIFE_H
#define WHITTLE_VALUES_LIFE_H

#include "reader.h"

take take_autostart, take_health, take_log, take_need, take_on, take_ready, take_restart,
    take_scan, take_stop_signal;

#endif
