// core/page.h: pages, their descriptors, and the arenas that hold both.
//
// The heap hands out blocks of one size and one layout from pages of 64 KiB. Pages come from 64 MiB arenas, aligned at
// their size; an arena's head holds the descriptors of its pages and the tables of the collector, so that everything
// about an address is found by masking it. docs/heap.md tells why the descriptors are not in the pages.
//
//   arena   head: words, descriptors, bit tables            page   page   page  ...
//   page    block block block ... (from offset 0)
//
// I1  A page belongs to one heap, that of slot `owner`; whoever holds the slot's role may touch `free`, `bump`, `used`,
//     `wake` and the list links. A page changes its heap, or goes back to its arena, in a stopped world only;
//     a large one goes back as soon as its block is free.
// I2  `used` counts the blocks that are allocated or on the remote list.
// I3  `remote` is taken only by a drain that found TALLY_SUMMARY_REMOTE in the summary that it took; whoever makes the
//     list non-empty sets that bit. So each non-empty list is announced exactly once.
// I4  A page with a summary other than 0 is on its way to, or in, the list of its owner's slot: it is not given away.
// I5  `spare` is NULL or a free block only while the page is current and none of its blocks has aged, else TALLY_SPARE_SHUT. The
//     block in it counts as used until tally_page_fold.
#ifndef TALLY_CORE_PAGE_H
#define TALLY_CORE_PAGE_H

#include "header.h"
#include "size_class.h"

enum {
	TALLY_PAGE_SHIFT = 16,
	TALLY_PAGE_SIZE = 1 << TALLY_PAGE_SHIFT,
	TALLY_ARENA_SHIFT = 26,
	TALLY_ARENA_PAGES = 1 << (TALLY_ARENA_SHIFT - TALLY_PAGE_SHIFT),
	TALLY_BIT_WORDS = 44, // 64 bits each: enough for the 2,730 blocks of 24 bytes, the smallest object
};
#define TALLY_ARENA_SIZE ((size_t)1 << TALLY_ARENA_SHIFT)
#define TALLY_SUMMARY_REMOTE ((uint64_t)1 << 63)
#define TALLY_SPARE_SHUT ((struct tally_object *)1) // no block is to be put there

// Where a page stands with its heap.
enum tally_page_state {
	TALLY_PAGE_UNUSED,    // belongs to the arena
	TALLY_PAGE_CURRENT,   // its class and layout are allocated from it
	TALLY_PAGE_FULL,      // retired; on no list
	TALLY_PAGE_AVAILABLE, // retired, with an eighth of it free again; on its heap's list for its class and layout
	TALLY_PAGE_EMPTY,     // holds nothing; on its heap's list of empty pages
	TALLY_PAGE_LARGE,     // first page of a run that holds one block
	TALLY_PAGE_RETIRED,   // the same, its block free: others may still look at the header (variant_retire_page)
};

struct tally_page {
	// what others read or write: queues of drops and of freed blocks
	char *base;
	struct tally_page *queue_next; // link in the slot's list; written by whoever made `summary` non-zero
	_Atomic uint64_t summary;      // bit i: word i of the queued bits may be non-zero; bit 63: `remote` is not empty
	_Atomic uint32_t remote;       // blocks freed by others: number in the high half, first one's offset in the low
	uint32_t reciprocal;           // ceil(2^32 / block_size): offset * reciprocal >> 32 is the block's index; 0: large
	size_t block_size;
	uint32_t run;   // pages in this run: 1 unless large
	uint16_t slots; // blocks that fit
	uint8_t layout; // enum tally_layout
	uint8_t class;  // size class; meaningless when large
	struct tally_page *next, *previous; // the owner's lists
	// what the owner's allocations and frees touch
	struct tally_object *spare; // the object's block that became free last, the first to be allocated; NULL: none
	struct tally_object *free;  // linked through `next`
	char *bump, *end;          // blocks never handed out since the page was last empty
	int32_t used;
	int32_t wake; // a free that leaves `used` at or below this changes the page's state
	uint16_t owner; // tag of the slot
	uint8_t state;  // enum tally_page_state
	bool is_used;   // has held blocks before: its memory is not all zero
	bool has_aged;  // some block may have a bit in `old` or `middle`: a free clears it
	// core/young.c; pages of tracked layouts
	int32_t counted; // how many of `used` the trigger has been told
	int32_t watch;   // an allocation that finds `used` there tells the trigger first; INT32_MAX: none does
	uint64_t stamp;  // variant_stamp, when nothing was left in it
};
static_assert(sizeof(struct tally_page) == 128, "a descriptor is two cache lines");
static_assert(offsetof(struct tally_page, spare) == 64, "the owner's fields have a line of their own");

struct tally_arena {
	uint64_t word[TALLY_ARENA_PAGES]; // collector: reciprocal | first index << 32; 0: not in this collection
	struct tally_page page[TALLY_ARENA_PAGES];
	_Atomic uint64_t queued[TALLY_ARENA_PAGES][TALLY_BIT_WORDS]; // drops queued for the owner (biased/page_queue.c)
	// ages of blocks, neither: young; both: frozen (core/freeze.h). Whoever holds the role of the page's slot clears, the collector sets
	uint64_t old[TALLY_ARENA_PAGES][TALLY_BIT_WORDS];
	uint64_t middle[TALLY_ARENA_PAGES][TALLY_BIT_WORDS];
	_Atomic uint64_t has_young[TALLY_ARENA_PAGES / 64]; // bit a page: has been allocated from since the last collection
	uint64_t has_middle[TALLY_ARENA_PAGES / 64];        // holds middle-aged blocks; guarded by the arena latch
	// bookkeeping of core/arena.c, guarded by its latch
	struct tally_arena *next;
	size_t size;
	uint32_t first, pages, in_use; // pages outside the head; in use
	uint64_t taken[TALLY_ARENA_PAGES / 64], touched[TALLY_ARENA_PAGES / 64]; // in use; may hold memory of the system
};

static inline struct tally_arena *tally_arena_of(const void *address)
{
	return (struct tally_arena *)((uintptr_t)address & ~(TALLY_ARENA_SIZE - 1));
}

static inline unsigned tally_page_number(const void *address)
{
	return (unsigned)(((uintptr_t)address & (TALLY_ARENA_SIZE - 1)) >> TALLY_PAGE_SHIFT);
}

// The descriptor of the page that holds `block` (for a large block: its first byte's page). The same as
// &page[tally_page_number(block)], in two steps less: the address is divided at once by how much memory a byte of a descriptor
// stands for.
static inline struct tally_page *tally_page_of(const void *block)
{
	const size_t size = sizeof(struct tally_page), offsets = (TALLY_ARENA_PAGES - 1) * size;
	size_t offset = (uintptr_t)block / (TALLY_PAGE_SIZE / size) & offsets;
	return (struct tally_page *)(void *)((char *)tally_arena_of(block)->page + offset);
}

static inline unsigned tally_block_index(const struct tally_page *page, const void *block)
{
	return (unsigned)(((uintptr_t)block & (TALLY_PAGE_SIZE - 1)) * (uint64_t)page->reciprocal >> 32);
}

static inline void *tally_block_at(const struct tally_page *page, unsigned index)
{
	return page->base + index * page->block_size;
}

// Which of the tables of bits a page's is.
static inline unsigned tally_page_index(const struct tally_page *page) { return (unsigned)(page - tally_arena_of(page)->page); }

// The bits of the drops queued in the page that `page` describes.
static inline _Atomic uint64_t *tally_page_queued(const struct tally_page *page)
{
	return tally_arena_of(page)->queued[tally_page_index(page)];
}

// ---- core/arena.c: runs of pages. Any thread; they take the arena latch. ----

// A run of `count` pages, its descriptor's base and run set, the rest of the descriptor cleared. NULL: limit or system.
struct tally_page *tally_pages_take(size_t bytes);
// Asks the host's hook to do something about that. True: it has.
bool tally_pages_ask(size_t bytes);
void tally_pages_give(struct tally_page *page);
// Releases memory of pages not in use; returns the bytes.
size_t tally_pages_trim(void);
size_t tally_pages_limit(void); // 0: none
uint64_t tally_pages_bytes(void); // of pages in use; a glimpse
bool tally_pages_limit_set(size_t bytes); // false: the runtime is not running
void tally_pages_stats(uint64_t *page_bytes, uint64_t *arena_bytes, uint64_t *arenas);
// World stopped: calls `visit` for each run in use, in address order within an arena, until it returns non-zero.
int tally_pages_each(int (*visit)(struct tally_page *page, void *context), void *context);
// The same for runs listed in has_young, and, if `middle`, in has_middle.
int tally_pages_each_young(bool middle, int (*visit)(struct tally_page *page, void *context), void *context);
// World stopped: no page is listed in has_young any more, nor, if `middle`, in has_middle.
void tally_pages_forget_young(bool middle);

#endif
