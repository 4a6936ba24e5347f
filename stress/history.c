// stress/history.c: tally-histories-<variant>: whether the calls that docs/promises.md calls atomic are: what threads see of them
// is recorded and explained, or not.
//
//     tally-histories-<variant> [--seconds N] [--seed N] [--round N]   rounds until the time is over or one cannot be explained
//     tally-histories-<variant> --plant NAME                           the same with a call that is not atomic
//     tally-histories-<variant> --plants                               each such call in turn: all must be found
//     tally-histories-<variant> --judge                                whether histories are judged rightly
//
// It prints how many rounds there were, how many calls in them, how many calls overlapped one of another thread, and how many
// rounds were too hard to judge. Status 0: all is explained (--plants: all were found); 1: not, and the history, the seed and the
// round are printed; 2: refused; 3: a call failed that cannot fail.
//
// A round's number with its seed repeats its program, not what the threads happen to do: --round N does that one again and again.
#include "history.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
	struct history_options run;
	bool judges, tries_plants;
} options = {.run = {.seconds = 2, .round = UINT64_MAX}};

// ---- options ----

_Noreturn static void refuse(const char *option, const char *given, const char *expected)
{
	fprintf(stderr, "tally-histories-%s: %s: '%s' given, %s expected\n", tally_variant(), option, given, expected);
	exit(2);
}

static uint64_t number_of(const char *option, const char *text)
{
	char *end;
	uint64_t number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || strlen(text) > 19) refuse(option, text, "a number");
	return number;
}

static const struct history_plant *plant_of(const char *name)
{
	for (unsigned i = 0; i < history_plant_count; i++)
		if (strcmp(history_plants[i].name, name) == 0) return &history_plants[i];
	refuse("--plant", name, "append, swap, get, setdefault or add");
}

static void read_options(int count, char **arguments)
{
	static const struct option known[] = {
		{"seconds", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'e'},
		{"round", required_argument, NULL, 'r'},   {"plant", required_argument, NULL, 'p'},
		{"plants", no_argument, NULL, 'a'},        {"judge", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
		switch (option) {
		case 's': options.run.seconds = (double)number_of("--seconds", optarg); break;
		case 'e': options.run.seed = number_of("--seed", optarg); break;
		case 'r': options.run.round = number_of("--round", optarg); break;
		case 'p': options.run.plant = plant_of(optarg); break;
		case 'a': options.tries_plants = true; break;
		case 'j': options.judges = true; break;
		default: exit(2); // getopt has said why
		}
	}
	if (optind < count) refuse("argument", arguments[optind], "none");
}

// ---- what it does ----

static void report(const struct history_figures *figures)
{
	printf("%s: %" PRIu64 " rounds, %" PRIu64 " calls, %" PRIu64 " of them overlapped, %" PRIu64 " rounds undecided\n",
	       tally_variant(), figures->rounds, figures->calls, figures->overlaps, figures->undecided);
	if (!figures->unexplained) return;
	printf("no order of these calls explains what they gave: seed %" PRIu64 ", round %" PRIu64 "; that program again:\n"
	       "  tally-histories-%s --seed %" PRIu64 " --round %" PRIu64 "\n",
	       figures->seed, figures->round, tally_variant(), figures->seed, figures->round);
}

static int run(void)
{
	struct history_figures figures = history_run(&options.run);
	report(&figures);
	return figures.unexplained != 0;
}

static int try_plants(void)
{
	int status = 0;
	options.run.is_quiet = true;
	for (unsigned i = 0; i < history_plant_count; i++) {
		options.run.plant = &history_plants[i];
		struct history_figures figures = history_run(&options.run);
		printf("%s: %s in several steps: %s %" PRIu64 " rounds\n", tally_variant(), history_plants[i].name,
		       figures.unexplained ? "found after" : "NOT FOUND in", figures.rounds);
		status |= !figures.unexplained;
	}
	return status;
}

static tally_object *make_class(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "shared"};
	return tally_class_new(&spec);
}

static int stop(tally_token token)
{
	uint64_t leaked = 1;
	tally_decref(history_class);
	if (!tally_thread_detach(token) && !tally_fini(UINT64_C(10000000000), &leaked) && !leaked) return 0;
	fprintf(stderr, "tally-histories-%s: %" PRIu64 " objects were left: %s\n", tally_variant(), leaked, tally_error_message());
	return 3;
}

int main(int count, char **arguments)
{
	tally_config config = {.size = sizeof config, .switch_interval = 1};
	tally_token token;
	options.run.seed = (uint64_t)time(NULL);
	read_options(count, arguments);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (options.judges) return history_check_judge(options.run.seed) != 0;
	if (tally_init(&config) || tally_thread_attach(&token) || !(history_class = make_class())) {
		fprintf(stderr, "tally-histories-%s: %s\n", tally_variant(), tally_error_message());
		return 3;
	}
	int status = options.tries_plants ? try_plants() : run();
	int stopped = stop(token);
	return status ? status : stopped;
}
