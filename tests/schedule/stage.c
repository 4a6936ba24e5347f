// tests/schedule/stage.c: the stage of stage.h, and the doubles of what the scenarios do not test.
//
// The page lies in a region aligned like an arena, mapped once, so that the real code finds descriptors and bits by
// masking addresses as ever.
#include "error.h"
#include "finalizers.h"
#include "hot.h"
#include "limbo.h"
#include "os.h"
#include "report.h"
#include "spread.h"
#include "tap.h"
#include "type.h"
#include "weakref.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_PAGE = 32, BLOCK = 32 };

static_assert(sizeof(struct stage_object) <= BLOCK, "an object fits its block");

// ---- doubles ----

struct tally_type *tally_types[TALLY_TYPES];
const _Atomic uint64_t tally_poll_unattached = TALLY_STOP;
const _Atomic uint64_t tally_poll_quiet = 0;

uint64_t stage_clock_step;

uint64_t tally_clock(void)
{
	static uint64_t now;
	return now += stage_clock_step;
}

// Nobody wants a report: a wait without end that nobody wakes shows as a deadlock.
struct tally_patience tally_patience_from(uint64_t since) { return (struct tally_patience){since, TALLY_FOREVER}; }

uint64_t tally_patience_left(const struct tally_patience *patience) { return patience->end; }

void tally_patience_report(struct tally_patience *patience, const char *awaited)
{
	(void)patience;
	(void)awaited;
}

// Every thread is attached when it makes a call, and makes none that fails.
bool tally_enter_slow(const char *operation)
{
	(void)operation;
	variant_stop_point();
	return true;
}

int tally_error_type(const char *operation, const char *what, const struct tally_object *got)
{
	schedule_fail("%s: expected %s, got %p", operation, what, (const void *)got);
}

int tally_error_thread(const char *operation) { schedule_fail("%s: not attached", operation); }

int tally_error_raise(enum tally_error_code code, const char *operation, const char *format, ...)
{
	schedule_fail("%s: error %d, %s", operation, (int)code, format);
}

int tally_error_memory(const char *operation, size_t bytes) { schedule_fail("%s: no memory for %zu bytes", operation, bytes); }

// Finalizers run inline.
bool tally_finalizers_defer(void) { return false; }

void tally_finalizers_put(struct tally_object *object) { schedule_fail("%p is queued", (void *)object); }

static struct tally_member members[SCHEDULE_FIBERS_MAX];
static struct tally_slot slots[16]; // and whatever other records there are
static unsigned slots_taken;

void *tally_record_new(size_t size)
{
	SCHEDULE_ASSERT(size <= sizeof slots[0] && slots_taken < sizeof slots / sizeof slots[0]);
	return memset(&slots[slots_taken++], 0, sizeof slots[0]);
}

void tally_record_free(void *record) { (void)record; }

static _Alignas(64) char spans[8][512]; // in every execution at the same addresses
static unsigned spans_taken;

void *tally_span_new(size_t size)
{
	SCHEDULE_ASSERT(size <= sizeof spans[0] && spans_taken < sizeof spans / sizeof spans[0]);
	return memset(spans[spans_taken++], 0, size);
}

void tally_span_free(void *span, size_t size)
{
	(void)span;
	(void)size;
}

// Nothing is sampled.
void hot_look(struct tally_object *object)
{
	(void)object;
	tally_self.hot_left = INT32_MAX;
}

unsigned tally_processors(void) { return SCHEDULE_FIBERS_MAX; }

struct tally_page *tally_pages_take(size_t bytes)
{
	(void)bytes;
	return NULL;
}

bool tally_pages_ask(size_t bytes)
{
	(void)bytes;
	return false;
}

int tally_pages_each(int (*visit)(struct tally_page *page, void *context), void *context)
{
	(void)visit;
	(void)context;
	return 0;
}

void tally_heap_reclaim(void) {}

void tally_young_list(struct tally_page *page) { (void)page; }
void tally_young_return(const struct tally_object *object) { (void)object; }
void tally_young_settle(struct tally_page *page) { (void)page; }
void tally_young_watched(struct tally_page *page) { (void)page; }

// Nothing is referred to weakly, but where the scenarios are about that: they have the real function.
__attribute__((weak)) void tally_weakref_bury(struct tally_object *object)
{
	schedule_fail("%p is not referred to weakly", (void *)object);
}

void tally_pages_give(struct tally_page *page) { SCHEDULE_ASSERT(page->used == 0); }

// ---- the arena ----

static struct tally_arena *arena(void)
{
	static char *region;
	if (!region) region = mmap(NULL, 2 * TALLY_ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return (struct tally_arena *)(((uintptr_t)region + TALLY_ARENA_SIZE - 1) & ~(TALLY_ARENA_SIZE - 1));
}

struct tally_page *stage_page(unsigned page) { return &arena()->page[FIRST_PAGE + page]; }

static void reset_page(unsigned number)
{
	static const char *const labels[STAGE_PAGES][2] = {
	        {"summary", "remote"}, {"second page's summary", "second page's remote"}, {"third page's summary", "third page's remote"}};
	struct tally_page *page = stage_page(number);
	memset(page, 0, sizeof *page);
	memset((void *)tally_page_queued(page), 0, TALLY_BIT_WORDS * 8);
	page->base = (char *)arena() + ((FIRST_PAGE + number) << TALLY_PAGE_SHIFT);
	page->block_size = BLOCK;
	page->reciprocal = (uint32_t)((((uint64_t)1 << 32) + BLOCK - 1) / BLOCK);
	page->run = 1;
	page->slots = TALLY_PAGE_SIZE / BLOCK;
	page->layout = TALLY_LAYOUT_CALLBACK;
	page->state = TALLY_PAGE_CURRENT;
	page->wake = -1;
	page->bump = page->end = page->base + TALLY_PAGE_SIZE;
	schedule_label(&page->summary, labels[number][0]);
	schedule_label(&page->remote, labels[number][1]);
}

// ---- objects ----

static void destroy(struct tally_object *object)
{
	struct stage_object *mine = (struct stage_object *)object;
	tally_scheduled_access(&mine->destroyed, true);
	SCHEDULE_ASSERT(mine->destroyed == 0);
	mine->destroyed++;
}

static struct tally_type type = {.name = "staged", .index = TALLY_TYPE_HOST, .destroy = destroy};

struct tally_object *stage_get(unsigned i)
{
	unsigned distance = i / 2 == 0 ? 64 : 1; // the first page's two have words of their own, the second's share one
	return tally_block_at(stage_page(i / 2), i % 2 * distance);
}

void stage_object(unsigned i, unsigned tag, uint32_t local, uint32_t shared)
{
	static const char *const labels[STAGE_OBJECTS][2] = {
	        {"local 0", "shared 0"}, {"local 1", "shared 1"}, {"local 2", "shared 2"}, {"local 3", "shared 3"}};
	struct stage_object *object = (struct stage_object *)stage_get(i);
	memset(object, 0, sizeof *object);
	object->header.type = TALLY_TYPE_HOST;
	tally_store(&object->header.local, tag << 16 | local, relaxed);
	tally_store(&object->header.shared, shared, relaxed);
	stage_page(i / 2)->owner = (uint16_t)tag;
	stage_page(i / 2)->used++;
	schedule_label(&object->header.local, labels[i][0]);
	schedule_label(&object->header.shared, labels[i][1]);
}

void stage_use(unsigned i)
{
	struct stage_object *object = (struct stage_object *)stage_get(i);
	tally_scheduled_access(&object->destroyed, false);
	SCHEDULE_ASSERT(object->destroyed == 0);
}

uint64_t stage_destroyed(unsigned i) { return ((struct stage_object *)stage_get(i))->destroyed; }

// ---- threads ----

void stage_reset(void)
{
	static const char *const labels[] = {"slot 1", "slot 2", "slot 3", "slot 4"};
	tally_types[TALLY_TYPE_HOST] = &type;
	slots_taken = 0;
	limbo_reset();
	stage_clock_step = 0;
	spread_fini();
	spans_taken = 0;
	tally_slots_fini();
	light_lock_init();
	for (unsigned i = 0; i < STAGE_PAGES; i++) reset_page(i);
	for (unsigned i = 0; i < sizeof labels / sizeof labels[0]; i++) schedule_label(&slots[i].word, labels[i]);
	schedule_label(&slot_running, "running");
}

void stage_stranger(int fiber)
{
	schedule_act_as(fiber);
	tally_self.member = &members[fiber];
	tally_self.tag_word = TALLY_NOBODY;
	tally_self.poll = &tally_poll_unattached;
}

void stage_thread(int fiber, bool attached)
{
	stage_stranger(fiber);
	SCHEDULE_ASSERT(variant_thread_enroll() == 0);
	if (!attached) return;
	variant_thread_attach();
	tally_self.state = TALLY_ATTACHED;
}

// ---- running a table ----

static const struct schedule_scenario *running;

static void holds_in_every_order(void)
{
	struct schedule_result result;
	CHECK(schedule_explore(running, &result));
	CHECK(result.failure[0] || result.complete);
	if (running->bounded) tap_note("%ld executions, up to %d preemptions", result.executions, running->preemptions);
	else tap_note("%ld executions, whole", result.executions);
	if (result.failure[0]) tap_note("%s; TALLY_SCHEDULE=%s", result.failure, result.schedule);
}

static int run_one(const struct schedule_scenario *scenario)
{
	struct schedule_result result;
	bool right = schedule_explore(scenario, &result);
	printf("%s: %ld executions: %s\n", scenario->name, result.executions, right ? "right" : result.failure);
	return right ? 0 : 1;
}

int stage_main(struct schedule_scenario *scenarios, unsigned number, int count, char **arguments)
{
	for (unsigned i = 0; i < number; i++)
		if (getenv("TALLY_LONG")) scenarios[i].preemptions++;
	for (unsigned i = 0; count > 1 && i < number; i++)
		if (!strcmp(scenarios[i].name, arguments[1])) return run_one(&scenarios[i]);
	if (count > 1) {
		fprintf(stderr, "%s: no scenario '%s'\n", arguments[0], arguments[1]);
		return 2;
	}
	tap_begin();
	for (unsigned i = 0; i < number; i++) {
		running = &scenarios[i];
		tap_run(running->name, holds_in_every_order);
	}
	return tap_end();
}
