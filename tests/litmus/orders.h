// tests/litmus/orders.h: the memory orders of the counting protocol, by name. Each is what the real code has at the
// site that the comment describes; -DDEC=relaxed and the like plant a weaker one. docs/memory-order.md says which
// pairs with which; everything that has no name here is relaxed.
//
// I1  Each of these has a run in tests/litmus/run that fails when it is weakened.
#ifndef TALLY_LITMUS_ORDERS_H
#define TALLY_LITMUS_ORDERS_H

#ifndef INIT // the first `shared` of an object: every later read-modify-write extends its release sequence
#define INIT release
#endif
#ifndef DEC // a drop that is not the owner's, the step to QUEUED included
#define DEC release
#endif
#ifndef MERGE // the role's holder adds `local` to `shared`
#define MERGE release
#endif
#ifndef LAST // whoever made `shared` MERGED(0) looks at it again before it destroys
#define LAST acquire
#endif
#ifndef ZERO // the owner's only look at `shared` when its local count reaches 0
#define ZERO acquire
#endif
#ifndef TRY // try-incref
#define TRY acquire
#endif
#ifndef TRY_SATURATED // the same, where nothing is counted any more
#define TRY_SATURATED TRY
#endif
#ifndef UNIQUE // the owner asks whether nobody else can have a reference
#define UNIQUE acquire
#endif
#ifndef BIT // a drop's bit in its page
#define BIT release
#endif
#ifndef BITS_TAKE // the drainer takes a word of bits
#define BITS_TAKE acquire
#endif
#ifndef SUM_SET // the summary: a dropper announces a word of bits, a freer the remote list
#define SUM_SET acq_rel
#endif
#ifndef SUM_TAKE // the drainer takes the summary
#define SUM_TAKE acq_rel
#endif
#ifndef FREE // a block joins the remote list of its page
#define FREE release
#endif
#ifndef COLLECT // the drainer takes the remote list
#define COLLECT acquire
#endif
#ifndef PUSH // a page is linked into the slot's list
#define PUSH release
#endif
#ifndef TAKE // the role's holder takes the list
#define TAKE acquire
#endif
#ifndef CLAIM // DETACHED -> CLAIMED
#define CLAIM acquire
#endif
#ifndef RELEASE // CLAIMED -> DETACHED, or over to the stopper
#define RELEASE release
#endif
#ifndef ATTACH // DETACHED -> ATTACHED
#define ATTACH acquire
#endif
#ifndef LEAVE // ATTACHED -> DETACHED, or over to the stopper
#define LEAVE release
#endif
#ifndef STOPPING // a holder of a role has handed it to the stopper
#define STOPPING release
#endif
#ifndef STOPPED // the stopper sees that all have
#define STOPPED acquire
#endif
#ifndef OPEN // the stopper opens a job
#define OPEN release
#endif
#ifndef TICKET // a helper takes a ticket of it
#define TICKET acquire
#endif
#ifndef HAND_IN // a helper is done
#define HAND_IN release
#endif
#ifndef GATHER // the stopper adds the number of those whom it waits for
#define GATHER acquire
#endif
#ifndef GATHER_LAST // the stopper sees that all of them are done
#define GATHER_LAST acquire
#endif

#endif
