/* SPDX-License-Identifier: Apache-2.0 */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
	va_list args;

	err->kind = kind;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -1;
}

/* Adds as much of `more` as fits. */
static void
append(struct err *err, const char *more)
{
	size_t used = strlen(err->text), len = strlen(more);

	if (len > sizeof(err->text) - used - 1)
		len = sizeof(err->text) - used - 1;
	memcpy(err->text + used, more, len);
	err->text[used + len] = '\0';
}

enum err_kind
err_errno_kind(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_ROOM;
	case EROFS:
	case EACCES:
	case EPERM:
		return ERR_READ_ONLY;
	default:
		return ERR_FAILED;
	}
}

int
err_sys(struct err *err, const char *format, ...)
{
	int number = errno;
	va_list args;

	err->kind = err_errno_kind(number);
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	append(err, ": ");
	append(err, strerror(number));
	return -1;
}

int
err_nomem(struct err *err)
{
	return err_set(err, ERR_FAILED, "out of memory");
}

int
err_wrap(struct err *err, const char *format, ...)
{
	char old[sizeof(err->text)];
	va_list args;

	memcpy(old, err->text, sizeof(old));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	append(err, ": ");
	append(err, old);
	return -1;
}

int
err_exit_status(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE:
		return 0;
	case ERR_USAGE:
		return 2;
	case ERR_FAILED:
	case ERR_NO_ROOM:
	case ERR_READ_ONLY:
		return 3;
	case ERR_NO_TESTS:
		return 4;
	case ERR_INCOMPLETE:
		return 6;
	case ERR_LISTING:
		return 8;
	case ERR_START:
		return 9;
	}
	return 3;
}
