/* Who answers whom. Calls and agents are slots of two tables, numbered from 0; a skill is a bit. A
 * call waits from the moment it is said to until it is said to leave, and likewise an agent is
 * free: asking for a match changes nothing. Every order is by keys that never change, so a call put
 * back with its old `since_ms` has its old rank. */
struct rc_acd;

struct rc_match {
	uint32_t call;
	uint32_t agent;
};

/* Bytes for tables of these sizes, to be brought to rc_acd_init aligned to 8. They hold pointers
 * into themselves: not to be moved or copied. */
size_t rc_acd_size(uint32_t agents, uint32_t calls);
struct rc_acd *rc_acd_init(void *memory, uint32_t agents, uint32_t calls);

/* The call now waits (again, by these keys, if it already did). It should be answered within
 * `target_ms` of `since_ms`. RC_BAD for a slot outside the table, a negative target, or a deadline
 * that int64_t cannot hold. */
enum rc_status rc_acd_call_waits(
	struct rc_acd *acd, uint32_t call, uint64_t needs, int64_t since_ms, int64_t target_ms);

/* RC_NONE when it was not waiting; RC_BAD for a slot outside the table. */
enum rc_status rc_acd_call_leaves(struct rc_acd *acd, uint32_t call);

/* The agent is free since then (again, by these keys). RC_BAD for a slot outside the table. */
enum rc_status rc_acd_agent_free(
	struct rc_acd *acd, uint32_t agent, uint64_t skills, int64_t since_ms);

/* RC_NONE when it was not free; RC_BAD for a slot outside the table. */
enum rc_status rc_acd_agent_busy(struct rc_acd *acd, uint32_t agent);

/* The call with the earliest deadline that somebody free can help; among equals the longest
 * waiting, then the lowest slot. Of the free agents who have all it needs, the one with the fewest
 * other skills, so that the rare ones stay free; among equals the longest idle, then the lowest
 * slot. RC_NONE when no caller can be helped now. */
enum rc_status rc_acd_next(const struct rc_acd *acd, struct rc_match *out);

/* The call's place among the waiting calls that need just the same, 1 being next; 0 when it does
 * not wait. */
uint32_t rc_acd_position(const struct rc_acd *acd, uint32_t call);
