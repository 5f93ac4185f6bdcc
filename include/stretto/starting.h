/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of stretto.h, which includes it: how communicators are started: from an id, in one process, over the
 * application's own all-gather or key-value store, from a launcher's environment. (From an MPI communicator:
 * stretto_mpi.h.) docs/starting.md says which way is for whom.
 *
 * Each blocks until all ranks have come and are connected, or until the set-up deadline; with
 * strettoConfig_t.blocking 0 it returns strettoInProgress with the handle, and strettoCommGetAsyncError tells when
 * set-up is done. Any thread may call.
 *
 * Parameters that mean the same everywhere, where a function says nothing else:
 *  - comm: Receives the handle, which is the caller's until strettoCommDestroy.
 *  - nranks: How many ranks the communicator has; the same on all of them.
 *  - rank: Of this member, from 0 to nranks - 1; each once.
 *  - id: From strettoGetUniqueId; the same bytes on all ranks.
 */
#ifndef STRETTO_STARTING_H
#define STRETTO_STARTING_H

#ifndef STRETTO_H
#error "include <stretto/stretto.h>, which includes this"
#endif

/** Makes an id and starts to listen for its ranks. To be called by the process of rank 0: if the process that called
 *  goes during set-up, errors name rank 0. The listener ends when all ranks have come, or shortly before the first
 *  set-up deadline of a rank that came; that of an id which nobody uses stays until the process ends. One id makes one
 *  communicator. Address: STRETTO_BOOTSTRAP_ADDRESS, else the loopback, which other hosts cannot reach.
 *  @param id receives the id, plain bytes. */
STRETTO_API strettoResult_t strettoGetUniqueId(strettoUniqueId *id);

/** Makes an id of a name, the same in every process that gives the same name: nothing has to be handed on. It holds no
 *  secret, so the kernel's word decides who is a rank: all run as one user, on one host and in one network namespace
 *  (docs/starting.md). STRETTO_SECRET_FILE, which must then be equal for all, makes the name one that nobody can guess.
 *  The same id may make one communicator after another, not two at once.
 *  @param name text of at least one character: of a job, say, or an address and port that are its own.
 *  @param id receives the id, plain bytes. */
STRETTO_API strettoResult_t strettoGetNamedId(const char *name, strettoUniqueId *id);

/** Joins, as `rank`, the communicator of `nranks` ranks that `id` names. */
STRETTO_API strettoResult_t strettoCommInitRankConfig(strettoComm_t *comm, int nranks, strettoUniqueId id, int rank,
                                                      const strettoConfig_t *config);
STRETTO_API strettoResult_t strettoCommInitRank(strettoComm_t *comm, int nranks, strettoUniqueId id, int rank);

/** strettoCommInitRankConfig for programs that made several ids, each by the process of another rank. The ranks meet at
 *  the first; listeners of the others, where this process has them, are ended.
 *  @param n_ids how many there are, from 1 to nranks.
 *  @param ids the same on all ranks and in the same order. */
STRETTO_API strettoResult_t strettoCommInitRankScalable(strettoComm_t *comm, int nranks, int rank, int n_ids,
                                                        const strettoUniqueId *ids, const strettoConfig_t *config);

/** Makes all `n` ranks of one communicator in this process, comms[i] being rank i. Each is then used by a thread of
 *  its own, or all by one that puts their calls into groups.
 *  @param comms receives `n` handles.
 *  @param n how many.
 *  @param devices device of each rank (as strettoConfig_t.device), or NULL: all host. */
STRETTO_API strettoResult_t strettoCommInitAll(strettoComm_t *comms, int n, const int *devices);

/** strettoCommInitAll with settings.
 *  @param comms receives `n` handles.
 *  @param n how many.
 *  @param devices as for strettoCommInitAll; where they are given, they stand instead of the config's `device`.
 *  @param config of all ranks; NULL for defaults. */
STRETTO_API strettoResult_t strettoCommInitAllConfig(strettoComm_t *comms, int n, const int *devices,
                                                     const strettoConfig_t *config);

/** An all-gather of the application's own.
 *  @param context what the application gave to strettoCommInitCallback.
 *  @param mine this rank's bytes.
 *  @param all receives the bytes of every rank, in rank order: n * bytes.
 *  @param bytes of each rank, the same on all.
 *  @return 0 on success. */
typedef int (*strettoAllGatherFn)(void *context, const void *mine, void *all, size_t bytes);

/** Starts a communicator over the application's own all-gather, called in this thread, during this call only, once
 *  (not at all where nranks is 1). What goes around holds the id's key: the all-gather must be trusted with it. A rank
 *  whose arguments or settings are refused tells the others by it, so every rank must call; only for `nranks` or
 *  `all_gather` themselves a rank is refused without it. A result other than 0 is strettoSystemError with the number.
 *  stretto_mpi.h has it ready-made for MPI.
 *  @param all_gather over the same ranks with the same numbers.
 *  @param context handed to `all_gather`. */
STRETTO_API strettoResult_t strettoCommInitCallback(strettoComm_t *comm, int nranks, int rank,
                                                    strettoAllGatherFn all_gather, void *context,
                                                    const strettoConfig_t *config);

/** What strettoKeyValueStore_t.get returns when the key has not appeared in time. */
#define STRETTO_STORE_TIMEOUT 1
/** A store that all ranks reach: the application's own, as two functions. Size-first; start from
 *  STRETTO_KEY_VALUE_STORE_INITIALIZER. They are called in the thread that starts the communicator, during that call
 *  only. Keys are printable text without blanks, of at most 80 characters; values are any bytes. */
typedef struct {
  size_t size;      /**< sizeof(strettoKeyValueStore_t) of the caller. */
  uint32_t version; /**< STRETTO_VERSION of the caller. */
  void *context;    /**< Handed to both functions. */
  /** Stores a value under a key. Returns 0 on success. */
  int (*put)(void *context, const char *key, const void *value, size_t bytes);
  /** Waits until the key is there, at most this long, and copies its value, which must have `bytes` bytes. Returns 0,
   *  STRETTO_STORE_TIMEOUT, or another number for a failure. */
  int (*get)(void *context, const char *key, void *value, size_t bytes, int timeout_ms);
} strettoKeyValueStore_t;

/** A strettoKeyValueStore_t without functions. */
#define STRETTO_KEY_VALUE_STORE_INITIALIZER { sizeof(strettoKeyValueStore_t), STRETTO_VERSION, NULL, NULL, NULL }

/** Starts a communicator over a key-value store: rank 0 puts one value, which holds the id's key, and the others get
 *  it. The store must be trusted with it, and is not used where nranks is 1.
 *  @param store read during the call only.
 *  @param name of this communicator in the store, equal on all ranks: 1 to 64 of A-Z a-z 0-9 . _ -. It must never have
 *  been used in this store before: what is left of an earlier one would be taken for this one's. */
STRETTO_API strettoResult_t strettoCommInitKeyValue(strettoComm_t *comm, int nranks, int rank,
                                                    const strettoKeyValueStore_t *store, const char *name,
                                                    const strettoConfig_t *config);

/** Starts a communicator of all processes that a launcher has started, from the environment that it gives them:
 *  torchrun, Open MPI, MPICH (Hydra) or Slurm, or RANK and WORLD_SIZE set by hand. On one host nothing else is needed:
 *  the kernel's word that the processes are the same user's is enough. Across hosts STRETTO_SECRET_FILE and
 *  STRETTO_BOOTSTRAP_ADDRESS must be set, since a launcher's environment is no secret. Every rank makes the same number
 *  of these calls, one at a time; one that failed counts. Blocks until the ranks of the host have met, whatever
 *  `config` says. Without a launcher: strettoInvalidUsage, field "launcher". docs/starting.md has the rules. */
STRETTO_API strettoResult_t strettoCommInitEnvironment(strettoComm_t *comm, const strettoConfig_t *config);

/** Gives variables of docs/environment.md values that count in this process where neither the environment nor the file
 *  of STRETTO_CONFIG_FILE has one, for communicators and ids made from then on. For libraries that know what their user
 *  wants by other names: setenv would race with other threads' getenv, and children would inherit it. A forked child
 *  has none of its parent's. Refused whole if an entry is (strettoInvalidArgument).
 *  @param entries "STRETTO_NAME=value" each, copied; not STRETTO_CONFIG_FILE. They replace those of an earlier call.
 *  @param n_entries how many; 0: none any more. */
STRETTO_API strettoResult_t strettoSetDefaults(const char *const *entries, size_t n_entries);

#endif /* STRETTO_STARTING_H */
