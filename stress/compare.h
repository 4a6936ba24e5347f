// stress/compare.h: what the parts of the compare command share.
//
// The command runs the same workloads on every build of the library and puts the results side by side. It does not
// link the library: each measurement is a process of `tally-worker-<build>` (worker.h), so that every one begins with
// a fresh heap and a build that crashes or hangs takes nothing else with it.
//
//     compare.c            the order of things, the exit status
//     compare_options.c    the command line
//     compare_workloads.c  the list of workloads, choosing among them
//     compare_corpus.c     the text: files and folders that the user names, or licences and a generated text
//     compare_generate.c   the generated text
//     compare_scan.c       include lines and edge lists in the named files (compare_scan.h), with compare_names.c
//     compare_includes.c   which file an include line means
//     compare_graph.c      the graph, for the workers (compare_graph.h)
//     compare_spawn.c      one worker: start, watch, read its line
//     compare_measure.c    all workers in order, progress
//     compare_table.c      medians, ratios, the table
//     compare_pauses.c     the table of pauses
//     compare_checks.c     one correctness line a workload
//     compare_export.c     JSON and CSV
//
// The program has one thread. Exit statuses: 0 all is well; 1 something was measured and is wrong (a digest, a leak,
// a worker that failed, a result that could not be written); 2 the command was refused before anything was measured.
#ifndef STRESS_COMPARE_H
#define STRESS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Given by the build files.
#ifndef TALLY_PROJECT_VERSION
#define TALLY_PROJECT_VERSION "unversioned"
#endif

enum { COMPARE_WELL = 0, COMPARE_WRONG = 1, COMPARE_REFUSED = 2 };

#define COMPARE_BUILDS 3
#define COMPARE_MAX_THREADS 256 // as in worker.h
#define COMPARE_MAX_COUNTS 16   // different thread counts in one comparison
#define COMPARE_MAX_ROUNDS 1000
#define COMPARE_MAX_PLACE 200 // bytes of a file's name and a line's number

enum build { BUILD_GIL, BUILD_BIASED, BUILD_ATOMIC };
extern const char *const compare_build_names[COMPARE_BUILDS];

// Prints "compare: ...", a newline, and ends the program with COMPARE_REFUSED.
_Noreturn void compare_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The same with COMPARE_WRONG, for what fails later on.
_Noreturn void compare_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
// calloc and realloc that end the program when there is no memory.
void *compare_alloc(size_t count, size_t size);
void *compare_grow(void *memory, size_t count, size_t size);

// ---- compare_workloads.c ----

// What a workload's worker gets to work on, which decides what it must have counted.
enum input { INPUT_NONE, INPUT_TEXT, INPUT_GRAPH };

struct kind {
	const char *name;
	const char *group; // a name that chooses it together with others
	enum input input;
	const char *what; // one line for --help
	const char *twin; // a workload whose digest must be the same, or NULL
};

extern const struct kind workloads_all[];
extern const size_t workloads_count;

// ---- compare_options.c ----

struct options {
	char **paths; // what the user named; none: the default text
	unsigned path_count;
	bool quick;
	unsigned rounds;
	unsigned threads[COMPARE_MAX_COUNTS];
	unsigned thread_counts;
	bool builds[COMPARE_BUILDS];
	bool *chosen; // by index in workloads_all
	uint64_t seed;
	const char *json; // file names, "-": standard output; NULL: not wanted
	const char *csv;
	char *workers;        // folder of the worker programs; owned
	unsigned timeout_s;   // after which a worker is killed, 0: chosen by the size of the text
	unsigned duration_ms; // of a run of a timed workload
	const char *plant;    // for tests: a fault in one worker
};

void options_parse(struct options *options, int count, char **arguments);
void options_fini(struct options *options);
// The path of the worker program of a build; the caller frees it.
char *options_worker_path(const struct options *options, enum build build);

// ---- compare_graph.c ----

struct graph {
	int fd; // -1: no graph
	size_t nodes, edges;
	size_t found;        // edges that there were; more than `edges` when it was cut
	unsigned including;  // files with include lines
	unsigned edge_lists; // files
	bool generated;
	char spoiled[COMPARE_MAX_PLACE]; // as in struct scan
};

struct scan;

// Takes what was found, or generates a graph when there was no edge.
void graph_open(struct graph *graph, struct scan *scan, uint64_t seed);
void graph_close(struct graph *graph);

// ---- compare_corpus.c ----

struct corpus {
	int fd;       // -1: no text
	size_t bytes; // of the text that is counted, with a newline after each file
	size_t found; // of the text that there was; more than `bytes` when it was cut
	size_t words;
	size_t generated; // bytes of `bytes` that were generated
	unsigned files;   // read
	unsigned skipped; // files and folders inside a named folder that could not be read
	unsigned ignored; // entries that are neither file nor folder: links, sockets, devices, pipes
	struct graph graph; // of the same files
};

void corpus_open(struct corpus *corpus, const struct options *options);
void corpus_close(struct corpus *corpus);

// ---- compare_generate.c ----

// Numbers drawn from a state that a seed gives; the same everywhere.
uint64_t generate_state(uint64_t seed);
uint64_t generate_draw(uint64_t *state);
uint32_t generate_below(uint64_t *state, uint32_t limit);

// Gives a text of `size` bytes, or as many less as make it end with a word, to `sink`, piece by piece; the same for
// the same seed.
typedef void (*text_sink)(void *context, const char *text, size_t size);
void generate_text(uint64_t seed, size_t size, text_sink sink, void *context);

// ---- compare_spawn.c ----

struct outcome {
	bool ran; // false: see failure
	char failure[160];
	uint64_t ops, elapsed_ns, merge_ns, cpu_ns;
	char digest[24];
	uint64_t words, distinct, replaced;
	uint64_t nodes, edges;
	uint64_t live_objects, leaked;
	uint64_t page_bytes, peak_rss_bytes;
	uint64_t pauses; // of collections; the figures that follow are 0 when there was none
	uint64_t pause_p50_ns, pause_p99_ns, pause_max_ns, pause_total_ns;
	uint64_t safepoint_p99_ns, safepoint_max_ns;
};

struct request {
	const struct kind *kind;
	enum build build;
	unsigned threads;
	bool planted;
};

void spawn_worker(const struct options *options, const struct corpus *corpus, const struct request *request,
                  struct outcome *outcome);

// ---- compare_measure.c ----

// All runs: outcome(workload, thread count, build, round). A cell is given up after its first failed run.
struct results {
	const struct options *options;
	const struct corpus *corpus;
	struct outcome *outcomes;
	bool *done;
	double seconds;
};

void measure_all(struct results *results, const struct options *options, const struct corpus *corpus);
void measure_fini(struct results *results);
// NULL: that run was not made.
const struct outcome *measure_outcome(const struct results *results, size_t workload, unsigned count, unsigned build,
                                      unsigned round);

// ---- compare_table.c ----

// 0: there is no such number.
struct figures {
	double rate; // median of operations a second over the rounds
	double least, most;
	double ratio;   // median over the rounds of this build's rate to that of `gil`
	double scaling; // median over the rounds of this rate to that of the same build with one thread
};

struct figures table_figures(const struct results *results, size_t workload, unsigned count, unsigned build);
double table_rate(const struct outcome *outcome);
// Sorts the numbers; 0 when there are none.
double table_median(double *numbers, unsigned count);
void table_print(const struct results *results, FILE *out);

// ---- compare_pauses.c ----

// A row for each cell in which the collector stopped the world; nothing when there is none.
void pauses_print(const struct results *results, FILE *out);

// ---- compare_checks.c ----

struct check {
	bool well;
	unsigned runs;
	char digest[24];
	char text[320]; // of the failure
};

struct check checks_of(const struct results *results, size_t workload);
// One line a workload; true when all is well.
bool checks_print(const struct results *results, FILE *out);

// ---- compare_export.c ----

// Refuses when a file cannot be written, before anything is measured. Leaves what is in it alone.
void export_probe(const struct options *options);
// Writes the files; ends the program with COMPARE_WRONG when that fails.
void export_write(const struct results *results, bool well);

#endif
