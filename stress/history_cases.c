// stress/history_cases.c: whether the judge of histories judges rightly: histories written by hand, with the verdict that a reader
// comes to, and small random ones, which are judged a second time by trying all orders.
//
// A random history is made by doing its calls one after the other, and then letting each seem to have begun earlier and ended
// later than it did: it can be explained. In every other one a number that some call gave is changed afterwards: then it depends.
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RANDOM_CALLS = 6, RANDOM_HISTORIES = 20000 };

// ---- by hand ----

struct line {
	unsigned thread;
	uint64_t start, end;
	const char *operation;
	int32_t numbers[HISTORY_ARGUMENTS];
	int32_t status;
	uint32_t count;
	int32_t given[4];
};

struct example {
	const char *name;
	const struct history_kind *kind;
	struct history_state before;
	bool is_explained;
	unsigned count;
	struct line lines[6];
};

#define K HISTORY_KEY
#define NO_INDEX (-TALLY_ERROR_INDEX)

static const struct example examples[] = {
	{"nothing has been done", &history_list, {0, {0}}, true, 0, {{0}}},
	{"of two appends at once either may be the first", &history_list, {0, {0}}, true, 3,
	 {{0, 1, 4, "append", {1}, 0, 0, {0}}, {1, 2, 3, "append", {2}, 0, 0, {0}}, {2, 5, 6, "slice", {0}, 0, 2, {2, 1}}}},
	{"an append that ended is not behind one that began later", &history_list, {0, {0}}, false, 3,
	 {{0, 1, 2, "append", {1}, 0, 0, {0}}, {1, 3, 4, "append", {2}, 0, 0, {0}}, {2, 5, 6, "slice", {0}, 0, 2, {2, 1}}}},
	{"no append is lost", &history_list, {0, {0}}, false, 3,
	 {{0, 1, 4, "append", {1}, 0, 0, {0}}, {1, 2, 3, "append", {2}, 0, 0, {0}}, {2, 5, 6, "size", {0}, 0, 1, {1}}}},
	{"an element is popped once", &history_list, {1, {7}}, false, 2,
	 {{0, 1, 4, "pop", {0}, 0, 1, {7}}, {1, 2, 3, "pop", {0}, 0, 1, {7}}}},
	{"one of two pops finds nothing", &history_list, {1, {7}}, true, 2,
	 {{0, 1, 4, "pop", {0}, 0, 1, {7}}, {1, 2, 3, "pop", {-1}, NO_INDEX, 0, {0}}}},
	{"a get may see what a set that is under way will leave", &history_list, {1, {7}}, true, 3,
	 {{0, 1, 9, "set", {0, 8}, 0, 0, {0}}, {1, 2, 3, "get", {0}, 0, 1, {7}}, {1, 4, 5, "get", {0}, 0, 1, {8}}}},
	{"time does not go backwards", &history_list, {1, {7}}, false, 3,
	 {{0, 1, 9, "set", {0, 8}, 0, 0, {0}}, {1, 2, 3, "get", {0}, 0, 1, {8}}, {1, 4, 5, "get", {0}, 0, 1, {7}}}},
	{"nor for two threads", &history_list, {1, {7}}, false, 3,
	 {{0, 1, 9, "set", {0, 8}, 0, 0, {0}}, {1, 2, 3, "get", {0}, 0, 1, {8}}, {2, 4, 5, "get", {0}, 0, 1, {7}}}},
	{"calls of one thread keep their order without stamps of their own", &history_list, {1, {7}}, false, 3,
	 {{0, 1, 9, "set", {0, 8}, 0, 0, {0}}, {1, 2, 5, "get", {0}, 0, 1, {8}}, {1, 2, 5, "get", {0}, 0, 1, {7}}}},
	{"an element that nobody put in is not there", &history_list, {1, {7}}, false, 2,
	 {{0, 1, 4, "set", {0, 8}, 0, 0, {0}}, {1, 2, 3, "get", {0}, 0, 1, {9}}}},
	{"a swap is not seen half done", &history_list, {2, {1, 2}}, false, 2,
	 {{0, 1, 4, "swap", {0, 1}, 0, 0, {0}}, {1, 2, 3, "slice", {0}, 0, 2, {2, 2}}}},
	{"nor is an extend", &history_list, {0, {0}}, false, 2,
	 {{0, 1, 4, "extend", {1, 2}, 0, 0, {0}}, {1, 2, 3, "slice", {0}, 0, 1, {1}}}},
	{"an index is looked up in the list as it is then", &history_list, {2, {1, 2}}, true, 3,
	 {{0, 1, 6, "insert", {0, 3}, 0, 0, {0}}, {1, 2, 3, "get", {1}, 0, 1, {1}}, {1, 4, 5, "get", {2}, 0, 1, {2}}}},
	{"of two setdefaults one decides", &history_dict, {0, {0}}, true, 2,
	 {{0, 1, 4, "setdefault", {K, 1}, 0, 1, {2}}, {1, 2, 3, "setdefault", {K, 2}, 0, 1, {2}}}},
	{"not each for itself", &history_dict, {0, {0}}, false, 2,
	 {{0, 1, 4, "setdefault", {K, 1}, 0, 1, {1}}, {1, 2, 3, "setdefault", {K, 2}, 0, 1, {2}}}},
	{"two adds are added up", &history_dict, {2, {K, 5}}, true, 3,
	 {{0, 1, 4, "add", {K, 1}, 0, 1, {8}}, {1, 2, 3, "add", {K, 2}, 0, 1, {7}}, {2, 5, 6, "get", {K}, 1, 1, {8}}}},
	{"no add is lost", &history_dict, {2, {K, 5}}, false, 3,
	 {{0, 1, 4, "add", {K, 1}, 0, 1, {6}}, {1, 2, 3, "add", {K, 2}, 0, 1, {7}}, {2, 5, 6, "get", {K}, 1, 1, {7}}}},
	{"a key that goes and comes back is the last one", &history_dict, {4, {K, 1, K + 1, 2}}, true, 3,
	 {{0, 1, 2, "pop", {K}, 1, 1, {1}}, {0, 3, 4, "set", {K, 3}, 0, 0, {0}}, {1, 5, 6, "popitem", {0}, 1, 2, {K, 3}}}},
	{"a key that stays keeps its place", &history_dict, {4, {K, 1, K + 1, 2}}, false, 2,
	 {{0, 1, 2, "set", {K, 3}, 0, 0, {0}}, {1, 3, 4, "popitem", {0}, 1, 2, {K, 3}}}},
	{"an element is added once", &history_set, {0, {0}}, false, 2,
	 {{0, 1, 4, "add", {K}, 1, 0, {0}}, {1, 2, 3, "add", {K}, 1, 0, {0}}}},
	{"unless it has been discarded in between", &history_set, {0, {0}}, true, 3,
	 {{0, 1, 6, "add", {K}, 1, 0, {0}}, {1, 2, 3, "add", {K}, 1, 0, {0}}, {2, 4, 5, "discard", {K}, 1, 0, {0}}}},
	{"an attribute that was deleted is not there", &history_attributes, {2, {K, 1}}, false, 2,
	 {{0, 1, 2, "delete", {K}, 1, 0, {0}}, {1, 3, 4, "get", {K}, 1, 1, {1}}}},
};

static const struct history_operation *operation_of(const struct history_kind *kind, const char *name)
{
	for (unsigned i = 0; i < kind->count; i++)
		if (strcmp(kind->operations[i].name, name) == 0) return &kind->operations[i];
	return NULL;
}

static struct history history_of(const struct example *example)
{
	struct history history = {.kind = example->kind, .before = example->before, .count = example->count};
	for (unsigned i = 0; i < example->count; i++) {
		const struct line *line = &example->lines[i];
		struct history_call *call = &history.calls[i];
		call->operation = operation_of(example->kind, line->operation);
		memcpy(call->numbers, line->numbers, sizeof call->numbers);
		call->thread = line->thread;
		call->start = line->start;
		call->end = line->end;
		call->outcome.status = line->status;
		call->outcome.count = line->count;
		memcpy(call->outcome.numbers, line->given, sizeof line->given);
	}
	return history;
}

static unsigned check_examples(void)
{
	unsigned wrong = 0;
	for (const struct example *example = examples; example < examples + sizeof examples / sizeof examples[0]; example++) {
		struct history history = history_of(example);
		enum history_verdict verdict = history_judge(&history);
		if (verdict == (example->is_explained ? HISTORY_EXPLAINED : HISTORY_UNEXPLAINED)) continue;
		printf("judged wrongly: %s\n", example->name);
		history_print(&history);
		wrong++;
	}
	return wrong;
}

// ---- by chance ----

static bool must_precede(const struct history *history, unsigned a, unsigned b)
{
	const struct history_call *first = &history->calls[a], *second = &history->calls[b];
	return first->end < second->start || (first->thread == second->thread && a < b);
}

static bool explains(const struct history *history, const unsigned *order)
{
	struct history_state state = history->before;
	for (unsigned i = 0; i < history->count; i++) {
		const struct history_call *call = &history->calls[order[i]];
		struct history_outcome outcome = {.status = 0};
		for (unsigned k = i + 1; k < history->count; k++)
			if (must_precede(history, order[k], order[i])) return false;
		call->operation->model(&state, call->numbers, &outcome);
		if (!history_same_outcome(&outcome, &call->outcome)) return false;
	}
	return true;
}

// All orders of what stands from `from` on.
static bool try_orders(const struct history *history, unsigned *order, unsigned from)
{
	if (from == history->count) return explains(history, order);
	for (unsigned i = from; i < history->count; i++) {
		unsigned first = order[from], other = order[i];
		order[from] = other;
		order[i] = first;
		if (try_orders(history, order, from + 1)) return true;
		order[from] = first;
		order[i] = other;
	}
	return false;
}

static bool has_an_order(const struct history *history)
{
	unsigned order[HISTORY_CALLS];
	for (unsigned i = 0; i < history->count; i++) order[i] = i;
	return try_orders(history, order, 0);
}

static int32_t draw_number(uint64_t *chance, char letter)
{
	return letter == 'k' ? HISTORY_KEY + (int32_t)history_below(chance, 2) : (int32_t)history_below(chance, 3);
}

// A call at the moment 100 * `number`, by a thread that makes no other, or by the one that made the last.
static void add_call(struct history *history, struct history_state *state, uint64_t *chance, unsigned number)
{
	struct history_call *call = &history->calls[history->count++];
	const struct history_operation *operation = &history->kind->operations[history_below(chance, history->kind->count)];
	*call = (struct history_call){.operation = operation, .thread = number};
	for (size_t i = 0; operation->arguments[i]; i++) call->numbers[i] = draw_number(chance, operation->arguments[i]);
	operation->model(state, call->numbers, &call->outcome);
	call->start = 1000 + 100 * number - history_below(chance, 250);
	call->end = 1000 + 100 * number + 1 + history_below(chance, 250);
	if (number == 0 || history_below(chance, 3)) return;
	call->thread = call[-1].thread;
	if (call->start <= call[-1].end) call->start = call[-1].start, call[-1].end = call->end;
}

static void change_outcome(struct history *history, uint64_t *chance)
{
	struct history_outcome *outcome = &history->calls[history_below(chance, history->count)].outcome;
	if (outcome->count) outcome->numbers[history_below(chance, outcome->count)] = (int32_t)history_below(chance, 3);
	else outcome->status = !outcome->status;
}

static struct history random_history(uint64_t *chance, bool is_changed)
{
	static const struct history_kind *const kinds[] = {&history_list, &history_dict, &history_set, &history_attributes};
	struct history history = {.kind = kinds[history_below(chance, 4)]};
	struct history_state state = {.size = 0};
	for (unsigned i = 0; i < RANDOM_CALLS; i++) add_call(&history, &state, chance, i);
	if (is_changed) change_outcome(&history, chance);
	return history;
}

static unsigned check_random(uint64_t seed)
{
	unsigned wrong = 0, explained = 0, changed_explained = 0;
	for (unsigned i = 0; i < RANDOM_HISTORIES && wrong < 3; i++) {
		uint64_t chance = history_mix(seed, i);
		struct history history = random_history(&chance, i % 2);
		bool expected = has_an_order(&history);
		explained += expected && i % 2 == 0;
		changed_explained += expected && i % 2;
		if (history_judge(&history) == (expected ? HISTORY_EXPLAINED : HISTORY_UNEXPLAINED)) continue;
		printf("judged wrongly, number %u of seed %" PRIu64 "; it can%s be explained:\n", i, seed, expected ? "" : "not");
		history_print(&history);
		wrong++;
	}
	if (explained != RANDOM_HISTORIES / 2) printf("%u of %u real histories can be explained\n", explained, RANDOM_HISTORIES / 2);
	printf("random histories: %u, of them changed %u; explained all the same %u\n", RANDOM_HISTORIES, RANDOM_HISTORIES / 2,
	       changed_explained);
	return wrong + (explained != RANDOM_HISTORIES / 2);
}

unsigned history_check_judge(uint64_t seed)
{
	printf("histories by hand: %zu\n", sizeof examples / sizeof examples[0]);
	return check_examples() + check_random(seed);
}
