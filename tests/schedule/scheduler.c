// tests/schedule/scheduler.c: depth-first replay over the orders of a scenario's accesses (scheduler.h).
//
// A fiber runs until it announces an access. Once every fiber has announced one, sleeps or has ended (the execution is
// settled), one of them is chosen, performs its access and runs on to its next one: that is a step. `path` remembers
// the choice of each step; the next execution repeats the path up to the last step with an alternative and takes that.
//
// Sleep sets: when all that can follow from letting fiber 1 go first has been explored, fiber 1 *rests* in the branches
// that let others go first, until one of them performs an access that depends on what fiber 1 is about to do: until
// then fiber 1's turn could as well have come first, which is explored already. When all who could go on rest, the
// execution is abandoned.
//
// I1  The scheduler runs on the stack of whoever calls a hook; `explorer` is where an execution started and ends.
// I2  A fiber that can be chosen is AT_ACCESS; a RUNNABLE one has nothing to choose and runs before any choice is made.
// I3  A fiber that rests could be chosen: what might have disabled it would have depended on it and ended its rest.
#undef _FORTIFY_SOURCE // its longjmp takes a change of stacks for a mistake
#include "scheduler.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum {
	STAGE = SCHEDULE_STAGE,
	NOBODY = STAGE + 1,
	STEPS_MAX = 1 << 14,    // longer than any scenario worth exploring: a livelock
	ROUNDS_MAX = 200,       // rounds that a spinning fiber gets while nothing changes and nobody else can run
	TOUCHED_MAX = 8,
	LABELS_MAX = 32,
	STACK_BYTES = 256 << 10,
};

struct range {
	uintptr_t start, end;
};

struct access {
	struct range range;
	bool writes;
	const struct tally_latch *latch; // not NULL: can be performed only while this one is free
	const char *verb, *function;     // for replays
	int line;
};

static struct fiber {
	enum { RUNNABLE, AT_ACCESS, ASLEEP, SPINNING, ENDED } state;
	struct access next;              // AT_ACCESS: what it will do when chosen
	const void *sleeps_on;           // ASLEEP, with the two below
	bool timed;
	int arrival;
	struct range touched[TOUCHED_MAX]; // since its last pause
	int touches;                     // beyond TOUCHED_MAX: it may have touched anything
	bool outdated;                   // somebody else has changed what it touched
	bool has_paused;                 // since it changed anything itself
	ucontext_t context; // how it starts
	jmp_buf jump;       // where it goes on
	bool started;
	void (*body)(void);
} fibers[STAGE + 1];

static struct step {
	uint8_t chosen, previous;
	uint8_t able, rests, explored;   // sets of fibers
	int preemptions;                 // before this step
	uint32_t view;                   // what everybody was about to do, to tell that a replay goes the same way
} path[STEPS_MAX];

static const struct schedule_scenario *scenario;
static struct schedule_result *result;
static jmp_buf explorer;
static int current = NOBODY, stage_self, length, position, preemptions, arrivals, rounds;
static unsigned resting;
static enum { RUNNING, WHOLE, ABANDONED, FAILED } outcome;
static struct access last; // the access of the step in progress, and what was there before
static uint64_t last_value;
static const char *replay; // the digits to follow, or NULL
static char schedule_text[STEPS_MAX + 256];
static struct { uintptr_t address; const char *text; } labels[LABELS_MAX];
static int label_count;
static _Alignas(64) unsigned char selves[STAGE + 1][TALLY_SCHEDULED_SELF_BYTES];
static _Alignas(64) unsigned char stacks[STAGE + 1][STACK_BYTES];

// ---- ranges and reports -----------------------------------------------------------------------------------------

static bool overlap(struct range a, struct range b) { return a.start < b.end && b.start < a.end; }

static bool depend(const struct access *a, const struct access *b)
{
	return (a->writes || b->writes) && overlap(a->range, b->range);
}

static const char *label_of(uintptr_t address)
{
	static char text[2 + 2 * sizeof address + 1];
	for (int i = 0; i < label_count; i++)
		if (labels[i].address == address) return labels[i].text;
	snprintf(text, sizeof text, "%#jx", (uintmax_t)address);
	return text;
}

static void write_schedule(void)
{
	int n = snprintf(schedule_text, 200, "%s:", scenario->name);
	for (int i = 0; i < position; i++) schedule_text[n++] = (char)('0' + path[i].chosen);
	schedule_text[n] = '\0';
}

// Leaves the execution for good.
static _Noreturn void end_execution(int how)
{
	outcome = how;
	current = NOBODY;
	_longjmp(explorer, 1);
	abort();
}

void schedule_fail(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(result->failure, sizeof result->failure, format, arguments);
	va_end(arguments);
	end_execution(FAILED);
}

static _Noreturn void fail_deadlocked(void)
{
	char text[200] = "";
	size_t n = 0;
	for (int i = 0; i < scenario->fibers && n < sizeof text; i++) {
		const struct fiber *fiber = &fibers[i];
		if (fiber->state == ENDED) continue;
		bool sleeps = fiber->state == ASLEEP;
		const char *verb = sleeps ? "sleeps on" : fiber->state == SPINNING ? "spins after" : "wants";
		uintptr_t object = sleeps ? (uintptr_t)fiber->sleeps_on : fiber->next.range.start;
		n += (size_t)snprintf(text + n, sizeof text - n, "; fiber %d %s %s", i, verb, label_of(object));
	}
	schedule_fail("deadlock%s", text);
}

// The code under test trapped or crashed: says in which schedule before the process dies of it.
static const int crashes[] = {SIGABRT, SIGILL, SIGSEGV, SIGBUS};
static struct sigaction uncaught[sizeof crashes / sizeof *crashes];

static void report_crash(int number)
{
	static const char words[] = "# crashed in schedule ";
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &uncaught[i], NULL);
	write_schedule();
	ssize_t written = write(STDOUT_FILENO, words, sizeof words - 1);
	written = write(STDOUT_FILENO, schedule_text, strlen(schedule_text));
	written = write(STDOUT_FILENO, "\n", 1);
	(void)written;
	if (number == SIGABRT) abort(); // the others strike again on return
}

static void catch_crashes(void)
{
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		sigaction(crashes[i], &(struct sigaction){.sa_handler = report_crash}, &uncaught[i]);
}

static void let_crash(void)
{
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &uncaught[i], NULL);
}

// ---- spinning ---------------------------------------------------------------------------------------------------
// A fiber that spins needs another round only when what it looked at has changed. Values are compared, so that failed
// compare-and-swaps of two spinning fibers do not keep each other awake for ever.

__attribute__((no_sanitize("address"))) // the memory may be freed by now, though never unmapped
static uint64_t value_at(struct range range)
{
	uint64_t value = 0;
	for (uintptr_t i = range.start; i < range.end; i++) value = value << 8 | *(const volatile unsigned char *)i;
	return value;
}

static void touch(struct fiber *fiber, struct range range)
{
	if (fiber->touches < TOUCHED_MAX) fiber->touched[fiber->touches] = range;
	if (fiber->touches <= TOUCHED_MAX) fiber->touches++;
}

static bool has_touched(const struct fiber *fiber, struct range range)
{
	if (fiber->touches > TOUCHED_MAX) return true;
	for (int i = 0; i < fiber->touches; i++)
		if (overlap(fiber->touched[i], range)) return true;
	return false;
}

// The step in progress is over: did it change anything that others have looked at?
static void end_step(void)
{
	bool changed = last.writes && value_at(last.range) != last_value;
	last.writes = false;
	if (!changed) return;
	rounds = 0;
	fibers[current].has_paused = false;
	for (int i = 0; i < scenario->fibers; i++) {
		struct fiber *fiber = &fibers[i];
		if (i == current || !has_touched(fiber, last.range)) continue;
		fiber->outdated = true;
		if (fiber->state == SPINNING) fiber->state = RUNNABLE;
	}
}

// Nobody can be chosen. Time passes: spins get another round, and timeouts strike when there is no spin (any more).
static bool pass_time(void)
{
	bool any = false;
	bool spins_allowed = rounds++ < ROUNDS_MAX;
	for (int i = 0; i < scenario->fibers && spins_allowed; i++)
		if (fibers[i].state == SPINNING) fibers[i].state = RUNNABLE, any = true;
	for (int i = 0; i < scenario->fibers && !any; i++)
		if (fibers[i].state == ASLEEP && fibers[i].timed) fibers[i].state = RUNNABLE, any = true;
	return any;
}

// ---- choosing ---------------------------------------------------------------------------------------------------

static int first_of(unsigned set) { return __builtin_ctz(set); }

static int first_runnable(void)
{
	for (int i = 0; i < scenario->fibers; i++)
		if (fibers[i].state == RUNNABLE) return i;
	return NOBODY;
}

static bool is_able(const struct fiber *fiber)
{
	return fiber->state == AT_ACCESS && !(fiber->next.latch && fiber->next.latch->holder);
}

static unsigned able_fibers(void)
{
	unsigned able = 0;
	for (int i = 0; i < scenario->fibers; i++)
		if (is_able(&fibers[i])) able |= 1u << i;
	return able;
}

static bool all_ended(void)
{
	for (int i = 0; i < scenario->fibers; i++)
		if (fibers[i].state != ENDED) return false;
	return true;
}

static uint32_t view_now(void)
{
	uint32_t view = 0;
	for (int i = 0; i < scenario->fibers; i++)
		view = view * 31 + fibers[i].state + 8 * (uint32_t)(fibers[i].next.range.start + fibers[i].next.writes);
	return view;
}

// Whether choosing `fiber` takes the turn from one that could have gone on.
static bool preempts(const struct step *step, int fiber)
{
	return step->previous != NOBODY && step->previous != fiber && (step->able >> step->previous & 1);
}

// Those whom the search may still choose at `step`.
static unsigned candidates(const struct step *step)
{
	unsigned set = step->able & ~(unsigned)step->rests & ~(unsigned)step->explored;
	if (!scenario->bounded || step->preemptions < scenario->preemptions) return set;
	for (int i = 0; i < scenario->fibers; i++)
		if (preempts(step, i)) set &= ~(1u << i);
	return set;
}

static uint8_t replayed(unsigned able)
{
	char digit = *replay++;
	if (digit < '0' || digit > '9' || !(able >> (digit - '0') & 1))
		schedule_fail("fiber %c cannot go on at step %d: the schedule is not of this code", digit, position);
	return (uint8_t)(digit - '0');
}

static void open_step(struct step *step, unsigned able, int previous)
{
	*step = (struct step){.previous = (uint8_t)previous, .able = (uint8_t)able, .rests = (uint8_t)resting,
	                      .preemptions = preemptions, .view = view_now()};
	unsigned set = candidates(step);
	if (!set) end_execution(ABANDONED);
	step->chosen = (uint8_t)(previous != NOBODY && set >> previous & 1 ? previous : first_of(set));
	if (replay && *replay) step->chosen = replayed(able);
	length++;
}

// Who rests after `step`: those who rested or were explored, unless the chosen access depends on theirs.
static unsigned rest_after(const struct step *step)
{
	unsigned set = (step->rests | step->explored) & ~(1u << step->chosen);
	for (int i = 0; i < scenario->fibers; i++)
		if (depend(&fibers[i].next, &fibers[step->chosen].next)) set &= ~(1u << i);
	return scenario->every_order || scenario->bounded ? 0 : set;
}

static void print_step(int fiber)
{
	const struct access *access = &fibers[fiber].next;
	const char *object = label_of(access->range.start);
	if (!access->function) dprintf(STDOUT_FILENO, "# %4d  fiber %d %s %s\n", position, fiber, access->verb, object);
	else dprintf(STDOUT_FILENO, "# %4d  fiber %d %s %s in %s, line %d\n", position, fiber, access->verb, object,
	             access->function, access->line);
}

// The fiber that goes on. Ends the execution when there is none.
static int next_fiber(void)
{
	static int previous; // whose access was the last one
	if (position == 0) previous = NOBODY;
	for (;;) {
		int settling = first_runnable();
		if (settling != NOBODY) return settling;
		if (able_fibers()) break;
		if (all_ended()) end_execution(WHOLE);
		if (!pass_time()) fail_deadlocked();
	}
	if (position == STEPS_MAX) schedule_fail("no end after %d steps", STEPS_MAX);

	struct step *step = &path[position];
	if (position == length) open_step(step, able_fibers(), previous);
	else if (step->view != view_now()) schedule_fail("the scenario is not deterministic");
	if (preempts(step, step->chosen)) preemptions++;
	resting = rest_after(step);
	previous = step->chosen;
	if (replay) print_step(previous);
	position++;

	struct fiber *fiber = &fibers[previous];
	fiber->state = RUNNABLE;
	touch(fiber, fiber->next.range);
	last = fiber->next;
	last_value = value_at(last.range);
	return previous;
}

// ---- fibers -----------------------------------------------------------------------------------------------------

// A context is only how a fiber gets its stack: swapcontext asks the kernel for the signal mask at each switch, and that
// would be most of the time of an exploration.
static _Noreturn void enter(int i)
{
	if (fibers[i].started) _longjmp(fibers[i].jump, 1);
	fibers[i].started = true;
	setcontext(&fibers[i].context);
	abort(); // setcontext does not return
}

// A function of its own: its caller keeps no variable across the jump.
static __attribute__((noinline)) void leave_for(int from, int to)
{
	if (!_setjmp(fibers[from].jump)) enter(to);
}

// The caller has nothing to run now: somebody else, or the caller again, goes on.
static void yield(void)
{
	end_step();
	int from = current, to = next_fiber();
	current = to;
	if (to != from) leave_for(from, to);
}

static void run_body(void)
{
	fibers[current].body();
	if (current == STAGE) end_execution(WHOLE);
	fibers[current].state = ENDED;
	yield();
}

static void prepare(int i, void (*body)(void))
{
	struct fiber *fiber = &fibers[i];
	*fiber = (struct fiber){.body = body, .state = RUNNABLE};
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = stacks[i];
	fiber->context.uc_stack.ss_size = sizeof stacks[i];
	fiber->context.uc_link = NULL;
	makecontext(&fiber->context, run_body, 0);
}

// Runs from `first` until the execution ends, however it does.
static void run_from(int first)
{
	outcome = RUNNING;
	current = first;
	if (!_setjmp(explorer)) enter(first);
}

static void run_on_stage(void (*body)(void))
{
	outcome = WHOLE;
	if (!body) return;
	stage_self = STAGE;
	prepare(STAGE, body);
	run_from(STAGE);
}

static void run_fibers(void)
{
	for (int i = 0; i < scenario->fibers; i++) prepare(i, scenario->fiber[i]);
	position = preemptions = arrivals = rounds = 0;
	resting = 0;
	last.writes = false;
	run_from(0);
}

static void run_once(void)
{
	memset(selves, 0, sizeof selves);
	label_count = position = 0;
	run_on_stage(scenario->init);
	if (outcome == WHOLE) run_fibers();
	if (outcome == WHOLE) run_on_stage(scenario->check);
}

// Turns the path to the next unexplored branch. False: there is none.
static bool backtrack(void)
{
	for (; length > 0; length--) {
		struct step *step = &path[length - 1];
		step->explored |= (uint8_t)(1u << step->chosen);
		unsigned set = candidates(step);
		if (!set) continue;
		step->chosen = (uint8_t)first_of(set);
		return true;
	}
	return false;
}

// The digits that the environment asks this scenario to follow, or NULL.
static const char *requested_replay(void)
{
	const char *wanted = getenv("TALLY_SCHEDULE");
	size_t n = strlen(scenario->name);
	return wanted && !strncmp(wanted, scenario->name, n) && wanted[n] == ':' ? wanted + n + 1 : NULL;
}

bool schedule_explore(const struct schedule_scenario *what, struct schedule_result *found)
{
	scenario = what;
	result = found;
	*result = (struct schedule_result){0};
	length = 0;
	replay = requested_replay();
	bool once = replay;
	catch_crashes();
	for (;;) {
		run_once();
		if (outcome == ABANDONED) result->abandoned++;
		else result->executions++;
		if (outcome == FAILED || once) break;
		if (!backtrack()) {
			result->complete = true;
			break;
		}
		if (result->executions + result->abandoned == scenario->executions_max) break; // never, when that is 0
	}
	let_crash();
	if (outcome == FAILED) {
		write_schedule();
		result->schedule = schedule_text;
	}
	return outcome != FAILED;
}

int schedule_fiber(void) { return current < STAGE ? current : STAGE; }

void schedule_act_as(int fiber) { stage_self = fiber; }

void schedule_label(const volatile void *address, const char *label)
{
	if (label_count == LABELS_MAX) schedule_fail("more than %d labels", LABELS_MAX);
	labels[label_count].address = (uintptr_t)address;
	labels[label_count++].text = label;
}

// ---- hooks ------------------------------------------------------------------------------------------------------

static bool in_fiber(void) { return current < STAGE; }

static void announce(struct access access)
{
	if (!in_fiber()) return;
	fibers[current].next = access;
	fibers[current].state = AT_ACCESS;
	yield();
}

static struct range range_of(const volatile void *address, size_t size)
{
	return (struct range){(uintptr_t)address, (uintptr_t)address + size};
}

void tally_scheduled_access_at(const volatile void *address, size_t size, bool writes, const char *function, int line)
{
	announce((struct access){range_of(address, size), writes, NULL, writes ? "writes" : "reads", function, line});
}

void *tally_scheduled_self(void) { return selves[in_fiber() ? current : stage_self]; }

// A wait counts as a write: the order in which sleepers arrive decides who is woken.
void tally_wait(const _Atomic uint32_t *p, uint32_t seen, uint64_t timeout_ns)
{
	bool timed = timeout_ns != UINT64_MAX;
	announce((struct access){range_of(p, sizeof *p), true, NULL, "waits on", NULL, 0});
	if (atomic_load_explicit(p, memory_order_relaxed) != seen) return;
	if (!in_fiber()) {
		if (timed) return;
		schedule_fail("init or check would sleep for ever on %s", label_of((uintptr_t)p));
	}
	struct fiber *fiber = &fibers[current];
	fiber->state = ASLEEP;
	fiber->sleeps_on = (const void *)p;
	fiber->timed = timed;
	fiber->arrival = arrivals++;
	yield();
}

static struct fiber *first_asleep(const void *on)
{
	struct fiber *first = NULL;
	for (int i = 0; i < scenario->fibers; i++) {
		struct fiber *fiber = &fibers[i];
		if (fiber->state != ASLEEP || fiber->sleeps_on != on) continue;
		if (!first || fiber->arrival < first->arrival) first = fiber;
	}
	return first;
}

void tally_wake(const _Atomic uint32_t *p, int count)
{
	announce((struct access){range_of(p, sizeof *p), true, NULL, "wakes", NULL, 0});
	for (; count > 0; count--) {
		struct fiber *fiber = first_asleep((const void *)p);
		if (!fiber) return;
		fiber->state = RUNNABLE;
	}
}

void tally_latch_take(struct tally_latch *latch)
{
	announce((struct access){range_of(latch, sizeof *latch), true, latch, "takes the latch", NULL, 0});
	if (latch->holder) schedule_fail("init or check wants a latch that %d holds", latch->holder - 1);
	latch->holder = current + 1;
}

void tally_latch_drop(struct tally_latch *latch)
{
	announce((struct access){range_of(latch, sizeof *latch), true, NULL, "drops the latch", NULL, 0});
	if (latch->holder != current + 1) schedule_fail("%d drops a latch that it does not hold", current);
	latch->holder = 0;
}

void tally_spin_pause(void)
{
	if (!in_fiber()) schedule_fail("init or check spins: nobody else will run");
	struct fiber *fiber = &fibers[current];
	if (fiber->has_paused && !fiber->outdated) {
		fiber->state = SPINNING;
		yield();
	}
	fiber->has_paused = true;
	fiber->touches = 0;
	fiber->outdated = false;
}
