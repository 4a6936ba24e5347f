// core/arena.c: arenas of 64 MiB, and the runs of pages that heaps take from them.
//
// First fit over a bitmap of each arena's pages. This is the slow path of a slow path (a heap comes here once in some
// thousand allocations), so one latch guards it all. A request too large for an arena gets one of its own, a multiple
// of 64 MiB, whose first descriptor stands for the whole run.
//
// I1  page_bytes is the sum of the sizes of the runs in use, and exceeds the limit at most because the limit was lowered.
// I2  The bits of a run that is not in use are all zero in `queued`, and its summary is 0.
// I3  An arena's head holds no pages; the mapping is zeroed memory, so fresh blocks carry dead count words.
#include "arena.h"
#include "page.h"
#include "poison.h"
#include "thread.h"
#include "young.h"

#include <string.h>
#include <sys/mman.h>

enum { HEAD_PAGES = (sizeof(struct tally_arena) + TALLY_PAGE_SIZE - 1) / TALLY_PAGE_SIZE };

static struct {
	struct tally_latch latch;
	struct tally_arena *arenas; // newest last, so that old ones fill up first
	_Atomic uint64_t page_bytes; // relaxed: read without the latch by the collector's trigger
	size_t arena_bytes, limit;
	tally_config config;
} pool = {.latch = TALLY_LATCH_INIT};

// ---- address space ----

static void *map_arena(size_t size)
{
	if (pool.config.arena_alloc) return pool.config.arena_alloc(size, TALLY_ARENA_SIZE, pool.config.context);
	size_t span = size + TALLY_ARENA_SIZE; // some of it is at the alignment
	char *start = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED) return NULL;
	char *arena = (char *)(((uintptr_t)start + TALLY_ARENA_SIZE - 1) & ~(TALLY_ARENA_SIZE - 1));
	if (arena > start) munmap(start, (size_t)(arena - start));
	if (arena + size < start + span) munmap(arena + size, (size_t)(start + span - arena - size));
	return arena;
}

static void unmap_arena(struct tally_arena *arena)
{
	size_t size = arena->size;
	if (pool.config.arena_free) pool.config.arena_free(arena, size, pool.config.context);
	else munmap(arena, size);
}

static struct tally_arena *add_arena(size_t size)
{
	struct tally_arena *arena = map_arena(size);
	if (!arena) return NULL;
	arena->size = size;
	arena->first = HEAD_PAGES;
	arena->pages = TALLY_ARENA_PAGES - HEAD_PAGES;
	for (unsigned i = 0; i < HEAD_PAGES; i++) arena->taken[i / 64] |= (uint64_t)1 << i % 64;
	struct tally_arena **tail = &pool.arenas;
	while (*tail) tail = &(*tail)->next;
	*tail = arena;
	pool.arena_bytes += size;
	return arena;
}

static void drop_arena(struct tally_arena **link)
{
	struct tally_arena *arena = *link;
	*link = arena->next;
	pool.arena_bytes -= arena->size;
	tally_show(arena, arena->size);
	unmap_arena(arena);
}

// ---- runs ----

static bool is_taken(const struct tally_arena *arena, unsigned page) { return arena->taken[page / 64] >> page % 64 & 1; }

static void mark_run(struct tally_arena *arena, unsigned first, unsigned count, bool taken)
{
	for (unsigned i = first; i < first + count; i++) {
		uint64_t bit = (uint64_t)1 << i % 64;
		if (taken) arena->taken[i / 64] |= bit, arena->touched[i / 64] |= bit;
		else arena->taken[i / 64] &= ~bit;
	}
}

// The first page of a free run, or 0, which is never one.
static unsigned find_run(const struct tally_arena *arena, unsigned count)
{
	if (arena->pages - arena->in_use < count) return 0;
	unsigned length = 0;
	for (unsigned i = arena->first; i < TALLY_ARENA_PAGES; i++) {
		if (arena->taken[i / 64] == UINT64_MAX) {
			i |= 63;
			length = 0;
		} else if (is_taken(arena, i)) {
			length = 0;
		} else if (++length == count) {
			return i + 1 - count;
		}
	}
	return 0;
}

static struct tally_page *take_run(struct tally_arena *arena, unsigned first, size_t count)
{
	struct tally_page *page = &arena->page[first];
	memset(page, 0, sizeof *page);
	page->is_used = arena->touched[first / 64] >> first % 64 & 1; // by an earlier run
	page->base = (char *)arena + ((size_t)first << TALLY_PAGE_SHIFT);
	page->run = (uint32_t)count;
	tally_fetch_add(&pool.page_bytes, count << TALLY_PAGE_SHIFT, relaxed);
	return page;
}

static struct tally_page *take_own_arena(size_t count)
{
	size_t bytes = (HEAD_PAGES + count) << TALLY_PAGE_SHIFT;
	struct tally_arena *arena = add_arena((bytes + TALLY_ARENA_SIZE - 1) & ~(TALLY_ARENA_SIZE - 1));
	if (!arena) return NULL;
	struct tally_page *page = take_run(arena, arena->first, count);
	arena->in_use = arena->pages;
	mark_run(arena, arena->first, arena->pages, true);
	return page;
}

static struct tally_page *take_pages(size_t count)
{
	if (count > TALLY_ARENA_PAGES - HEAD_PAGES) return take_own_arena(count);
	struct tally_arena *arena = pool.arenas;
	unsigned first = 0;
	while (arena && !(first = find_run(arena, (unsigned)count))) arena = arena->next;
	if (!arena) {
		arena = add_arena(TALLY_ARENA_SIZE);
		if (!arena) return NULL;
		first = arena->first;
	}
	struct tally_page *page = take_run(arena, first, count);
	arena->in_use += (uint32_t)count;
	mark_run(arena, first, (unsigned)count, true);
	return page;
}

static struct tally_page *take_within_limit(size_t count)
{
	tally_latch_take(&pool.latch);
	uint64_t used = tally_load(&pool.page_bytes, relaxed);
	bool fits = !pool.limit || (count << TALLY_PAGE_SHIFT) <= pool.limit - (used < pool.limit ? used : pool.limit);
	struct tally_page *page = fits ? take_pages(count) : NULL;
	tally_latch_drop(&pool.latch);
	return page;
}

struct tally_page *tally_pages_take(size_t bytes)
{
	if (bytes > (size_t)1 << 46) return NULL; // nobody has that; and the arithmetic below stays exact
	size_t count = (bytes + TALLY_PAGE_SIZE - 1) >> TALLY_PAGE_SHIFT;
	struct tally_page *page = take_within_limit(count);
	if (!page) tally_self.pending |= TALLY_PENDING_RELIEF;
	else tally_young_paged();
	return page;
}

bool tally_pages_ask(size_t bytes) { return pool.config.on_memory && pool.config.on_memory(bytes, pool.config.context); }

// A page that is not in use is of no age.
static void unlist(struct tally_arena *arena, unsigned page)
{
	uint64_t bit = (uint64_t)1 << page % 64;
	tally_fetch_and(&arena->has_young[page / 64], ~bit, relaxed);
	arena->has_middle[page / 64] &= ~bit;
}

void tally_pages_give(struct tally_page *page)
{
	TALLY_ASSERT(tally_load(&page->summary, relaxed) == 0);
	struct tally_arena *arena = tally_arena_of(page);
	tally_show(page->base, (size_t)page->run << TALLY_PAGE_SHIFT);
	tally_latch_take(&pool.latch);
	tally_fetch_sub(&pool.page_bytes, (size_t)page->run << TALLY_PAGE_SHIFT, relaxed);
	page->state = TALLY_PAGE_UNUSED;
	unlist(arena, (unsigned)(page - arena->page));
	if (arena->size == TALLY_ARENA_SIZE) {
		arena->in_use -= page->run;
		mark_run(arena, (unsigned)(page - arena->page), page->run, false);
	} else {
		struct tally_arena **link = &pool.arenas;
		while (*link != arena) link = &(*link)->next;
		drop_arena(link);
	}
	tally_latch_drop(&pool.latch);
}

// ---- the rest ----

static bool is_dirty(const struct tally_arena *arena, unsigned page)
{
	uint64_t dirty = arena->touched[page / 64] & ~arena->taken[page / 64];
	return dirty >> page % 64 & 1;
}

static size_t trim_arena(struct tally_arena *arena)
{
	if (pool.config.arena_alloc) return 0; // not ours to advise on
	size_t released = 0;
	for (unsigned i = arena->first; i < TALLY_ARENA_PAGES; i++) {
		unsigned end = i;
		for (; end < TALLY_ARENA_PAGES && is_dirty(arena, end); end++) arena->touched[end / 64] &= ~((uint64_t)1 << end % 64);
		size_t bytes = (size_t)(end - i) << TALLY_PAGE_SHIFT;
		if (bytes && !madvise((char *)arena + ((size_t)i << TALLY_PAGE_SHIFT), bytes, MADV_DONTNEED)) released += bytes;
		if (end > i) i = end - 1;
	}
	return released;
}

size_t tally_pages_trim(void)
{
	size_t released = 0;
	tally_latch_take(&pool.latch);
	for (struct tally_arena **link = &pool.arenas; *link;)
		if ((*link)->in_use == 0) {
			released += (*link)->size;
			drop_arena(link);
		} else {
			released += trim_arena(*link);
			link = &(*link)->next;
		}
	tally_latch_drop(&pool.latch);
	return released;
}

uint64_t tally_pages_bytes(void) { return tally_load(&pool.page_bytes, relaxed); }

void tally_pages_stats(uint64_t *page_bytes, uint64_t *arena_bytes, uint64_t *arenas)
{
	tally_latch_take(&pool.latch);
	*page_bytes = tally_load(&pool.page_bytes, relaxed);
	*arena_bytes = pool.arena_bytes;
	*arenas = 0;
	for (struct tally_arena *arena = pool.arenas; arena; arena = arena->next) ++*arenas;
	tally_latch_drop(&pool.latch);
}

int tally_pages_each(int (*visit)(struct tally_page *page, void *context), void *context)
{
	for (struct tally_arena *arena = pool.arenas; arena; arena = arena->next)
		for (unsigned i = arena->first; i < TALLY_ARENA_PAGES;) {
			struct tally_page *page = &arena->page[i];
			if (!is_taken(arena, i)) {
				i++;
				continue;
			}
			int result = visit(page, context);
			if (result) return result;
			i += page->run < TALLY_ARENA_PAGES ? page->run : TALLY_ARENA_PAGES;
		}
	return 0;
}

int tally_pages_each_young(bool middle, int (*visit)(struct tally_page *page, void *context), void *context)
{
	for (struct tally_arena *arena = pool.arenas; arena; arena = arena->next)
		for (unsigned word = 0; word < TALLY_ARENA_PAGES / 64; word++) {
			uint64_t listed = tally_load(&arena->has_young[word], relaxed) | (middle ? arena->has_middle[word] : 0);
			for (; listed; listed &= listed - 1) {
				int result = visit(&arena->page[word * 64 + (unsigned)__builtin_ctzll(listed)], context);
				if (result) return result;
			}
		}
	return 0;
}

void tally_pages_forget_young(bool middle)
{
	for (struct tally_arena *arena = pool.arenas; arena; arena = arena->next)
		for (unsigned word = 0; word < TALLY_ARENA_PAGES / 64; word++) {
			tally_store(&arena->has_young[word], 0, relaxed);
			if (middle) arena->has_middle[word] = 0;
		}
}

size_t tally_pages_limit(void)
{
	tally_latch_take(&pool.latch);
	size_t limit = pool.limit;
	tally_latch_drop(&pool.latch);
	return limit;
}

bool tally_pages_limit_set(size_t bytes)
{
	tally_latch_take(&pool.latch);
	bool running = pool.config.size != 0;
	if (running) pool.limit = bytes;
	tally_latch_drop(&pool.latch);
	return running;
}

void tally_arenas_init(const tally_config *config)
{
	tally_latch_take(&pool.latch);
	pool.config = *config;
	pool.limit = config->memory_limit;
	tally_latch_drop(&pool.latch);
}

void tally_arenas_fini(void)
{
	tally_latch_take(&pool.latch);
	while (pool.arenas) drop_arena(&pool.arenas);
	tally_store(&pool.page_bytes, 0, relaxed);
	pool.config.size = 0;
	tally_latch_drop(&pool.latch);
}
