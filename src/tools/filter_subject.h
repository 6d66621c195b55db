/* SPDX-License-Identifier: Apache-2.0
 *
 * What the expressions of subunit-filter look at. Pure. */
#ifndef FILTER_SUBJECT_H
#define FILTER_SUBJECT_H

#include "detail.h"

/* Appends the id, the outcome and the attachments as text, each beginning a line. */
void subject_as_text(struct buf *out, const struct result *r);

/* Appends what the reference looks at: the id, the outcome, "None" and the dictionary of attachments as
 * Python prints it, in the order of their names. */
void subject_as_python(struct buf *out, const struct result *r);

#endif
