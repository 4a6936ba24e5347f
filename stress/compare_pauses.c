// stress/compare_pauses.c: for how long collections stopped the world, a row for each cell in which any did.
//
// Each figure is the median of that figure over the rounds. The library measures (tally_gc_get_pauses), from the moment at
// which the clock of the run starts to that at which it stops.
#include "compare.h"

#define COLUMNS 7

static const char *const titles[COLUMNS] = {"count", "p50", "p99", "max", "total", "p99", "max"};
static const int widths[COLUMNS] = {7, 9, 9, 9, 11, 9, 9};

static void read_row(const struct outcome *outcome, double row[COLUMNS])
{
	row[0] = (double)outcome->pauses;
	row[1] = (double)outcome->pause_p50_ns / 1e3;
	row[2] = (double)outcome->pause_p99_ns / 1e3;
	row[3] = (double)outcome->pause_max_ns / 1e3;
	row[4] = (double)outcome->pause_total_ns / 1e3;
	row[5] = (double)outcome->safepoint_p99_ns / 1e3;
	row[6] = (double)outcome->safepoint_max_ns / 1e3;
}

// The medians of a cell; false when it had no pause at all.
static bool take_medians(const struct results *results, size_t workload, unsigned count, unsigned build,
                         double medians[COLUMNS])
{
	static double numbers[COLUMNS][COMPARE_MAX_ROUNDS];
	unsigned used = 0;
	bool any = false;
	for (unsigned round = 0; round < results->options->rounds; round++) {
		const struct outcome *outcome = measure_outcome(results, workload, count, build, round);
		if (!outcome || !outcome->ran) {
			continue;
		}
		double row[COLUMNS];
		read_row(outcome, row);
		for (int i = 0; i < COLUMNS; i++) {
			numbers[i][used] = row[i];
		}
		used++;
		any = any || outcome->pauses > 0;
	}
	for (int i = 0; i < COLUMNS; i++) {
		medians[i] = table_median(numbers[i], used);
	}
	return any;
}

static void print_head(FILE *out)
{
	fprintf(out, "\nPauses, in us%*sto safepoint\n%-18s %7s  %-6s", 76, "", "workload", "threads", "build");
	for (int i = 0; i < COLUMNS; i++) {
		fprintf(out, " %*s", widths[i], titles[i]);
	}
	fputc('\n', out);
}

static void print_row(const struct results *results, size_t workload, unsigned count, unsigned build,
                      const double medians[COLUMNS], FILE *out)
{
	fprintf(out, "%-18s %7u  %-6s", workloads_all[workload].name, results->options->threads[count],
	        compare_build_names[build]);
	for (int i = 0; i < COLUMNS; i++) {
		fprintf(out, " %*.*f", widths[i], i == 0 ? 0 : 1, medians[i]);
	}
	fputc('\n', out);
}

void pauses_print(const struct results *results, FILE *out)
{
	const struct options *options = results->options;
	bool begun = false;
	for (size_t workload = 0; workload < workloads_count; workload++) {
		for (unsigned cell = 0; cell < options->thread_counts * COMPARE_BUILDS; cell++) {
			unsigned count = cell / COMPARE_BUILDS, build = cell % COMPARE_BUILDS;
			double medians[COLUMNS];
			if (!options->chosen[workload] || !take_medians(results, workload, count, build, medians)) {
				continue;
			}
			if (!begun) {
				print_head(out);
			}
			begun = true;
			print_row(results, workload, count, build, medians, out);
		}
	}
}
