// tests/tap.c: the TAP producer behind tests/tap.h.
//
// Every line goes out in one write(2) while the mutex is held: lines of two threads never mix, and nothing that was
// reported is lost in a buffer when the program crashes. The watchdog alone takes no lock, since the program that it
// ends may be stuck with the mutex held.
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef TALLY_TEST_SCALE
#define TALLY_TEST_SCALE 100
#endif

enum { LINE_MAX_BYTES = 2048, VALUE_MAX_BYTES = 400, STATUS_BAILED_OUT = 99 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int points;                    // guarded by mutex
static int failed_points;             // guarded by mutex
static bool current_failed;           // guarded by mutex; also set by checks outside of any test
static bool seed_taken;               // guarded by mutex
static uint64_t seed;                 // guarded by mutex
static _Atomic(const char *) current; // the running test's name; the watchdog reads it at any time
static void (*before_each)(void);     // main's thread only
static void (*after_each)(void);      // main's thread only

static void write_all(const char *text, size_t size)
{
	while (size > 0) {
		ssize_t written = write(STDOUT_FILENO, text, size);
		if (written < 0 && errno != EINTR) return;
		if (written < 0) continue;
		text += written;
		size -= (size_t)written;
	}
}

static void print_va(const char *format, va_list arguments)
{
	char line[LINE_MAX_BYTES];
	int length = vsnprintf(line, sizeof line - 1, format, arguments);
	if (length < 0) return;
	size_t size = (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
	line[size++] = '\n';
	write_all(line, size);
}

__attribute__((format(printf, 1, 2))) static void print(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_va(format, arguments);
	va_end(arguments);
}

// A test's name as a sentence.
static const char *sentence(const char *name, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", name);
	for (char *c = buffer; *c; c++)
		if (*c == '_') *c = ' ';
	return buffer;
}

// ---- the program ----

void tap_begin(void)
{
	print("TAP version 13");
	print("# test scale %d %%", TALLY_TEST_SCALE);
}

static void print_point(bool ok, const char *name)
{
	char buffer[VALUE_MAX_BYTES];
	points++;
	failed_points += !ok;
	print("%sok %d - %s", ok ? "" : "not ", points, sentence(name, buffer, sizeof buffer));
}

int tap_end(void)
{
	pthread_mutex_lock(&mutex);
	if (current_failed) print_point(false, "every check outside of the tests holds");
	print("1..%d", points);
	int status = failed_points > 0;
	pthread_mutex_unlock(&mutex);
	return status;
}

void tap_skip_all(const char *reason)
{
	print("1..0 # SKIP %s", reason);
	exit(0);
}

void tap_bail_out(const char *reason)
{
	print("Bail out! %s", reason);
	_exit(STATUS_BAILED_OUT);
}

void tap_note(const char *format, ...)
{
	char text[LINE_MAX_BYTES - 3] = "# ";
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + 2, sizeof text - 2, format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&mutex);
	print("%s", text);
	pthread_mutex_unlock(&mutex);
}

// ---- the tests ----

void tap_before_each(void (*hook)(void)) { before_each = hook; }
void tap_after_each(void (*hook)(void)) { after_each = hook; }

// The command line of this process, for people to paste.
static void command(char *buffer, size_t size)
{
	int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? 0 : read(file, buffer, size - 1);
	if (file >= 0) close(file);
	buffer[length > 0 ? length - 1 : 0] = '\0';
	for (ssize_t i = 0; i < length - 1; i++)
		if (buffer[i] == '\0') buffer[i] = ' ';
}

static void print_repeat(void)
{
	char line[LINE_MAX_BYTES / 2];
	command(line, sizeof line);
	print("# repeat with: TALLY_SEED=%llu %s", (unsigned long long)seed, line);
}

void tap_run(const char *name, void (*test)(void))
{
	atomic_store(&current, name);
	if (before_each) before_each();
	test();
	if (after_each) after_each();

	pthread_mutex_lock(&mutex);
	print_point(!current_failed, name);
	if (current_failed && seed_taken) print_repeat();
	current_failed = false;
	pthread_mutex_unlock(&mutex);
	atomic_store(&current, NULL);
}

void tap_skip(const char *name, const char *reason)
{
	char buffer[VALUE_MAX_BYTES];
	pthread_mutex_lock(&mutex);
	print("ok %d - %s # SKIP %s", ++points, sentence(name, buffer, sizeof buffer), reason);
	pthread_mutex_unlock(&mutex);
}

// ---- the checks ----

// Records a failed check, with the two values that it compared unless they are NULL; returns false.
static bool fail(const char *file, int line, const char *text, const char *a, const char *b_text, const char *b)
{
	pthread_mutex_lock(&mutex);
	current_failed = true;
	if (a) {
		print("# %s:%d: not equal", file, line);
		print("#     %s: %s", text, a);
		print("#     %s: %s", b_text, b);
	} else {
		print("# %s:%d: %s failed", file, line, text);
	}
	pthread_mutex_unlock(&mutex);
	return false;
}

bool tap_check(bool condition, const char *file, int line, const char *text)
{
	return condition || fail(file, line, text, NULL, NULL, NULL);
}

static bool is_negative(struct tap_integer x) { return x.is_signed && (int64_t)x.bits < 0; }

static void show_integer(struct tap_integer x, char *buffer, size_t size)
{
	if (is_negative(x))
		snprintf(buffer, size, "%lld", (long long)x.bits);
	else
		snprintf(buffer, size, "%llu", (unsigned long long)x.bits);
}

bool tap_check_eq(struct tap_integer a, struct tap_integer b, const char *file, int line, const char *a_text,
                  const char *b_text)
{
	if (a.bits == b.bits && is_negative(a) == is_negative(b)) return true;
	char a_value[32], b_value[32];
	show_integer(a, a_value, sizeof a_value);
	show_integer(b, b_value, sizeof b_value);
	return fail(file, line, a_text, a_value, b_text, b_value);
}

// The string in quotes, on one line: a newline inside would look like a line of TAP.
static void show_string(const char *text, char *buffer, size_t size)
{
	if (!text) {
		snprintf(buffer, size, "NULL");
		return;
	}
	size_t used = 0;
	buffer[used++] = '"';
	for (; *text && used + 8 < size; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7F || c == '"' || c == '\\')
			used += (size_t)snprintf(buffer + used, size - used, "\\x%02x", c);
		else
			buffer[used++] = (char)c;
	}
	snprintf(buffer + used, size - used, *text ? "\"..." : "\"");
}

bool tap_check_str(const char *a, const char *b, const char *file, int line, const char *a_text, const char *b_text)
{
	if (a == b || (a && b && strcmp(a, b) == 0)) return true;
	char a_value[VALUE_MAX_BYTES], b_value[VALUE_MAX_BYTES];
	show_string(a, a_value, sizeof a_value);
	show_string(b, b_value, sizeof b_value);
	return fail(file, line, a_text, a_value, b_text, b_value);
}

bool tap_check_ptr(const volatile void *a, const volatile void *b, const char *file, int line, const char *a_text,
                   const char *b_text)
{
	if (a == b) return true;
	char a_value[32], b_value[32];
	snprintf(a_value, sizeof a_value, "0x%llx", (unsigned long long)(uintptr_t)a);
	snprintf(b_value, sizeof b_value, "0x%llx", (unsigned long long)(uintptr_t)b);
	return fail(file, line, a_text, a_value, b_text, b_value);
}

// ---- sizes, seeds, time ----

uint64_t tap_scaled(uint64_t n)
{
	uint64_t scaled = n * TALLY_TEST_SCALE / 100;
	return scaled > 0 || n == 0 ? scaled : 1;
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	if (!text || !*text) return otherwise;
	char *end;
	errno = 0;
	uint64_t value = strtoull(text, &end, 0);
	if (errno == 0 && *end == '\0' && *text != '-') return value;
	char reason[VALUE_MAX_BYTES];
	snprintf(reason, sizeof reason, "%s is not a number: %s", name, text);
	tap_bail_out(reason);
}

uint64_t tap_seed(void)
{
	pthread_mutex_lock(&mutex);
	if (!seed_taken) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		uint64_t clock = (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec;
		seed = number_from_environment("TALLY_SEED", clock);
		seed_taken = true;
		print_repeat();
	}
	pthread_mutex_unlock(&mutex);
	return seed;
}

static void *watch(void *argument)
{
	const struct timespec *limit = argument;
	struct timespec left = *limit;
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	const char *name = atomic_load(&current);
	char buffer[VALUE_MAX_BYTES], reason[VALUE_MAX_BYTES + 64];
	snprintf(reason, sizeof reason, "still running after %lld s: %s", (long long)limit->tv_sec,
	         name ? sentence(name, buffer, sizeof buffer) : "(between two tests)");
	tap_bail_out(reason);
}

void tap_watchdog(unsigned seconds)
{
	static struct timespec limit;
	limit.tv_sec = (time_t)(seconds * number_from_environment("TALLY_WATCHDOG_FACTOR", 1));
	// The tests' own signals are not for this thread.
	sigset_t all, previous;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &previous);
	pthread_t thread;
	if (pthread_create(&thread, NULL, watch, &limit) == 0) pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &previous, NULL);
}
