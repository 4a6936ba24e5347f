// gil/world.c: threads, points, sections and the stopped world of the gil build: all of it is "who holds the lock".
//
// There is one heap, guarded by the lock like every object. The world is stopped whenever one holds the lock and comes
// to no point, so stopping and starting it have nothing to do.
//
// I1  A thread holds the lock exactly while it is attached and outside blocking regions, but for the hand-overs at its
//     points.
// I2  Inside a critical or a read section a thread polls a word that never asks: no other thread can come between two of its
//     calls. A blocking region drops the lock all the same.
#include "heap.h"
#include "lock.h"
#include "variant.h"

#include <string.h>

const char variant_name[] = "gil";
const bool variant_world_waits = false; // whoever stops the world has the lock already

enum { THE_ONLY_HEAP = 1 };

static struct tally_heap heap;

int variant_init(const tally_config *config)
{
	memset(&heap, 0, sizeof heap);
	tally_heap_init(&heap, THE_ONLY_HEAP);
	if (config->switch_interval) gil_interval_set(config->switch_interval);
	return 0;
}

void variant_fini(void) {}

// ---- threads and points ----

int variant_thread_enroll(void) { return 0; }

void variant_thread_leave(void) { gil_forget(); }

static void choose_poll(void) { tally_self.poll = tally_in_section() ? &tally_poll_quiet : &gil_request; }

void variant_thread_attach(void)
{
	gil_take();
	tally_self.heap = &heap;
	choose_poll();
}

void variant_thread_detach(void)
{
	tally_self.poll = &tally_poll_unattached;
	gil_drop();
}

struct tally_standing variant_thread_standing(const struct tally_member *member) { return gil_standing(member); }

void variant_stop_point(void) { gil_hand_over(); }

void variant_take_queued(void) {}

void variant_run_point(void)
{
	if (tally_load(tally_self.poll, relaxed) & TALLY_STOP) gil_hand_over();
}

// ---- sections ----

void variant_section_begin(tally_critical *section)
{
	(void)section;
	choose_poll();
}

void variant_section_end(tally_critical *section)
{
	tally_self.section = section->outer;
	choose_poll();
}

void variant_reading_begin(void) { choose_poll(); }

void variant_reading_end(void)
{
	choose_poll();
	gil_drop_lent();
}

// ---- the stopped world ----

void variant_world_stop(void) {}

void variant_world_start(void) {}

void variant_world_let_in(void) {} // who waits for the lock asks for it

void variant_world_help(void (*work)(void *context, unsigned index), void *context, unsigned most)
{
	(void)most; // the others are none of this build's business, nor do they wait for it
	work(context, 0);
}

void variant_heaps(void (*visit)(struct tally_heap *heap, void *context), void *context) { visit(&heap, context); }

void variant_orphans(void (*visit)(struct tally_heap *heap, void *context), void *context)
{
	(void)visit; // the one heap has no thread to lose
	(void)context;
}

unsigned variant_world_helpers(void) { return 1; }

struct tally_heap *variant_heap_of(const struct tally_page *page)
{
	(void)page;
	return &heap;
}

void variant_page_orphaned(struct tally_page *page) { (void)page; }

void variant_free_remote(struct tally_page *page, void *block)
{
	(void)page;
	(void)block;
	TALLY_ASSERT(false); // every page belongs to the one heap
}

// ---- counts and controls ----

void variant_immortalize(struct tally_object *object)
{
	if ((int32_t)tally_load(&object->local, relaxed) < 0) return;
	variant_immortal_init(object);
}

bool variant_switch_interval_set(uint64_t ns)
{
	gil_interval_set(ns);
	return true;
}

bool variant_switch_interval_get(uint64_t *ns)
{
	*ns = gil_interval_get();
	return true;
}
