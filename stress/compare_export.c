// stress/compare_export.c: the results as JSON (everything) and as CSV (one line a run).
//
// The fields are described, with their units, in docs/compare.md; a test compares the two.
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

static bool is_stdout(const char *path) { return strcmp(path, "-") == 0; }

static void probe(const char *option, const char *path)
{
	if (!path || is_stdout(path)) {
		return;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0) {
		compare_refuse("%s: cannot write '%s': %s; a file that can be written expected", option, path,
		               strerror(errno));
	}
	close(fd);
}

void export_probe(const struct options *options)
{
	probe("--json", options->json);
	probe("--csv", options->csv);
}

static FILE *open_out(const char *path)
{
	FILE *out = is_stdout(path) ? stdout : fopen(path, "we");
	if (!out) {
		compare_fail("cannot write '%s': %s", path, strerror(errno));
	}
	return out;
}

static void close_out(const char *path, FILE *out)
{
	bool failed = ferror(out) != 0;
	failed = (is_stdout(path) ? fflush(out) : fclose(out)) != 0 || failed;
	if (failed) {
		compare_fail("cannot write '%s': %s", path, strerror(errno));
	}
}

// ---- JSON ----

static void put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) < 0) {
		compare_fail("no memory for the JSON");
	}
}

static void put_number(json_t *object, const char *name, uint64_t number)
{
	put(object, name, json_integer((json_int_t)number));
}

// 0 stands for a figure that there is not.
static void put_figure(json_t *object, const char *name, double figure)
{
	put(object, name, figure > 0 ? json_real(figure) : json_null());
}

static void add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0) {
		compare_fail("no memory for the JSON");
	}
}

static json_t *describe_options(const struct options *options)
{
	json_t *object = json_object(), *threads = json_array(), *builds = json_array(), *paths = json_array();
	for (unsigned i = 0; i < options->thread_counts; i++) {
		add(threads, json_integer(options->threads[i]));
	}
	for (unsigned i = 0; i < COMPARE_BUILDS; i++) {
		if (options->builds[i]) {
			add(builds, json_string(compare_build_names[i]));
		}
	}
	for (unsigned i = 0; i < options->path_count; i++) {
		// A name may be any bytes; JSON must be UTF-8.
		json_t *path = json_string(options->paths[i]);
		add(paths, path ? path : json_string("(a name that is not UTF-8)"));
	}
	put(object, "quick", json_boolean(options->quick));
	put_number(object, "rounds", options->rounds);
	put(object, "threads", threads);
	put(object, "builds", builds);
	put(object, "paths", paths);
	put_number(object, "seed", options->seed);
	put_number(object, "duration_ms", options->duration_ms);
	return object;
}

static json_t *describe_text(const struct corpus *corpus)
{
	if (corpus->fd < 0) {
		return json_null();
	}
	json_t *object = json_object();
	put_number(object, "bytes", corpus->bytes);
	put_number(object, "found_bytes", corpus->found);
	put_number(object, "generated_bytes", corpus->generated);
	put_number(object, "words", corpus->words);
	put_number(object, "files", corpus->files);
	put_number(object, "skipped", corpus->skipped);
	put_number(object, "ignored", corpus->ignored);
	return object;
}

static json_t *describe_graph(const struct graph *graph)
{
	if (graph->fd < 0) {
		return json_null();
	}
	json_t *object = json_object();
	put_number(object, "nodes", graph->nodes);
	put_number(object, "edges", graph->edges);
	put_number(object, "found_edges", graph->found);
	put(object, "generated", json_boolean(graph->generated));
	put_number(object, "files_with_includes", graph->including);
	put_number(object, "edge_lists", graph->edge_lists);
	return object;
}

static void put_pauses(json_t *object, const struct outcome *outcome)
{
	put_number(object, "pauses", outcome->pauses);
	put_number(object, "pause_p50_ns", outcome->pause_p50_ns);
	put_number(object, "pause_p99_ns", outcome->pause_p99_ns);
	put_number(object, "pause_max_ns", outcome->pause_max_ns);
	put_number(object, "pause_total_ns", outcome->pause_total_ns);
	put_number(object, "safepoint_p99_ns", outcome->safepoint_p99_ns);
	put_number(object, "safepoint_max_ns", outcome->safepoint_max_ns);
}

static json_t *describe_run(const struct outcome *outcome, unsigned round, enum input input)
{
	json_t *object = json_object();
	put_number(object, "round", round + 1);
	if (!outcome->ran) {
		put(object, "failure", json_string(outcome->failure));
		return object;
	}
	put_number(object, "ops", outcome->ops);
	put_number(object, "elapsed_ns", outcome->elapsed_ns);
	put_number(object, "merge_ns", outcome->merge_ns);
	put_number(object, "cpu_ns", outcome->cpu_ns);
	put(object, "ops_per_second", json_real(table_rate(outcome)));
	put(object, "digest", json_string(outcome->digest));
	put_number(object, "live_objects", outcome->live_objects);
	put_number(object, "leaked", outcome->leaked);
	put_number(object, "page_bytes", outcome->page_bytes);
	put_number(object, "peak_rss_bytes", outcome->peak_rss_bytes);
	if (input == INPUT_TEXT) {
		put_number(object, "words", outcome->words);
		put_number(object, "distinct", outcome->distinct);
		put_number(object, "replaced", outcome->replaced);
	}
	if (input == INPUT_GRAPH) {
		put_number(object, "nodes", outcome->nodes);
		put_number(object, "edges", outcome->edges);
	}
	put_pauses(object, outcome);
	return object;
}

static json_t *describe_cell(const struct results *results, size_t workload, unsigned count, unsigned build)
{
	struct figures figures = table_figures(results, workload, count, build);
	json_t *object = json_object(), *runs = json_array();
	for (unsigned round = 0; round < results->options->rounds; round++) {
		const struct outcome *outcome = measure_outcome(results, workload, count, build, round);
		if (outcome) {
			add(runs, describe_run(outcome, round, workloads_all[workload].input));
		}
	}
	put(object, "workload", json_string(workloads_all[workload].name));
	put_number(object, "threads", results->options->threads[count]);
	put(object, "build", json_string(compare_build_names[build]));
	put_figure(object, "ops_per_second", figures.rate);
	put_figure(object, "ops_per_second_least", figures.least);
	put_figure(object, "ops_per_second_most", figures.most);
	put_figure(object, "ratio_to_gil", figures.ratio);
	put_figure(object, "scaling", figures.scaling);
	put(object, "runs", runs);
	return object;
}

static json_t *describe_check(const struct results *results, size_t workload)
{
	struct check check = checks_of(results, workload);
	json_t *object = json_object();
	put(object, "workload", json_string(workloads_all[workload].name));
	put(object, "right", json_boolean(check.well));
	put(object, "digest", json_string(check.digest));
	put_number(object, "runs", check.runs);
	put(object, "failure", check.well ? json_null() : json_string(check.text));
	return object;
}

// Calls `add_cell` for every cell of the comparison.
static void each_cell(const struct results *results, void *context,
                      void (*add_cell)(const struct results *, size_t, unsigned, unsigned, void *))
{
	const struct options *options = results->options;
	for (size_t workload = 0; workload < workloads_count; workload++) {
		for (unsigned count = 0; options->chosen[workload] && count < options->thread_counts; count++) {
			for (unsigned build = 0; build < COMPARE_BUILDS; build++) {
				if (options->builds[build]) {
					add_cell(results, workload, count, build, context);
				}
			}
		}
	}
}

static void add_json(const struct results *results, size_t workload, unsigned count, unsigned build, void *rows)
{
	add(rows, describe_cell(results, workload, count, build));
}

static json_t *describe_all(const struct results *results, bool well)
{
	json_t *object = json_object(), *rows = json_array(), *checks = json_array();
	each_cell(results, rows, add_json);
	for (size_t workload = 0; workload < workloads_count; workload++) {
		if (results->options->chosen[workload]) {
			add(checks, describe_check(results, workload));
		}
	}
	put(object, "format", json_integer(1));
	put(object, "version", json_string(TALLY_PROJECT_VERSION));
	put(object, "right", json_boolean(well));
	put(object, "seconds", json_real(results->seconds));
	put_number(object, "processors", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	put(object, "options", describe_options(results->options));
	put(object, "text", describe_text(results->corpus));
	put(object, "graph", describe_graph(&results->corpus->graph));
	put(object, "rows", rows);
	put(object, "checks", checks);
	return object;
}

static void write_json(const struct results *results, bool well)
{
	const char *path = results->options->json;
	FILE *out = open_out(path);
	json_t *all = describe_all(results, well);
	if (json_dumpf(all, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0) {
		compare_fail("cannot write '%s': %s", path, strerror(errno));
	}
	fputc('\n', out);
	json_decref(all);
	close_out(path, out);
}

// ---- CSV ----

static void add_csv(const struct results *results, size_t workload, unsigned count, unsigned build, void *context)
{
	FILE *out = context;
	for (unsigned round = 0; round < results->options->rounds; round++) {
		const struct outcome *o = measure_outcome(results, workload, count, build, round);
		if (!o || !o->ran) {
			continue;
		}
		fprintf(out, "%s,%u,%s,%u,", workloads_all[workload].name, results->options->threads[count],
		        compare_build_names[build], round + 1);
		fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.1f,%s", o->ops, o->elapsed_ns,
		        o->merge_ns, o->cpu_ns, table_rate(o), o->digest);
		fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, o->live_objects, o->leaked, o->page_bytes,
		        o->peak_rss_bytes);
		fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, o->words, o->distinct,
		        o->replaced, o->nodes, o->edges);
		fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
		        o->pauses, o->pause_p50_ns, o->pause_p99_ns, o->pause_max_ns, o->pause_total_ns,
		        o->safepoint_p99_ns, o->safepoint_max_ns);
	}
}

static void write_csv(const struct results *results)
{
	const char *path = results->options->csv;
	FILE *out = open_out(path);
	fputs("workload,threads,build,round,ops,elapsed_ns,merge_ns,cpu_ns,ops_per_second,digest,"
	      "live_objects,leaked,page_bytes,peak_rss_bytes,words,distinct,replaced,nodes,edges,"
	      "pauses,pause_p50_ns,pause_p99_ns,pause_max_ns,pause_total_ns,safepoint_p99_ns,safepoint_max_ns\n",
	      out);
	each_cell(results, out, add_csv);
	close_out(path, out);
}

void export_write(const struct results *results, bool well)
{
	if (results->options->json) {
		write_json(results, well);
	}
	if (results->options->csv) {
		write_csv(results);
	}
}
