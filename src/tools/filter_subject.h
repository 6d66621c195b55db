/* SPDX-License-Identifier: Apache-2.0
 *
 * What the expressions of subunit-filter look at. Pure. */
#ifndef FILTER_SUBJECT_H
#define FILTER_SUBJECT_H

#include "detail.h"

/* Appends the id, the outcome and the attachments as text, each beginning a line. Returns as details_text. */
int subject_as_text(struct buf *out, const struct result *r, const struct drain *drain);

/* Appends what the reference looks at: the id, the outcome, "None" and the dictionary of attachments as
 * Python prints it, in the order of their names. Returns likewise. */
int subject_as_python(struct buf *out, const struct result *r, const struct drain *drain);

#endif
