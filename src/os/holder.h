/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals to the process that has the lock of a file (file_lock).
 *
 * Such a process is found by its name, which it has left somewhere for others. Invariant: a name alone is not
 * believed. A signal only reaches the process that was seen to have the lock, and never another one that has got its
 * number since. */
#ifndef HOLDER_H
#define HOLDER_H

#include "err.h"
#include "slice.h"

#include <stdbool.h>

#define HOLDER_NAME_MAX 48

/* This process's name: its number, and when it began, by the clock of the machine's kernel. False when the system does not
 * say. */
bool holder_self(char out[HOLDER_NAME_MAX]);

/* Sends the signal to the process of that name if it has the lock of the open file `fd`. 1; 0 when there is none such
 * that this process can see and may signal, or it is this process; or -1. */
int holder_signal(struct slice name, int fd, int signal_number, struct err *err);

#endif
