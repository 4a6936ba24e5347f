// core/check.c: the debug check of host types' references (tally/check.h, docs/checks.md).
//
// Every object's count, less the references that traces visit, leaves its residue: references that nothing explains,
// from stacks, say. A residue below 0 is an invention. A word of a payload that is the address of an object with a
// residue, and which the traverse does not visit, is taken for the explanation: it was missed.
//
// For the leaks the words of payloads that nobody traverses are taken for references, too. Objects that nothing then
// leads to are garbage; the collector can free part of it, and that may free more. What stays for ever is what is found
// by taking away, until nothing changes, what no hidden reference from something that stays leads to, and what nothing
// that stays refers to.
//
// The findings are told when the world goes again.
//
// I1  The check changes no object, no count and no page, and takes nothing from the heap.
// I2  What the collector would free, at once or after what it frees first, is not called leaked.
// Any attached thread, no section open; a run point.
#include "census.h"
#include "error.h"
#include "heap.h"
#include "object.h"
#include "os.h"

#include <string.h>
#include <tally/check.h>

enum { KINDS = TALLY_CHECK_LEAKED + 1 };

static void note(struct tally_census *census, enum tally_check_kind kind, const struct tally_object *object)
{
	census->count[kind][object->type]++;
}

// ---- residues ----

static void subtract(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	census->residue[number]--;
}

static void subtract_references(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)number;
	tally_census_visited(census, object, subtract);
}

static void forget_residue(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)object;
	census->residue[number] = 0;
}

// ---- invented, missed ----

static void find_negative(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	census->found |= census->residue[number] < 0;
}

static void find_invented(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)number;
	if (!tally_census_is_traversed(object)) return;
	census->found = census->has_strayed = false;
	tally_census_visited(census, object, find_negative);
	if (census->found || census->has_strayed) note(census, TALLY_CHECK_INVENTED, object);
}

static void find_any(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)number;
	(void)is_hidden;
	census->found = true;
}

static void find_missed(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)number;
	if (!tally_census_is_traversed(object)) return;
	census->found = false;
	tally_census_missed(census, object, find_any);
	if (!census->found) return;
	note(census, TALLY_CHECK_MISSED, object);
	census->misses[object->type] = true;
}

// ---- marking ----

static void mark(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	if (!tally_candidate_has(census->kept, number) || tally_candidate_has(census->marked, number)) return;
	tally_census_set(census->marked, number);
	census->queue[census->tail++] = number;
}

static void each_reference(struct tally_census *census, struct tally_object *object, tally_census_act act)
{
	tally_census_visited(census, object, act);
	tally_census_hidden_words(census, object, act);
}

static void begin_marking(struct tally_census *census)
{
	memset(census->marked, 0, census->words * sizeof census->marked[0]);
	census->head = census->tail = 0;
}

static void mark_on(struct tally_census *census)
{
	while (census->head < census->tail)
		each_reference(census, tally_census_at(census, census->queue[census->head++]), mark);
}

// ---- garbage ----

static void copy_residue(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)object;
	census->rest[number] = census->residue[number] > 0 ? (uint32_t)census->residue[number] : 0;
}

static void explain(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	if (census->rest[number]) census->rest[number]--;
}

static void explain_by_words(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)number;
	tally_census_hidden_words(census, object, explain);
}

static void mark_if_unexplained(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)object;
	if (census->rest[number] || tally_candidate_has(census->immortal, number)) mark(census, number, false);
}

// `kept` is what nothing leads to, hidden references included.
static void find_garbage(struct tally_census *census)
{
	tally_census_each(census, census->alive, copy_residue);
	tally_census_each(census, census->alive, explain_by_words);
	memcpy(census->kept, census->alive, census->words * sizeof census->kept[0]);
	begin_marking(census);
	tally_census_each(census, census->alive, mark_if_unexplained);
	mark_on(census);
	for (uint64_t i = 0; i < census->words; i++) census->kept[i] = census->alive[i] & ~census->marked[i];
}

// ---- what stays of it ----

static void count_reference(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	census->rest[number]++;
}

static void count_references(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)number;
	each_reference(census, object, count_reference);
}

static void mark_if_hidden(struct tally_census *census, uint32_t number, bool is_hidden)
{
	if (is_hidden) mark(census, number, true);
}

// To the collector these are references from elsewhere.
static void mark_what_it_hides(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)number;
	each_reference(census, object, mark_if_hidden);
}

static void give_up(struct tally_census *census, uint32_t number, bool is_hidden)
{
	(void)is_hidden;
	if (!tally_candidate_has(census->kept, number) || --census->rest[number]) return;
	tally_census_clear(census->kept, number);
	census->queue[census->tail++] = number;
}

// Moves what is not marked from `kept` to the queue.
static void take_unmarked(struct tally_census *census)
{
	census->head = census->tail = 0;
	for (uint32_t word = 1; word < census->words; word++) {
		for (uint64_t bits = census->kept[word] & ~census->marked[word]; bits; bits &= bits - 1)
			census->queue[census->tail++] = word * 64 + (uint32_t)__builtin_ctzll(bits);
		census->kept[word] &= census->marked[word];
	}
}

// What a collection would free of `kept`, and what dies of that, leaves it. True: there was something.
static bool collect(struct tally_census *census)
{
	begin_marking(census);
	tally_census_each(census, census->kept, mark_what_it_hides);
	mark_on(census);
	take_unmarked(census);
	bool any = census->tail > 0;
	while (census->head < census->tail)
		each_reference(census, tally_census_at(census, census->queue[census->head++]), give_up);
	return any;
}

static void note_leaked(struct tally_census *census, struct tally_object *object, uint32_t number)
{
	(void)number;
	if (tally_census_is_host(object) && tally_page_of(object)->layout == TALLY_LAYOUT_LEAF)
		note(census, TALLY_CHECK_LEAKED, object);
}

static void find_leaked(struct tally_census *census)
{
	find_garbage(census);
	tally_census_each(census, census->kept, count_references); // nothing is left of their residues
	while (collect(census))
		;
	tally_census_each(census, census->kept, note_leaked);
}

// ---- the check ----

static void examine(struct tally_census *census)
{
	tally_census_each(census, census->alive, subtract_references);
	tally_census_each(census, census->immortal, forget_residue);
	tally_census_each(census, census->alive, find_invented);
	tally_census_each(census, census->alive, find_missed);
	find_leaked(census);
}

static int examine_stopped(uint64_t (*count)[TALLY_TYPES], size_t *size)
{
	struct tally_census census;
	int status = tally_census_begin(&census);
	*size = census.size;
	if (status) return -1;
	census.count = count;
	examine(&census);
	tally_census_end(&census);
	return 0;
}

static int tell(uint64_t (*count)[TALLY_TYPES], void (*visit)(const tally_check_finding *finding, void *context),
                void *context)
{
	int findings = 0;
	for (unsigned type = TALLY_TYPE_HOST; type < TALLY_TYPES; type++)
		for (int kind = 0; kind < KINDS; kind++) {
			if (!count[kind][type]) continue;
			tally_check_finding finding = {(enum tally_check_kind)kind, tally_types[type]->name, count[kind][type]};
			findings++;
			if (visit) visit(&finding, context);
		}
	return findings;
}

int tally_check_references(void (*visit)(const tally_check_finding *finding, void *context), void *context)
{
	const size_t count_size = KINDS * sizeof(uint64_t[TALLY_TYPES]);
	size_t size = count_size;
	if (!tally_enter_run("check_references")) return -1;
	if (tally_in_section())
		return tally_error_raise(TALLY_ERROR_THREAD, "check_references", "a %s section of this thread is open",
		                         tally_self.section ? "critical" : "read");
	uint64_t(*count)[TALLY_TYPES] = TALLY_ASSERTIONS && tally_heap_fault() ? NULL : tally_span_new(count_size);
	if (!count) return tally_error_memory("check_references", size);
	variant_world_stop();
	int status = examine_stopped(count, &size);
	variant_world_start();
	tally_bury();
	int findings = status ? tally_error_memory("check_references", size) : tell(count, visit, context);
	tally_span_free(count, count_size);
	return findings;
}
