// tests/mark_shared.c: a collection's passes done by several threads: core/mark_shared.c, core/crew.h.
//
// The source is included, so that the participants of a pass can take turns in one thread, each with a third of the table: that
// shows what the rounds do whoever comes. Then real threads help, as far as the build has any that do. The objects count how
// often they are scanned.
#include "nodes.h"
#include "trial.h"
#include "turns.h"
#include "variant.h"

#include "../core/mark_shared.c"

enum { NODES = 30000, LINKS = 3, SHARES = 3 };

struct counted {
	atomic_uint scans;
	tally_object *link[LINKS];
};

static tally_object *node[NODES];
static unsigned to[NODES][LINKS];
static bool is_root[NODES], lives[NODES];
static struct tally_candidates set;

static struct counted *inside(tally_object *object) { return (struct counted *)(object + 1); }

static void visit_links(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct counted *counted = payload;
	(void)context;
	atomic_fetch_add_explicit(&counted->scans, 1, memory_order_relaxed);
	for (unsigned i = 0; i < LINKS; i++) visit(counted->link[i], visit_context);
}

static void unlink_all(void *payload, void *context)
{
	struct counted *counted = payload;
	(void)context;
	for (unsigned i = LINKS; i > 0; i--) {
		tally_object *referent = counted->link[i - 1];
		counted->link[i - 1] = NULL;
		tally_decref(referent);
	}
}

// Node i refers to itself and to the two in `to`. Those that are no roots lose the reference of this test.
static void make_nodes(void)
{
	tally_host_type description = {.size = sizeof description, .name = "counted", .payload_size = sizeof(struct counted),
	                               .traverse = visit_links, .clear = unlink_all};
	tally_object *type = must(tally_host_type_new(&description));
	for (unsigned i = 0; i < NODES; i++) node[i] = must(tally_host_new(type));
	for (unsigned i = 0; i < NODES; i++) {
		to[i][0] = i;
		for (unsigned k = 0; k < LINKS; k++) inside(node[i])->link[k] = tally_incref(node[to[i][k]]);
	}
	for (unsigned i = 0; i < NODES; i++)
		if (!is_root[i]) tally_decref(node[i]);
}

static void find_living(void)
{
	static unsigned stack[NODES];
	unsigned height = 0;
	memcpy(lives, is_root, sizeof lives);
	for (unsigned i = 0; i < NODES; i++)
		if (is_root[i]) stack[height++] = i;
	while (height) {
		unsigned i = stack[--height];
		for (unsigned k = 0; k < LINKS; k++)
			if (!lives[to[i][k]]) lives[to[i][k]] = true, stack[height++] = to[i][k];
	}
}

static void make_random(uint64_t *state, unsigned share, unsigned near)
{
	for (unsigned i = 0; i < NODES; i++) {
		for (unsigned k = 1; k < LINKS; k++) to[i][k] = near ? (i + below(state, near)) % NODES : below(state, NODES);
		is_root[i] = below(state, 1000) < share;
	}
	make_nodes();
	find_living();
}

static void drop_nodes(void)
{
	for (unsigned i = 0; i < NODES; i++)
		if (is_root[i]) tally_decref(node[i]);
	CHECK_EQ(tally_gc_collect(2), NODES);
}

// ---- a collection with as many shares as are wanted, their tables full of what is left in memory ----

static uint64_t *tables;

static void begin_any(unsigned shares)
{
	variant_world_stop();
	if (tally_candidates_of_generation(&set, 0)) tap_bail_out("no memory");
	size_t bytes = (shares - 1) * set.words * (64 + 8);
	tables = malloc(bytes + 1);
	memset(tables, 0xA5, bytes + 1);
	set.shares = shares;
	set.other_marked = tables;
	set.other_residue = (uint8_t *)(tables + (shares - 1) * set.words);
	tally_trial_subtract(&set, 0);
}

static void begin(unsigned shares)
{
	begin_any(shares);
	for (unsigned i = 0; i < NODES; i++) atomic_store(&inside(node[i])->scans, 0);
}

static void end(void)
{
	tally_candidates_release(&set);
	free(tables);
	variant_world_start();
}

static void check_tables_are_equal(void)
{
	const struct tally_crew *crew = set.crew;
	for (unsigned i = 0; i < crew->size; i++) CHECK_EQ(memcmp(crew->share[i].marked, set.marked, set.words * 8), 0);
}

static void check_marks(void)
{
	for (unsigned i = 0; i < NODES; i++) {
		if (!CHECK_EQ(tally_candidate_has(set.marked, tally_candidate_number(node[i])), lives[i])) break;
		if (!CHECK_EQ(atomic_load(&inside(node[i])->scans), lives[i])) break; // each once
	}
	for (uint64_t word = 0; word < set.words; word++)
		if (!CHECK_EQ(set.marked[word], set.scanned[word]) || !CHECK_EQ(set.queued[word], 0)) break;
}

// ---- the shares: core/crew.h ----

static void i1_the_first_share_is_the_sets_own(void)
{
	uint64_t state = fixture_seed(0);
	make_random(&state, 500, 0);
	begin(SHARES);
	struct tally_crew *crew = set.crew;
	CHECK_EQ(crew->size, SHARES);
	CHECK_PTR(crew->share[0].marked, set.marked);
	CHECK_PTR(crew->share[0].residue, set.residue);
	for (unsigned i = 1; i < SHARES; i++) {
		CHECK(crew->share[i].marked >= set.other_marked && crew->share[i].marked + set.words <= set.other_marked + 2 * set.words);
		CHECK(crew->share[i].marked != crew->share[3 - i].marked && crew->share[i].residue != crew->share[3 - i].residue);
	}
	end();
	drop_nodes();
}

// Nobody else is there to help: the tables of the others hold what was left in memory, which must not be added up.
static void i2_a_share_that_nobody_has_used_has_no_residues(void)
{
	uint64_t state = fixture_seed(1);
	make_random(&state, 500, 0);
	begin(SHARES);
	CHECK(set.crew->share[0].has_residues && !set.crew->share[1].has_residues && !set.crew->share[2].has_residues);
	for (uint32_t word = 1; word < set.words; word++)
		for (unsigned i = 0; i < 64; i++)
			if (!CHECK_EQ(tally_mark_nonzero(&set, word) >> i & 1, set.residue[word * 64 + i] != 0)) return;
	CHECK_EQ(tally_trial_mark(&set), 0);
	check_marks();
	end();
	drop_nodes();
}

static void residues_of_all_shares_are_added_up(void)
{
	uint64_t state = fixture_seed(2);
	make_random(&state, 500, 0);
	begin(SHARES);
	struct tally_crew *crew = set.crew;
	for (uint64_t i = 64; i < set.words * 64; i++) { // spreads each residue over the three tables, modulo 256
		uint8_t sum = crew->share[0].residue[i], one = (uint8_t)below(&state, 256), two = (uint8_t)below(&state, 256);
		crew->share[0].residue[i] = one, crew->share[1].residue[i] = two, crew->share[2].residue[i] = (uint8_t)(sum - one - two);
	}
	for (unsigned i = 0; i < SHARES; i++) crew->share[i].has_residues = true;
	CHECK_EQ(tally_trial_mark(&set), 0);
	check_marks();
	end();
	drop_nodes();
}

// ---- rounds, taken by hand ----

// Each of the three takes a third of the pieces, the last first.
static void in_thirds(struct tally_crew *crew, void (*pass)(void *context, unsigned index))
{
	uint64_t words = set.words;
	for (unsigned index = SHARES; index-- > 0;) {
		tally_store(&crew->cursor, words * index / SHARES, relaxed);
		set.words = words * (index + 1) / SHARES;
		pass(crew, index);
	}
	set.words = words;
}

static void mark_in_thirds(void)
{
	struct tally_crew *crew = set.crew;
	in_thirds(crew, find_roots);
	do {
		in_thirds(crew, scan);
		in_thirds(crew, unite);
	} while (crew->share[0].grey + crew->share[1].grey + crew->share[2].grey);
}

// ---- every layout ----

enum { KINDS = 7, EACH = 300 };

// Something that refers to `item` and to nothing else; `type` has slots when its kind is to have them.
static tally_object *holder_of(unsigned kind, tally_object *item, tally_object *type, tally_object *name)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "holder"};
	tally_object *holder;
	switch (kind) {
	case 0: return must(tally_tuple_new(&item, 1));
	case 1: return must(tally_list_from(&item, 1));
	case 2: holder = must(tally_dict_new()); break;
	case 3: return must(tally_cell_new(item));
	case 6: holder = must(tally_class_new(&spec)); break;
	default: holder = must(tally_instance_new(type)); break;
	}
	CHECK_EQ(kind == 2 ? tally_dict_set(holder, name, item) : tally_attr_set(holder, name, item), 0);
	return holder;
}

// So many of each that whole words are scanned at once.
static void what_every_layout_refers_to_is_marked(void)
{
	static tally_object *items[KINDS][EACH];
	const char *const slot = "item";
	tally_class_spec open = {.size = sizeof open, .name = "open"}, narrow = {.size = sizeof narrow, .name = "narrow", .slots = &slot, .slot_count = 1};
	tally_object *types[] = {must(tally_class_new(&open)), must(tally_class_new(&narrow))}, *name = text("item"), *roots = must(tally_list_new());
	for (unsigned kind = 0; kind < KINDS; kind++) {
		for (unsigned i = 0; i < EACH; i++) {
			items[kind][i] = must(tally_list_new());
			tally_object *holder = holder_of(kind, items[kind][i], types[kind == 5], name);
			CHECK_EQ(tally_list_append(roots, holder), 0);
			tally_decref(holder);
			tally_decref(items[kind][i]);
		}
	}
	begin_any(SHARES);
	mark_in_thirds();
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < EACH; i++)
			if (!CHECK(tally_candidate_has(set.marked, tally_candidate_number(items[kind][i])))) break;
	end();
	tally_decref(roots), tally_decref(types[0]), tally_decref(types[1]), tally_decref(name);
	CHECK_EQ(tally_gc_collect(2), 2 * EACH + 2); // the classes, and what those of the last kind refer to
}

static void i1_after_each_round_the_tables_are_equal(void)
{
	static const unsigned shares[] = {0, 1, 100, 1000};
	uint64_t state = fixture_seed(3);
	for (unsigned i = 0; i < 4; i++) {
		make_random(&state, shares[i], 0);
		begin(SHARES);
		struct tally_crew *crew = set.crew;
		in_thirds(crew, find_roots);
		check_tables_are_equal();
		uint64_t grey;
		do {
			in_thirds(crew, scan);
			in_thirds(crew, unite);
			check_tables_are_equal();
			grey = crew->share[0].grey + crew->share[1].grey + crew->share[2].grey;
			uint64_t left = 0;
			for (uint64_t word = 0; word < set.words; word++)
				left += (uint64_t)__builtin_popcountll(set.marked[word] & ~set.scanned[word]);
			CHECK_EQ(grey, left);
		} while (grey);
		check_marks(); // I2: each living node was scanned once
		end();
		drop_nodes();
	}
}

// Runs of one item more or less than pieces, and many more, of the same item each, than a share has room for.
static void make_runs(tally_object **run, unsigned runs)
{
	static const unsigned sizes[] = {ITEMS_AT_ONCE - 1, ITEMS_AT_ONCE, ITEMS_AT_ONCE + 1, 2 * ITEMS_AT_ONCE + 1};
	static tally_object *items[TALLY_CREW_LONG];
	unsigned from = 0;
	memset(is_root, 0, sizeof is_root);
	for (unsigned i = 0; i < NODES; i++) to[i][1] = to[i][2] = i; // nothing but a run leads to it
	make_nodes();
	memset(lives, 0, sizeof lives);
	for (unsigned i = 0; i < runs; i++) {
		bool is_whole = i < 4;
		for (unsigned k = 0; k < TALLY_CREW_LONG; k++) items[k] = node[from];
		unsigned size = is_whole ? sizes[i] : TALLY_CREW_LONG;
		tally_object **first = is_whole ? &node[from] : items;
		run[i] = i % 2 ? must(tally_list_from(first, size)) : must(tally_tuple_new(first, size));
		for (unsigned k = is_whole ? size : 1; k > 0; k--) lives[from++] = true;
	}
}

static void long_runs_are_put_off_and_marked_piece_by_piece(void)
{
	enum { RUNS = TALLY_CREW_RUNS + 6 };
	tally_object *run[RUNS];
	make_runs(run, RUNS);
	begin(SHARES);
	struct tally_crew *crew = set.crew;
	in_thirds(crew, find_roots);
	in_thirds(crew, scan);
	unsigned runs = crew->share[0].runs + crew->share[1].runs + crew->share[2].runs;
	CHECK(runs >= TALLY_CREW_RUNS && runs < RUNS); // one is too short
	CHECK_EQ(all_pieces(crew), runs - 3 + 1 + 2 + 3);
	for (uint64_t piece = 0; piece < all_pieces(crew); piece++)
		mark_numbered_piece(crew, &crew->share[piece % SHARES], piece);
	CHECK(unite_all(crew) > 0);
	check_tables_are_equal();
	CHECK_EQ(all_pieces(crew), 0);
	queue_grey(&set);
	tally_mark_drain(&set);
	check_marks();
	end();
	begin(SHARES); // one takes all of it
	crew = set.crew;
	tally_store(&crew->cursor, 0, relaxed);
	find_roots(crew, 0);
	tally_store(&crew->cursor, 0, relaxed);
	scan(crew, 0);
	CHECK_EQ(crew->share[0].runs, TALLY_CREW_RUNS);
	end();
	begin(SHARES); // the same as a whole
	CHECK_EQ(tally_trial_mark(&set), 0);
	check_marks();
	end();
	for (unsigned i = 0; i < RUNS; i++) tally_decref(run[i]);
	drop_nodes();
}

// ---- with threads that stand still ----

static stage at;

static void *stand_by(void *unused)
{
	tally_token token = attached();
	(void)unused;
	await_at_run_points(&at, 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void whoever_helps_the_same_is_marked(void)
{
	static const unsigned shares[] = {1, 3, 30, 1000, 0}, near[] = {0, 2, 50};
	uint64_t state = fixture_seed(5);
	pthread_t threads[SHARES - 1];
	unsigned helped = 0, helpers = is_gil() ? 0 : SHARES - 1; // in `gil` nobody helps
	reach(&at, 0);
	for (unsigned i = 0; i < helpers; i++) threads[i] = spawn(stand_by, NULL);
	for (int round = tap_scale(45); round > 0; round--) {
		make_random(&state, shares[round % 5], near[round % 3]);
		begin(1 + (unsigned)round % (SHARES + 1));
		CHECK_EQ(tally_trial_mark(&set), 0);
		check_marks();
		for (unsigned i = 1; i < set.crew->size; i++) helped += set.crew->share[i].has_residues;
		end();
		drop_nodes();
	}
	reach(&at, 1);
	for (unsigned i = 0; i < helpers; i++) finish(threads[i]);
	tap_note("%u times somebody helped", helped);
}

int main(void)
{
	nodes_begin(60);
	TAP_RUN(i1_the_first_share_is_the_sets_own);
	TAP_RUN(i2_a_share_that_nobody_has_used_has_no_residues);
	TAP_RUN(residues_of_all_shares_are_added_up);
	TAP_RUN(what_every_layout_refers_to_is_marked);
	TAP_RUN(i1_after_each_round_the_tables_are_equal);
	TAP_RUN(long_runs_are_put_off_and_marked_piece_by_piece);
	TAP_RUN(whoever_helps_the_same_is_marked);
	return tap_end();
}
