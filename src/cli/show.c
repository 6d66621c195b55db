/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include "packet.h"

void
show_init(struct show *s, struct cli *cli)
{
	*s = (struct show){
	    .cli = cli,
	    .subunit = cli->args.set[ARG_SUBUNIT],
	    .list = cli->args.set[ARG_LIST] && !cli->args.set[ARG_SUBUNIT],
	    .worker = -1,
	    .first = TIME_NONE,
	    .last = TIME_NONE,
	};
	buf_init(&s->packets, 4 * (CLI_DETAIL_MAX + PACKET_MAX));
}

void
show_release(struct show *s)
{
	buf_release(&s->packets);
	strtab_release(&s->filter_tags);
}

static int
show_packets(struct show *s, const struct result *r, struct err *err)
{
	if (result_to_packets(&s->packets, r, NULL) < 0)
		return err_set(err, ERR_FAILED, "the result of test '%.*s' cannot be written as packets",
		    SLICE_FMT(r->id));
	ui_slice(&s->cli->ui, buf_get(&s->packets));
	buf_clear(&s->packets);
	return 0;
}

int
show_result(void *context, const struct result *r, struct err *err)
{
	struct show *s = context;
	bool cut_off = s->interrupted && !status_is_final(r->status);
	bool failed = s->all_fail || (!cut_off && cli_failed(r, s->uxsuccess_passes)), flaky;
	bool quarantined = event_quarantined(r->tags, r->tag_count), again;

	if ((s->worker >= 0 && result_worker(r) != s->worker) || (cut_off && !s->list && !s->subunit))
		return 0;
	again = !s->all_fail && s->worker < 0 && repo_supersede(&s->counts, r);
	flaky = again && !failed && !quarantined;
	s->quarantined += quarantined * (failed - again);
	s->flaky += flaky;
	s->counts.tests += failed || !cli_has_tag(r, &s->filter_tags);
	s->counts.failures += failed && !quarantined;
	s->counts.skips += r->status == STATUS_SKIP;
	time_extend(&s->first, &s->last, r->start);
	time_extend(&s->first, &s->last, r->stop);
	if (s->subunit)
		return show_packets(s, r, err);
	if (s->list)
		ui_printf(&s->cli->ui, "%.*s\n", SLICE_FMT(r->id));
	else if (failed)
		ui_failure(&s->cli->ui, cli_label(r), r);
	else if (flaky)
		ui_flaky(&s->cli->ui, r);
	return 0;
}

int64_t
show_elapsed(const struct show *s)
{
	return time_between(s->first, s->last);
}
