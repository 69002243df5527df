/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_KIND_H
#define OCI_KIND_H

/*
 * Which runtime a binary is. Our own name says nothing about it: dockerd's
 * `--runtime NAME=path` gives runsc to the shim that is named after runc.
 */
enum oci_kind {
	OCI_KIND_UNKNOWN, /* a name that says nothing: ask it (oci_kind_parse)
			   */
	OCI_KIND_RUNC,  /* or crun, or another with the same command line, whose
			 * processes are the host's */
	OCI_KIND_RUNSC, /* gVisor */
};

/*
 * By the name of the file that the binary (name or path, "" is "runc") leads
 * to: looked up in PATH, symbolic links followed. Only runc, crun and runsc are
 * known by name; a wrapper script may be anything.
 */
enum oci_kind oci_kind_of_binary(const char *binary);

/* By what `BINARY --version` prints: "runsc version ..." is gVisor, everything
 * else has runc's command line. */
enum oci_kind oci_kind_parse(const char *version_output);

#endif
