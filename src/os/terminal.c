/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include "buf.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LIVE_MAX ((size_t)1 << 16)

bool
terminal_is_live(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool
terminal_has_colour(int fd)
{
	const char *no_colour = getenv("NO_COLOR");

	return terminal_is_live(fd) && !(no_colour && *no_colour);
}

unsigned
terminal_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* A terminal that takes no bytes has nobody who looks at it. */
static void
write_to(const struct live *live, struct slice text)
{
	ssize_t ignored = write(live->fd, text.data, text.len);

	(void)ignored;
}

/* Appends what takes the lines away. */
static void
add_clear(const struct live *live, struct buf *out)
{
	buf_byte(out, '\r');
	if (live->lines > 1)
		buf_printf(out, "\x1b[%uA", live->lines - 1);
	buf_str(out, "\x1b[J");
}

void
live_draw(struct live *live, struct slice text)
{
	unsigned width = terminal_width(live->fd), lines = 0;
	struct slice line;
	struct buf out;

	buf_init(&out, LIVE_MAX);
	if (live->lines)
		add_clear(live, &out);
	while (slice_split(&text, '\n', &line)) {
		if (lines++)
			buf_byte(&out, '\n');
		/* The last column stays free: some terminals wrap when it is taken. */
		line = utf8_fit(line, width > 1 ? width - 1 : 1);
		for (size_t i = 0; i < line.len; i++)
			buf_byte(&out, line.data[i] < ' ' || line.data[i] == 0x7f ? '?' : line.data[i]);
	}
	if (!out.failed) {
		write_to(live, buf_get(&out));
		live->lines = lines;
	}
	buf_release(&out);
}

void
live_clear(struct live *live)
{
	struct buf out;

	if (!live->lines)
		return;
	buf_init(&out, 64);
	add_clear(live, &out);
	write_to(live, buf_get(&out));
	buf_release(&out);
	live->lines = 0;
}
