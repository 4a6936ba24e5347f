// tests/gc_random.c: random graphs against a model that knows what must live and what must die.
//
// The model keeps, for each container, its references, the references that the test holds, and its generation. Counts give
// the deaths at each drop; trial deletion over the model, written as plainly as possible, those of a collection. Each
// container owns a tag, an object that nobody else refers to and whose destructor tells the container's death. So after each
// step exactly the right ones are dead, in every generation, with finalizers, resurrection, counts that wrap at 256, memory
// that fails, and with steps that run on other threads.
//
// One more test has threads at work at the same time, on containers that they share; there only the end is exact.
#include "nodes.h"
#include "turns.h"

enum kind { LIST, TUPLE, DICT, NODE, KINDS };
enum { BOX_MAX = 60000, NO_KEY = -1 };

// A reference. In a dict: the value of `key`, an int, or, from FIRST_NODE_KEY on downwards, a node, which is referred to as
// well.
enum { FIRST_NODE_KEY = -2 };
struct edge {
	int to, key;
};

struct box {
	tally_object *object;
	enum kind kind;
	bool is_alive, has_finalizer, comes_back, is_finalized; // what the model says
	uint8_t generation;
	uint32_t external, internal; // references of the test's, and of boxes that are alive
	struct edge *edge;
	int edges, room;
	int root; // place among the roots; -1: the test has no reference
	bool is_candidate, is_reached; // during the model's collection
};

static struct {
	struct box box[BOX_MAX];
	int boxes, alive;
	int roots, root[BOX_MAX]; // boxes with external references
	int next_key;
	tally_object *node_type, *finalized_type, *tag_type;
	tally_object *anchor; // a list in every tuple: one that holds atoms only would not be tracked
	uint64_t random;
	// what really happened; written by destructors and finalizers
	uint8_t died[BOX_MAX], finalized[BOX_MAX];
	int deaths;
} world;

static unsigned roll(unsigned limit) { return below(&world.random, limit); }

// ---- what really happens ----

static void note_death(int id)
{
	world.died[id]++;
	world.deaths++;
}

static void tag_dies(void *payload, void *context)
{
	(void)context;
	note_death(*(int *)payload);
}

static void box_dies(void *payload, void *context)
{
	(void)context;
	note_death(((struct node *)payload)->id);
	node_unlink(payload);
}

static void box_clears(void *payload, void *context)
{
	(void)context;
	node_unlink(payload);
}

static void box_is_finalized(tally_object *self, void *payload, void *context)
{
	int id = ((struct node *)payload)->id;
	(void)context;
	world.finalized[id]++;
	CHECK_EQ(world.died[id], 0);
	if (world.box[id].comes_back) tally_incref(self);
}

static tally_object *box_type(bool is_finalized)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "box",
		.payload_size = sizeof(struct node),
		.dealloc = box_dies,
		.traverse = node_is_traversed,
		.clear = box_clears,
		.finalize = is_finalized ? box_is_finalized : NULL,
		.context = node_seen,
	};
	return must(tally_host_type_new(&description));
}

static tally_object *tag_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "tag",
		.payload_size = sizeof(int),
		.dealloc = tag_dies,
	};
	return must(tally_host_type_new(&description));
}

static tally_object *tag(int id)
{
	tally_object *object = must(tally_host_new(world.tag_type));
	*(int *)tally_host_payload(object, world.tag_type) = id;
	return object;
}

// ---- the model: edges and counts ----

static void model_add_edge(struct box *from, int to, int key)
{
	if (from->edges == from->room) {
		from->room = from->room ? 2 * from->room : 4;
		from->edge = realloc(from->edge, (size_t)from->room * sizeof *from->edge);
		if (!from->edge) tap_bail_out("no memory");
	}
	from->edge[from->edges++] = (struct edge){to, key};
	world.box[to].internal++;
	if (key <= FIRST_NODE_KEY) world.box[FIRST_NODE_KEY - key].internal++;
}

static void add_root(int id, uint32_t references)
{
	struct box *box = &world.box[id];
	if (box->external == 0) {
		box->root = world.roots;
		world.root[world.roots++] = id;
	}
	box->external += references;
}

static void remove_root(int id, uint32_t references)
{
	struct box *box = &world.box[id];
	box->external -= references;
	if (box->external) return;
	int last = world.root[--world.roots];
	world.root[box->root] = last;
	world.box[last].root = box->root;
	box->root = -1;
}

// Boxes whose references have to be looked at: dead, or without references.
static struct {
	int id[BOX_MAX * 2];
	int count;
} doomed;

static void model_lose(int id)
{
	struct box *box = &world.box[id];
	if (--box->internal == 0 && box->external == 0) doomed.id[doomed.count++] = id;
}

static void model_lose_edge(struct edge edge)
{
	model_lose(edge.to);
	if (edge.key <= FIRST_NODE_KEY) model_lose(FIRST_NODE_KEY - edge.key);
}

static void model_kill(int id)
{
	struct box *box = &world.box[id];
	box->is_alive = false;
	world.alive--;
	for (int i = 0; i < box->edges; i++) model_lose_edge(box->edge[i]);
	free(box->edge);
	box->edge = NULL;
	box->edges = box->room = 0;
}

static void model_finalize(int id)
{
	struct box *box = &world.box[id];
	if (!box->has_finalizer || box->is_finalized) return;
	box->is_finalized = true;
	if (box->comes_back) add_root(id, 1);
}

// What counts alone do: whoever has no reference left is finalized, and dies unless it comes back.
static void model_settle(void)
{
	while (doomed.count > 0) {
		int id = doomed.id[--doomed.count];
		struct box *box = &world.box[id];
		if (!box->is_alive || box->external || box->internal) continue;
		model_finalize(id);
		if (!box->external) model_kill(id);
	}
}

static void model_drop_external(int id, uint32_t references)
{
	remove_root(id, references);
	struct box *box = &world.box[id];
	if (!box->external && !box->internal) doomed.id[doomed.count++] = id;
	model_settle();
}

// ---- the model: a collection ----

static int grey[BOX_MAX], greys;

static void visit(int id)
{
	struct box *box = &world.box[id];
	if (!box->is_candidate || box->is_reached) return;
	box->is_reached = true;
	grey[greys++] = id;
}

static void visit_edges(const struct box *box)
{
	for (int i = 0; i < box->edges; i++) {
		visit(box->edge[i].to);
		if (box->edge[i].key <= FIRST_NODE_KEY) visit(FIRST_NODE_KEY - box->edge[i].key);
	}
}

static void visit_all(void)
{
	while (greys > 0) visit_edges(&world.box[grey[--greys]]);
}

static void model_choose(int generation)
{
	for (int id = 0; id < world.boxes; id++) {
		struct box *box = &world.box[id];
		box->is_candidate = box->is_alive && box->generation <= generation;
		box->is_reached = false;
	}
}

static void model_reach(void)
{
	for (int i = 0; i < world.roots; i++) visit(world.root[i]);
	for (int id = 0; id < world.boxes; id++) // boxes that are too old hold what they refer to
		if (world.box[id].is_alive && !world.box[id].is_candidate) visit_edges(&world.box[id]);
	visit_all();
}

// Returns how many are unreachable and do not come back.
static int64_t model_collect(int generation)
{
	int64_t found = 0;
	model_choose(generation);
	model_reach();
	for (int id = 0; id < world.boxes; id++)
		if (world.box[id].is_candidate && !world.box[id].is_reached) model_finalize(id);
	model_reach();
	for (int id = 0; id < world.boxes; id++) {
		if (!world.box[id].is_candidate) continue;
		if (world.box[id].is_reached) {
			world.box[id].generation = generation == 0 ? 1 : 2;
		} else {
			model_kill(id);
			found++;
		}
	}
	model_settle();
	return found;
}

// ---- steps, in the model and for real ----

// A box that the test can reach: a walk from one of the roots. -1: there is none.
static int pick(void)
{
	if (!world.roots) return -1;
	int id = world.root[roll((unsigned)world.roots)];
	for (unsigned steps = roll(6); steps > 0 && world.box[id].edges; steps--)
		id = world.box[id].edge[roll((unsigned)world.box[id].edges)].to;
	return id;
}

static tally_object *new_tuple(int id)
{
	tally_object *items[301];
	size_t size = roll(10) ? roll(6) : 250 + roll(12);
	int to = pick();
	if (to < 0) size = 0;
	for (size_t i = 0; i < size; i++) {
		if (size < 10) to = pick();
		items[i] = world.box[to].object;
		model_add_edge(&world.box[id], to, NO_KEY);
	}
	items[size] = tag(id);
	items[size + 1] = world.anchor;
	tally_object *tuple = must(tally_tuple_new(items, size + 2));
	tally_decref(items[size]);
	return tuple;
}

static tally_object *new_tagged_list(int id)
{
	tally_object *list = must(tally_list_new());
	push_own(list, tag(id));
	return list;
}

static tally_object *new_tagged_dict(int id)
{
	tally_object *dict = must(tally_dict_new()), *key = tag(id);
	put(dict, key, tally_none());
	tally_decref(key);
	return dict;
}

static tally_object *new_object(struct box *box, int id)
{
	switch (box->kind) {
	case LIST: return new_tagged_list(id);
	case TUPLE: return new_tuple(id);
	case DICT: return new_tagged_dict(id);
	default: return node_new(box->has_finalizer ? world.finalized_type : world.node_type, id);
	}
}

static int new_box(void)
{
	if (world.boxes == BOX_MAX) return -1;
	int id = world.boxes++;
	struct box *box = &world.box[id];
	*box = (struct box){.kind = (enum kind)roll(KINDS), .root = -1};
	box->has_finalizer = box->kind == NODE && roll(2);
	box->comes_back = box->has_finalizer && roll(4) == 0;
	box->object = new_object(box, id);
	box->is_alive = true;
	world.alive++;
	add_root(id, 1);
	return id;
}

static void link_dict(struct box *from, int to)
{
	int key_node = pick();
	if (roll(4) || world.box[key_node].kind != NODE) {
		tally_object *key = counted(world.next_key);
		put(from->object, key, world.box[to].object);
		tally_decref(key);
		model_add_edge(from, to, world.next_key++);
		return;
	}
	int key = FIRST_NODE_KEY - key_node;
	for (int i = 0; i < from->edges; i++)
		if (from->edge[i].key == key) return;
	put(from->object, world.box[key_node].object, world.box[to].object);
	model_add_edge(from, to, key);
}

static void link_node(struct box *from, int to)
{
	struct node *node = node_of(from->object);
	for (int i = 0; i < NODE_LINKS; i++) {
		if (node->link[i]) continue;
		node->link[i] = tally_incref(world.box[to].object);
		model_add_edge(from, to, i);
		return;
	}
}

static void link_list(struct box *from, int to)
{
	static const unsigned many[] = {1, 2, 254, 255, 256, 257, 512};
	tally_object *items[512];
	unsigned count = roll(40) ? 1 : many[roll(7)];
	for (unsigned i = 0; i < count; i++) {
		items[i] = world.box[to].object;
		model_add_edge(from, to, NO_KEY);
	}
	CHECK_EQ(tally_list_extend(from->object, items, count), 0);
}

static void link_two(void)
{
	int from = pick(), to = pick();
	if (from < 0) return;
	struct box *box = &world.box[from];
	if (box->kind == LIST) link_list(box, to);
	else if (box->kind == DICT) link_dict(box, to);
	else if (box->kind == NODE) link_node(box, to);
}

// Takes edge i out of the model's box and returns it; the order of the others stays.
static struct edge model_take_edge(struct box *from, int i)
{
	struct edge edge = from->edge[i];
	from->edges--;
	memmove(from->edge + i, from->edge + i + 1, (size_t)(from->edges - i) * sizeof edge);
	return edge;
}

static void unlink_dict(struct box *from, struct edge edge)
{
	bool is_node = edge.key <= FIRST_NODE_KEY;
	tally_object *key = is_node ? tally_incref(world.box[FIRST_NODE_KEY - edge.key].object) : counted(edge.key);
	tally_object *value = NULL;
	CHECK_EQ(tally_dict_pop(from->object, key, &value), 1);
	tally_decref(key);
	tally_decref(value);
}

static void unlink_one(void)
{
	int from = pick();
	if (from < 0 || world.box[from].kind == TUPLE || !world.box[from].edges) return;
	struct box *box = &world.box[from];
	tally_object *held = tally_incref(box->object); // it may hang off what it gives up
	int i = (int)roll((unsigned)box->edges);
	struct edge edge = model_take_edge(box, i);
	add_root(from, 1);
	model_lose_edge(edge);
	model_settle();
	if (box->kind == LIST) {
		tally_decref(tally_list_pop(box->object, i + 1));
	} else if (box->kind == DICT) {
		unlink_dict(box, edge);
	} else {
		struct node *node = node_of(box->object);
		tally_object *referent = node->link[edge.key];
		node->link[edge.key] = NULL;
		tally_decref(referent);
	}
	model_drop_external(from, 1);
	tally_decref(held);
}

static void clear_one(void)
{
	int from = pick();
	if (from < 0 || world.box[from].kind != LIST) return;
	struct box *box = &world.box[from];
	tally_object *held = tally_incref(box->object), *own_tag = must(tally_list_get(box->object, 0));
	add_root(from, 1);
	while (box->edges) model_lose_edge(box->edge[--box->edges]);
	model_settle();
	CHECK_EQ(tally_list_clear(box->object), 0);
	push_own(box->object, own_tag);
	model_drop_external(from, 1);
	tally_decref(held);
}

static void hold_one(void)
{
	int id = pick();
	if (id < 0) return;
	uint32_t references = roll(20) ? 1 : roll(2) ? 256 : 255 + roll(3);
	for (uint32_t i = 0; i < references; i++) tally_incref(world.box[id].object);
	add_root(id, references);
}

static void drop_one(void)
{
	if (!world.roots) return;
	int id = world.root[roll((unsigned)world.roots)];
	uint32_t references = roll(3) ? world.box[id].external : 1;
	tally_object *object = world.box[id].object;
	model_drop_external(id, references);
	for (uint32_t i = 0; i < references; i++) tally_decref(object);
}

// ---- agreement ----

static bool agrees(int id)
{
	const struct box *box = &world.box[id];
	bool right = CHECK_EQ(world.died[id], !box->is_alive);
	right &= CHECK_EQ(world.finalized[id], box->is_finalized);
	if (box->is_alive && right) right &= CHECK_EQ(tally_refcount(box->object), box->external + box->internal);
	if (!right)
		tap_note("box %d of %d: kind %d, generation %d, %u references of the test's, %u of others", id, world.boxes,
		         box->kind, box->generation, box->external, box->internal);
	return right;
}

static bool list_agrees(const struct box *box)
{
	size_t size = 0;
	CHECK_EQ(tally_list_size(box->object, &size), 0);
	if (!CHECK_EQ(size, box->edges + 1)) return false;
	for (int i = 0; i < box->edges; i++) {
		tally_object *item = must(tally_list_get(box->object, i + 1));
		tally_decref(item);
		if (!CHECK_PTR(item, world.box[box->edge[i].to].object)) return false;
	}
	return true;
}

static bool node_agrees(const struct box *box)
{
	struct node *node = node_of(box->object);
	for (int i = 0; i < box->edges; i++)
		if (!CHECK_PTR(node->link[box->edge[i].key], world.box[box->edge[i].to].object)) return false;
	return true;
}

static bool contents_agree(const struct box *box)
{
	size_t size = 0;
	if (box->kind == LIST) return list_agrees(box);
	if (box->kind == NODE) return node_agrees(box);
	CHECK_EQ(tally_len(box->object, &size), 0);
	return CHECK_EQ(size, box->edges + (box->kind == TUPLE ? 2 : 1));
}

static bool all_agree(void)
{
	if (!CHECK_EQ(tracked_objects(), world.alive + 1)) return false; // and the anchor
	for (int id = 0; id < world.boxes; id++)
		if (!agrees(id)) return false;
	for (int i = 0; i < 20; i++) {
		int id = pick();
		if (id >= 0 && !contents_agree(&world.box[id])) return false;
	}
	return true;
}

static bool collect_and_compare(int generation)
{
	return CHECK_EQ(tally_gc_collect(generation), model_collect(generation)) && all_agree();
}

// The n-th allocation of the collection fails, if there is one: then nothing has changed. Or, if that was when finalizers had
// run already, some garbage may be left to counts and to the next collection, but none of the living is gone.
static bool collect_failing_and_compare(int generation, unsigned n)
{
	bool may_fail = tally_heap_fail(n, false) == 0;
	int64_t found = tally_gc_collect(generation);
	bool failed = may_fail && tally_heap_attempts() >= n;
	if (may_fail) tally_heap_fail(0, false);
	tally_error_clear();
	if (found < 0) return CHECK(failed) && all_agree();
	int64_t expected = model_collect(generation);
	if (!failed) return CHECK_EQ(found, expected) && all_agree();
	CHECK(tally_gc_collect(2) >= 0);
	model_collect(2);
	return all_agree();
}

// ---- a world ----

static bool step(int wanted)
{
	unsigned what = roll(100);
	if (what < 25 && world.alive < wanted) return new_box() >= 0;
	if (what < 60) link_two();
	else if (what < 70) unlink_one();
	else if (what < 71) clear_one();
	else if (what < 76) hold_one();
	else if (what < 98) drop_one();
	else if (what < 99) return collect_and_compare((int)roll(3));
	else if (roll(4)) return collect_and_compare((int)roll(2));
	else return collect_failing_and_compare((int)roll(3), 1 + roll(4));
	return CHECK_EQ(world.deaths, world.boxes - world.alive);
}

static bool is_well;

static void steps(void *wanted, unsigned number)
{
	(void)number;
	for (int i = 0; i < 200 + 3 * *(int *)wanted && is_well; i++) is_well = step(*(int *)wanted);
}

static void end_world(void)
{
	for (int i = 0; i < 3; i++) {
		while (world.roots) drop_one();
		is_well = is_well && collect_and_compare(2);
	}
	CHECK_EQ(world.alive, 0);
	for (int id = 0; id < world.boxes; id++) free(world.box[id].edge);
}

// Part of the steps run on threads of their own, so that objects have owners that are elsewhere, or gone.
static void run_world(int wanted, bool with_threads)
{
	world.boxes = world.alive = world.roots = world.deaths = world.next_key = doomed.count = 0;
	memset(world.died, 0, sizeof world.died);
	memset(world.finalized, 0, sizeof world.finalized);
	is_well = true;
	world.anchor = must(tally_list_new());
	for (int part = 0; part < 5 && is_well; part++) {
		if (with_threads && roll(2)) run_threads(1, steps, &wanted);
		else steps(&wanted, 0);
		tally_safepoint();
	}
	end_world();
	tally_decref(world.anchor);
}

static atomic_bool is_done;

static void *stand_by(void *unused)
{
	tally_token token = attached();
	(void)unused;
	while (!atomic_load(&is_done)) {
		tally_safepoint();
		sched_yield();
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void run_worlds(int wanted, bool with_threads, int count)
{
	world.random = fixture_seed((unsigned)wanted + with_threads);
	world.node_type = box_type(false);
	world.finalized_type = box_type(true);
	world.tag_type = tag_type();
	is_well = true;
	for (int i = 0; i < count && is_well; i++) run_world(wanted, with_threads);
}

static void small_graphs_are_collected_as_the_model_says(void) { run_worlds(20, false, tap_scale(200)); }
static void middling_graphs_are_collected_as_the_model_says(void) { run_worlds(150, false, tap_scale(100)); }
static void large_graphs_are_collected_as_the_model_says(void) { run_worlds(1500, false, tap_scale(20)); }
static void graphs_that_several_threads_made_are_collected_as_the_model_says(void) { run_worlds(200, true, tap_scale(60)); }

// Threads that come to points and nothing else may be asked to help with a collection that is large for the build.
static void graphs_are_collected_as_the_model_says_while_threads_stand_by(void)
{
	pthread_t threads[2];
	atomic_store(&is_done, false);
	for (int i = 0; i < 2; i++) threads[i] = spawn(stand_by, NULL);
	run_worlds(300, false, tap_scale(10));
	run_worlds(1500, false, tap_scale(4));
	atomic_store(&is_done, true);
	for (int i = 0; i < 2; i++) finish(threads[i]);
}

// ---- threads at the same time ----

enum { THREADS = 4, SHARED = 8, ANCHORS = 16 };

static struct {
	tally_object *list, *dict; // of containers that all change
	atomic_llong made, died;
	tally_object *node_type;
} common;

struct worker {
	uint64_t random;
	tally_object *anchor[ANCHORS]; // rings that only this thread knows
	int size[ANCHORS];
};

static void common_dies(void *payload, void *context)
{
	(void)context;
	atomic_fetch_add(&common.died, 1);
	node_unlink(payload);
}

static tally_object *common_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "common",
		.payload_size = sizeof(struct node),
		.dealloc = common_dies,
		.traverse = node_is_traversed,
		.clear = box_clears,
		.context = node_seen,
	};
	return must(tally_host_type_new(&description));
}

static tally_object *common_node(int id)
{
	atomic_fetch_add(&common.made, 1);
	return node_new(common.node_type, id);
}

// A ring of nodes with lists between them: list, node, list, node ... Numbered, so that a death shows.
static tally_object *ring_with_numbers(int size)
{
	tally_object *first = must(tally_list_new()), *last = first;
	for (int i = 0; i < size; i++) {
		tally_object *node = common_node(i), *next = i == size - 1 ? tally_incref(first) : must(tally_list_new());
		node_link(node, 1, next);
		push_own(last, node);
		tally_decref(next);
		last = next;
	}
	return first;
}

static void check_ring(tally_object *first, int size)
{
	tally_object *list = first;
	for (int i = 0; i < size; i++) {
		tally_object *node = tally_list_get(list, 0);
		if (!CHECK(node)) return;
		CHECK_EQ(node_of(node)->id, i);
		list = node_of(node)->link[1];
		tally_decref(node);
	}
	CHECK_PTR(list, first);
}

static void renew_anchor(struct worker *worker)
{
	unsigned i = below(&worker->random, ANCHORS);
	if (worker->anchor[i]) check_ring(worker->anchor[i], worker->size[i]);
	tally_decref(worker->anchor[i]);
	worker->size[i] = 1 + (int)below(&worker->random, 12);
	worker->anchor[i] = ring_with_numbers(worker->size[i]);
}

static tally_object *shared_container(struct worker *worker)
{
	return must(tally_list_get(common.list, below(&worker->random, SHARED)));
}

// Something new that refers to a shared container, into which it goes.
static void weave(struct worker *worker)
{
	tally_object *container = shared_container(worker), *other = shared_container(worker), *new_one;
	switch (below(&worker->random, 4)) {
	case 0: new_one = must(tally_tuple_new((tally_object *[]){other, container}, 2)); break;
	case 1: new_one = ring_with_numbers(2); break;
	case 2: new_one = common_node(0), node_link(new_one, 0, other); break;
	default: new_one = must(tally_list_from(&other, 1)); break;
	}
	push_own(container, new_one);
	tally_decref(container);
	tally_decref(other);
}

static void unravel(struct worker *worker)
{
	tally_object *container = shared_container(worker);
	if (below(&worker->random, 4) == 0) tally_list_clear(container);
	else tally_decref(tally_list_pop(container, -1));
	tally_error_clear(); // it may be empty
	tally_decref(container);
}

// Puts a new container in the place of a shared one.
static void replace_shared(struct worker *worker)
{
	tally_object *container = must(tally_list_new());
	push(container, common.list);
	CHECK_EQ(tally_list_set(common.list, below(&worker->random, SHARED), container), 0);
	tally_decref(container);
}

static void share_in_dict(struct worker *worker)
{
	tally_object *key = counted(below(&worker->random, 20)), *container = shared_container(worker);
	if (below(&worker->random, 3)) put(common.dict, key, container);
	else CHECK(tally_dict_pop(common.dict, key, NULL) >= 0);
	tally_decref(container);
	tally_decref(key);
}

static void hand_anchor_over(struct worker *worker)
{
	unsigned i = below(&worker->random, ANCHORS);
	tally_object *container = shared_container(worker);
	if (worker->anchor[i]) push(container, worker->anchor[i]);
	tally_decref(container);
}

static void work(void *unused, unsigned number)
{
	struct worker worker = {.random = fixture_seed(number + 100)};
	const int rounds = tap_scale(20000);
	(void)unused;
	for (int i = 0; i < rounds; i++) {
		switch (below(&worker.random, 16)) {
		case 0: case 1: case 2: renew_anchor(&worker); break;
		case 3: case 4: case 5: case 6: weave(&worker); break;
		case 7: case 8: case 9: unravel(&worker); break;
		case 10: replace_shared(&worker); break;
		case 11: case 12: share_in_dict(&worker); break;
		case 13: hand_anchor_over(&worker); break;
		case 14: drop_lists_in_themselves(5); break;
		default: if (below(&worker.random, 20) == 0) CHECK(tally_gc_collect((int)below(&worker.random, 3)) >= 0);
		}
	}
	for (int i = 0; i < ANCHORS; i++) {
		if (worker.anchor[i]) check_ring(worker.anchor[i], worker.size[i]);
		tally_decref(worker.anchor[i]);
	}
}

static void threads_that_change_shared_containers_while_much_is_collected_leave_nothing(void)
{
	common.node_type = common_type();
	common.list = must(tally_list_new());
	common.dict = must(tally_dict_new());
	atomic_store(&common.made, 0);
	atomic_store(&common.died, 0);
	for (int i = 0; i < SHARED; i++) push_own(common.list, must(tally_list_new()));
	set_thresholds(40, 3, 3);
	tally_gc_enable();
	run_threads(THREADS, work, NULL);
	tap_note("%llu collections; %lld nodes", (unsigned long long)collections(), (long long)atomic_load(&common.made));
	CHECK(stats_of(0).collections > 0);
	tally_gc_disable();
	tally_decref(common.list);
	tally_decref(common.dict);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(atomic_load(&common.died), atomic_load(&common.made));
	CHECK_EQ(tracked_objects(), 0);
}

int main(void)
{
	nodes_begin(240);
	tap_seed();
	TAP_RUN(small_graphs_are_collected_as_the_model_says);
	TAP_RUN(middling_graphs_are_collected_as_the_model_says);
	TAP_RUN(large_graphs_are_collected_as_the_model_says);
	TAP_RUN(graphs_that_several_threads_made_are_collected_as_the_model_says);
	TAP_RUN(graphs_are_collected_as_the_model_says_while_threads_stand_by);
	TAP_RUN(threads_that_change_shared_containers_while_much_is_collected_leave_nothing);
	return tap_end();
}
