/* SPDX-License-Identifier: Apache-2.0
 *
 * XML as it comes: expat, with limits and with errors that can be told. Pure.
 * Invariant: nothing is handed on after an error; how the bytes were cut makes no difference but to where text
 * is cut. Entities that grow without measure are expat's to refuse. A control character, which no XML may hold
 * and which Meson, for one, copies from a test's output, becomes U+FFFD. */
#ifndef XML_H
#define XML_H

#include "buf.h"
#include "err.h"

/* Of a tag, and of the nesting. */
#define XML_TAG_MAX ((size_t)1 << 20)
#define XML_DEPTH_MAX 256

/* What is called for the parts of a document. Attributes are names and values in turn, with a NULL behind. */
struct xml_handlers {
	void (*start)(void *context, const char *name, const char **attributes);
	void (*end)(void *context, const char *name);
	void (*text)(void *context, struct slice text);
};

struct xml {
	struct XML_ParserStruct *parser;
	const struct xml_handlers *handlers;
	void *context;
	struct err *err; /* of the call that feeds; for what calls xml_stop */
	bool stopped;    /* err is set */
	int depth;       /* of the element that starts or ends, or that text is in; the root's is 1 */
	size_t waited;   /* bytes fed since the last part */
	struct buf mended;
	uint64_t fed;
	bool wide; /* UTF-16, of whose bytes nothing can be said one by one */
};

/* The handlers are borrowed. Returns 0, or -1 when out of memory; release either way. */
int xml_init(struct xml *x, const struct xml_handlers *handlers, void *context);
void xml_release(struct xml *x);

/* Begins a document, whatever became of the one before. Returns 0, or -1 with err set. */
int xml_begin(struct xml *x, struct err *err);
/* Both return 0, or -1 with err set, by a handler or because this is no well-formed XML. */
int xml_feed(struct xml *x, struct slice bytes, struct err *err);
int xml_end(struct xml *x, struct err *err);

/* Ends the parsing, from a handler that has set x->err. */
void xml_stop(struct xml *x);

/* The value of an attribute, NULL when it is not there. */
const char *xml_attribute(const char **attributes, const char *name);
/* The same, NULL also when it is empty. */
const char *xml_word(const char **attributes, const char *name);

#endif
