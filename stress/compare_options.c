// stress/compare_options.c: the command line.
//
// Every refusal is one message that names what was given and what was expected, and comes before anything is
// measured or any file is touched.
#include "compare.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUICK_ROUNDS 3
#define QUICK_MS 100
#define FULL_ROUNDS 7
#define FULL_MS 300
#define DEFAULT_SEED 20

#define SHORT_OPTIONS ":qr:t:w:b:s:j:c:hV"

enum { OPTION_WORKERS = 256, OPTION_TIMEOUT, OPTION_DURATION, OPTION_PLANT };

static const struct option long_options[] = {
	{"quick", no_argument, NULL, 'q'},
	{"rounds", required_argument, NULL, 'r'},
	{"threads", required_argument, NULL, 't'},
	{"workloads", required_argument, NULL, 'w'},
	{"builds", required_argument, NULL, 'b'},
	{"seed", required_argument, NULL, 's'},
	{"json", required_argument, NULL, 'j'},
	{"csv", required_argument, NULL, 'c'},
	{"workers", required_argument, NULL, OPTION_WORKERS},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"duration-ms", required_argument, NULL, OPTION_DURATION},
	{"plant", required_argument, NULL, OPTION_PLANT},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static const char help_head[] =
	"Usage: compare [OPTION...] [FILE-OR-DIR...]\n"
	"Runs the same workloads on the gil, biased and atomic builds of Tally, alternating,\n"
	"and prints their speeds side by side. The text whose words are counted is that of\n"
	"the files and folders named; by default the licences in /usr/share/common-licenses\n"
	"and a generated text. The graph is that of their include lines or edge lists; by\n"
	"default it is generated.\n"
	"\n"
	"  -q, --quick           under a minute: fewer, shorter rounds, at most 8 MiB of text\n"
	"  -r, --rounds N        rounds of every measurement (default 7, quick 3)\n"
	"  -t, --threads LIST    thread counts (default 1,2,4)\n"
	"  -w, --workloads LIST  workloads or groups of them, see below (default all)\n"
	"  -b, --builds LIST     of gil, biased, atomic (default all)\n"
	"  -s, --seed N          of what is generated, and of the hashes (default 20)\n"
	"  -j, --json FILE       also write the results as JSON; -: standard output\n"
	"  -c, --csv FILE        also write every run as a line of CSV; -: standard output\n"
	"      --workers DIR     where the tally-worker programs are (default: beside this one)\n"
	"      --timeout S       kill a worker after S seconds (default 120 and 1 per MiB of text)\n"
	"      --duration-ms N   length of a run that has no end of its own (default 300, quick 100)\n"
	"  -h, --help            this text\n"
	"  -V, --version         the version\n"
	"\n"
	"Workloads (group: members):\n";

static void print_help(void)
{
	fputs(help_head, stdout);
	const char *group = "";
	for (size_t i = 0; i < workloads_count; i++) {
		if (strcmp(group, workloads_all[i].group) != 0) {
			group = workloads_all[i].group;
			printf("  %s:\n", group);
		}
		printf("    %-18s  %s\n", workloads_all[i].name, workloads_all[i].what);
	}
	puts("\nExit status: 0 all digests equal and nothing leaked; 1 something differs, leaked or\n"
	     "failed; 2 the command line or its input could not be used.");
}

static uint64_t parse_number(const char *option, const char *given, uint64_t least, uint64_t most)
{
	char *end = NULL;
	errno = 0;
	unsigned long long number = strtoull(given, &end, 10);
	if (errno || *given < '0' || *given > '9' || *end || number < least || number > most) {
		compare_refuse("%s: '%s' given, a number from %llu to %llu expected", option, given,
		               (unsigned long long)least, (unsigned long long)most);
	}
	return number;
}

static char *copy(const char *text)
{
	char *made = compare_alloc(strlen(text) + 1, 1);
	return strcpy(made, text);
}

// Calls `add` for each part of a list separated by commas.
static void split_list(struct options *options, const char *list,
                       void (*add)(struct options *options, const char *part, const char *list))
{
	char *parts = copy(list);
	for (char *rest = parts; rest;) {
		char *part = rest;
		rest = strchr(part, ',');
		if (rest) {
			*rest++ = '\0';
		}
		add(options, part, list);
	}
	free(parts);
}

static void add_threads(struct options *options, const char *part, const char *list)
{
	char *end = NULL;
	errno = 0;
	unsigned long count = strtoul(part, &end, 10);
	if (errno || *part < '0' || *part > '9' || *end || count < 1 || count > COMPARE_MAX_THREADS) {
		compare_refuse("--threads: '%s' in '%s' given, numbers from 1 to %d, separated by commas, expected",
		               part, list, COMPARE_MAX_THREADS);
	}
	for (unsigned i = 0; i < options->thread_counts; i++) {
		if (options->threads[i] == count) {
			compare_refuse("--threads: '%s' twice in '%s' given, each count once expected", part, list);
		}
	}
	if (options->thread_counts == COMPARE_MAX_COUNTS) {
		compare_refuse("--threads: '%s' given, at most %d counts expected", list, COMPARE_MAX_COUNTS);
	}
	options->threads[options->thread_counts++] = (unsigned)count;
}

static void add_build(struct options *options, const char *part, const char *list)
{
	for (int i = 0; i < COMPARE_BUILDS; i++) {
		if (strcmp(part, compare_build_names[i]) == 0) {
			options->builds[i] = true;
			return;
		}
	}
	compare_refuse("--builds: '%s' in '%s' given, some of gil, biased, atomic, separated by commas, expected", part,
	               list);
}

static void add_workload(struct options *options, const char *part, const char *list)
{
	bool found = false;
	for (size_t i = 0; i < workloads_count; i++) {
		if (strcmp(part, workloads_all[i].name) == 0 || strcmp(part, workloads_all[i].group) == 0) {
			options->chosen[i] = found = true;
		}
	}
	if (!found) {
		compare_refuse("--workloads: '%s' in '%s' given, names from --help, separated by commas, expected",
		               part, list);
	}
}

static const char *check_file(const char *option, const char *given)
{
	if (!*given) {
		compare_refuse("%s: '' given, the name of a file, or - for standard output, expected", option);
	}
	return given;
}

// The folder of this program.
static char *own_folder(void)
{
	char path[PATH_MAX] = "";
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) {
		compare_refuse("cannot tell where this program is (%s): --workers DIR expected", strerror(errno));
	}
	char *slash = strrchr(path, '/');
	if (slash) {
		*slash = '\0';
	}
	return copy(path);
}

char *options_worker_path(const struct options *options, enum build build)
{
	size_t size = strlen(options->workers) + 32;
	char *path = compare_alloc(size, 1);
	snprintf(path, size, "%s/tally-worker-%s", options->workers, compare_build_names[build]);
	return path;
}

static void need_workers(const struct options *options)
{
	for (int build = 0; build < COMPARE_BUILDS; build++) {
		char *path = options_worker_path(options, (enum build)build);
		if (options->builds[build] && access(path, X_OK) != 0) {
			compare_refuse("%s: %s; the worker program of the %s build expected (see --workers)", path,
			               strerror(errno), compare_build_names[build]);
		}
		free(path);
	}
}

static void set_defaults(struct options *options)
{
	if (options->thread_counts == 0) {
		split_list(options, "1,2,4", add_threads);
	}
	bool any_build = false, any_workload = false;
	for (int i = 0; i < COMPARE_BUILDS; i++) {
		any_build = any_build || options->builds[i];
	}
	for (int i = 0; i < COMPARE_BUILDS && !any_build; i++) {
		options->builds[i] = true;
	}
	for (size_t i = 0; i < workloads_count; i++) {
		any_workload = any_workload || options->chosen[i];
	}
	for (size_t i = 0; i < workloads_count && !any_workload; i++) {
		options->chosen[i] = true;
	}
	options->rounds = options->rounds ? options->rounds : options->quick ? QUICK_ROUNDS : FULL_ROUNDS;
	options->duration_ms = options->duration_ms ? options->duration_ms : options->quick ? QUICK_MS : FULL_MS;
	options->workers = options->workers ? copy(options->workers) : own_folder();
}

static void parse_one(struct options *options, int option)
{
	switch (option) {
	case 'q': options->quick = true; break;
	case 'r': options->rounds = (unsigned)parse_number("--rounds", optarg, 1, COMPARE_MAX_ROUNDS); break;
	case 't': options->thread_counts = 0; split_list(options, optarg, add_threads); break;
	case 'w': split_list(options, optarg, add_workload); break;
	case 'b': split_list(options, optarg, add_build); break;
	case 's': options->seed = parse_number("--seed", optarg, 1, INT64_MAX); break;
	case 'j': options->json = check_file("--json", optarg); break;
	case 'c': options->csv = check_file("--csv", optarg); break;
	case OPTION_WORKERS: options->workers = optarg; break;
	case OPTION_TIMEOUT: options->timeout_s = (unsigned)parse_number("--timeout", optarg, 1, 86400); break;
	case OPTION_DURATION: options->duration_ms = (unsigned)parse_number("--duration-ms", optarg, 1, 60000); break;
	case OPTION_PLANT: options->plant = optarg; break;
	case 'h': print_help(); exit(COMPARE_WELL);
	case 'V': puts("compare (Tally) " TALLY_PROJECT_VERSION); exit(COMPARE_WELL);
	default: break;
	}
}

// Says what is wrong with an option that getopt_long did not take: `mark` is '?' or ':'.
static _Noreturn void refuse_option(int mark, const char *given)
{
	if (mark == ':') {
		compare_refuse("option '%s' given without its argument; see --help", given);
	}
	// A letter that is no option; else `given` is a long option, unknown or with an argument that it does not take.
	if (optopt && !strchr(SHORT_OPTIONS, optopt)) {
		compare_refuse("unknown option '-%c' given, one of those that --help lists expected", optopt);
	}
	compare_refuse("unknown option '%s' given, one of those that --help lists expected", given);
}

void options_parse(struct options *options, int count, char **arguments)
{
	*options = (struct options){.seed = DEFAULT_SEED};
	options->chosen = compare_alloc(workloads_count, sizeof(*options->chosen));
	opterr = 0;
	for (int option; (option = getopt_long(count, arguments, SHORT_OPTIONS, long_options, NULL)) != -1;) {
		if (option == '?' || option == ':') {
			refuse_option(option, arguments[optind - 1]);
		}
		parse_one(options, option);
	}
	options->paths = arguments + optind;
	options->path_count = (unsigned)(count - optind);
	set_defaults(options);
	if (options->json && options->csv && strcmp(options->json, "-") == 0 && strcmp(options->csv, "-") == 0) {
		compare_refuse("--json - and --csv - given, standard output for one of them expected");
	}
	need_workers(options);
}

void options_fini(struct options *options)
{
	free(options->chosen);
	free(options->workers);
}
