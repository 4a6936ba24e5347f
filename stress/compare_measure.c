// stress/compare_measure.c: all runs, in an order that lets the builds be compared on a machine that is not quiet.
//
// For each workload: for each round: for each thread count: each build, one after another. So the runs that a ratio is
// made of lie next to each other in time, and those that a scaling is made of in one round; what changes slowly on the
// machine meets all of them alike.
//
// Progress goes to stderr: one line that is redrawn on a terminal, else a line a workload.
#include "compare.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t index_of(const struct results *results, size_t workload, unsigned count, unsigned build, unsigned round)
{
	const struct options *options = results->options;
	return ((workload * options->thread_counts + count) * COMPARE_BUILDS + build) * options->rounds + round;
}

const struct outcome *measure_outcome(const struct results *results, size_t workload, unsigned count, unsigned build,
                                      unsigned round)
{
	size_t index = index_of(results, workload, count, build, round);
	return results->done[index] ? &results->outcomes[index] : NULL;
}

struct progress {
	bool redraws;
	unsigned runs;
	unsigned all_runs;
	double started;
};

static unsigned count_builds(const struct options *options)
{
	return (unsigned)options->builds[BUILD_GIL] + options->builds[BUILD_BIASED] + options->builds[BUILD_ATOMIC];
}

static unsigned runs_of_workload(const struct options *options)
{
	return options->rounds * options->thread_counts * count_builds(options);
}

static struct progress begin(const struct options *options)
{
	struct progress progress = {.redraws = isatty(STDERR_FILENO), .started = now()};
	for (size_t i = 0; i < workloads_count; i++) {
		progress.all_runs += options->chosen[i] ? runs_of_workload(options) : 0;
	}
	return progress;
}

static void show_run(const struct progress *progress, const struct request *request, unsigned round)
{
	if (!progress->redraws) {
		return;
	}
	fprintf(stderr, "\r\033[K%u of %u: %s, %u thread%s, %s, round %u", progress->runs + 1, progress->all_runs,
	        request->kind->name, request->threads, request->threads == 1 ? "" : "s",
	        compare_build_names[request->build], round + 1);
	if (progress->runs > 0) {
		double spent = now() - progress->started;
		fprintf(stderr, "; about %.0f s left", spent / progress->runs * (progress->all_runs - progress->runs));
	}
	fflush(stderr);
}

static void show_workload(const struct progress *progress, const char *name, unsigned runs, double seconds)
{
	if (!progress->redraws) {
		fprintf(stderr, "compare: %s: %u runs in %.1f s (%u of %u)\n", name, runs, seconds, progress->runs,
		        progress->all_runs);
	}
}

static void end(const struct progress *progress)
{
	if (progress->redraws) {
		fputs("\r\033[K", stderr);
	}
}

// A planted fault goes into the first round of the last build that is compared, at the first thread count.
static bool is_planted(const struct options *options, unsigned count, unsigned build, unsigned round)
{
	bool last = true;
	for (unsigned later = build + 1; later < COMPARE_BUILDS; later++) {
		last = last && !options->builds[later];
	}
	return options->plant && last && count == 0 && round == 0;
}

static bool has_failed(const struct results *results, size_t workload, unsigned count, unsigned build, unsigned round)
{
	for (unsigned earlier = 0; earlier < round; earlier++) {
		const struct outcome *outcome = measure_outcome(results, workload, count, build, earlier);
		if (!outcome || !outcome->ran) {
			return true;
		}
	}
	return false;
}

static void measure_cell(struct results *results, struct progress *progress, size_t workload, unsigned count,
                         unsigned build, unsigned round)
{
	const struct options *options = results->options;
	struct request request = {
		.kind = &workloads_all[workload],
		.build = (enum build)build,
		.threads = options->threads[count],
		.planted = is_planted(options, count, build, round),
	};
	show_run(progress, &request, round);
	progress->runs++;
	if (has_failed(results, workload, count, build, round)) {
		return;
	}
	size_t index = index_of(results, workload, count, build, round);
	spawn_worker(options, results->corpus, &request, &results->outcomes[index]);
	results->done[index] = true;
}

static void measure_round(struct results *results, struct progress *progress, size_t workload, unsigned round)
{
	const struct options *options = results->options;
	for (unsigned count = 0; count < options->thread_counts; count++) {
		for (unsigned build = 0; build < COMPARE_BUILDS; build++) {
			if (options->builds[build]) {
				measure_cell(results, progress, workload, count, build, round);
			}
		}
	}
}

void measure_all(struct results *results, const struct options *options, const struct corpus *corpus)
{
	size_t cells = workloads_count * options->thread_counts * COMPARE_BUILDS * options->rounds;
	results->options = options;
	results->corpus = corpus;
	results->outcomes = compare_alloc(cells, sizeof(*results->outcomes));
	results->done = compare_alloc(cells, sizeof(*results->done));
	struct progress progress = begin(options);
	for (size_t workload = 0; workload < workloads_count; workload++) {
		if (!options->chosen[workload]) {
			continue;
		}
		double started = now();
		for (unsigned round = 0; round < options->rounds; round++) {
			measure_round(results, &progress, workload, round);
		}
		show_workload(&progress, workloads_all[workload].name, runs_of_workload(options), now() - started);
	}
	end(&progress);
	results->seconds = now() - progress.started;
}

void measure_fini(struct results *results)
{
	free(results->outcomes);
	free(results->done);
}
