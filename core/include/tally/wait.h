// tally/wait.h: waiting for other threads of the host without holding up the runtime.
//
// A thread may not wait, attached, for what another thread releases after a call of this library: the other one may
// have to wait, in that call, until this one comes to a point, and both wait for ever. Think of a mutex of the host:
// its holder makes a call that stops the world (or, in the `gil` build, any call), while an attached thread waits in
// pthread_mutex_lock. The calls below cannot do that. Each tries first without going away, which costs what the
// system's own try costs; if it has to wait it does so in a blocking region (tally/thread.h): nobody waits for the
// thread meanwhile, its critical sections are suspended, and what was read in them must be read again. When a call
// returns the thread is attached as it was before, and holds what it waited for.
//
// Any thread may make these calls, in any state; one that is not attached, or is in a blocking region, just waits. A
// call that need not wait is no point; one that must is a run point before it waits (tally/thread.h): destructors may
// run, so a lock that a destructor of the host takes must not be held. They leave the thread's error alone, except
// where a destructor does not.
//
// Results are those of the system's functions: 0 or an errno number, among them EDEADLK, EOWNERDEAD and the like for
// mutexes that were made to give them. What the system allows for its functions holds here: attributes, several
// processes, cancellation (the clean-up handlers of a thread that is cancelled in a wait run in its blocking region).
#ifndef TALLY_WAIT_H
#define TALLY_WAIT_H

#include <pthread.h>
#include <semaphore.h>
#include <tally/base.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

// pthread_mutex_lock.
TALLY_API int tally_mutex_lock(pthread_mutex_t *mutex);

// pthread_cond_wait and pthread_cond_timedwait (ETIMEDOUT at `until`, on the condition's clock), in a blocking region
// by all means. As ever, the mutex is held by the caller and on return, and a wait may end for no reason. It does, at
// once and with the mutex let go and taken again, when objects of this thread are to be destroyed first: that is the
// run point, and the mutex is not held there.
TALLY_API int tally_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
TALLY_API int tally_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);

// pthread_join. `result` may be NULL.
TALLY_API int tally_thread_join(pthread_t thread, void **result);

// pthread_rwlock_rdlock and pthread_rwlock_wrlock; a strictly standard C leaves this kind of lock out of <pthread.h>.
#ifdef PTHREAD_RWLOCK_INITIALIZER
TALLY_API int tally_rwlock_rdlock(pthread_rwlock_t *lock);
TALLY_API int tally_rwlock_wrlock(pthread_rwlock_t *lock);
#endif

// sem_wait, with its error as the result: 0 or an errno number (EINTR: a signal came), never -1; errno stays as it is.
TALLY_API int tally_sem_wait(sem_t *semaphore);

// Calls function(argument) in a blocking region and returns what it returns, with errno as it left it: for whatever
// else may wait or take long. The function uses no object, unless it attaches (and detaches) meanwhile.
TALLY_API void *tally_call_blocking(void *(*function)(void *argument), void *argument);

#ifdef __cplusplus
}
#endif

#endif
