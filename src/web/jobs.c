/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include "cache.h"
#include "clock.h"
#include "repository.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* How long a worker keeps its repository open. */
#define OPEN_FOR (2 * TIME_SECOND)

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *first; /* by the time they are due */
	bool stopping;
	const char *url;
	unsigned count;
	pthread_t threads[];
};

/* The next job that is due, or NULL when there will be none. The lock is held. */
static struct job *
take(struct jobs *jobs)
{
	for (;;) {
		struct job *job = jobs->first;
		int64_t now = clock_monotonic();

		if (job && (jobs->stopping || job->due <= now)) {
			jobs->first = job->next;
			return job;
		}
		if (jobs->stopping)
			return NULL;
		if (job) {
			struct timespec until = {
			    .tv_sec = job->due / TIME_SECOND, .tv_nsec = job->due % TIME_SECOND};

			pthread_cond_timedwait(&jobs->changed, &jobs->lock, &until);
		} else {
			pthread_cond_wait(&jobs->changed, &jobs->lock);
		}
	}
}

static void *
work(void *context)
{
	struct jobs *jobs = context;
	struct worker worker = {.jobs = jobs, .cache = calloc(1, sizeof(struct cache))};
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	while ((job = take(jobs))) {
		worker.stopping = jobs->stopping;
		pthread_mutex_unlock(&jobs->lock);
		job->run(job, &worker);
		pthread_mutex_lock(&jobs->lock);
	}
	pthread_mutex_unlock(&jobs->lock);
	worker_drop_repo(&worker);
	free(worker.cache);
	return NULL;
}

static void
init_sync(struct jobs *jobs)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&jobs->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct jobs *
jobs_new(unsigned count, const char *url, struct err *err)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs) + count * sizeof(jobs->threads[0]));

	if (!jobs) {
		err_nomem(err);
		return NULL;
	}
	jobs->url = url;
	init_sync(jobs);
	while (jobs->count < count) {
		errno = pthread_create(&jobs->threads[jobs->count], NULL, work, jobs);
		if (errno) {
			err_sys(err, "cannot start a thread");
			jobs_stop(jobs);
			jobs_free(jobs);
			return NULL;
		}
		jobs->count++;
	}
	return jobs;
}

void
jobs_stop(struct jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	pthread_cond_broadcast(&jobs->changed);
	pthread_mutex_unlock(&jobs->lock);
	for (unsigned i = 0; i < jobs->count; i++)
		pthread_join(jobs->threads[i], NULL);
}

void
jobs_free(struct jobs *jobs)
{
	if (!jobs)
		return;
	pthread_cond_destroy(&jobs->changed);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

bool
jobs_add(struct jobs *jobs, struct job *job, int64_t after)
{
	struct job **at = &jobs->first;
	bool taken;

	job->due = clock_monotonic() + after;
	pthread_mutex_lock(&jobs->lock);
	taken = !jobs->stopping;
	if (taken) {
		while (*at && (*at)->due <= job->due)
			at = &(*at)->next;
		job->next = *at;
		*at = job;
		pthread_cond_signal(&jobs->changed);
	}
	pthread_mutex_unlock(&jobs->lock);
	return taken;
}

struct repo *
worker_repo(struct worker *worker, struct err *err)
{
	int64_t now = clock_monotonic();

	if (worker->repo && now - worker->opened > OPEN_FOR)
		worker_drop_repo(worker);
	if (!worker->repo) {
		if (repo_open(worker->jobs->url, &worker->repo, err) < 0)
			return NULL;
		worker->opened = now;
	}
	return worker->repo;
}

void
worker_drop_repo(struct worker *worker)
{
	repo_free(worker->repo);
	worker->repo = NULL;
	/* Stamps are those of one opening. */
	if (worker->cache)
		cache_clear(worker->cache);
}
