/* SPDX-License-Identifier: Apache-2.0 */
#include "meta.h"

#include "utf8.h"

#include <stdlib.h>

static bool
has_nul(struct slice s)
{
	return slice_find(s, 0) < s.len;
}

static int
check_key(struct slice key, struct err *err)
{
	if (key.len && key.len <= REPO_KEY_MAX && utf8_valid(key) && !has_nul(key))
		return 0;
	return err_set(err, ERR_FAILED, "\"%.*s\" cannot be a key of a run's metadata",
	    SLICE_FMT(slice_head(key, REPO_KEY_MAX)));
}

static int
clean_value(struct meta_list *list, struct slice value, struct slice *out, struct err *err)
{
	struct slice part;
	struct buf text;
	size_t i;

	*out = value.data ? value : SLICE_LIT("");
	if (value.len <= REPO_VALUE_MAX && utf8_valid(value) && !has_nul(value))
		return 0;
	value = slice_head(value, REPO_VALUE_MAX);
	buf_init(&text, 4 * REPO_VALUE_MAX);
	for (bool first = true; slice_split(&value, 0, &part); first = false) {
		if (!first)
			buf_str(&text, "\xef\xbf\xbd");
		utf8_replace(&text, part);
	}
	buf_truncate(&text, REPO_VALUE_MAX);
	i = text.failed ? STRTAB_NONE
			: strtab_add(&list->store,
			      slice_head(buf_get(&text), utf8_valid_prefix(buf_get(&text))), NULL);
	buf_release(&text);
	if (i == STRTAB_NONE)
		return err_nomem(err);
	*out = strtab_get(&list->store, i);
	return 0;
}

static int
add(struct meta_list *list, struct slice key, struct slice value, struct err *err)
{
	struct repo_meta *item = &list->items[list->count++];

	item->key = key;
	return check_key(key, err) || clean_value(list, value, &item->value, err) ? -1 : 0;
}

int
meta_list_init(struct meta_list *list, const struct repo_begin *begin, struct err *err)
{
	*list = (struct meta_list){.items = calloc(begin->meta_count + 1, sizeof(*list->items))};
	if (!list->items)
		return err_nomem(err);
	if (begin->command && add(list, SLICE_LIT("command"), slice_str(begin->command), err))
		return -1;
	for (size_t i = 0; i < begin->meta_count; i++)
		if (add(list, begin->meta[i].key, begin->meta[i].value, err))
			return -1;
	return 0;
}

void
meta_list_release(struct meta_list *list)
{
	free(list->items);
	strtab_release(&list->store);
	*list = (struct meta_list){0};
}
