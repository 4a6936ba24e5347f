// stress/generations.c: the collector's modes, its pauses, and whether it is fair to threads: one process, one measurement, a few lines
// `figure value`.
//
// script/generations starts many of these, one program for each build; docs/generations.md says what each row is. OLD lists live all
// the time and refer to each other at random, while WORKERS threads make short-lived pairs of lists for MS milliseconds: garbage, but in
// the row `fair`, whose workers break their pairs, so that their progress is no matter of how much the collector gets done.
//
//     curve MODE OLD WORKERS MS           automatic collection in the mode `generational` or `full`: speed and pauses
//     young OLD WORKERS MS                the same with generations: the pauses of young collections alone
//     fair GENERATION OLD WORKERS MS      collections of GENERATION back to back, by another thread: each worker's progress
//     check                               all of these, small, for a test
//
// A measurement that is not of what it says ends with status 1. At the end everything has been garbage and was collected, each
// object once; what lives must still be whole, and refer to what it did; in the mode `full` there are full collections only, and
// with generations, young ones; and there are as many pauses as collections.
#include "collecting.h"
#include "generations.h"

#include <stdio.h>
#include <string.h>

enum { OLDEST = TALLY_GC_GENERATIONS - 1 };

// What the collector had done when the workers had stopped.
struct account {
	int generation; // whose collections are to follow each other; or whose pauses are read; -1: all
	uint64_t asked; // collections that were asked for
	uint64_t collections[TALLY_GC_GENERATIONS];
	tally_gc_pauses pauses;
};

static const char *mode_names[] = {[TALLY_GC_GENERATIONAL] = "generational", [TALLY_GC_FULL] = "full"};

// ---- what must hold ----

// Equal as long as each list refers to one of them, and each is referred to by one.
static void check_graph(const struct graph *graph)
{
	uintptr_t lists = 0, referents = 0;
	for (size_t i = 0; i < graph->size; i++) {
		tally_object *referent = need(tally_list_get(graph->lists[i], 0), "tally_list_get");
		lists ^= (uintptr_t)graph->lists[i];
		referents ^= (uintptr_t)referent;
		tally_decref(referent);
	}
	expect("what the old lists refer to, as a checksum", referents, lists);
}

static uint64_t sum(const uint64_t *collections) { return collections[0] + collections[1] + collections[2]; }

static void expect_pauses(const struct account *account)
{
	int generation = account->generation;
	expect("pauses, of which each collection has one", account->pauses.count,
	       generation < 0 ? sum(account->collections) : account->collections[generation]);
}

// Enough was made for some collections, however late the threads are to say what they have made.
static void expect_collections(enum tally_gc_mode mode, const struct account *account, const struct progress *progress,
                               size_t old)
{
	bool has_generations = mode == TALLY_GC_GENERATIONAL;
	uint64_t young = sum(account->collections) - account->collections[OLDEST], made = progress->garbage;
	uint64_t slack = progress->workers * 20000;
	if (!has_generations) expect("collections of younger generations in the mode full", young, 0);
	if (has_generations && made > slack) expect_at_least("young collections", young, 1);
	if (!has_generations && made > old + slack) expect_at_least("full collections", sum(account->collections), 1);
}

// ---- a measurement ----

static void read_account(void *context)
{
	struct account *account = context;
	for (int generation = 0; generation < TALLY_GC_GENERATIONS; generation++) {
		tally_gc_stats stats = stats_of(generation);
		account->collections[generation] = stats.collections - account->collections[generation];
		expect("collections that found no memory", stats.failed, 0);
	}
	account->pauses = (tally_gc_pauses){.size = sizeof account->pauses};
	if (account->generation < 0) check(tally_gc_get_pauses(&account->pauses), "tally_gc_get_pauses");
	else check(tally_gc_get_pauses_of(account->generation, &account->pauses), "tally_gc_get_pauses_of");
}

static void begin_account(struct account *account)
{
	for (int generation = 0; generation < TALLY_GC_GENERATIONS; generation++)
		account->collections[generation] = stats_of(generation).collections;
	tally_gc_reset_pauses();
}

// The shift beside `old` lists. All is garbage and collected when it returns.
static struct progress measure(const struct shift *shift, size_t old)
{
	struct account *account = shift->context;
	struct graph graph = make_graph(old, RANDOM);
	if (tally_gc_collect(OLDEST) < 0) fail("tally_gc_collect");
	begin_account(account);
	if (shift->give_up == litter) tally_gc_enable();
	struct progress progress = run_shift(shift);
	check_graph(&graph);
	drop_graph(&graph);
	if (tally_gc_collect(OLDEST) < 0) fail("tally_gc_collect");
	expect("objects collected in all", collected_so_far(), progress.garbage + old);
	expect_pauses(account);
	return progress;
}

static void print_durations(const char *name, const tally_gc_durations *durations)
{
	char figure[40];
	const struct {
		const char *name;
		uint64_t ns;
	} all[] = {{"p50", durations->p50}, {"p99", durations->p99}, {"max", durations->max}};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		snprintf(figure, sizeof figure, "%s-%s", name, all[i].name);
		print_figure(figure, (double)all[i].ns / 1e3);
	}
}

static void print_progress(const struct progress *progress, const struct account *account)
{
	double stopped = (double)(account->pauses.pause.total + account->pauses.to_safepoint.total);
	print_figure("seconds", progress->ns / 1e9);
	print_figure("speed", (double)progress->pairs / progress->ns * 1e3);
	print_figure("stopped", stopped / 1e6);
	print_figure("share", 100 * stopped / progress->ns);
	print_figure("collections", (double)account->pauses.count);
	print_figure("full", (double)account->collections[OLDEST]);
}

// A figure of no pause would be a pause of no length.
static void print_pauses(const tally_gc_pauses *pauses)
{
	if (!pauses->count) return;
	print_durations("pause", &pauses->pause);
	print_durations("safepoint", &pauses->to_safepoint);
}

// ---- the rows ----

static void run_automatic(enum tally_gc_mode mode, int generation, const size_t *numbers)
{
	struct account account = {.generation = generation};
	check(tally_gc_set_mode(mode), "tally_gc_set_mode");
	expect("the mode, as a number", tally_gc_get_mode(), mode);
	const struct shift shift = {numbers[1], numbers[2], litter, be_away, read_account, &account};
	struct progress progress = measure(&shift, numbers[0]);
	expect_collections(mode, &account, &progress, numbers[0]);
	print_progress(&progress, &account);
	print_pauses(&account.pauses);
}

static void run_curve(const char *mode, const size_t *numbers)
{
	run_automatic(strcmp(mode, mode_names[TALLY_GC_FULL]) == 0 ? TALLY_GC_FULL : TALLY_GC_GENERATIONAL, -1, numbers);
}

static void run_young(const char *unused, const size_t *numbers)
{
	(void)unused;
	run_automatic(TALLY_GC_GENERATIONAL, 0, numbers);
}

static double collect_back_to_back(double until, void *context)
{
	struct account *account = context;
	while (now_ns() < until) {
		if (tally_gc_collect(account->generation) < 0) fail("tally_gc_collect");
		account->asked++;
	}
	return now_ns();
}

static void run_fair(const char *generation, const size_t *numbers)
{
	struct account account = {.generation = *generation - '0'};
	const struct shift shift = {numbers[1], numbers[2], tidy, collect_back_to_back, read_account, &account};
	struct progress progress = measure(&shift, numbers[0]);
	expect("collections, of those asked for", account.collections[account.generation], account.asked);
	expect("collections that nobody asked for", sum(account.collections), account.asked);
	print_progress(&progress, &account);
	print_pauses(&account.pauses);
	print_figure("least", progress.most ? (double)progress.least / (double)progress.most : 0);
}

// ---- the command line ----

struct row {
	const char *name;
	void (*run)(const char *word, const size_t *numbers); // OLD, WORKERS, MS
	const char *words;                                    // of which one comes before the numbers; NULL: none does
	size_t small[3];                                      // for `check`
};

static const struct row rows[] = {
	{"curve", run_curve, "generational full", {2000, 2, 40}},
	{"young", run_young, NULL, {2000, 8, 40}},
	{"fair", run_fair, "0 1 2", {2000, 3, 40}},
};

static const size_t row_count = sizeof rows / sizeof rows[0], least[3] = {1, 1, 1}, most[3] = {100000000, MOST_WORKERS, 600000};

static void run_row(const struct row *row, const char *word, const size_t *numbers)
{
	begin_runtime();
	row->run(word, numbers);
	end_runtime();
}

static void check_row(const struct row *row)
{
	char words[40], *rest = NULL;
	snprintf(words, sizeof words, "%s", row->words ? row->words : "-");
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) run_row(row, word, row->small);
}

static int check_all(void)
{
	for (size_t i = 0; i < row_count; i++) check_row(&rows[i]);
	return 0;
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < row_count; i++) {
		if (strcmp(rows[i].name, name) == 0) return &rows[i];
	}
	refuse(name, "curve, young, fair or check");
}

static void parse_word(const struct row *row, const char *given)
{
	char words[40], *rest = NULL;
	snprintf(words, sizeof words, "%s", row->words);
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (strcmp(word, given) == 0) return;
	}
	refuse(given, row->words);
}

int main(int count, char **arguments)
{
	if (count < 2) refuse("nothing", "a row, and what is after it");
	if (strcmp(arguments[1], "check") == 0) return check_all();
	const struct row *row = find_row(arguments[1]);
	int first = row->words ? 3 : 2;
	if (count != first + 3) refuse(arguments[1], row->words ? "a word and three numbers after it" : "three numbers after it");
	if (row->words) parse_word(row, arguments[2]);
	size_t numbers[3];
	for (int i = 0; i < 3; i++) numbers[i] = parse_number(arguments[first + i], least[i], most[i]);
	run_row(row, arguments[2], numbers);
	return fflush(stdout) == 0 ? 0 : 1;
}
