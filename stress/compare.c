// stress/compare.c: the compare command: the same work on every build, side by side.
//
// docs/compare.md is its page: workloads, output, fields, how to read the figures. compare.h maps its files.
// The order: command line, text, output files are looked at first and refused with status 2 if they cannot be used;
// then everything is measured; then the table, the correctness lines and the files are written.
#include "compare.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void stop(int status, const char *format, va_list arguments)
{
	fflush(stdout);
	fputs("compare: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	exit(status);
}

_Noreturn void compare_refuse(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	stop(COMPARE_REFUSED, format, arguments);
}

_Noreturn void compare_fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	stop(COMPARE_WRONG, format, arguments);
}

void *compare_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);
	if (!memory) {
		compare_fail("no memory for %zu times %zu bytes", count, size);
	}
	return memory;
}

void *compare_grow(void *memory, size_t count, size_t size)
{
	void *grown = count > SIZE_MAX / size ? NULL : realloc(memory, count * size);
	if (!grown) {
		compare_fail("no memory for %zu times %zu bytes", count, size);
	}
	return grown;
}

// Where people read: standard output, unless a file of results goes there.
static FILE *choose_out(const struct options *options)
{
	bool json = options->json && strcmp(options->json, "-") == 0;
	bool csv = options->csv && strcmp(options->csv, "-") == 0;
	return json || csv ? stderr : stdout;
}

static void print_text(const struct corpus *corpus, FILE *out)
{
	if (corpus->fd < 0) {
		return;
	}
	fprintf(out, "Text: %zu words in %zu bytes, %u files", corpus->words, corpus->bytes, corpus->files);
	if (corpus->generated > 0) {
		fprintf(out, " and %zu bytes generated", corpus->generated);
	}
	if (corpus->found > corpus->bytes) {
		fprintf(out, "; the first of %zu bytes found", corpus->found);
	}
	fprintf(out, "; %u unreadable skipped, %u links and special files ignored.\n", corpus->skipped,
	        corpus->ignored);
}

// Where the graph is from.
static void print_origin(const struct graph *graph, bool named, FILE *out)
{
	if (!graph->generated) {
		fprintf(out, "of %u files with includes and %u edge lists", graph->including, graph->edge_lists);
	} else if (!named) {
		fputs("generated", out);
	} else {
		fputs("generated: no includes and no edge list in what was named", out);
	}
	if (graph->generated && *graph->spoiled) {
		fprintf(out, " (%s: two names and then only numbers expected)", graph->spoiled);
	}
}

static void print_graph(const struct corpus *corpus, bool named, FILE *out)
{
	const struct graph *graph = &corpus->graph;
	if (graph->fd < 0) {
		return;
	}
	fprintf(out, "Graph: %zu nodes, %zu edges, ", graph->nodes, graph->edges);
	print_origin(graph, named, out);
	if (graph->found > graph->edges) {
		fprintf(out, "; the first of %zu edges found", graph->found);
	}
	fputs(".\n", out);
}

static void print_head(const struct options *options, FILE *out)
{
	fprintf(out,
	        "Rounds: %u, alternating builds; a row is the median. Runs without an end of their own: %u ms.\n\n",
	        options->rounds, options->duration_ms);
}

int main(int count, char **arguments)
{
	struct options options;
	struct corpus corpus;
	struct results results;
	options_parse(&options, count, arguments);
	corpus_open(&corpus, &options);
	export_probe(&options);

	FILE *out = choose_out(&options);
	print_text(&corpus, out);
	print_graph(&corpus, options.path_count > 0, out);
	print_head(&options, out);
	fflush(out);
	measure_all(&results, &options, &corpus);

	table_print(&results, out);
	pauses_print(&results, out);
	fputc('\n', out);
	bool well = checks_print(&results, out);
	fprintf(out, "%s, %.0f s.\n", well ? "All is right" : "Something is wrong, see above", results.seconds);
	fflush(out);
	export_write(&results, well);
	measure_fini(&results);
	corpus_close(&corpus);
	options_fini(&options);
	return well ? COMPARE_WELL : COMPARE_WRONG;
}
