// stress/compare_checks.c: whether what was measured is also right.
//
// A workload is well when every run of it ended, all its runs gave the same digest (over builds, thread counts and
// rounds), no run left an object alive, the words or nodes and edges counted are as many as the driver found in the
// input, and a workload with a twin gives the twin's digest. The first thing that is wrong is named, with the run in which it was seen.
#include "compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct place {
	const struct results *results;
	size_t workload;
	unsigned count, build, round;
};

static void find_wrong(struct check *check, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void find_wrong(struct check *check, const struct place *place, const char *format, ...)
{
	if (!check->well) {
		return; // the first is reported
	}
	check->well = false;
	int length = snprintf(check->text, sizeof(check->text),
	                      "%s, %u thread%s, round %u: ", compare_build_names[place->build],
	                      place->results->options->threads[place->count],
	                      place->results->options->threads[place->count] == 1 ? "" : "s", place->round + 1);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(check->text + length, sizeof(check->text) - (size_t)length, format, arguments);
	va_end(arguments);
}

static void check_run(struct check *check, const struct place *place, const struct outcome *outcome)
{
	if (!outcome->ran) {
		find_wrong(check, place, "%s", outcome->failure);
		return;
	}
	if (check->runs++ == 0) {
		snprintf(check->digest, sizeof(check->digest), "%s", outcome->digest);
	}
	if (strcmp(check->digest, outcome->digest) != 0) {
		find_wrong(check, place, "digest %s, %s expected as in the first run", outcome->digest, check->digest);
	}
	if (outcome->live_objects != 0 || outcome->leaked != 0) {
		find_wrong(check, place, "%" PRIu64 " objects alive at the end, %" PRIu64 " leaked, 0 and 0 expected",
		           outcome->live_objects, outcome->leaked);
	}
	size_t words = place->results->corpus->words;
	if (workloads_all[place->workload].input == INPUT_TEXT && outcome->words != words) {
		find_wrong(check, place, "%" PRIu64 " words counted, %zu expected", outcome->words, words);
	}
	const struct graph *graph = &place->results->corpus->graph;
	if (workloads_all[place->workload].input == INPUT_GRAPH &&
	    (outcome->nodes != graph->nodes || outcome->edges != graph->edges)) {
		find_wrong(check, place, "%" PRIu64 " nodes and %" PRIu64 " edges counted, %zu and %zu expected",
		           outcome->nodes, outcome->edges, graph->nodes, graph->edges);
	}
}

// Calls check_run for every run that was made.
static void check_runs(struct check *check, struct place *place)
{
	const struct options *options = place->results->options;
	for (place->count = 0; place->count < options->thread_counts; place->count++) {
		for (place->round = 0; place->round < options->rounds; place->round++) {
			for (place->build = 0; place->build < COMPARE_BUILDS; place->build++) {
				const struct outcome *outcome = measure_outcome(
					place->results, place->workload, place->count, place->build, place->round);
				if (outcome) {
					check_run(check, place, outcome);
				}
			}
		}
	}
}

static void check_twin(struct check *check, const struct results *results, const char *name)
{
	for (size_t i = 0; i < workloads_count; i++) {
		if (strcmp(workloads_all[i].name, name) != 0 || !results->options->chosen[i]) {
			continue;
		}
		struct check twin = checks_of(results, i);
		if (check->well && twin.runs > 0 && strcmp(twin.digest, check->digest) != 0) {
			check->well = false;
			snprintf(check->text, sizeof(check->text), "digest %s, %s expected as in %s", check->digest,
			         twin.digest, name);
		}
	}
}

struct check checks_of(const struct results *results, size_t workload)
{
	struct check check = {.well = true};
	struct place place = {.results = results, .workload = workload};
	check_runs(&check, &place);
	if (workloads_all[workload].twin) {
		check_twin(&check, results, workloads_all[workload].twin);
	}
	return check;
}

// The words of the first run that was made: all runs of a workload that is well have the same.
static const struct outcome *first_outcome(const struct results *results, size_t workload)
{
	for (unsigned build = 0; build < COMPARE_BUILDS; build++) {
		const struct outcome *outcome = measure_outcome(results, workload, 0, build, 0);
		if (outcome) {
			return outcome;
		}
	}
	return NULL;
}

static void print_line(const struct results *results, size_t workload, const struct check *check, FILE *out)
{
	const struct kind *kind = &workloads_all[workload];
	if (!check->well) {
		fprintf(out, "%-18s WRONG: %s\n", kind->name, check->text);
		return;
	}
	fprintf(out, "%-18s right: digest %s in all %u runs, 0 objects left alive", kind->name, check->digest,
	        check->runs);
	const struct outcome *outcome = first_outcome(results, workload);
	if (kind->input == INPUT_TEXT && outcome) {
		fprintf(out, "; %" PRIu64 " words, %" PRIu64 " distinct, %" PRIu64 " U+FFFD put in", outcome->words,
		        outcome->distinct, outcome->replaced);
	}
	if (kind->input == INPUT_GRAPH && outcome) {
		fprintf(out, "; %" PRIu64 " nodes, %" PRIu64 " edges", outcome->nodes, outcome->edges);
	}
	fputc('\n', out);
}

bool checks_print(const struct results *results, FILE *out)
{
	bool well = true;
	for (size_t workload = 0; workload < workloads_count; workload++) {
		if (results->options->chosen[workload]) {
			struct check check = checks_of(results, workload);
			print_line(results, workload, &check, out);
			well = well && check.well;
		}
	}
	return well;
}
