/* actions.h - what changes a topology, by POST: Storm's paths and bodies, and the words that are said to its
 * supervisor (requests.h there).
 *
 *     activate, deactivate
 *     rebalance/SECONDS|usual   {"rebalanceOptions": {"executors": {"count": 6}}}; Storm's numWorkers means
 *                               nothing here and is left out, which "message" says
 *     rebalance-plan            the same body; nothing is done
 *     kill/SECONDS|usual        usual: the message timeout
 *     logconfig                 {"namedLoggerLevels": {"split": {"target_level": "DEBUG", "timeout": 30}}};
 *                               a component, or ROOT for all of them; timeout 0: until the run ends
 *
 * The answer comes when it is done:
 *
 *     {"topologyOperation": "kill", "topologyId": "words-3-1795300000", "status": "success"}
 *
 * with "plan" (of a rebalance: the lines of what moves) and "message" (what there is to say besides) where
 * there are any. A kill in which messages were given up was done all the same: it is a success, with
 * "givenUp": N. A client that goes away ends nothing that has begun.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ACTIONS_H
#define GALE_ACTIONS_H

#include "routes.h"

extern const struct route actions_routes[];

#endif
