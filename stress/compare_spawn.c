// stress/compare_spawn.c: one worker process: start it, wait for its line with a watchdog, read the line.
//
// The worker inherits the text and the graph as open files and writes its line to a pipe; its stderr is ours, so that
// its own message stands beside the failure that is reported here. A worker that has not ended in time is killed, by its
// process id, and counts as failed.
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#define MAX_LINE 4096
#define DEFAULT_TIMEOUT_S 120

extern char **environ;

static int64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fail(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct outcome *outcome, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(outcome->failure, sizeof(outcome->failure), format, arguments);
	va_end(arguments);
}

// Lets the worker inherit an open file under its own number, and writes that into `number`; without a file that of the
// standard input, in which there is nothing.
static void pass_file(posix_spawn_file_actions_t *actions, int fd, char number[16])
{
	snprintf(number, 16, "%d", fd >= 0 ? fd : STDIN_FILENO);
	if (fd >= 0) {
		posix_spawn_file_actions_adddup2(actions, fd, fd);
	}
}

// Starts the worker with its output in `output`; 0 and *pid, or an error number.
static int start(const struct options *options, const struct corpus *corpus, const struct request *request, int output,
                 pid_t *pid)
{
	char threads[16], duration[16], seed[32], text[16], graph[16];
	snprintf(threads, sizeof(threads), "%u", request->threads);
	snprintf(duration, sizeof(duration), "%u", options->duration_ms);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)options->seed);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	pass_file(&actions, corpus->fd, text);
	pass_file(&actions, corpus->graph.fd, graph);
	char *path = options_worker_path(options, request->build);
	// posix_spawn takes strings that it does not change.
	const char *const arguments[] = {
		path,
		"--workload", request->kind->name,
		"--threads", threads,
		"--duration-ms", duration,
		"--seed", seed,
		"--plant", request->planted ? options->plant : "none",
		"--text-fd", text,
		"--graph-fd", graph,
		NULL,
	};
	int error = posix_spawn(pid, path, &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(path);
	return error;
}

// Reads until the worker closes its end; false when the time is up first.
static bool read_line(int input, char *line, int64_t deadline)
{
	size_t size = 0;
	for (;;) {
		int64_t left = deadline - clock_ms();
		struct pollfd wait = {.fd = input, .events = POLLIN};
		int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
		if (ready == 0) {
			return false;
		}
		if (ready < 0) {
			continue;
		}
		ssize_t got = read(input, line + size, MAX_LINE - 1 - size);
		if (got <= 0) {
			line[size] = '\0';
			return true;
		}
		size += (size_t)got;
	}
}

// Waits for the end of a worker that has closed its output; false when the time is up first.
static bool wait_until(pid_t pid, int *status, int64_t deadline)
{
	for (;;) {
		pid_t ended = waitpid(pid, status, WNOHANG);
		if (ended == pid) {
			return true;
		}
		if (clock_ms() >= deadline) {
			return false;
		}
		nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
}

static bool take_number(json_t *line, const char *name, uint64_t *number)
{
	json_t *value = json_object_get(line, name);
	*number = (uint64_t)json_integer_value(value);
	return json_is_integer(value);
}

// Fills the outcome from the worker's line; false when something is missing or is not what was asked for.
static bool read_result(const char *text, const struct request *request, struct outcome *outcome)
{
	const struct {
		const char *name;
		uint64_t *number;
	} fields[] = {
		{"ops", &outcome->ops},
		{"elapsed_ns", &outcome->elapsed_ns},
		{"merge_ns", &outcome->merge_ns},
		{"cpu_ns", &outcome->cpu_ns},
		{"words", &outcome->words},
		{"distinct", &outcome->distinct},
		{"replaced", &outcome->replaced},
		{"nodes", &outcome->nodes},
		{"edges", &outcome->edges},
		{"live_objects", &outcome->live_objects},
		{"leaked", &outcome->leaked},
		{"page_bytes", &outcome->page_bytes},
		{"peak_rss_bytes", &outcome->peak_rss_bytes},
		{"pauses", &outcome->pauses},
		{"pause_p50_ns", &outcome->pause_p50_ns},
		{"pause_p99_ns", &outcome->pause_p99_ns},
		{"pause_max_ns", &outcome->pause_max_ns},
		{"pause_total_ns", &outcome->pause_total_ns},
		{"safepoint_p99_ns", &outcome->safepoint_p99_ns},
		{"safepoint_max_ns", &outcome->safepoint_max_ns},
	};
	json_t *line = json_loads(text, 0, NULL);
	const char *build = json_string_value(json_object_get(line, "build"));
	const char *digest = json_string_value(json_object_get(line, "digest"));
	bool good = build && digest && strcmp(build, compare_build_names[request->build]) == 0;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		good = take_number(line, fields[i].name, fields[i].number) && good;
	}
	if (digest) {
		snprintf(outcome->digest, sizeof(outcome->digest), "%s", digest);
	}
	json_decref(line);
	return good;
}

static void judge(int status, const char *line, const struct request *request, struct outcome *outcome)
{
	if (WIFSIGNALED(status)) {
		fail(outcome, "the worker was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else if (WEXITSTATUS(status) != 0) {
		fail(outcome, "the worker ended with status %d", WEXITSTATUS(status));
	} else if (!read_result(line, request, outcome)) {
		fail(outcome, "the worker's line cannot be used: %.80s", *line ? line : "(nothing)");
	} else {
		outcome->ran = true;
	}
}

static unsigned choose_timeout(const struct options *options, const struct corpus *corpus)
{
	return options->timeout_s ? options->timeout_s : DEFAULT_TIMEOUT_S + (unsigned)(corpus->bytes >> 20);
}

void spawn_worker(const struct options *options, const struct corpus *corpus, const struct request *request,
                  struct outcome *outcome)
{
	*outcome = (struct outcome){.ran = false};
	int ends[2];
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		fail(outcome, "cannot make a pipe: %s", strerror(errno));
		return;
	}
	int error = start(options, corpus, request, ends[1], &pid);
	close(ends[1]);
	if (error) {
		fail(outcome, "the worker cannot be started: %s", strerror(error));
		close(ends[0]);
		return;
	}
	char line[MAX_LINE] = "";
	int status = 0;
	unsigned timeout_s = choose_timeout(options, corpus);
	int64_t deadline = clock_ms() + (int64_t)timeout_s * 1000;
	if (read_line(ends[0], line, deadline) && wait_until(pid, &status, deadline)) {
		judge(status, line, request, outcome);
	} else {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		fail(outcome, "the worker had not ended after %u s and was killed", timeout_s);
	}
	close(ends[0]);
}
