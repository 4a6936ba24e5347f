// stress/history_search.c: whether a history can be explained by one call after the other.
//
// The search is Wing and Gong's ("Testing and verifying concurrent objects", Journal of Parallel and Distributed Computing 17,
// 1993): any call may be next that began before the first of the remaining ones ended; where its outcome is what the model
// gives, the search goes on with the others, and comes back when that leads nowhere. Lowe's addition ("Testing for
// linearizability", Concurrency and Computation 29(4), 2017): what has been done and the state that it led to are remembered,
// and whoever comes there a second time turns round at once.
//
// The calls of one thread stand one after the other. They need not have stamps of their own: that one was made before the other
// is respected as well.
//
// I1  A state that is remembered has been shown to lead nowhere, or is on the way that is being tried.
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 1 << 14, SLOTS_FULL = SLOTS / 4 * 3 };

// Done calls and the state that they led to. `age`: of the search that put it there; others' do not count.
struct visited {
	uint64_t age;
	uint32_t done;
	struct history_state state;
};

static struct {
	uint64_t age;
	unsigned used;
	bool is_full;
	struct visited slots[SLOTS];
} memory;

static bool same_numbers(const int32_t *a, const int32_t *b, uint32_t count) { return memcmp(a, b, count * sizeof *a) == 0; }

bool history_same_outcome(const struct history_outcome *a, const struct history_outcome *b)
{
	return a->status == b->status && a->count == b->count && same_numbers(a->numbers, b->numbers, a->count);
}

static uint64_t hash_of(uint32_t done, const struct history_state *state)
{
	uint64_t hash = history_mix(done, state->size);
	for (uint32_t i = 0; i < state->size; i++) hash = history_mix(hash, (uint32_t)state->items[i]);
	return hash;
}

// False: somebody has been here. When there is no room any more nothing is remembered, and the search may take too long to end.
static bool remember(uint32_t done, const struct history_state *state)
{
	for (uint64_t at = hash_of(done, state);; at++) {
		struct visited *slot = &memory.slots[at % SLOTS];
		if (slot->age != memory.age) {
			memory.is_full = ++memory.used > SLOTS_FULL;
			*slot = (struct visited){memory.age, done, *state};
			return true;
		}
		if (slot->done == done && slot->state.size == state->size &&
		    same_numbers(slot->state.items, state->items, state->size))
			return false;
	}
}

static uint64_t first_end(const struct history *history, uint32_t done)
{
	uint64_t first = UINT64_MAX;
	for (unsigned i = 0; i < history->count; i++)
		if (!(done >> i & 1) && history->calls[i].end < first) first = history->calls[i].end;
	return first;
}

// Whether the call can be the next one; then `state` is what it leaves.
static bool fits(const struct history_call *call, struct history_state *state)
{
	struct history_outcome outcome = {.status = 0, .count = 0};
	call->operation->model(state, call->numbers, &outcome);
	return history_same_outcome(&outcome, &call->outcome);
}

// The call before it in its thread has been done.
static bool is_due(const struct history *history, uint32_t done, unsigned i)
{
	return !(done >> i & 1) && (i == 0 || history->calls[i - 1].thread != history->calls[i].thread || done >> (i - 1) & 1);
}

static bool search(const struct history *history, uint32_t done, const struct history_state *state)
{
	if (done == (UINT32_C(1) << history->count) - 1) return true;
	if (memory.is_full || !remember(done, state)) return false;
	uint64_t limit = first_end(history, done);
	for (unsigned i = 0; i < history->count; i++) {
		struct history_state next = *state;
		if (!is_due(history, done, i) || history->calls[i].start > limit || !fits(&history->calls[i], &next)) continue;
		if (search(history, done | UINT32_C(1) << i, &next)) return true;
	}
	return false;
}

enum history_verdict history_judge(const struct history *history)
{
	memory.age++;
	memory.used = 0;
	memory.is_full = false;
	if (search(history, 0, &history->before)) return HISTORY_EXPLAINED;
	return memory.is_full ? HISTORY_UNDECIDED : HISTORY_UNEXPLAINED;
}

static bool overlap(const struct history_call *a, const struct history_call *b)
{
	return a->thread != b->thread && a->start < b->end && b->start < a->end;
}

unsigned history_overlaps(const struct history *history)
{
	unsigned overlaps = 0;
	for (unsigned i = 0; i < history->count; i++) {
		bool does = false;
		for (unsigned k = 0; k < history->count && !does; k++) does = overlap(&history->calls[i], &history->calls[k]);
		overlaps += does;
	}
	return overlaps;
}

// ---- for people ----

static void print_numbers(const int32_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) printf("%s%" PRId32, i ? " " : "", numbers[i]);
}

static void print_call(const struct history_call *call)
{
	printf("  thread %u  %4" PRIu64 " to %4" PRIu64 "  %s(", call->thread, call->start, call->end, call->operation->name);
	print_numbers(call->numbers, strlen(call->operation->arguments));
	printf(") = %" PRId32 " [", call->outcome.status);
	print_numbers(call->outcome.numbers, call->outcome.count);
	printf("]\n");
}

static const struct history_call *next_to_print(const struct history *history, const struct history_call *last)
{
	const struct history_call *next = NULL;
	for (const struct history_call *call = history->calls; call < history->calls + history->count; call++) {
		bool is_later = !last || call->start > last->start || (call->start == last->start && call > last);
		if (is_later && (!next || call->start < next->start)) next = call; // of those that start alike, in their order
	}
	return next;
}

void history_print(const struct history *history)
{
	printf("  %s, at first [", history->kind->name);
	print_numbers(history->before.items, history->before.size);
	printf("]\n");
	for (const struct history_call *call = NULL; (call = next_to_print(history, call));) print_call(call);
}
