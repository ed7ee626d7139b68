/* The verbs' handlers, a line for each file: what the table in d.c is made of. */
#ifndef WHITTLE_VERBS_H
#define WHITTLE_VERBS_H

#include "app.h"

/* verb_up.c */
verb_fn do_adopt_name, do_recover, do_up, do_down, do_restart, do_hup, do_up_all, do_down_all,
    do_restart_all;
/* verb_boot.c */
verb_fn do_enable, do_disable;
/* verb_build.c */
verb_fn do_build, do_learn, do_test, do_build_all, do_test_all;
/* verb_prep.c */
verb_fn do_prep;
/* verb_upgrade.c */
verb_fn do_upgrade, do_upgrade_all;
/* verb_back.c */
verb_fn do_back, do_why;
/* verb_rotate.c */
verb_fn do_rotate;
/* verb_snapshot.c */
verb_fn do_snapshot, do_backup, do_restore;
/* verb_plan.c */
verb_fn do_plan;
/* verb_clean.c */
verb_fn do_clean;
/* verb_new.c */
verb_fn do_new, do_fix, do_sync;
/* verb_export.c */
verb_fn do_export;
/* verb_import.c */
verb_fn do_import;
/* verb_hosts.c */
verb_fn do_far, do_hosts;
/* verb_enter.c */
verb_fn do_console, do_enter, do_run_in_all;
/* verb_run.c */
verb_fn do_run, do_shell;
/* verb_debug.c */
verb_fn do_debug, do_add_su;
/* verb_ask.c */
verb_fn do_autostart_wave, do_check_all_up, do_cow_dir, do_is_up, do_get_ip, do_get_all_ips,
    do_log, do_pid, do_spec, do_veth;
/* verb_map.c */
verb_fn do_map;
/* verb_images.c */
verb_fn do_images, do_image_export;
/* verb_list.c */
verb_fn do_list_all_settings, do_list_all, do_list_autostart, do_list_autostart_waves,
    do_list_buildable, do_list_testable;
/* verb_status.c */
verb_fn do_status, do_list_up, do_list_up_names;
/* check.c */
verb_fn do_check, do_cmd;
/* verb_audit.c */
verb_fn do_audit;
/* scan.c */
verb_fn do_scan;
/* verb_outdated.c */
verb_fn do_outdated, do_bump;
/* verb_auto.c */
verb_fn do_auto;
/* verb_job.c */
verb_fn do_job, do_jobs;
/* verb_notify.c */
verb_fn do_notify;
/* verb_page.c */
verb_fn do_page, do_serve;
/* verb_help.c */
verb_fn do_help, do_completion;

#endif
