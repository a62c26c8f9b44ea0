// The comparison in service: counts come with each passage, so the page asks now and then, and when somebody decided.

import { live } from "../shared/live_part.js";

live(document.getElementById("live"), ["referral.decided"]);
