/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_LOG_FILE_H
#define OCI_LOG_FILE_H

/*
 * The target of file://PATH: made where it is not there (0644, directories
 * 0755), appended to, never blocking.
 */
#include <stdbool.h>

#include "base/err.h"

/* Returns the descriptor. */
int oci_log_file_open(const char *path, struct err *err);

/* True when path stands for something else than what fd is, or for nothing:
 * somebody has rotated it by renaming. */
bool oci_log_file_rotated(const char *path, int fd);

#endif
