/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as one JSON object, {"version": 1, "command": …}; docs/json.md has every key of it.
 *
 * It is written as it comes: members are values or lists, and each item of a list is encoded, written on a line
 * of its own and forgotten, so that a list may be of any length. Values belong to the answer from the call on;
 * NULL means that there was no memory for one, which answer_end tells. */
#ifndef ANSWER_H
#define ANSWER_H

#include "err.h"
#include "shape.h"
#include "ui.h"

/* Goes up when a key changes its meaning or disappears; new keys may come at any time. */
#define ANSWER_VERSION 1

struct answer {
	struct ui *ui;
	bool failed;
	bool first; /* nothing was written yet to the list that is open */
};

void answer_begin(struct answer *a, struct ui *ui, const char *command);
void answer_set(struct answer *a, const char *key, json_t *value);
/* The items up to answer_list_end are those of the list. */
void answer_list(struct answer *a, const char *key);
void answer_item(struct answer *a, json_t *value);
void answer_list_end(struct answer *a);
int answer_end(struct answer *a, struct err *err);

#endif
