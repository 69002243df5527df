/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_GVISOR_LOG_H
#define SHIM_GVISOR_LOG_H

/*
 * What gVisor's options log_level and log_path do to the log of the shim.
 */
struct shim;
struct task_options;

/*
 * For the container id, which is of runsc. The level is of logrus' names; it
 * counts unless the shim was started with -debug. The file is the first that a
 * container names, and there it stays: a pod's containers share a shim, and the
 * next would empty the same file. Its %ID% is the id, a name that ends in / is
 * a directory for runsc-shim-<id>.log. What cannot be is logged and left.
 */
void gvisor_log_set(const struct shim *shim, const struct task_options *options,
    const char *id);

#endif
