// The comparison in service: asked for now and then, since every passage changes the counts, and after each decision.

import { live } from "../shared/live_part.js";

live(document.getElementById("live"), ["referral.decided"]);
