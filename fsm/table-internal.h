/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FSM_TABLE_INTERNAL_H
#define FSM_TABLE_INTERNAL_H

/*
 * How a row of a .def file becomes a table cell. A cell is 16 bytes; both
 * tables together are read-only data of some 10 kB.
 */
#include "fsm/fsm.h"

#define A(action) FSM_ACTION_BIT(FSM_ACT_##action)

#define FSM_CELL(kind_, next_, actions_)                                       \
	{                                                                      \
		.kind = FSM_##kind_, .next = (uint8_t)(next_),                 \
		.actions = (actions_)                                          \
	}

#endif
