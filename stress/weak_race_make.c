// stress/weak_race_make.c: the race of upgrades against last drops: its objects and their lives, their callbacks, and what makers do.
// See stress/weak_race.c.
//
// A life's record says which callbacks there are, and counts the calls; it is judged when the object is destroyed, and once more before
// it is used again, some hundred objects later.
#include "weak_race.h"

#include <sched.h>

// ---- objects ----

static void unlink_node(void *payload, void *context)
{
	struct node *node = payload;
	tally_object *link = node->link;
	(void)context;
	node->link = NULL;
	tally_decref(link);
}

static void visit_node(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(((struct node *)payload)->link, visit_context);
}

// Its callbacks have been called by now.
static void judge_watch(const struct watch *watch, const char *when)
{
	unsigned calls = atomic_load(&watch->calls), most = watch->is_made && watch->kind != SILENT;
	if (calls > most) complain("%s: a callback has been called %u times, not at most %u", when, calls, most);
	if (watch->kind == KEPT && calls < most) complain("%s: a callback has not been called", when);
}

static void settle(struct life *life)
{
	for (int kind = 0; kind < KINDS; kind++) judge_watch(&life->watches[kind], "at an object's destruction");
	if (atomic_exchange(&life->state, SETTLED) != ALIVE) complain("an object is destroyed that was not alive");
}

static void node_dies(void *payload, void *context)
{
	struct node *node = payload;
	if (node->stamp != (alive_stamp ^ node->number)) complain("an object is destroyed whose stamp is %" PRIx64, node->stamp);
	if (node->is_phoenix && atomic_load(&node->finalized) != 1) complain("an object is destroyed that was not finalized");
	node->stamp = dead_stamp;
	unlink_node(payload, context);
	mine.destroyed++;
	if (node->life) settle(node->life);
}

// Every other one comes back, unless too many are held.
static void finalize_phoenix(tally_object *self, void *payload, void *context)
{
	struct node *node = payload;
	(void)context;
	if (atomic_fetch_add(&node->finalized, 1)) complain("an object is finalized twice");
	mine.finalized++;
	if (node->number % 2 || length_of(shared.held) > HELD_MAX) return;
	check(tally_list_append(shared.held, self));
	mine.brought_back++;
}

static tally_object *make_type(const char *name, bool is_finalized)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = name,
		.payload_size = sizeof(struct node),
		.dealloc = node_dies,
		.traverse = visit_node,
		.clear = unlink_node,
		.finalize = is_finalized ? finalize_phoenix : NULL,
		.flags = TALLY_HOST_WEAKREF,
	};
	return need(tally_host_type_new(&description));
}

struct node *node_of(tally_object *object)
{
	bool is_phoenix = tally_type_of(object) == shared.phoenix_type;
	struct node *node = tally_host_payload(object, is_phoenix ? shared.phoenix_type : shared.node_type);
	if (!node) tally_error_clear();
	return node;
}

static tally_object *new_node(uint64_t number, struct life *life, bool is_phoenix)
{
	tally_object *type = is_phoenix ? shared.phoenix_type : shared.node_type;
	tally_object *object = need(tally_host_new(type));
	struct node *node = tally_host_payload(object, type);
	node->stamp = alive_stamp ^ number;
	node->number = number;
	node->life = life;
	node->is_phoenix = is_phoenix;
	mine.made++;
	mine.phoenixes += is_phoenix;
	return object;
}

void make_types(void)
{
	shared.node_type = make_type("node", false);
	shared.phoenix_type = make_type("phoenix", true);
}

// ---- callbacks ----

static void judge_call(struct watch *watch, tally_object *ref)
{
	tally_object *found;
	unsigned before = atomic_fetch_add(&watch->calls, watch->kind == KEPT && plants("lost") ? 0 : 1);
	if (before) complain("a callback is called twice");
	if (watch->kind == SILENT) complain("the callback of a weak reference that is dead is called");
	if (atomic_load(&watch->life->state) != ALIVE) complain("a callback is called for an object that is not alive");
	if (tally_weakref_get(ref, &found) != 0) complain("a callback is called while its object can be had");
	tally_decref(found);
	mine.called[watch->kind]++;
}

// Any code may run in a callback, and may fail.
static tally_object *call_back(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	static _Thread_local bool is_within;
	(void)captured, (void)count;
	judge_call(context, arguments[0]);
	unsigned what = draw(64);
	if (what < 4 && !is_within) {
		is_within = true;
		upgrade_one();
		is_within = false;
	} else if (what < 8) {
		tally_decref(need(tally_list_from(arguments, 1)));
	} else if (what == 8) {
		tally_error_set(TALLY_ERROR_VALUE, "a callback that fails");
		mine.raised++;
		return NULL;
	}
	return tally_incref(tally_none());
}

void note_report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	(void)source, (void)context;
	if (code != TALLY_ERROR_VALUE || strcmp(message, "a callback that fails") != 0)
		complain("unexpectedly reported, of a %s: %s", operation, message);
	mine.reported++;
}

// ---- making ----

static void prepare_life(struct life *life)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct watch *watch = &life->watches[kind];
		tally_function_spec spec = {.size = sizeof spec, .name = "call_back", .call = call_back, .context = watch,
		                            .least = 1, .most = 1};
		watch->life = life;
		watch->kind = (enum kind)kind;
		watch->callback = need(tally_function_new(&spec));
	}
}

// The object has been destroyed, some time ago.
static void end_life(struct life *life)
{
	if (atomic_load(&life->state) == UNBORN) return;
	for (int kind = 0; kind < KINDS; kind++) {
		judge_watch(&life->watches[kind], "after an object's destruction");
		life->watches[kind].is_made = false;
		atomic_store(&life->watches[kind].calls, 0);
	}
	tally_object *found = NULL;
	if (life->kept && tally_weakref_get(life->kept, &found) != 0) complain("a destroyed object is found");
	tally_decref(found);
	tally_decref(life->kept);
	life->kept = NULL;
	atomic_store(&life->state, UNBORN);
}

// A record whose last object has been destroyed; NULL: all are in use.
static struct life *find_free(struct maker *maker)
{
	for (unsigned i = 0; i < RECORDS; i++) {
		struct life *life = &maker->lives[maker->next++ % RECORDS];
		if (atomic_load(&life->state) == ALIVE) continue;
		end_life(life);
		return life;
	}
	return NULL;
}

// Objects wait in cycles, in the list of those that are held, and in queues.
static struct life *wait_for_free(struct maker *maker)
{
	struct life *life;
	while (!(life = find_free(maker))) {
		mine.stalls++;
		drop_a_held_one();
		check(tally_gc_collect(2) < 0 ? -1 : 0);
		check(tally_blocking_begin());
		sched_yield();
		check(tally_blocking_end());
	}
	return life;
}

static tally_object *new_watch(tally_object *object, struct life *life, enum kind kind)
{
	life->watches[kind].is_made = true;
	return need(tally_weakref_new(object, life->watches[kind].callback));
}

static void publish(tally_object *ref, uint64_t number)
{
	tally_object *numeral = new_int((int64_t)number), *entry = need(tally_tuple_new((tally_object *[]){ref, numeral}, 2));
	unsigned place = draw(2 * PLACES);
	if (place < PLACES) check(tally_dict_set(shared.dict, shared.keys[place], entry));
	else check(tally_list_set(shared.list, (ptrdiff_t)(place - PLACES), entry));
	tally_decref(entry);
	tally_decref(numeral);
	tally_decref(ref);
}

static void refer_to(tally_object *object, struct life *life, uint64_t number)
{
	unsigned how = draw(32);
	if (how < 8) {
		life->kept = new_watch(object, life, KEPT);
		mine.kept++;
	}
	if (how % 8 == 0) {
		tally_decref(new_watch(object, life, SILENT));
		mine.silent++;
	}
	if (how % 2) {
		publish(new_watch(object, life, PUBLISHED), number);
		mine.published++;
	} else {
		publish(need(tally_weakref_new(object, NULL)), number);
	}
}

// object -> list -> object
static void tie(tally_object *object)
{
	node_of(object)->link = need(tally_list_from(&object, 1));
}

void make(struct maker *maker)
{
	struct life *life = wait_for_free(maker);
	uint64_t number = ++maker->number;
	unsigned how = draw(64);
	atomic_store(&life->state, ALIVE);
	tally_object *object = new_node(number, life, how < 4);
	refer_to(object, life, number);
	if (how % 32 == 0) tie(object);
	if (how % 4) linger(LINGER);
	if (plants("leak")) tally_incref(object);
	tally_object **place = &maker->own[draw(OWN)], *former = *place;
	*place = object;
	tally_decref(former);
}

static void pin_one(struct maker *maker)
{
	uint64_t number = maker->number++;
	maker->pinned = new_node(number, NULL, false);
	tally_object *ref = need(tally_weakref_new(maker->pinned, NULL)), *numeral = new_int((int64_t)number);
	push_own(shared.pinned, need(tally_tuple_new((tally_object *[]){ref, numeral}, 2)));
	tally_decref(numeral);
	tally_decref(ref);
}

// Objects are numbered by maker, and within.
struct maker *new_maker(unsigned index)
{
	struct maker *maker = calloc(1, sizeof *maker);
	if (!maker) die("no memory");
	maker->number = (uint64_t)index << 48;
	for (int i = 0; i < RECORDS; i++) prepare_life(&maker->lives[i]);
	pin_one(maker);
	return maker;
}

void drop_own(struct maker *maker)
{
	for (int i = 0; i < OWN; i++) tally_decref(maker->own[i]);
}

void end_maker(struct maker *maker)
{
	for (int i = 0; i < RECORDS; i++) {
		struct life *life = &maker->lives[i];
		if (atomic_load(&life->state) == ALIVE) complain("an object has not been destroyed");
		else end_life(life);
		for (int kind = 0; kind < KINDS; kind++) tally_decref(life->watches[kind].callback);
	}
	free(maker);
}
