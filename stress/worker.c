// stress/worker.c: one process, one workload, one line of JSON.
//
// The order of a run: options; the text is mapped; the runtime starts; the main thread attaches, sets up, waits for
// the team in a blocking region, tears down; it asks the heap how many objects are alive and shuts the runtime down,
// which counts them once more. Both numbers must be zero. They are reported, not judged: `compare` judges.
//
// The line has no nesting and no strings but names and hexadecimal digits, so that printf is enough to write it.
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FINI_TIMEOUT_NS UINT64_C(10000000000)

static struct run the_run;

_Noreturn void worker_die(const char *operation)
{
	const char *message = tally_error_message();
	fprintf(stderr, "tally-worker-%s: %s, %u threads: %s: %s\n", tally_variant(),
	        the_run.workload ? the_run.workload->name : "no workload", the_run.threads, operation,
	        *message ? message : "failed without a message");
	fflush(stderr);
	_exit(1);
}

tally_object *worker_need(tally_object *object, const char *operation)
{
	if (!object) {
		worker_die(operation);
	}
	return object;
}

void worker_check(int result, const char *operation)
{
	if (result < 0) {
		worker_die(operation);
	}
}

void *worker_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);
	if (!memory) {
		tally_error_set(TALLY_ERROR_MEMORY, "no memory for %zu times %zu bytes", count, size);
		worker_die("calloc");
	}
	return memory;
}

void worker_collect(void) { worker_check(tally_gc_collect(2) < 0 ? -1 : 0, "tally_gc_collect"); }

static const struct workload *const tables[] = {
	worker_words, worker_private, worker_shared, worker_handoff, worker_graph, worker_cycles,
};

static const struct workload *find_workload(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct workload *workload = tables[i]; workload->name; workload++) {
			if (strcmp(workload->name, name) == 0) {
				return workload;
			}
		}
	}
	return NULL;
}

static _Noreturn void refuse(const char *option, const char *given, const char *expected)
{
	fprintf(stderr, "tally-worker-%s: %s: '%s' given, %s expected\n", tally_variant(), option, given, expected);
	exit(2);
}

static uint64_t parse_number(const char *option, const char *given, uint64_t least, uint64_t most)
{
	char *end = NULL;
	errno = 0;
	uint64_t number = strtoull(given, &end, 10);
	if (errno || *given < '0' || *given > '9' || *end || number < least || number > most) {
		char expected[80];
		snprintf(expected, sizeof(expected), "a number from %" PRIu64 " to %" PRIu64, least, most);
		refuse(option, given, expected);
	}
	return number;
}

static enum plant parse_plant(const char *given)
{
	static const char *const names[] = {"none", "digest", "leak", "hang", "crash"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], given) == 0) {
			return (enum plant)i;
		}
	}
	refuse("--plant", given, "none, digest, leak, hang or crash");
}

const void *worker_map(const char *option, int fd, const char *path, size_t *size)
{
	if (path) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0) {
		refuse(option, path ? path : "nothing", "a readable file that is not empty");
	}
	*size = (size_t)status.st_size;
	void *file = mmap(NULL, *size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (file == MAP_FAILED) {
		refuse(option, strerror(errno), "a file that can be mapped");
	}
	return file;
}

static void usage(void)
{
	printf("Usage: tally-worker-%s --workload NAME [--threads N] [--duration-ms N] [--text FILE | --text-fd N]\n"
	       "           [--graph FILE | --graph-fd N] [--seed N] [--plant none|digest|leak|hang|crash]\n"
	       "Runs one workload of the compare command once and prints its result as a line of JSON.\n"
	       "Workloads:\n",
	       tally_variant());
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct workload *workload = tables[i]; workload->name; workload++) {
			printf("    %s\n", workload->name);
		}
	}
}

static void parse_options(struct run *run, int count, char **arguments)
{
	static const struct option options[] = {
		{"workload", required_argument, NULL, 'w'},
		{"threads", required_argument, NULL, 't'},
		{"duration-ms", required_argument, NULL, 'd'},
		{"text", required_argument, NULL, 'f'},
		{"text-fd", required_argument, NULL, 'F'},
		{"graph", required_argument, NULL, 'g'},
		{"graph-fd", required_argument, NULL, 'G'},
		{"seed", required_argument, NULL, 's'},
		{"plant", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	int fd = -1;
	run->threads = 1;
	run->duration_ns = 100 * UINT64_C(1000000);
	run->seed = 1;
	run->graph_fd = -1;
	for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
		switch (option) {
		case 'w':
			run->workload = find_workload(optarg);
			if (!run->workload) {
				refuse("--workload", optarg, "one of the names that --help lists");
			}
			break;
		case 't': run->threads = (unsigned)parse_number("--threads", optarg, 1, WORKER_MAX_THREADS); break;
		case 'd': run->duration_ns = parse_number("--duration-ms", optarg, 1, 3600000) * 1000000; break;
		case 'f': path = optarg; break;
		case 'F': fd = (int)parse_number("--text-fd", optarg, 0, 1023); break;
		case 'g': run->graph_path = optarg; break;
		case 'G': run->graph_fd = (int)parse_number("--graph-fd", optarg, 0, 1023); break;
		case 's': run->seed = parse_number("--seed", optarg, 0, UINT64_MAX); break;
		case 'p': run->plant = parse_plant(optarg); break;
		case 'h': usage(); exit(0);
		default: exit(2);
		}
	}
	if (optind < count || !run->workload) {
		refuse("arguments", optind < count ? arguments[optind] : "no workload", "--workload NAME");
	}
	if (run->workload->timed) {
		return;
	}
	run->text = worker_map(path ? "--text" : "--text-fd", fd, path, &run->text_size);
}

// What the host can count after everything has been dropped.
static uint64_t live_objects(void)
{
	tally_heap_stats stats = {.size = sizeof(stats)};
	worker_check(tally_heap_stats_get(&stats), "tally_heap_stats_get");
	return stats.live_objects;
}

static void print_pauses(const tally_gc_pauses *pauses)
{
	printf("\"pauses\":%" PRIu64 ",\"pause_p50_ns\":%" PRIu64 ",\"pause_p99_ns\":%" PRIu64
	       ",\"pause_max_ns\":%" PRIu64 ",\"pause_total_ns\":%" PRIu64 ",",
	       pauses->count, pauses->pause.p50, pauses->pause.p99, pauses->pause.max, pauses->pause.total);
	printf("\"safepoint_p99_ns\":%" PRIu64 ",\"safepoint_max_ns\":%" PRIu64 ",", pauses->to_safepoint.p99,
	       pauses->to_safepoint.max);
}

static void print_result(const struct run *run, uint64_t live, uint64_t leaked)
{
	uint64_t ops = 0, replaced = 0, cpu_ns = 0;
	for (unsigned i = 0; i < run->threads; i++) {
		ops += run->members[i].ops;
		replaced += run->members[i].replaced;
		cpu_ns += run->members[i].cpu_ns;
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"build\":\"%s\",\"version\":\"%s\",\"workload\":\"%s\",\"threads\":%u,", tally_variant(),
	       tally_version(), run->workload->name, run->threads);
	printf("\"ops\":%" PRIu64 ",\"elapsed_ns\":%" PRIu64 ",\"merge_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64 ",", ops,
	       run->elapsed_ns, run->merge_ns, cpu_ns);
	printf("\"digest\":\"%016" PRIx64 "\",\"words\":%" PRIu64 ",\"distinct\":%" PRIu64 ",\"replaced\":%" PRIu64 ",",
	       run->digest, run->words, run->distinct, replaced);
	printf("\"nodes\":%" PRIu64 ",\"edges\":%" PRIu64 ",", run->nodes, run->edges);
	print_pauses(&run->pauses);
	printf("\"live_objects\":%" PRIu64 ",\"leaked\":%" PRIu64 ",\"page_bytes\":%" PRIu64
	       ",\"peak_rss_bytes\":%" PRIu64 "}\n",
	       live, leaked, run->page_bytes, (uint64_t)usage.ru_maxrss * 1024);
}

static void misbehave(const struct run *run)
{
	if (run->plant == PLANT_CRASH) {
		abort();
	}
	while (run->plant == PLANT_HANG) {
		pause();
	}
}

int main(int count, char **arguments)
{
	// A driver that is killed must not leave workers behind.
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct run *run = &the_run;
	parse_options(run, count, arguments);
	misbehave(run);

	tally_config config = {.size = sizeof(config), .hash_seed = run->seed};
	worker_check(tally_init(&config), "tally_init");
	tally_token token;
	worker_check(tally_thread_attach(&token), "tally_thread_attach");
	tally_thread_set_name("main");
	run->workload->setup(run);
	team_run(run);
	run->workload->teardown(run);
	if (run->plant == PLANT_LEAK) {
		worker_need(tally_list_new(), "tally_list_new");
	}
	uint64_t live = live_objects();
	worker_check(tally_thread_detach(token), "tally_thread_detach");
	uint64_t leaked = 0;
	worker_check(tally_fini(FINI_TIMEOUT_NS, &leaked), "tally_fini");

	print_result(run, live, leaked);
	return fflush(stdout) == 0 ? 0 : 1;
}
