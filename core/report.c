// core/report.c: what the threads do, in words: tally_threads_report, and the report of a wait that lasts too long.
//
// A line has two halves. How a thread stands to the others is known to the variant (variant_thread_standing); what it
// waits for is known to the kernel, which shows the system call that a thread sleeps in, and its arguments, under
// /proc/self/task. A wait for a pthread mutex, condition, rwlock, semaphore or thread is a futex call whose first
// argument points into that object: so a report names the very lock that a thread hangs on, and nobody had to note it.
//
// I1  A report needs no memory, holds no latch but that of the list of threads (in `gil`, for a moment, also the one
//     inside the lock), and waits for no thread. So it works while a stop of the world hangs, which is its purpose.
// I2  While the hook runs its thread is not attached, to itself either: a call that needs an attached thread is refused.
#include "report.h"
#include "os.h"
#include "variant.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MS = 1000000, REPORT = 2048 };
#define STALL_NS UINT64_C(1000000000)

// Written by the start of the runtime, behind the closed door.
static struct {
	uint64_t stall_ns;
	tally_stall_hook_fn hook;
	void *context;
} settings;

void tally_report_init(const tally_config *config)
{
	settings.stall_ns = config->stall_ns ? config->stall_ns : STALL_NS;
	settings.hook = config->on_stall;
	settings.context = config->context;
}

// ---- text ----

struct text {
	char *at;
	size_t size;
	size_t length; // of the whole text, as snprintf counts
};

static void put(struct text *text, const char *format, ...) TALLY_PRINTF(2, 3);
static void put(struct text *text, const char *format, ...)
{
	size_t used = text->length < text->size ? text->length : text->size;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text->at ? text->at + used : NULL, text->size - used, format, arguments);
	va_end(arguments);
	if (length > 0) text->length += (size_t)length;
}

// ---- what the kernel knows ----

// By the plain system call: what is a place of cancellation must not be one here, with a latch held.
static bool read_of_task(int tid, const char *name, char *buffer, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
	long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (file < 0) return false;
	long length = syscall(SYS_read, file, buffer, size - 1);
	syscall(SYS_close, file);
	if (length <= 0) return false;
	buffer[length] = 0;
	return true;
}

static const struct {
	long number;
	const char *name;
	bool on_file; // the first argument is a file descriptor
} calls[] = {
        {SYS_read, "read", true},
        {SYS_write, "write", true},
        {SYS_readv, "readv", true},
        {SYS_writev, "writev", true},
        {SYS_pread64, "pread", true},
        {SYS_pwrite64, "pwrite", true},
        {SYS_ioctl, "ioctl", true},
        {SYS_fcntl, "fcntl", true},
        {SYS_flock, "flock", true},
        {SYS_fsync, "fsync", true},
        {SYS_fdatasync, "fdatasync", true},
        {SYS_accept, "accept", true},
        {SYS_accept4, "accept", true},
        {SYS_connect, "connect", true},
        {SYS_recvfrom, "recv", true},
        {SYS_recvmsg, "recvmsg", true},
        {SYS_sendto, "send", true},
        {SYS_sendmsg, "sendmsg", true},
        {SYS_epoll_pwait, "epoll_wait", true},
        {SYS_ppoll, "poll", false},
        {SYS_pselect6, "select", false},
        {SYS_nanosleep, "nanosleep", false},
        {SYS_clock_nanosleep, "nanosleep", false},
        {SYS_wait4, "wait", false},
        {SYS_waitid, "wait", false},
        {SYS_openat, "open", false},
        {SYS_rt_sigtimedwait, "sigwait", false},
        {SYS_rt_sigsuspend, "sigsuspend", false},
#ifdef SYS_poll // younger architectures have left these out
        {SYS_poll, "poll", false},
        {SYS_select, "select", false},
        {SYS_epoll_wait, "epoll_wait", true},
        {SYS_pause, "pause", false},
        {SYS_open, "open", false},
#endif
};
enum { CALLS = sizeof calls / sizeof calls[0] };

static void put_call(struct text *text, long number, unsigned long long first)
{
	if (number == SYS_futex) {
		put(text, "waits for a lock, condition or join at 0x%llx", first);
		return;
	}
	for (unsigned i = 0; i < CALLS; i++) {
		if (calls[i].number != number) continue;
		put(text, "waits in %s", calls[i].name);
		if (calls[i].on_file) put(text, " of file descriptor %d", (int)first);
		return;
	}
	put(text, "waits in system call %ld", number);
}

// The letter of ps(1), which comes after the name in parentheses; 0: not known.
static char state_of_task(int tid)
{
	char stat[512];
	if (!read_of_task(tid, "stat", stat, sizeof stat)) return 0;
	const char *end_of_name = strrchr(stat, ')');
	return end_of_name && end_of_name[1] ? end_of_name[2] : 0;
}

// No system call, or none that can be read.
static const char *words_for_state(char state)
{
	switch (state) {
	case 'R': return "runs";
	case 'S': return "sleeps";
	case 'D': return "waits for the kernel";
	case 'T':
	case 't': return "is stopped by a signal or a debugger";
	case 'Z':
	case 'X': return "has ended";
	default: return "waits for what cannot be found out";
	}
}

// "NUMBER ARGUMENT ...", "-1 ..." outside of a call, or "running".
static void put_wait(struct text *text, int tid)
{
	char line[256], *end;
	if (read_of_task(tid, "syscall", line, sizeof line)) {
		long number = strtol(line, &end, 10);
		if (end != line && number >= 0) {
			put_call(text, number, strtoull(end, NULL, 16));
			return;
		}
	}
	put(text, "%s", words_for_state(state_of_task(tid)));
}

// ---- threads ----

struct composition {
	struct text text;
	uint64_t now;
	bool only_in_the_way;
};

static void put_stance(struct text *text, struct tally_standing standing, uint64_t now)
{
	unsigned long long ms = now > standing.since ? (now - standing.since) / MS : 0;
	switch (standing.stance) {
	case TALLY_STANDS_AWAY: put(text, "is in a blocking region"); break;
	case TALLY_STANDS_ATTACHED: put(text, "is attached"); break;
	case TALLY_STANDS_ASKED: put(text, "was asked to stop %llu ms ago and has not come to a point", ms); break;
	case TALLY_STANDS_HOLDING: put(text, "has had the lock for %llu ms", ms); break;
	case TALLY_STANDS_STOPPING: put(text, "began to stop the world %llu ms ago", ms); break;
	case TALLY_WAITS_TO_STOP: put(text, "waits for its turn to stop the world"); break;
	case TALLY_WAITS_FOR_START: put(text, "waits for the world to start"); break;
	case TALLY_WAITS_FOR_LOCK: put(text, "waits for the lock"); break;
	case TALLY_WAITS_FOR_OBJECT: put(text, "waits for an object's lock"); break;
	}
}

static bool is_in_the_way(enum tally_stance stance) { return stance == TALLY_STANDS_ASKED || stance == TALLY_STANDS_HOLDING; }

static void put_name(struct text *text, const struct tally_member *member)
{
	put(text, "%s (thread %d)", member->name[0] ? member->name : "unnamed", member->tid);
}

static void put_line(const struct tally_member *member, void *context)
{
	struct composition *composition = context;
	struct text *text = &composition->text;
	struct tally_standing standing = variant_thread_standing(member);
	if (composition->only_in_the_way && !is_in_the_way(standing.stance)) return;
	put_name(text, member);
	put(text, ": ");
	put_stance(text, standing, composition->now);
	put(text, "; ");
	if (member == tally_self.member) put(text, "asks for this report");
	else put_wait(text, member->tid);
	put(text, "\n");
}

int tally_threads_report(char *text, size_t size)
{
	int kept = errno;
	struct composition composition = {.text = {.at = text, .size = size}, .now = tally_clock()};
	put(&composition.text, "%s", ""); // the NUL of an empty text
	tally_threads_each_busy(put_line, &composition);
	errno = kept;
	return (int)composition.text.length;
}

// ---- the wait that lasts too long ----

struct tally_patience tally_patience_from(uint64_t since)
{
	bool wanted = settings.hook && settings.stall_ns < TALLY_FOREVER - since;
	return (struct tally_patience){since, wanted ? since + settings.stall_ns : TALLY_FOREVER};
}

uint64_t tally_patience_left(const struct tally_patience *patience)
{
	if (patience->end == TALLY_FOREVER) return TALLY_FOREVER;
	uint64_t now = tally_clock();
	return patience->end > now ? patience->end - now : 0;
}

// What did not fit ends with a line that says so.
static void cut(struct text *text)
{
	static const char more[] = "...\n";
	if (text->length >= text->size) memcpy(text->at + text->size - sizeof more, more, sizeof more);
}

static void compose(char *report, const struct tally_patience *patience, const char *awaited)
{
	uint64_t now = tally_clock();
	struct composition composition = {.text = {.at = report, .size = REPORT}, .now = now, .only_in_the_way = true};
	put_name(&composition.text, tally_self.member);
	put(&composition.text, " has waited for %s for %llu ms; in the way:\n", awaited,
	    (unsigned long long)(now - patience->since) / MS);
	size_t headed = composition.text.length;
	tally_threads_each_busy(put_line, &composition);
	if (composition.text.length == headed) put(&composition.text, "nobody any more\n");
	cut(&composition.text);
}

// The thread looks, to itself, as if it were in a blocking region.
static void call_hook(const char *report)
{
	const _Atomic uint64_t *poll = tally_self.poll;
	enum tally_thread_state state = tally_self.state;
	tally_self.poll = &tally_poll_unattached;
	tally_self.state = TALLY_BLOCKING;
	settings.hook(report, settings.context);
	tally_self.poll = poll;
	tally_self.state = state;
}

void tally_patience_report(struct tally_patience *patience, const char *awaited)
{
	char report[REPORT];
	int kept = errno;
	compose(report, patience, awaited);
	call_hook(report);
	errno = kept;
	uint64_t now = tally_clock();
	patience->end = now + (now - patience->since);
}
