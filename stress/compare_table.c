// stress/compare_table.c: medians and ratios, and the table that shows them.
//
// A rate is the median of the rounds. A ratio between builds, and a scaling against one thread, is taken within each
// round first, where the machine was in the same mood, and then the median of the rounds: it may differ a little from
// the quotient of the two medians shown.
//
// Rates go by the clock, since waiting is what threads are compared for. On a machine that does other things as well
// the clock shows those, too: so the table says how much of a processor the runs with one thread really had, and the
// mean of these runs is given by their processor time besides.
#include "compare.h"

#include <math.h>
#include <stdlib.h>

#define SHORT_NS 10000000 // below this a run says little
#define NO_COUNT COMPARE_MAX_COUNTS
#define BUSY 0.9 // of a processor: with less for a run of one thread, others were at work

double table_rate(const struct outcome *outcome)
{
	if (!outcome || !outcome->ran || outcome->elapsed_ns == 0) {
		return 0;
	}
	return (double)outcome->ops * 1e9 / (double)outcome->elapsed_ns;
}

// Operations a second of processor time.
static double rate_by_processor(const struct outcome *outcome)
{
	if (!outcome || !outcome->ran || outcome->cpu_ns == 0) {
		return 0;
	}
	return (double)outcome->ops * 1e9 / (double)outcome->cpu_ns;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

double table_median(double *numbers, unsigned count)
{
	qsort(numbers, count, sizeof(*numbers), by_size);
	if (count == 0) {
		return 0;
	}
	return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

// The median over the rounds of the quotient of two cells of a workload; 0 when they have no round together.
static double relate(const struct results *results, size_t workload, const unsigned cell[2], const unsigned other[2],
                     double (*rate_of)(const struct outcome *outcome))
{
	double quotients[COMPARE_MAX_ROUNDS];
	unsigned used = 0;
	for (unsigned round = 0; round < results->options->rounds; round++) {
		double rate = rate_of(measure_outcome(results, workload, cell[0], cell[1], round));
		double base = rate_of(measure_outcome(results, workload, other[0], other[1], round));
		if (rate > 0 && base > 0) {
			quotients[used++] = rate / base;
		}
	}
	return table_median(quotients, used);
}

// The index of the thread count 1, or NO_COUNT.
static unsigned find_one(const struct options *options)
{
	for (unsigned i = 0; i < options->thread_counts; i++) {
		if (options->threads[i] == 1) {
			return i;
		}
	}
	return NO_COUNT;
}

struct figures table_figures(const struct results *results, size_t workload, unsigned count, unsigned build)
{
	double rates[COMPARE_MAX_ROUNDS];
	unsigned used = 0;
	for (unsigned round = 0; round < results->options->rounds; round++) {
		double rate = table_rate(measure_outcome(results, workload, count, build, round));
		if (rate > 0) {
			rates[used++] = rate;
		}
	}
	struct figures figures = {.rate = table_median(rates, used)};
	figures.least = used ? rates[0] : 0;
	figures.most = used ? rates[used - 1] : 0;
	const unsigned cell[2] = {count, build}, gil[2] = {count, BUILD_GIL};
	const unsigned alone[2] = {find_one(results->options), build};
	figures.ratio = relate(results, workload, cell, gil, table_rate);
	figures.scaling = alone[0] == NO_COUNT ? 0 : relate(results, workload, cell, alone, table_rate);
	return figures;
}

// The geometric mean over the workloads of a build's ratios to `gil` with one thread; 0: there are none.
static double one_thread_mean(const struct results *results, unsigned build,
                              double (*rate_of)(const struct outcome *outcome))
{
	const unsigned cell[2] = {find_one(results->options), build}, gil[2] = {cell[0], BUILD_GIL};
	double sum = 0;
	unsigned rows = 0;
	for (size_t workload = 0; workload < workloads_count && cell[0] != NO_COUNT; workload++) {
		double ratio = relate(results, workload, cell, gil, rate_of);
		if (ratio > 0) {
			sum += log(ratio);
			rows++;
		}
	}
	return rows ? exp(sum / rows) : 0;
}

// How much of a processor the runs with one thread had, the median of all of them; 0: there are none.
static double processor_share(const struct results *results)
{
	const struct options *options = results->options;
	unsigned one = find_one(options), used = 0;
	double *shares = compare_alloc(workloads_count * COMPARE_BUILDS * options->rounds, sizeof(*shares));
	for (size_t run = 0; run < workloads_count * COMPARE_BUILDS * options->rounds && one != NO_COUNT; run++) {
		size_t workload = run / options->rounds / COMPARE_BUILDS;
		unsigned build = (unsigned)(run / options->rounds % COMPARE_BUILDS);
		const struct outcome *outcome =
			measure_outcome(results, workload, one, build, (unsigned)(run % options->rounds));
		if (outcome && outcome->ran && outcome->elapsed_ns >= SHORT_NS) {
			shares[used++] = (double)outcome->cpu_ns / (double)outcome->elapsed_ns;
		}
	}
	double share = table_median(shares, used);
	free(shares);
	return share;
}

// ---- printing ----

static void print_rate(FILE *out, double rate)
{
	if (rate <= 0) {
		fprintf(out, "  %9s", "failed");
	} else {
		fprintf(out, "  %9.2f", rate / 1e6);
	}
}

static void print_ratio(FILE *out, double ratio)
{
	if (ratio <= 0) {
		fprintf(out, "  %7s", "-");
	} else {
		fprintf(out, "  %7.2f", ratio);
	}
}

// One column for each build from `first` on, headed by `title`, or by its name when that is NULL.
static void print_titles(const struct options *options, enum build first, int width, const char *title, FILE *out)
{
	for (unsigned build = first; build < COMPARE_BUILDS; build++) {
		if (options->builds[build]) {
			fprintf(out, "  %*s", width, title ? title : compare_build_names[build]);
		}
	}
}

static void print_head(const struct options *options, FILE *out)
{
	fprintf(out, "%-18s %7s", "", "");
	print_titles(options, BUILD_GIL, 9, "M ops/s", out);
	print_titles(options, BUILD_BIASED, 7, "to gil", out);
	print_titles(options, BUILD_GIL, 7, "scaling", out);
	fprintf(out, "\n%-18s %7s", "workload", "threads");
	print_titles(options, BUILD_GIL, 9, NULL, out);
	print_titles(options, BUILD_BIASED, 7, NULL, out);
	print_titles(options, BUILD_GIL, 7, NULL, out);
	fputc('\n', out);
}

static void print_row(const struct results *results, size_t workload, unsigned count, FILE *out)
{
	const struct options *options = results->options;
	struct figures figures[COMPARE_BUILDS];
	fprintf(out, "%-18s %7u", count == 0 ? workloads_all[workload].name : "", options->threads[count]);
	for (unsigned build = 0; build < COMPARE_BUILDS; build++) {
		figures[build] = table_figures(results, workload, count, build);
		if (options->builds[build]) {
			print_rate(out, figures[build].rate);
		}
	}
	for (unsigned build = BUILD_BIASED; build < COMPARE_BUILDS; build++) {
		if (options->builds[build]) {
			print_ratio(out, figures[build].ratio);
		}
	}
	for (unsigned build = 0; build < COMPARE_BUILDS; build++) {
		if (options->builds[build]) {
			print_ratio(out, figures[build].scaling);
		}
	}
	fputc('\n', out);
}

static void print_means(const struct results *results, FILE *out)
{
	const char *before = "\nOne thread, geometric mean of the rows:";
	for (unsigned build = BUILD_BIASED; build < COMPARE_BUILDS; build++) {
		double mean = one_thread_mean(results, build, table_rate);
		if (mean > 0) {
			fprintf(out, "%s %s %.2f of gil (by processor time %.2f)", before, compare_build_names[build],
			        mean, one_thread_mean(results, build, rate_by_processor));
			before = ",";
		}
	}
	if (*before == ',') {
		fputs(".\n", out);
	}
}

static void print_share(const struct results *results, FILE *out)
{
	double share = processor_share(results);
	if (share > 0 && share < BUSY) {
		fprintf(out,
		        "The machine was busy: runs with one thread had %.2f of a processor. Ratios are rough, scaling "
		        "means little.\n",
		        share);
	}
}

// Says so when a workload's runs were too short for their figures to mean much.
static void print_short(const struct results *results, size_t workload, FILE *out)
{
	const struct options *options = results->options;
	for (unsigned count = 0; count < options->thread_counts; count++) {
		for (unsigned build = 0; build < COMPARE_BUILDS; build++) {
			const struct outcome *outcome = measure_outcome(results, workload, count, build, 0);
			if (outcome && outcome->ran && outcome->elapsed_ns < SHORT_NS) {
				fprintf(out, "%s: runs of %.2f ms say little about speed; name more text.\n",
				        workloads_all[workload].name, (double)outcome->elapsed_ns / 1e6);
				return;
			}
		}
	}
}

void table_print(const struct results *results, FILE *out)
{
	const struct options *options = results->options;
	print_head(options, out);
	for (size_t workload = 0; workload < workloads_count; workload++) {
		for (unsigned count = 0; options->chosen[workload] && count < options->thread_counts; count++) {
			print_row(results, workload, count, out);
		}
	}
	print_means(results, out);
	print_share(results, out);
	for (size_t workload = 0; workload < workloads_count; workload++) {
		if (options->chosen[workload] && workloads_all[workload].input == INPUT_TEXT) {
			print_short(results, workload, out);
		}
	}
}
