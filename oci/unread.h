/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_UNREAD_H
#define OCI_UNREAD_H

/*
 * The rest of a process's output, in its client's FIFO and not read yet.
 * containerd's clients open their ends in the background, delete an exec before
 * they have read, and then give up on what is not open yet: closed as soon as
 * all is in the FIFO, the output of short programs was lost, under load.
 */
struct event_base;
struct oci_unread;

/* Called once, out of the loop: all was read, or one second is over.
 * oci_unread_free() is allowed inside. */
typedef void oci_unread_fn(void *arg);

/*
 * fifo is a read end of the FIFO, borrowed. The FIFO has a writer, and so no
 * EOF and no open that blocks, until the function is called. 1: there is
 * something to wait for. 0: all was read.
 */
int oci_unread_new(struct event_base *base, int priority, int fifo,
    oci_unread_fn *fn, void *arg, struct oci_unread **ret);

/* NULL is fine. */
void oci_unread_free(struct oci_unread *unread);

#endif
