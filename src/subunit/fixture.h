/* SPDX-License-Identifier: Apache-2.0
 *
 * Results that stand for a set-up. Python's unittest reports a class or module whose set-up failed or was skipped
 * under the id "setUpClass (module.Class)" or "setUpModule (module)", and its tests not at all. Pure. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "slice.h"

/* If id is such a one *out becomes the name in brackets, part of id. */
bool fixture_of(struct slice id, struct slice *out);

/* True when id belongs to the class or module of that name. */
bool fixture_covers(struct slice fixture, struct slice id);

#endif
