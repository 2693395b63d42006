/* Who answers whom. Calls, agents and needs are slots of three tables, numbered from 0.
 *
 * A need is a set of skills, each with the worst level that will do; an agent knows skills, each at
 * a level, 1 being the best. A call waits in one or several places, each by one need and with a
 * target; its deadline there is `since_ms + target_ms`, and the earliest deadline is served first,
 * so that nobody is starved. Every order is by keys that never change: a call that was offered in
 * vain has its old rank, and so has a ticket whose caller hung up and is to be called back.
 *
 * A call or an agent that comes, and the time, are answered at once: RC_OK says that two meet, who
 * then stand in rc_acd_taken, RC_NONE that nobody can be helped now. What a need or a skill newly
 * allows is answered with the next of them. Who meet are the call with the earliest deadline that
 * somebody free can help; among equals the longest waiting, then the lowest slot, then the lowest
 * need. And of the free agents who can help: who knows the needed skills best (by the one known
 * least), then who has the fewest other skills, so that the rare ones stay free, then the longest
 * idle, then the lowest slot. The agent is busy from then on; the call keeps its places and rank
 * but is offered to nobody else until it returns or leaves.
 *
 * The clock is told, never read: what becomes due does so by rc_acd_time_is. All times are
 * milliseconds of one clock that does not jump, and lie within ±2^61. */

enum {
	RC_ACD_SKILLS = 64,    /* numbered from 0 */
	RC_ACD_LEVELS = 9,     /* numbered from 1, the best */
	RC_ACD_PLACES = 4,     /* that one call may wait in */
	RC_ACD_MOST = 1 << 20, /* slots in any table */
};

struct rc_acd;

/* `need` is the one by which the call was put in that place, however it has relaxed since. */
struct rc_match {
	uint32_t call;
	uint32_t agent;
	uint32_t need;
};

/* Bytes for tables of these sizes, to be brought to rc_acd_init aligned to 8; 0 when a table would
 * be empty or beyond RC_ACD_MOST. They hold pointers into themselves: not to be moved or copied.
 * The clock stands at 0. */
size_t rc_acd_size(uint32_t agents, uint32_t calls, uint32_t needs);
struct rc_acd *rc_acd_init(void *memory, uint32_t agents, uint32_t calls, uint32_t needs);

/* What a need asks for: for each skill 0, or the worst level that will do. Who has waited for
 * `after_ms` needs `then` instead, a need of a higher slot said before; `then == need` asks for the
 * same for ever. All zeros unsay a need. It puts every free agent in order anew, so it is better
 * said before they are free. RC_FULL while a call waits by it, or when it is to be unsaid and
 * another need leads to it; RC_BAD for a slot outside the table, a level beyond RC_ACD_LEVELS, or a
 * time or `then` that may not be. */
enum rc_status rc_acd_need_is(
	struct rc_acd *acd, uint32_t need, const uint8_t *levels, int64_t after_ms, uint32_t then);

/* What an agent can do: for each skill its level, or 0. At any time. RC_BAD as above. */
enum rc_status rc_acd_agent_knows(struct rc_acd *acd, uint32_t agent, const uint8_t *levels);

/* The agent has been idle since then, and may be offered calls from `from_ms` on, when its wrap-up
 * or its rest is over (again, by these times). Answered. RC_BAD for a slot outside the table or a
 * bad time. */
enum rc_status rc_acd_agent_free(
	struct rc_acd *acd, uint32_t agent, int64_t since_ms, int64_t from_ms);

/* The agent is offered nothing: it talks, has paused, is away, or its phone is. RC_BAD for a slot
 * outside the table. */
enum rc_status rc_acd_agent_busy(struct rc_acd *acd, uint32_t agent);

/* The call waits by this need (again, by these times, if it did): further places are said one by
 * one, the earliest deadline first. Answered. RC_FULL when it has RC_ACD_PLACES others; RC_BAD for
 * a slot outside its table, a need that asks for nothing, a negative target or a bad time. */
enum rc_status rc_acd_call_waits(
	struct rc_acd *acd, uint32_t call, uint32_t need, int64_t since_ms, int64_t target_ms);

/* The call is offered to nobody until it returns, in whatever places it stands or is going to.
 * RC_BAD for a slot outside the table. */
enum rc_status rc_acd_call_held(struct rc_acd *acd, uint32_t call);

/* The offer came to nothing, or it was held: the call can be taken, by its rank in every place.
 * Answered. RC_BAD for a slot outside the table. */
enum rc_status rc_acd_call_returns(struct rc_acd *acd, uint32_t call);

/* The call is in no place any more. RC_BAD for a slot outside the table. */
enum rc_status rc_acd_call_leaves(struct rc_acd *acd, uint32_t call);

/* The clock: agents whose time has come are free, calls that have waited long enough need less. An
 * earlier time than was told before changes nothing. Answered; as several may meet by one time, it
 * is told until nobody does. RC_BAD for a bad time. */
enum rc_status rc_acd_time_is(struct rc_acd *acd, int64_t now_ms);

/* When rc_acd_time_is will change something next; RC_NONE: never, as things stand. */
enum rc_status rc_acd_next_deadline(const struct rc_acd *acd, int64_t *at_ms);

/* Where the last who met stand, as long as the table does. */
const struct rc_match *rc_acd_taken(const struct rc_acd *acd);

/* The call's place among all who came by this need, those being offered included; 1 is next. 0
 * when it does not wait there. */
uint32_t rc_acd_position(const struct rc_acd *acd, uint32_t call, uint32_t need);
