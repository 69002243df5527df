/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that belong to both machines.
 */
#include "fsm/fsm.h"

static const char *const action_names[FSM_ACTIONS] = {
#define ACTION(name) [FSM_ACT_##name] = #name,
#include "fsm/actions.def"
#undef ACTION
};

const char *
fsm_action_name(enum fsm_action action)
{
	return action < FSM_ACTIONS ? action_names[action] : "?";
}

const char *
fsm_kind_name(enum fsm_kind kind)
{
	switch (kind) {
	case FSM_GO:
		return "GO";
	case FSM_IGNORE:
		return "IGNORE";
	case FSM_REJECT:
		return "REJECT";
	case FSM_WAIT:
		return "WAIT";
	case FSM_BUG:
		return "BUG";
	}
	return "?";
}
